#include "endpoints/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "endpoints/fields.h"
#include "endpoints/json.h"
#include "endpoints/mirror.h"
#include "endpoints/pace.h"
#include "http/status.h"
#include "http/trailer.h"

/* ---- /sse -------------------------------------------------------------------------------- */

enum {
    EVENTS          = 10,           /* where nobody says how many, */
    EVENTS_MS       = 5000,         /* or over how long */
    EVENT_BYTES_MAX = 128,
    EVENTS_AT_ONCE  = 256,          /* a puller has room for more */
};

static int64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* event = *( field ":" SP value LF ) LF                    (HTML §9.2.5) */
static bool write_event(struct wherry_exchange *exchange, uint64_t id)
{
    char event[EVENT_BYTES_MAX];
    int  len = snprintf(event, sizeof event,
                        "id: %llu\nevent: ping\ndata: {\"id\":%llu,\"timestamp\":%lld}\n\n",
                        (unsigned long long)id, (unsigned long long)id, (long long)wall_ms());

    assert(len > 0 && len < EVENT_BYTES_MAX);
    return endpoint_write(exchange, event, (size_t)len);
}

static enum wherry_pull pull_events(struct wherry_exchange *exchange, void *data)
{
    struct paced *paced = data;
    int64_t       now_ms = clock_us() / 1000;
    uint64_t      owed = paced_owed(paced, now_ms);

    for (uint64_t left = MIN_OF(owed, EVENTS_AT_ONCE); left > 0; left--)
        if (!write_event(exchange, paced->done++))
            return WHERRY_BROKEN;
    if (paced->done == paced->pace.count || endpoint_is_stopping(exchange))
        return WHERRY_END;
    return wherry_wait(exchange, paced_wait_ms(paced, now_ms));
}

static bool read_count(struct wherry_exchange *exchange, const struct endpoints_settings *settings,
                       uint64_t *count)
{
    return endpoint_query_number(exchange, "count", count) && *count >= 1 &&
           *count <= settings->bytes_max / EVENT_BYTES_MAX;
}

static enum wherry_next sse(struct wherry_exchange *exchange, void *data)
{
    struct paced paced = {.pace = {EVENTS, EVENTS_MS}};
    int64_t      delay_ms;

    if (!endpoint_query_span(exchange, data, &paced.pace.duration_ms, &delay_ms))
        return endpoint_refuse_span(exchange);
    if (!read_count(exchange, data, &paced.pace.count))
        return wherry_refuse(exchange, HTTP_BAD_REQUEST,
                             "the count must be a whole number of at least 1, and so many events of "
                             "128 bytes no more than --endpoints-bytes");
    endpoint_forbid_storing(exchange);
    wherry_delay(exchange, delay_ms);
    return endpoint_stream(exchange, "text/event-stream", -1, pull_events, &paced, sizeof paced);
}

/* ---- /trailers --------------------------------------------------------------------------- */

enum {
    TRAILERS_MAX       = 32,
    TRAILERS_BYTES_MAX = 4096,      /* all names and values; a stream takes twice that */
};

/* Where the query has none. */
static const char example_name[] = "X-Behind-The-Body", example_value[] = "yes";

/* Somebody in front of us may make fields of the head of them (RFC 9110 §6.5.1), so what is refused there is
 * refused here. */
static bool is_trailer(struct str name, struct str value)
{
    return trailer_is_allowed(name) && !fields_problem(name, value);
}

static const char *find_problem(struct wherry_exchange *exchange)
{
    struct wherry_slice name, value;
    size_t              count = 0, bytes = 0;

    for (size_t at = 0; wherry_next_query_value(exchange, &at, &name, &value);) {
        count++;
        bytes += name.len + value.len;
        if (!is_trailer(endpoint_str(name), endpoint_str(value)))
            return "a name and its value must be a field, and one that may stand behind a body";
    }
    if (count > TRAILERS_MAX || bytes > TRAILERS_BYTES_MAX)
        return "there may be 32 trailers, of 4096 bytes together";
    return NULL;
}

/* RFC 9110 §6.6.2: whoever wants one of them knows beforehand that it will come.  False: no memory. */
static bool announce(struct wherry_exchange *exchange)
{
    struct wherry_slice name, value;
    struct buf          names = BUF_UP_TO(TRAILERS_BYTES_MAX + 2 * TRAILERS_MAX);
    bool                ok;

    for (size_t at = 0; wherry_next_query_value(exchange, &at, &name, &value);) {
        if (names.len)
            buf_append(&names, STR(", "));
        buf_append(&names, endpoint_str(name));
    }
    if (names.len == 0)
        buf_append(&names, str_view(example_name));
    wherry_add_field(exchange, "Trailer", endpoint_slice(buf_view(&names)));
    ok = !names.failed;
    buf_fini(&names);
    return ok;
}

static bool add_trailers(struct wherry_exchange *exchange)
{
    struct wherry_slice name, value;
    size_t              count = 0;

    for (size_t at = 0; wherry_next_query_value(exchange, &at, &name, &value); count++)
        if (!wherry_add_trailer(exchange, name.ptr, value))
            return false;
    return count > 0 || wherry_add_trailer(exchange, example_name, wherry_text(example_value));
}

struct text_body {
    char  *text;                    /* of jansson's */
    size_t length;
    size_t sent;
};

static void release_text(void *owner)
{
    struct text_body *body = owner;

    free(body->text);
    free(body);
}

static enum wherry_pull pull_text(struct wherry_exchange *exchange, void *data)
{
    struct text_body *body = data;
    struct wherry_slice rest = {body->text + body->sent, body->length - body->sent};
    size_t              count = wherry_write(exchange, rest);

    if (count == 0)
        return WHERRY_BROKEN;       /* no memory */
    body->sent += count;
    if (body->sent < body->length)
        return WHERRY_MORE;
    return add_trailers(exchange) ? WHERRY_END : WHERRY_BROKEN;
}

/* Without a length, so that there are chunks to put them behind (RFC 9112 §7.1.2). */
static enum wherry_next trailers(struct wherry_exchange *exchange, void *data)
{
    const char       *problem = find_problem(exchange);
    struct text_body *body;

    (void)data;
    if (problem)
        return wherry_refuse(exchange, HTTP_BAD_REQUEST, problem);
    body = calloc(1, sizeof *body);
    if (!body)
        return WHERRY_FAIL;
    wherry_on_release(exchange, release_text, body);
    body->text = json_write(json_pack("{s:o, s:o, s:o}", "headers", mirror_headers(exchange), "origin",
                                      mirror_origin(exchange), "url", mirror_url(exchange)));
    if (!body->text || !announce(exchange))
        return WHERRY_FAIL;
    body->length = strlen(body->text);
    endpoint_forbid_storing(exchange);
    wherry_add_field(exchange, "Content-Type", wherry_text("application/json"));
    wherry_set_stream(exchange, -1, pull_text, body);
    return WHERRY_ANSWER;
}

/* clang-format off */
static const struct endpoint table[] = {
    {{.pattern = "/sse", .methods = WHERRY_GET, .look = sse},
     "/sse?count=10&duration=5&delay=0",
     "After a delay, an event stream of count events over the duration."},
    {{.pattern = "/trailers", .methods = WHERRY_GET, .look = trailers},
     "/trailers?X-Sum=17", "The request as JSON, with what the query has as fields behind the body."},
};
/* clang-format on */

const struct endpoint_group event_group = ENDPOINT_GROUP("Events and trailers", table);

#include "endpoints/endpoint.h"

#include <stdlib.h>

#include "http/status.h"

/* ---- what stands in a path or a query ---------------------------------------------------- */

bool endpoint_read_bytes(const struct endpoints_settings *settings, struct wherry_slice text,
                         uint64_t *bytes)
{
    return str_to_u64(endpoint_str(text), bytes) && *bytes <= settings->bytes_max;
}

enum wherry_next endpoint_refuse_bytes(struct wherry_exchange *exchange)
{
    return wherry_refuse(exchange, HTTP_BAD_REQUEST,
                         "the number of bytes must be a whole number, as in 1024, and no more than "
                         "--endpoints-bytes");
}

/* seconds = 1*DIGIT [ "." 1*DIGIT ], of which thousandths count */
static bool read_seconds(struct str seconds, uint64_t most, int64_t *ms)
{
    struct str whole = str_of(seconds.ptr, str_find(seconds, '.'));
    struct str fraction = str_from(seconds, whole.len + 1);
    uint64_t   count, ignored;

    if (!str_to_u64(whole, &count) || count > most ||
        (whole.len < seconds.len && !str_to_u64(fraction, &ignored)))
        return false;
    *ms = (int64_t)count * 1000;
    for (size_t i = 0, weight = 100; i < fraction.len && weight > 0; i++, weight /= 10)
        *ms += (fraction.ptr[i] - '0') * (int64_t)weight;
    return true;
}

bool endpoint_read_time(const struct endpoints_settings *settings, struct wherry_slice text,
                        int64_t *ms)
{
    struct str time = endpoint_str(text);
    uint64_t   most_ms = (uint64_t)settings->time_max_ms, count;

    if (str_ends(time, STR("ms"))) {
        if (!str_to_u64(str_of(time.ptr, time.len - 2), &count) || count > most_ms)
            return false;
        *ms = (int64_t)count;
        return true;
    }
    if (str_ends(time, STR("s")))
        time.len--;
    return read_seconds(time, most_ms / 1000, ms) && *ms <= settings->time_max_ms;
}

enum wherry_next endpoint_refuse_time(struct wherry_exchange *exchange)
{
    return wherry_refuse(exchange, HTTP_BAD_REQUEST,
                         "a time must be in seconds, as in 1.5, and no longer than "
                         "--endpoints-time");
}

bool endpoint_query_number(struct wherry_exchange *exchange, const char *name, uint64_t *number)
{
    struct wherry_slice text = wherry_query_value(exchange, name);

    return !text.ptr || str_to_u64(endpoint_str(text), number);
}

static bool query_time(struct wherry_exchange *exchange, const struct endpoints_settings *settings,
                       const char *name, int64_t *ms)
{
    struct wherry_slice text = wherry_query_value(exchange, name);

    return !text.ptr || endpoint_read_time(settings, text, ms);
}

bool endpoint_query_span(struct wherry_exchange *exchange,
                         const struct endpoints_settings *settings, int64_t *duration_ms,
                         int64_t *delay_ms)
{
    *duration_ms = MIN_OF(*duration_ms, settings->time_max_ms);
    *delay_ms = 0;
    return query_time(exchange, settings, "duration", duration_ms) &&
           query_time(exchange, settings, "delay", delay_ms) &&
           *duration_ms + *delay_ms <= settings->time_max_ms;
}

enum wherry_next endpoint_refuse_span(struct wherry_exchange *exchange)
{
    return wherry_refuse(exchange, HTTP_BAD_REQUEST,
                         "the duration and the delay must be in seconds, as in 1.5, and together no "
                         "longer than --endpoints-time");
}

/* ---- whom the client asks ---------------------------------------------------------------- */

void endpoint_append_origin(struct wherry_exchange *exchange, struct buf *text)
{
    struct wherry_tls_facts facts;
    struct wherry_slice     host = wherry_host(exchange);

    if (host.len == 0)
        return;
    buf_append(text, wherry_tls(exchange, &facts) ? STR("https://") : STR("http://"));
    buf_append(text, endpoint_str(host));
}

/* ---- who asks ---------------------------------------------------------------------------- */

/* serialized-origin = scheme "://" host [ ":" port ]                           RFC 6454 §6.1
 * The scheme may be another one to us: in front of us somebody may take off TLS. */
static struct str host_of(struct str origin)
{
    if (str_starts(origin, STR("https://")))
        return str_from(origin, strlen("https://"));
    return str_starts(origin, STR("http://")) ? str_from(origin, strlen("http://")) : STR_NONE;
}

/* Browsers say the first to secure origins and localhost only (Fetch Metadata §2.3), and the second
 * wherever something may be changed (Fetch §3.1). */
bool endpoint_is_cross_origin(const struct wherry_exchange *exchange)
{
    struct wherry_slice site = wherry_field(exchange, "Sec-Fetch-Site");
    struct wherry_slice origin = wherry_field(exchange, "Origin");

    if (site.ptr)
        return !str_equal(endpoint_str(site), STR("same-origin")) &&
               !str_equal(endpoint_str(site), STR("none"));
    return origin.ptr && !str_equal_nocase(host_of(endpoint_str(origin)),
                                           endpoint_str(wherry_host(exchange)));
}

/* ---- answers ----------------------------------------------------------------------------- */

enum wherry_next endpoint_send(struct wherry_exchange *exchange, int status, const char *type,
                               struct wherry_slice bytes)
{
    wherry_set_status(exchange, status);
    wherry_add_field(exchange, "Content-Type", wherry_text(type));
    wherry_copy_body(exchange, bytes);
    return WHERRY_ANSWER;
}

enum wherry_next endpoint_redirect(struct wherry_exchange *exchange, int status,
                                   struct wherry_slice location)
{
    wherry_set_status(exchange, status);
    endpoint_forbid_storing(exchange);
    wherry_add_field(exchange, "Location", location);
    return WHERRY_ANSWER;
}

enum wherry_next endpoint_stream(struct wherry_exchange *exchange, const char *type, int64_t length,
                                 wherry_puller *pull, const void *state, size_t size)
{
    void *copy = malloc(size);

    if (!copy)
        return WHERRY_FAIL;
    memcpy(copy, state, size);
    wherry_on_release(exchange, free, copy);
    wherry_add_field(exchange, "Content-Type", wherry_text(type));
    wherry_set_stream(exchange, length, pull, copy);
    return WHERRY_ANSWER;
}

static void add(struct wherry_exchange *exchange, const char *name, const char *value)
{
    wherry_add_field(exchange, name, wherry_text(value));
}

/* Pages of errors are not ours: they have nothing of the caller's in them, and may be the site's own,
 * with pictures. */
static void keep_from_running(struct wherry_exchange *exchange)
{
    if (wherry_status(exchange) >= HTTP_BAD_REQUEST)
        return;
    add(exchange, "X-Content-Type-Options", "nosniff");
    add(exchange, "Content-Security-Policy", ENDPOINT_POLICY);
}

/* Without CORS others cannot read it, but could still show it in a page, as a picture. */
void endpoint_finish_private(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    keep_from_running(exchange);
    add(exchange, "Cross-Origin-Resource-Policy", "same-origin");
}

/* Fetch §3.2.4: what a page asks for beforehand is what it may do. */
static void answer_preflight(struct wherry_exchange *exchange)
{
    struct wherry_slice fields = wherry_field(exchange, "Access-Control-Request-Headers");

    add(exchange, "Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    if (fields.ptr)
        wherry_add_field(exchange, "Access-Control-Allow-Headers", fields);
    add(exchange, "Access-Control-Max-Age", "3600");
}

/* Every origin may read, but none with the cookies that the browser has for this one: they may be
 * somebody else's on the same host. */
void endpoint_finish_open(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    keep_from_running(exchange);
    add(exchange, "Access-Control-Allow-Origin", "*");
    if (wherry_field(exchange, "Access-Control-Request-Method").ptr)
        answer_preflight(exchange);
    else
        add(exchange, "Access-Control-Expose-Headers", "*");
}

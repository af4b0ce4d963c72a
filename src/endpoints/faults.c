#include "endpoints/faults.h"

#include <stdlib.h>

#include "base/clock.h"
#include "endpoints/pace.h"
#include "http/head.h"

enum {
    HEAD_BYTES_MAX = 4096,
    STALL_BYTES    = 1024,          /* of /stall, half before and half behind the silence */
    SLOW_S         = 10,            /* how long /slow takes, where nobody says how much */
    SLOW_TICK_MS   = 20,            /* and as often at most it sends some more */
    HUGE_LINE_MAX  = 4096,          /* bytes of a field line, its end included */
    HUGE_BYTES_MIN = sizeof "X-Huge: x\r\n" - 1,     /* of a line that has a value */
    NAME_BYTES_MAX = 256,
};

/* A line of text, of which bodies and fields are made. */
static const char letters[] = "0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ";

static bool is_head(const struct wherry_exchange *exchange)
{
    return str_equal(endpoint_str(wherry_method(exchange)), STR("HEAD"));
}

/* ---- answers that end by themselves ------------------------------------------------------ */

static enum wherry_next reset(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_set_raw(exchange, WHERRY_RESETS);
    return WHERRY_ANSWER;
}

static enum wherry_next close_it(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_set_raw(exchange, WHERRY_CLOSES);
    return WHERRY_ANSWER;
}

/* All byte values, the highest first, and what would end a head, so that nobody waits for more. */
static enum wherry_next garbage(struct wherry_exchange *exchange, void *data)
{
    enum { VALUES = 256 };
    static const char end[] = "\r\n\r\n";
    char              bytes[VALUES + sizeof end - 1];

    (void)data;
    for (size_t i = 0; i < VALUES; i++)
        bytes[i] = (char)(VALUES - 1 - i);
    memcpy(bytes + VALUES, end, sizeof end - 1);
    wherry_copy_body(exchange, (struct wherry_slice){bytes, sizeof bytes});
    wherry_set_raw(exchange, WHERRY_CLOSES);
    return WHERRY_ANSWER;
}

/* ---- a head of our own -------------------------------------------------------------------- */

/* That of a good answer which is the last of its connection; its framing and its end are the caller's. */
static struct buf begin_head(void)
{
    struct buf head = BUF_UP_TO(HEAD_BYTES_MAX);

    head_status(&head, HTTP_OK);
    head_field_date(&head, STR("Date"), clock_now().wall_s);
    head_field(&head, STR("Connection"), STR("close"));
    head_field(&head, STR("Content-Type"), STR("text/plain; charset=utf-8"));
    head_field(&head, STR("X-Content-Type-Options"), STR("nosniff"));
    head_field(&head, STR("Content-Security-Policy"), STR(ENDPOINT_POLICY));
    head_field(&head, STR("Access-Control-Allow-Origin"), STR("*"));
    return head;
}

/* Sends the head, and this behind it unless it is for HEAD; takes the head over. */
static enum wherry_next send_raw(struct wherry_exchange *exchange, struct buf *head,
                                 struct str behind)
{
    bool has_failed;

    head_end(head);
    if (!is_head(exchange))
        buf_append(head, behind);
    has_failed = head->failed;
    wherry_copy_body(exchange, endpoint_slice(buf_view(head)));
    wherry_set_raw(exchange, WHERRY_CLOSES);
    buf_fini(head);
    return has_failed ? WHERRY_FAIL : WHERRY_ANSWER;
}

/* ---- framing that is wrong ---------------------------------------------------------------- */

/* RFC 9112 §7.1: chunk-size = 1*HEXDIG, which the second one has none of. */
static enum wherry_next bad_chunk(struct wherry_exchange *exchange, void *data)
{
    struct buf head = begin_head();

    (void)data;
    head_field(&head, STR("Transfer-Encoding"), STR("chunked"));
    return send_raw(exchange, &head, STR("5\r\ngood\n\r\nno size\r\nbad\n\r\n0\r\n\r\n"));
}

/* RFC 9112 §6.3: of two lengths that disagree neither can be believed. */
static enum wherry_next two_lengths(struct wherry_exchange *exchange)
{
    struct buf head = begin_head();

    head_field(&head, STR("Content-Length"), STR("6"));
    head_field(&head, STR("Content-Length"), STR("60"));
    return send_raw(exchange, &head, STR("twice\n"));
}

/* A field with which a caller does no harm to whoever follows his link: with these values only a cookie
 * would be kept. */
static bool may_be_twice(struct str name)
{
    char line[NAME_BYTES_MAX + sizeof ": first\r\n"] = "";

    return strlen(name.ptr) == name.len && !str_equal_nocase(name, STR("Set-Cookie")) &&
           wherry_field_line(line, sizeof line, name.ptr, "first");
}

static enum wherry_next duplicate_headers(struct wherry_exchange *exchange, void *data)
{
    struct str name = endpoint_str(wherry_query_value(exchange, "name"));
    struct buf head;

    (void)data;
    if (!name.ptr)
        return two_lengths(exchange);
    if (!may_be_twice(name))
        return wherry_refuse(exchange, HTTP_BAD_REQUEST,
                             "the name must be that of a field which is not the server's own");
    head = begin_head();
    head_field(&head, name, STR("first"));
    head_field(&head, name, STR("second"));
    head_field(&head, STR("Content-Length"), STR("6"));
    return send_raw(exchange, &head, STR("twice\n"));
}

/* ---- a body that cannot be decoded -------------------------------------------------------- */

/* A member of gzip (RFC 1952 §2.3) with one stored block of text, and behind it a block of the type that
 * there is none of (RFC 1951 §3.2.3): a wrong sum at the end is more than a browser looks at. */
static enum wherry_next bad_gzip(struct wherry_exchange *exchange, void *data)
{
    static const char member[] =
        "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
        "\x00\x05\x00\xfa\xff" "good\n"
        "\x07" "bad\n" "\x00\x00\x00\x00\x05\x00\x00\x00";

    (void)data;
    wherry_add_field(exchange, "Content-Encoding", wherry_text("gzip"));
    return endpoint_send(exchange, HTTP_OK, "text/plain; charset=utf-8",
                         (struct wherry_slice){member, sizeof member - 1});
}

/* ---- bodies that take their time ---------------------------------------------------------- */

/* A body on its way. */
struct flow {
    struct buf  head;           /* what is raw begins with it */
    uint64_t    length, sent;   /* bytes, or lines, behind that */
    uint64_t    fields;         /* bytes of all the lines */
    int64_t     begun_us;
    int64_t     silence_ms;
    struct pace pace;
    bool        is_head;
};

static void release_flow(void *owner)
{
    struct flow *flow = owner;

    buf_fini(&flow->head);
    free(flow);
}

/* NULL: no memory. */
static struct flow *begin_flow(struct wherry_exchange *exchange, uint64_t length)
{
    struct flow *flow = calloc(1, sizeof *flow);

    if (!flow)
        return NULL;
    flow->length = length;
    flow->begun_us = clock_us();
    flow->is_head = is_head(exchange);
    wherry_on_release(exchange, release_flow, flow);
    return flow;
}

/* Bytes [sent, until) of lines of text, as far as there is room. */
static void write_text(struct wherry_exchange *exchange, struct flow *flow, uint64_t until)
{
    enum { LINE = sizeof letters };             /* with its end in the place of the NUL */
    char        line[LINE];
    size_t      took = 1;

    memcpy(line, letters, LINE - 1);
    line[LINE - 1] = '\n';
    for (; took > 0 && flow->sent < until; flow->sent += took) {
        size_t at = (size_t)(flow->sent % LINE);
        size_t count = (size_t)MIN_OF((uint64_t)(LINE - at), until - flow->sent);

        took = wherry_write(exchange, (struct wherry_slice){line + at, count});
    }
}

static enum wherry_next send_text(struct wherry_exchange *exchange, struct flow *flow,
                                  wherry_puller *pull)
{
    wherry_add_field(exchange, "Content-Type", wherry_text("text/plain; charset=utf-8"));
    wherry_set_stream(exchange, (int64_t)flow->length, pull, flow);
    return WHERRY_ANSWER;
}

static enum wherry_pull pull_stalled(struct wherry_exchange *exchange, void *data)
{
    struct flow *flow = data;
    int64_t      left_ms = flow->silence_ms - (clock_us() - flow->begun_us) / 1000;

    write_text(exchange, flow, flow->length / 2);
    if (left_ms > 0 && !endpoint_is_stopping(exchange))
        return wherry_wait(exchange, left_ms);
    write_text(exchange, flow, flow->length);
    return WHERRY_END;
}

static enum wherry_next stall(struct wherry_exchange *exchange, void *data)
{
    struct flow *flow;
    int64_t      ms;

    if (!endpoint_read_time(endpoint_settings(data), wherry_part(exchange, "s"), &ms))
        return endpoint_refuse_time(exchange);
    flow = begin_flow(exchange, STALL_BYTES);
    if (!flow)
        return WHERRY_FAIL;
    flow->silence_ms = ms;
    return send_text(exchange, flow, pull_stalled);
}

static enum wherry_pull pull_slow(struct wherry_exchange *exchange, void *data)
{
    struct flow *flow = data;
    int64_t      elapsed_ms = (clock_us() - flow->begun_us) / 1000;
    uint64_t     due =
        endpoint_is_stopping(exchange) ? flow->length : pace_due(&flow->pace, elapsed_ms);

    due = MIN_OF(due, flow->length);    /* of nothing there is one thing, too */
    write_text(exchange, flow, due);
    if (flow->sent == flow->length)
        return WHERRY_END;
    if (flow->sent < due)
        return WHERRY_MORE;
    return wherry_wait(exchange, MAX_OF(pace_wait_ms(&flow->pace, elapsed_ms), (int64_t)SLOW_TICK_MS));
}

/* How many bytes at that speed: as many as the caller says, else what takes SLOW_S, or less where that
 * is more than there may be.  False: it is not a number of bytes that there may be. */
static bool read_slow_bytes(struct wherry_exchange *exchange,
                            const struct endpoints_settings *settings, uint64_t speed,
                            uint64_t *bytes)
{
    struct wherry_slice given = wherry_query_value(exchange, "bytes");
    uint64_t            in_time = speed * (uint64_t)settings->time_max_ms / 1000;

    if (given.ptr)
        return endpoint_read_bytes(settings, given, bytes);
    *bytes = MIN_OF(MIN_OF(speed * SLOW_S, settings->bytes_max), in_time);
    return true;
}

static enum wherry_next slow(struct wherry_exchange *exchange, void *data)
{
    const struct endpoints_settings *settings = endpoint_settings(data);
    uint64_t                         speed, bytes, ms;
    struct flow                     *flow;

    if (!endpoint_read_bytes(settings, wherry_part(exchange, "bytes-per-second"), &speed) || speed == 0 ||
        !read_slow_bytes(exchange, settings, speed, &bytes))
        return endpoint_refuse_bytes(exchange);
    ms = bytes * 1000 / speed;
    if (ms > (uint64_t)settings->time_max_ms)
        return wherry_refuse(exchange, HTTP_BAD_REQUEST,
                             "so many bytes at that speed would take longer than --endpoints-time");
    flow = begin_flow(exchange, bytes);
    if (!flow)
        return WHERRY_FAIL;
    flow->pace = (struct pace){.count = MAX_OF(bytes, (uint64_t)1), .duration_ms = (int64_t)ms};
    return send_text(exchange, flow, pull_slow);
}

/* ---- raw bodies of any size --------------------------------------------------------------- */

/* A body that begins with a head of ours, whose end it adds. */
static enum wherry_next send_raw_flow(struct wherry_exchange *exchange, struct flow *flow,
                                      struct buf *head, wherry_puller *pull)
{
    flow->head = *head;
    wherry_set_stream(exchange, -1, pull, flow);
    wherry_set_raw(exchange, WHERRY_CLOSES);
    return head->failed ? WHERRY_FAIL : WHERRY_ANSWER;
}

/* Once. */
static void write_head(struct wherry_exchange *exchange, struct flow *flow)
{
    wherry_write(exchange, endpoint_slice(buf_view(&flow->head)));
    buf_fini(&flow->head);
}

static enum wherry_pull pull_truncated(struct wherry_exchange *exchange, void *data)
{
    struct flow *flow = data;

    write_head(exchange, flow);
    if (flow->is_head)
        return WHERRY_END;
    write_text(exchange, flow, flow->length);
    return flow->sent < flow->length ? WHERRY_MORE : WHERRY_END;
}

/* RFC 9112 §8: the body is incomplete, whatever ends the connection. */
static enum wherry_next truncate_body(struct wherry_exchange *exchange, void *data)
{
    struct flow *flow;
    struct buf   head;
    uint64_t     bytes;

    if (!endpoint_read_bytes(endpoint_settings(data), wherry_part(exchange, "n"), &bytes))
        return endpoint_refuse_bytes(exchange);
    flow = begin_flow(exchange, bytes);
    if (!flow)
        return WHERRY_FAIL;
    head = begin_head();
    head_field_u64(&head, STR("Content-Length"), MAX_OF(2 * bytes, bytes + 1));
    head_end(&head);
    return send_raw_flow(exchange, flow, &head, pull_truncated);
}

/* The line of so many bytes, its end included. */
static void write_line(struct wherry_exchange *exchange, size_t bytes)
{
    static const char begin[] = "X-Huge: ", end[] = "\r\n";
    char              line[HUGE_LINE_MAX];

    memset(line, 'x', bytes);
    memcpy(line, begin, sizeof begin - 1);
    memcpy(line + bytes - (sizeof end - 1), end, sizeof end - 1);
    wherry_write(exchange, (struct wherry_slice){line, bytes});
}

/* The lines are as many as it takes, and as long as each other, but for a byte. */
static enum wherry_pull pull_huge(struct wherry_exchange *exchange, void *data)
{
    enum { LINES = 60 * 1024 / HUGE_LINE_MAX };     /* which leaves room for the head */
    struct flow *flow = data;
    uint64_t     each = flow->fields / flow->length, longer = flow->fields % flow->length;

    write_head(exchange, flow);
    for (int i = 0; i < LINES && flow->sent < flow->length; i++, flow->sent++)
        write_line(exchange, (size_t)each + (flow->sent < longer));
    if (flow->sent < flow->length)
        return WHERRY_MORE;
    wherry_write(exchange, wherry_text(flow->is_head ? "\r\n" : "\r\nhuge\n"));
    return WHERRY_END;
}

static enum wherry_next huge_headers(struct wherry_exchange *exchange, void *data)
{
    struct flow *flow;
    struct buf   head;
    uint64_t     bytes;

    if (!endpoint_read_bytes(endpoint_settings(data), wherry_part(exchange, "n"), &bytes) ||
        bytes < HUGE_BYTES_MIN)
        return wherry_refuse(exchange, HTTP_BAD_REQUEST,
                             "the bytes of fields must be a whole number from 11 to "
                             "--endpoints-bytes");
    flow = begin_flow(exchange, (bytes + HUGE_LINE_MAX - 1) / HUGE_LINE_MAX);
    if (!flow)
        return WHERRY_FAIL;
    flow->fields = bytes;
    head = begin_head();
    head_field(&head, STR("Content-Length"), STR("5"));
    return send_raw_flow(exchange, flow, &head, pull_huge);
}

/* clang-format off */
static const struct endpoint table[] = {
    {{.pattern = "/reset", .methods = ENDPOINT_ANY_METHOD, .look = reset},
     "/reset", "A reset of the connection, and not a byte before."},
    {{.pattern = "/close", .methods = ENDPOINT_ANY_METHOD, .look = close_it},
     "/close", "The end of the connection in good order, and not a byte before."},
    {{.pattern = "/truncate/{n}", .methods = ENDPOINT_ANY_METHOD, .look = truncate_body},
     "/truncate/1000", "A body of n bytes, and then the end, where its Content-Length says twice as many."},
    {{.pattern = "/bad-chunk", .methods = ENDPOINT_ANY_METHOD, .look = bad_chunk},
     "/bad-chunk", "A chunk, and then one whose size is none."},
    {{.pattern = "/bad-gzip", .methods = ENDPOINT_ANY_METHOD, .look = bad_gzip},
     "/bad-gzip", "A body in gzip that is damaged in its middle, whatever the client accepts."},
    {{.pattern = "/garbage", .methods = ENDPOINT_ANY_METHOD, .look = garbage},
     "/garbage", "Bytes that are no HTTP, always the same 260, and then the end."},
    {{.pattern = "/huge-headers/{n}", .methods = ENDPOINT_ANY_METHOD, .look = huge_headers},
     "/huge-headers/300000", "Fields of n bytes in all, in lines of up to 4 KB. No rule is broken, but many clients stop "
                             "at 8, 64 or 256 KB, some at 100 lines."},
    {{.pattern = "/duplicate-headers", .methods = ENDPOINT_ANY_METHOD, .look = duplicate_headers},
     "/duplicate-headers", "Two Content-Length fields that disagree; with ?name=X-Own that field twice instead, first and "
                           "second, which harms nobody."},
    {{.pattern = "/stall/{s}", .methods = ENDPOINT_ANY_METHOD, .look = stall},
     "/stall/5", "Half of a body, nothing for s seconds, and then the rest."},
    {{.pattern = "/slow/{bytes-per-second}", .methods = ENDPOINT_ANY_METHOD, .look = slow},
     "/slow/1000?bytes=5000", "A body that comes at that speed, of so many ?bytes=, else of what takes 10 s."},
};
/* clang-format on */

const struct endpoint_group faults_group = ENDPOINT_GROUP("Faults", table);

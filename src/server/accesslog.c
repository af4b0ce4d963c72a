#include "server/accesslog.h"

#include "base/log.h"

/* Bytes of a target or a field that are told.  Each may become six, and the lines of a worker have
 * room for half of WORKER_LINES_MAX at any time, so that no request is too long to be logged. */
enum { TEXT_MAX = 1024 };

static struct str cut(struct str text)
{
    return str_of(text.ptr, MIN_OF(text.len, (size_t)TEXT_MAX));
}

static void append_text(struct buf *lines, struct str text)
{
    log_escape(lines, cut(text));
    if (text.len > TEXT_MAX)
        buf_append(lines, STR("..."));
}

/* An absent text is "-", as the Common Log Format has it. */
static void append_quoted(struct buf *lines, struct str text)
{
    buf_append_byte(lines, '"');
    append_text(lines, text.ptr && text.len ? text : STR("-"));
    buf_append_byte(lines, '"');
}

static void append_peer(struct buf *lines, const struct peer *peer)
{
    char text[ADDRESS_TEXT_MAX];

    buf_append(lines, str_of(text, peer_text(peer, text)));
}

/* "GET /a HTTP/1.1", or "-" for what never became a request line. */
static void append_request_line(struct buf *lines, const struct request *request)
{
    buf_append_byte(lines, '"');
    if (request->method_name.ptr) {
        append_text(lines, request->method_name);
        buf_append_byte(lines, ' ');
        append_text(lines, request->raw_target.ptr ? request->raw_target : STR("-"));
        buf_append(lines, request->minor ? STR(" HTTP/1.1") : STR(" HTTP/1.0"));
    } else {
        buf_append_byte(lines, '-');
    }
    buf_append_byte(lines, '"');
}

static struct str field_of(const struct wherry_exchange *exchange, enum known_field known)
{
    return fields_get(&exchange->request.fields, known);
}

/* A client that left before there was an answer got none. */
static void append_status(struct buf *lines, int status, struct str none)
{
    if (status == HTTP_STATUS_NONE)
        buf_append(lines, none);
    else
        buf_append_u64(lines, (uint64_t)status);
}

/* Who the client has proved to be; in one word, whatever is in it. */
static void append_client(struct buf *lines, const char *client)
{
    struct str rest = cut(client ? str_view(client) : STR("-")), word;

    for (bool is_first = true; str_split(&rest, ' ', &word); is_first = false) {
        if (!is_first)
            buf_append(lines, STR("\\x20"));
        append_text(lines, word);
    }
}

/* remote - client [time] "request" status bytes ("referer" "agent")? us "why" */
static void append_common(struct buf *lines, bool combined, const struct peer *peer,
                          const struct moment *moment, const struct wherry_exchange *exchange,
                          int64_t took_us)
{
    append_peer(lines, peer);
    buf_append(lines, STR(" - "));
    append_client(lines, exchange->client);
    buf_append(lines, STR(" ["));
    buf_append(lines, str_view(moment->log_time));
    buf_append(lines, STR("] "));
    append_request_line(lines, &exchange->request);
    buf_append_byte(lines, ' ');
    append_status(lines, exchange->response.status, STR("-"));
    buf_append_byte(lines, ' ');
    buf_append_u64(lines, exchange->sent);
    if (combined) {
        buf_append_byte(lines, ' ');
        append_quoted(lines, field_of(exchange, FIELD_REFERER));
        buf_append_byte(lines, ' ');
        append_quoted(lines, field_of(exchange, FIELD_USER_AGENT));
    }
    buf_append_byte(lines, ' ');
    buf_append_u64(lines, (uint64_t)took_us);
    buf_append_byte(lines, ' ');
    append_quoted(lines, exchange->why ? str_view(exchange->why) : STR_NONE);
    buf_append_byte(lines, '\n');
}

static void append_json_text(struct buf *lines, struct str text)
{
    buf_append_byte(lines, '"');
    log_escape_json(lines, cut(text));
    buf_append(lines, text.len > TEXT_MAX ? STR("...\"") : STR("\""));
}

static void append_json_pair(struct buf *lines, struct str name, struct str text)
{
    buf_append(lines, STR(",\""));
    buf_append(lines, name);
    buf_append(lines, STR("\":"));
    if (text.ptr)
        append_json_text(lines, text);
    else
        buf_append(lines, STR("null"));
}

static void append_json_number(struct buf *lines, struct str name, uint64_t number)
{
    buf_append(lines, STR(",\""));
    buf_append(lines, name);
    buf_append(lines, STR("\":"));
    buf_append_u64(lines, number);
}

static void append_json(struct buf *lines, const struct peer *peer, const struct moment *moment,
                        const struct wherry_exchange *exchange, int64_t took_us)
{
    const struct request *request = &exchange->request;

    buf_append(lines, STR("{\"time\":\""));
    buf_append(lines, str_view(moment->iso_time));
    buf_append(lines, STR("\",\"remote\":\""));
    append_peer(lines, peer);
    buf_append_byte(lines, '"');
    append_json_pair(lines, STR("method"), request->method_name);
    append_json_pair(lines, STR("target"), request->raw_target);
    append_json_pair(lines, STR("version"),
                     request->method_name.ptr
                         ? (request->minor ? STR("HTTP/1.1") : STR("HTTP/1.0"))
                         : (struct str){NULL, 0});
    buf_append(lines, STR(",\"status\":"));
    append_status(lines, exchange->response.status, STR("null"));
    append_json_number(lines, STR("bytes"), exchange->sent);
    append_json_number(lines, STR("us"), (uint64_t)took_us);
    append_json_pair(lines, STR("referer"), field_of(exchange, FIELD_REFERER));
    append_json_pair(lines, STR("user_agent"), field_of(exchange, FIELD_USER_AGENT));
    append_json_pair(lines, STR("client"),
                     exchange->client ? str_view(exchange->client) : (struct str){NULL, 0});
    append_json_pair(lines, STR("why"),
                     exchange->why ? str_view(exchange->why) : (struct str){NULL, 0});
    buf_append(lines, STR("}\n"));
}

void accesslog_line(struct buf *lines, enum wherry_log_format format, const struct peer *peer,
                    const struct moment *moment, const struct wherry_exchange *exchange,
                          int64_t took_us)
{
    size_t before = lines->len;

    switch (format) {
    case WHERRY_LOG_OFF:
        return;
    case WHERRY_LOG_COMMON:
    case WHERRY_LOG_COMBINED:
        append_common(lines, format == WHERRY_LOG_COMBINED, peer, moment, exchange, took_us);
        break;
    case WHERRY_LOG_JSON:
        append_json(lines, peer, moment, exchange, took_us);
        break;
    }
    /* Half a line is worse than none. */
    if (lines->failed) {
        lines->len = before;
        lines->failed = false;
    }
}

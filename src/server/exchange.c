#include "server/exchange.h"

#include "base/log.h"
#include "http/date.h"
#include "http/etag.h"
#include "http/head.h"
#include "http/negotiate.h"

static void forget_route(struct wherry_exchange *exchange)
{
    exchange->route = NULL;
    exchange->finisher = NULL;
    exchange->parts = NULL;
    exchange->parts_count = 0;
    exchange->rest = (struct str){NULL, 0};
}

void exchange_init(struct wherry_exchange *exchange, size_t body_max)
{
    exchange->coded = BUF_UP_TO(CODED_AT_ONCE_MAX * 2);
    exchange->copied = BUF_UP_TO(COPY_MAX);
    exchange->arena = ARENA_UP_TO(EXCHANGE_ARENA_MAX);
    body_init(&exchange->body, body_max);
    forget_route(exchange);
    exchange->sent = 0;
    exchange->query = NULL;
    exchange->form = NULL;
    exchange->client = exchange->why = NULL;
    exchange->started_us = 0;
    exchange->until_ms = CLOCK_NEVER;
    exchange->delay_ms = 0;
    response_init(&exchange->response);
    stream_init(&exchange->stream);
}

/* A stream holds something only from its beginning on, or once somebody has a waker or an encoder; and
 * its time may be that of an answer which is put off. */
static void forget_stream(struct stream *stream)
{
    if (stream->framing != STREAM_NONE || stream->waker || stream->encoder || stream->is_put_off)
        stream_reset(stream);
}

void exchange_reset(struct wherry_exchange *exchange)
{
    forget_stream(&exchange->stream);
    response_reset(&exchange->response);
    arena_reset(&exchange->arena);
    body_reset(&exchange->body);
    if (exchange->coded.ptr)
        buf_fini(&exchange->coded);
    if (exchange->copied.ptr)
        buf_fini(&exchange->copied);
    forget_route(exchange);
    exchange->sent = 0;
    exchange->delay_ms = 0;
    exchange->query = NULL;
    exchange->form = NULL;
    exchange->why = NULL;
}

void exchange_fini(struct wherry_exchange *exchange)
{
    forget_stream(&exchange->stream);
    response_fini(&exchange->response);
    arena_fini(&exchange->arena);
    body_fini(&exchange->body);
    buf_fini(&exchange->coded);
    buf_fini(&exchange->copied);
}

void exchange_refuse(struct wherry_exchange *exchange, struct refusal refusal)
{
    forget_stream(&exchange->stream);
    response_refuse(&exchange->response, (int)refusal.status);
    exchange->delay_ms = 0;
    exchange->why = refusal.why;
}

void exchange_fail(struct wherry_exchange *exchange)
{
    log_error("the handler failed", "path=\"%s\"", LOG_QUOTE(exchange->request.target.path));
    exchange_refuse(exchange, refuse(HTTP_INTERNAL_ERROR, "the handler failed"));
}

/* ---- what wherry.h promises to handlers ----------------------------------------------- */

struct wherry_slice wherry_method(const struct wherry_exchange *exchange)
{
    return slice_of_str(exchange->request.method_name);
}

struct wherry_slice wherry_path(const struct wherry_exchange *exchange)
{
    return slice_of_str(exchange->request.target.path);
}

struct wherry_slice wherry_raw_path(const struct wherry_exchange *exchange)
{
    return slice_of_str(exchange->request.target.raw_path);
}

bool wherry_path_is_directory(const struct wherry_exchange *exchange)
{
    return exchange->request.target.is_directory;
}

bool wherry_path_has_slash(const struct wherry_exchange *exchange)
{
    return exchange->request.target.has_slash;
}

struct wherry_slice wherry_host(const struct wherry_exchange *exchange)
{
    return slice_of_str(exchange->request.host);
}

struct wherry_slice wherry_query(const struct wherry_exchange *exchange)
{
    return slice_of_str(exchange->request.target.query);
}

struct wherry_slice wherry_field(const struct wherry_exchange *exchange, const char *name)
{
    return slice_of_str(fields_find(&exchange->request.fields, str_view(name)));
}

struct wherry_slice wherry_part(const struct wherry_exchange *exchange, const char *name)
{
    if (strcmp(name, "*") == 0)
        return slice_of_str(exchange->rest);
    for (size_t i = 0; i < exchange->parts_count; i++)
        if (str_equal(exchange->parts[i].name, str_view(name)))
            return slice_of_str(exchange->parts[i].value);
    return (struct wherry_slice){NULL, 0};
}

static_assert((int)WHERRY_IDENTITY == (int)CODING_IDENTITY &&
                  (int)WHERRY_GZIP == (int)CODING_GZIP && (int)WHERRY_BROTLI == (int)CODING_BROTLI &&
                  (int)WHERRY_ZSTD == (int)CODING_ZSTD && (int)WHERRY_NO_CODING == (int)CODING_NONE,
              "handlers see the codings that we know");

enum wherry_coding wherry_choose_coding(const struct wherry_exchange *exchange, unsigned available)
{
    struct coding_wish wish;

    if (!fields_has(&exchange->request.fields, FIELD_ACCEPT_ENCODING) &&
        (available & BIT(CODING_IDENTITY)))
        return WHERRY_IDENTITY;
    negotiate_read_all(&exchange->request.fields, &wish);
    return (enum wherry_coding)negotiate_choose(&wish, available);
}

void wherry_limit_body(struct wherry_exchange *exchange, uint64_t bytes)
{
    body_limit(&exchange->body, bytes);
}

void wherry_spool_body(struct wherry_exchange *exchange, int folder_fd)
{
    body_spool_to(&exchange->body, folder_fd);
}

struct wherry_slice wherry_body(const struct wherry_exchange *exchange)
{
    const struct body *body = &exchange->body;

    return slice_of_str(body->is_spooled ? (struct str){NULL, 0} : buf_view(&body->bytes));
}

uint64_t wherry_body_length(const struct wherry_exchange *exchange)
{
    return exchange->body.is_kept ? exchange->body.length : 0;
}

int wherry_body_file(const struct wherry_exchange *exchange)
{
    return exchange->body.file.fd;
}

enum wherry_kept wherry_keep_body(struct wherry_exchange *exchange, const char *name)
{
    return body_keep(&exchange->body, name);
}

int wherry_status(const struct wherry_exchange *exchange)
{
    return exchange->response.status;
}

void wherry_set_status(struct wherry_exchange *exchange, int status)
{
    /* RFC 9110 §15: three digits; and 1xx is no answer. */
    if (status < 200 || status > 599)
        response_spoil(&exchange->response, "the handler's answer had a status that is none");
    else
        exchange->response.status = status;
}

/* What says where the answer ends, and when it was made, is the server's business. */
static bool is_ours(struct str name)
{
    static const struct str ours[] = {STR("Content-Length"), STR("Transfer-Encoding"),
                                      STR("Connection"), STR("Date")};

    for (size_t i = 0; i < COUNTOF(ours); i++)
        if (str_equal_nocase(name, ours[i]))
            return true;
    return false;
}

/* The tag is what conditions are asked about, too; and sent last, because it is another one when the
 * body is sent in a coding. */
static void set_etag(struct wherry_exchange *exchange, struct str etag)
{
    struct response *response = &exchange->response;
    struct str       copy = arena_copy(&exchange->arena, etag);

    response->sends_etag = copy.ptr && etag_is_valid(copy);
    response->validators.etag = copy;
    if (!copy.ptr)
        response_spoil(response, "there is no memory for the handler's answer");
    else if (!response->sends_etag)
        response_spoil(response, "the handler's answer had an ETag that is none");
}

void wherry_add_field(struct wherry_exchange *exchange, const char *name,
                      struct wherry_slice value)
{
    struct response *response = &exchange->response;
    struct str       field = str_view(name);

    if (is_ours(field)) {
        response_spoil(response, "the handler's answer had a field that is the server's own");
    } else if (str_equal_nocase(field, STR("ETag"))) {
        set_etag(exchange, str_of_slice(value));
    } else {
        if (str_equal_nocase(field, STR("Last-Modified")))
            response->validators.last_modified =
                date_parse(str_of_slice(value), exchange->now.wall_s);
        response_add_field(response, field, str_of_slice(value));
    }
}

void wherry_set_lines(struct wherry_exchange *exchange, struct wherry_slice shared,
                      struct wherry_slice content)
{
    exchange->response.shared_lines = str_of_slice(shared);
    exchange->response.content_lines = str_of_slice(content);
}

bool wherry_field_line(char *lines, size_t size, const char *name, const char *value)
{
    size_t     len = strlen(lines);
    struct buf line = BUF_UP_TO(size - len);
    bool       ok;

    if (is_ours(str_view(name)))
        return false;

    head_field(&line, str_view(name), str_view(value));
    ok = !line.failed && line.len < size - len;
    if (ok) {
        memcpy(lines + len, line.ptr, line.len);
        lines[len + line.len] = '\0';
    }
    buf_fini(&line);
    return ok;
}

void wherry_set_validators(struct wherry_exchange *exchange, struct wherry_slice etag,
                           int64_t last_modified)
{
    exchange->response.validators =
        (struct validators){.etag = str_of_slice(etag), .last_modified = last_modified};
}

void wherry_set_coding(struct wherry_exchange *exchange, enum wherry_coding coding)
{
    assert(coding == WHERRY_GZIP || coding == WHERRY_BROTLI);
    exchange->response.only_coding = (enum coding)coding;
}

void wherry_set_body(struct wherry_exchange *exchange, struct wherry_slice bytes)
{
    response_set_bytes(&exchange->response, str_of_slice(bytes));
}

void wherry_copy_body(struct wherry_exchange *exchange, struct wherry_slice bytes)
{
    struct str copy;

    if (bytes.len <= COPY_SMALL_MAX) {
        copy = arena_copy(&exchange->arena, str_of_slice(bytes));
    } else {
        buf_reset(&exchange->copied);
        buf_append(&exchange->copied, str_of_slice(bytes));
        copy = exchange->copied.failed ? (struct str){NULL, 0} : buf_view(&exchange->copied);
    }
    if (copy.ptr)
        response_set_bytes(&exchange->response, copy);
    else
        response_spoil(&exchange->response, "there is no memory for the handler's answer");
}

void wherry_set_file(struct wherry_exchange *exchange, int fd, uint64_t length,
                     bool (*is_intact)(void *owner))
{
    exchange->response.source = SOURCE_FILE;
    exchange->response.fd = fd;
    exchange->response.length = length;
    exchange->response.is_intact = is_intact;
}

void wherry_on_release(struct wherry_exchange *exchange, void (*release)(void *owner), void *owner)
{
    struct response *response = &exchange->response;

    assert(!response->release);
    response->release = release;
    response->owner = owner;
}

/* What the handler refuses may be put off; what the server refuses in its place never is. */
enum wherry_next wherry_refuse(struct wherry_exchange *exchange, int status, const char *why)
{
    int64_t delay_ms = exchange->delay_ms;

    exchange_refuse(exchange, refuse((enum http_status)status, why));
    exchange->delay_ms = delay_ms;
    return WHERRY_ANSWER;
}

void wherry_delay(struct wherry_exchange *exchange, int64_t ms)
{
    exchange->delay_ms = ms;
}

void wherry_set_raw(struct wherry_exchange *exchange, enum wherry_ending ending)
{
    exchange->response.is_raw = true;
    exchange->response.resets = ending == WHERRY_RESETS;
}

static enum wherry_next send_copy(struct wherry_exchange *exchange, int status, const char *type,
                                  struct wherry_slice bytes)
{
    wherry_set_status(exchange, status);
    wherry_add_field(exchange, "Content-Type", wherry_text(type));
    wherry_copy_body(exchange, bytes);
    return WHERRY_ANSWER;
}

enum wherry_next wherry_send_text(struct wherry_exchange *exchange, int status,
                                  struct wherry_slice text)
{
    return send_copy(exchange, status, "text/plain; charset=utf-8", text);
}

enum wherry_next wherry_send_json(struct wherry_exchange *exchange, int status,
                                  struct wherry_slice json)
{
    return send_copy(exchange, status, "application/json", json);
}

#include "server/answer.h"

#include "base/log.h"
#include "http/head.h"
#include "server/coded.h"
#include "server/multipart.h"
#include "server/page.h"

/* What goes out of the body: one piece of it, or (RFC 9110 §14.6) several with texts between. */
struct piece {
    uint64_t                  first;
    uint64_t                  length;       /* bytes that go out: Content-Length */
    const struct writer_part *parts;        /* NULL: one piece */
    size_t                    parts_count;
};

static void refuse_instead(struct wherry_exchange *exchange, enum http_status status,
                           const char *why)
{
    exchange_refuse(exchange, refuse(status, why));
}

/* Our side's mistake, or no memory: the log says where. */
static void refuse_unsendable(struct wherry_exchange *exchange)
{
    const char *fault = exchange->response.fault;

    if (!fault)
        fault = "the handler's answer had a field that cannot be sent";
    log_error("a handler's answer cannot be sent", "path=\"%s\" why=\"%s\"",
              LOG_QUOTE(exchange->request.target.path), fault);
    refuse_instead(exchange, HTTP_INTERNAL_ERROR, fault);
}

/* The line of that name, "Vary: ", or ptr NULL. */
static struct str find_line(struct str lines, struct str name)
{
    while (lines.len > 0) {
        size_t     end = MIN_OF(str_find(lines, '\n') + 1, lines.len);
        struct str line = str_of(lines.ptr, end);

        if (str_starts(line, name))
            return line;
        lines = str_from(lines, end);
    }
    return (struct str){NULL, 0};
}

/* RFC 9110 §12.5.5: which representation it was that did not fit depended on other fields, and so
 * does the refusal. */
static void refuse_version(struct wherry_exchange *exchange, enum http_status status,
                           const char *why)
{
    struct response *response = &exchange->response;
    struct str       vary = find_line(response->shared_lines, STR("Vary: "));
    struct str       kept;

    if (!vary.ptr)
        vary = find_line(buf_view(&response->lines), STR("Vary: "));
    kept = vary.ptr ? arena_copy(&exchange->arena, vary) : STR_NONE;
    refuse_instead(exchange, status, why);
    if (kept.ptr)
        buf_append(&exchange->response.lines, kept);
}

/* RFC 9110 §15.5.17: a 416 says how long the representation is. */
static void refuse_range(struct wherry_exchange *exchange)
{
    uint64_t length = exchange->response.length;

    refuse_version(exchange, HTTP_RANGE_NOT_SATISFIABLE,
                   "the range begins behind the end of the file");
    buf_printf(&exchange->response.lines, "Content-Range: bytes */%llu\r\n",
               (unsigned long long)length);
}

static struct piece one_range(struct response *response, const struct span *span)
{
    response->status = HTTP_PARTIAL_CONTENT;
    buf_printf(&response->lines, "Content-Range: bytes %llu-%llu/%llu\r\n",
               (unsigned long long)span->first,
               (unsigned long long)(span->first + span->length - 1),
               (unsigned long long)response->length);
    return (struct piece){.first = span->first, .length = span->length};
}

/* The type of the representation stands in each part then, and the answer has a type of its own. */
static struct str take_type_line(struct wherry_exchange *exchange)
{
    struct response *response = &exchange->response;
    struct str       lines = response->content_lines;
    size_t           end = str_find(lines, '\n');

    if (lines.len == 0)
        return response_take_line(response, STR("Content-Type"), &exchange->arena);
    if (!str_starts(lines, STR("Content-Type: ")) || end == lines.len)
        return (struct str){NULL, 0};
    response->content_lines = str_from(lines, end + 1);
    return str_of(lines.ptr, end + 1);
}

static struct piece several_ranges(struct wherry_exchange *exchange, const struct range_set *set)
{
    struct response *response = &exchange->response;
    struct str       content_lines = response->content_lines;
    struct str       type_line = take_type_line(exchange);
    struct multipart multipart;

    /* RFC 9110 §14.2: a server may answer with everything. */
    if (!type_line.ptr ||
        !multipart_make(&exchange->arena, set, type_line, response->length, &multipart)) {
        response->content_lines = content_lines;
        if (content_lines.len == 0 && type_line.ptr)
            buf_append(&response->lines, type_line);
        return (struct piece){.length = response->length};
    }
    response->status = HTTP_PARTIAL_CONTENT;
    buf_printf(&response->lines, "Content-Type: multipart/byteranges; boundary=%.*s\r\n",
               BOUNDARY_BYTES, multipart.boundary);
    return (struct piece){.length = multipart.length,
                          .parts = multipart.parts,
                          .parts_count = multipart.count};
}

/* RFC 9110 §14.2: a Range counts for GET only, and after the other preconditions. */
static struct piece settle_range(struct wherry_exchange *exchange)
{
    struct response *response = &exchange->response;
    struct str       field = fields_get(&exchange->request.fields, FIELD_RANGE);
    struct piece     whole = {.length = response->length};
    struct range_set set;

    /* Of two Range fields either could be meant, so neither is. */
    if (exchange->request.fields.times[FIELD_RANGE] != 1 ||
        exchange->request.method != METHOD_GET || response->source == SOURCE_NONE ||
        response->source == SOURCE_STREAM || response->coding != CODING_IDENTITY ||
        !condition_range_holds(&exchange->request, &response->validators, exchange->now.wall_s))
        return whole;
    switch (range_parse(field, response->length, &set)) {
    case RANGE_IGNORED:
        return whole;
    case RANGE_UNSATISFIABLE:
        refuse_range(exchange);
        return whole;
    case RANGE_PARTIAL:
        break;
    }
    /* RFC 9110 §15.3.7.2: one range is never sent as a multipart. */
    range_coalesce(&set);
    return set.count == 1 ? one_range(response, &set.spans[0]) : several_ranges(exchange, &set);
}

static bool is_get_or_head(const struct wherry_exchange *exchange)
{
    return exchange->request.method == METHOD_GET || exchange->request.method == METHOD_HEAD;
}

/* RFC 9110 §13.2.1: preconditions count only where the answer would be a success without them. */
static void settle_condition(struct wherry_exchange *exchange)
{
    struct response *response = &exchange->response;

    switch (condition_check(&exchange->request, &response->validators, exchange->now.wall_s)) {
    case CONDITION_SEND:
        break;
    case CONDITION_NOT_MODIFIED:
        response->status = HTTP_NOT_MODIFIED;
        response_drop_content_fields(response);
        break;
    case CONDITION_FAILED:
        refuse_version(exchange, HTTP_PRECONDITION_FAILED,
                       "the file is not the version the request depends on");
        break;
    }
}

/* Asks for a page of the site's own, which may need a release of its own.  One that cannot be sent is a
 * failure of ours. */
static bool add_own_page(struct wherry_exchange *exchange, const struct answer_setting *setting)
{
    bool has_own;

    if (!setting->error_page)
        return false;
    response_give_back(&exchange->response);
    has_own = setting->error_page(exchange, exchange->response.status, setting->may_block,
                                  setting->error_data);
    if (!exchange->response.lines.failed && !exchange->response.fault)
        return has_own;
    refuse_instead(exchange, HTTP_INTERNAL_ERROR,
                   "the error page had a field that cannot be sent");
    return false;
}

static void add_page(struct wherry_exchange *exchange, const struct answer_setting *setting)
{
    struct response *response = &exchange->response;
    struct str       page;

    if (add_own_page(exchange, setting))
        return;
    page = page_render(&exchange->arena, response->status, exchange->why);
    response_add_field(response, STR("Content-Type"), STR("text/html; charset=utf-8"));
    response_add_field(response, STR("X-Content-Type-Options"), STR("nosniff"));
    response_add_field(response, STR("Cache-Control"), STR("no-store"));
    response_set_bytes(response, page.ptr ? page : STR_NONE);
}

/* What the route has for all of its answers.  Fields that cannot be sent make it a 500, without them. */
static void finish(struct wherry_exchange *exchange)
{
    const struct wherry_route *finisher = exchange->finisher;

    if (!finisher)
        return;
    finisher->finish(exchange, finisher->data);
    if (exchange->response.lines.failed || exchange->response.fault)
        refuse_unsendable(exchange);
}

/* RFC 9112 §9.3, §9.6: what is not the version's default is said. */
static void add_connection(const struct wherry_exchange *exchange, bool keep_alive,
                           struct buf *head)
{
    if (!keep_alive)
        buf_append(head, STR("Connection: close\r\n"));
    else if (exchange->request.minor == 0)
        buf_append(head, STR("Connection: keep-alive\r\n"));
}

/* RFC 9112 §6: how the peer will know where the body ends.  The same for HEAD, where none comes
 * (§6.1, RFC 9110 §9.3.2). */
static enum stream_framing choose_framing(const struct wherry_exchange *exchange)
{
    const struct response *response = &exchange->response;

    if (response->source != SOURCE_STREAM || status_has_no_body(response->status))
        return STREAM_NONE;
    if (response->has_length)
        return STREAM_COUNTED;
    return exchange->request.minor ? STREAM_CHUNKED : STREAM_UNTIL_CLOSE;
}

static void add_length(const struct wherry_exchange *exchange, uint64_t length, struct buf *head)
{
    switch (exchange->stream.framing) {
    case STREAM_NONE:
    case STREAM_COUNTED:
        buf_append(head, STR("Content-Length: "));
        buf_append_u64(head, length);
        buf_append(head, STR("\r\n"));
        break;
    case STREAM_CHUNKED:
        buf_append(head, STR("Transfer-Encoding: chunked\r\n"));
        break;
    case STREAM_UNTIL_CLOSE:
        break;
    }
}

static void write_head(const struct wherry_exchange *exchange,
                       const struct answer_setting *setting, uint64_t length, struct buf *head)
{
    const struct response *response = &exchange->response;

    buf_reset(head);
    head_status(head, response->status);
    buf_append(head, setting->date_line);
    add_connection(exchange, setting->keep_alive && exchange->stream.framing != STREAM_UNTIL_CLOSE,
                   head);
    buf_append(head, setting->hsts_line);
    buf_append(head, response->shared_lines);
    /* RFC 9110 §15.4.5: a 304 describes no body. */
    if (response->status != HTTP_NOT_MODIFIED)
        buf_append(head, response->content_lines);
    buf_append(head, buf_view(&response->lines));
    if (response->sends_etag)
        head_field(head, STR("ETag"), response->validators.etag);
    if (!status_has_no_body(response->status))
        add_length(exchange, length, head);
    head_end(head);
}

static void fill_writer(struct wherry_exchange *exchange, const struct piece *piece,
                        const struct buf *head, struct writer *writer)
{
    const struct response *response = &exchange->response;
    bool has_body = response->is_raw || (exchange->request.method != METHOD_HEAD &&
                                         !status_has_no_body(response->status));

    *writer = (struct writer){.head = buf_view(head), .fd = -1};
    if (!has_body || response->source == SOURCE_NONE)
        return;
    if (response->source == SOURCE_STREAM) {
        stream_begin(&exchange->stream, response->length, response->pull, response->pull_data);
        return;
    }
    if (response->source == SOURCE_FILE) {
        writer->fd = response->fd;
        writer->is_intact = response->is_intact;
        writer->owner = response->owner;
    } else {
        writer->base = response->bytes.ptr;
    }
    if (piece->parts) {
        writer->parts = piece->parts;
        writer->parts_left = piece->parts_count;
    } else if (response->source == SOURCE_FILE) {
        writer->offset = piece->first;
        writer->left = piece->length;
    } else {
        writer->bytes =
            str_of(str_from(response->bytes, piece->first).ptr, (size_t)piece->length);
    }
}

/* The body is all there is, and ends with the connection. */
static void settle_raw(struct wherry_exchange *exchange, struct buf *head, struct writer *writer)
{
    const struct response *response = &exchange->response;
    struct piece           whole = {.length = response->length};

    exchange->why = response->resets ? "the handler reset the connection"
                                     : "the handler closed the connection";
    if (response->source == SOURCE_STREAM)
        exchange->stream.framing = STREAM_UNTIL_CLOSE;
    buf_reset(head);
    fill_writer(exchange, &whole, head, writer);
}

bool answer_settle(struct wherry_exchange *exchange, const struct answer_setting *setting,
                   struct buf *head, struct writer *writer)
{
    struct response *response = &exchange->response;
    struct piece     piece;

    if (response->lines.failed || response->fault)
        refuse_unsendable(exchange);
    if (response->is_raw) {
        settle_raw(exchange, head, writer);
        return true;
    }
    if (response->status == HTTP_RESET_CONTENT)     /* RFC 9110 §15.3.6: never has any */
        response_set_bytes(response, STR_NONE);
    coded_choose(exchange, setting);
    if (response->status == HTTP_OK && is_get_or_head(exchange))
        settle_condition(exchange);
    coded_begin(exchange, setting);
    piece = (struct piece){.length = response->length};
    if (response->status == HTTP_OK)
        piece = settle_range(exchange);
    finish(exchange);
    if (response->is_refusal) {
        if (response->source == SOURCE_NONE)
            add_page(exchange, setting);
        piece = (struct piece){.length = response->length};
    }
    exchange->stream.framing = choose_framing(exchange);
    write_head(exchange, setting, piece.length, head);
    fill_writer(exchange, &piece, head, writer);
    return !head->failed && !response->lines.failed;
}

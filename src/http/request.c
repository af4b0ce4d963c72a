#include "http/request.h"

#include "http/token.h"

/* No method we know is nearly as long, and a peer that begins with more is not asked to go on. */
enum { METHOD_BYTES_MAX = 32 };

/* The three parts of a request line, as far as they came. */
struct request_line {
    struct str method;
    struct str target;
    struct str version;
    bool       has_target;
    bool       has_version;
};

static void clear(struct request *request)
{
    request->method = METHOD_UNKNOWN;
    request->method_name = request->raw_target = request->host = (struct str){NULL, 0};
    request->minor = 1;
    request->keep_alive = request->expects_continue = false;
    request->target = (struct target){.form = TARGET_ORIGIN};
    request->head_bytes = 0;
    fields_reset(&request->fields);
}

/* Takes a line and its CRLF off *rest.  RFC 9112 §2.2 lets us take a bare LF for a line end, and
 * obliges nobody else to; so we do not. */
static enum parse take_line(struct str *rest, struct str *line, struct refusal *refusal)
{
    size_t end = str_find(*rest, '\n');

    if (end == rest->len)
        return PARSE_MORE;
    if (end == 0 || rest->ptr[end - 1] != '\r') {
        *refusal = refuse(HTTP_BAD_REQUEST, "line feed without a carriage return");
        return PARSE_REFUSED;
    }
    *line = str_of(rest->ptr, end - 1);
    *rest = str_from(*rest, end + 1);
    return PARSE_DONE;
}

/* The line at the front, as far as it came, without its end. */
static struct str peek_line(struct str bytes)
{
    struct str line = str_of(bytes.ptr, str_find(bytes, '\n'));

    return str_ends(line, STR("\r")) ? str_of(line.ptr, line.len - 1) : line;
}

/* request-line = method SP request-target SP HTTP-version          RFC 9112 §3
 * One space each: a part that is empty or holds another space is found out when it is read. */
static struct request_line split_request_line(struct str line)
{
    struct request_line parts = {.method = line};
    size_t space = str_find(line, ' ');

    parts.method.len = space;
    parts.has_target = space < line.len;
    parts.target = str_from(line, space + 1);

    space = str_find(parts.target, ' ');
    parts.has_version = space < parts.target.len;
    parts.version = str_from(parts.target, space + 1);
    parts.target.len = space;
    return parts;
}

/* What can be said of a request line before its end came.  It is said of whole lines too, and
 * before anything else, so that the answer does not depend on how the bytes were cut. */
static struct refusal judge_sizes(struct request *request, const struct request_line *parts,
                                  const struct request_limits *limits)
{
    if (parts->method.len > METHOD_BYTES_MAX)
        return refuse(HTTP_NOT_IMPLEMENTED, "method name too long");
    if (parts->has_target && token_all(parts->method, CHAR_TOKEN)) {
        request->method_name = parts->method;
        request->method = method_of(parts->method);
    }
    if (parts->target.len > 0)
        request->raw_target = parts->target;
    if (parts->target.len > limits->target_bytes)
        return refuse(HTTP_URI_TOO_LONG, "target too long");
    return REFUSAL_NONE;
}

/* HTTP-version = "HTTP" "/" DIGIT "." DIGIT                        RFC 9112 §2.3 */
static struct refusal read_version(struct str version, unsigned *minor)
{
    if (version.len != 8 || !str_starts(version, STR("HTTP/")) || version.ptr[6] != '.' ||
        !char_is(version.ptr[5], CHAR_DIGIT) || !char_is(version.ptr[7], CHAR_DIGIT))
        return refuse(HTTP_BAD_REQUEST, "malformed HTTP version");
    if (version.ptr[5] != '1')
        return refuse(HTTP_VERSION_NOT_SUPPORTED, "only HTTP/1.1 and HTTP/1.0 are spoken here");

    /* RFC 9110 §2.5: a higher minor version is read as the highest that we know. */
    *minor = version.ptr[7] == '0' ? 0 : 1;
    return REFUSAL_NONE;
}

/* method = token                                                   RFC 9110 §9.1 */
static struct refusal judge_method(enum method method)
{
    if (method == METHOD_UNKNOWN)
        return refuse(HTTP_NOT_IMPLEMENTED, "unknown method");
    if (method == METHOD_CONNECT)
        return refuse(HTTP_NOT_IMPLEMENTED, "CONNECT is for proxies");
    return REFUSAL_NONE;
}

static struct refusal read_request_line(const struct request_line *parts, char *path_room,
                                        struct request *request)
{
    struct refusal refusal;

    if (!token_all(parts->method, CHAR_TOKEN))
        return refuse(HTTP_BAD_REQUEST, "bad byte in the method");
    if (!token_all(parts->target, CHAR_TARGET))
        return refuse(HTTP_BAD_REQUEST, parts->target.len > 0 ? "bad byte in the target"
                                                              : "no target in the request line");
    if (!parts->has_version)
        return refuse(HTTP_BAD_REQUEST, "no HTTP version in the request line");

    refusal = read_version(parts->version, &request->minor);
    if (is_refused(refusal))
        return refusal;
    refusal = judge_method(request->method);
    if (is_refused(refusal))
        return refusal;
    return target_parse(parts->target, request->method, path_room, &request->target);
}

/* The request line, or what came of it. */
static enum parse parse_request_line(struct str *rest, const struct request_limits *limits,
                                     char *path_room, struct request *request,
                                     struct refusal *refusal)
{
    struct request_line parts = split_request_line(peek_line(*rest));
    struct str line;
    enum parse parse;

    *refusal = judge_sizes(request, &parts, limits);
    if (is_refused(*refusal))
        return PARSE_REFUSED;
    parse = take_line(rest, &line, refusal);
    if (parse == PARSE_DONE)
        *refusal = read_request_line(&parts, path_room, request);
    return is_refused(*refusal) ? PARSE_REFUSED : parse;
}

/* *( field-line CRLF ) CRLF                                        RFC 9112 §2.1 */
static enum parse parse_fields(struct str *rest, struct fields *fields, struct refusal *refusal)
{
    for (;;) {
        struct str line;
        enum parse parse = take_line(rest, &line, refusal);

        if (parse != PARSE_DONE || line.len == 0)
            return parse;
        *refusal = fields_add_line(fields, line);
        if (is_refused(*refusal))
            return PARSE_REFUSED;
    }
}

/* RFC 9112 §3.2: one Host, and a valid one.  RFC 9112 §3.2.2: what an absolute target says goes
 * before it. */
static struct refusal read_host(struct request *request)
{
    struct str host = fields_get(&request->fields, FIELD_HOST);

    if (!host.ptr && request->minor >= 1)
        return refuse(HTTP_BAD_REQUEST, "no Host");
    if (request->fields.times[FIELD_HOST] > 1)
        return refuse(HTTP_BAD_REQUEST, "more than one Host");
    if (host.ptr && !target_authority_is_valid(host))
        return refuse(HTTP_BAD_REQUEST, "invalid Host");

    request->host = request->target.form == TARGET_ABSOLUTE ? request->target.authority : host;
    return REFUSAL_NONE;
}

/* Expect = #expectation                                            RFC 9110 §10.1.1 */
static struct refusal read_expect(struct request *request)
{
    struct str value, element;
    size_t at = 0;

    while (fields_next(&request->fields, FIELD_EXPECT, &at, &value)) {
        while (token_list_next(&value, &element)) {
            if (!str_equal_nocase(element, STR("100-continue")))
                return refuse(HTTP_EXPECTATION_FAILED, "unknown expectation");
            request->expects_continue = request->minor >= 1;
        }
    }
    return REFUSAL_NONE;
}

/* RFC 9112 §9.3: 1.1 stays unless told to close; 1.0 closes unless told to stay. */
static bool wants_another_turn(const struct request *request)
{
    const struct fields *fields = &request->fields;

    if (fields_list_has(fields, FIELD_CONNECTION, STR("close")))
        return false;
    return request->minor >= 1 || fields_list_has(fields, FIELD_CONNECTION, STR("keep-alive"));
}

/* What can be told from the fields only when all of them are there. */
static struct refusal conclude(struct request *request)
{
    struct refusal refusal = read_host(request);

    if (!is_refused(refusal))
        refusal = read_expect(request);
    request->keep_alive = !is_refused(refusal) && wants_another_turn(request);
    return refusal;
}

/* RFC 9112 §2.2: one empty line before the request line is passed over; some clients end a body
 * with it.  False when the first byte behind it cannot begin a method: such a peer speaks
 * something else, TLS for one, and may be waiting for our answer without ending its line. */
static bool pass_empty_line(struct str *rest)
{
    if (str_equal(*rest, STR("\r")))
        return true;
    if (str_starts(*rest, STR("\r\n")))
        *rest = str_from(*rest, 2);
    return rest->len == 0 || char_is(rest->ptr[0], CHAR_TOKEN);
}

/* RFC 8446 §5.1: what a client begins with that takes our port for another. */
enum { TLS_HANDSHAKE = 0x16 };

/* HTTP-message = start-line CRLF *( field-line CRLF ) CRLF         RFC 9112 §2.1 */
static enum parse parse_head(struct str *rest, const struct request_limits *limits,
                             char *path_room, struct request *request, struct refusal *refusal)
{
    enum parse parse;

    if (!pass_empty_line(rest)) {
        *refusal = refuse(HTTP_BAD_REQUEST, rest->ptr[0] == TLS_HANDSHAKE
                                                ? "TLS was spoken to the port for plain HTTP"
                                                : "does not begin with a method");
        return PARSE_REFUSED;
    }
    parse = parse_request_line(rest, limits, path_room, request, refusal);
    if (parse == PARSE_DONE)
        parse = parse_fields(rest, &request->fields, refusal);
    return parse;
}

enum parse request_parse(struct str bytes, const struct request_limits *limits, char *path_room,
                         struct request *request, struct refusal *refusal)
{
    /* What lies beyond the limit is not looked at, so it cannot matter how much came at once. */
    struct str head = str_of(bytes.ptr, MIN_OF(bytes.len, limits->head_bytes));
    struct str rest = head;
    enum parse parse;

    clear(request);
    *refusal = REFUSAL_NONE;
    parse = parse_head(&rest, limits, path_room, request, refusal);

    if (parse == PARSE_DONE) {
        request->head_bytes = (size_t)(rest.ptr - head.ptr);
        *refusal = conclude(request);
    } else if (parse == PARSE_MORE && head.len == limits->head_bytes) {
        *refusal = str_find(str_from(head, 2), '\n') < head.len - 2
                       ? refuse(HTTP_HEAD_TOO_LARGE, "head too large")
                       : refuse(HTTP_URI_TOO_LONG, "target too long");    /* RFC 9112 §3 */
    }
    return is_refused(*refusal) ? PARSE_REFUSED : parse;
}

bool request_worth_parsing(struct str bytes, size_t seen_before,
                           const struct request_limits *limits)
{
    /* With an empty line before it, a method that is too long shows within this many bytes, and
     * a target within that many; one later when the byte too many is a CR, which could have been
     * the end of the line. */
    size_t method_bytes = 2 + METHOD_BYTES_MAX + 1 + 1;
    size_t target_bytes = method_bytes + limits->target_bytes + 1;

    return seen_before < method_bytes || bytes.len >= limits->head_bytes ||
           (bytes.len > limits->target_bytes && seen_before < target_bytes) ||
           str_find(str_from(bytes, seen_before), '\n') < bytes.len - seen_before;
}

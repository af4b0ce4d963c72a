/* What server/accesslog promises about its lines. */
#include "server/accesslog.h"

#include <stdlib.h>

#include "server/worker.h"
#include "tests/support/promise.h"

static const struct request_limits limits = {16384, 8192};
static const struct moment moment = {
    .log_time = "06/Nov/1994:08:49:37 +0000", .iso_time = "1994-11-06T08:49:37Z"};
static const struct peer peer = {.family = AF_INET, .bytes = {192, 0, 2, 7}, .port = 4711};

/* ---- one exchange, as it was when it ended -------------------------------------------- */

/* `head` NULL: nothing came that could be read. */
struct told {
    struct wherry_exchange exchange;
    struct tight_str       head;
    char                   path[8192 + 1];
    struct buf             lines;
};

static void told_init(struct told *told, const char *head, int status, uint64_t sent,
                      const char *why)
{
    struct refusal refusal;

    told->lines = BUF_UP_TO(64 * 1024);
    told->head = tight_str(head);
    exchange_init(&told->exchange, 0);
    /* Also a request that was refused leaves what could be read of it. */
    (void)!request_parse(head ? told->head.view : STR_NONE, &limits, told->path,
                         &told->exchange.request, &refusal);
    told->exchange.response.status = status;
    told->exchange.sent = sent;
    told->exchange.why = why;
}

static void told_fini(struct told *told)
{
    exchange_fini(&told->exchange);
    buf_fini(&told->lines);
    tight_str_free(&told->head);
}

static struct str tell(struct told *told, enum wherry_log_format format)
{
    accesslog_line(&told->lines, format, &peer, &moment, &told->exchange, 1234);
    return buf_view(&told->lines);
}

#define PLAIN "GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n"
#define NAMED(more) "GET /a?b HTTP/1.1\r\nHost: x\r\n" more "\r\n"

/* clang-format off */
static const struct line_case {
    const char            *promise;
    enum wherry_log_format format;
    const char            *head;
    int                    status;
    uint64_t               sent;
    const char            *why;
    const char            *line;
} lines[] = {
    {"off says nothing",            WHERRY_LOG_OFF,      PLAIN, 200, 10, NULL, ""},
    {"common",                      WHERRY_LOG_COMMON,   PLAIN, 200, 10, NULL,
     "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b HTTP/1.1\" 200 10 1234 \"-\"\n"},
    {"common, with a reason",       WHERRY_LOG_COMMON,   PLAIN, 404, 0, "nothing there",
     "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b HTTP/1.1\" 404 0 1234 \"nothing there\"\n"},
    {"combined, with neither",      WHERRY_LOG_COMBINED, PLAIN, 200, 10, NULL,
     "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b HTTP/1.1\" 200 10 \"-\" \"-\" 1234 \"-\"\n"},
    {"combined, with both",         WHERRY_LOG_COMBINED,
     NAMED("User-Agent: me/1 (x)\r\nReferer: http://y/\r\n"), 200, 10, NULL,
     "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b HTTP/1.1\" 200 10 \"http://y/\" \"me/1 (x)\" 1234 \"-\"\n"},
    {"combined, with empty ones",   WHERRY_LOG_COMBINED, NAMED("User-Agent:\r\nReferer:\r\n"), 200, 10, NULL,
     "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b HTTP/1.1\" 200 10 \"-\" \"-\" 1234 \"-\"\n"},
    {"quotes do not end a field",   WHERRY_LOG_COMBINED, NAMED("User-Agent: a\" 1 \"b\\\r\n"), 200, 10, NULL,
     "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b HTTP/1.1\" 200 10 \"-\" \"a\\\" 1 \\\"b\\\\\" 1234 \"-\"\n"},
    {"tabs and bytes from 0x80",    WHERRY_LOG_COMBINED, NAMED("User-Agent: a\tb\xc3\xa4\r\n"), 200, 10, NULL,
     "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b HTTP/1.1\" 200 10 \"-\" \"a\\x09b\\xc3\\xa4\" 1234 \"-\"\n"},
    {"a target as it was sent",     WHERRY_LOG_COMMON,   "GET /\"\\%0a\xff HTTP/1.0\r\n\r\n", 400, 0, "a",
     "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /\\\"\\\\%0a\\xff HTTP/1.0\" 400 0 1234 \"a\"\n"},
    {"HTTP/1.0",                    WHERRY_LOG_COMMON,   "GET / HTTP/1.0\r\n\r\n", 200, 10, NULL,
     "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET / HTTP/1.0\" 200 10 1234 \"-\"\n"},
    {"no request line",             WHERRY_LOG_COMMON,   NULL, 408, 0, "too slow",
     "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"-\" 408 0 1234 \"too slow\"\n"},
    {"no request line, combined",   WHERRY_LOG_COMBINED, NULL, 408, 0, "too slow",
     "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"-\" 408 0 \"-\" \"-\" 1234 \"too slow\"\n"},
    {"a method and no target",      WHERRY_LOG_COMMON,   "GET  HTTP/1.1\r\n\r\n", 400, 0, "no target",
     "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET - HTTP/1.1\" 400 0 1234 \"no target\"\n"},
    {"no answer",                   WHERRY_LOG_COMMON,   PLAIN, 0, 0, "gone",
     "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b HTTP/1.1\" - 0 1234 \"gone\"\n"},
    {"json",                        WHERRY_LOG_JSON,     PLAIN, 200, 10, NULL,
     "{\"time\":\"1994-11-06T08:49:37Z\",\"remote\":\"192.0.2.7\",\"method\":\"GET\",\"target\":\"/a?b\","
     "\"version\":\"HTTP/1.1\",\"status\":200,\"bytes\":10,\"us\":1234,\"referer\":null,\"user_agent\":null,\"client\":null,\"why\":null}\n"},
    {"json, with all of it",        WHERRY_LOG_JSON,
     NAMED("User-Agent: a\"b\\c\td\xc3\xa4\x80\r\nReferer: y\r\n"), 404, 0, "nothing there",
     "{\"time\":\"1994-11-06T08:49:37Z\",\"remote\":\"192.0.2.7\",\"method\":\"GET\",\"target\":\"/a?b\","
     "\"version\":\"HTTP/1.1\",\"status\":404,\"bytes\":0,\"us\":1234,\"referer\":\"y\","
     "\"user_agent\":\"a\\\"b\\\\c\\u0009d\\u00c3\\u00a4\\u0080\",\"client\":null,\"why\":\"nothing there\"}\n"},
    {"json, of nothing",            WHERRY_LOG_JSON,     NULL, 0, UINT64_MAX, NULL,
     "{\"time\":\"1994-11-06T08:49:37Z\",\"remote\":\"192.0.2.7\",\"method\":null,\"target\":null,"
     "\"version\":null,\"status\":null,\"bytes\":18446744073709551615,\"us\":1234,\"referer\":null,\"user_agent\":null,\"client\":null,\"why\":null}\n"},
};
/* clang-format on */

static void a_line_is_as_its_format_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(lines); i++) {
        const struct line_case *c = &lines[i];
        struct told             told;

        told_init(&told, c->head, c->status, c->sent, c->why);
        PROMISED_STR(c->promise, tell(&told, c->format), c->line);
        told_fini(&told);
    }
}

/* clang-format off */
static const struct client_case {
    const char            *promise;
    enum wherry_log_format format;
    const char            *line;
    const char            *client;      /* what it has proved to be */
} clients[] = {
    {"a client with a certificate", WHERRY_LOG_COMMON,
     "192.0.2.7 - CN=Ann\\x20B,O=\\\"x [06/Nov/1994:08:49:37 +0000] \"GET /a?b HTTP/1.1\" 200 10 1234 \"-\"\n",
     "CN=Ann B,O=\"x"},
    {"json, with a certificate",    WHERRY_LOG_JSON,
     "{\"time\":\"1994-11-06T08:49:37Z\",\"remote\":\"192.0.2.7\",\"method\":\"GET\",\"target\":\"/a?b\","
     "\"version\":\"HTTP/1.1\",\"status\":200,\"bytes\":10,\"us\":1234,\"referer\":null,\"user_agent\":null,"
     "\"client\":\"CN=Ann B\",\"why\":null}\n",
     "CN=Ann B"},
};
/* clang-format on */

static void a_client_with_a_certificate_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(clients); i++) {
        const struct client_case *c = &clients[i];
        struct told               told;

        told_init(&told, PLAIN, 200, 10, NULL);
        told.exchange.client = c->client;
        PROMISED_STR(c->promise, tell(&told, c->format), c->line);
        told_fini(&told);
    }
}

/* ---- what a peer may not do ----------------------------------------------------------- */

/* A JSON text of one line, read as strictly as RFC 8259 says; gives what is behind it, NULL when it
 * is none.  Numbers are digits only here. */
static const char *read_json(const char *at);

static const char *read_text(const char *at)
{
    if (*at++ != '"')
        return NULL;
    for (; *at != '"'; at++) {
        if ((unsigned char)*at < 0x20 || (unsigned char)*at > 0x7e)
            return NULL;
        if (*at != '\\')
            continue;
        at++;
        if (*at == 'u') {
            if (strspn(at + 1, "0123456789abcdef") < 4)
                return NULL;
            at += 4;
        } else if (!*at || !strchr("\"\\/bfnrt", *at)) {
            return NULL;
        }
    }
    return at + 1;
}

static const char *read_object(const char *at)
{
    do {
        at = read_text(at + 1);
        if (!at || *at != ':')
            return NULL;
        at = read_json(at + 1);
    } while (at && *at == ',');
    return at && *at == '}' ? at + 1 : NULL;
}

static const char *read_json(const char *at)
{
    size_t digits = strspn(at, "0123456789");

    if (*at == '{')
        return read_object(at);
    if (*at == '"')
        return read_text(at);
    if (strncmp(at, "null", 4) == 0)
        return at + 4;
    return digits ? at + digits : NULL;
}

/* Fields separated by spaces, where a space within quotes counts for nothing. */
static size_t count_fields(struct str line)
{
    size_t count = 1;
    bool   quoted = false;

    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] == '\\' && quoted)
            i++;
        else if (line.ptr[i] == '"')
            quoted = !quoted;
        else if (line.ptr[i] == ' ' && !quoted)
            count++;
    }
    return quoted ? 0 : count;
}

static void set(struct wherry_exchange *exchange, struct str bytes)
{
    struct request *request = &exchange->request;

    request->method_name = request->raw_target = bytes;
    for (size_t i = 0; i < request->fields.count; i++)
        request->fields.all[i].value = bytes;
}

static void is_one_line(struct str line)
{
    assert_true(line.len > 0);
    assert_int_equal(line.ptr[line.len - 1], '\n');
    for (size_t i = 0; i < line.len - 1; i++)
        assert_in_range((unsigned char)line.ptr[i], 0x20, 0x7e);
}

/* Whatever got through the parser, and more. */
static void no_byte_of_a_peer_forges_a_line(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        char             bytes[4] = {'a', (char)byte, '"', (char)byte};
        struct tight_str sent = tight_bytes(bytes, sizeof bytes);
        struct told      told;
        char            *json;

        told_init(&told, NAMED("User-Agent: u\r\nReferer: r\r\n"), 200, 1, NULL);
        set(&told.exchange, sent.view);
        is_one_line(tell(&told, WHERRY_LOG_COMBINED));
        assert_int_equal(count_fields(buf_view(&told.lines)), 12);

        buf_reset(&told.lines);
        is_one_line(tell(&told, WHERRY_LOG_JSON));
        json = strndup(told.lines.ptr, told.lines.len);
        assert_non_null(read_json(json));
        assert_string_equal(read_json(json), "\n");
        free(json);
        told_fini(&told);
        tight_str_free(&sent);
    }
}

/* ---- room ----------------------------------------------------------------------------- */

static void half_a_line_is_not_written(void **state)
{
    static const enum wherry_log_format formats[] = {WHERRY_LOG_COMMON, WHERRY_LOG_COMBINED,
                                                     WHERRY_LOG_JSON};

    (void)state;
    for (size_t f = 0; f < COUNTOF(formats); f++) {
        struct told told;
        size_t      len;

        told_init(&told, PLAIN, 200, 10, NULL);
        len = tell(&told, formats[f]).len;
        for (size_t room = 0; room < len + 4; room++) {
            buf_fini(&told.lines);
            told.lines = BUF_UP_TO(4 + room);
            buf_append(&told.lines, STR("one\n"));
            tell(&told, formats[f]);
            assert_int_equal(told.lines.len, room < len ? 4 : 4 + len);
            assert_false(told.lines.failed);
            assert_memory_equal(told.lines.ptr, "one\n", 4);
        }
        told_fini(&told);
    }
}

/* Who could make his line too long would be in no log. */
static void no_request_is_too_long_to_be_logged(void **state)
{
    static const enum wherry_log_format formats[] = {WHERRY_LOG_COMMON, WHERRY_LOG_COMBINED,
                                                     WHERRY_LOG_JSON};
    static char                         bytes[16384];

    (void)state;
    memset(bytes, 0xff, sizeof bytes);
    for (size_t f = 0; f < COUNTOF(formats); f++) {
        struct told told;

        told_init(&told, NAMED("User-Agent: u\r\nReferer: r\r\n"), 200, 1, NULL);
        set(&told.exchange, str_of(bytes, sizeof bytes));
        told.lines.max = WORKER_LINES_MAX / 2;      /* that much is free at any time */
        is_one_line(tell(&told, formats[f]));
        assert_non_null(memmem(told.lines.ptr, told.lines.len, "ff...", 5));
        told_fini(&told);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_as_its_format_says),
        cmocka_unit_test(a_client_with_a_certificate_is_named),
        cmocka_unit_test(no_byte_of_a_peer_forges_a_line),
        cmocka_unit_test(half_a_line_is_not_written),
        cmocka_unit_test(no_request_is_too_long_to_be_logged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

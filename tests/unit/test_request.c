/* What http/request promises about the head of a request. */
#include <stdlib.h>

#include "http/request.h"
#include "tests/support/promise.h"

enum { TARGET_BYTES = 64, HEAD_BYTES = 512 };

static const struct request_limits limits = {HEAD_BYTES, TARGET_BYTES};

/* A parse into a heap copy that is exactly as large as the bytes, and what came of it. */
struct parsed {
    enum parse       parse;
    struct refusal   refusal;
    struct tight_str bytes;
    char            *path_room;
};

static struct request request;      /* too large for a comfortable stack */

static struct parsed parse_bytes(struct str bytes)
{
    struct parsed parsed = {.bytes = tight_bytes(bytes.ptr, bytes.len),
                            .path_room = malloc(TARGET_BYTES + 1)};

    parsed.parse = request_parse(parsed.bytes.view, &limits, parsed.path_room, &request,
                                 &parsed.refusal);
    return parsed;
}

static void parsed_fini(struct parsed *parsed)
{
    free(parsed->path_room);
    tight_str_free(&parsed->bytes);
}

#define HOST "Host: a.test\r\n"

static const struct refused_case {
    const char *promise;
    const char *head;
    int         status;
} refused[] = {
    {"RFC 9112 §2.2: a bare LF",              "GET / HTTP/1.1\n" HOST "\r\n", 400},
    {"a bare LF behind a field",              "GET / HTTP/1.1\r\nHost: a\n\r\n", 400},
    {"a bare LF at the end",                  "GET / HTTP/1.1\r\n" HOST "\n", 400},
    {"a bare CR",                             "GET / HTTP/1.1\r" HOST "\r\n", 400},
    {"a bare CR in a value",                  "GET / HTTP/1.1\r\n" HOST "A: b\rc\r\n\r\n", 400},
    {"two empty lines first",                 "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 400},
    {"a bare LF first",                       "\nGET / HTTP/1.1\r\n" HOST "\r\n", 400},
    {"a bare CR first",                       "\rGET / HTTP/1.1\r\n" HOST "\r\n", 400},
    {"a space first",                         " GET / HTTP/1.1\r\n" HOST "\r\n", 400},
    {"a TLS hello, at once",                  "\x16", 400},
    {"a TLS hello behind an empty line",      "\r\n\x16", 400},
    {"a byte no method begins with",          "(", 400},
    {"a byte no method holds",                "G(T / HTTP/1.1\r\n", 400},
    {"RFC 9112 §3: two spaces",               "GET  / HTTP/1.1\r\n", 400},
    {"two spaces before the version",         "GET /  HTTP/1.1\r\n", 400},
    {"a space at the end",                    "GET / HTTP/1.1 \r\n", 400},
    {"a tab for a space",                     "GET\t/\tHTTP/1.1\r\n", 400},
    {"a space in the target",                 "GET /a b HTTP/1.1\r\n", 400},
    {"a tab in the target",                   "GET /a\tb HTTP/1.1\r\n", 400},
    {"a control byte in the target",          "GET /a\x01 HTTP/1.1\r\n", 400},
    {"DEL in the target",                     "GET /a\x7f HTTP/1.1\r\n", 400},
    {"no target",                             "GET HTTP/1.1\r\n", 400},
    {"no version, as HTTP/0.9 had it",        "GET /\r\n", 400},
    {"an empty version",                      "GET / \r\n", 400},
    {"a method alone",                        "GET\r\n", 400},
    {"RFC 9112 §2.3: the name has a case",    "GET / http/1.1\r\n", 400},
    {"one digit each",                        "GET / HTTP/1.10\r\n", 400},
    {"and no fewer",                          "GET / HTTP/1.\r\n", 400},
    {"digits they are",                       "GET / HTTP/1.x\r\n", 400},
    {"both of them",                          "GET / HTTP/x.1\r\n", 400},
    {"a dot between",                         "GET / HTTP/1,1\r\n", 400},
    {"RFC 9110 §15.6.6: another major version", "GET / HTTP/2.0\r\n", 505},
    {"a lower one too",                       "GET / HTTP/0.9\r\n", 505},
    {"RFC 9113 §3.4: the preface of HTTP/2",  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    {"RFC 9110 §15.6.2: an unknown method",   "BREW / HTTP/1.1\r\n", 501},
    {"a method in small letters",             "get / HTTP/1.1\r\n", 501},
    {"CONNECT, whatever its target",          "CONNECT a.test:443 HTTP/1.1\r\n", 501},
    {"a method of 33 bytes, at once",         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 501},
    {"and so when its line ends badly",       "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", 501},
    {"what target_parse refuses",             "GET /../a HTTP/1.1\r\n", 400},
    {"the asterisk for GET",                  "GET * HTTP/1.1\r\n", 400},
    {"RFC 9112 §5.2: a folded line",          "GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n", 400},
    {"folded, where nothing came before",     "GET / HTTP/1.1\r\n " HOST "\r\n", 400},
    {"RFC 9112 §5.1: a space before a colon", "GET / HTTP/1.1\r\nHost : a\r\n", 400},
    {"a line without a colon",                "GET / HTTP/1.1\r\nHost\r\n", 400},
    {"RFC 9112 §3.2: no Host",                "GET / HTTP/1.1\r\n\r\n", 400},
    {"two Hosts",                             "GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400},
    {"two Hosts in HTTP/1.0",                 "GET / HTTP/1.0\r\n" HOST HOST "\r\n", 400},
    {"a Host that is none",                   "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
    {"a Host that is none, in HTTP/1.0",      "GET / HTTP/1.0\r\nHost: a b\r\n\r\n", 400},
    {"a list of Hosts",                       "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
    {"no Host, in spite of an absolute target",
                                              "GET http://a.test/ HTTP/1.1\r\n\r\n", 400},
    {"RFC 9110 §10.1.1: an unknown expectation",
     "GET / HTTP/1.1\r\n" HOST "Expect: 200-ok\r\n\r\n", 417},
    {"one beside the known one",
     "GET / HTTP/1.1\r\n" HOST "Expect: 100-continue, x\r\n\r\n", 417},
    {"one in a second line",
     "GET / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nExpect: x\r\n\r\n", 417},
};

static void a_bad_head_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(refused); i++) {
        const struct refused_case *c = &refused[i];
        struct parsed parsed = parse_bytes(str_view(c->head));

        PROMISED_NUMBER(c->promise, parsed.parse, PARSE_REFUSED);
        PROMISED_NUMBER(c->promise, parsed.refusal.status, c->status);
        PROMISED(c->promise, parsed.refusal.why);
        PROMISED(c->promise, !request.keep_alive);
        parsed_fini(&parsed);
    }
}

/* However a bad head is cut, its end cannot change an answer that its beginning got. */
static void a_refusal_stands_whatever_comes_after(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(refused); i++) {
        struct str head = str_view(refused[i].head);
        struct refusal first = REFUSAL_NONE;

        for (size_t len = 0; len <= head.len; len++) {
            struct parsed parsed = parse_bytes(str_of(head.ptr, len));

            PROMISED(refused[i].promise, parsed.parse != PARSE_DONE);
            if (!is_refused(first))
                first = parsed.refusal;
            PROMISED(refused[i].promise, parsed.refusal.why == first.why);
            parsed_fini(&parsed);
        }
        PROMISED_NUMBER(refused[i].promise, first.status, refused[i].status);
    }
}

static const struct good_case {
    const char *promise;
    const char *head;
    enum method method;
    const char *path;
    const char *host;
    unsigned    minor;
    bool        keep_alive;
    bool        expects_continue;
} good[] = {
    {"an ordinary request", "GET /a%20b?c HTTP/1.1\r\n" HOST "\r\n",
     METHOD_GET, "a b", "a.test", 1, true, false},
    {"RFC 9112 §2.2: an empty line first", "\r\nHEAD / HTTP/1.1\r\n" HOST "\r\n",
     METHOD_HEAD, "", "a.test", 1, true, false},
    {"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n",
     METHOD_GET, "", NULL, 0, false, false},
    {"HTTP/1.0 with one", "GET / HTTP/1.0\r\n" HOST "\r\n",
     METHOD_GET, "", "a.test", 0, false, false},
    {"RFC 9110 §2.5: a higher minor version", "GET / HTTP/1.9\r\n" HOST "\r\n",
     METHOD_GET, "", "a.test", 1, true, false},
    {"RFC 9112 §3.2: an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n",
     METHOD_GET, "", "", 1, true, false},
    {"RFC 9112 §3.2.2: an absolute target's authority wins",
     "GET http://b.test:81/c HTTP/1.1\r\n" HOST "\r\n",
     METHOD_GET, "c", "b.test:81", 1, true, false},
    {"in HTTP/1.0 too", "GET http://b.test/c HTTP/1.0\r\n\r\n",
     METHOD_GET, "c", "b.test", 0, false, false},
    {"RFC 9112 §3.2.4: the server as a whole", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n",
     METHOD_OPTIONS, "", "a.test", 1, true, false},
    {"what browsers send in a target", "GET /[x]{y}|^\"\xC3\xBC HTTP/1.1\r\n" HOST "\r\n",
     METHOD_GET, "[x]{y}|^\"\xC3\xBC", "a.test", 1, true, false},
    {"tabs and bytes from 0x80 in values", "GET / HTTP/1.1\r\n" HOST "A:\tb\t\xC3\xBC\r\n\r\n",
     METHOD_GET, "", "a.test", 1, true, false},
    {"RFC 9112 §9.3: 1.1 closes when told", "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
     METHOD_GET, "", "a.test", 1, false, false},
    {"in any case, anywhere in the list",
     "GET / HTTP/1.1\r\n" HOST "Connection: x\r\nConnection: keep-alive, CLOSE\r\n\r\n",
     METHOD_GET, "", "a.test", 1, false, false},
    {"1.0 stays when asked", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
     METHOD_GET, "", NULL, 0, true, false},
    {"but not when told to close too",
     "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
     METHOD_GET, "", NULL, 0, false, false},
    {"RFC 9110 §10.1.1: 100-continue",
     "POST / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\n\r\n",
     METHOD_POST, "", "a.test", 1, true, true},
    {"which 1.0 does not know", "POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n",
     METHOD_POST, "", NULL, 0, false, false},
    {"an empty Expect expects nothing", "POST / HTTP/1.1\r\n" HOST "Expect:\r\n\r\n",
     METHOD_POST, "", "a.test", 1, true, false},
};

static void a_good_head_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(good); i++) {
        const struct good_case *c = &good[i];
        struct parsed parsed = parse_bytes(str_view(c->head));

        PROMISED_NUMBER(c->promise, parsed.parse, PARSE_DONE);
        PROMISED(c->promise, !is_refused(parsed.refusal));
        PROMISED_NUMBER(c->promise, request.method, c->method);
        PROMISED(c->promise, str_equal(request.method_name, method_name(c->method)));
        PROMISED_STR(c->promise, request.target.path, c->path);
        PROMISED_STR(c->promise, request.host, c->host);
        PROMISED_NUMBER(c->promise, request.minor, c->minor);
        PROMISED(c->promise, request.keep_alive == c->keep_alive);
        PROMISED(c->promise, request.expects_continue == c->expects_continue);
        PROMISED_NUMBER(c->promise, request.head_bytes, strlen(c->head));
        parsed_fini(&parsed);
    }
}

static void every_beginning_of_a_good_head_wants_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(good); i++) {
        struct str head = str_view(good[i].head);

        for (size_t len = 0; len < head.len; len++) {
            struct parsed parsed = parse_bytes(str_of(head.ptr, len));

            PROMISED_NUMBER(good[i].promise, parsed.parse, PARSE_MORE);
            PROMISED(good[i].promise, !is_refused(parsed.refusal));
            parsed_fini(&parsed);
        }
    }
}

static void what_follows_a_head_is_left_alone(void **state)
{
    struct parsed parsed = parse_bytes(STR("GET /a HTTP/1.1\r\n" HOST "\r\n\n\x16 what\0ever"));

    (void)state;
    assert_int_equal(parsed.parse, PARSE_DONE);
    assert_int_equal(request.head_bytes, strlen("GET /a HTTP/1.1\r\n" HOST "\r\n"));
    parsed_fini(&parsed);
}

static void slices_point_into_the_bytes(void **state)
{
    struct parsed parsed = parse_bytes(STR("GET /a?b HTTP/1.1\r\n" HOST "\r\n"));
    const char *bytes = parsed.bytes.bytes;

    (void)state;
    assert_int_equal(parsed.parse, PARSE_DONE);
    assert_ptr_equal(request.method_name.ptr, bytes);
    assert_ptr_equal(request.raw_target.ptr, bytes + 4);
    assert_int_equal(request.raw_target.len, 4);
    assert_ptr_equal(request.target.query.ptr, bytes + 7);
    assert_ptr_equal(request.target.path.ptr, parsed.path_room);
    assert_ptr_equal(request.host.ptr, bytes + 25);
    parsed_fini(&parsed);
}

/* For the log. */
static void a_refused_request_keeps_what_could_be_read(void **state)
{
    static const struct kept_case {
        const char *head;
        const char *method_name;
        const char *raw_target;
        unsigned    minor;
    } cases[] = {
        {"\x16\x03\x01",               NULL,   NULL,    1},
        {"G(T /a HTTP/1.0\r\n",        NULL,   "/a",    1},
        {"GET\r\n",                    NULL,   NULL,    1},
        {"BREW /a HTTP/1.1\r\n",       "BREW", "/a",    1},
        {"GET /a HTTP/1.1\n",          "GET",  "/a",    1},
        {"GET /a\r\n",                 "GET",  "/a",    1},
        {"GET /../a HTTP/1.0\r\n",     "GET",  "/../a", 0},
        {"GET /a HTTP/1.0\r\nA\r\n",   "GET",  "/a",    0},
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct parsed parsed = parse_bytes(str_view(cases[i].head));

        PROMISED_NUMBER(cases[i].head, parsed.parse, PARSE_REFUSED);
        PROMISED_STR(cases[i].head, request.method_name, cases[i].method_name);
        PROMISED_STR(cases[i].head, request.raw_target, cases[i].raw_target);
        PROMISED_NUMBER(cases[i].head, request.minor, cases[i].minor);
        parsed_fini(&parsed);
    }
}

/* "GET /aaa", of `target_bytes` in all, and `rest`. */
static struct parsed parse_target_of(size_t target_bytes, const char *rest)
{
    char bytes[HEAD_BYTES];
    size_t len = 4 + target_bytes;

    memset(bytes, 'a', sizeof(bytes));
    memcpy(bytes, "GET /", 5);
    memcpy(bytes + len, rest, strlen(rest));
    return parse_bytes(str_of(bytes, len + strlen(rest)));
}

static void a_target_too_long_is_414(void **state)
{
    static const struct long_case {
        const char *promise;
        size_t      target_bytes;
        const char *rest;
        enum parse  parse;
        int         status;
    } cases[] = {
        {"as long as may be",             TARGET_BYTES,     " HTTP/1.1\r\n" HOST "\r\n", PARSE_DONE, 0},
        {"as long as may be, no more yet", TARGET_BYTES,    "", PARSE_MORE, 0},
        {"one byte more, at once",        TARGET_BYTES + 1, "", PARSE_REFUSED, 414},
        {"one byte more, the line open",  TARGET_BYTES + 1, " HT", PARSE_REFUSED, 414},
        {"one byte more, the line whole", TARGET_BYTES + 1, " HTTP/1.1\r\n", PARSE_REFUSED, 414},
        {"whatever stands behind it",     TARGET_BYTES + 1, " x\r\n", PARSE_REFUSED, 414},
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct parsed parsed = parse_target_of(cases[i].target_bytes, cases[i].rest);

        PROMISED_NUMBER(cases[i].promise, parsed.parse, cases[i].parse);
        PROMISED_NUMBER(cases[i].promise, parsed.refusal.status, cases[i].status);
        parsed_fini(&parsed);
    }
}

/* A head of `len` bytes with its last CRLF. */
static void write_head(char *bytes, size_t len)
{
    memset(bytes, 'a', len);
    memcpy(bytes, "GET / HTTP/1.1\r\n" HOST "A: ", strlen("GET / HTTP/1.1\r\n" HOST "A: "));
    memcpy(bytes + len - 4, "\r\n\r\n", 4);
}

static void a_head_too_large_is_431(void **state)
{
    char bytes[HEAD_BYTES + 100];
    struct parsed parsed;

    (void)state;
    write_head(bytes, HEAD_BYTES);
    parsed = parse_bytes(str_of(bytes, HEAD_BYTES));
    assert_int_equal(parsed.parse, PARSE_DONE);
    parsed_fini(&parsed);

    /* What follows a head that fits does not matter. */
    parsed = parse_bytes(str_of(bytes, sizeof(bytes)));
    assert_int_equal(parsed.parse, PARSE_DONE);
    parsed_fini(&parsed);

    write_head(bytes, HEAD_BYTES + 1);
    for (size_t len = HEAD_BYTES - 1; len <= HEAD_BYTES + 1; len++) {
        parsed = parse_bytes(str_of(bytes, len));
        assert_int_equal(parsed.parse, len < HEAD_BYTES ? PARSE_MORE : PARSE_REFUSED);
        assert_int_equal(parsed.refusal.status, len < HEAD_BYTES ? 0 : 431);
        parsed_fini(&parsed);
    }
}

/* RFC 9112 §3: also where the limit of the head is the lower one. */
static void a_request_line_that_fills_the_head_is_414(void **state)
{
    static const struct request_limits small = {.head_bytes = 32, .target_bytes = 64};
    struct tight_str                   line = tight_str("GET /0123456789012345678901234567890 H");
    char                               room[65];
    struct refusal                     refusal;

    (void)state;
    assert_int_equal(request_parse(line.view, &small, room, &request, &refusal), PARSE_REFUSED);
    assert_int_equal(refusal.status, 414);
    tight_str_free(&line);
}

static void too_many_fields_are_431(void **state)
{
    static const struct request_limits wide = {.head_bytes = 4096, .target_bytes = TARGET_BYTES};
    char bytes[4096] = "GET / HTTP/1.1\r\n" HOST;
    char room[TARGET_BYTES + 1];
    struct refusal refusal;
    size_t len = strlen(bytes);

    (void)state;
    for (int i = 1; i < FIELDS_MAX; i++, len += 5)
        memcpy(bytes + len, "A: \r\n", 5);
    memcpy(bytes + len, "\r\n", 2);
    assert_int_equal(request_parse(str_of(bytes, len + 2), &wide, room, &request, &refusal),
                     PARSE_DONE);
    memcpy(bytes + len, "B: \r\n", 5);
    assert_int_equal(request_parse(str_of(bytes, len + 5), &wide, room, &request, &refusal),
                     PARSE_REFUSED);
    assert_int_equal(refusal.status, 431);
}

/* Fed a byte at a time, it is worth parsing whenever the answer changes. */
static void feed(const char *promise, struct str head)
{
    enum parse before = PARSE_MORE;
    struct parsed parsed;

    for (size_t len = 1; len <= head.len && before == PARSE_MORE; len++) {
        parsed = parse_bytes(str_of(head.ptr, len));
        if (parsed.parse != before)
            PROMISED(promise, request_worth_parsing(parsed.bytes.view, len - 1, &limits));
        before = parsed.parse;
        parsed_fini(&parsed);
    }
}

static void parsing_is_worth_it_when_the_answer_changes(void **state)
{
    char bytes[HEAD_BYTES + 100];

    (void)state;
    for (size_t i = 0; i < COUNTOF(good); i++)
        feed(good[i].promise, str_view(good[i].head));
    for (size_t i = 0; i < COUNTOF(refused); i++)
        feed(refused[i].promise, str_view(refused[i].head));

    write_head(bytes, sizeof(bytes));
    feed("a head too large", str_of(bytes, sizeof(bytes)));
    memset(bytes, 'a', sizeof(bytes));
    memcpy(bytes, "GET /", 5);
    feed("a target too long", str_of(bytes, sizeof(bytes)));
    memcpy(bytes, "\r\nM234567890123456789012345678901A /", 36);
    feed("a target too long, behind all that may come before it", str_of(bytes, sizeof(bytes)));
    bytes[36 + TARGET_BYTES - 1] = '\r';
    feed("a target too long by a carriage return", str_of(bytes, sizeof(bytes)));
    feed("a method too long by a carriage return", STR("\r\nM234567890123456789012345678901A\r."));
}

static void and_hardly_ever_else(void **state)
{
    char bytes[HEAD_BYTES];
    size_t worth = 0;

    (void)state;
    write_head(bytes, HEAD_BYTES);
    for (size_t len = 1; len <= HEAD_BYTES; len++)
        worth += request_worth_parsing(str_of(bytes, len), len - 1, &limits);
    assert_true(worth < 100);
    assert_true(request_worth_parsing(str_of(bytes, HEAD_BYTES - 1), 0, &limits));
    assert_false(request_worth_parsing(str_of(bytes, HEAD_BYTES - 3), 300, &limits));
    assert_true(request_worth_parsing(str_of(bytes, HEAD_BYTES - 2), 300, &limits));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_head_is_refused),
        cmocka_unit_test(a_refusal_stands_whatever_comes_after),
        cmocka_unit_test(a_good_head_is_read),
        cmocka_unit_test(every_beginning_of_a_good_head_wants_more),
        cmocka_unit_test(what_follows_a_head_is_left_alone),
        cmocka_unit_test(slices_point_into_the_bytes),
        cmocka_unit_test(a_refused_request_keeps_what_could_be_read),
        cmocka_unit_test(a_target_too_long_is_414),
        cmocka_unit_test(a_head_too_large_is_431),
        cmocka_unit_test(a_request_line_that_fills_the_head_is_414),
        cmocka_unit_test(too_many_fields_are_431),
        cmocka_unit_test(parsing_is_worth_it_when_the_answer_changes),
        cmocka_unit_test(and_hardly_ever_else),
    };

    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}

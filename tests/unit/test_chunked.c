/* What http/chunked promises: the same body and the same verdict, however the bytes are cut
 * (RFC 9112 §7.1). */
#include "base/buf.h"
#include "http/chunked.h"
#include "tests/support/promise.h"

enum { LEFT_OVER = 3 };             /* "GET": the next request, which is not ours */

static const struct chunked_case {
    const char *promise;
    const char *bytes;
    const char *body;
    enum parse  verdict;
} cases[] = {
    {"no chunk",                              "0\r\n\r\n", "", PARSE_DONE},
    {"one chunk",                             "5\r\nhello\r\n0\r\n\r\n", "hello", PARSE_DONE},
    {"two chunks",                            "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "hello", PARSE_DONE},
    {"a size in hexadecimal",                 "a\r\n0123456789\r\n0\r\n\r\n", "0123456789", PARSE_DONE},
    {"whatever its case",                     "A\r\n0123456789\r\n0\r\n\r\n", "0123456789", PARSE_DONE},
    {"zeros in front count for nothing",
     "000000000000000000005\r\nhello\r\n00000000000000000000\r\n\r\n",        "hello", PARSE_DONE},
    {"data may look like anything",           "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", "\r\n0\r\n\r\n", PARSE_DONE},
    {"an extension",                          "5;a=b\r\nhello\r\n0;c\r\n\r\n", "hello", PARSE_DONE},
    {"a quoted extension",                    "5;a=\"b;c\"\r\nhello\r\n0\r\n\r\n", "hello", PARSE_DONE},
    {"RFC 9112 §7.1.1: bad white space before one",    "5 \t;a\r\nhello\r\n0\r\n\r\n", "hello", PARSE_DONE},
    {"RFC 9112 §7.1.2: a trailer",                     "5\r\nhello\r\n0\r\nA: b\r\n\r\n", "hello", PARSE_DONE},
    {"trailers",                              "0\r\nA: b\r\nC:\t\xC3\xBC\r\n\r\n", "", PARSE_DONE},

    {"nothing",                               "", "", PARSE_MORE},
    {"half a size",                           "5", "", PARSE_MORE},
    {"no data yet",                           "5\r\n", "", PARSE_MORE},
    {"half the data",                         "5\r\nhel", "hel", PARSE_MORE},
    {"no line end yet",                       "5\r\nhello", "hello", PARSE_MORE},
    {"no last chunk yet",                     "5\r\nhello\r\n", "hello", PARSE_MORE},
    {"no end of the trailers yet",            "5\r\nhello\r\n0\r\n", "hello", PARSE_MORE},
    {"half a trailer",                        "0\r\nA: b\r\n", "", PARSE_MORE},
    {"the last line feed is missing",         "0\r\n\r", "", PARSE_MORE},
    {"the largest size",                      "7fffffffffffffff\r\nhello", "hello", PARSE_MORE},

    {"one more than the largest",             "8000000000000000\r\n", "", PARSE_REFUSED},
    {"a size that wraps around",              "10000000000000005\r\nhello", "", PARSE_REFUSED},
    {"no size",                               "\r\nhello", "", PARSE_REFUSED},
    {"no size, an extension",                 ";a\r\nhello", "", PARSE_REFUSED},
    {"a sign",                                "+5\r\nhello", "", PARSE_REFUSED},
    {"the other sign",                        "-5\r\nhello", "", PARSE_REFUSED},
    {"C's way to write it",                   "0x5\r\nhello", "", PARSE_REFUSED},
    {"a space before",                        " 5\r\nhello", "", PARSE_REFUSED},
    {"a space behind",                        "5 \r\nhello", "", PARSE_REFUSED},
    {"a space between",                       "5 5\r\nhello", "", PARSE_REFUSED},
    {"no digit",                              "g\r\nhello", "", PARSE_REFUSED},
    {"a bare LF behind the size",             "5\nhello", "", PARSE_REFUSED},
    {"a bare CR behind the size",             "5\rhello", "", PARSE_REFUSED},
    {"a bare LF in an extension",             "5;a\nhello", "", PARSE_REFUSED},
    {"a bare LF in a quoted extension",       "5;a=\"\n\"\r\nhello", "", PARSE_REFUSED},
    {"a bare CR in an extension",             "5;a\rb\r\nhello", "", PARSE_REFUSED},
    {"a control byte in an extension",        "5;\x01\r\nhello", "", PARSE_REFUSED},
    {"DEL in an extension",                   "5;\x7f\r\nhello", "", PARSE_REFUSED},
    {"more data than said",                   "4\r\nhello\r\n", "hell", PARSE_REFUSED},
    {"a bare LF behind the data",             "5\r\nhello\n", "hello", PARSE_REFUSED},
    {"a bare CR behind the data",             "5\r\nhello\r0\r\n\r\n", "hello", PARSE_REFUSED},
    {"a bare LF behind the last chunk",       "0\n\n", "", PARSE_REFUSED},
    {"a bare LF at the end",                  "0\r\n\n", "", PARSE_REFUSED},
    {"a bare CR at the end",                  "0\r\n\rG", "", PARSE_REFUSED},
    {"a bare LF behind a trailer",            "0\r\nA: b\n\r\n", "", PARSE_REFUSED},
    {"a bare CR in a trailer",                "0\r\nA: b\rc\r\n\r\n", "", PARSE_REFUSED},
    {"a control byte in a trailer",           "0\r\nA: \x01\r\n\r\n", "", PARSE_REFUSED},
    {"a folded trailer",                      "0\r\nA: b\r\n c\r\n\r\n", "", PARSE_REFUSED},
    {"a space before the colon of a trailer", "0\r\nA : b\r\n\r\n", "", PARSE_REFUSED},
    {"a trailer without a name",              "0\r\n: b\r\n\r\n", "", PARSE_REFUSED},
    {"a trailer without a colon",             "0\r\nA\r\n\r\n", "", PARSE_REFUSED},
};

/* What came of a body so far. */
struct decoded {
    struct chunked chunked;
    struct buf     body;
    enum parse     verdict;
    struct refusal refusal;
    size_t         used;
};

#define DECODED_START ((struct decoded){.body = BUF_UP_TO(65536), .verdict = PARSE_MORE})

/* Decodes one piece, in a heap copy of its exact size.  What is behind the end is left alone. */
static void decode(struct decoded *decoded, struct str piece)
{
    struct tight_str copy = tight_bytes(piece.ptr, piece.len);
    size_t count = piece.len, used = 0;

    if (decoded->verdict == PARSE_MORE) {
        decoded->verdict = chunked_decode(&decoded->chunked, copy.bytes, &count, &used,
                                          &decoded->refusal);
        buf_append(&decoded->body, str_of(copy.bytes, count));
        decoded->used += used;
        if (decoded->verdict == PARSE_MORE)
            assert_int_equal(used, piece.len);
    }
    tight_str_free(&copy);
}

static void check(const struct chunked_case *c, struct decoded *decoded)
{
    PROMISED_NUMBER(c->promise, decoded->verdict, c->verdict);
    PROMISED_NUMBER(c->promise, decoded->refusal.status, c->verdict == PARSE_REFUSED ? 400 : 0);
    PROMISED_STR(c->promise, buf_view(&decoded->body), c->body);
    if (c->verdict != PARSE_REFUSED)
        PROMISED_NUMBER(c->promise, decoded->used, strlen(c->bytes));
    buf_fini(&decoded->body);
}

static void a_body_is_decoded_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct decoded decoded = DECODED_START;

        decode(&decoded, str_view(cases[i].bytes));
        check(&cases[i], &decoded);
    }
}

static void however_it_is_cut_in_three(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct str bytes = str_view(cases[i].bytes);

        for (size_t a = 0; a <= bytes.len; a++) {
            for (size_t b = a; b <= bytes.len; b++) {
                struct decoded decoded = DECODED_START;

                decode(&decoded, str_of(bytes.ptr, a));
                decode(&decoded, str_of(bytes.ptr + a, b - a));
                decode(&decoded, str_from(bytes, b));
                check(&cases[i], &decoded);
            }
        }
    }
}

static void and_in_single_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct str bytes = str_view(cases[i].bytes);
        struct decoded decoded = DECODED_START;

        for (size_t at = 0; at < bytes.len; at++)
            decode(&decoded, str_of(bytes.ptr + at, 1));
        check(&cases[i], &decoded);
    }
}

/* The next request is not the body's, and comes out as it went in. */
static void what_follows_the_body_is_left_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const struct chunked_case *c = &cases[i];
        size_t len = strlen(c->bytes), count = len + LEFT_OVER, used;
        struct chunked chunked = CHUNKED_START;
        struct refusal refusal;
        struct tight_str copy;
        char bytes[256];

        if (c->verdict != PARSE_DONE)
            continue;
        memcpy(bytes, c->bytes, len);
        memcpy(bytes + len, "GET", LEFT_OVER);
        copy = tight_bytes(bytes, len + LEFT_OVER);
        PROMISED_NUMBER(c->promise,
                        chunked_decode(&chunked, copy.bytes, &count, &used, &refusal), PARSE_DONE);
        PROMISED_NUMBER(c->promise, used, len);
        PROMISED_STR(c->promise, str_of(copy.bytes, count), c->body);
        PROMISED_STR(c->promise, str_of(copy.bytes + used, LEFT_OVER), "GET");
        tight_str_free(&copy);
    }
}

/* `count` times the same piece, after and before others; what the verdict is. */
static enum parse decode_many(const char *before, const char *piece, size_t count,
                              const char *after)
{
    struct decoded decoded = DECODED_START;

    decode(&decoded, str_view(before));
    for (size_t i = 0; i < count; i++)
        decode(&decoded, str_view(piece));
    decode(&decoded, str_view(after));
    buf_fini(&decoded.body);
    return decoded.verdict;
}

static void framing_has_limits(void **state)
{
    (void)state;

    /* "1;" and CRLF are of the line. */
    assert_int_equal(decode_many("1;", "a", CHUNK_LINE_MAX - 4, "\r\nx"), PARSE_MORE);
    assert_int_equal(decode_many("1;", "a", CHUNK_LINE_MAX - 3, "\r\nx"), PARSE_REFUSED);
    assert_int_equal(decode_many("", "0", CHUNK_LINE_MAX + 1, ""), PARSE_REFUSED);
    assert_int_equal(decode_many("1", " ", CHUNK_LINE_MAX, ""), PARSE_REFUSED);

    /* "A:", CRLF, CRLF are of the trailers. */
    assert_int_equal(decode_many("0\r\nA:", "a", CHUNK_TRAILER_MAX - 6, "\r\n\r\n"), PARSE_DONE);
    assert_int_equal(decode_many("0\r\nA:", "a", CHUNK_TRAILER_MAX - 5, "\r\n\r\n"), PARSE_REFUSED);
    assert_int_equal(decode_many("0\r\n", "A:\r\n", CHUNK_TRAILER_MAX / 4, ""), PARSE_MORE);
    assert_int_equal(decode_many("0\r\n", "A:\r\n", CHUNK_TRAILER_MAX / 4, "\r\n"), PARSE_REFUSED);

    /* Each chunk has a line of its own. */
    assert_int_equal(decode_many("", "1;abcdefgh\r\nx\r\n", 5000, "0\r\n\r\n"), PARSE_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_is_decoded_or_refused),
        cmocka_unit_test(however_it_is_cut_in_three),
        cmocka_unit_test(and_in_single_bytes),
        cmocka_unit_test(what_follows_the_body_is_left_alone),
        cmocka_unit_test(framing_has_limits),
    };

    return cmocka_run_group_tests_name("chunked", tests, NULL, NULL);
}

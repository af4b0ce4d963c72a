/* utf8: a charset is named only for what really is in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/utf8.h"
#include "tests/support/tight.h"

#define BYTES(literal) STR(literal)

/* RFC 3629 §4 */
static const struct text_case {
    const char *promise;
    struct str  bytes;
    bool        is_valid;
    bool        is_text;
} cases[] = {
    {"nothing is text", STR_NONE, true, true},
    {"ASCII is text", BYTES("hello\r\n\t"), true, true},
    {"two bytes", BYTES("caf\xc3\xa9"), true, true},
    {"three bytes", BYTES("\xe2\x82\xac"), true, true},
    {"four bytes", BYTES("\xf0\x9f\x9b\xb6"), true, true},
    {"a byte order mark", BYTES("\xef\xbb\xbf" "a"), true, true},
    {"the last code point", BYTES("\xf4\x8f\xbf\xbf"), true, true},
    {"beyond the last code point", BYTES("\xf4\x90\x80\x80"), false, false},
    {"Latin-1", BYTES("caf\xe9 au lait"), false, false},
    {"a character cut short", BYTES("caf\xc3"), false, false},
    {"a tail without a head", BYTES("\x80"), false, false},
    {"a slash in two bytes", BYTES("\xc0\xaf"), false, false},
    {"a slash in three bytes", BYTES("\xe0\x80\xaf"), false, false},
    {"four bytes where three are enough", BYTES("\xf0\x8f\xbf\xbf"), false, false},
    {"half of a surrogate pair", BYTES("\xed\xa0\x80"), false, false},
    {"a byte that is never used", BYTES("\xff"), false, false},
    {"UTF-16 without a mark", BYTES("h\0e\0"), true, false},
    {"ISO-2022-JP", BYTES("\x1b$B$\"\x1b(B"), true, false},
};

static struct utf8 read_in_pieces(struct str bytes, size_t piece)
{
    struct utf8 utf8 = UTF8_NONE;

    for (size_t at = 0; at < bytes.len; at += piece)
        utf8_read(&utf8, str_of(bytes.ptr + at, MIN_OF(piece, bytes.len - at)));
    return utf8;
}

static void each_promise_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct tight_str bytes = tight_bytes(cases[i].bytes.ptr, cases[i].bytes.len);

        for (size_t piece = 1; piece < 8; piece++) {
            struct utf8 utf8 = read_in_pieces(bytes.view, piece);

            if (utf8_is_valid(&utf8) != cases[i].is_valid ||
                utf8_is_text(&utf8) != cases[i].is_text)
                fail_msg("%s, in pieces of %zu", cases[i].promise, piece);
        }
        tight_str_free(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_promise_holds)};

    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}

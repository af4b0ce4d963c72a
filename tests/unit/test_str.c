/* What base/str promises about borrowed slices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/str.h"
#include "tests/support/tight.h"

/* Ends the test and names the promise that did not hold. */
#define PROMISED(promise, holds)                                                                   \
    do {                                                                                           \
        if (!(holds))                                                                              \
            fail_msg("not kept: %s (%s)", (promise), #holds);                                      \
    } while (0)

static const struct pair_case {
    const char *promise;
    const char *a;
    const char *b;
    bool        equal;
    bool        nocase;
    bool        starts;         /* a starts with b */
    bool        ends;
} pairs[] = {
    {"a slice equals itself",               "host",  "host",  true,  true,  true,  true},
    {"case counts, but for nocase",         "Host",  "hOST",  false, true,  false, false},
    {"lengths differ",                      "hos",   "host",  false, false, false, false},
    {"a prefix is a start",                 "bytes=","bytes", false, false, true,  false},
    {"a suffix is an end",                  "a.html",".html", false, false, false, true},
    {"everything starts and ends with nothing",
                                            "x",     "",      false, false, true,  true},
    {"nothing equals nothing",              "",      "",      true,  true,  true,  true},
    {"nothing starts with nothing more",    "",      "x",     false, false, false, false},
    {"@ is not a letter's other case",      "@",     "`",     false, false, false, false},
    {"[ is not a letter's other case",      "[",     "{",     false, false, false, false},
    {"bytes from 0x80 have no case",        "\xC4",  "\xE4",  false, false, false, false},
    {"an absent value equals an empty one", NULL,    "",      true,  true,  true,  true},
};

static void two_slices_compare(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(pairs); i++) {
        const struct pair_case *c = &pairs[i];
        struct tight_str a = tight_str(c->a), b = tight_str(c->b);

        PROMISED(c->promise, str_equal(a.view, b.view) == c->equal);
        PROMISED(c->promise, str_equal_nocase(a.view, b.view) == c->nocase);
        PROMISED(c->promise, str_starts(a.view, b.view) == c->starts);
        PROMISED(c->promise, str_ends(a.view, b.view) == c->ends);
        tight_str_free(&a);
        tight_str_free(&b);
    }
}

static void a_slice_from_a_byte_on(void **state)
{
    struct tight_str s = tight_str("abc");

    (void)state;
    assert_true(str_equal(str_from(s.view, 0), STR("abc")));
    assert_true(str_equal(str_from(s.view, 2), STR("c")));
    assert_int_equal(str_from(s.view, 3).len, 0);
    assert_int_equal(str_from(s.view, SIZE_MAX).len, 0);
    assert_int_equal(str_from((struct str){NULL, 0}, 7).len, 0);
    tight_str_free(&s);
}

static void a_byte_is_found_or_the_length_given(void **state)
{
    struct tight_str s = tight_bytes("a\0b/c/", 6);

    (void)state;
    assert_int_equal(str_find(s.view, '/'), 3);
    assert_int_equal(str_find(s.view, '\0'), 1);
    assert_int_equal(str_find(s.view, 'x'), 6);
    assert_int_equal(str_find((struct str){NULL, 0}, 'x'), 0);
    tight_str_free(&s);
}

/* RFC 9110 §5.6.3 */
static const struct trim_case {
    const char *promise;
    const char *given;
    const char *left;
} trims[] = {
    {"spaces and tabs go at both ends", " \t a b\t ", "a b"},
    {"what is inside stays",            "a \t b",     "a \t b"},
    {"nothing but blanks is nothing",   " \t ",       ""},
    {"nothing stays nothing",           "",           ""},
    {"absent stays empty",              NULL,         ""},
    {"line breaks are not OWS",         "\r\na\n",    "\r\na\n"},
};

static void blanks_are_trimmed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(trims); i++) {
        struct tight_str s = tight_str(trims[i].given);

        PROMISED(trims[i].promise, str_equal(str_trim(s.view), str_view(trims[i].left)));
        tight_str_free(&s);
    }
}

static const struct split_case {
    const char *promise;
    const char *given;
    size_t      count;
    const char *parts[4];
} splits[] = {
    {"parts come in order",             "a,bc,d", 3, {"a", "bc", "d"}},
    {"one part needs no separator",     "abc",    1, {"abc"}},
    {"an empty last part is given",     "a,",     2, {"a", ""}},
    {"an empty first part is given",    ",a",     2, {"", "a"}},
    {"empty parts in between are given","a,,b",   3, {"a", "", "b"}},
    {"a separator alone parts nothings",",",      2, {"", ""}},
    {"two separators part three",       ",,",     3, {"", "", ""}},
    {"an empty slice has none",         "",       0, {NULL}},
    {"an absent one has none",          NULL,     0, {NULL}},
};

static void a_list_is_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(splits); i++) {
        const struct split_case *c = &splits[i];
        struct tight_str s = tight_str(c->given);
        struct str rest = s.view, part = STR("untouched");
        size_t count = 0;

        for (; str_split(&rest, ',', &part); count++) {
            PROMISED(c->promise, count < c->count);
            PROMISED(c->promise, str_equal(part, str_view(c->parts[count])));
        }
        PROMISED(c->promise, count == c->count);
        PROMISED(c->promise, !str_split(&rest, ',', &part));
        tight_str_free(&s);
    }
}

static void an_empty_rest_is_empty_to_another_separator(void **state)
{
    struct str rest = STR("/path?"), part;

    (void)state;
    assert_true(str_split(&rest, '?', &part));
    assert_true(str_equal(part, STR("/path")));
    assert_int_equal(rest.len, 0);
    assert_false(str_split(&rest, '&', &part));
}

static void an_empty_part_is_not_split_further(void **state)
{
    struct str rest = STR("a,"), part = STR_NONE, piece;

    (void)state;
    assert_true(str_split(&rest, ',', &part));
    assert_true(str_split(&rest, ',', &part));
    assert_false(str_split(&part, ',', &piece));
}

static const struct number_case {
    const char *promise;
    const char *given;
    bool        ok;
    uint64_t    number;
} numbers[] = {
    {"digits are a number",          "1234",                 true,  1234},
    {"zero is one",                  "0",                    true,  0},
    {"leading zeros change nothing", "0000000000000000000000042", true, 42},
    {"the largest fits",             "18446744073709551615", true,  UINT64_MAX},
    {"one more does not",            "18446744073709551616", false, 0},
    {"nor ten times as much",        "184467440737095516150",false, 0},
    {"no digits, no number",         "",                     false, 0},
    {"absent is no number",          NULL,                   false, 0},
    {"no sign",                      "+1",                   false, 0},
    {"no minus",                     "-1",                   false, 0},
    {"no space before",              " 1",                   false, 0},
    {"no space behind",              "1 ",                   false, 0},
    {"no hexadecimal",               "0x1",                  false, 0},
    {"no fraction",                  "1.0",                  false, 0},
};

static void a_number_is_digits(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(numbers); i++) {
        const struct number_case *c = &numbers[i];
        struct tight_str s = tight_str(c->given);
        uint64_t number = 77;

        PROMISED(c->promise, str_to_u64(s.view, &number) == c->ok);
        PROMISED(c->promise, number == (c->ok ? c->number : 77));
        tight_str_free(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_slices_compare),
        cmocka_unit_test(a_slice_from_a_byte_on),
        cmocka_unit_test(a_byte_is_found_or_the_length_given),
        cmocka_unit_test(blanks_are_trimmed),
        cmocka_unit_test(a_list_is_split),
        cmocka_unit_test(an_empty_rest_is_empty_to_another_separator),
        cmocka_unit_test(an_empty_part_is_not_split_further),
        cmocka_unit_test(a_number_is_digits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

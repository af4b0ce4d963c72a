/* What http/etag promises about entity tags (RFC 9110 §8.8.3). */
#include "http/etag.h"
#include "tests/support/promise.h"

static const struct valid_case {
    const char *promise;
    const char *tag;
    bool        valid;
    bool        weak;
} valids[] = {
    {"a strong tag",                    "\"xyzzy\"",        true,  false},
    {"a weak tag",                      "W/\"xyzzy\"",      true,  true},
    {"an empty tag",                    "\"\"",             true,  false},
    {"an empty weak tag",               "W/\"\"",           true,  true},
    {"a comma and a backslash",         "\"a,b\\\"",        true,  false},
    {"bytes from 0x80",                 "\"\xC3\xBC\"",     true,  false},
    {"W has a case",                    "w/\"xyzzy\"",      false, false},
    {"no quotes",                       "xyzzy",            false, false},
    {"one quote",                       "\"",               false, false},
    {"one quote, and a weak one",       "W/\"",             false, true},
    {"a tag that does not end",         "\"xyzzy",          false, false},
    {"a tag that does not begin",       "xyzzy\"",          false, false},
    {"a quote inside",                  "\"xy\"zzy\"",      false, false},
    {"a space inside",                  "\"xy zzy\"",       false, false},
    {"something behind",                "\"xyzzy\"-gz",     false, false},
    {"a space behind",                  "\"xyzzy\" ",       false, false},
    {"a space behind W/",               "W/ \"xyzzy\"",     false, true},
    {"twice weak",                      "W/W/\"xyzzy\"",    false, true},
    {"nothing but W/",                  "W/",               false, true},
    {"the asterisk",                    "*",                false, false},
    {"nothing",                         "",                 false, false},
};

static void a_tag_is_valid_or_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(valids); i++) {
        struct tight_str tag = tight_str(valids[i].tag);

        PROMISED(valids[i].promise, etag_is_valid(tag.view) == valids[i].valid);
        PROMISED(valids[i].promise, etag_is_weak(tag.view) == valids[i].weak);
        tight_str_free(&tag);
    }
}

/* RFC 9110 §8.8.3.2: its table of examples, and one more. */
static const struct pair_case {
    const char *a;
    const char *b;
    bool        strong;
    bool        weak;
} pairs[] = {
    {"W/\"1\"", "W/\"1\"", false, true},
    {"W/\"1\"", "W/\"2\"", false, false},
    {"W/\"1\"", "\"1\"",   false, true},
    {"\"1\"",   "W/\"1\"", false, true},
    {"\"1\"",   "\"1\"",   true,  true},
    {"\"a\"",   "\"A\"",   false, false},
};

static void two_tags_compare(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(pairs); i++) {
        struct tight_str a = tight_str(pairs[i].a), b = tight_str(pairs[i].b);

        PROMISED(pairs[i].a, etag_equal_strong(a.view, b.view) == pairs[i].strong);
        PROMISED(pairs[i].a, etag_equal_weak(a.view, b.view) == pairs[i].weak);
        tight_str_free(&a);
        tight_str_free(&b);
    }
}

/* RFC 9110 §13.1.1, §13.1.2.  Is "a" in it? */
static const struct list_case {
    const char *promise;
    const char *list;
    bool        strong;
    bool        weak;
} lists[] = {
    {"alone",                               "\"a\"",                  true,  true},
    {"alone and weak",                      "W/\"a\"",                false, true},
    {"the first",                           "\"a\", \"b\"",           true,  true},
    {"the last",                            "\"b\",\"c\" ,\t\"a\"",   true,  true},
    {"behind a weak one",                   "W/\"b\", \"a\"",         true,  true},
    {"weak, then strong",                   "W/\"a\", \"a\"",         true,  true},
    {"not in it",                           "\"b\", \"c\"",           false, false},
    {"empty elements are passed over",      ", ,\"b\",, ,\"a\",",     true,  true},
    {"a comma inside a tag",                "\"b,\", \"a\"",          true,  true},
    {"a backslash escapes nothing",         "\"b\\\", \"a\"",         true,  true},
    {"a part of a tag is no tag",           "\"b,\"a\"\"",            false, false},
    {"the asterisk is not one",             "*",                      false, false},
    {"without quotes",                      "a",                      false, false},
    {"before something malformed",          "\"a\", b",               true,  true},
    {"behind something malformed",          "b, \"a\"",               false, false},
    {"behind a tag with something behind",  "\"b\"x, \"a\"",          false, false},
    {"something behind it",                 "\"a\"x",                 false, false},
    {"another behind it without a comma",   "\"a\" \"b\"",            false, false},
    {"it does not end",                     "\"a",                    false, false},
    {"behind a tag that does not end",      "\"b, \"a\"",             false, false},
    {"behind a small w",                    "w/\"b\", \"a\"",         false, false},
    {"nothing but W/",                      "W/",                     false, false},
    {"nothing but commas",                  ", ,",                    false, false},
    {"nothing",                             "",                       false, false},
};

static void a_tag_is_in_a_list_or_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(lists); i++) {
        const struct list_case *c = &lists[i];
        struct tight_str list = tight_str(c->list);

        PROMISED(c->promise, etag_list_has(list.view, STR("\"a\""), false) == c->strong);
        PROMISED(c->promise, etag_list_has(list.view, STR("\"a\""), true) == c->weak);
        PROMISED(c->promise, !etag_list_has(list.view, STR("W/\"a\""), false));
        PROMISED(c->promise, etag_list_has(list.view, STR("W/\"a\""), true) == c->weak);
        tight_str_free(&list);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tag_is_valid_or_not),
        cmocka_unit_test(two_tags_compare),
        cmocka_unit_test(a_tag_is_in_a_list_or_not),
    };

    return cmocka_run_group_tests_name("etag", tests, NULL, NULL);
}

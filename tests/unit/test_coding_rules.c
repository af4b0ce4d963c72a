/* coding_rules: which files are worth coding, as the operator has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "site/coding_rules.h"
#include "tests/support/promise.h"

static const char *const excepted[] = {"/account.html", "/drafts/*", "image/*", "text/csv"};

static const struct coding_rules rules = {
    .is_on = true, .least = 256, .most = 4096, .except = excepted, .except_count = 4};

static const struct file_case {
    const char *promise;
    const char *name;       /* beneath the root */
    const char *type;       /* "": not known yet */
    uint64_t    length;
    bool        may_lie_beside, may_be_made;
} cases[] = {
    {"a page",                              "a.html", "text/html", 1000, true, true},
    {"as small as may be",                  "a.html", "text/html", 256, true, true},
    {"smaller, and only found beside",      "a.html", "text/html", 255, true, false},
    {"as large as may be",                  "a.html", "text/html", 4096, true, true},
    {"larger, and only found beside",       "a.html", "text/html", 4097, true, false},
    {"what is small already is not made",   "a.zip", "application/zip", 1000, true, false},
    {"a type nobody knows is not made",     "a.odd", "application/x-odd", 1000, true, false},
    {"a path that is excepted",             "account.html", "text/html", 1000, false, false},
    {"is so before its type is known",      "account.html", "", 1000, false, false},
    {"names have case",                     "Account.html", "text/html", 1000, true, true},
    {"a path is a whole one",               "account.html5", "text/html", 1000, true, true},
    {"and begins at the root",              "old/account.html", "text/html", 1000, true, true},
    {"a folder that is excepted",           "drafts/a.html", "text/html", 1000, false, false},
    {"and all below it",                    "drafts/b/c.html", "text/html", 1000, false, false},
    {"but not what only begins like it",    "drafts.html", "text/html", 1000, true, true},
    {"types that are excepted",             "a.svg", "image/svg+xml", 1000, false, false},
    {"have no case either",                 "a.svg", "IMAGE/SVG+XML", 1000, false, false},
    {"one type that is excepted",           "a.csv", "text/csv", 1000, false, false},
    {"and not those that begin like it",    "a.csv", "text/csv-schema", 1000, true, true},
    {"a type not known yet is no type",     "a.svg", "", 1000, true, false},
};

static void a_file_is_coded_or_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const struct file_case *c = &cases[i];
        struct str name = str_view(c->name), type = str_view(c->type);

        PROMISED(c->promise, coding_rules_allow(&rules, name, type) == c->may_lie_beside);
        PROMISED(c->promise,
                 coding_rules_favour(&rules, name, type, c->length) == c->may_be_made);
    }
}

static void switched_off_nothing_is(void **state)
{
    const struct coding_rules off = {.least = 0, .most = UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct str name = str_view(cases[i].name), type = str_view(cases[i].type);

        PROMISED(cases[i].promise, !coding_rules_allow(&off, name, type));
        PROMISED(cases[i].promise, !coding_rules_favour(&off, name, type, 1000));
    }
}

static void everything_may_be_excepted(void **state)
{
    static const char *const all[] = {"/*"};
    const struct coding_rules none = {
        .is_on = true, .most = UINT64_MAX, .except = all, .except_count = 1};

    (void)state;
    assert_false(coding_rules_allow(&none, STR("a.html"), STR("text/html")));
    assert_false(coding_rules_allow(&none, STR("a/b/c"), STR_NONE));
}

static const struct pattern_case {
    const char *pattern;
    bool        is_valid;
} patterns[] = {
    {"/a.html", true},   {"/drafts/*", true},  {"/*", true},       {"/", true},
    {"/a b", true},      {"text/html", true},  {"text/*", true},   {"image/svg+xml", true},
    {"", false},         {"*", false},         {"text", false},    {"text*", false},
    {"text/", false},    {"*/html", false},    {"*/*", false},     {"text/html/x", false},
    {"/a*b", false},     {"/a/**", false},     {"drafts/", false}, {"te*t/html", false},
};

static void a_pattern_is_a_path_or_a_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(patterns); i++)
        PROMISED(patterns[i].pattern,
                 coding_pattern_is_valid(patterns[i].pattern) == patterns[i].is_valid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_coded_or_not),
        cmocka_unit_test(switched_off_nothing_is),
        cmocka_unit_test(everything_may_be_excepted),
        cmocka_unit_test(a_pattern_is_a_path_or_a_type),
    };

    return cmocka_run_group_tests_name("coding_rules", tests, NULL, NULL);
}

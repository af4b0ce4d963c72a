/* What endpoints/mirror promises of names; the rest is in tests/integration/test_mirror.py. */
#include "endpoints/mirror.h"
#include "tests/support/promise.h"

static const struct title_case {
    const char *promise;
    const char *name;
    const char *title;
} cases[] = {
    {"a name in small letters",          "x-forwarded-for",  "X-Forwarded-For"},
    {"a name in large letters",          "ACCEPT",           "Accept"},
    {"a name as it should be",           "Content-Type",     "Content-Type"},
    {"a letter behind a digit is large", "sha256sum",        "Sha256Sum"},
    {"other bytes stay as they are",     "x_y-!#1-~z",       "X_Y-!#1-~Z"},
    {"a hyphen at each end",             "-a-",              "-A-"},
    {"one letter",                       "x",                "X"},
};

static void each_name_has_its_title(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct tight_str name = tight_str(cases[i].name);
        struct buf       title = BUF_UP_TO(64);

        mirror_append_title(&title, name.view);
        PROMISED_STR(cases[i].promise, buf_view(&title), cases[i].title);
        buf_fini(&title);
        tight_str_free(&name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_name_has_its_title)};

    return cmocka_run_group_tests_name("mirror", tests, NULL, NULL);
}

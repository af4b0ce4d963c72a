/* What http/method promises: names to numbers and back (RFC 9110 §9, RFC 5789). */
#include "http/method.h"
#include "tests/support/promise.h"

static const struct method_case {
    const char *promise;
    const char *name;
    enum method method;
} cases[] = {
    {"GET",                                  "GET",      METHOD_GET},
    {"HEAD",                                 "HEAD",     METHOD_HEAD},
    {"POST",                                 "POST",     METHOD_POST},
    {"PUT",                                  "PUT",      METHOD_PUT},
    {"DELETE",                               "DELETE",   METHOD_DELETE},
    {"CONNECT",                              "CONNECT",  METHOD_CONNECT},
    {"OPTIONS",                              "OPTIONS",  METHOD_OPTIONS},
    {"TRACE",                                "TRACE",    METHOD_TRACE},
    {"PATCH",                                "PATCH",    METHOD_PATCH},
    {"RFC 9110 §9.1: case counts",           "get",      METHOD_UNKNOWN},
    {"so it does in one letter",             "GEt",      METHOD_UNKNOWN},
    {"a beginning is not enough",            "GE",       METHOD_UNKNOWN},
    {"one letter more is another method",    "GETS",     METHOD_UNKNOWN},
    {"as long as one we know",               "BREW",     METHOD_UNKNOWN},
    {"as long, with the same first letter",  "PROPS",    METHOD_UNKNOWN},
    {"a method of WebDAV",                   "PROPFIND", METHOD_UNKNOWN},
    {"no name at all",                       "",         METHOD_UNKNOWN},
};

static void each_name_has_its_method(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const struct method_case *c = &cases[i];
        struct tight_str name = tight_str(c->name);

        PROMISED_NUMBER(c->promise, method_of(name.view), c->method);
        tight_str_free(&name);
    }
}

static void each_method_has_its_name(void **state)
{
    (void)state;
    for (enum method method = 0; method < METHODS_COUNT; method++)
        assert_int_equal(method_of(method_name(method)), method);
    assert_int_equal(method_name(METHOD_UNKNOWN).len, 0);
    assert_true(str_equal(method_name(METHOD_OPTIONS), STR("OPTIONS")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_has_its_method),
        cmocka_unit_test(each_method_has_its_name),
    };

    return cmocka_run_group_tests_name("method", tests, NULL, NULL);
}

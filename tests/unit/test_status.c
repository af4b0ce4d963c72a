/* What http/status promises: phrases, and which answers have no content. */
#include "http/status.h"
#include "tests/support/promise.h"

/* RFC 9110 §15, RFC 6585 */
static const struct phrase_case {
    const char *promise;
    int         code;
    const char *phrase;
} phrases[] = {
    {"the first of the table",    100, "Continue"},
    {"the usual one",             200, "OK"},
    {"the name of RFC 9110",      413, "Content Too Large"},
    {"RFC 6585 §5",               431, "Request Header Fields Too Large"},
    {"one that others send",      429, "Too Many Requests"},
    {"the last of the table",     511, "Network Authentication Required"},
    {"a code of nobody's",      299, ""},
    {"a code that is none",       0,   ""},
    {"nor is a negative one",     -1,  ""},
};

static void each_code_has_its_phrase(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(phrases); i++)
        PROMISED_STR(phrases[i].promise, status_phrase(phrases[i].code), phrases[i].phrase);
}

/* RFC 9110 §6.4.1 */
static void some_answers_have_no_content(void **state)
{
    (void)state;
    assert_true(status_has_no_body(100));
    assert_true(status_has_no_body(199));
    assert_true(status_has_no_body(204));
    assert_true(status_has_no_body(304));
    assert_false(status_has_no_body(200));
    assert_false(status_has_no_body(206));
    assert_false(status_has_no_body(404));
}

static void a_refusal_has_a_reason(void **state)
{
    (void)state;
    assert_false(is_refused(REFUSAL_NONE));
    assert_true(is_refused(refuse(HTTP_BAD_REQUEST, "because")));
    assert_int_equal(refuse(HTTP_BAD_REQUEST, "because").status, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_code_has_its_phrase),
        cmocka_unit_test(some_answers_have_no_content),
        cmocka_unit_test(a_refusal_has_a_reason),
    };

    return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}

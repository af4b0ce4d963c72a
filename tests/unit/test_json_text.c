/* json_text: what is one JSON text, and what is none (RFC 8259). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "endpoints/json_text.h"
#include "tests/support/tight.h"

static const struct text_case {
    const char *promise;
    const char *text;
    bool        is_whole;
} cases[] = {
    {"an object", "{\"a\": [1, {\"b\": null}], \"c\": \"d\"}", true},
    {"empty ones", "{\"a\":{},\"b\":[]}", true},
    {"a word alone (§2)", "true", true},
    {"another", " false ", true},
    {"null", "null\n", true},
    {"a string alone", "\"x\"", true},
    {"a number alone", "-0.5e+10", true},
    {"zero", "0", true},
    {"a number of many digits", "123456789012345678901234567890", true},
    {"space between all of it", " { \"a\" : [ 1 ,\t2 ] ,\r\n\"b\":3 } ", true},
    {"every escape (§7)", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00aF\"", true},
    {"the same name twice (§4)", "{\"a\":1,\"a\":2}", true},

    {"nothing", "", false},
    {"space alone", "  ", false},
    {"two values", "1 2", false},
    {"a word and more", "nullx", false},
    {"a word cut short", "tru", false},
    {"a word that is none", "nul1", false},
    {"a single quote", "'a'", false},
    {"an object cut short", "{\"a\":1", false},
    {"an array closed as an object", "[1}", false},
    {"an object closed as an array", "{\"a\":1]", false},
    {"an end without a beginning", "]", false},
    {"one end too many", "[]]", false},
    {"a comma behind the last value", "[1,]", false},
    {"a comma behind the last member", "{\"a\":1,}", false},
    {"a comma before the first", "[,1]", false},
    {"a comma outside", "1,2", false},
    {"a name without a value", "{\"a\"}", false},
    {"a name that is no string", "{1:2}", false},
    {"a value without a name", "{\"a\":1,2}", false},
    {"a name in an array", "[\"a\":1]", false},
    {"a comma instead of a colon", "{\"a\",1}", false},
    {"a string cut short", "\"a", false},
    {"a raw line end in a string", "\"a\nb\"", false},
    {"an escape that is none", "\"\\x\"", false},
    {"an escape of three digits", "\"\\u00a\"", false},
    {"a leading zero (§6)", "01", false},
    {"a sign alone", "-", false},
    {"a plus sign", "+1", false},
    {"a point alone behind", "1.", false},
    {"a point alone before", ".5", false},
    {"an exponent without digits", "1e", false},
    {"a signed one without digits", "1e+", false},
    {"two points", "1.2.3", false},
    {"not a number", "NaN", false},
    {"infinity", "-Infinity", false},
    {"a byte order mark (§8.1)", "\xef\xbb\xbf{}", false},
    {"a comment", "{}/**/", false},
};

static bool is_whole(struct str bytes, size_t piece)
{
    struct json_text text = JSON_TEXT_NONE;

    for (size_t at = 0; at < bytes.len; at += piece)
        json_text_read(&text, str_of(bytes.ptr + at, MIN_OF(piece, bytes.len - at)));
    return json_text_is_whole(&text);
}

static void each_promise_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct tight_str text = tight_str(cases[i].text);

        for (size_t piece = 1; piece < 8; piece++)
            if (is_whole(text.view, piece) != cases[i].is_whole)
                fail_msg("%s, in pieces of %zu", cases[i].promise, piece);
        tight_str_free(&text);
    }
}

static void a_nul_byte_is_none(void **state)
{
    (void)state;
    assert_false(is_whole(STR("1\0"), 8));
    assert_false(is_whole(STR("\"\0\""), 8));
    assert_false(is_whole(STR("\"\\\0\""), 8));
    assert_false(is_whole(STR("nul\0"), 8));
}

/* `depth` arrays and objects in turn, inside each other. */
static bool is_whole_so_deep(size_t depth)
{
    struct json_text text = JSON_TEXT_NONE;

    for (size_t i = 0; i < depth; i++)
        json_text_read(&text, i % 2 ? STR("{\"a\":") : STR("["));
    json_text_read(&text, STR("1"));
    for (size_t i = depth; i-- > 0;)
        json_text_read(&text, i % 2 ? STR("}") : STR("]"));
    return json_text_is_whole(&text);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    assert_true(is_whole_so_deep(65));
    assert_true(is_whole_so_deep(JSON_DEPTH_MAX));
    assert_false(is_whole_so_deep(JSON_DEPTH_MAX + 1));
    assert_false(is_whole_so_deep(100 * 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_promise_holds),
        cmocka_unit_test(a_nul_byte_is_none),
        cmocka_unit_test(depth_is_bounded),
    };

    return cmocka_run_group_tests_name("json_text", tests, NULL, NULL);
}

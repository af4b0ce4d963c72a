/* What http/token promises about bytes and lists. */
#include "http/token.h"
#include "tests/support/promise.h"

/* The classes, written out as their RFCs write them. */
#define ALPHA "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

static const struct class_case {
    const char *promise;
    unsigned    class;
    const char *members;            /* of the bytes up to 0x7f */
    bool        high;               /* bytes from 0x80 are in it */
} classes[] = {
    {"RFC 9110 §5.6.2: tchar",   CHAR_TOKEN,   "!#$%&'*+-.^_`|~" DIGIT ALPHA, false},
    {"RFC 3986 §3.3: pchar less the escape",
                                 CHAR_SEGMENT, "-._~!$&'()*+,;=:@" DIGIT ALPHA, false},
    {"RFC 5234 §B.1: DIGIT",     CHAR_DIGIT,   DIGIT, false},
    {"RFC 5234 §B.1: HEXDIG",    CHAR_HEX,     DIGIT "abcdefABCDEF", false},
    {"RFC 9110 §8.8.3: etagc",   CHAR_ETAG,
     "!#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" DIGIT ALPHA, true},
    {"RFC 9110 §5.5: tab, space, VCHAR, obs-text", CHAR_FIELD,
     "\t !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" DIGIT ALPHA, true},
    {"a target: VCHAR and what browsers send", CHAR_TARGET,
     "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" DIGIT ALPHA, true},
};

static void each_class_has_its_members_and_no_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(classes); i++) {
        const struct class_case *c = &classes[i];

        for (int byte = 0; byte < 256; byte++) {
            bool member = byte >= 0x80 ? c->high : byte && strchr(c->members, byte) != NULL;

            if (char_is((char)byte, c->class) != member)
                fail_msg("%s: byte 0x%02x", c->promise, (unsigned)byte);
        }
    }
}

static void all_bytes_of_a_slice_are_of_a_class(void **state)
{
    struct tight_str s = tight_str("abc9");

    (void)state;
    assert_true(token_all(s.view, CHAR_HEX));
    assert_false(token_all(s.view, CHAR_DIGIT));
    assert_true(token_all(STR("1 2"), CHAR_DIGIT | CHAR_FIELD));
    assert_false(token_all(STR(""), CHAR_TOKEN));
    assert_false(token_all(STR("a\0b"), CHAR_TOKEN));
    tight_str_free(&s);
}

static void a_hexadecimal_digit_has_a_value(void **state)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";

    (void)state;
    for (int i = 0; i < 32; i++)
        assert_int_equal(token_hex(digits[i]), i % 16);
    for (int byte = 0; byte < 256; byte++)
        assert_int_equal(token_hex((char)byte) >= 0, char_is((char)byte, CHAR_HEX));
}

static void an_escape_is_three_bytes(void **state)
{
    static const char *const none[] = {"", "%", "%4", "%4g", "%g4", "4%4", "a%41", "%%4"};

    (void)state;
    assert_int_equal(token_escape(STR("%41")), 'A');
    assert_int_equal(token_escape(STR("%fF%")), 0xff);
    assert_int_equal(token_escape(STR("%00")), 0);
    for (size_t i = 0; i < COUNTOF(none); i++) {
        struct tight_str text = tight_str(none[i]);

        PROMISED_NUMBER(none[i], token_escape(text.view), -1);
        tight_str_free(&text);
    }
}

/* RFC 9110 §5.6.1, §5.6.4 */
static const struct list_case {
    const char *promise;
    const char *list;
    const char *elements[4];
} lists[] = {
    {"one element",                             "gzip",              {"gzip"}},
    {"several",                                 "a,b,c",             {"a", "b", "c"}},
    {"white space around is not of it",         " \ta , b\t",        {"a", "b"}},
    {"white space inside is",                   "a b, c",            {"a b", "c"}},
    {"empty elements are passed over",          ",, a, ,b,,",        {"a", "b"}},
    {"nothing but commas is an empty list",     ", ,\t,",            {NULL}},
    {"nothing is an empty list",                "",                  {NULL}},
    {"a quoted comma separates nothing",        "a=\"x,y\", b",      {"a=\"x,y\"", "b"}},
    {"an escaped quote ends no quotes",         "\"a\\\",b\", c",    {"\"a\\\",b\"", "c"}},
    {"quotes that do not end run to the end",   "a, \"b, c",         {"a", "\"b, c"}},
    {"nor do they when their last byte is a backslash", "\"b, c\\",  {"\"b, c\\"}},
};

static void a_list_has_its_elements(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(lists); i++) {
        const struct list_case *c = &lists[i];
        struct tight_str list = tight_str(c->list);
        struct str rest = list.view, element;

        for (size_t k = 0; k < COUNTOF(c->elements) && c->elements[k]; k++) {
            PROMISED(c->promise, token_list_next(&rest, &element));
            PROMISED_STR(c->promise, element, c->elements[k]);
        }
        PROMISED(c->promise, !token_list_next(&rest, &element));
        PROMISED(c->promise, !token_list_next(&rest, &element));
        tight_str_free(&list);
    }
}

static void a_list_is_searched_whatever_the_case(void **state)
{
    (void)state;
    assert_true(token_list_has(STR("Keep-Alive, Upgrade"), STR("upgrade")));
    assert_true(token_list_has(STR("CLOSE"), STR("close")));
    assert_false(token_list_has(STR("closed, clos"), STR("close")));
    assert_false(token_list_has(STR("\"a, close\""), STR("close")));
    assert_false(token_list_has(STR(""), STR("close")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_class_has_its_members_and_no_others),
        cmocka_unit_test(all_bytes_of_a_slice_are_of_a_class),
        cmocka_unit_test(a_hexadecimal_digit_has_a_value),
        cmocka_unit_test(an_escape_is_three_bytes),
        cmocka_unit_test(a_list_has_its_elements),
        cmocka_unit_test(a_list_is_searched_whatever_the_case),
    };

    return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}

/* What http/urlencoded promises: WHATWG URL §5.1, in place. */
#include "base/buf.h"
#include "http/urlencoded.h"
#include "tests/support/promise.h"

enum { PAIRS_MAX = 8 };

/* clang-format off */
/* `pairs` as "name=value|..." */
static const struct urlencoded_case {
    const char *promise;
    const char *bytes;
    const char *pairs;
} cases[] = {
    {"nothing",                                  "", ""},
    {"a pair",                                   "a=1", "a=1"},
    {"several, in their order",                  "b=1&a=2&b=3", "b=1|a=2|b=3"},
    {"a name alone has an empty value",          "a", "a="},
    {"and so has one with \"=\"",                "a=", "a="},
    {"two names alone",                          "a&b", "a=|b="},
    {"a value alone has an empty name",          "=1", "=1"},
    {"nothing but \"=\" is a pair, too",         "=", "="},
    {"empty pieces are passed over",             "&&a=1&&b=2&", "a=1|b=2"},
    {"only the first \"=\" separates",           "a=1=2", "a=1=2"},
    {"\"+\" is a space",                         "a+b=+1+", "a b= 1 "},
    {"an escape",                                "%61=%2B%26%3d", "a=+&="},
    {"of any byte",                              "a=%ff%C3%BC%7f", "a=\xff\xc3\xbc\x7f"},
    {"is decoded once",                          "a=%2541", "a=%41"},
    {"a byte as it is",                          "a=\xc3\xbc;,", "a=\xc3\xbc;,"},
    {"an escape that is none stays as it is",    "a=%zz%4&%=%%34", "a=%zz%4|%=%4"},
    {"\";\" separates nothing",                  "a=1;b=2", "a=1;b=2"},
};
/* clang-format on */

/* Decodes a copy of exact size, with the one byte behind it that is asked for. */
static size_t decode(struct str bytes, struct tight_str *copy, struct pair *pairs, size_t most)
{
    struct buf with_room = BUF_UP_TO(4096);

    buf_append(&with_room, bytes);
    buf_append_byte(&with_room, 'X');
    *copy = tight_bytes(with_room.ptr, with_room.len);
    buf_fini(&with_room);
    return urlencoded_decode(copy->bytes, bytes.len, pairs, most);
}

static void append_pair(struct buf *buf, const struct pair *pair)
{
    if (buf->len)
        buf_append_byte(buf, '|');
    buf_append(buf, pair->name);
    buf_append_byte(buf, '=');
    buf_append(buf, pair->value);
}

static void each_promise_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const struct urlencoded_case *c = &cases[i];
        struct tight_str              copy, raw = tight_str(c->bytes);
        struct buf                    got = BUF_UP_TO(4096);
        struct pair                   pairs[PAIRS_MAX];
        size_t                        count = decode(raw.view, &copy, pairs, PAIRS_MAX);

        for (size_t n = 0; n < count; n++) {
            append_pair(&got, &pairs[n]);
            PROMISED(c->promise, pairs[n].name.ptr[pairs[n].name.len] == '\0');
            PROMISED(c->promise, pairs[n].value.ptr[pairs[n].value.len] == '\0');
        }
        PROMISED_STR(c->promise, buf_view(&got), c->pairs);
        PROMISED_NUMBER(c->promise, urlencoded_count(raw.view), count);
        buf_fini(&got);
        tight_str_free(&copy);
        tight_str_free(&raw);
    }
}

static void a_nul_is_a_byte_as_any(void **state)
{
    struct tight_str copy;
    struct pair      pair;

    (void)state;
    assert_int_equal(decode(STR("a%00b=c%00"), &copy, &pair, 1), 1);
    assert_true(str_equal(pair.name, STR("a\0b")));
    assert_true(str_equal(pair.value, STR("c\0")));
    tight_str_free(&copy);
}

static void no_more_than_asked_for(void **state)
{
    struct tight_str copy;
    struct pair      pairs[2];

    (void)state;
    assert_int_equal(urlencoded_count(STR("a=1&b=2&c=3")), 3);
    assert_int_equal(decode(STR("a=1&b=2&c=3"), &copy, pairs, 2), 2);
    PROMISED_STR("the last that was", pairs[1].value, "2");
    tight_str_free(&copy);
}

static void the_first_of_a_name(void **state)
{
    struct pair        all[] = {{STR("a"), STR("1")}, {STR("b"), STR("")}, {STR("a"), STR("2")}};
    const struct pairs pairs = {all, COUNTOF(all)};

    (void)state;
    PROMISED_STR("the first", pairs_find(&pairs, STR("a")), "1");
    PROMISED_STR("an empty one is there", pairs_find(&pairs, STR("b")), "");
    PROMISED_STR("none", pairs_find(&pairs, STR("c")), NULL);
    PROMISED_STR("names have their case", pairs_find(&pairs, STR("A")), NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_promise_holds),
        cmocka_unit_test(a_nul_is_a_byte_as_any),
        cmocka_unit_test(no_more_than_asked_for),
        cmocka_unit_test(the_first_of_a_name),
    };

    return cmocka_run_group_tests_name("urlencoded", tests, NULL, NULL);
}

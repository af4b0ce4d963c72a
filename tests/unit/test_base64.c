/* What endpoints/base64 promises: RFC 4648, and nothing else. */
#include "endpoints/base64.h"
#include "tests/support/promise.h"

/* clang-format off */
/* bytes NULL: that is no base64. */
static const struct base64_case {
    const char *promise;
    const char *text;
    const char *bytes;
} cases[] = {
    /* RFC 4648 §10 */
    {"nothing",                               "", ""},
    {"one byte",                              "Zg==", "f"},
    {"two bytes",                             "Zm8=", "fo"},
    {"three bytes",                           "Zm9v", "foo"},
    {"four bytes",                            "Zm9vYg==", "foob"},
    {"five bytes",                            "Zm9vYmE=", "fooba"},
    {"six bytes",                             "Zm9vYmFy", "foobar"},
    /* RFC 4648 §3.2: some do without padding. */
    {"one byte without padding",              "Zg", "f"},
    {"two bytes without padding",             "Zm8", "fo"},
    {"four bytes without padding",            "Zm9vYg", "foob"},
    /* RFC 4648 §4, §5 */
    {"the letters of base64",                 "+/+/", "\xfb\xff\xbf"},
    {"the letters of base64url",              "-_-_", "\xfb\xff\xbf"},
    {"both",                                  "+_-/", "\xfb\xff\xbf"},
    {"the ends of the alphabet",              "BZaz09+/", "\x05\x96\xb3\xd3\xdf\xbf"},

    {"a letter alone is less than a byte",    "Z", NULL},
    {"so is one more than four",              "Zm9vY", NULL},
    {"too little padding",                    "Zg=", NULL},
    {"too much padding",                      "Zm8==", NULL},
    {"padding behind whole bytes",            "Zm9v====", NULL},
    {"three of them",                         "Z===", NULL},
    {"nothing but padding",                   "==", NULL},
    {"four of that",                          "====", NULL},
    {"padding before the end",                "Zg==Zg==", NULL},
    {"padding between",                       "Z=g=", NULL},
    /* RFC 4648 §3.5 */
    {"bits that belong to no byte",           "Zh==", NULL},
    {"the same without padding",              "Zh", NULL},
    {"two of them",                           "Zm9=", NULL},
    /* RFC 4648 §3.3 */
    {"a space",                               "Zm9 v", NULL},
    {"a line end at the end",                 "Zm9v\n", NULL},
    {"a byte that is no ASCII",               "Zm\xc3\xb6", NULL},
    {"a letter of neither alphabet",          "Zm9.", NULL},
};
/* clang-format on */

static void each_promise_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const struct base64_case *c = &cases[i];
        struct tight_str          text = tight_str(c->text);
        struct buf                bytes = BUF_UP_TO(text.view.len / 4 * 3 + 2);
        bool                      is_base64 = base64_decode(text.view, &bytes);

        PROMISED(c->promise, is_base64 == (c->bytes != NULL));
        if (c->bytes)
            PROMISED_STR(c->promise, buf_view(&bytes), c->bytes);
        PROMISED(c->promise, !bytes.failed);
        buf_fini(&bytes);
        tight_str_free(&text);
    }
}

/* RFC 4648 §10, and a byte of each sign. */
static void what_is_written_can_be_read(void **state)
{
    static const char *const written[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "+/+/"};
    static const char *const bytes[] = {"", "f", "fo", "foo", "foob", "\xfb\xff\xbf"};

    (void)state;
    for (size_t i = 0; i < COUNTOF(written); i++) {
        struct tight_str tight = tight_str(bytes[i]);
        char             text[8];
        size_t           len = base64_encode(tight.view, text);

        PROMISED_STR("in base64", str_of(text, len), written[i]);
        tight_str_free(&tight);
    }
}

/* A NUL is a byte like any other. */
static void bytes_of_nothing_but_zeros(void **state)
{
    struct buf bytes = BUF_UP_TO(3);

    (void)state;
    assert_true(base64_decode(STR("AAAA"), &bytes));
    assert_int_equal(bytes.len, 3);
    assert_memory_equal(bytes.ptr, "\0\0\0", 3);
    buf_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_promise_holds),
        cmocka_unit_test(what_is_written_can_be_read),
        cmocka_unit_test(bytes_of_nothing_but_zeros),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

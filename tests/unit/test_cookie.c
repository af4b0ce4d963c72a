/* What http/cookie promises: RFC 6265 §4.1.1, §4.2.1. */
#include "http/cookie.h"
#include "tests/support/promise.h"

/* clang-format off */
/* `cookies` as "name=value|..." */
static const struct read_case {
    const char *promise;
    const char *field;
    const char *cookies;
} reads[] = {
    {"nothing",                                   "", ""},
    {"a cookie",                                  "SID=31d4d96e407aad42", "SID=31d4d96e407aad42"},
    {"several, in their order",                   "a=1; b=2; a=3", "a=1|b=2|a=3"},
    {"white space is of neither",                 " a = 1 ;b\t=\t2;c=3", "a=1|b=2|c=3"},
    {"quotes around a value are not of it",       "a=\"1\"; b=\"\"", "a=1|b="},
    {"one quote is",                              "a=\"; b=\"1; c=1\"", "a=\"|b=\"1|c=1\""},
    {"quotes hide no semicolon",                  "a=\"1;b=2\"", "a=\"1|b=2\""},
    {"\"=\" may be in a value",                   "a=b=c==", "a=b=c=="},
    {"an empty value",                            "a=; b=", "a=|b="},
    {"what has no name is passed over",           "a; =1; ; b=2;", "b=2"},
    {"bytes from 0x80, and what scripts make",    "a=\xc3\xbc, \\x y", "a=\xc3\xbc, \\x y"},
};
/* clang-format on */

static void what_comes_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(reads); i++) {
        const struct read_case *c = &reads[i];
        struct tight_str        field = tight_str(c->field);
        struct str              rest = field.view, name, value;
        struct buf              got = BUF_UP_TO(1024);

        while (cookie_next(&rest, &name, &value)) {
            if (got.len)
                buf_append_byte(&got, '|');
            buf_append(&got, name);
            buf_append_byte(&got, '=');
            buf_append(&got, value);
        }
        PROMISED_STR(c->promise, buf_view(&got), c->cookies);
        buf_fini(&got);
        tight_str_free(&field);
    }
}

#define COOKIE(n, v, ...)                                              \
    {                                                                  \
        .name = STR(n), .value = STR(v), .path = STR("/"), __VA_ARGS__ \
    }
#define PLAIN(n, v) COOKIE(n, v, .is_secure = false)
#define WITH_PATH(p)                                        \
    {                                                       \
        .name = STR("a"), .value = STR("1"), .path = STR(p) \
    }

/* clang-format off */
/* `field` NULL: refused. */
static const struct write_case {
    const char   *promise;
    struct cookie cookie;
    const char   *field;
} writes[] = {
    {"what is safe is the default", PLAIN("a", "1"),
     "a=1; Path=/; HttpOnly; SameSite=Lax"},
    {"by HTTPS only", COOKIE("a", "1", .is_secure = true),
     "a=1; Path=/; Secure; HttpOnly; SameSite=Lax"},
    {"for scripts", COOKIE("a", "1", .is_for_scripts = true), "a=1; Path=/; SameSite=Lax"},
    {"for other sites", COOKIE("a", "1", .is_secure = true, .is_cross_site = true),
     "a=1; Path=/; Secure; HttpOnly; SameSite=None"},
    {"of some age", COOKIE("a", "1", .max_age_s = 3600),
     "a=1; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"},
    {"RFC 6265 §3.1: to be forgotten", COOKIE("a", "", .max_age_s = -1),
     "a=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax"},
    {"a path with a space in it", WITH_PATH("/a b,=\""),
     "a=1; Path=/a b,=\"; HttpOnly; SameSite=Lax"},
    {"every byte that a value may have",
     PLAIN("a", "!#$%&'()*+-./09:<=>?@AZ[]^_`az{|}~"),
     "a=!#$%&'()*+-./09:<=>?@AZ[]^_`az{|}~; Path=/; HttpOnly; SameSite=Lax"},

    {"no name",                      PLAIN("", "1"), NULL},
    {"a name that is no token",      PLAIN("a b", "1"), NULL},
    {"a name with \"=\"",            PLAIN("a=b", "1"), NULL},
    {"a value with a semicolon",     PLAIN("a", "1; Domain=x"), NULL},
    {"a value with a comma",         PLAIN("a", "1,2"), NULL},
    {"a value with a quote",         PLAIN("a", "\"1\""), NULL},
    {"a value with a backslash",     PLAIN("a", "\\"), NULL},
    {"a value with a space",         PLAIN("a", "1 2"), NULL},
    {"a value with a line end",      PLAIN("a", "1\r\nX: y"), NULL},
    {"a value with DEL",             PLAIN("a", "\x7f"), NULL},
    {"a value with a byte from 0x80", PLAIN("a", "\xc3\xbc"), NULL},
    {"a value with a NUL",           PLAIN("a", "1\0"), NULL},
    {"a path with a semicolon",      WITH_PATH("/;Secure"), NULL},
    {"a path with a control byte",   WITH_PATH("/\t"), NULL},
    {"a path with a space at its end", WITH_PATH("/a "), NULL},
    {"a path from nowhere",          WITH_PATH("a/"), NULL},
    {"no path",                      WITH_PATH(""), NULL},
};
/* clang-format on */

static void what_is_set_is_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(writes); i++) {
        const struct write_case *c = &writes[i];
        struct buf               buf = BUF_UP_TO(1024);

        PROMISED_NUMBER(c->promise, cookie_write(&buf, &c->cookie), c->field != NULL);
        PROMISED_STR(c->promise, buf_view(&buf), c->field ? c->field : "");
        buf_fini(&buf);
    }
}

static void a_cookie_is_no_longer_than_clients_keep(void **state)
{
    static char   bytes[COOKIE_BYTES_MAX];
    struct buf    buf = BUF_UP_TO(2 * COOKIE_BYTES_MAX);
    struct cookie cookie = PLAIN("four", "");

    (void)state;
    memset(bytes, 'x', sizeof bytes);
    cookie.value = str_of(bytes, sizeof bytes - 4);
    assert_true(cookie_write(&buf, &cookie));
    cookie.value = str_of(bytes, sizeof bytes - 3);
    assert_false(cookie_write(&buf, &cookie));
    buf_fini(&buf);
}

static void without_room_nothing_is_appended(void **state)
{
    struct buf          buf = BUF_UP_TO(10);
    const struct cookie cookie = PLAIN("a", "1");

    (void)state;
    assert_false(cookie_write(&buf, &cookie));
    assert_int_equal(buf.len, 0);
    buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_is_read),
        cmocka_unit_test(what_is_set_is_checked),
        cmocka_unit_test(a_cookie_is_no_longer_than_clients_keep),
        cmocka_unit_test(without_room_nothing_is_appended),
    };

    return cmocka_run_group_tests_name("cookie", tests, NULL, NULL);
}

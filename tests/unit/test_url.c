/* What main/url promises: what a person writes is one server, or none. */
#include "main/url.h"

#include "tests/support/promise.h"

/* clang-format off */
static const struct url_case {
    const char *promise;
    const char *text;
    bool        is_https;
    const char *host, *authority, *target;
    uint16_t    port;
} urls[] = {
    {"a name has port 80",            "http://web",           false, "web", "web", "", 80},
    {"of HTTPS it is 443",            "https://web/",         true,  "web", "web", "/", 443},
    {"another stands behind a colon", "http://web:8080/a?b",  false, "web", "web:8080", "/a?b", 8080},
    {"an address is a host",          "https://192.0.2.1:1/", true,  "192.0.2.1", "192.0.2.1:1", "/", 1},
    {"one of IPv6 in brackets",       "http://[::1]",         false, "[::1]", "[::1]", "", 80},
    {"also before a port",            "http://[2001:db8::1]:65535/x", false, "[2001:db8::1]",
                                      "[2001:db8::1]:65535", "/x", 65535},
    {"the scheme may be in capitals", "HTTPS://a.b",          true,  "a.b", "a.b", "", 443},
    {"a query needs no path",         "http://a?q",           false, "a", "a", "?q", 80},
    {"a fragment is nobody's business", "http://a/b#c",       false, "a", "a", "/b", 80},
    {"nor is one without a path",     "http://a#c",           false, "a", "a", "", 80},
    {"containers have names like this", "http://my_app-1.net", false, "my_app-1.net", "my_app-1.net", "",
                                      80},
};

static const struct wrong_case {
    const char *promise;
    const char *text;
} wrongs[] = {
    {"nothing is none",               ""},
    {"nor is a name alone",           "localhost:8080"},
    {"another scheme is none",        "ftp://a/"},
    {"a scheme without a host",       "http://"},
    {"a path without a host",         "http:///a"},
    {"a port without a host",         "http://:80/"},
    {"no port behind a colon",        "http://a:/"},
    {"port 0 is nobody's",            "http://a:0/"},
    {"a port has sixteen bits",       "http://a:65536/"},
    {"and is a number",               "http://a:80x/"},
    {"user information is refused (RFC 9110 \302\247" "4.2.4)", "http://me@a/"},
    {"with a password, too",          "http://me:pw@a/"},
    {"IPv6 needs its brackets",       "http://::1/"},
    {"and their end",                 "http://[::1/"},
    {"in them is an address",         "http://[a]/"},
    {"behind them a port or nothing", "http://[::1]a/"},
    {"a line break would be a field", "http://a/\r\nX: y"},
    {"a blank would be a version",    "http://a/ HTTP/0.9"},
    {"bytes from 0x80 are escaped",   "http://a/\303\251"},
    {"a star is no host",             "http://*:80/"},
    {"a socket has a path",           "http+unix:"},
};
/* clang-format on */

static void a_url_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(urls); i++) {
        const struct url_case *c = &urls[i];
        struct tight_str       text = tight_str(c->text);
        struct url             url;

        PROMISED(c->promise, url_read(text.view, &url));
        PROMISED(c->promise, url.is_https == c->is_https && !url.local.ptr);
        PROMISED_STR(c->promise, url.host, c->host);
        PROMISED_STR(c->promise, url.authority, c->authority);
        PROMISED_STR(c->promise, url.target, c->target);
        PROMISED_NUMBER(c->promise, url.port, c->port);
        tight_str_free(&text);
    }
}

static void what_is_none_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(wrongs); i++) {
        struct tight_str text = tight_str(wrongs[i].text);
        struct url       url;

        PROMISED(wrongs[i].promise, !url_read(text.view, &url));
        tight_str_free(&text);
    }
}

static void so_is_what_is_too_long(void **state)
{
    char       text[URL_MAX + 1];
    struct url url;

    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text, "http://a/", 9);
    assert_true(url_read(str_of(text, URL_MAX), &url));
    assert_false(url_read(str_of(text, URL_MAX + 1), &url));
    memset(text, 'a', sizeof text);
    memcpy(text, "http://", 7);
    assert_true(url_read(str_of(text, 7 + URL_HOST_MAX), &url));
    assert_false(url_read(str_of(text, 7 + URL_HOST_MAX + 1), &url));
}

static void a_local_socket_is_a_path(void **state)
{
    struct url url;

    (void)state;
    assert_true(url_read(STR("http+unix:/run/a b.sock"), &url));
    assert_true(str_equal(url.local, STR("/run/a b.sock")));
    assert_true(str_equal(url.authority, STR("localhost")));
    assert_int_equal(url.target.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_read),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(so_is_what_is_too_long),
        cmocka_unit_test(a_local_socket_is_a_path),
    };

    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}

/* What server/redirect promises about where HTTPS is (RFC 9110 §15.4.9, RFC 3986 §3). */
#include "server/redirect.h"

#include "tests/support/promise.h"

static const struct redirect_case {
    const char *promise;
    const char *host;           /* NULL: HTTP/1.0 without one */
    const char *path, *query;
    int         public;
    const char *location;       /* NULL: nobody knows */
} cases[] = {
    {"a host without a port stays without",    "a.test",       "/",     NULL,  -1, "https://a.test/"},
    {"our plain port becomes our secure one",  "a.test:8080",  "/",     NULL,  -1, "https://a.test:8443/"},
    {"so it does where another is public",     "a.test:8080",  "/",     NULL, 444, "https://a.test:8443/"},
    {"our secure port stays",                  "a.test:8443",  "/",     NULL,  -1, "https://a.test:8443/"},
    {"any other port becomes the public one",  "a.test:18080", "/",     NULL, 444, "https://a.test:444/"},
    {"and 443 need not be named",              "a.test:18080", "/",     NULL, 443, "https://a.test/"},
    {"without a public one nobody knows",      "a.test:18080", "/",     NULL,  -1, NULL},
    {"an empty port is none",                  "a.test:",      "/",     NULL,  -1, "https://a.test/"},
    {"an IPv6 address keeps its brackets",     "[::1]:8080",   "/",     NULL,  -1, "https://[::1]:8443/"},
    {"and its colons are no ports",            "[::1]",        "/",     NULL,  -1, "https://[::1]/"},
    {"nor is an address without a host",       ":8080",        "/",     NULL,  -1, NULL},
    {"no host, nowhere to go",                 "",             "/",     NULL,  -1, NULL},
    {"HTTP/1.0 may have none",                 NULL,           "/",     NULL,  -1, NULL},
    {"path and query go along as they came",   "a.test",       "/a%20b/c%2Fd", "q=%41&r",
                                                                               -1, "https://a.test/a%20b/c%2Fd?q=%41&r"},
    {"an empty query is one",                  "a.test",       "/",     "",    -1, "https://a.test/?"},
    {"what must not stand in a URI is escaped", "a.test",      "/\xc3\xa9\"", "<>",
                                                                               -1, "https://a.test/%C3%A9%22?%3C%3E"},
    {"an asterisk is no path",                 "a.test",       "*",     NULL,  -1, "https://a.test"},
    {"two slashes are no other host",          "a.test",       "//b.test/", NULL, -1, "https://a.test//b.test/"},
};

static void each_promise_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const struct redirect_case *c = &cases[i];
        struct request              request = {.host = c->host ? str_view(c->host) : STR_NONE};
        struct redirect_ports       ports = {.plain = 8080, .secure = 8443, .public = c->public};
        struct buf                  location = BUF_UP_TO(1024);
        bool                        known;

        request.target.raw_path = str_view(c->path);
        request.target.form = strcmp(c->path, "*") == 0 ? TARGET_ASTERISK : TARGET_ORIGIN;
        request.target.query = c->query ? str_view(c->query) : (struct str){NULL, 0};
        known = redirect_location(&location, &request, &ports);
        PROMISED(c->promise, known == (c->location != NULL));
        if (c->location)
            PROMISED_STR(c->promise, buf_view(&location), c->location);
        buf_fini(&location);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_promise_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What endpoints/outcome promises: which status a list gives, and where a redirect may lead. */
#include "endpoints/outcome.h"
#include "tests/support/promise.h"

/* ---- shares ------------------------------------------------------------------------------- */

static const struct share_case {
    const char *promise;
    const char *text;
    int64_t     millionths;         /* -1: it is none */
} shares[] = {
    {"one",                          "1",          1000000},
    {"nothing",                      "0",          0},
    {"a half",                       "0.5",        500000},
    {"a millionth",                  "0.000001",   1},
    {"what is smaller is nothing",   "0.0000009",  0},
    {"a million",                    "1000000",    1000000000000},
    {"many digits",                  "2.5000000000000000", 2500000},
    {"more than a million",          "1000001",    -1},
    {"no text",                      "",           -1},
    {"a sign",                       "-1",         -1},
    {"another",                      "+1",         -1},
    {"an exponent",                  "1e3",        -1},
    {"no digit before the point",    ".5",         -1},
    {"no digit behind it",           "5.",         -1},
    {"two points",                   "1.2.3",      -1},
    {"a space",                      " 1",         -1},
    {"a word",                       "inf",        -1},
};

static void each_share_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(shares); i++) {
        struct tight_str text = tight_str(shares[i].text);
        uint64_t         millionths;
        bool             is_read = outcome_read_share(text.view, &millionths);

        PROMISED(shares[i].promise, is_read == (shares[i].millionths >= 0));
        PROMISED(shares[i].promise, !is_read || (int64_t)millionths == shares[i].millionths);
        tight_str_free(&text);
    }
}

/* ---- statuses ----------------------------------------------------------------------------- */

static const struct status_case {
    const char *promise;
    const char *codes;
    uint64_t    chance;
    int         status;             /* 0: they are none */
} statuses[] = {
    {"one",                              "204",             12345, 204},
    {"the first there is",               "200",             0, 200},
    {"the last",                         "599",             UINT64_MAX, 599},
    {"one with a share",                 "404:0.1",         7, 404},
    {"of two the first",                 "200,500",         0, 200},
    {"up to its share",                  "200,500",         999999, 200},
    {"and then the second",              "200,500",         1000000, 500},
    {"up to its own",                    "200,500",         1999999, 500},
    {"and then the first again",         "200,500",         2000000, 200},
    {"shares count",                     "200:3,503:1",     2999999, 200},
    {"all of them",                      "200:3,503:1",     3000000, 503},
    {"what has no share never comes",    "200:0,500:1",     0, 500},
    {"not behind either",                "200:1,500:0",     UINT64_MAX, 200},
    {"a share and none",                 "200:0.5,500",     500000, 500},

    {"none",                             "",                0, 0},
    {"one that no answer ends with",     "100",             0, 0},
    {"too small",                        "199",             0, 0},
    {"too large",                        "600",             0, 0},
    {"too many digits",                  "0200",            0, 0},
    {"too few",                          "20",              0, 0},
    {"a word",                           "abc",             0, 0},
    {"a sign",                           "-20",             0, 0},
    {"a bad one among good ones",        "200,abc,500",     0, 0},
    {"an empty one at the end",          "200,",            0, 0},
    {"one at the beginning",             ",200",            0, 0},
    {"a share that is none",             "200:x",           0, 0},
    {"an empty share",                   "200:",            0, 0},
    {"two shares",                       "200:1:2",         0, 0},
    {"no share at all",                  "200:0,500:0",     0, 0},
};

static void each_list_gives_its_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(statuses); i++) {
        struct tight_str codes = tight_str(statuses[i].codes);
        int              status;
        bool             is_chosen = outcome_choose(codes.view, statuses[i].chance, &status);

        PROMISED(statuses[i].promise, is_chosen == (statuses[i].status != 0));
        PROMISED(statuses[i].promise, !is_chosen || status == statuses[i].status);
        tight_str_free(&codes);
    }
}

/* ---- where redirects may lead ------------------------------------------------------------- */

#define OWN "https://own.example:8443"

static const struct target_case {
    const char *promise;
    const char *url;
    bool        stays;
} targets[] = {
    {"a path",                                   "/get", true},
    {"a path beside",                            "get?a=b#c", true},
    {"one above",                                "../get", true},
    {"a query",                                  "?a=b", true},
    {"a fragment",                               "#a", true},
    {"a path with a colon in it",                "/a:b", true},
    {"a colon behind the first segment",         "a/b:c", true},
    {"a colon in the query",                     "a?b:c", true},
    {"a URL in the query",                       "/a?b=https://evil.example/", true},
    {"our own origin",                           OWN "/get", true},
    {"the origin alone",                         OWN, true},
    {"with a query at once",                     OWN "?a", true},
    {"whatever the case",                        "HTTPS://Own.Example:8443/", true},
    {"one that is allowed",                      "https://other.example/x", true},
    {"by its default port (RFC 9110 §4.2.3)",    "https://other.example:443/x", true},
    {"by a port without digits",                 "https://other.example:/x", true},
    {"an address",                               "http://[::1]:8080/x", true},

    {"nothing",                                  "", false},
    {"another host",                             "https://evil.example/", false},
    {"another scheme",                           "http://own.example:8443/", false},
    {"another port",                             "https://own.example:8444/", false},
    {"no port",                                  "https://own.example/", false},
    {"one allowed by its name but not its port", "https://other.example:80/", false},
    {"a host that begins like ours",             OWN "0/", false},
    {"one that ends like it",                    "https://evil-own.example:8443/", false},
    {"one below",                                "https://own.example.evil.example:8443/", false},
    {"a host without a scheme",                  "//evil.example/", false},
    {"the same with more of it",                 "///evil.example/", false},
    {"our own without a scheme",                 "//own.example:8443/", false},
    {"a backslash for a slash",                  "\\\\evil.example/", false},
    {"one of them",                              "/\\evil.example/", false},
    {"behind the scheme",                        "https:\\\\evil.example/", false},
    {"behind the host",                          OWN "\\@evil.example/", false},
    {"a tab that is dropped",                    "/\t/evil.example/", false},
    {"a line end that is",                       "/\n/evil.example/", false},
    {"a line of its own",                        "/\r\nSet-Cookie: a=b", false},
    {"a space before",                           " https://evil.example/", false},
    {"a space before a path",                    " //evil.example/", false},
    {"a control byte before",                    "\x01//evil.example/", false},
    {"bytes that are no ASCII",                  "/caf\xc3\xa9", false},
    {"a scheme without slashes",                 "https:evil.example", false},
    {"with one of them",                         "https:/evil.example", false},
    {"with three",                               "https:///evil.example", false},
    {"the scheme alone",                         "https://", false},
    {"a script",                                 "javascript:alert(1)", false},
    {"a script, whatever the case",              "JavaScript:alert(1)", false},
    {"a script behind a colon",                  ":javascript:alert(1)", false},
    {"a page by itself",                         "data:text/html,x", false},
    {"another protocol",                         "ftp://own.example:8443/", false},
    {"a name before the host",                   "https://own.example:8443@evil.example/", false},
    {"a name and a password",                    "https://a:b@own.example:8443/", false},
    {"an escape in the host",                    "https://own%2eexample:8443/", false},
    {"a dot behind the host",                    "https://own.example.:8443/", false},
};

static void each_redirect_stays_or_is_refused(void **state)
{
    static const char *const         origins[] = {"https://other.example", "http://[::1]:8080"};
    const struct endpoints_settings  settings = {
         .prefix = "", .redirect_origins = origins, .redirect_origins_count = COUNTOF(origins)};

    (void)state;
    for (size_t i = 0; i < COUNTOF(targets); i++) {
        struct tight_str url = tight_str(targets[i].url);

        PROMISED(targets[i].promise,
                 outcome_stays(&settings, STR(OWN), url.view) == targets[i].stays);
        tight_str_free(&url);
    }
}

/* HTTP/1.0 may leave open whom it asks: then a path is all that stays. */
static void without_an_origin_only_paths_stay(void **state)
{
    const struct endpoints_settings settings = {.prefix = ""};

    (void)state;
    assert_true(outcome_stays(&settings, STR_NONE, STR("/get")));
    assert_false(outcome_stays(&settings, STR_NONE, STR("http://own.example/")));
    assert_false(outcome_stays(&settings, STR_NONE, STR("http:///")));
}

static void a_long_one_is_refused(void **state)
{
    const struct endpoints_settings settings = {.prefix = ""};
    static char                     url[8 * 1024 + 1];

    (void)state;
    memset(url, '/', sizeof url);
    url[1] = 'a';
    assert_true(outcome_stays(&settings, STR(OWN), str_of(url, sizeof url - 1)));
    assert_false(outcome_stays(&settings, STR(OWN), str_of(url, sizeof url)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_share_is_read),
        cmocka_unit_test(each_list_gives_its_status),
        cmocka_unit_test(each_redirect_stays_or_is_refused),
        cmocka_unit_test(without_an_origin_only_paths_stay),
        cmocka_unit_test(a_long_one_is_refused),
    };

    return cmocka_run_group_tests_name("outcome", tests, NULL, NULL);
}

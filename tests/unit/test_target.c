/* What http/target promises about request targets. */
#include <stdlib.h>

#include "http/target.h"
#include "tests/support/promise.h"

#define REFUSED NULL                /* in the place of a path */

static const struct path_case {
    const char *promise;
    const char *raw;
    const char *path;
    const char *query;
    bool        is_directory;
    bool        has_slash;
} paths[] = {
    {"RFC 9112 §3.2.1: the root",             "/",            "",        NULL,  true,  false},
    {"a file",                                "/a.html",      "a.html",  NULL,  false, false},
    {"a folder",                              "/a/b/",        "a/b",     NULL,  true,  false},
    {"a query",                               "/a?b=c",       "a",       "b=c", false, false},
    {"an empty query is one",                 "/a?",          "a",       "",    false, false},
    {"the first mark separates",              "/a?b?c",       "a",       "b?c", false, false},
    {"a slash in the query is no segment",    "/a?/../..",    "a",       "/../..", false, false},
    {"the query keeps its escapes, good or bad",
                                              "/?%00%zz%",    "",        "%00%zz%", true, false},
    {"an escape is decoded",                  "/a%20b",       "a b",     NULL,  false, false},
    {"whatever its case",                     "/%4a%4A",      "JJ",      NULL,  false, false},
    {"and only once",                         "/%2541",       "%41",     NULL,  false, false},
    {"an escaped question mark is no query",  "/a%3Fb",       "a?b",     NULL,  false, false},
    {"a plus is a plus",                      "/a+b",         "a+b",     NULL,  false, false},
    {"bytes from 0x80, escaped or not",       "/\xC3\xBC%C3%BC", "\xC3\xBC\xC3\xBC", NULL, false, false},
    {"what browsers leave as it is",          "/[x]{y}|^\"",  "[x]{y}|^\"", NULL, false, false},
    {"a backslash is a byte of a name",       "/a\\..\\b",    "a\\..\\b", NULL, false, false},
    {"empty segments are dropped",            "//a///b",      "a/b",     NULL,  false, false},
    {"at the end they make a folder",         "/a//",         "a",       NULL,  true,  false},
    {"nothing but slashes is the root",       "////",         "",        NULL,  true,  false},
    {"RFC 3986 §5.2.4: a dot stays here",     "/./a/./b",     "a/b",     NULL,  false, false},
    {"at the end it makes a folder",          "/a/.",         "a",       NULL,  true,  false},
    {"two dots go up",                        "/a/b/../c",    "a/c",     NULL,  false, false},
    {"as far as the root",                    "/a/b/../../c", "c",       NULL,  false, false},
    {"at the end they make a folder",         "/a/b/..",      "a",       NULL,  true,  false},
    {"the root's own folder",                 "/a/..",        "",        NULL,  true,  false},
    {"three dots are a name",                 "/.../..a/b..", ".../..a/b..", NULL, false, false},
    {"a dotfile is a name",                   "/.well-known", ".well-known", NULL, false, false},
    {"escaped dots are dots",                 "/a/%2e%2E/b/%2e", "b",    NULL,  true,  false},
    {"an escaped slash separates nothing",    "/a%2Fb",       "a/b",     NULL,  false, true},
    {"two dots go over it",                   "/x/a%2f../b",  "x/a/../b", NULL, false, true},
    {"nor is it a segment of its own",        "/%2F",         "/",       NULL,  false, true},
    {"two dots drop all of its segment",      "/a/b%2Fc/../d", "a/d",    NULL,  false, true},
    {"an escape that ends early",             "/a%2",         REFUSED,   NULL,  false, false},
    {"a percent sign alone",                  "/100%",        REFUSED,   NULL,  false, false},
    {"an escape across a slash",              "/%2/0",        REFUSED,   NULL,  false, false},
    {"an escape across the query",            "/%2?0",        REFUSED,   NULL,  false, false},
    {"an escape that is not two digits",      "/%g0",         REFUSED,   NULL,  false, false},
    {"nor in its second",                     "/%0g",         REFUSED,   NULL,  false, false},
    {"an escaped NUL",                        "/a%00.html",   REFUSED,   NULL,  false, false},
    {"an escaped line feed",                  "/a%0A",        REFUSED,   NULL,  false, false},
    {"the last control byte",                 "/a%1f",        REFUSED,   NULL,  false, false},
    {"and DEL",                               "/a%7F",        REFUSED,   NULL,  false, false},
    {"above the root",                        "/..",          REFUSED,   NULL,  false, false},
    {"above the root, by way of a name",      "/a/../../a",   REFUSED,   NULL,  false, false},
    {"above the root, escaped",               "/%2e%2e/a",    REFUSED,   NULL,  false, false},
    {"empty segments are no way down",        "/a//../..",    REFUSED,   NULL,  false, false},
    {"nor are escaped slashes",               "/a%2Fb/../..", REFUSED,   NULL,  false, false},
    {"RFC 9112 §3.2: a fragment",             "/a#b",         REFUSED,   NULL,  false, false},
    {"a fragment in the query",               "/a?b#c",       REFUSED,   NULL,  false, false},
    {"no leading slash",                      "a",            REFUSED,   NULL,  false, false},
    {"nothing",                               "",             REFUSED,   NULL,  false, false},
    {"the asterisk, and more",                "*a",           REFUSED,   NULL,  false, false},
    {"the authority form",                    "a.test:443",   REFUSED,   NULL,  false, false},
};

static const struct segments_case {
    const char *promise;
    const char *raw;
    struct str  segments;
} segments[] = {
    {"a path without one is the same",    "/a/b%20c/", STR("a/b c")},
    {"an escaped slash is a NUL",         "/a%2Fb/c",  STR("a\0b/c")},
    {"whatever its case, wherever",       "/%2fa/%2F", STR("\0a/\0")},
    {"dots go over all of its segment",   "/a/b%2Fc/../d%2F", STR("a/d\0")},
};

static void segments_can_be_told_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(segments); i++) {
        const struct segments_case *c = &segments[i];
        struct tight_str raw = tight_str(c->raw);
        char *room = malloc(raw.view.len + 1), *again = malloc(raw.view.len + 1);
        struct target target;

        PROMISED(c->promise, !is_refused(target_parse(raw.view, METHOD_GET, room, &target)));
        PROMISED(c->promise, str_equal(target_segments(&target, again), c->segments));
        free(room);
        free(again);
        tight_str_free(&raw);
    }
}

static void a_path_is_clean_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(paths); i++) {
        const struct path_case *c = &paths[i];
        struct tight_str raw = tight_str(c->raw);
        char *room = malloc(raw.view.len + 1);
        struct target target;
        struct refusal refusal = target_parse(raw.view, METHOD_GET, room, &target);

        PROMISED_NUMBER(c->promise, refusal.status, c->path ? 0 : 400);
        if (c->path) {
            PROMISED_NUMBER(c->promise, target.form, TARGET_ORIGIN);
            PROMISED_STR(c->promise, target.path, c->path);
            PROMISED(c->promise, target.path.ptr[target.path.len] == '\0');
            PROMISED_STR(c->promise, target.query, c->query);
            PROMISED(c->promise, target.is_directory == c->is_directory);
            PROMISED(c->promise, target.has_slash == c->has_slash);
            PROMISED(c->promise, !target.authority.ptr);
            PROMISED(c->promise, str_starts(raw.view, target.raw_path));
        }
        free(room);
        tight_str_free(&raw);
    }
}

/* RFC 9112 §3.2.2, RFC 9110 §4.2 */
static const struct absolute_case {
    const char *promise;
    const char *raw;
    const char *authority;
    const char *raw_path;
    const char *path;
    const char *query;
} absolutes[] = {
    {"host and path",                "http://a.test/b/./c", "a.test", "/b/./c", "b/c", NULL},
    {"a port",                       "http://a.test:80/",   "a.test:80", "/", "",  NULL},
    {"https",                        "https://a.test/b",    "a.test", "/b",  "b",  NULL},
    {"the scheme has no case",       "HTTP://a.test/b",     "a.test", "/b",  "b",  NULL},
    {"no path is the root",          "http://a.test",       "a.test", "/",   "",   NULL},
    {"a query without a path",       "http://a.test?b/c",   "a.test", "/",   "",   "b/c"},
    {"a path and a query",           "http://a.test/b?c",   "a.test", "/b",  "b",  "c"},
    {"an IPv6 address",              "http://[::1]:8080/b", "[::1]:8080", "/b", "b", NULL},
    {"another scheme",               "ftp://a.test/",       REFUSED, NULL, NULL, NULL},
    {"a scheme alone",               "http:",               REFUSED, NULL, NULL, NULL},
    {"one slash",                    "http:/a.test/",       REFUSED, NULL, NULL, NULL},
    {"RFC 9110 §4.2.1: no host",     "http:///b",           REFUSED, NULL, NULL, NULL},
    {"nothing behind the scheme",    "http://",             REFUSED, NULL, NULL, NULL},
    {"no host but a port",           "http://:80/",         REFUSED, NULL, NULL, NULL},
    {"RFC 9110 §4.2.4: user information", "http://u@a.test/", REFUSED, NULL, NULL, NULL},
    {"a user with a password",       "http://u:p@a.test/",  REFUSED, NULL, NULL, NULL},
    {"a port that is none",          "http://a.test:x/",    REFUSED, NULL, NULL, NULL},
    {"a path above the root",        "http://a.test/../b",  REFUSED, NULL, NULL, NULL},
    {"a fragment behind the host",   "http://a.test#b",     REFUSED, NULL, NULL, NULL},
};

static void an_absolute_target_brings_its_authority(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(absolutes); i++) {
        const struct absolute_case *c = &absolutes[i];
        struct tight_str raw = tight_str(c->raw);
        char *room = malloc(raw.view.len + 1);
        struct target target;
        struct refusal refusal = target_parse(raw.view, METHOD_GET, room, &target);

        PROMISED_NUMBER(c->promise, refusal.status, c->authority ? 0 : 400);
        if (c->authority) {
            PROMISED_NUMBER(c->promise, target.form, TARGET_ABSOLUTE);
            PROMISED_STR(c->promise, target.authority, c->authority);
            PROMISED_STR(c->promise, target.raw_path, c->raw_path);
            PROMISED_STR(c->promise, target.path, c->path);
            PROMISED_STR(c->promise, target.query, c->query);
        }
        free(room);
        tight_str_free(&raw);
    }
}

/* RFC 9112 §3.2.4 */
static void the_asterisk_is_for_OPTIONS(void **state)
{
    struct target target;
    char room[2];

    (void)state;
    assert_false(is_refused(target_parse(STR("*"), METHOD_OPTIONS, room, &target)));
    assert_int_equal(target.form, TARGET_ASTERISK);
    assert_int_equal(target.path.len, 0);
    assert_false(target.is_directory);
    for (enum method method = 0; method < METHODS_COUNT; method++)
        if (method != METHOD_OPTIONS)
            assert_int_equal(target_parse(STR("*"), method, room, &target).status, 400);
}

/* RFC 9110 §7.2, RFC 3986 §3.2 */
static const struct authority_case {
    const char *promise;
    const char *authority;
    bool        valid;
} authorities[] = {
    {"a name",                              "a.test",                 true},
    {"a name with a port",                  "a.test:8080",            true},
    {"RFC 9112 §3.2: nothing",              "",                       true},
    {"a port may have no digits",           "a.test:",                true},
    {"RFC 9110 §4.2.1: a port without a name", ":80",                 false},
    {"unreserved and sub-delims",           "a-._~!$&'()*+,;=z09AZ",  true},
    {"an escape",                           "gr%C3%BCn.test",         true},
    {"an IPv4 address",                     "127.0.0.1:80",           true},
    {"the largest port",                    "a:65535",                true},
    {"one more",                            "a:65536",                false},
    {"a port of many digits",               "a:99999999999999999999999", false},
    {"a port that is none",                 "a:b",                    false},
    {"a signed port",                       "a:+80",                  false},
    {"two ports",                           "a:1:2",                  false},
    {"user information",                    "u@a",                    false},
    {"a slash",                             "a/b",                    false},
    {"a space",                             "a b",                    false},
    {"a list",                              "a, b",                   false},
    {"a backslash",                         "a\\b",                   false},
    {"half an escape",                      "a%2",                    false},
    {"bytes from 0x80",                     "gr\xC3\xBCn.test",       false},
    {"all groups of an IPv6 address",       "[1:2:3:4:5:6:7:8]",      true},
    {"with a port",                         "[1:2:3:4:5:6:7:8]:80",   true},
    {"with a port without digits",          "[::1]:",                 true},
    {"the unspecified address",             "[::]",                   true},
    {"a gap at the front",                  "[::1]",                  true},
    {"a gap at the end",                    "[1::]",                  true},
    {"a gap in the middle",                 "[fe80::1:ABCD]",         true},
    {"a gap for one group",                 "[1:2:3:4:5:6:7::]",      true},
    {"an IPv4 address at the end",          "[::ffff:127.0.0.1]",     true},
    {"and six groups",                      "[1:2:3:4:5:6:127.0.0.1]", true},
    {"nothing in the brackets",             "[]",                     false},
    {"a bracket that does not close",       "[::1",                   false},
    {"a bracket alone",                     "[",                      false},
    {"brackets around a name",              "[a.test]",               false},
    {"brackets around an IPv4 address",     "[127.0.0.1]",            false},
    {"something behind the bracket",        "[::1]80",                false},
    {"too few groups",                      "[1:2:3:4:5:6:7]",        false},
    {"too many groups",                     "[1:2:3:4:5:6:7:8:9]",    false},
    {"a gap for nothing",                   "[1:2:3:4::5:6:7:8]",     false},
    {"two gaps",                            "[1::2::3]",              false},
    {"three colons",                        "[1:::2]",                false},
    {"three colons at the front",           "[:::1]",                 false},
    {"a colon at the front",                "[:1:2:3:4:5:6:7]",       false},
    {"a colon at the end",                  "[1:2:3:4:5:6:7:]",       false},
    {"five digits",                         "[12345::]",              false},
    {"no digit",                            "[g::]",                  false},
    {"a number over 255",                   "[::256.0.0.1]",          false},
    {"three numbers",                       "[::1.2.3]",              false},
    {"five numbers",                        "[::1.2.3.4.5]",          false},
    {"a dot at the end",                    "[::1.2.3.4.]",           false},
    {"a leading zero",                      "[::01.2.3.4]",           false},
    {"an IPv4 address and groups behind",   "[::1.2.3.4:5]",          false},
    {"a zone",                              "[fe80::1%25eth0]",       false},
};

static void an_authority_is_valid_or_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(authorities); i++) {
        const struct authority_case *c = &authorities[i];
        struct tight_str authority = tight_str(c->authority);

        PROMISED(c->promise, target_authority_is_valid(authority.view) == c->valid);
        tight_str_free(&authority);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_clean_or_refused),
        cmocka_unit_test(segments_can_be_told_apart),
        cmocka_unit_test(an_absolute_target_brings_its_authority),
        cmocka_unit_test(the_asterisk_is_for_OPTIONS),
        cmocka_unit_test(an_authority_is_valid_or_not),
    };

    return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}

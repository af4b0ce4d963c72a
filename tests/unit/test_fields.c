/* What endpoints/fields promises: which fields a caller may have sent to a browser. */
#include "endpoints/fields.h"
#include "tests/support/promise.h"

static const struct field_case {
    const char *promise;
    const char *name;
    const char *value;
    bool        may_go;
} cases[] = {
    {"any name",                               "X-Anything",   "goes", true},
    {"a name of letters",                      "freeform",     "", true},
    {"a value with bytes that are no ASCII",   "X-A",          "caf\xc3\xa9\xff", true},
    {"a value with a tab",                     "X-A",          "a\tb", true},
    {"a time to come back",                    "Retry-After",  "120", true},
    {"an entity tag",                          "ETag",         "\"v1\"", true},
    {"a weak one",                             "etag",         "W/\"v1\"", true},
    {"what caches may do",                     "Cache-Control", "max-age=60", true},
    {"a challenge, which counts with 401 only", "WWW-Authenticate", "Basic realm=\"x\"", true},
    {"a name that only begins like another",   "Locationless", "x", true},
    {"one that another begins like",           "Loc",          "x", true},

    {"text",                                   "Content-Type", "text/plain", true},
    {"text with its charset",                  "content-type", "Text/Plain ; Charset=utf-8", true},
    {"JSON",                                   "Content-Type", "application/json", true},
    {"a picture",                              "Content-Type", "image/png", true},
    {"a page",                                 "Content-Type", "text/html", false},
    {"a drawing, which may have scripts",      "Content-Type", "image/svg+xml", false},
    {"XML",                                    "Content-Type", "application/xml", false},
    {"a script",                               "Content-Type", "text/javascript", false},
    {"a document with scripts",                "Content-Type", "application/pdf", false},
    {"no type at all",                         "Content-Type", "", false},
    {"two types in one value",                 "Content-Type", "text/plain, text/html", false},
    {"two types by a parameter",               "Content-Type", "text/plain;charset=x, text/html", false},
    {"another parameter",                      "Content-Type", "text/plain;x=y", false},
    {"two parameters",                         "Content-Type", "text/plain;charset=x;y=z", false},
    {"a charset without a name",               "Content-Type", "text/plain;charset=", false},
    {"a parameter without anything",           "Content-Type", "text/plain;", false},
    {"a quoted charset",                       "Content-Type", "text/plain;charset=\"x\"", false},

    {"no name",                                "",             "x", false},
    {"a name with a space",                    "X A",          "x", false},
    {"a name with a colon",                    "X:",           "x", false},
    {"a name with a line end",                 "X\r\nY",       "x", false},
    {"a value with a line end",                "X",            "a\r\nSet-Cookie: b=c", false},
    {"a value with a lone one",                "X",            "a\nb", false},
    {"an entity tag without quotes",           "ETag",         "v1", false},

    {"a cookie",                               "Set-Cookie",   "a=b", false},
    {"a cookie, whatever the case",            "sET-cOOKIE",   "a=b", false},
    {"the older kind",                         "Set-Cookie2",  "a=b", false},
    {"somewhere else to go",                   "Location",     "https://example.com", false},
    {"the same later",                         "Refresh",      "0;url=https://example.com", false},
    {"something to load",                      "Link",         "</x>;rel=preload", false},
    {"a policy of scripts",                    "Content-Security-Policy", "script-src *", false},
    {"one that only reports",                  "Content-Security-Policy-Report-Only", "x", false},
    {"that types are guessed",                 "X-Content-Type-Options", "x", false},
    {"who may read it",                        "Access-Control-Allow-Origin", "x", false},
    {"with which cookies",                     "Access-Control-Allow-Credentials", "true", false},
    {"HTTPS for a year",                       "Strict-Transport-Security", "max-age=1", false},
    {"other keys never",                       "Public-Key-Pins", "x", false},
    {"another server",                         "Alt-Svc",      "h3=\":443\"", false},
    {"the end of all that is kept",            "Clear-Site-Data", "\"*\"", false},
    {"workers for all paths",                  "Service-Worker-Allowed", "/", false},
    {"where reports go",                       "Report-To",    "{}", false},
    {"the same, newer",                        "Reporting-Endpoints", "x", false},
    {"reports of the network",                 "NEL",          "{}", false},
    {"a session that is bound to a device",    "Sec-Session-Registration", "x", false},
    {"pages to fetch before they are wanted",  "Speculation-Rules", "\"/x\"", false},
    {"a dictionary for later answers",         "Use-As-Dictionary", "match=\"/*\"", false},
    {"hints to send from now on",              "Accept-CH",    "x", false},
    {"a name to save it by",                   "Content-Disposition", "attachment; filename=a.bat", false},
    {"a coding that it is not in",             "Content-Encoding", "gzip", false},
    {"a length",                               "Content-Length", "0", false},
    {"chunks",                                 "Transfer-Encoding", "chunked", false},
    {"the end of the connection",              "Connection",   "close", false},
    {"another protocol",                       "Upgrade",      "h2c", false},
    {"the time",                               "Date",         "x", false},
    {"a file for nginx to send",               "X-Accel-Redirect", "/secret", false},
    {"one for others",                         "X-Sendfile",   "/etc/passwd", false},
    {"the end of a server's health",           "X-Envoy-Immediate-Health-Check-Fail", "1", false},
    {"includes, as others are told to",        "X-Esi",        "1", false},
    {"who is signed in, as it was called",     "IdP-SignIn-Status", "action=signin", false},
    {"includes for a proxy to fetch",          "Surrogate-Control", "content=\"ESI/1.0\"", false},
};

static void each_promise_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct tight_str name = tight_str(cases[i].name), value = tight_str(cases[i].value);

        PROMISED(cases[i].promise,
                 (fields_problem(name.view, value.view) == NULL) == cases[i].may_go);
        tight_str_free(&name);
        tight_str_free(&value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_promise_holds)};

    return cmocka_run_group_tests_name("fields", tests, NULL, NULL);
}

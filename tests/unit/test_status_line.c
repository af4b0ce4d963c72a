/* What http/status_line promises (RFC 9112 §4). */
#include "http/status_line.h"

#include "tests/support/promise.h"

enum { NONE = -1 };

/* clang-format off */
static const struct line_case {
    const char *promise;
    const char *bytes;
    int         status;
} cases[] = {
    {"a status line has a status",              "HTTP/1.1 204 No Content\r\n",  204},
    {"so has one of HTTP/1.0",                  "HTTP/1.0 200 OK\r\nA: b\r\n",  200},
    {"a phrase may be missing",                 "HTTP/1.1 308 \r\n",            308},
    {"what follows does not matter",            "HTTP/1.1 503 x\r\n\xff",       503},
    {"the space behind the status is needed",   "HTTP/1.1 204\r\n",             NONE},
    {"the line has to end",                     "HTTP/1.1 204 No Content\r",    NONE},
    {"and to end well",                         "HTTP/1.1 204 No Content\n",    NONE},
    {"a bare LF right behind the status too",   "HTTP/1.1 204 \n",              NONE},
    {"two digits are no status",                "HTTP/1.1 20 OK\r\n",           NONE},
    {"nor are four",                            "HTTP/1.1 2040 OK\r\n",         NONE},
    {"nor is a sign",                           "HTTP/1.1 -20 OK\r\n",          NONE},
    {"there is no status below 100",            "HTTP/1.1 099 x\r\n",           NONE},
    {"and none above 599",                      "HTTP/1.1 600 x\r\n",           NONE},
    {"another major version is another thing",  "HTTP/2.0 200 OK\r\n",          NONE},
    {"the name is written in capitals",         "http/1.1 200 OK\r\n",          NONE},
    {"a version has one digit behind the dot",  "HTTP/1.10 200 OK\r\n",         NONE},
    {"and it is a digit",                       "HTTP/1.x 200 OK\r\n",          NONE},
    {"another protocol is none",                "SSH-2.0-OpenSSH_9.2\r\n",      NONE},
    {"an empty line is none",                   "\r\n",                         NONE},
    {"nothing is none",                         "",                             NONE},
};
/* clang-format on */

static void each_promise_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct tight_str bytes = tight_str(cases[i].bytes);
        int              status = NONE;
        bool             ok = status_line_read(bytes.view, &status);

        PROMISED_NUMBER(cases[i].promise, status, cases[i].status);
        PROMISED(cases[i].promise, ok == (cases[i].status != NONE));
        tight_str_free(&bytes);
    }
}

static void every_beginning_of_a_line_is_none(void **state)
{
    static const char line[] = "HTTP/1.1 204 No Content\r\n";

    (void)state;
    for (size_t len = 0; len < sizeof line - 1; len++) {
        struct tight_str bytes = tight_bytes(line, len);
        int              status = NONE;

        assert_false(status_line_read(bytes.view, &status));
        tight_str_free(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_promise_holds),
        cmocka_unit_test(every_beginning_of_a_line_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

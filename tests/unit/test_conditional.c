/* What http/conditional promises about preconditions (RFC 9110 §13). */
#include "http/conditional.h"
#include "http/date.h"
#include "tests/support/promise.h"

#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define SAME   "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER  "Sun, 06 Nov 1994 08:49:38 GMT"
#define MODIFIED INT64_C(784111777)             /* SAME */
#define NOW      INT64_C(1800000000)

/* What would be sent. */
enum version { STRONG, WEAK, DATE_ONLY, TAG_ONLY, NEITHER, TWINS, ABSENT };

static const struct validators versions[] = {
    [STRONG]    = {{"\"a\"", 3},   MODIFIED},
    [WEAK]      = {{"W/\"a\"", 5}, MODIFIED},
    [DATE_ONLY] = {{NULL, 0},      MODIFIED},
    [TAG_ONLY]  = {{"\"a\"", 3},   DATE_NONE},
    [NEITHER]   = {{NULL, 0},      DATE_NONE},
    [TWINS]     = {{"\"a\"", 3},   MODIFIED, .twins = {{"\"a-gzip\"", 8}, {"\"a-br\"", 6}}},
    [ABSENT]    = {{NULL, 0},      DATE_NONE, .is_absent = true},
};

enum { LINES_MAX = 3 };

static struct request request;

static void prepare(enum method method, const char *const lines[LINES_MAX],
                    struct tight_str copies[LINES_MAX])
{
    fields_reset(&request.fields);
    request.method = method;
    for (size_t i = 0; i < LINES_MAX && lines[i]; i++) {
        copies[i] = tight_str(lines[i]);
        assert_false(is_refused(fields_add_line(&request.fields, copies[i].view)));
    }
}

static void forget(struct tight_str copies[LINES_MAX])
{
    for (size_t i = 0; i < LINES_MAX; i++)
        tight_str_free(&copies[i]);
}

#define SEND   CONDITION_SEND
#define KEPT   CONDITION_NOT_MODIFIED
#define FAILED CONDITION_FAILED

/* The verdict for GET and HEAD, and for PUT, POST, PATCH and DELETE. */
static const struct condition_case {
    const char    *promise;
    const char    *lines[LINES_MAX];
    enum version   version;
    enum condition get;
    enum condition put;
} conditions[] = {
    {"no condition",                       {NULL},                        STRONG, SEND, SEND},

    /* RFC 9110 §13.1.1, step 1 */
    {"If-Match: ours",                     {"If-Match: \"a\""},           STRONG, SEND, SEND},
    {"If-Match: ours among others",        {"If-Match: \"b\", \"a\""},    STRONG, SEND, SEND},
    {"If-Match: ours in the second line",  {"If-Match: \"b\"", "If-Match: \"a\""}, STRONG, SEND, SEND},
    {"If-Match: another",                  {"If-Match: \"b\""},           STRONG, FAILED, FAILED},
    {"If-Match: any",                      {"If-Match: *"},               STRONG, SEND, SEND},
    {"If-Match: any, without a tag",       {"If-Match: *"},               NEITHER, SEND, SEND},
    {"If-Match: any in the second line",   {"If-Match: \"b\"", "If-Match: *"}, STRONG, SEND, SEND},
    {"If-Match: any is no element",        {"If-Match: \"b\", *"},        STRONG, FAILED, FAILED},
    {"If-Match compares strongly: ours is weak", {"If-Match: W/\"a\""},   WEAK, FAILED, FAILED},
    {"If-Match compares strongly: theirs is", {"If-Match: W/\"a\""},      STRONG, FAILED, FAILED},
    {"If-Match without a tag of ours",     {"If-Match: \"a\""},           DATE_ONLY, FAILED, FAILED},
    {"If-Match: nothing",                  {"If-Match:"},                 STRONG, FAILED, FAILED},
    {"If-Match: malformed",                {"If-Match: a"},               STRONG, FAILED, FAILED},

    {"If-Match: any, of what is not there", {"If-Match: *"},              ABSENT, FAILED, FAILED},
    {"If-Match: ours in another coding",   {"If-Match: \"a-gzip\""},      TWINS, SEND, SEND},
    {"If-Match: ours in the last coding",  {"If-Match: \"b\", \"a-br\""}, TWINS, SEND, SEND},
    {"If-Match: a coding of another",      {"If-Match: \"b-gzip\""},      TWINS, FAILED, FAILED},
    {"If-None-Match: any, of what is not there", {"If-None-Match: *"},    ABSENT, SEND, SEND},
    {"If-None-Match: ours in another coding", {"If-None-Match: \"a-br\""}, TWINS, KEPT, FAILED},

    /* RFC 9110 §13.1.4, step 2 */
    {"If-Unmodified-Since: later",         {"If-Unmodified-Since: " AFTER},  STRONG, SEND, SEND},
    {"If-Unmodified-Since: the same",      {"If-Unmodified-Since: " SAME},   STRONG, SEND, SEND},
    {"If-Unmodified-Since: earlier",       {"If-Unmodified-Since: " BEFORE}, STRONG, FAILED, FAILED},
    {"If-Unmodified-Since: no date",       {"If-Unmodified-Since: x"},       STRONG, SEND, SEND},
    {"If-Unmodified-Since: two dates",
     {"If-Unmodified-Since: " BEFORE, "If-Unmodified-Since: " BEFORE},       STRONG, SEND, SEND},
    {"If-Unmodified-Since without a date of ours", {"If-Unmodified-Since: " BEFORE}, TAG_ONLY, SEND, SEND},
    {"If-Match goes before If-Unmodified-Since",
     {"If-Match: \"a\"", "If-Unmodified-Since: " BEFORE},                    STRONG, SEND, SEND},
    {"also when it fails",
     {"If-Unmodified-Since: " AFTER, "If-Match: \"b\""},                     STRONG, FAILED, FAILED},

    /* RFC 9110 §13.1.2, step 3 */
    {"If-None-Match: ours",                {"If-None-Match: \"a\""},        STRONG, KEPT, FAILED},
    {"If-None-Match: ours among others",   {"If-None-Match: \"b\", \"a\""}, STRONG, KEPT, FAILED},
    {"If-None-Match: ours in the second line",
     {"If-None-Match: \"b\"", "If-None-Match: \"a\""},                      STRONG, KEPT, FAILED},
    {"If-None-Match: another",             {"If-None-Match: \"b\""},        STRONG, SEND, SEND},
    {"If-None-Match: any",                 {"If-None-Match: *"},            STRONG, KEPT, FAILED},
    {"If-None-Match: any, without a tag",  {"If-None-Match: *"},            NEITHER, KEPT, FAILED},
    {"If-None-Match compares weakly: ours is weak", {"If-None-Match: \"a\""}, WEAK, KEPT, FAILED},
    {"If-None-Match compares weakly: theirs is", {"If-None-Match: W/\"a\""}, STRONG, KEPT, FAILED},
    {"If-None-Match without a tag of ours", {"If-None-Match: \"a\""},       DATE_ONLY, SEND, SEND},
    {"If-None-Match: nothing",             {"If-None-Match:"},              STRONG, SEND, SEND},
    {"If-None-Match: malformed",           {"If-None-Match: a"},            STRONG, SEND, SEND},

    /* RFC 9110 §13.1.3, step 4 */
    {"If-Modified-Since: later",           {"If-Modified-Since: " AFTER},   STRONG, KEPT, SEND},
    {"If-Modified-Since: the same",        {"If-Modified-Since: " SAME},    STRONG, KEPT, SEND},
    {"If-Modified-Since: earlier",         {"If-Modified-Since: " BEFORE},  STRONG, SEND, SEND},
    {"If-Modified-Since: in the form of RFC 850",
     {"If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT"},                 STRONG, KEPT, SEND},
    {"If-Modified-Since: no date",         {"If-Modified-Since: x"},        STRONG, SEND, SEND},
    {"If-Modified-Since: two dates",
     {"If-Modified-Since: " SAME, "If-Modified-Since: " SAME},              STRONG, SEND, SEND},
    {"If-Modified-Since: a list of dates", {"If-Modified-Since: " SAME ", " SAME}, STRONG, SEND, SEND},
    {"If-Modified-Since without a date of ours", {"If-Modified-Since: " AFTER}, TAG_ONLY, SEND, SEND},
    {"If-None-Match goes before If-Modified-Since",
     {"If-None-Match: \"b\"", "If-Modified-Since: " AFTER},                 STRONG, SEND, SEND},
    {"also when it finds ours",
     {"If-Modified-Since: " BEFORE, "If-None-Match: \"a\""},                STRONG, KEPT, FAILED},

    /* RFC 9110 §13.2.2: the first two come first */
    {"If-Match fails before If-None-Match is asked",
     {"If-None-Match: \"a\"", "If-Match: \"b\""},                           STRONG, FAILED, FAILED},
    {"If-Match holds, then If-None-Match is asked",
     {"If-None-Match: \"a\"", "If-Match: \"a\""},                           STRONG, KEPT, FAILED},
    {"If-Unmodified-Since fails before If-None-Match is asked",
     {"If-None-Match: \"a\"", "If-Unmodified-Since: " BEFORE},              STRONG, FAILED, FAILED},
    {"If-Unmodified-Since holds, then If-Modified-Since is asked",
     {"If-Unmodified-Since: " SAME, "If-Modified-Since: " SAME},            STRONG, KEPT, SEND},
};

static void each_condition_has_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(conditions); i++) {
        const struct condition_case *c = &conditions[i];

        for (enum method method = 0; method < METHODS_COUNT; method++) {
            bool safe = method == METHOD_GET || method == METHOD_HEAD;
            bool selects = method != METHOD_OPTIONS && method != METHOD_TRACE &&
                           method != METHOD_CONNECT;        /* RFC 9110 §13.2.1 */
            struct tight_str copies[LINES_MAX] = {0};

            prepare(method, c->lines, copies);
            PROMISED_NUMBER(c->promise, condition_check(&request, &versions[c->version], NOW),
                            !selects ? SEND : safe ? c->get : c->put);
            forget(copies);
        }
    }
}

/* RFC 9110 §13.1.5, §8.8.2.2 */
static const struct if_range_case {
    const char  *promise;
    const char  *lines[LINES_MAX];
    enum version version;
    int64_t      now_s;
    bool         holds;
} if_ranges[] = {
    {"no If-Range",                    {NULL},                       STRONG,    NOW, true},
    {"no If-Range, no validators",     {NULL},                       NEITHER,   NOW, true},
    {"our tag",                        {"If-Range: \"a\""},          STRONG,    NOW, true},
    {"another tag",                    {"If-Range: \"b\""},          STRONG,    NOW, false},
    {"a weak tag of theirs",           {"If-Range: W/\"a\""},        STRONG,    NOW, false},
    {"a weak tag of ours",             {"If-Range: \"a\""},          WEAK,      NOW, false},
    {"both weak",                      {"If-Range: W/\"a\""},        WEAK,      NOW, false},
    {"no tag of ours",                 {"If-Range: \"a\""},          DATE_ONLY, NOW, false},
    {"a list of tags is none",         {"If-Range: \"a\", \"b\""},   STRONG,    NOW, false},
    {"the asterisk is none",           {"If-Range: *"},              STRONG,    NOW, false},
    {"nothing is none",                {"If-Range:"},                STRONG,    NOW, false},
    {"two lines",                      {"If-Range: \"a\"", "If-Range: \"a\""}, STRONG, NOW, false},
    {"our date",                       {"If-Range: " SAME},          STRONG,    NOW, true},
    {"our date, and no tag",           {"If-Range: " SAME},          DATE_ONLY, NOW, true},
    {"a later date is another",        {"If-Range: " AFTER},         STRONG,    NOW, false},
    {"an earlier date too",            {"If-Range: " BEFORE},        STRONG,    NOW, false},
    {"no date of ours",                {"If-Range: " SAME},          TAG_ONLY,  NOW, false},
    {"no date of ours, nor of theirs", {"If-Range: x"},              NEITHER,   NOW, false},
    {"modified in this second: weak",  {"If-Range: " SAME},          STRONG,    MODIFIED, false},
    {"in the one before: still weak",  {"If-Range: " SAME},          STRONG,    MODIFIED + 1, false},
    {"two seconds ago: strong",        {"If-Range: " SAME},          STRONG,    MODIFIED + 2, true},
    {"modified in the future: weak",   {"If-Range: " SAME},          STRONG,    MODIFIED - 9, false},
};

static void a_range_holds_for_one_version(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(if_ranges); i++) {
        const struct if_range_case *c = &if_ranges[i];

        for (enum method method = 0; method < METHODS_COUNT; method++) {
            struct tight_str copies[LINES_MAX] = {0};

            prepare(method, c->lines, copies);
            PROMISED(c->promise,
                     condition_range_holds(&request, &versions[c->version], c->now_s) ==
                         (c->holds && method == METHOD_GET));       /* RFC 9110 §14.2 */
            forget(copies);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_condition_has_its_verdict),
        cmocka_unit_test(a_range_holds_for_one_version),
    };

    return cmocka_run_group_tests_name("conditional", tests, NULL, NULL);
}

/* What endpoints/pace promises: the first at once, the last at the end, the rest evenly between. */
#include "endpoints/pace.h"
#include "tests/support/promise.h"

enum { BEGAN_MS = 12345 };

/* clang-format off */
/* Having done some, how many are owed; and then, having done all that are due but the last, how long it is
 * to the next. */
static const struct pace_case {
    const char *promise;
    uint64_t    count;
    int64_t     duration_ms;
    uint64_t    done;
    int64_t     elapsed_ms;
    uint64_t    owed;
    int64_t     wait_ms;        /* -1: there is none left */
} cases[] = {
    {"the first comes at once",         10, 1800, 0, 0, 1, 200},
    {"and is alone for a while",        10, 1800, 1, 199, 0, 1},
    {"the second after a ninth",        10, 1800, 1, 200, 1, 200},
    {"who was held up has more to do",  10, 1800, 1, 1000, 5, 200},
    {"the last but one",                10, 1800, 8, 1799, 1, 1},
    {"the last comes at the end",       10, 1800, 9, 1800, 1, -1},
    {"and none comes behind it",        10, 1800, 10, 999999, 0, -1},
    {"one comes at once",               1, 1000, 0, 1000, 1, -1},
    {"no time: all at once",            5, 0, 0, 0, 5, -1},
    {"of two the second is at the end", 2, 1000, 1, 999, 0, 1},
    {"parts of a millisecond round up", 4, 100, 0, 0, 1, 34},
    {"and are not lost",                4, 100, 1, 34, 1, 33},
    {"more than one in a millisecond",  100001, 1000, 1, 1, 100, 1},
    {"as many as there may be",         1000000000, 3600000, 999999700, 3599999, 22, 1},
};
/* clang-format on */

static void each_promise_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const struct pace_case *c = &cases[i];
        struct pace pace = {c->count, c->duration_ms, c->done, BEGAN_MS};
        uint64_t    owed = pace_owed(&pace, BEGAN_MS + c->elapsed_ms);

        PROMISED_NUMBER(c->promise, owed, c->owed);
        if (owed > 0)
            PROMISED_NUMBER(c->promise, pace_wait_ms(&pace, BEGAN_MS + c->elapsed_ms), 0);
        pace.done += owed;
        if (c->wait_ms >= 0)
            PROMISED_NUMBER(c->promise, pace_wait_ms(&pace, BEGAN_MS + c->elapsed_ms), c->wait_ms);
        else
            PROMISED_NUMBER(c->promise, pace.done, c->count);
    }
}

/* Who waits as long as he is told finds something to do, and is done at the end. */
static void waiting_leads_through(void **state)
{
    (void)state;
    for (uint64_t count = 1; count < 60; count++) {
        struct pace pace = {.count = count, .duration_ms = 97};
        int64_t     now_ms = BEGAN_MS;

        for (;;) {
            uint64_t owed = pace_owed(&pace, now_ms);

            assert_true(owed > 0);
            pace.done += owed;
            if (pace.done == count)
                break;
            now_ms += pace_wait_ms(&pace, now_ms);
        }
        assert_int_equal(now_ms, BEGAN_MS + (count == 1 ? 0 : 97));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_promise_holds),
        cmocka_unit_test(waiting_leads_through),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What endpoints/pace promises: the first at once, the last at the end, the rest evenly between. */
#include "endpoints/pace.h"
#include "tests/support/promise.h"

static const struct pace_case {
    const char *promise;
    struct pace pace;
    int64_t     elapsed_ms;
    uint64_t    due;
    int64_t     wait_ms;
} cases[] = {
    {"the first comes at once",            {10, 1800}, 0, 1, 200},
    {"and is alone for a while",           {10, 1800}, 199, 1, 1},
    {"the second after a ninth",           {10, 1800}, 200, 2, 200},
    {"who was held up has more to do",     {10, 1800}, 1000, 6, 200},
    {"the last but one",                   {10, 1800}, 1799, 9, 1},
    {"the last comes at the end",          {10, 1800}, 1800, 10, 1},
    {"and none comes behind it",           {10, 1800}, 999999, 10, 1},
    {"one comes at once, and has to wait", {1, 1000}, 0, 1, 1000},
    {"one is all",                         {1, 1000}, 1000, 1, 1},
    {"no time: all at once",               {5, 0}, 0, 5, 1},
    {"two",                                {2, 1000}, 999, 1, 1},
    {"parts of a millisecond round up",    {4, 100}, 0, 1, 34},
    {"and are not lost",                   {4, 100}, 34, 2, 33},
    {"more than one in a millisecond",     {100001, 1000}, 1, 101, 1},
    {"as many as there may be",            {1000000000, 3600000}, 3599999, 999999722, 1},
};

static void each_promise_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const struct pace_case *c = &cases[i];

        PROMISED_NUMBER(c->promise, pace_due(&c->pace, c->elapsed_ms), c->due);
        PROMISED_NUMBER(c->promise, pace_wait_ms(&c->pace, c->elapsed_ms), c->wait_ms);
    }
}

/* Who waits as long as he is told comes when there is something to do, and is done at the end. */
static void waiting_leads_through(void **state)
{
    (void)state;
    for (uint64_t count = 1; count < 60; count++) {
        const struct pace pace = {count, 97};
        uint64_t          done = pace_due(&pace, 0);
        int64_t           elapsed_ms = 0;

        while (done < count) {
            elapsed_ms += pace_wait_ms(&pace, elapsed_ms);
            assert_true(pace_due(&pace, elapsed_ms) > done);
            done = pace_due(&pace, elapsed_ms);
        }
        assert_true(count == 1 || elapsed_ms == 97);
    }
}

static void who_keeps_count_is_owed_the_rest(void **state)
{
    struct paced paced = {.pace = {10, 900}};

    (void)state;
    assert_int_equal(paced_owed(&paced, 5000), 1);          /* which is the beginning */
    assert_int_equal(paced_wait_ms(&paced, 5000), 0);
    paced.done = 1;
    assert_int_equal(paced_owed(&paced, 5000), 0);
    assert_int_equal(paced_wait_ms(&paced, 5000), 100);
    assert_int_equal(paced_owed(&paced, 5450), 4);
    paced.done = 3;
    assert_int_equal(paced_wait_ms(&paced, 5450), 0);
    paced.done = 5;
    assert_int_equal(paced_wait_ms(&paced, 5450), 50);
    assert_int_equal(paced_owed(&paced, 9999), 5);
}

/* However many there are in a millisecond, nobody comes for each of them. */
static void many_come_together(void **state)
{
    struct paced paced = {.pace = {1000000, 10000}};
    unsigned     turns = 0;

    (void)state;
    for (int64_t now_ms = 1; paced.done < paced.pace.count; turns++) {
        paced.done += paced_owed(&paced, now_ms);
        now_ms += paced_wait_ms(&paced, now_ms);
    }
    assert_int_equal(turns, 10000 / PACED_TICK_MS + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_promise_holds),
        cmocka_unit_test(waiting_leads_through),
        cmocka_unit_test(who_keeps_count_is_owed_the_rest),
        cmocka_unit_test(many_come_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

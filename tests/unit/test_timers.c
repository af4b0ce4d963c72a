/* What server/timers promises: everybody is called once, in the order in which they are due, and nobody
 * who has gone. */
#include "server/timers.h"

#include <stdlib.h>

#include "base/clock.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/promise.h"

enum { MANY = 500, THREADS = 4, ROUNDS = 20000 };

static struct {
    struct timer *timers[2 * MANY];
    size_t        count;
} called;

static void set(struct timers *timers, struct timer *timer, int64_t due_ms)
{
    bool is_nearest = timers_set(timers, timer, due_ms);

    (void)is_nearest;
}

static void note(struct timer *timer, void *context)
{
    assert_ptr_equal(context, &called);
    assert_int_equal(timer->place, 0);
    called.timers[called.count++] = timer;
}

static void open_timers(struct timers *timers, size_t max)
{
    assert_true(timers_open(timers, max, note, &called));
    called.count = 0;
}

static void they_are_called_in_order(void **state)
{
    static struct timer all[MANY];
    struct timers       timers;
    int64_t             before = INT64_MIN;

    (void)state;
    srand(7);
    open_timers(&timers, MANY);
    for (int round = 0; round < 20; round++) {
        called.count = 0;
        for (size_t i = 0; i < MANY; i++)
            set(&timers, &all[i], rand() % 1000);
        for (size_t i = 0; i < MANY / 2; i++)       /* some think better of it */
            set(&timers, &all[rand() % MANY], rand() % 1000);
        for (int64_t now = 0; now < 1000; now += 100) {
            timers_fire(&timers, now);
            assert_true(timers_next(&timers) > now);
        }
        timers_fire(&timers, 1000);
        assert_int_equal(called.count, MANY);
        for (size_t i = 0; i < MANY; i++) {
            assert_true(i == 0 || called.timers[i]->due_ms >= before);
            before = called.timers[i]->due_ms;
        }
    }
    timers_close(&timers);
}

static void who_has_gone_is_not_called(void **state)
{
    static struct timer all[MANY];
    struct timers       timers;
    size_t              gone = 0;

    (void)state;
    open_timers(&timers, MANY);
    for (size_t i = 0; i < MANY; i++)
        set(&timers, &all[i], (int64_t)(i * 7919 % 1000));
    for (size_t i = 0; i < MANY; i += 3, gone++) {
        timers_unset(&timers, &all[i]);
        timers_unset(&timers, &all[i]);     /* twice is the same as once */
    }
    timers_fire(&timers, 1000);
    assert_int_equal(called.count, MANY - gone);
    for (size_t i = 0; i < called.count; i++)
        assert_true((called.timers[i] - all) % 3 != 0);
    timers_close(&timers);
}

static void the_nearest_is_known(void **state)
{
    struct timer  near = {0}, far = {0}, never = {0};
    struct timers timers;

    (void)state;
    open_timers(&timers, 3);
    assert_true(timers_next(&timers) == CLOCK_NEVER);
    assert_false(timers_set(&timers, &never, CLOCK_NEVER));
    assert_true(timers_next(&timers) == CLOCK_NEVER);
    assert_true(timers_set(&timers, &far, 200));
    assert_true(timers_set(&timers, &near, 100));
    assert_false(timers_set(&timers, &far, 300));
    assert_int_equal(timers_next(&timers), 100);
    timers_fire(&timers, 99);
    assert_int_equal(called.count, 0);
    timers_fire(&timers, 100);
    assert_int_equal(called.count, 1);
    assert_ptr_equal(called.timers[0], &near);
    assert_int_equal(timers_next(&timers), 300);
    timers_fire(&timers, CLOCK_NEVER);
    assert_int_equal(called.count, 3);
    assert_ptr_equal(called.timers[2], &never);
    assert_int_equal(timers.count, 0);
    timers_close(&timers);
}

/* ---- at the same time (under tsan, above all) --------------------------------------------- */

static struct timers shared;
static struct timer  owned[THREADS];
static _Atomic int   fired[THREADS];

static void count(struct timer *timer, void *context)
{
    (void)context;
    fired[timer - owned]++;
}

static void *set_and_unset(void *data)
{
    struct timer *timer = data;
    int          *times = malloc(sizeof *times);

    assert(times);
    *times = 0;
    for (int i = 0; i < ROUNDS; i++) {
        set(&shared, timer, i % 3);
        if (i % 2)
            timers_unset(&shared, timer);
        *times += 1;
    }
    timers_unset(&shared, timer);
    return times;
}

static void threads_may_come_and_go(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    assert_true(timers_open(&shared, THREADS, count, NULL));
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, set_and_unset, &owned[i]), 0);
    for (int i = 0; i < ROUNDS; i++)
        timers_fire(&shared, i % 3);
    for (size_t i = 0; i < THREADS; i++) {
        void *times;

        assert_int_equal(pthread_join(threads[i], &times), 0);
        assert_true(fired[i] <= *(int *)times);
        free(times);
    }
    assert_int_equal(shared.count, 0);
    timers_close(&shared);
}

static void without_memory_there_are_none(void **state)
{
    struct timers timers;

    (void)state;
    alloc_fail_at(1);
    assert_false(timers_open(&timers, 10, note, NULL));
    assert_true(alloc_fail_off());
    timers_close(&timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_called_in_order),
        cmocka_unit_test(who_has_gone_is_not_called),
        cmocka_unit_test(the_nearest_is_known),
        cmocka_unit_test(threads_may_come_and_go),
        cmocka_unit_test(without_memory_there_are_none),
    };

    return cmocka_run_group_tests_name("timers", tests, NULL, NULL);
}

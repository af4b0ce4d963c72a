/* What server/waker promises: a call is never lost while the exchange lives, and touches nothing when it
 * has ended, from whatever thread. */
#include "server/waker.h"

#include "tests/support/alloc_fail.h"
#include "tests/support/promise.h"

enum { CALLERS = 4, EXCHANGES = 300, CALLS = 50 };

static struct queue  queue;
static struct source source;

static size_t events(void)
{
    struct source *ready[8];
    size_t         count = 0, got, empty = 0;

    while (empty < 2) {
        got = queue_wait(&queue, ready, COUNTOF(ready), 0);
        count += got;
        empty = got ? 0 : empty + 1;
    }
    return count;
}

static void a_call_makes_the_connection_ready(void **state)
{
    struct wherry_waker *waker = waker_new(&queue, &source);

    (void)state;
    assert_non_null(waker);
    assert_false(waker_is_called(waker));
    wherry_wake(waker);
    wherry_wake(waker);
    assert_true(waker_is_called(waker));
    assert_int_equal(events(), 1);
    waker_forget_call(waker);
    assert_false(waker_is_called(waker));
    wherry_wake(waker);
    assert_int_equal(events(), 1);
    waker_detach(waker);
}

static void a_call_after_the_end_does_nothing(void **state)
{
    struct wherry_waker *waker = waker_new(&queue, &source);

    (void)state;
    assert_ptr_equal(waker_share(waker), waker);
    waker_detach(waker);
    wherry_wake(waker);
    assert_int_equal(events(), 0);
    wherry_waker_release(waker);
}

static void what_is_not_there_is_never_called(void **state)
{
    (void)state;
    assert_false(waker_is_called(NULL));
    waker_forget_call(NULL);
    waker_detach(NULL);
    wherry_waker_release(NULL);
    wherry_wake(NULL);
    alloc_fail_at(1);
    assert_null(waker_new(&queue, &source));
    assert_true(alloc_fail_off());
}

/* Under tsan, above all: the exchange ends while it is called. */
static void *call(void *data)
{
    for (int i = 0; i < CALLS; i++)
        wherry_wake(data);
    wherry_waker_release(data);
    return NULL;
}

static void callers_and_the_end_may_meet(void **state)
{
    (void)state;
    for (int n = 0; n < EXCHANGES; n++) {
        struct wherry_waker *waker = waker_new(&queue, &source);
        pthread_t            threads[CALLERS];

        assert_non_null(waker);
        for (size_t i = 0; i < CALLERS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, call, waker_share(waker)), 0);
        waker_forget_call(waker);
        waker_detach(waker);
        queue_forget(&queue, &source);
        for (size_t i = 0; i < CALLERS; i++)
            pthread_join(threads[i], NULL);
        assert_false(source.is_woken);      /* nobody has woken it after the end */
    }
}

static int open_queue(void **state)
{
    (void)state;
    source_init(&source, SOURCE_CONNECTION);
    return !queue_open(&queue);
}

static int close_queue(void **state)
{
    (void)state;
    queue_close(&queue);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_makes_the_connection_ready),
        cmocka_unit_test(a_call_after_the_end_does_nothing),
        cmocka_unit_test(what_is_not_there_is_never_called),
        cmocka_unit_test(callers_and_the_end_may_meet),
    };

    return cmocka_run_group_tests_name("waker", tests, open_queue, close_queue);
}

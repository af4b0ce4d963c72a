/* What base/thread promises: no signal of the process reaches such a thread. */
#include "base/thread.h"

#include <signal.h>

#include "tests/support/promise.h"

static void *look(void *blocked)
{
    pthread_sigmask(SIG_SETMASK, NULL, blocked);
    return blocked;
}

static void a_thread_is_born_deaf(void **state)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGUSR1, SIGALRM, SIGCHLD};
    sigset_t         blocked, before, after;
    pthread_t        thread;

    (void)state;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_int_equal(thread_create(&thread, NULL, look, &blocked), 0);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    assert_int_equal(pthread_join(thread, NULL), 0);
    for (size_t i = 0; i < COUNTOF(numbers); i++) {
        PROMISED_NUMBER("it hears none", sigismember(&blocked, numbers[i]), 1);
        PROMISED_NUMBER("whoever started it hears what it did", sigismember(&after, numbers[i]),
                        sigismember(&before, numbers[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_is_born_deaf),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

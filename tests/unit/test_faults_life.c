/* What a server promises when the n-th call of a kind fails while it begins, grows or ends: it
 * serves, or says in one sentence why it cannot, and leaves nothing behind. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/log.h"
#include "tests/support/fault.h"
#include "tests/support/folder.h"
#include "tests/support/promise.h"
#include "tests/support/visit.h"

enum { ROUNDS_MAX = 2000 };             /* of one fault; a count that never ends is a bug here */

static const struct stage_setting calm = {.cache_files = 64};
static const struct stage_setting hasty = {.cache_files = 64, .is_hasty = true};

/* What may come of a request while anything may fail. */
static const struct grace any_grace = {
    .may_be_cut = true, .may_be_whole = true, .statuses = {403, 500, 503}};

static struct folder folder;
static struct stage  stage;
static const char   *living;            /* what fails just now, and the how manyeth call */
static size_t        living_at;

/* ---- a site to serve ------------------------------------------------------------------ */

static int make_site(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    folder_enter(&folder);
    stage_files();
    stage_hush();
    if (!stage_open(&stage, &calm))
        return -1;
    visit_learn(&stage);
    stage_close(&stage);
    stage_speak();
    return 0;
}

static int remove_site(void **state)
{
    (void)state;
    visit_forget();
    folder_leave(&folder);
    return 0;
}

static int hush(void **state)
{
    (void)state;
    fault_spare_me(false);
    stage_hush();
    return 0;
}

static int speak(void **state)
{
    (void)state;
    (void)fault_off();
    if (living)
        fprintf(stderr, "not kept at call %zu: %s\n", living_at, living);
    living = NULL;
    stage_close(&stage);
    stage_speak();
    return 0;
}

/* ---- rounds --------------------------------------------------------------------------- */

struct fault {
    const char     *promise;
    enum fault_call call;
    int             error;
};

typedef void life_fn(void);

/* A whole life with the n-th call failing, for every n that there is. */
static void walk(const struct fault *fault, life_fn *live)
{
    size_t before = descriptors_open(), n;

    for (n = 1; fault_next(n, fault->call, fault->error); n++) {
        living = fault->promise;
        living_at = n;
        if (n == ROUNDS_MAX)
            fail_msg("there is no end: %s", fault->promise);
        live();
        assert_int_equal(descriptors_open(), before);
    }
    living = NULL;
    if (n == 2)
        fail_msg("no call has failed, so nothing is shown: %s", fault->promise);
}

static void walk_all(const struct fault *faults, size_t count, life_fn *live)
{
    for (size_t i = 0; i < count; i++)
        walk(&faults[i], live);
}

/* ---- the beginning -------------------------------------------------------------------- */

static const struct fault beginnings[] = {
    {"no thread",                          FAULT_THREAD, EAGAIN},
    {"no descriptor to call the keeper by", FAULT_EVENTFD, EMFILE},
    {"no queue",                           FAULT_EPOLL_CREATE, EMFILE},
    {"no place in the queue",              FAULT_EPOLL_CTL, ENOSPC},
    {"no room for connections",            FAULT_MMAP, ENOMEM},
    {"no socket",                          FAULT_SOCKET, EMFILE},
    {"no name for it",                     FAULT_BIND, EACCES},
    {"no listening",                       FAULT_LISTEN, EADDRINUSE},
    {"no folder",                          FAULT_OPEN, EACCES},
    {"nothing known about it",             FAULT_FSTAT, EIO},
    {"nothing in it can be opened",        FAULT_OPENAT2, EMFILE},
    {"no memory",                          FAULT_ALLOCATION, ENOMEM},
};

/* It serves, or says why not; having begun, it serves whoever comes next. */
static void live_and_serve(void)
{
    bool is_open = stage_open(&stage, &calm);

    if (is_open) {
        visit_files(&stage, &any_grace);
        (void)fault_off();
        visit_files(&stage, atomic_load(&stage.has_ended) ? &any_grace : &NO_GRACE);
    }
    stage_close(&stage);
    assert_true(is_open || stage.problem[0] != '\0');
    assert_true(stage.was_finished || stage.problem[0] != '\0');
}

static void it_serves_or_says_why_not(void **state)
{
    (void)state;
    walk_all(beginnings, COUNTOF(beginnings), live_and_serve);
}

/* ---- growing -------------------------------------------------------------------------- */

/* The pool takes what threads it gets, and asks for the others again. */
static void handlers_that_sleep_wait_for_each_other(void **state)
{
    enum { GROWS_BY = 2, VISITS_MAX = 100 };

    (void)state;
    for (size_t n = 1; n <= GROWS_BY; n++) {
        bool has_struck = false;

        assert_true(stage_open(&stage, &calm));
        visit_files(&stage, &NO_GRACE);
        fault_at(n, FAULT_THREAD, EAGAIN);
        for (int i = 0; i < VISITS_MAX && !has_struck; i++) {
            visit_sleepers(&stage, &NO_GRACE);
            has_struck = fault_has_struck();
        }
        assert_true(fault_off());
        visit_sleepers(&stage, &NO_GRACE);
        visit_all(&stage, &NO_GRACE);
        stage_close(&stage);
        assert_true(stage.was_finished);
    }
}

/* ---- the end -------------------------------------------------------------------------- */

static const struct fault ends[] = {
    {"no descriptor for a newcomer",   FAULT_ACCEPT, EMFILE},
    {"a reset",                        FAULT_RECV, ECONNRESET},
    {"no room to send",                FAULT_SENDMSG, EAGAIN},
    {"nobody there any more",          FAULT_SENDMSG, EPIPE},
    {"no place in the queue",          FAULT_EPOLL_CTL, ENOMEM},
    {"a signal while the keeper waits", FAULT_POLL, EINTR},
    {"and when it looks who called",   FAULT_READ, EINTR},
    {"no memory",                      FAULT_ALLOCATION, ENOMEM},
};

static void live_and_end(void)
{
    if (stage_open(&stage, &calm))
        visit_at_the_end(&stage, &any_grace);
    stage_close(&stage);
    assert_true(stage.was_finished || stage.problem[0] != '\0');
}

static void whoever_asked_before_the_end_is_answered(void **state)
{
    (void)state;
    walk_all(ends, COUNTOF(ends), live_and_end);
    assert_true(stage_open(&stage, &calm));
    visit_at_the_end(&stage, &NO_GRACE);
}

/* Who is cut leaves nothing behind either. */
static void the_time_to_finish_may_be_up(void **state)
{
    size_t before = descriptors_open();

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_true(stage_open(&stage, &hasty));
        visit_at_the_end(&stage, &any_grace);
        stage_close(&stage);
        assert_int_equal(descriptors_open(), before);
    }
}

/* ---- the log -------------------------------------------------------------------------- */

static void a_log_without_a_thread_is_none(void **state)
{
    static const struct fault faults[] = {
        {"no thread",                   FAULT_THREAD, EAGAIN},
        {"no descriptor to call it by", FAULT_EVENTFD, EMFILE},
    };
    size_t before = descriptors_open();

    (void)state;
    for (size_t i = 0; i < COUNTOF(faults); i++) {
        fault_at(1, faults[i].call, faults[i].error);
        assert_false(log_start());
        assert_int_equal(errno, faults[i].error);
        assert_true(fault_off());
        assert_int_equal(descriptors_open(), before);
    }
    assert_true(log_start());
    log_stop(1000);
    assert_int_equal(descriptors_open(), before);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define TEST(promise) cmocka_unit_test_setup_teardown(promise, hush, speak)
        TEST(it_serves_or_says_why_not),
        TEST(handlers_that_sleep_wait_for_each_other),
        TEST(whoever_asked_before_the_end_is_answered),
        TEST(the_time_to_finish_may_be_up),
        TEST(a_log_without_a_thread_is_none),
#undef TEST
    };

    return cmocka_run_group_tests(tests, make_site, remove_site);
}

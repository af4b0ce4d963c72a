/* What a server promises when the n-th call of a kind fails on the way of a request: whatever is
 * answered is right or says that it is not, nobody waits for ever, nothing is kept, and the next
 * visitor notices nothing. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "site/cache.h"
#include "tests/support/fault.h"
#include "tests/support/folder.h"
#include "tests/support/promise.h"
#include "tests/support/visit.h"

enum {
    ROUNDS_MAX      = 2000,             /* of one fault; a count that never ends is a bug here */
    CLOCK_COARSE_MS = 20,               /* how far a tick of the clock may be off, and more */
};

static struct folder folder;
static struct stage  stage;
static size_t        calm_descriptors;
static time_t        made_at_s;
static const char   *walking;           /* what fails just now, and the how manyeth call */
static size_t        walking_at;

/* ---- what may fail, and what may come of it ------------------------------------------- */

struct fault {
    const char     *promise;
    enum fault_call call;
    int             error;
    struct grace    grace;
};

#define RIGHT        {.may_be_cut = false}
#define CUT          {.may_be_cut = true}
#define WHOLE        {.may_be_whole = true}
#define REFUSED(...) {.statuses = {__VA_ARGS__}}
#define LOST(...)    {.may_be_cut = true, .statuses = {__VA_ARGS__}}

/* On the way from the queue to the peer, whatever is asked for. */
static const struct fault peer_faults[] = {
    {"accept: no descriptors, again a little later",   FAULT_ACCEPT, EMFILE, CUT},
    {"accept: nor memory",                             FAULT_ACCEPT, ENOMEM, CUT},
    {"accept: a newcomer who left is not the last",    FAULT_ACCEPT, ECONNABORTED, RIGHT},
    {"accept: a signal is nothing",                    FAULT_ACCEPT, EINTR, RIGHT},
    {"accept: nobody there, and then somebody",        FAULT_ACCEPT, EAGAIN, RIGHT},
    {"recv: a reset ends that connection",             FAULT_RECV, ECONNRESET, CUT},
    {"recv: want of memory too",                       FAULT_RECV, ENOMEM, CUT},
    {"recv: the end may come at any time",             FAULT_RECV, FAULT_END, LOST(400)},
    {"recv: a signal is nothing",                      FAULT_RECV, EINTR, RIGHT},
    {"recv: nothing there, and then something",        FAULT_RECV, EAGAIN, RIGHT},
    {"recv: byte by byte",                             FAULT_RECV, FAULT_SHORT, RIGHT},
    {"send: whoever went away gets no answer",         FAULT_SENDMSG, EPIPE, CUT},
    {"send: nor who reset the connection",             FAULT_SENDMSG, ECONNRESET, CUT},
    {"send: nor anybody without memory",               FAULT_SENDMSG, ENOBUFS, CUT},
    {"send: a signal is nothing",                      FAULT_SENDMSG, EINTR, RIGHT},
    {"send: no room, and then some",                   FAULT_SENDMSG, EAGAIN, RIGHT},
    {"send: one byte and then the rest",               FAULT_SENDMSG, FAULT_SHORT, RIGHT},
    {"sendfile: whoever went away gets no answer",     FAULT_SENDFILE, EPIPE, CUT},
    {"sendfile: a disk that cannot be read cuts it",   FAULT_SENDFILE, EIO, CUT},
    {"sendfile: want of memory cuts it",               FAULT_SENDFILE, ENOMEM, CUT},
    {"sendfile: a file that became shorter cuts it",   FAULT_SENDFILE, FAULT_END, CUT},
    {"sendfile: a signal is nothing",                  FAULT_SENDFILE, EINTR, RIGHT},
    {"sendfile: no room, and then some",               FAULT_SENDFILE, EAGAIN, RIGHT},
    {"sendfile: one byte and then the rest",           FAULT_SENDFILE, FAULT_SHORT, RIGHT},
    {"epoll_ctl: who cannot be waited for is let go",  FAULT_EPOLL_CTL, ENOMEM, CUT},
    {"epoll_ctl: the same, as the limit has it",       FAULT_EPOLL_CTL, ENOSPC, CUT},
    {"epoll_wait: a signal is nothing",                FAULT_EPOLL_WAIT, EINTR, RIGHT},
    {"getrandom: no chance, no parts, but all of it",  FAULT_RANDOM, ENOSYS, WHOLE},
    {"no memory",                                      FAULT_ALLOCATION, ENOMEM,
     {.may_be_cut = true, .may_be_whole = true, .statuses = {500, 503}}},
};

/* On the way from a name to a file. */
static const struct fault disk_faults[] = {
    {"openat2: no descriptors is a 503",               FAULT_OPENAT2, EMFILE, REFUSED(503)},
    {"openat2: nor memory",                            FAULT_OPENAT2, ENOMEM, REFUSED(503)},
    {"openat2: what may not be read is a 403",         FAULT_OPENAT2, EACCES, REFUSED(403)},
    {"openat2: a broken disk is a 500, and no 404",    FAULT_OPENAT2, EIO, REFUSED(500)},
    {"openat2: a file may go at any time",             FAULT_OPENAT2, ENOENT, REFUSED(404)},
    {"openat2: a signal is nothing",                   FAULT_OPENAT2, EINTR, RIGHT},
    {"openat2: a rename somewhere is nothing",         FAULT_OPENAT2, EAGAIN, RIGHT},
    {"fstat: a broken disk is a 500",                  FAULT_FSTAT, EIO, LOST(500)},
    {"fstat: want of memory is a 503",                 FAULT_FSTAT, ENOMEM, LOST(503)},
    {"pread: a broken disk is a 500",                  FAULT_PREAD, EIO, REFUSED(500)},
    {"pread: a signal is nothing",                     FAULT_PREAD, EINTR, RIGHT},
    {"pread: one byte and then the rest",              FAULT_PREAD, FAULT_SHORT, RIGHT},
    {"pread: a file that became shorter is read again", FAULT_PREAD, FAULT_END, RIGHT},
};

/* The same where names are walked. */
static const struct fault walk_faults[] = {
    {"openat: no descriptors is a 503",                FAULT_OPENAT, EMFILE, REFUSED(503)},
    {"openat: what may not be read is a 403",          FAULT_OPENAT, EACCES, REFUSED(403)},
    {"openat: a broken disk is a 500",                 FAULT_OPENAT, EIO, REFUSED(500)},
    {"openat: a signal is nothing",                    FAULT_OPENAT, EINTR, RIGHT},
    {"fcntl: no descriptor to walk with is a 503",     FAULT_FCNTL, EMFILE, REFUSED(503)},
    {"fstat: a broken disk is a 500",                  FAULT_FSTAT, EIO, LOST(500)},
    {"readlinkat: a broken disk is a 500",             FAULT_READLINKAT, EIO, REFUSED(500)},
    {"readlinkat: want of memory is a 503",            FAULT_READLINKAT, ENOMEM, REFUSED(503)},
};

/* While what is known is compared with the disk. */
static const struct fault compare_faults[] = {
    {"openat2: what was known will do",                FAULT_OPENAT2, EMFILE, RIGHT},
    {"openat2: a broken disk is asked again",          FAULT_OPENAT2, EIO, RIGHT},
    {"openat2: a signal is nothing",                   FAULT_OPENAT2, EINTR, RIGHT},
    {"fstat: a broken disk is asked again, or cuts", FAULT_FSTAT, EIO, CUT},
};

/* ---- rounds --------------------------------------------------------------------------- */

/* Until the call that is to fail is made, by whichever thread. */
static void wait_for_fault(void)
{
    enum { LOOKS = 30000 };

    for (int i = 0; i < LOOKS && !fault_has_struck(); i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_true(fault_off());
}

typedef void visit_fn(struct stage *, const struct grace *);

/* The n-th call fails, for every n that there is; after each, all is well again. */
static void walk(const struct fault *fault, visit_fn *visit, int64_t pause_ms)
{
    const struct timespec pause = {.tv_nsec = pause_ms * 1000000};
    size_t                n;

    for (n = 1; fault_next(n, fault->call, fault->error); n++) {
        walking = fault->promise;
        walking_at = n;
        if (n == ROUNDS_MAX)
            fail_msg("there is no end: %s", fault->promise);
        nanosleep(&pause, NULL);
        visit(&stage, &fault->grace);
        (void)fault_off();
        visit(&stage, &NO_GRACE);
        stage_calm_down(&stage, calm_descriptors);
    }
    walking = NULL;
    if (n == 2)
        fail_msg("no call has failed, so nothing is shown: %s", fault->promise);
}

static void walk_all(const struct fault *faults, size_t count, visit_fn *visit, int64_t pause_ms)
{
    for (size_t i = 0; i < count; i++)
        walk(&faults[i], visit, pause_ms);
}

/* ---- the stage ------------------------------------------------------------------------ */

static int make_site(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    folder_enter(&folder);
    stage_files();
    made_at_s = time(NULL);
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

static int close_stage(void **state)
{
    (void)state;
    (void)fault_off();
    if (walking)
        fprintf(stderr, "not kept at call %zu: %s\n", walking_at, walking);
    walking = NULL;
    stage_close(&stage);
    stage_speak();
    return 0;
}

static void open_stage(const struct stage_setting *setting)
{
    if (!stage_open(&stage, setting))
        fail_msg("%s", stage.problem);
    visit_learn(&stage);
    calm_descriptors = stage_calm(&stage);
}

/* ---- the promises --------------------------------------------------------------------- */

static void whoever_is_answered_is_answered_right(void **state)
{
    (void)state;
    open_stage(&(struct stage_setting){.cache_files = 0});
    walk_all(peer_faults, COUNTOF(peer_faults), visit_all, 0);
}

static void what_the_disk_refuses_is_said(void **state)
{
    (void)state;
    open_stage(&(struct stage_setting){.cache_files = 0});
    walk_all(disk_faults, COUNTOF(disk_faults), visit_once, 0);
}

static void and_where_names_are_walked(void **state)
{
    (void)state;
    open_stage(&(struct stage_setting){.walks = true});
    walk_all(walk_faults, COUNTOF(walk_faults), visit_once, 0);
}

/* What changed a moment ago is read again each time, so that has to be some moments ago. */
static void grow_old(void)
{
    enum { YOUTH_S = 4 };

    while (time(NULL) < made_at_s + YOUTH_S)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

static void what_is_known_is_answered(void **state)
{
    (void)state;
    grow_old();
    open_stage(&(struct stage_setting){.cache_files = 64});
    walk_all(compare_faults, COUNTOF(compare_faults), visit_files,
             CACHE_CHECK_MS + CLOCK_COARSE_MS);
}

/* A handler that sleeps, and others that wait for a permit and call the keeper.  The log's thread polls
 * too, but by and by it has nothing to do. */
static void the_keeper_is_not_disturbed(void **state)
{
    enum { VISITS_MAX = 100, POLLS = 4 };

    (void)state;
    open_stage(&(struct stage_setting){.cache_files = 0});
    for (int i = 0; i < POLLS; i++) {
        fault_at(1, FAULT_POLL, EINTR);
        wait_for_fault();
    }
    fault_at(1, FAULT_READ, EINTR);
    for (int i = 0; i < VISITS_MAX && !fault_has_struck(); i++)
        visit_sleepers(&stage, &NO_GRACE);
    assert_true(fault_off());
    visit_all(&stage, &NO_GRACE);
    stage_calm_down(&stage, calm_descriptors);
}

/* The listener is to be asked for again before a worker blocks, and just now it cannot be. */
static void no_newcomer_is_forgotten(void **state)
{
    struct wherry_server *server;
    struct worker         worker;

    (void)state;
    open_stage(&(struct stage_setting){.cache_files = 0});
    server = stage.server;
    worker_init(&worker, server);
    worker.batch[0] = &server->listeners[0].source;
    worker.batch_end = 1;
    fault_at(1, FAULT_EPOLL_CTL, ENOMEM);
    worker_step_aside(&worker);
    assert_true(fault_off());
    worker_fini(&worker);

    /* The keeper does it, and when it fails too does not give up. */
    for (int i = 0; i < 3; i++) {
        fault_at(1, FAULT_EPOLL_CTL, ENOMEM);
        wait_for_fault();
    }
    visit_all(&stage, &NO_GRACE);
    stage_calm_down(&stage, calm_descriptors);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define TEST(promise) cmocka_unit_test_setup_teardown(promise, hush, close_stage)
        TEST(whoever_is_answered_is_answered_right),
        TEST(what_the_disk_refuses_is_said),
        TEST(and_where_names_are_walked),
        TEST(the_keeper_is_not_disturbed),
        TEST(no_newcomer_is_forgotten),
        TEST(what_is_known_is_answered),
#undef TEST
    };

    return cmocka_run_group_tests(tests, make_site, remove_site);
}

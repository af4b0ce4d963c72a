/* What net/queue promises: one owner at a time, and no event is lost. */
#include "net/queue.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/support/promise.h"

/* ---- the claim ------------------------------------------------------------------------ */

enum op { OP_CLAIM, OP_CLAIM_IF_IDLE, OP_LET_GO, OP_FREE, OP_START };

/* clang-format off */
static const struct claim_case {
    const char *promise;
    enum claim  before;
    enum op     op;
    bool        given;          /* what the call returned, where it returns something */
    enum claim  after;
} claims[] = {
    {"an event on nothing is nothing",      CLAIM_FREE,     OP_CLAIM,         false, CLAIM_FREE},
    {"an event claims who is idle",         CLAIM_IDLE,     OP_CLAIM,         true,  CLAIM_RUNNING},
    {"an event notifies the owner",         CLAIM_RUNNING,  OP_CLAIM,         false, CLAIM_NOTIFIED},
    {"twice is the same as once",           CLAIM_NOTIFIED, OP_CLAIM,         false, CLAIM_NOTIFIED},
    {"the keeper claims nothing from nothing", CLAIM_FREE,  OP_CLAIM_IF_IDLE, false, CLAIM_FREE},
    {"the keeper claims who is idle",       CLAIM_IDLE,     OP_CLAIM_IF_IDLE, true,  CLAIM_RUNNING},
    {"the keeper notifies nobody",          CLAIM_RUNNING,  OP_CLAIM_IF_IDLE, false, CLAIM_RUNNING},
    {"and changes nothing of a notice",     CLAIM_NOTIFIED, OP_CLAIM_IF_IDLE, false, CLAIM_NOTIFIED},
    {"an owner lets go",                    CLAIM_RUNNING,  OP_LET_GO,        true,  CLAIM_IDLE},
    {"but not before it looked again",      CLAIM_NOTIFIED, OP_LET_GO,        false, CLAIM_RUNNING},
    {"an owner ends it",                    CLAIM_RUNNING,  OP_FREE,          true,  CLAIM_FREE},
    {"also when it was notified",           CLAIM_NOTIFIED, OP_FREE,          true,  CLAIM_FREE},
    {"who is new is owned",                 CLAIM_FREE,     OP_START,         true,  CLAIM_RUNNING},
};
/* clang-format on */

static bool apply(struct source *source, enum op op)
{
    switch (op) {
    case OP_CLAIM:         return source_claim(source);
    case OP_CLAIM_IF_IDLE: return source_claim_if_idle(source);
    case OP_LET_GO:        return source_let_go(source);
    case OP_FREE:          source_free(source);  return true;
    case OP_START:         source_start(source); return true;
    }
    return false;
}

static void a_claim_moves_as_drawn(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(claims); i++) {
        const struct claim_case *c = &claims[i];
        struct source            source;

        source_init(&source, SOURCE_CONNECTION);
        atomic_store(&source.claim, (unsigned char)c->before);
        PROMISED(c->promise, apply(&source, c->op) == c->given);
        PROMISED(c->promise, atomic_load(&source.claim) == c->after);
    }
}

static void a_source_is_born_free_and_its_peer_there(void **state)
{
    struct source source;

    (void)state;
    source_init(&source, SOURCE_LISTENER);
    assert_int_equal(source.kind, SOURCE_LISTENER);
    assert_int_equal(atomic_load(&source.claim), CLAIM_FREE);
    atomic_store(&source.hang_up, true);        /* of whoever lived here before */
    source_start(&source);
    assert_false(atomic_load(&source.hang_up));
}

/* ---- the queue ------------------------------------------------------------------------ */

struct line {
    struct source source;
    int           ours, theirs;
};

static void line_open(struct line *line)
{
    int ends[2];

    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    source_init(&line->source, SOURCE_CONNECTION);
    source_start(&line->source);
    line->ours = ends[0];
    line->theirs = ends[1];
}

static void line_close(struct line *line)
{
    close(line->ours);
    close(line->theirs);
}

/* How many are ready now; the first in *one. */
static size_t ready_now(struct queue *queue, struct source **one)
{
    struct source *ready[8];
    size_t         count = queue_wait(queue, ready, COUNTOF(ready), 0);

    *one = count ? ready[0] : NULL;
    return count;
}

static void say(struct line *line)
{
    assert_int_equal(write(line->theirs, "x", 1), 1);
}

static void input_is_reported_once(void **state)
{
    struct queue   queue;
    struct line    line;
    struct source *one;

    (void)state;
    assert_true(queue_open(&queue));
    line_open(&line);
    assert_true(queue_add(&queue, line.ours, &line.source, false));
    assert_int_equal(ready_now(&queue, &one), 0);
    say(&line);
    assert_int_equal(ready_now(&queue, &one), 1);
    assert_ptr_equal(one, &line.source);
    assert_false(atomic_load(&line.source.hang_up));
    assert_int_equal(atomic_load(&line.source.claim), CLAIM_RUNNING);   /* not touched */
    assert_int_equal(ready_now(&queue, &one), 0);   /* though nobody has read it */
    say(&line);
    assert_int_equal(ready_now(&queue, &one), 1);
    line_close(&line);
    queue_close(&queue);
}

static void what_is_there_already_is_reported_at_once(void **state)
{
    struct queue   queue;
    struct line    line;
    struct source *one;

    (void)state;
    assert_true(queue_open(&queue));
    line_open(&line);
    say(&line);
    assert_true(queue_add(&queue, line.ours, &line.source, false));
    assert_int_equal(ready_now(&queue, &one), 1);
    assert_true(queue_rearm(&queue, line.ours, &line.source, false));
    assert_int_equal(ready_now(&queue, &one), 1);
    assert_int_equal(ready_now(&queue, &one), 0);
    line_close(&line);
    queue_close(&queue);
}

static void room_to_write_is_reported_when_asked_for(void **state)
{
    struct queue   queue;
    struct line    line;
    struct source *one;

    (void)state;
    assert_true(queue_open(&queue));
    line_open(&line);
    assert_true(queue_add(&queue, line.ours, &line.source, false));
    assert_int_equal(ready_now(&queue, &one), 0);
    assert_true(queue_rearm(&queue, line.ours, &line.source, true));
    assert_int_equal(ready_now(&queue, &one), 1);
    assert_ptr_equal(one, &line.source);
    line_close(&line);
    queue_close(&queue);
}

static void a_peer_that_goes_is_told_apart(void **state)
{
    struct queue   queue;
    struct line    halved, gone;
    struct source *one;

    (void)state;
    assert_true(queue_open(&queue));
    line_open(&halved);
    line_open(&gone);
    assert_true(queue_add(&queue, halved.ours, &halved.source, false));
    shutdown(halved.theirs, SHUT_WR);
    assert_int_equal(ready_now(&queue, &one), 1);
    assert_true(atomic_load(&halved.source.hang_up));

    assert_true(queue_add(&queue, gone.ours, &gone.source, false));
    close(gone.theirs);
    assert_int_equal(ready_now(&queue, &one), 1);
    assert_ptr_equal(one, &gone.source);
    assert_true(atomic_load(&gone.source.hang_up));
    close(gone.ours);
    line_close(&halved);
    queue_close(&queue);
}

static void a_closed_descriptor_is_no_longer_there(void **state)
{
    struct queue   queue;
    struct line    line;
    struct source *one;

    (void)state;
    assert_true(queue_open(&queue));
    line_open(&line);
    assert_true(queue_add(&queue, line.ours, &line.source, false));
    say(&line);
    line_close(&line);
    assert_int_equal(ready_now(&queue, &one), 0);
    assert_false(queue_rearm(&queue, line.ours, &line.source, false));
    queue_close(&queue);
}

/* ---- the wake list -------------------------------------------------------------------- */

static void woken_ones_come_in_order_one_at_a_time(void **state)
{
    struct queue   queue;
    struct source  sources[5], *one;

    (void)state;
    assert_true(queue_open(&queue));
    for (size_t i = 0; i < COUNTOF(sources); i++) {
        source_init(&sources[i], SOURCE_CONNECTION);
        queue_wake(&queue, &sources[i]);
        queue_wake(&queue, &sources[i]);        /* twice is once */
    }
    queue_nudge(&queue);                        /* one more does no harm */
    for (size_t i = 0; i < COUNTOF(sources); i++) {
        assert_int_equal(ready_now(&queue, &one), 1);
        assert_ptr_equal(one, &sources[i]);
    }
    assert_int_equal(ready_now(&queue, &one), 0);
    queue_wake(&queue, &sources[2]);            /* and again, once it was given */
    assert_int_equal(ready_now(&queue, &one), 1);
    assert_ptr_equal(one, &sources[2]);
    queue_close(&queue);
}

/* Two nudges at once are one event: it must not be taken by the nudge alone. */
static void a_nudge_hides_no_wake_up(void **state)
{
    struct queue   queue;
    struct source  a, b, *one;

    (void)state;
    assert_true(queue_open(&queue));
    source_init(&a, SOURCE_CONNECTION);
    source_init(&b, SOURCE_CONNECTION);
    queue_nudge(&queue);
    queue_wake(&queue, &a);
    queue_nudge(&queue);
    queue_wake(&queue, &b);
    assert_int_equal(ready_now(&queue, &one), 1);
    assert_ptr_equal(one, &a);
    assert_int_equal(ready_now(&queue, &one), 1);
    assert_ptr_equal(one, &b);
    assert_int_equal(ready_now(&queue, &one), 0);
    queue_nudge(&queue);
    assert_int_equal(ready_now(&queue, &one), 0);
    queue_close(&queue);
}

static void a_forgotten_one_is_not_given(void **state)
{
    struct queue   queue;
    struct source  a, b, *one;

    (void)state;
    assert_true(queue_open(&queue));
    source_init(&a, SOURCE_CONNECTION);
    source_init(&b, SOURCE_CONNECTION);
    queue_forget(&queue, &a);                   /* was never woken: fine */
    queue_wake(&queue, &a);
    queue_wake(&queue, &b);
    queue_forget(&queue, &a);
    assert_int_equal(ready_now(&queue, &one), 1);
    assert_ptr_equal(one, &b);
    assert_int_equal(ready_now(&queue, &one), 0);
    queue_wake(&queue, &a);
    assert_int_equal(ready_now(&queue, &one), 1);
    assert_ptr_equal(one, &a);
    queue_close(&queue);
}

static void woken_and_ready_come_together(void **state)
{
    struct queue   queue;
    struct line    line;
    struct source  woken, *ready[2];

    (void)state;
    assert_true(queue_open(&queue));
    line_open(&line);
    source_init(&woken, SOURCE_CONNECTION);
    assert_true(queue_add(&queue, line.ours, &line.source, false));
    say(&line);
    queue_wake(&queue, &woken);
    assert_int_equal(queue_wait(&queue, ready, 1, 0), 1);       /* no more than asked for */
    assert_int_equal(queue_wait(&queue, ready + 1, 1, 0), 1);
    assert_true((ready[0] == &woken) != (ready[1] == &woken));
    line_close(&line);
    queue_close(&queue);
}

/* ---- everything at once --------------------------------------------------------------- */

/* Posters leave bytes and wake-ups at stations, few at a time, so that each of them counts;
 * runners take them.  A lost event leaves a station with something nobody comes for; two owners at once
 * are seen by the flag, and by ThreadSanitizer in what is not atomic. */
enum { STATIONS = 12, RUNNERS = 4, POSTERS = 2, STRESS_MS = 400, STUCK_MS = 10000 };

struct station {
    struct line line;
    atomic_uint posted, taken;          /* bytes */
    atomic_uint called, answered;       /* wake-ups */
    atomic_bool is_owned;
    unsigned    turns;                  /* the owner's */
};

struct yard {
    struct queue   queue;
    struct station stations[STATIONS];
    atomic_bool    posters_stop, runners_stop;
    atomic_uint    two_owners;
};

static bool is_settled(struct station *station)
{
    return atomic_load(&station->taken) == atomic_load(&station->posted) &&
           atomic_load(&station->answered) == atomic_load(&station->called);
}

static void run_once(struct yard *yard, struct station *station)
{
    char    bytes[16];
    ssize_t n;

    if (atomic_exchange(&station->is_owned, true))
        atomic_fetch_add(&yard->two_owners, 1);
    station->turns++;
    while ((n = read(station->line.ours, bytes, sizeof bytes)) > 0)
        atomic_fetch_add(&station->taken, (unsigned)n);
    atomic_store(&station->answered, atomic_load(&station->called));
    atomic_store(&station->is_owned, false);
}

static void *runner(void *argument)
{
    struct yard   *yard = argument;
    struct source *ready[4];

    while (!atomic_load(&yard->runners_stop)) {
        size_t count = queue_wait(&yard->queue, ready, COUNTOF(ready), -1);

        for (size_t i = 0; i < count; i++) {
            struct line *line = CONTAINER_OF(ready[i], struct line, source);

            if (!source_claim(ready[i]))
                continue;
            do
                run_once(yard, CONTAINER_OF(line, struct station, line));
            while (!source_let_go(ready[i]));
        }
    }
    queue_nudge(&yard->queue);      /* for the next of us */
    return NULL;
}

/* Claims now and then without running, as the keeper does. */
static void *meddler(void *argument)
{
    struct yard *yard = argument;

    for (unsigned i = 0; !atomic_load(&yard->posters_stop); i++) {
        struct source *source = &yard->stations[i % STATIONS].line.source;
        bool           was_notified = false;

        if (source_claim_if_idle(source)) {
            while (!source_let_go(source))
                was_notified = true;
            if (was_notified)
                queue_wake(&yard->queue, source);
        }
        sched_yield();
    }
    return NULL;
}

static void *poster(void *argument)
{
    struct yard *yard = argument;

    for (unsigned i = 0; !atomic_load(&yard->posters_stop); i++) {
        struct station *station = &yard->stations[i % STATIONS];

        if (atomic_load(&station->posted) - atomic_load(&station->taken) < 2) {
            atomic_fetch_add(&station->posted, 1);
            if (write(station->line.theirs, "x", 1) != 1)
                abort();
        }
        if (atomic_load(&station->called) - atomic_load(&station->answered) < 2) {
            atomic_fetch_add(&station->called, 1);
            queue_wake(&yard->queue, &station->line.source);
        }
        if (i % 64 == 0)
            sched_yield();
    }
    return NULL;
}

static void nap(void)
{
    const struct timespec moment = {.tv_nsec = 1000000};

    nanosleep(&moment, NULL);
}

static void wait_until_settled(struct yard *yard)
{
    int64_t until = clock_now().ms + STUCK_MS;

    for (size_t i = 0; i < STATIONS; i++)
        while (!is_settled(&yard->stations[i]) && clock_now().ms < until)
            nap();
}

static void one_owner_and_no_lost_event(void **state)
{
    static struct yard yard;
    pthread_t          runners[RUNNERS], posters[POSTERS + 1];
    int64_t            until = clock_now().ms + STRESS_MS;

    (void)state;
    assert_true(queue_open(&yard.queue));
    for (size_t i = 0; i < STATIONS; i++) {
        struct line *line = &yard.stations[i].line;

        line_open(line);
        assert_true(queue_add(&yard.queue, line->ours, &line->source, false));
        assert_true(source_let_go(&line->source));
    }
    for (size_t i = 0; i < RUNNERS; i++)
        assert_int_equal(pthread_create(&runners[i], NULL, runner, &yard), 0);
    for (size_t i = 0; i < POSTERS; i++)
        assert_int_equal(pthread_create(&posters[i], NULL, poster, &yard), 0);
    assert_int_equal(pthread_create(&posters[POSTERS], NULL, meddler, &yard), 0);

    while (clock_now().ms < until)
        nap();
    atomic_store(&yard.posters_stop, true);
    for (size_t i = 0; i < COUNTOF(posters); i++)
        pthread_join(posters[i], NULL);
    wait_until_settled(&yard);
    atomic_store(&yard.runners_stop, true);
    queue_nudge(&yard.queue);
    for (size_t i = 0; i < RUNNERS; i++)
        pthread_join(runners[i], NULL);

    assert_int_equal(atomic_load(&yard.two_owners), 0);
    for (size_t i = 0; i < STATIONS; i++) {
        struct station *station = &yard.stations[i];

        assert_true(is_settled(station));
        assert_true(station->turns > 0);
        assert_int_equal(atomic_load(&station->line.source.claim), CLAIM_IDLE);
        line_close(&station->line);
    }
    queue_close(&yard.queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_claim_moves_as_drawn),
        cmocka_unit_test(a_source_is_born_free_and_its_peer_there),
        cmocka_unit_test(input_is_reported_once),
        cmocka_unit_test(what_is_there_already_is_reported_at_once),
        cmocka_unit_test(room_to_write_is_reported_when_asked_for),
        cmocka_unit_test(a_peer_that_goes_is_told_apart),
        cmocka_unit_test(a_closed_descriptor_is_no_longer_there),
        cmocka_unit_test(woken_ones_come_in_order_one_at_a_time),
        cmocka_unit_test(a_nudge_hides_no_wake_up),
        cmocka_unit_test(a_forgotten_one_is_not_given),
        cmocka_unit_test(woken_and_ready_come_together),
        cmocka_unit_test(one_owner_and_no_lost_event),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

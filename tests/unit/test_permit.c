/* What server/permit promises about the right to block. */
#include "server/permit.h"

#include <sched.h>

#include "base/clock.h"
#include "tests/support/promise.h"

enum { TICKETS = 8 };

/* Permits, tickets named by their number, and who was granted one after waiting, in order. */
struct desk {
    struct permits permits;
    struct ticket  tickets[TICKETS];
    int            order[TICKETS];
    size_t         granted;
};

static void note(struct ticket *ticket, void *context)
{
    struct desk *desk = context;

    assert_true(desk->granted < TICKETS);
    desk->order[desk->granted++] = (int)(ticket - desk->tickets);
}

/* Tickets are brief but for those whose bit is in `long_ones`. */
static void desk_open(struct desk *desk, unsigned total, unsigned long_ones)
{
    *desk = (struct desk){0};
    permits_init(&desk->permits, total, note, desk);
    for (size_t i = 0; i < TICKETS; i++)
        desk->tickets[i] = TICKET_FRESH(long_ones & BIT(i) ? PERMIT_LONG : PERMIT_BRIEF);
}

static bool take(struct desk *desk, int who)
{
    return permits_take(&desk->permits, &desk->tickets[who], 100 + who);
}

static void leave(struct desk *desk, int who)
{
    permits_leave(&desk->permits, &desk->tickets[who]);
}

static unsigned waiting(struct desk *desk)
{
    int64_t since;

    return permits_waiting(&desk->permits, &since);
}

static bool waits(const struct desk *desk, int who)
{
    return desk->tickets[who].state == TICKET_WAITING;
}

static bool has(const struct desk *desk, int who)
{
    return desk->tickets[who].state == TICKET_GRANTED;
}

static void who_comes_first_is_served_first(void **state)
{
    struct desk desk;

    (void)state;
    desk_open(&desk, 1, 0);
    assert_true(take(&desk, 0));
    for (int i = 1; i < 5; i++)
        assert_false(take(&desk, i));
    assert_int_equal(waiting(&desk), 4);
    for (int i = 0; i < 4; i++) {
        leave(&desk, i);
        assert_int_equal(desk.order[i], i + 1);
        assert_true(take(&desk, i + 1));        /* asks again, and has it */
    }
    assert_int_equal(desk.granted, 4);
    assert_int_equal(waiting(&desk), 0);
}

static void a_permit_is_handed_over_not_put_up_for_grabs(void **state)
{
    struct desk desk;

    (void)state;
    desk_open(&desk, 1, 0);
    assert_true(take(&desk, 0));
    assert_false(take(&desk, 1));
    leave(&desk, 0);
    assert_false(take(&desk, 2));               /* 1 has not begun, but it is his */
    assert_true(take(&desk, 1));
    leave(&desk, 1);
    assert_true(has(&desk, 2));
}

static void asking_again_keeps_the_place_in_line(void **state)
{
    struct desk desk;

    (void)state;
    desk_open(&desk, 1, 0);
    assert_true(take(&desk, 0));
    assert_false(take(&desk, 1));
    assert_false(take(&desk, 2));
    assert_false(take(&desk, 1));
    assert_int_equal(waiting(&desk), 2);
    leave(&desk, 0);
    assert_true(has(&desk, 1));
}

static void one_permit_is_one_however_often_asked(void **state)
{
    struct desk desk;

    (void)state;
    desk_open(&desk, 2, 0);
    assert_true(take(&desk, 0));
    assert_true(take(&desk, 0));
    assert_true(take(&desk, 1));
    assert_false(take(&desk, 2));
}

static void leaving_the_line_lets_others_move_up(void **state)
{
    struct desk desk;

    (void)state;
    desk_open(&desk, 1, 0);
    assert_true(take(&desk, 0));
    assert_false(take(&desk, 1));
    assert_false(take(&desk, 2));
    leave(&desk, 1);
    assert_int_equal(waiting(&desk), 1);
    leave(&desk, 1);                            /* twice is once */
    leave(&desk, 5);                            /* never asked: fine */
    assert_int_equal(waiting(&desk), 1);
    leave(&desk, 0);
    assert_int_equal(desk.granted, 1);
    assert_true(has(&desk, 2));
}

static void one_who_left_may_come_again_at_the_end(void **state)
{
    struct desk desk;

    (void)state;
    desk_open(&desk, 1, 0);
    assert_true(take(&desk, 0));
    assert_false(take(&desk, 1));
    assert_false(take(&desk, 2));
    leave(&desk, 1);
    assert_false(take(&desk, 1));
    leave(&desk, 0);
    assert_true(has(&desk, 2));
    assert_true(waits(&desk, 1));
}

static void brief_work_goes_first(void **state)
{
    struct desk desk;

    (void)state;
    desk_open(&desk, 1, BIT(1) | BIT(2));
    assert_true(take(&desk, 0));
    assert_false(take(&desk, 1));               /* long */
    assert_false(take(&desk, 2));               /* long */
    assert_false(take(&desk, 3));               /* brief */
    assert_false(take(&desk, 4));               /* brief */
    for (int i = 0; i < 4; i++)
        leave(&desk, (int[]){0, 3, 4, 1}[i]);
    assert_int_equal(desk.granted, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(desk.order[i], ((int[]){3, 4, 1, 2})[i]);
}

static void long_work_never_takes_the_last_of_several(void **state)
{
    (void)state;
    for (unsigned total = 2; total < 6; total++) {
        struct desk desk;

        desk_open(&desk, total, 0x3f);
        for (int i = 0; i < (int)total - 1; i++)
            assert_true(take(&desk, i));
        assert_false(take(&desk, 5));
        assert_true(take(&desk, 6));            /* brief: it is there for him */
        assert_false(take(&desk, 7));
        leave(&desk, 6);
        assert_true(has(&desk, 7));
        assert_true(waits(&desk, 5));
        leave(&desk, 7);
        assert_true(waits(&desk, 5));           /* still the last one */
        leave(&desk, 0);
        assert_true(has(&desk, 5));
    }
}

static void the_only_permit_may_be_taken_by_long_work(void **state)
{
    struct desk desk;

    (void)state;
    desk_open(&desk, 1, BIT(0));
    assert_true(take(&desk, 0));
    assert_false(take(&desk, 1));
    leave(&desk, 0);
    assert_true(has(&desk, 1));
}

static void more_permits_go_to_those_in_line(void **state)
{
    struct desk desk;

    (void)state;
    desk_open(&desk, 1, BIT(1) | BIT(2));
    assert_true(take(&desk, 0));
    for (int i = 1; i < 5; i++)
        assert_false(take(&desk, i));           /* long, long, brief, brief */
    permits_resize(&desk.permits, 4);
    assert_int_equal(desk.granted, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(desk.order[i], ((int[]){3, 4, 1})[i]);
    assert_true(waits(&desk, 2));
    permits_resize(&desk.permits, 5);
    assert_true(has(&desk, 2));
}

static void fewer_permits_count_as_they_come_back(void **state)
{
    struct desk desk;

    (void)state;
    desk_open(&desk, 3, 0);
    for (int i = 0; i < 3; i++)
        assert_true(take(&desk, i));
    assert_false(take(&desk, 3));
    permits_resize(&desk.permits, 1);
    leave(&desk, 0);
    leave(&desk, 1);
    assert_int_equal(desk.granted, 0);
    leave(&desk, 2);
    assert_true(has(&desk, 3));
    assert_false(take(&desk, 4));
}

static void the_longest_wait_is_told(void **state)
{
    struct desk desk;
    int64_t     since;

    (void)state;
    desk_open(&desk, 1, BIT(1));
    assert_int_equal(permits_waiting(&desk.permits, &since), 0);
    assert_true(since == CLOCK_NEVER);
    assert_true(take(&desk, 0));
    assert_int_equal(permits_waiting(&desk.permits, &since), 0);
    assert_true(since == CLOCK_NEVER);
    assert_false(take(&desk, 1));               /* long, at 101 */
    assert_false(take(&desk, 2));               /* brief, at 102 */
    assert_int_equal(permits_waiting(&desk.permits, &since), 2);
    assert_int_equal(since, 101);
    leave(&desk, 1);
    assert_int_equal(permits_waiting(&desk.permits, &since), 1);
    assert_int_equal(since, 102);
}

static void spare_is_what_nobody_uses_or_waits_for(void **state)
{
    struct desk desk;

    (void)state;
    desk_open(&desk, 3, BIT(1) | BIT(2) | BIT(3));
    assert_true(permits_has_spare(&desk.permits, 3));
    assert_false(permits_has_spare(&desk.permits, 4));
    assert_true(take(&desk, 1));
    assert_true(permits_has_spare(&desk.permits, 2));
    assert_false(permits_has_spare(&desk.permits, 3));
    assert_true(take(&desk, 2));
    assert_true(permits_has_spare(&desk.permits, 1));
    assert_false(take(&desk, 3));               /* long waits though one is left */
    assert_false(permits_has_spare(&desk.permits, 1));
}

/* ---- everything at once --------------------------------------------------------------- */

enum { THREADS = 6, ROUNDS = 3000, TOTAL_MAX = 4, STUCK_MS = 10000 };

/* Threads that take, hold and give back; some lose patience in line.  A ticket that waits is
 * granted through the call-back, as connections are. */
struct crowd {
    struct permits permits;
    atomic_uint    held, held_long;
    atomic_uint    too_many, stuck;
};

struct member {
    struct crowd *crowd;
    struct ticket ticket;
    atomic_bool   was_called;
    unsigned      random;
};

static void call(struct ticket *ticket, void *context)
{
    (void)context;
    atomic_store(&CONTAINER_OF(ticket, struct member, ticket)->was_called, true);
}

static unsigned next_random(struct member *member)
{
    member->random = member->random * 1103515245u + 12345u;
    return member->random >> 16;
}

/* Waits to be called.  False: lost patience. */
static bool wait_in_line(struct member *member)
{
    int64_t  until = clock_now().ms + STUCK_MS;
    unsigned patience = next_random(member) % 4 ? UINT32_MAX : next_random(member) % 20;

    while (!atomic_load(&member->was_called)) {
        if (patience-- == 0)
            return false;
        if (clock_now().ms > until) {
            atomic_fetch_add(&member->crowd->stuck, 1);
            return false;
        }
        sched_yield();
    }
    return true;
}

static void hold(struct member *member)
{
    struct crowd *crowd = member->crowd;
    bool          is_long = member->ticket.kind == PERMIT_LONG;

    if (atomic_fetch_add(&crowd->held, 1) + 1 > TOTAL_MAX)
        atomic_fetch_add(&crowd->too_many, 1);
    if (is_long && atomic_fetch_add(&crowd->held_long, 1) + 1 > TOTAL_MAX - 1)
        atomic_fetch_add(&crowd->too_many, 1);
    sched_yield();
    if (is_long)
        atomic_fetch_sub(&crowd->held_long, 1);
    atomic_fetch_sub(&crowd->held, 1);
}

static void *come_and_go(void *argument)
{
    struct member *member = argument;
    struct permits *permits = &member->crowd->permits;

    for (unsigned i = 0; i < ROUNDS; i++) {
        member->ticket = TICKET_FRESH(next_random(member) % 2 ? PERMIT_LONG : PERMIT_BRIEF);
        atomic_store(&member->was_called, false);
        if (permits_take(permits, &member->ticket, 0) || wait_in_line(member))
            hold(member);
        permits_leave(permits, &member->ticket);
    }
    return NULL;
}

static void never_too_many_and_nobody_left_in_line(void **state)
{
    struct crowd  crowd = {.held = 0};
    struct member members[THREADS];
    pthread_t     threads[THREADS];

    (void)state;
    permits_init(&crowd.permits, TOTAL_MAX, call, NULL);
    for (size_t i = 0; i < THREADS; i++) {
        members[i] = (struct member){.crowd = &crowd, .random = (unsigned)i * 7919u + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &members[i]), 0);
    }
    for (unsigned i = 0; i < 2000; i++) {       /* never more than TOTAL_MAX, never just one */
        permits_resize(&crowd.permits, 2 + i % (TOTAL_MAX - 1));
        sched_yield();
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);

    assert_int_equal(atomic_load(&crowd.too_many), 0);
    assert_int_equal(atomic_load(&crowd.stuck), 0);
    assert_int_equal(crowd.permits.taken, 0);
    assert_int_equal(crowd.permits.taken_long, 0);
    assert_int_equal(crowd.permits.waiting, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_comes_first_is_served_first),
        cmocka_unit_test(a_permit_is_handed_over_not_put_up_for_grabs),
        cmocka_unit_test(asking_again_keeps_the_place_in_line),
        cmocka_unit_test(one_permit_is_one_however_often_asked),
        cmocka_unit_test(leaving_the_line_lets_others_move_up),
        cmocka_unit_test(one_who_left_may_come_again_at_the_end),
        cmocka_unit_test(brief_work_goes_first),
        cmocka_unit_test(long_work_never_takes_the_last_of_several),
        cmocka_unit_test(the_only_permit_may_be_taken_by_long_work),
        cmocka_unit_test(more_permits_go_to_those_in_line),
        cmocka_unit_test(fewer_permits_count_as_they_come_back),
        cmocka_unit_test(the_longest_wait_is_told),
        cmocka_unit_test(spare_is_what_nobody_uses_or_waits_for),
        cmocka_unit_test(never_too_many_and_nobody_left_in_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

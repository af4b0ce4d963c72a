/* What server/slab promises about the slots where connections live. */
#include "server/slab.h"

#include "server/connection.h"
#include "tests/support/promise.h"

static enum claim claim_of(struct conn *conn)
{
    return (enum claim)atomic_load(&conn->source.claim);
}

static void there_are_as_many_slots_as_asked_for(void **state)
{
    struct slab  slab;
    struct conn *conns[10];

    (void)state;
    assert_true(slab_open(&slab, COUNTOF(conns)));
    assert_int_equal(atomic_load(&slab.touched), 0);
    for (size_t i = 0; i < COUNTOF(conns); i++) {
        conns[i] = slab_take(&slab, 0);
        assert_non_null(conns[i]);
        assert_int_equal(slab_count_open(&slab), i + 1);
        assert_int_equal(atomic_load(&slab.touched), i + 1);
        for (size_t before = 0; before < i; before++)
            assert_ptr_not_equal(conns[before], conns[i]);
    }
    assert_null(slab_take(&slab, 0));
    assert_int_equal(slab_count_open(&slab), COUNTOF(conns));
    slab_give(&slab, conns[7]);
    assert_int_equal(slab_count_open(&slab), COUNTOF(conns) - 1);
    assert_null(slab_take(&slab, 1));               /* the last is spared for others */
    assert_ptr_equal(slab_take(&slab, 0), conns[7]);
    assert_null(slab_take(&slab, 0));
    slab_close(&slab);
}

static void a_slot_is_owned_from_the_start_and_free_at_the_end(void **state)
{
    struct slab  slab;
    struct conn *conn;

    (void)state;
    assert_true(slab_open(&slab, 1));
    conn = slab_take(&slab, 0);
    assert_int_equal(claim_of(conn), CLAIM_RUNNING);
    assert_int_equal(conn->source.kind, SOURCE_CONNECTION);
    slab_give(&slab, conn);
    assert_int_equal(claim_of(conn), CLAIM_FREE);
    assert_false(source_claim(&conn->source));      /* a late event */
    atomic_store(&conn->source.hang_up, true);      /* of that event */
    assert_ptr_equal(slab_take(&slab, 0), conn);
    assert_int_equal(claim_of(conn), CLAIM_RUNNING);
    assert_false(atomic_load(&conn->source.hang_up));
    slab_close(&slab);
}

/* Few connections touch few pages. */
static void who_went_last_comes_first(void **state)
{
    struct slab  slab;
    struct conn *a, *b;

    (void)state;
    assert_true(slab_open(&slab, 1000));
    a = slab_take(&slab, 0);
    b = slab_take(&slab, 0);
    slab_give(&slab, a);
    slab_give(&slab, b);
    for (int i = 0; i < 100; i++) {
        assert_ptr_equal(slab_take(&slab, 0), b);
        slab_give(&slab, b);
    }
    assert_int_equal(atomic_load(&slab.touched), 2);
    slab_close(&slab);
}

static void a_large_reserve_costs_nothing(void **state)
{
    struct slab  slab;
    struct conn *conn;

    (void)state;
    assert_true(slab_open(&slab, 4 * 1000 * 1000));
    conn = slab_take(&slab, 0);
    assert_non_null(conn);
    slab_give(&slab, conn);
    slab_close(&slab);
    slab_close(&slab);              /* twice is once */
}

static void more_than_there_is_of_addresses_is_refused(void **state)
{
    struct slab slab;

    (void)state;
    assert_false(slab_open(&slab, SIZE_MAX / sizeof(struct conn) / 4));
    slab_close(&slab);
}

/* The target of DESIGN.md is for everything of ours, the kernel's part aside. */
static void an_idle_connection_is_small(void **state)
{
    (void)state;
    assert_true(sizeof(struct conn) <= 600);
}

enum { THREADS = 4, ROUNDS = 5000, HELD = 3 };

static void *take_and_give(void *argument)
{
    struct slab *slab = argument;
    uintptr_t    wrong = 0;

    for (int i = 0; i < ROUNDS; i++) {
        struct conn *held[HELD];

        for (int n = 0; n < HELD; n++) {
            held[n] = slab_take(slab, 0);
            if (held[n])
                held[n]->server = (struct wherry_server *)&held;    /* mine alone */
        }
        for (int n = 0; n < HELD; n++) {
            if (!held[n])
                continue;
            wrong += held[n]->server != (struct wherry_server *)&held;
            slab_give(slab, held[n]);
        }
    }
    return (void *)wrong;
}

static void no_slot_is_given_to_two(void **state)
{
    struct slab slab;
    pthread_t   threads[THREADS];

    (void)state;
    assert_true(slab_open(&slab, THREADS * HELD - 2));
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, &slab), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *wrong;

        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    assert_int_equal(slab_count_open(&slab), 0);
    slab_close(&slab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_are_as_many_slots_as_asked_for),
        cmocka_unit_test(a_slot_is_owned_from_the_start_and_free_at_the_end),
        cmocka_unit_test(who_went_last_comes_first),
        cmocka_unit_test(a_large_reserve_costs_nothing),
        cmocka_unit_test(more_than_there_is_of_addresses_is_refused),
        cmocka_unit_test(an_idle_connection_is_small),
        cmocka_unit_test(no_slot_is_given_to_two),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

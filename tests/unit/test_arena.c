/* What base/arena promises about memory that goes in one step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/arena.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/tight.h"

static void an_arena_without_a_ceiling_gives_nothing(void **state)
{
    struct arena arena = {0};

    (void)state;
    assert_null(arena_alloc(&arena, 1));
    assert_null(arena_copy(&arena, STR("x")).ptr);
    assert_null(arena_cstr(&arena, STR_NONE));
    arena_reset(&arena);
    arena_fini(&arena);
}

static void pieces_are_aligned_for_anything_and_apart(void **state)
{
    struct arena arena = ARENA_UP_TO(64 * 1024);
    unsigned char *pieces[100];

    (void)state;
    for (size_t i = 0; i < COUNTOF(pieces); i++) {
        pieces[i] = arena_alloc(&arena, i);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        memset(pieces[i], (int)i, i);
    }
    for (size_t i = 0; i < COUNTOF(pieces); i++)
        for (size_t byte = 0; byte < i; byte++)
            assert_int_equal(pieces[i][byte], i);
    arena_fini(&arena);
}

static void the_whole_ceiling_may_be_one_piece(void **state)
{
    const size_t ceilings[] = {1, 15, 16, 17, 4095, 4096, 4097, 100000};

    (void)state;
    for (size_t i = 0; i < COUNTOF(ceilings); i++) {
        struct arena arena = ARENA_UP_TO(ceilings[i]);

        assert_null(arena_alloc(&arena, ceilings[i] + 1));
        assert_non_null(arena_alloc(&arena, ceilings[i]));
        assert_null(arena_alloc(&arena, 1));
        arena_fini(&arena);
    }
}

static void the_ceiling_holds_over_many_pieces(void **state)
{
    struct arena arena = ARENA_UP_TO(20000);
    size_t given = 0;

    (void)state;
    while (arena_alloc(&arena, 48))
        given += 48;
    assert_in_range(given, 20000 - 3 * 48, 20000);
    assert_true(arena.taken <= 20000);
    arena_fini(&arena);
    assert_int_equal(arena.taken, 0);
}

static void a_size_that_wraps_around_is_refused(void **state)
{
    struct arena arena = ARENA_UP_TO(SIZE_MAX);

    (void)state;
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX - 40));
    assert_null(arena_cstr(&arena, str_of("", SIZE_MAX)));
    arena_fini(&arena);
}

static void a_reset_keeps_the_first_block_only(void **state)
{
    struct arena arena = ARENA_UP_TO(100000);
    void *first = arena_alloc(&arena, 10);
    size_t one_block = arena.taken;

    (void)state;
    assert_non_null(arena_alloc(&arena, 50000));
    assert_true(arena.taken > one_block);
    arena_reset(&arena);
    assert_int_equal(arena.taken, one_block);
    assert_ptr_equal(arena_alloc(&arena, 10), first);
    arena_fini(&arena);
}

static void after_a_reset_the_whole_ceiling_is_there_again(void **state)
{
    struct arena arena = ARENA_UP_TO(10000);

    (void)state;
    for (int request = 0; request < 100; request++) {
        for (int piece = 0; piece < 9; piece++)
            assert_non_null(arena_alloc(&arena, 1000));
        arena_reset(&arena);
    }
    arena_fini(&arena);
}

static void a_copy_is_equal_and_elsewhere(void **state)
{
    struct arena arena = ARENA_UP_TO(1000);
    struct tight_str given = tight_bytes("a\0b", 3);
    struct str copy = arena_copy(&arena, given.view);
    char *terminated = arena_cstr(&arena, STR("abc"));

    (void)state;
    assert_true(str_equal(copy, given.view));
    assert_ptr_not_equal(copy.ptr, given.view.ptr);
    assert_string_equal(terminated, "abc");
    tight_str_free(&given);
    arena_fini(&arena);
}

static void a_copy_of_nothing_is_no_failure(void **state)
{
    struct arena arena = ARENA_UP_TO(1000);

    (void)state;
    assert_non_null(arena_copy(&arena, STR_NONE).ptr);
    assert_non_null(arena_copy(&arena, (struct str){NULL, 0}).ptr);
    assert_string_equal(arena_cstr(&arena, (struct str){NULL, 0}), "");
    arena_fini(&arena);
}

/* Each piece wants a block of its own, so each may be the one that finds no memory. */
static void without_memory_it_says_so_and_goes_on(void **state)
{
    size_t n;

    (void)state;
    for (n = 1; alloc_fail_next(n); n++) {
        struct arena arena = ARENA_UP_TO(1 << 20);
        size_t failures = 0;

        failures += arena_alloc(&arena, 5000) == NULL;
        failures += arena_copy(&arena, str_of((char[20000]){0}, 20000)).ptr == NULL;
        failures += arena_cstr(&arena, str_of((char[60000]){0}, 60000)) == NULL;
        assert_int_equal(failures, alloc_fail_off() ? 1 : 0);
        assert_non_null(arena_alloc(&arena, 5000));
        arena_reset(&arena);
        assert_non_null(arena_alloc(&arena, 5000));
        arena_fini(&arena);
    }
    assert_int_equal(n, 5);     /* three failures, and the round without */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arena_without_a_ceiling_gives_nothing),
        cmocka_unit_test(pieces_are_aligned_for_anything_and_apart),
        cmocka_unit_test(the_whole_ceiling_may_be_one_piece),
        cmocka_unit_test(the_ceiling_holds_over_many_pieces),
        cmocka_unit_test(a_size_that_wraps_around_is_refused),
        cmocka_unit_test(a_reset_keeps_the_first_block_only),
        cmocka_unit_test(after_a_reset_the_whole_ceiling_is_there_again),
        cmocka_unit_test(a_copy_is_equal_and_elsewhere),
        cmocka_unit_test(a_copy_of_nothing_is_no_failure),
        cmocka_unit_test(without_memory_it_says_so_and_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

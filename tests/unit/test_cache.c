/* cache: a bounded, shared store of what paths mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "site/cache.h"
#include "tests/support/alloc_fail.h"

enum { MANY = 1 << 20 };

static const struct clock start = {.ms = 1000000, .wall_s = 1800000000};

static struct clock later(int64_t ms)
{
    return (struct clock){.ms = start.ms + ms, .wall_s = start.wall_s + ms / 1000};
}

static struct cache_key page(const char *path)
{
    return (struct cache_key){.path = str_view(path)};
}

static struct cache_key in_folder(const char *path)
{
    return (struct cache_key){.path = str_view(path), .is_directory = true};
}

/* A representation that is no file's: the cache looks only at what it costs and whether it is an
 * open descriptor. */
static struct representation *made_up(size_t bytes)
{
    struct representation *made = calloc(1, sizeof *made + bytes);

    assert_non_null(made);
    atomic_init(&made->references, 1);
    made->fd = -1;
    made->length = bytes;
    made->bytes = str_of(made->room, bytes);
    return made;
}

/* Puts one in, and keeps no reference. */
static const struct representation *put(struct cache *cache, struct cache_key key, size_t bytes,
                                        struct clock now)
{
    struct representation *made = made_up(bytes);

    cache_put(cache, key, made, now);
    representation_release(made);
    return made;
}

/* What the cache knows, without a reference: to be compared only. */
static const struct representation *known(struct cache *cache, struct cache_key key,
                                          struct clock now, bool *needs_check)
{
    struct representation *got = cache_get(cache, key, now, needs_check);

    if (got)
        representation_release(got);
    return got;
}

static bool knows(struct cache *cache, struct cache_key key)
{
    bool needs_check;

    return known(cache, key, start, &needs_check) != NULL;
}

static bool is_callers_turn(struct cache *cache, struct cache_key key, int64_t at_ms)
{
    bool needs_check;

    assert_non_null(known(cache, key, later(at_ms), &needs_check));
    return needs_check;
}

/* ---- what is in it ----------------------------------------------------------------- */

static void what_was_put_is_found(void **state)
{
    struct cache *cache = cache_new(MANY, 100);
    const struct representation *about, *root;
    bool needs_check = true;

    (void)state;
    about = put(cache, page("about"), 10, start);
    root = put(cache, in_folder(""), 10, start);
    assert_ptr_equal(known(cache, page("about"), start, &needs_check), about);
    assert_false(needs_check);
    assert_ptr_equal(known(cache, in_folder(""), start, &needs_check), root);
    assert_null(known(cache, page("nothing"), start, &needs_check));
    assert_false(needs_check);
    cache_free(cache);
}

static void a_slash_behind_is_another_path(void **state)
{
    struct cache *cache = cache_new(MANY, 100);

    (void)state;
    put(cache, page("about"), 10, start);
    assert_false(knows(cache, in_folder("about")));
    cache_free(cache);
}

static void a_newer_version_takes_the_place(void **state)
{
    struct cache *cache = cache_new(MANY, 100);
    const struct representation *second;
    bool needs_check;

    (void)state;
    put(cache, page("about"), 10, start);
    second = put(cache, page("about"), 20, start);
    assert_ptr_equal(known(cache, page("about"), start, &needs_check), second);
    cache_free(cache);
}

/* Two threads read a file while it changes; the one who began first may come last. */
static void an_older_version_does_not(void **state)
{
    struct cache *cache = cache_new(MANY, 100);
    const struct representation *fresh;
    bool needs_check;

    (void)state;
    fresh = put(cache, page("about"), 10, later(20));
    put(cache, page("about"), 20, later(10));
    assert_ptr_equal(known(cache, page("about"), later(20), &needs_check), fresh);
    cache_free(cache);
}

static void what_somebody_holds_outlives_the_cache(void **state)
{
    struct cache *cache = cache_new(MANY, 100);
    struct representation *held;
    bool needs_check;

    (void)state;
    put(cache, page("about"), 3, start);
    held = cache_get(cache, page("about"), start, &needs_check);
    cache_free(cache);
    assert_int_equal(held->length, 3);
    representation_release(held);
}

static void only_the_stale_version_is_dropped(void **state)
{
    struct cache *cache = cache_new(MANY, 100);
    const struct representation *old, *fresh;

    (void)state;
    old = put(cache, page("about"), 10, start);
    fresh = put(cache, page("about"), 10, start);
    cache_drop(cache, page("about"), old == fresh ? NULL : old);
    assert_true(old == fresh || knows(cache, page("about")));
    cache_drop(cache, page("about"), fresh);
    assert_false(knows(cache, page("about")));
    cache_drop(cache, page("about"), fresh);
    cache_free(cache);
}

static void clearing_forgets_everything(void **state)
{
    struct cache *cache = cache_new(MANY, 100);

    (void)state;
    put(cache, page("a"), 10, start);
    put(cache, page("b"), 10, start);
    cache_clear(cache);
    assert_false(knows(cache, page("a")));
    assert_false(knows(cache, page("b")));
    put(cache, page("a"), 10, start);
    assert_true(knows(cache, page("a")));
    cache_free(cache);
}

/* Paths of all lengths around the words that the hash reads. */
static void every_path_is_its_own(void **state)
{
    struct cache *cache = cache_new(MANY, 100);
    const char *path = "0123456789abcdefghijklmnopqrstuvwxyz";
    const struct representation *made[36];
    bool needs_check;

    (void)state;
    for (size_t len = 0; len < COUNTOF(made); len++)
        made[len] = put(cache, (struct cache_key){.path = str_of(path, len)}, 1, start);
    for (size_t len = 0; len < COUNTOF(made); len++)
        assert_ptr_equal(known(cache, (struct cache_key){.path = str_of(path, len)}, start,
                               &needs_check),
                         made[len]);
    cache_free(cache);
}

/* ---- when it is compared with the disk --------------------------------------------- */

static void one_caller_compares_and_the_others_go_on(void **state)
{
    struct cache *cache = cache_new(MANY, 100);
    const struct representation *made;

    (void)state;
    made = put(cache, page("about"), 10, start);
    assert_false(is_callers_turn(cache, page("about"), CACHE_CHECK_MS - 1));
    assert_true(is_callers_turn(cache, page("about"), CACHE_CHECK_MS));
    assert_false(is_callers_turn(cache, page("about"), CACHE_CHECK_MS));
    assert_false(is_callers_turn(cache, page("about"), CACHE_TRUST_MS - 1));

    cache_confirm(cache, page("about"), made, later(CACHE_CHECK_MS));
    assert_false(is_callers_turn(cache, page("about"), 2 * CACHE_CHECK_MS - 1));
    assert_true(is_callers_turn(cache, page("about"), 2 * CACHE_CHECK_MS));
    cache_free(cache);
}

/* After a quiet hour nobody is shown the page of an hour ago, not even beside the one who
 * compares. */
static void what_is_old_is_compared_by_everyone(void **state)
{
    struct cache *cache = cache_new(MANY, 100);

    (void)state;
    put(cache, page("about"), 10, start);
    assert_true(is_callers_turn(cache, page("about"), 3600000));
    assert_true(is_callers_turn(cache, page("about"), 3600000));
    cache_free(cache);
}

static void only_what_was_compared_is_confirmed(void **state)
{
    struct cache *cache = cache_new(MANY, 100);
    const struct representation *old, *fresh;

    (void)state;
    old = put(cache, page("about"), 10, start);
    cache_confirm(cache, page("nothing"), old, later(1000));
    fresh = put(cache, page("about"), 100000, start);
    assert_ptr_not_equal(old, fresh);
    cache_confirm(cache, page("about"), old, later(1000));
    assert_true(is_callers_turn(cache, page("about"), 1000));
    cache_free(cache);
}

/* ---- its bounds -------------------------------------------------------------------- */

static size_t count_known(struct cache *cache, unsigned paths)
{
    size_t count = 0;

    for (unsigned i = 0; i < paths; i++) {
        char path[16];

        snprintf(path, sizeof path, "%u", i);
        count += knows(cache, page(path));
    }
    return count;
}

static void put_many(struct cache *cache, unsigned paths, size_t bytes)
{
    for (unsigned i = 0; i < paths; i++) {
        char path[16];

        snprintf(path, sizeof path, "%u", i);
        put(cache, page(path), bytes, start);
    }
}

static void the_number_of_entries_is_bounded(void **state)
{
    struct cache *cache = cache_new(MANY, 10);

    (void)state;
    put_many(cache, 1000, 1);
    assert_int_equal(count_known(cache, 1000), 10);
    cache_free(cache);
}

static void the_memory_is_bounded(void **state)
{
    struct cache *cache = cache_new(100 * 1000, 1000);
    size_t count;

    (void)state;
    put_many(cache, 1000, 10000);
    count = count_known(cache, 1000);
    assert_in_range(count, 8, 10);
    cache_free(cache);
}

static void what_is_too_large_is_not_kept(void **state)
{
    struct cache *cache = cache_new(10000, 10);

    (void)state;
    put(cache, page("small"), 10, start);
    put(cache, page("large"), 10000, start);
    assert_false(knows(cache, page("large")));
    assert_true(knows(cache, page("small")));

    /* Nor is the version that it was before. */
    put(cache, page("small"), 10000, start);
    assert_false(knows(cache, page("small")));
    cache_free(cache);
}

static void a_cache_of_nothing_keeps_nothing(void **state)
{
    struct cache *none = cache_new(MANY, 0);
    struct cache *tiny = cache_new(0, 100);

    (void)state;
    put(none, page("a"), 1, start);
    put(tiny, page("a"), 1, start);
    assert_false(knows(none, page("a")));
    assert_false(knows(tiny, page("a")));
    cache_free(none);
    cache_free(tiny);
    cache_free(NULL);
}

static void what_is_asked_for_gets_a_second_chance(void **state)
{
    struct cache *cache = cache_new(MANY, 8);

    (void)state;
    put(cache, page("home"), 1, start);
    for (unsigned i = 0; i < 1000; i++) {
        char path[16];

        snprintf(path, sizeof path, "%u", i);
        put(cache, page(path), 1, start);
        assert_true(knows(cache, page("home")));
    }
    cache_free(cache);
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) != -1;
}

static void a_descriptor_is_let_go_when_nobody_asks(void **state)
{
    struct cache *cache = cache_new(MANY, 8);
    struct representation *film = made_up(0);
    int fd = film->fd = dup(0);

    (void)state;
    assert_int_not_equal(fd, -1);
    cache_put(cache, page("film"), film, start);
    representation_release(film);
    put(cache, page("home"), 1, start);

    cache_sweep(cache, later(CACHE_IDLE_MS));
    assert_true(is_open(fd));
    cache_sweep(cache, later(CACHE_IDLE_MS + 1));
    assert_false(is_open(fd));
    assert_true(knows(cache, page("home")));
    cache_free(cache);
}

static void without_memory_nothing_is_kept(void **state)
{
    struct representation *made = made_up(1);

    (void)state;
    for (size_t round = 1; alloc_fail_next(round); round++) {
        struct cache *cache = cache_new(MANY, 8);
        bool is_kept = false;

        if (cache) {
            cache_put(cache, page("a"), made, start);
            is_kept = knows(cache, page("a"));
            cache_free(cache);
        }
        assert_int_equal(is_kept, !alloc_fail_off());
    }
    representation_release(made);
}

/* ---- many threads ------------------------------------------------------------------ */

enum { THREADS = 4, ROUNDS = 20000, PATHS = 24 };

struct visitor {
    struct cache *cache;
    unsigned      seed;
    unsigned      wrong;
};

/* What is found under a path is always one that was put there: its length says so. */
static void visit(struct visitor *visitor, unsigned what, unsigned which)
{
    struct clock now = later((int64_t)(visitor->seed % 1000));
    struct representation *got;
    bool needs_check;
    char path[16];

    snprintf(path, sizeof path, "path/%u", which);
    if (what < 2) {
        put(visitor->cache, page(path), which, now);
        return;
    }
    got = cache_get(visitor->cache, page(path), now, &needs_check);
    if (!got)
        return;
    visitor->wrong += got->length != which;
    if (needs_check)
        cache_confirm(visitor->cache, page(path), got, now);
    if (what == 2)
        cache_drop(visitor->cache, page(path), got);
    if (what == 3 && which == 0)
        cache_sweep(visitor->cache, now);
    representation_release(got);
}

static void *visit_often(void *data)
{
    struct visitor *visitor = data;

    for (int i = 0; i < ROUNDS; i++) {
        visitor->seed = visitor->seed * 1664525 + 1013904223;
        visit(visitor, visitor->seed >> 16 & 15, (visitor->seed >> 20) % PATHS);
    }
    return NULL;
}

static void threads_share_it(void **state)
{
    struct cache *cache = cache_new(MANY, PATHS / 2);
    struct visitor visitors[THREADS];
    pthread_t threads[THREADS];

    (void)state;
    for (unsigned i = 0; i < THREADS; i++) {
        visitors[i] = (struct visitor){.cache = cache, .seed = i + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, visit_often, &visitors[i]), 0);
    }
    for (int i = 0; i < 20; i++)
        cache_clear(cache);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(visitors[i].wrong, 0);
    }
    cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found),
        cmocka_unit_test(a_slash_behind_is_another_path),
        cmocka_unit_test(a_newer_version_takes_the_place),
        cmocka_unit_test(an_older_version_does_not),
        cmocka_unit_test(what_somebody_holds_outlives_the_cache),
        cmocka_unit_test(only_the_stale_version_is_dropped),
        cmocka_unit_test(clearing_forgets_everything),
        cmocka_unit_test(every_path_is_its_own),
        cmocka_unit_test(one_caller_compares_and_the_others_go_on),
        cmocka_unit_test(what_is_old_is_compared_by_everyone),
        cmocka_unit_test(only_what_was_compared_is_confirmed),
        cmocka_unit_test(the_number_of_entries_is_bounded),
        cmocka_unit_test(the_memory_is_bounded),
        cmocka_unit_test(what_is_too_large_is_not_kept),
        cmocka_unit_test(a_cache_of_nothing_keeps_nothing),
        cmocka_unit_test(what_is_asked_for_gets_a_second_chance),
        cmocka_unit_test(a_descriptor_is_let_go_when_nobody_asks),
        cmocka_unit_test(without_memory_nothing_is_kept),
        cmocka_unit_test(threads_share_it),
    };

    return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}

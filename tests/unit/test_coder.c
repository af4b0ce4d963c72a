/* coder: codings of files, made beside the serving, each once however many ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "site/coder.h"
#include "coding/encode.h"
#include "tests/support/fault.h"
#include "tests/support/folder.h"

enum {
    KIB        = 1024,
    MIB        = 1024 * 1024,
    ENOUGH     = 64 * MIB,              /* memory for one encoder at its best */
    LONG_BYTES = 2 * MIB,               /* brotli takes long enough for that to ask in between */
    LATER_S    = 100,
    ASKERS     = 32,
    PATIENCE_MS = 120 * 1000,           /* for what has to come in the end */
};

static struct folder folder;
static struct root *root;
static struct cache *cache;
static struct coder *coder;
static const struct representation_wishes wishes = {
    .cache_control = "", .coding = {.is_on = true, .most = UINT64_MAX}};

/* ---- files -------------------------------------------------------------------------------- */

/* Words of a small language, each text another one. */
static void write_text(const char *name, size_t size, uint64_t seed)
{
    char *text = malloc(size + 16);
    size_t len = 0;

    assert_non_null(text);
    while (len < size) {
        unsigned word;

        seed = seed * 6364136223846793005 + 1442695040888963407;
        word = (unsigned)(seed >> 54);
        len += (size_t)snprintf(text + len, 16, "%c%c%u ", 'a' + word % 23, 'a' + word % 7, word);
    }
    folder_bytes(name, str_of(text, size));
    free(text);
}

/* What no coding makes smaller. */
static void write_noise(const char *name, size_t size)
{
    char *bytes = malloc(size);
    uint64_t seed = 1;

    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) {
        seed = seed * 6364136223846793005 + 1442695040888963407;
        bytes[i] = (char)(seed >> 56);
    }
    folder_bytes(name, str_of(bytes, size));
    free(bytes);
}

static struct representation *read_page(const char *name)
{
    struct representation *made = NULL;
    struct stat status;

    assert_int_equal(representation_make(root, name, &wishes, clock_now().wall_s + LATER_S, &made,
                                         &status),
                     ROOT_FOUND);
    assert_true(made->is_codable);
    return made;
}

static struct cache_key key_for(const char *name, enum coding coding)
{
    return (struct cache_key){.path = str_view(name), .coding = coding};
}

/* What the cache has: a reference of the caller's, or NULL. */
static struct representation *known(const char *name, enum coding coding)
{
    bool needs_check;

    return cache_get(cache, key_for(name, coding), clock_now(), &needs_check);
}

static bool is_known(const char *name, enum coding coding)
{
    struct representation *twin = known(name, coding);

    if (twin)
        representation_release(twin);
    return twin != NULL;
}

static void make_for(struct coder *of, struct cache_key key, struct representation *page,
                     int64_t wait_ms)
{
    bool is_done = coder_make(of, key, page, wait_ms);

    (void)is_done;                      /* what the cache has will say */
}

static unsigned references_of(struct representation *page)
{
    return atomic_load(&page->references);
}

/* ---- the stage ---------------------------------------------------------------------------- */

static int enter(void **state)
{
    (void)state;
    folder_enter(&folder);
    root = root_open(folder.path, ROOT_LINKS_BENEATH);
    write_text("page.txt", 40 * KIB, 1);
    write_text("long.txt", LONG_BYTES, 2);
    write_noise("noise.txt", 200 * KIB);
    return root ? 0 : -1;
}

static int leave(void **state)
{
    (void)state;
    root_close(root);
    folder_leave(&folder);
    return 0;
}

static int open_coder(void **state)
{
    (void)state;
    cache = cache_new(ENOUGH, 200);
    coder = coder_new(cache, 1, ENOUGH);
    return cache && coder ? 0 : -1;
}

static int close_coder(void **state)
{
    (void)state;
    (void)fault_off();
    coder_free(coder);
    cache_free(cache);
    coder = NULL;
    cache = NULL;
    return 0;
}

/* All that was in work is over then, and nothing is referred to any more. */
static void stop(void)
{
    coder_free(coder);
    coder = NULL;
}

/* Its only thread is busy with that from now on. */
static struct representation *occupy(void)
{
    struct representation *page = read_page("long.txt");

    assert_false(coder_make(coder, key_for("long.txt", CODING_BROTLI), page, 0));
    while (!coder_is_making(coder, key_for("long.txt", CODING_BROTLI), page))
        usleep(1000);
    /* Quick ones would overtake it if it had not begun. */
    usleep(20 * 1000);
    return page;
}

/* ---- what is made ------------------------------------------------------------------------- */

static void what_is_made_is_in_the_cache(void **state)
{
    struct representation *page = read_page("page.txt");

    (void)state;
    for (enum coding coding = CODING_GZIP; coding <= CODING_BROTLI; coding++) {
        struct representation *twin;

        assert_true(coder_make(coder, key_for("page.txt", coding), page, PATIENCE_MS));
        twin = known("page.txt", coding);
        assert_non_null(twin);
        assert_int_equal(twin->coding, coding);
        assert_true(twin->length < page->length);
        assert_true(representation_is_of(twin, page));
        representation_release(twin);
        assert_false(coder_is_making(coder, key_for("page.txt", coding), page));
    }
    stop();
    assert_int_equal(references_of(page), 1);
    representation_release(page);
}

static void a_file_too_large_for_memory_is_read_from_the_disk(void **state)
{
    struct representation *page = read_page("long.txt"), *twin;

    (void)state;
    assert_int_not_equal(page->fd, -1);
    assert_true(coder_make(coder, key_for("long.txt", CODING_GZIP), page, PATIENCE_MS));
    twin = known("long.txt", CODING_GZIP);
    assert_non_null(twin);
    assert_int_equal(twin->fd, -1);
    representation_release(twin);
    representation_release(page);
}

struct asker {
    struct representation *page;
    struct representation *twin;        /* as soon as there is one */
};

static void *ask(void *data)
{
    struct asker *asker = data;
    struct cache_key key = key_for("page.txt", CODING_BROTLI);

    while (!(asker->twin = known("page.txt", CODING_BROTLI)))
        make_for(coder, key, asker->page, CODER_WAIT_MS);
    return NULL;
}

/* Were it made again, another one would take the place of the first. */
static void it_is_made_once_however_many_ask(void **state)
{
    struct representation *last;
    struct asker askers[ASKERS];
    pthread_t threads[ASKERS];

    (void)state;
    coder_free(coder);
    coder = coder_new(cache, 4, 4 * ENOUGH);
    for (size_t i = 0; i < ASKERS; i++) {
        askers[i].page = read_page("page.txt");         /* each has read it himself */
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
    }
    for (size_t i = 0; i < ASKERS; i++)
        pthread_join(threads[i], NULL);
    stop();
    last = known("page.txt", CODING_BROTLI);
    for (size_t i = 0; i < ASKERS; i++) {
        assert_ptr_equal(askers[i].twin, last);
        representation_release(askers[i].twin);
        assert_int_equal(references_of(askers[i].page), 1);
        representation_release(askers[i].page);
    }
    representation_release(last);
}

static void nobody_waits_for_long(void **state)
{
    struct representation *page = read_page("long.txt");
    int64_t begun_ms = clock_now().ms;

    (void)state;
    assert_false(coder_make(coder, key_for("long.txt", CODING_BROTLI), page, CODER_WAIT_MS));
    assert_true(clock_now().ms - begun_ms >= CODER_WAIT_MS - 1);
    assert_false(is_known("long.txt", CODING_BROTLI));
    assert_true(coder_is_making(coder, key_for("long.txt", CODING_BROTLI), page));
    representation_release(page);
}

static void the_quick_ones_go_first(void **state)
{
    static const char *const others[] = {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"};
    struct representation *busy = occupy(), *page = read_page("page.txt");

    (void)state;
    for (size_t i = 0; i < COUNTOF(others); i++)
        assert_false(coder_make(coder, key_for(others[i], CODING_BROTLI), busy, 0));
    assert_true(coder_make(coder, key_for("page.txt", CODING_GZIP), page, PATIENCE_MS));
    assert_true(is_known("page.txt", CODING_GZIP));
    assert_true(coder_is_making(coder, key_for("10", CODING_BROTLI), busy));
    representation_release(page);
    representation_release(busy);
}

/* ---- what is not -------------------------------------------------------------------------- */

static void what_does_not_get_smaller_is_noted(void **state)
{
    struct representation *page = read_page("noise.txt");

    (void)state;
    assert_true(coder_make(coder, key_for("noise.txt", CODING_GZIP), page, PATIENCE_MS));
    assert_false(is_known("noise.txt", CODING_GZIP));
    assert_int_equal(atomic_load(&page->hopeless), BIT(CODING_GZIP));
    representation_release(page);
}

/* A young page is read anew ten times a second, while its coding is in work. */
static void a_page_that_is_read_anew_is_the_same_job(void **state)
{
    struct representation *busy = occupy();
    struct representation *first = read_page("noise.txt"), *second = read_page("noise.txt");
    struct cache_key key = key_for("noise.txt", CODING_BROTLI);

    (void)state;
    assert_false(coder_make(coder, key, first, 0));
    assert_true(coder_is_making(coder, key, second));
    assert_true(coder_make(coder, key, second, PATIENCE_MS));
    assert_int_equal(atomic_load(&second->hopeless), BIT(CODING_BROTLI));
    assert_false(coder_is_making(coder, key, first));
    stop();
    assert_int_equal(references_of(first), 1);
    assert_int_equal(references_of(second), 1);
    representation_release(first);
    representation_release(second);
    representation_release(busy);
}

/* Also when the first was begun. */
static void a_page_that_is_read_anew_is_told_too(void **state)
{
    struct representation *first, *second;
    struct cache_key key = key_for("noise2.txt", CODING_BROTLI);

    (void)state;
    write_noise("noise2.txt", 2 * MIB);
    first = read_page("noise2.txt");
    second = read_page("noise2.txt");
    make_for(coder, key, first, CODER_WAIT_MS);
    assert_true(coder_make(coder, key, second, PATIENCE_MS));
    assert_int_equal(atomic_load(&second->hopeless), BIT(CODING_BROTLI));
    stop();
    assert_int_equal(references_of(first), 1);
    assert_int_equal(references_of(second), 1);
    representation_release(first);
    representation_release(second);
}

static void a_page_that_is_edited_all_the_time_has_one_job(void **state)
{
    struct representation *busy = occupy(), *page = NULL, *twin;
    struct cache_key key = key_for("edited.txt", CODING_BROTLI);

    (void)state;
    for (unsigned version = 0; version < 2 * CODER_JOBS_MAX; version++) {
        if (page)
            representation_release(page);
        write_text("edited.txt", 2000 + version, version);
        page = read_page("edited.txt");
        assert_false(coder_make(coder, key, page, 0));
        assert_true(coder_is_making(coder, key, page));
    }
    assert_int_equal(references_of(page), 2);
    assert_true(coder_make(coder, key, page, PATIENCE_MS));
    twin = known("edited.txt", CODING_BROTLI);
    assert_non_null(twin);
    assert_true(representation_is_of(twin, page));
    representation_release(twin);
    representation_release(page);
    representation_release(busy);
}

static void no_more_are_taken_than_may_wait(void **state)
{
    struct representation *busy = occupy(), *page = read_page("page.txt");
    char name[16];
    unsigned taken = 1;

    (void)state;
    for (unsigned i = 0; i < 2 * CODER_JOBS_MAX; i++) {
        snprintf(name, sizeof name, "%u", i);
        assert_false(coder_make(coder, key_for(name, CODING_BROTLI), page, 0));
        taken += coder_is_making(coder, key_for(name, CODING_BROTLI), page);
    }
    assert_int_equal(taken, CODER_JOBS_MAX);
    assert_int_equal(references_of(page), CODER_JOBS_MAX);
    stop();
    assert_int_equal(references_of(page), 1);
    representation_release(page);
    representation_release(busy);
}

static void nor_more_bytes_than_there_is_memory_for(void **state)
{
    enum { BYTES = 200 * KIB, MEMORY = 4 * MIB };
    struct coder *small = coder_new(cache, 1, MEMORY);
    struct representation *page;
    char name[16];
    unsigned taken = 0;

    (void)state;
    write_text("medium.txt", BYTES, 6);
    page = read_page("medium.txt");
    for (unsigned i = 0; i < CODER_JOBS_MAX; i++) {
        snprintf(name, sizeof name, "%u", i);
        make_for(small, key_for(name, CODING_GZIP), page, 0);
        taken = MAX_OF(taken, references_of(page) - 1);
    }
    assert_in_range(taken, 1, MEMORY / 4 / BYTES);
    coder_free(small);
    representation_release(page);
}

static void the_end_waits_for_nothing(void **state)
{
    struct representation *busy = occupy();

    (void)state;
    stop();
    assert_false(is_known("long.txt", CODING_BROTLI));
    assert_int_equal(references_of(busy), 1);
    representation_release(busy);
    coder_free(NULL);
}

/* What was read of it is not what is in it now. */
static void a_file_that_changes_meanwhile_is_not_kept(void **state)
{
    struct representation *page;

    (void)state;
    write_text("changing.txt", LONG_BYTES, 4);
    page = read_page("changing.txt");
    assert_int_not_equal(page->fd, -1);
    write_text("changing.txt", LONG_BYTES, 5);
    folder_age("changing.txt", 1500000000);
    assert_true(coder_make(coder, key_for("changing.txt", CODING_GZIP), page, PATIENCE_MS));
    assert_false(is_known("changing.txt", CODING_GZIP));
    assert_int_equal(atomic_load(&page->hopeless), 0);
    representation_release(page);
}

static void without_room_in_the_cache_it_is_not_tried_again(void **state)
{
    struct cache *tiny = cache_new(2000, 10);
    struct coder *for_tiny = coder_new(tiny, 1, ENOUGH);
    struct representation *page = read_page("page.txt");

    (void)state;
    assert_true(coder_make(for_tiny, key_for("page.txt", CODING_GZIP), page, PATIENCE_MS));
    assert_int_equal(atomic_load(&page->hopeless), BIT(CODING_GZIP));
    coder_free(for_tiny);
    cache_free(tiny);
    representation_release(page);
}

/* ---- little memory ------------------------------------------------------------------------ */

/* The entity tag says with which effort. */
static void little_memory_is_less_effort(void **state)
{
    static const size_t memories[] = {64 * MIB, 6 * MIB, MIB, 1, 0};
    struct representation *page = read_page("page.txt");
    int last = INT32_MAX;

    (void)state;
    for (size_t i = 0; i < COUNTOF(memories); i++) {
        struct coder *small = coder_new(cache, 8, memories[i]);
        struct representation *twin;
        int effort = 0;

        assert_true(coder_make(small, key_for("page.txt", CODING_BROTLI), page, PATIENCE_MS));
        twin = known("page.txt", CODING_BROTLI);
        if (twin) {
            effort = atoi(strstr(twin->etag.ptr, "-br") + 3);
            representation_release(twin);
            cache_clear(cache);
        }
        assert_int_equal(effort == 0, (atomic_load(&page->hopeless) & BIT(CODING_BROTLI)) != 0);
        assert_true(effort <= last);
        last = effort;
        coder_free(small);
    }
    assert_int_equal(last, 0);
    representation_release(page);
}

static void without_processors_there_is_one(void **state)
{
    struct coder *none = coder_new(cache, 0, ENOUGH);
    struct representation *page = read_page("page.txt");

    (void)state;
    assert_true(coder_make(none, key_for("page.txt", CODING_GZIP), page, PATIENCE_MS));
    coder_free(none);
    representation_release(page);
}

/* ---- failures ----------------------------------------------------------------------------- */

static struct representation *make_twin(struct coder *of, struct cache *in,
                                        struct representation *page)
{
    struct cache_key key = key_for("page.txt", CODING_BROTLI);
    bool needs_check;

    make_for(of, key, page, PATIENCE_MS);
    return cache_get(in, key, clock_now(), &needs_check);
}

/* The n-th allocation fails, for every n: whoever asks next gets it, unless it was noted that the
 * cache cannot have it. */
static void without_memory_it_is_tried_again(void **state)
{
    struct representation *page = read_page("page.txt");

    (void)state;
    for (size_t n = 1; fault_next(n, FAULT_ALLOCATION, ENOMEM); n++) {
        struct cache *own = cache_new(ENOUGH, 10);
        struct coder *of = own ? coder_new(own, 2, ENOUGH) : NULL;
        struct representation *twin = of ? make_twin(of, own, page) : NULL;

        if (of && !twin)
            twin = make_twin(of, own, page);
        assert_true(!of || twin || atomic_load(&page->hopeless));
        if (twin)
            representation_release(twin);
        coder_free(of);
        cache_free(own);
        assert_int_equal(references_of(page), 1);
        atomic_store(&page->hopeless, 0);
    }
    representation_release(page);
}

static void without_a_thread_it_is_tried_again(void **state)
{
    struct representation *page = read_page("page.txt");
    struct cache_key key = key_for("page.txt", CODING_GZIP);

    (void)state;
    fault_at(1, FAULT_THREAD, EAGAIN);
    assert_false(coder_make(coder, key, page, PATIENCE_MS));
    assert_true(fault_off());
    assert_false(coder_is_making(coder, key, page));
    assert_true(coder_make(coder, key, page, PATIENCE_MS));
    assert_true(is_known("page.txt", CODING_GZIP));
    representation_release(page);
}

#define WITH_CODER(test) cmocka_unit_test_setup_teardown(test, open_coder, close_coder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CODER(what_is_made_is_in_the_cache),
        WITH_CODER(a_file_too_large_for_memory_is_read_from_the_disk),
        WITH_CODER(it_is_made_once_however_many_ask),
        WITH_CODER(nobody_waits_for_long),
        WITH_CODER(the_quick_ones_go_first),
        WITH_CODER(what_does_not_get_smaller_is_noted),
        WITH_CODER(a_page_that_is_read_anew_is_the_same_job),
        WITH_CODER(a_page_that_is_read_anew_is_told_too),
        WITH_CODER(a_page_that_is_edited_all_the_time_has_one_job),
        WITH_CODER(no_more_are_taken_than_may_wait),
        WITH_CODER(nor_more_bytes_than_there_is_memory_for),
        WITH_CODER(the_end_waits_for_nothing),
        WITH_CODER(a_file_that_changes_meanwhile_is_not_kept),
        WITH_CODER(without_room_in_the_cache_it_is_not_tried_again),
        WITH_CODER(little_memory_is_less_effort),
        WITH_CODER(without_processors_there_is_one),
        WITH_CODER(without_memory_it_is_tried_again),
        WITH_CODER(without_a_thread_it_is_tried_again),
    };

    return cmocka_run_group_tests_name("coder", tests, enter, leave);
}

/* twins: the codings of a page: from the cache, from the file beside it, or made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "site/twins.h"
#include "tests/support/fault.h"
#include "tests/support/folder.h"

enum {
    ROOM        = 64 * 1024 * 1024,
    LATER_S     = 100,
    PATIENCE_MS = 120 * 1000,
    PLAIN       = BIT(CODING_IDENTITY),
    MADE        = BIT(CODING_GZIP) | BIT(CODING_BROTLI),
    AGE_S       = 1600000000,
};

static struct folder folder;
static struct twins  twins;
static char          text[20 * 1024];
static const struct representation_wishes wishes = {
    .cache_control = "", .coding = {.is_on = true, .most = UINT64_MAX}};

static struct clock now(void)
{
    struct clock clock = clock_now();

    clock.wall_s += LATER_S;            /* nothing is young then */
    return clock;
}

static struct cache_key key_for(enum coding coding)
{
    return (struct cache_key){.path = STR("page"), .coding = coding};
}

static struct representation *read_page_at(const char *name, int64_t at_s)
{
    struct representation *made = NULL;
    struct stat status;

    assert_int_equal(representation_make(twins.root, name, &wishes, at_s, &made, &status),
                     ROOT_FOUND);
    return made;
}

static struct representation *read_page(void)
{
    return read_page_at("page.html", now().wall_s);
}

/* The twin with leave to block, or NULL; a reference of the caller's. */
static struct representation *find(struct representation *page, enum coding coding)
{
    struct representation *twin = NULL;
    enum twin found = twins_find(&twins, key_for(coding), page, now(), PATIENCE_MS, &twin);

    assert_int_equal(found == TWIN_FOUND, twin != NULL);
    assert_int_not_equal(found, TWIN_NEEDS_WORK);
    return twin;
}

/* Without leave. */
static enum twin look(struct representation *page, enum coding coding, struct clock at)
{
    struct representation *twin = NULL;
    enum twin found = twins_look(&twins, key_for(coding), page, at, &twin);

    assert_int_equal(found == TWIN_FOUND, twin != NULL);
    if (twin)
        representation_release(twin);
    return found;
}

static void put_beside(const char *name, const char *bytes)
{
    folder_file(name, bytes);
    folder_age(name, AGE_S);
}

/* ---- the stage ---------------------------------------------------------------------------- */

static int enter(void **state)
{
    (void)state;
    folder_enter(&folder);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i % 26);
    folder_bytes("page.html", str_of(text, sizeof text));
    folder_age("page.html", AGE_S);
    twins.root = root_open(folder.path, ROOT_LINKS_BENEATH);
    twins.cache = cache_new(ROOM, 100);
    twins.coder = coder_new(twins.cache, 2, ROOM);
    return twins.root && twins.cache && twins.coder ? 0 : -1;
}

static int leave(void **state)
{
    (void)state;
    (void)fault_off();
    coder_free(twins.coder);
    cache_free(twins.cache);
    root_close(twins.root);
    folder_leave(&folder);
    return 0;
}

/* ---- what there is ------------------------------------------------------------------------ */

static void what_we_can_make_is_available(void **state)
{
    struct representation *page = read_page();

    (void)state;
    assert_int_equal(twins_available(&twins, page), PLAIN | MADE);
    atomic_store(&page->hopeless, BIT(CODING_GZIP));
    assert_int_equal(twins_available(&twins, page), PLAIN | BIT(CODING_BROTLI));
    representation_release(page);
}

static void what_lies_beside_is_available(void **state)
{
    struct representation *page;

    (void)state;
    put_beside("page.html.zst", "zstd");
    put_beside("page.html.gz", "gzip");
    page = read_page();
    assert_int_equal(page->siblings, BIT(CODING_ZSTD) | BIT(CODING_GZIP));
    /* Whether it could be made smaller or not. */
    atomic_store(&page->hopeless, BIT(CODING_GZIP) | BIT(CODING_BROTLI));
    assert_int_equal(twins_available(&twins, page), PLAIN | BIT(CODING_ZSTD) | BIT(CODING_GZIP));
    representation_release(page);
}

/* Within one tick of the clock it may be written again, and its stamp stays. */
static void a_large_file_has_to_hold_still(void **state)
{
    struct representation *page;
    char *large = calloc(1, REPRESENTATION_SMALL_MAX + 1);

    (void)state;
    assert_non_null(large);
    memset(large, 'a', REPRESENTATION_SMALL_MAX + 1);
    folder_bytes("large.txt", str_of(large, REPRESENTATION_SMALL_MAX + 1));
    free(large);
    page = read_page_at("large.txt", clock_now().wall_s);
    assert_true(page->is_young && page->fd != -1);
    assert_int_equal(twins_available(&twins, page), PLAIN);
    assert_int_equal(twins_hoped_for(&twins, page), PLAIN | MADE);
    assert_true(representation_varies(page));
    representation_release(page);
    page = read_page_at("large.txt", now().wall_s);
    assert_int_equal(twins_available(&twins, page), PLAIN | MADE);
    representation_release(page);
}

static void what_the_cache_cannot_keep_is_not_made(void **state)
{
    static const size_t rooms[][2] = {{0, 100}, {ROOM, 1}, {sizeof text, 100}};
    struct representation *page = read_page();

    (void)state;
    for (size_t i = 0; i < COUNTOF(rooms); i++) {
        struct cache *cache = cache_new(rooms[i][0], rooms[i][1]);
        struct twins in = {.root = twins.root, .cache = cache, .coder = twins.coder};

        assert_int_equal(twins_available(&in, page), PLAIN);
        cache_free(cache);
    }
    representation_release(page);
}

/* ---- made --------------------------------------------------------------------------------- */

static void a_coding_is_made_and_then_known(void **state)
{
    struct representation *page = read_page(), *twin;

    (void)state;
    assert_int_equal(look(page, CODING_BROTLI, now()), TWIN_NEEDS_WORK);
    twin = find(page, CODING_BROTLI);
    assert_non_null(twin);
    assert_false(twin->lay_beside);
    representation_release(twin);
    assert_int_equal(look(page, CODING_BROTLI, now()), TWIN_FOUND);
    /* For good: the tag says of which page it is. */
    assert_int_equal(look(page, CODING_BROTLI, (struct clock){.ms = now().ms + 3600000}),
                     TWIN_FOUND);
    representation_release(page);
}

/* It is the same page still, though it has been read anew. */
static void it_is_of_each_reading_of_that_version(void **state)
{
    struct representation *page = read_page(), *again = read_page(), *twin;

    (void)state;
    twin = find(page, CODING_GZIP);
    assert_int_equal(look(again, CODING_GZIP, now()), TWIN_FOUND);
    representation_release(twin);
    representation_release(page);
    representation_release(again);
}

static void it_is_of_no_other_version(void **state)
{
    struct representation *page = read_page(), *edited, *twin;

    (void)state;
    twin = find(page, CODING_GZIP);
    text[0] = 'z';
    folder_bytes("page.html", str_of(text, sizeof text));
    folder_age("page.html", AGE_S);
    edited = read_page();
    assert_int_equal(look(edited, CODING_GZIP, now()), TWIN_NEEDS_WORK);
    /* Who has the older page still, by a moment, does not lose his coding for that. */
    assert_int_equal(look(page, CODING_GZIP, now()), TWIN_FOUND);
    representation_release(twin);
    representation_release(page);
    representation_release(edited);
}

/* Who compares dates would be told of the older one, and keep what was between. */
static void nor_of_the_same_bytes_at_another_time(void **state)
{
    struct representation *page = read_page(), *touched, *twin;

    (void)state;
    twin = find(page, CODING_GZIP);
    folder_age("page.html", AGE_S + 1);
    touched = read_page();
    assert_int_equal(look(touched, CODING_GZIP, now()), TWIN_NEEDS_WORK);
    representation_release(twin);
    twin = find(touched, CODING_GZIP);
    assert_int_equal(twin->last_modified, AGE_S + 1);
    representation_release(twin);
    representation_release(page);
    representation_release(touched);
}

static void nor_of_the_same_bytes_of_another_type(void **state)
{
    struct representation *page = read_page(), *other, *twin;

    (void)state;
    twin = find(page, CODING_GZIP);
    folder_bytes("page.css", str_of(text, sizeof text));
    folder_age("page.css", AGE_S);
    other = read_page_at("page.css", now().wall_s);
    assert_true(str_equal(other->etag, page->etag));
    assert_int_equal(look(other, CODING_GZIP, now()), TWIN_NEEDS_WORK);
    representation_release(twin);
    representation_release(page);
    representation_release(other);
}

/* ---- beside ------------------------------------------------------------------------------- */

static void what_lies_beside_goes_before_what_is_made(void **state)
{
    struct representation *page = read_page(), *beside, *twin;

    (void)state;
    representation_release(find(page, CODING_GZIP));
    put_beside("page.html.gz", "beside");
    beside = read_page();
    assert_int_equal(look(beside, CODING_GZIP, now()), TWIN_NEEDS_WORK);
    twin = find(beside, CODING_GZIP);
    assert_true(str_equal(twin->bytes, STR("beside")));
    assert_true(twin->lay_beside);
    assert_int_equal(look(beside, CODING_GZIP, now()), TWIN_FOUND);
    representation_release(twin);

    /* And when it is gone it is not taken for one that was made. */
    folder_remove("page.html.gz");
    assert_int_equal(look(page, CODING_GZIP, now()), TWIN_NEEDS_WORK);
    twin = find(page, CODING_GZIP);
    assert_false(twin->lay_beside);
    representation_release(twin);
    representation_release(page);
    representation_release(beside);
}

static void a_new_file_beside_is_noticed(void **state)
{
    struct representation *page, *twin;

    (void)state;
    put_beside("page.html.zst", "one");
    page = read_page();
    representation_release(find(page, CODING_ZSTD));
    put_beside("page.html.zst", "another");
    assert_int_equal(look(page, CODING_ZSTD, (struct clock){.ms = now().ms + CACHE_CHECK_MS}),
                     TWIN_NEEDS_WORK);
    twin = find(page, CODING_ZSTD);
    assert_true(str_equal(twin->bytes, STR("another")));
    representation_release(twin);
    representation_release(page);
}

static void a_file_beside_that_cannot_be_read_is_none(void **state)
{
    struct representation *page;

    (void)state;
    put_beside("page.html.zst", "zstd");
    page = read_page();
    folder_age("page.html.zst", AGE_S - 1);
    assert_null(find(page, CODING_ZSTD));
    folder_remove("page.html.zst");
    assert_null(find(page, CODING_ZSTD));
    put_beside("page.html.zst", "zstd");
    fault_at(1, FAULT_OPENAT2, EMFILE);
    assert_null(find(page, CODING_ZSTD));
    assert_true(fault_off());
    representation_release(find(page, CODING_ZSTD));
    representation_release(page);
}

/* RFC 9110 §8.8.3.3: also when somebody has copied the page there as it is. */
static void no_two_have_one_tag(void **state)
{
    static const char *const files[] = {"page.html.gz", "page.html.br", "page.html.zst"};
    struct representation *all[2 * CODINGS], *page = read_page();
    size_t count = 0;

    (void)state;
    all[count++] = page;
    all[count++] = find(page, CODING_GZIP);
    all[count++] = find(page, CODING_BROTLI);
    for (size_t i = 0; i < COUNTOF(files); i++) {
        folder_bytes(files[i], str_of(text, sizeof text));
        folder_age(files[i], AGE_S);
    }
    page = read_page();
    for (enum coding coding = CODING_GZIP; coding < CODINGS; coding++)
        all[count++] = find(page, coding);
    for (size_t i = 0; i < count; i++) {
        assert_non_null(all[i]);
        for (size_t j = 0; j < i; j++)
            assert_false(str_equal(all[i]->etag, all[j]->etag));
    }
    while (count > 0)
        representation_release(all[--count]);
    representation_release(page);
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STAGE(what_we_can_make_is_available),
        ON_STAGE(what_lies_beside_is_available),
        ON_STAGE(a_large_file_has_to_hold_still),
        ON_STAGE(what_the_cache_cannot_keep_is_not_made),
        ON_STAGE(a_coding_is_made_and_then_known),
        ON_STAGE(it_is_of_each_reading_of_that_version),
        ON_STAGE(it_is_of_no_other_version),
        ON_STAGE(nor_of_the_same_bytes_at_another_time),
        ON_STAGE(nor_of_the_same_bytes_of_another_type),
        ON_STAGE(what_lies_beside_goes_before_what_is_made),
        ON_STAGE(a_new_file_beside_is_noticed),
        ON_STAGE(a_file_beside_that_cannot_be_read_is_none),
        ON_STAGE(no_two_have_one_tag),
    };

    return cmocka_run_group_tests_name("twins", tests, NULL, NULL);
}

#include "site/twins.h"

#include "coding/encode.h"

/* What the cache has no room for would be made again for everybody. */
static unsigned can_be_made(const struct twins *twins, struct representation *page)
{
    unsigned can = 0;

    if (!page->is_codable || !cache_has_room(twins->cache, page))
        return 0;
    for (enum coding coding = CODING_GZIP; coding < CODINGS; coding++)
        if (encode_can(coding))
            can |= BIT(coding);
    return can & ~atomic_load(&page->hopeless);
}

/* A file that is read while it is coded has to hold still: within one tick of the clock it may be
 * written again, and nobody could tell. */
static bool holds_still(const struct representation *page)
{
    return page->fd == -1 || !page->is_young;
}

unsigned twins_hoped_for(const struct twins *twins, struct representation *page)
{
    return BIT(CODING_IDENTITY) | page->siblings | can_be_made(twins, page);
}

unsigned twins_available(const struct twins *twins, struct representation *page)
{
    return BIT(CODING_IDENTITY) | page->siblings |
           (holds_still(page) ? can_be_made(twins, page) : 0);
}

static bool is_beside(const struct representation *page, enum coding coding)
{
    return (page->siblings & BIT(coding)) != 0;
}

/* The file beside the page is still what was read of it. */
static bool is_same_on_disk(const struct twins *twins, const struct representation *page,
                            const struct representation *twin)
{
    struct stat status;
    struct file_stamp stamp;

    if (twin->is_young || representation_look_beside(twins->root, page, twin->coding, &status) !=
                              ROOT_FOUND)
        return false;
    stamp = file_stamp_of(&status);
    return file_stamp_equal(&stamp, &twin->stamp);
}

/* What the cache knows and what holds still. */
static struct representation *recall(const struct twins *twins, struct cache_key key,
                                     const struct representation *page, struct clock now)
{
    bool needs_check;
    struct representation *twin = cache_get(twins->cache, key, now, &needs_check);

    if (!twin)
        return NULL;
    if (representation_is_of(twin, page)) {
        if (!needs_check)
            return twin;
        /* One that we made is of that page for good: the tag says so. */
        if (!twin->lay_beside || is_same_on_disk(twins, page, twin)) {
            cache_confirm(twins->cache, key, twin, now);
            return twin;
        }
        cache_drop(twins->cache, key, twin);
    }
    /* Of another version it stays until there is a better one: perhaps the page is the older. */
    representation_release(twin);
    return NULL;
}

enum twin twins_look(const struct twins *twins, struct cache_key key, struct representation *page,
                     struct clock now, struct representation **twin)
{
    *twin = recall(twins, key, page, now);
    if (*twin)
        return TWIN_FOUND;
    if (is_beside(page, key.coding))
        return TWIN_NEEDS_WORK;
    return coder_is_making(twins->coder, key, page) ? TWIN_ABSENT : TWIN_NEEDS_WORK;
}

/* ---- with leave to block ------------------------------------------------------------- */

static enum twin read_beside(const struct twins *twins, struct cache_key key,
                             const struct representation *page, struct clock now,
                             struct representation **twin)
{
    struct stat status;

    if (representation_make_sibling(twins->root, page, key.coding, now.wall_s, twin, &status) !=
        ROOT_FOUND)
        return TWIN_ABSENT;
    cache_put(twins->cache, key, *twin, now);
    return TWIN_FOUND;
}

enum twin twins_find(const struct twins *twins, struct cache_key key, struct representation *page,
                     struct clock now, int64_t wait_ms, struct representation **twin)
{
    *twin = recall(twins, key, page, now);
    if (*twin)
        return TWIN_FOUND;
    if (is_beside(page, key.coding))
        return read_beside(twins, key, page, now, twin);
    if (!coder_make(twins->coder, key, page, wait_ms))
        return TWIN_ABSENT;
    *twin = recall(twins, key, page, clock_now());
    return *twin ? TWIN_FOUND : TWIN_ABSENT;
}

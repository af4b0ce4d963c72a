#include "site/twins.h"

#include "site/encode.h"

unsigned twins_available(struct representation *page)
{
    unsigned available = BIT(CODING_IDENTITY) | page->siblings;

    if (!page->is_codable)
        return available;
    for (enum coding coding = CODING_GZIP; coding < CODINGS; coding++)
        if (encode_can(coding))
            available |= BIT(coding);
    /* What lies beside the page need not be made, whether it would be smaller or not. */
    return available & ~(atomic_load(&page->hopeless) & ~page->siblings);
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
        /* One that we made is of that page for good: the tag says so. */
        if (!needs_check || !is_beside(page, key.coding) || is_same_on_disk(twins, page, twin)) {
            if (needs_check)
                cache_confirm(twins->cache, key, twin, now);
            return twin;
        }
    }
    cache_drop(twins->cache, key, twin);
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
    return atomic_load(&page->in_work) & BIT(key.coding) ? TWIN_ABSENT : TWIN_NEEDS_WORK;
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

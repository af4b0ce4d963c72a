#include "site/cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/list.h"

enum { BUCKETS_MIN = 16, BUCKETS_MAX = 1 << 20 };

struct entry {
    struct list            turn;            /* in cache.turns */
    struct entry          *next;            /* in its bucket; then in what is to be freed */
    uint64_t               hash;
    struct representation *representation;
    size_t                 cost;            /* bytes */
    int64_t                checked_ms;      /* when the last comparison with the disk began */
    int64_t                claimed_ms;      /* when somebody last set out to compare */
    bool                   was_used;        /* since its last turn */
    bool                   is_directory;
    enum coding            coding;
    size_t                 path_len;
    char                   path[];
};

struct cache {
    pthread_mutex_t lock;                   /* over all that follows but the key and the limits */
    struct list     turns;                  /* entries; whose turn it is to go stands first */
    size_t          bytes;
    size_t          count;
    size_t          bytes_max;
    size_t          entries_max;
    size_t          bucket_mask;
    struct entry   *buckets[];
};

/* FNV-1a.  Nobody outside can fill a bucket: only names that exist are kept, a handful of ways to
 * say each, and no more than there may be entries. */
static uint64_t hash_of(struct cache_key key)
{
    uint64_t hash = 0xcbf29ce484222325 + key.is_directory + 2 * (uint64_t)key.coding;

    for (size_t i = 0; i < key.path.len; i++)
        hash = (hash ^ (unsigned char)key.path.ptr[i]) * 0x100000001b3;
    return hash ^ hash >> 32;
}

/* ---- entries; the lock is held in all of these ------------------------------------- */

static struct entry **bucket_of(struct cache *cache, uint64_t hash)
{
    return &cache->buckets[hash & cache->bucket_mask];
}

static bool has_key(const struct entry *entry, struct cache_key key, uint64_t hash)
{
    return entry->hash == hash && entry->is_directory == key.is_directory &&
           entry->coding == key.coding &&
           str_equal(str_of(entry->path, entry->path_len), key.path);
}

static struct entry *find(struct cache *cache, struct cache_key key, uint64_t hash)
{
    struct entry *entry = *bucket_of(cache, hash);

    while (entry && !has_key(entry, key, hash))
        entry = entry->next;
    return entry;
}

static void insert(struct cache *cache, struct entry *entry)
{
    struct entry **bucket = bucket_of(cache, entry->hash);

    entry->next = *bucket;
    *bucket = entry;
    list_append(&cache->turns, &entry->turn);
    cache->bytes += entry->cost;
    cache->count++;
}

/* Takes it out of the cache and puts it in front of *dropped, to be freed without the lock. */
static void take_out(struct cache *cache, struct entry *entry, struct entry **dropped)
{
    struct entry **link = bucket_of(cache, entry->hash);

    while (*link != entry)
        link = &(*link)->next;
    *link = entry->next;
    list_remove(&entry->turn);
    assert(cache->count > 0 && cache->bytes >= entry->cost);
    cache->bytes -= entry->cost;
    cache->count--;
    entry->next = *dropped;
    *dropped = entry;
}

/* Makes room for one of that cost, which fits an empty cache.  Who was used since its last turn
 * gets another; the first who was not goes. */
static void make_room(struct cache *cache, size_t cost, struct entry **dropped)
{
    while (cache->bytes > cache->bytes_max - cost || cache->count >= cache->entries_max) {
        struct entry *first = CONTAINER_OF(cache->turns.next, struct entry, turn);

        if (first->was_used) {
            first->was_used = false;
            list_remove(&first->turn);
            list_append(&cache->turns, &first->turn);
        } else {
            take_out(cache, first, dropped);
        }
    }
}

/* ---- without the lock -------------------------------------------------------------- */

static void free_entries(struct entry *dropped)
{
    while (dropped) {
        struct entry *next = dropped->next;

        representation_release(dropped->representation);
        free(dropped);
        dropped = next;
    }
}

static struct entry *entry_new(const struct cache *cache, struct cache_key key,
                               struct representation *made, struct clock now)
{
    size_t cost = sizeof(struct entry) + key.path.len + representation_cost(made);
    struct entry *entry;

    if (cost > cache->bytes_max || cache->entries_max == 0)
        return NULL;
    entry = malloc(sizeof *entry + key.path.len);
    if (!entry)
        return NULL;
    *entry = (struct entry){
        .turn = LIST_NONE,
        .hash = hash_of(key),
        .representation = representation_acquire(made),
        .cost = cost,
        .checked_ms = now.ms,
        .claimed_ms = now.ms,
        .is_directory = key.is_directory,
        .coding = key.coding,
        .path_len = key.path.len,
    };
    memcpy(entry->path, key.path.ptr, key.path.len);
    return entry;
}

struct cache *cache_new(size_t bytes_max, size_t entries_max)
{
    size_t buckets = BUCKETS_MIN;
    struct cache *cache;

    while (buckets < entries_max && buckets < BUCKETS_MAX)
        buckets *= 2;
    cache = calloc(1, sizeof *cache + buckets * sizeof(struct entry *));
    if (!cache)
        return NULL;
    pthread_mutex_init(&cache->lock, NULL);
    list_init(&cache->turns);
    cache->bytes_max = bytes_max;
    cache->entries_max = entries_max;
    cache->bucket_mask = buckets - 1;
    return cache;
}

void cache_free(struct cache *cache)
{
    if (!cache)
        return;
    cache_clear(cache);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

/* The caller is the one to compare this entry with the disk. */
static bool claim_check(struct entry *entry, struct clock now)
{
    int64_t age_ms = now.ms - entry->checked_ms;

    if (age_ms < CACHE_CHECK_MS)
        return false;
    if (age_ms < CACHE_TRUST_MS && now.ms - entry->claimed_ms < CACHE_CHECK_MS)
        return false;
    entry->claimed_ms = now.ms;
    return true;
}

struct representation *cache_get(struct cache *cache, struct cache_key key, struct clock now,
                                 bool *needs_check)
{
    uint64_t hash = hash_of(key);
    struct representation *known = NULL;
    struct entry *entry;

    *needs_check = false;
    pthread_mutex_lock(&cache->lock);
    entry = find(cache, key, hash);
    if (entry) {
        entry->was_used = true;
        *needs_check = claim_check(entry, now);
        known = representation_acquire(entry->representation);
    }
    pthread_mutex_unlock(&cache->lock);
    return known;
}

void cache_confirm(struct cache *cache, struct cache_key key, const struct representation *checked,
                   struct clock now)
{
    uint64_t hash = hash_of(key);
    struct entry *entry;

    pthread_mutex_lock(&cache->lock);
    entry = find(cache, key, hash);
    if (entry && entry->representation == checked)
        entry->checked_ms = MAX_OF(entry->checked_ms, now.ms);
    pthread_mutex_unlock(&cache->lock);
}

bool cache_put(struct cache *cache, struct cache_key key, struct representation *made,
               struct clock now)
{
    struct entry *entry = entry_new(cache, key, made, now);
    struct entry *old, *dropped = NULL;
    bool is_kept;

    if (!entry) {
        cache_drop(cache, key, NULL);
        return false;
    }
    pthread_mutex_lock(&cache->lock);
    old = find(cache, key, entry->hash);
    is_kept = !old || old->checked_ms <= now.ms;
    if (!is_kept) {
        /* Somebody began to read later, and was faster. */
        entry->next = NULL;
        dropped = entry;
    } else {
        if (old)
            take_out(cache, old, &dropped);
        make_room(cache, entry->cost, &dropped);
        insert(cache, entry);
    }
    pthread_mutex_unlock(&cache->lock);
    free_entries(dropped);
    return is_kept;
}

bool cache_has_room(const struct cache *cache, const struct representation *made)
{
    return cache->entries_max >= 2 &&
           sizeof(struct entry) + representation_cost(made) <= cache->bytes_max;
}

void cache_drop(struct cache *cache, struct cache_key key, const struct representation *stale)
{
    uint64_t hash = hash_of(key);
    struct entry *entry, *dropped = NULL;

    pthread_mutex_lock(&cache->lock);
    entry = find(cache, key, hash);
    if (entry && (!stale || entry->representation == stale))
        take_out(cache, entry, &dropped);
    pthread_mutex_unlock(&cache->lock);
    free_entries(dropped);
}

/* Takes out everything, or only descriptors last compared before `idle_since_ms`. */
static void drop_all(struct cache *cache, bool only_idle, int64_t idle_since_ms)
{
    struct entry *dropped = NULL;
    struct list *link, *next;

    pthread_mutex_lock(&cache->lock);
    for (link = cache->turns.next; link != &cache->turns; link = next) {
        struct entry *entry = CONTAINER_OF(link, struct entry, turn);

        next = link->next;
        if (!only_idle ||
            (entry->representation->fd != -1 && entry->checked_ms < idle_since_ms))
            take_out(cache, entry, &dropped);
    }
    pthread_mutex_unlock(&cache->lock);
    free_entries(dropped);
}

void cache_clear(struct cache *cache)
{
    drop_all(cache, false, 0);
}

void cache_sweep(struct cache *cache, struct clock now)
{
    drop_all(cache, true, now.ms - CACHE_IDLE_MS);
}

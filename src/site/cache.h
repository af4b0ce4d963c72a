/* cache - a bounded, shared store of what paths mean.
 *
 * Maps a request's path to the representation it is answered with.  By path and not by file name,
 * so that "/about" is answered from memory though it means about.html; the representation
 * remembers the file.  Bounded by memory and by number of entries (large files are open
 * descriptors); when full, what was not asked for lately goes (second chance).  One mutex, held
 * for a look-up and never while a file is touched, a peer is written to or memory is freed. */
#ifndef SITE_CACHE_H
#define SITE_CACHE_H

#include "base/clock.h"
#include "http/negotiate.h"
#include "site/representation.h"

struct cache;

enum {
    CACHE_CHECK_MS = 100,       /* an entry is compared with the disk at most this often... */
    CACHE_TRUST_MS = 200,       /* ...and is not used without a comparison after this */
    CACHE_IDLE_MS  = 10000,     /* a descriptor is not kept open for longer when nobody asks */
};

/* A path, whether it was asked for with a "/" behind, and in which coding.  Borrowed. */
struct cache_key {
    struct str  path;
    bool        is_directory;
    enum coding coding;
};

/* NULL when there is no memory (or no randomness: peers choose paths, so the hash is keyed). */
struct cache *cache_new(size_t bytes_max, size_t entries_max) MUST_USE;
void          cache_free(struct cache *cache);

/* What is known of `key`: a reference of the caller's, or NULL.  *needs_check: more than
 * CACHE_CHECK_MS have gone since the last comparison, and it is this caller's turn to make one.
 * The others go on with what there is, until CACHE_TRUST_MS have gone: then everyone compares. */
struct representation *cache_get(struct cache *cache, struct cache_key key, struct clock now,
                                 bool *needs_check) MUST_USE;

/* The comparison, begun at `now`, found `checked` unchanged. */
void cache_confirm(struct cache *cache, struct cache_key key, const struct representation *checked,
                   struct clock now);

/* Keeps `made` (with a reference of its own) in place of what was there; `now` is from before it
 * was read.  False: not kept, which is no failure: too large for the cache, older than what is there,
 * or no memory. */
bool cache_put(struct cache *cache, struct cache_key key, struct representation *made,
               struct clock now);

/* If there were nothing else in it, one like this could be kept and another beside it. */
bool cache_has_room(const struct cache *cache, const struct representation *made) MUST_USE;

/* Forgets `key` if it still means `stale`. */
void cache_drop(struct cache *cache, struct cache_key key, const struct representation *stale);

void cache_clear(struct cache *cache);

/* Lets go of descriptors that nobody asked for lately: an open file that has been removed keeps its
 * place on the disk. */
void cache_sweep(struct cache *cache, struct clock now);

#endif

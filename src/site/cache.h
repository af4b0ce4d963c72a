/* cache - a bounded, shared store of what names mean.
 *
 * Maps a file name beneath the root to its representation.  Bounded by memory and by number of entries (large
 * files are open descriptors); when full, what was not asked for lately goes (second chance).
 * One mutex, held for a look-up and never while a file is touched or a peer is written to. */
#ifndef SITE_CACHE_H
#define SITE_CACHE_H

#include "base/clock.h"
#include "site/representation.h"

struct cache;

enum { CACHE_CHECK_MS = 100 };      /* an entry is compared with the disk at most this often */

struct cache *cache_new(size_t bytes_max, size_t entries_max) MUST_USE;
void          cache_free(struct cache *cache);

/* What is known of `name`: a reference of the caller's, or NULL.  *needs_check: more than
 * CACHE_CHECK_MS have gone since the last comparison, and it is this caller's turn to make one (others
 * go on with what there is). */
struct representation *cache_get(struct cache *cache, struct str name, struct clock now,
                                 bool *needs_check) MUST_USE;

/* The comparison found it unchanged. */
void cache_confirm(struct cache *cache, struct str name, const struct representation *checked,
                   struct clock now);

/* Keeps `made` (with a reference of its own) in place of what was there.  What is too large for the cache, or no memory: not
 * kept, which is no failure. */
void cache_put(struct cache *cache, struct str name, struct representation *made, struct clock now);

void cache_drop(struct cache *cache, struct str name);
void cache_clear(struct cache *cache);

#endif

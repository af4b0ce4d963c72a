/* twins - the codings of a page: from the cache, from the file beside it, or made.
 *
 * A page is its plain representation; a twin is the same in another coding, under the same key in the
 * cache but for the coding.  Every twin knows which version it is of, so that one of an older page is
 * never sent. */
#ifndef SITE_TWINS_H
#define SITE_TWINS_H

#include "site/cache.h"
#include "site/coder.h"

struct twins {
    struct root  *root;
    struct cache *cache;
    struct coder *coder;
};

/* BIT(coding) of those that `page` may be sent in just now, the plain one among them. */
unsigned twins_available(const struct twins *twins, struct representation *page) MUST_USE;

/* And of those that it may be sent in before long. */
unsigned twins_hoped_for(const struct twins *twins, struct representation *page) MUST_USE;

enum twin {
    TWIN_FOUND,             /* *twin is the caller's, with one reference */
    TWIN_NEEDS_WORK,        /* it has to be read, or asked for; with leave to block */
    TWIN_ABSENT,            /* not just now, and perhaps never */
};

/* The twin that `key` names, if that can be said without blocking. */
enum twin twins_look(const struct twins *twins, struct cache_key key, struct representation *page,
                     struct clock now, struct representation **twin) MUST_USE;

/* The same, and if need be from the disk, or from the coder, which is waited for that long. */
enum twin twins_find(const struct twins *twins, struct cache_key key, struct representation *page,
                     struct clock now, int64_t wait_ms, struct representation **twin) MUST_USE;

#endif

/* slab - where connections live: slots reserved once, never unmapped.
 *
 * The reserve is address space; memory is taken as slots are first used, and the slot freed last
 * is used first, so few connections touch few pages.  A slot is a struct conn; an event that comes
 * late finds one that is free, or another's, but never unmapped memory. */
#ifndef SERVER_SLAB_H
#define SERVER_SLAB_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/str.h"

struct conn;

struct slab {
    struct conn    *slots;
    size_t          max;
    atomic_size_t   touched;        /* slots that were ever used: no scan need go further */
    atomic_size_t   open;           /* in use now */
    pthread_mutex_t mutex;          /* guards the free list, and both counts when they change */
    struct conn    *free;
};

bool slab_open(struct slab *slab, size_t max) MUST_USE;     /* false with errno */
void slab_close(struct slab *slab);

/* A slot that is the caller's: its source is RUNNING.  NULL when no more than `spared` are left. */
struct conn *slab_take(struct slab *slab, size_t spared) MUST_USE;

/* Back: the caller owned it, and its source becomes FREE. */
void slab_give(struct slab *slab, struct conn *conn);

static inline size_t slab_count_open(struct slab *slab)
{
    return atomic_load_explicit(&slab->open, memory_order_relaxed);
}

#endif

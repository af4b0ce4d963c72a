/* timers - who asked to be called later, the nearest first.
 *
 * A binary heap with a place for every connection there can be, taken once at start, so that a wait
 * costs no memory.  A timer belongs to who waits, and must be unset before it goes.  One that never
 * comes due (CLOCK_NEVER) stands in the heap all the same: whoever waits is in there. */
#ifndef SERVER_TIMERS_H
#define SERVER_TIMERS_H

#include <pthread.h>
#include <stdint.h>

#include "base/str.h"

struct timer {
    int64_t due_ms;             /* monotonic */
    size_t  place;              /* in the heap, counted from 1; 0: it is not set */
};

struct timers {
    pthread_mutex_t mutex;      /* guards everything below, and every timer */
    struct timer  **heap;       /* heap[1 .. count]; a parent is never due after its children */
    size_t          count, max;
    /* Called with the mutex held for a timer that has come due and is not set any more: wake its
     * owner.  Must not call back. */
    void (*on_due)(struct timer *timer, void *context);
    void *context;
};

/* For up to `max` timers at a time.  False with errno. */
bool timers_open(struct timers *timers, size_t max, void (*on_due)(struct timer *, void *),
                 void *context) MUST_USE;
void timers_close(struct timers *timers);       /* what was never opened is fine, when zero */

/* Sets it, or sets it anew.  True: it is the nearest now, so who sleeps until the nearest is due has
 * to be called. */
bool timers_set(struct timers *timers, struct timer *timer, int64_t due_ms) MUST_USE;

/* Takes it out; one that is not set is fine.  When this returns, nobody looks at it any more. */
void timers_unset(struct timers *timers, struct timer *timer);

/* When the nearest is due; CLOCK_NEVER: none is. */
int64_t timers_next(struct timers *timers) MUST_USE;

/* Calls the owners of all that are due by now_ms; with CLOCK_NEVER, everybody's. */
void timers_fire(struct timers *timers, int64_t now_ms);

#endif

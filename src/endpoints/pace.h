/* pace - so many things, evenly over so long: the first at once, the last at the end.
 *
 * Says how many should have been done by now, and how long it is to the next.  Who was held up (a slow
 * client) has more than one to do then, and is on time again.  Pure. */
#ifndef ENDPOINTS_PACE_H
#define ENDPOINTS_PACE_H

#include <stdint.h>

#include "base/base.h"

struct pace {
    uint64_t count;         /* 1 or more; with duration_ms their product fits 63 bits */
    int64_t  duration_ms;
};

/* Of its things, how many are due so long after the beginning: 1 to all. */
uint64_t pace_due(const struct pace *pace, int64_t elapsed_ms) MUST_USE;

/* Milliseconds, at least 1, until there is one more than those that are due. */
int64_t pace_wait_ms(const struct pace *pace, int64_t elapsed_ms) MUST_USE;

enum { PACED_TICK_MS = 10 };     /* as often at most he comes who keeps count: with a thousand such things in
                                  * a second each of them would be a system call and a packet */

/* The same for who keeps count. */
struct paced {
    struct pace pace;
    uint64_t    done;           /* for the caller to add to */
    int64_t     began_ms;       /* 0: not yet */
};

/* How many are due and not done; the first call is the beginning. */
uint64_t paced_owed(struct paced *paced, int64_t now_ms) MUST_USE;

/* How long it is until one is owed, or several that come close together; 0: there is one now. */
int64_t paced_wait_ms(const struct paced *paced, int64_t now_ms) MUST_USE;

#endif

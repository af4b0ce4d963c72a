/* pace - so many things, evenly over so long: the first at once, the last at the end.
 *
 * Says how many should have been done by now, and how long it is to the next.  Who was held up (by a slow
 * client) has more than one to do then, and is on time again.  Pure: the time is an argument. */
#ifndef ENDPOINTS_PACE_H
#define ENDPOINTS_PACE_H

#include <stdint.h>

#include "base/base.h"

struct pace {
    uint64_t count;             /* 1 or more; its product with duration_ms fits 64 bits */
    int64_t  duration_ms;
    uint64_t done;              /* for the caller to add to */
    int64_t  began_ms;          /* 0: not yet */
};

/* How many are due and not done; the first call is the beginning. */
uint64_t pace_owed(struct pace *pace, int64_t now_ms) MUST_USE;

/* How long it is until one is owed; 0: there is.  Not to be asked once all are done. */
int64_t pace_wait_ms(const struct pace *pace, int64_t now_ms) MUST_USE;

#endif

/* clock - what time it is, asked once per turn and handed down.
 *
 * Two times: a monotonic one, for deadlines, which nobody can set back; and the wall's, for
 * Date fields and logs.  Modules take a `struct clock` as an argument instead of asking, so a
 * test turns it by hand. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t ms;             /* monotonic, milliseconds since some start */
    int64_t wall_s;         /* seconds since 1970-01-01 00:00 UTC */
};

/* A deadline that never comes. */
#define CLOCK_NEVER INT64_MAX

/* Both times, to within a few milliseconds (the kernel's coarse clocks). */
struct clock clock_now(void);

/* Monotonic microseconds, exact: for durations in the log. */
int64_t clock_us(void);

#endif

/* outlet - lines on their way to one descriptor that may be slow, stuck, closed or full.
 *
 * A bounded ring of bytes and an account of what was lost.  It borrows the ring's memory and the
 * descriptor; it has no lock and no thread, which are the courier's.  Never blocks, but on a
 * terminal that is stopped in the middle of a write. */
#ifndef BASE_OUTLET_H
#define BASE_OUTLET_H

#include <limits.h>
#include <sys/types.h>

#include "base/str.h"

struct outlet {
    int      fd;
    char    *ring;              /* bytes [start, start + len) of it are waiting, round the edge */
    size_t   size;
    size_t   start;
    size_t   len;
    bool     gone;              /* closed, or its reader left: lines vanish, nobody wants them */
    bool     failing;           /* the last write failed */
    uint64_t lost;              /* lines */
    uint64_t untold;            /* lines; of these, not spoken of yet */
};

/* Looks at the descriptor.  A closed one is replaced by /dev/null: its number would soon be a
 * client's connection, and lines would be written to that. */
void outlet_begin(struct outlet *outlet);

/* As many of the whole lines as there is room for, the first ones; the others are lost, and so is
 * a last one without its end. */
void outlet_put(struct outlet *outlet, struct str lines);

/* What to write next, copied into `room`: whole lines where that is possible, so that others who
 * write there do not cut ours in two.  Empty when nothing is waiting. */
struct str outlet_peek(const struct outlet *outlet, char room[static PIPE_BUF]) MUST_USE;

/* Drops the first `count` bytes, as they were written or never will be. */
void outlet_drop(struct outlet *outlet, size_t count);

/* Gives up what is waiting: all of it is lost. */
void outlet_abandon(struct outlet *outlet);

void outlet_lose(struct outlet *outlet, struct str lines);

/* Enough is waiting that taking a nap is out of place. */
bool outlet_is_pressing(const struct outlet *outlet) MUST_USE;

/* One write of at most PIPE_BUF bytes, once `fd` is ready, for which it waits `wait_ms`.  -1 with
 * errno when it failed; EAGAIN when it was not ready. */
ssize_t outlet_write(int fd, struct str bytes, int wait_ms) MUST_USE;

#endif

/* permit - the right to block.
 *
 * Work that may block (a handler, a file that is not in the cache) runs only with a permit, and
 * there are always fewer permits than workers, so some worker is always free for what can be
 * answered at once.  Who gets none waits in line; a permit that comes back goes to the first in
 * line, handed over rather than put up for grabs, so nobody overtakes.
 *
 * There are two lines, because a file takes moments and a handler may sleep: brief work goes
 * first, and once there are two permits, long work never takes the last one.
 *
 * Owns nothing but its mutex; tickets belong to those who wait. */
#ifndef SERVER_PERMIT_H
#define SERVER_PERMIT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/list.h"

enum permit_kind { PERMIT_BRIEF, PERMIT_LONG, PERMIT_KINDS };
enum ticket_state { TICKET_NONE, TICKET_WAITING, TICKET_GRANTED };

struct ticket {
    struct list       link;
    enum permit_kind  kind;
    enum ticket_state state;        /* guarded by the mutex of the permits */
    int64_t           since_ms;     /* when it began to wait */
};

#define TICKET_FRESH(of_kind) \
    ((struct ticket){.link = LIST_NONE, .kind = (of_kind), .state = TICKET_NONE})

struct permits {
    pthread_mutex_t mutex;
    unsigned        total;
    unsigned        taken;
    unsigned        taken_long;
    struct list     lines[PERMIT_KINDS];
    unsigned        waiting;
    /* Called with the mutex held when a ticket that waited is granted: wake its owner.  Must not
     * call back. */
    void (*granted)(struct ticket *ticket, void *context);
    void *context;
};

void permits_init(struct permits *permits, unsigned total,
                  void (*granted)(struct ticket *, void *), void *context);

/* True: the caller has a permit.  False: the ticket waits in line from `now_ms` on (or goes on
 * waiting). */
bool permits_take(struct permits *permits, struct ticket *ticket, int64_t now_ms) MUST_USE;

/* Gives a permit back or leaves the line, whichever fits; a ticket that has neither is fine. */
void permits_leave(struct permits *permits, struct ticket *ticket);

/* Sets how many there are.  More: those in line get them.  Fewer: as they come back. */
void permits_resize(struct permits *permits, unsigned total);

/* How many tickets wait, and since when the longest one does (CLOCK_NEVER: none). */
unsigned permits_waiting(struct permits *permits, int64_t *since_ms);

/* Nobody waits and at least `spare` permits are not in use. */
bool permits_has_spare(struct permits *permits, unsigned spare) MUST_USE;

#endif

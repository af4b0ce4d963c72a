/* queue - the shared ready queue: who can go on, and who may run it.
 *
 * One epoll instance, edge-triggered, that all workers wait on; and a wake list, for sources
 * whose sockets are silent but which can go on all the same.
 *
 * A *source* is one thing that can become ready.  Exactly one thread runs it at a time, which
 * is decided by one atomic state, changed by compare-exchange only:
 *
 *     FREE      no connection lives here; events about it are late and mean nothing
 *     IDLE      nobody runs it                  IDLE -> RUNNING      claims it
 *     RUNNING   somebody does                   RUNNING -> NOTIFIED  an event met its owner
 *     NOTIFIED  somebody does, and must look    RUNNING -> IDLE      lets go; fails when NOTIFIED:
 *               again before letting go                              the owner runs again
 *
 * So no event is lost, and no lock is held.  Sources are never unmapped: an event that comes late,
 * for a source that was freed or serves another connection by now, does no harm (at worst a turn
 * that finds nothing to do). */
#ifndef NET_QUEUE_H
#define NET_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "base/str.h"

enum claim { CLAIM_FREE, CLAIM_IDLE, CLAIM_RUNNING, CLAIM_NOTIFIED };
enum source_kind { SOURCE_CONNECTION, SOURCE_LISTENER };

struct source {
    atomic_uchar     claim;         /* enum claim */
    atomic_bool      hang_up;       /* an event said that the peer has gone or half closed: from
                                     * here on a short read does not mean "no more" */
    unsigned char    kind;
    bool             is_woken;      /* in the wake list; guarded by the queue's mutex */
    struct list      wake_link;     /* guarded by the queue's mutex */
};

void source_init(struct source *source, enum source_kind kind);

/* FREE becomes RUNNING: the caller owns a source that is new. */
void source_start(struct source *source);

/* An event came.  True: it was IDLE and is the caller's now.  False: it is somebody else's,
 * who has been notified, or nobody's. */
bool source_claim(struct source *source) MUST_USE;

/* True: it was IDLE and is the caller's now.  Nobody is notified otherwise. */
bool source_claim_if_idle(struct source *source) MUST_USE;

/* True: it is nobody's now and the caller must not touch what it guards.  False: an event came
 * meanwhile; the caller still owns it and has to look again. */
bool source_let_go(struct source *source) MUST_USE;

/* The owner gives it up for good. */
void source_free(struct source *source);

struct queue {
    int             epoll_fd;
    int             wake_fd;
    pthread_mutex_t mutex;          /* guards the list and every source's wake fields */
    struct list     woken;
};

#define QUEUE_NONE ((struct queue){.epoll_fd = -1, .wake_fd = -1})

bool queue_open(struct queue *queue) MUST_USE;      /* false with errno */
void queue_close(struct queue *queue);

/* Reports from now on when `fd` gets readable (and, `writable`, when it gets writable), and once
 * at once if it is.  Closing the descriptor takes it out.  False with errno. */
bool queue_add(struct queue *queue, int fd, struct source *source, bool writable) MUST_USE;

/* Changes what is reported, and reports once more if it is so already: how a source that used up
 * its budget goes to the back of the queue. */
bool queue_rearm(struct queue *queue, int fd, struct source *source, bool writable) MUST_USE;

/* Makes `source` ready whatever its socket says.  Any thread; twice is the same as once. */
void queue_wake(struct queue *queue, struct source *source);

/* Takes a source that is no more off the wake list. */
void queue_forget(struct queue *queue, struct source *source);

/* Makes one waiting thread return with nothing.  Safe in a signal handler. */
void queue_nudge(struct queue *queue);

/* Waits up to timeout_ms (-1: for ever) and gives up to `max` sources that an event came for; what
 * hang_up says of them is up to date.  None are claimed.  0 at the timeout or after a nudge. */
size_t queue_wait(struct queue *queue, struct source *ready[], size_t max, int timeout_ms) MUST_USE;

#endif

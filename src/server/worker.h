/* worker - a thread that runs connections, and its spare things.
 *
 * The keeper of the house has one too, without a thread of its own, to answer those whose time
 * is over. */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "net/listener.h"
#include "server/moment.h"
#include "server/connection.h"

enum {
    WORKER_BATCH     = 8,           /* events taken at once */
    WORKER_SPARE_MAX = 8,           /* work blocks kept */
    WORKER_LINES_MAX = 64 * 1024,   /* bytes of log lines before they are handed on */
};

struct worker {
    struct wherry_server *server;
    struct moment         moment;
    struct work          *spare;
    unsigned              spare_count;
    struct buf            lines;            /* access log lines not handed on yet */
    struct source        *batch[WORKER_BATCH];
    size_t                batch_at, batch_end;
    struct listener      *accepting;        /* the listener whose newcomers it is taking in */
    pthread_t             thread;
    atomic_bool           has_ended;        /* the thread: it can be joined */
};

void worker_init(struct worker *worker, struct wherry_server *server);
void worker_fini(struct worker *worker);

/* The thread: runs what is ready until the pool wants it to end. */
void *worker_main(void *worker);

/* Takes in newcomers of a listener and runs each once (the keeper only puts them into the queue).
 * True: it took as many as it may at once, and there may be more. */
bool worker_accept(struct worker *worker, struct listener *listener) MUST_USE;

/* About to block: gives back what it took from the queue and has not begun, hands on its log
 * lines, so that nobody waits for it. */
void worker_step_aside(struct worker *worker);

/* Hands on the log lines. */
void worker_flush(struct worker *worker);

/* A work block, ready for a connection; NULL when there is no memory. */
struct work *worker_lend(struct worker *worker) MUST_USE;
void         worker_return(struct worker *worker, struct work *work);

#endif

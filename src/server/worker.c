#include "server/worker.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "server/server.h"
#include "server/turn.h"

enum { ACCEPT_MAX = 64 };           /* newcomers taken in at once */

void worker_init(struct worker *worker, struct wherry_server *server)
{
    *worker = (struct worker){
        .server = server, .moment = MOMENT_NONE, .lines = BUF_UP_TO(WORKER_LINES_MAX)};
    moment_refresh(&worker->moment);
}

void worker_fini(struct worker *worker)
{
    struct work *work = worker->spare;

    while (work) {
        struct work *next = work->next;

        work_fini(work);
        free(work);
        work = next;
    }
    worker->spare = NULL;
    buf_fini(&worker->lines);
}

/* ---- what connections borrow ---------------------------------------------------------- */

struct work *worker_lend(struct worker *worker)
{
    struct work *work = worker->spare;

    if (work) {
        worker->spare = work->next;
        worker->spare_count--;
        return work;
    }
    work = malloc(work_size(&worker->server->settings));
    if (work)
        work_init(work, &worker->server->settings);
    return work;
}

void worker_return(struct worker *worker, struct work *work)
{
    exchange_reset(&work->exchange);
    work->conn = NULL;
    work->start = work->end = work->seen = 0;
    if (worker->spare_count == WORKER_SPARE_MAX) {
        work_fini(work);
        free(work);
        return;
    }
    work->next = worker->spare;
    worker->spare = work;
    worker->spare_count++;
}

void worker_flush(struct worker *worker)
{
    if (worker->lines.len)
        log_print(buf_view(&worker->lines));
    buf_reset(&worker->lines);
}

/* What is wanting now will be there again, and nothing tells us when: the keeper tries a little
 * later. */
static void let_the_keeper_ask(struct wherry_server *server)
{
    if (!atomic_exchange(&server->is_exhausted, true))
        server_call_keeper(server);
}

/* An edge-triggered listener does not speak of the rest of its backlog again by itself. */
static void ask_again(struct worker *worker, struct listener *listener)
{
    if (!queue_rearm(&worker->server->queue, listener->fd, &listener->source, false))
        let_the_keeper_ask(worker->server);
}

void worker_step_aside(struct worker *worker)
{
    struct queue *queue = &worker->server->queue;

    while (worker->batch_at < worker->batch_end) {
        struct source *source = worker->batch[worker->batch_at++];

        if (source->kind == SOURCE_CONNECTION)
            queue_wake(queue, source);
        else
            ask_again(worker, CONTAINER_OF(source, struct listener, source));
    }
    if (worker->accepting)
        ask_again(worker, worker->accepting);
    worker->accepting = NULL;
    pool_pass_on(&worker->server->pool, worker->server);
    worker_flush(worker);
}

/* ---- newcomers ------------------------------------------------------------------------ */

static void take_in(struct worker *worker, struct conn *conn)
{
    struct wherry_server *server = worker->server;

    /* Those who run the server get in when nobody else does. */
    if (slab_count_open(&server->slab) > server->settings.connections_max &&
        !turn_is_for_admin(conn) && !server_evict(server, worker))
        conn_turn_away(conn, worker);
    else if (worker == &server->keeper)
        conn_park(conn, worker);
    else
        conn_run(conn, worker);
}

/* One newcomer.  While it has no slot yet, it is counted: a server that ends waits for it. */
static enum accepted accept_one(struct worker *worker, struct listener *listener,
                                struct conn **conn)
{
    struct wherry_server *server = worker->server;
    enum accepted         accepted;
    struct peer           peer;
    int                   fd;

    *conn = NULL;
    atomic_fetch_add(&server->taking_in, 1);
    accepted = listener_accept(listener, &fd, &peer);
    if (accepted == ACCEPTED) {
        moment_refresh(&worker->moment);
        *conn = server_is_admin(server, listener)
                    ? conn_open_admin(server, fd, &peer, worker->moment.now)
                    : conn_open(server, fd, &peer, listener->is_tls, worker->moment.now);
        if (*conn)
            (*conn)->fault = listener->fault;
        else
            close(fd);
    }
    atomic_fetch_sub(&server->taking_in, 1);
    return accepted;
}

bool worker_accept(struct worker *worker, struct listener *listener)
{
    struct wherry_server *server = worker->server;
    struct conn          *conn;

    for (int i = 0; i < ACCEPT_MAX; i++) {
        switch (accept_one(worker, listener, &conn)) {
        case ACCEPTED:
            if (conn)
                take_in(worker, conn);
            continue;
        case ACCEPT_AGAIN:
            continue;
        case ACCEPT_EXHAUSTED:
            if (server_evict(server, worker))
                continue;
            let_the_keeper_ask(server);
            return false;
        case ACCEPT_EMPTY:
            return false;
        }
    }
    return true;
}

/* ---- the thread ----------------------------------------------------------------------- */

static void greet(struct worker *worker, struct listener *listener)
{
    worker->accepting = listener;
    if (worker_accept(worker, listener) && worker->accepting)
        ask_again(worker, listener);
    worker->accepting = NULL;
}

static void run(struct worker *worker, struct source *source)
{
    if (source->kind == SOURCE_LISTENER)
        greet(worker, CONTAINER_OF(source, struct listener, source));
    else if (source_claim(source))
        conn_run(CONTAINER_OF(source, struct conn, source), worker);
}

static void run_batch(struct worker *worker)
{
    while (worker->batch_at < worker->batch_end)
        run(worker, worker->batch[worker->batch_at++]);
    worker_flush(worker);
}

void *worker_main(void *argument)
{
    struct worker        *worker = argument;
    struct wherry_server *server = worker->server;

    while (!pool_ends_one(&server->pool, server)) {
        worker->batch_at = 0;
        worker->batch_end = queue_wait(&server->queue, worker->batch, WORKER_BATCH, -1);
        moment_refresh(&worker->moment);
        run_batch(worker);
    }
    atomic_store(&worker->has_ended, true);
    server_call_keeper(server);
    return NULL;
}

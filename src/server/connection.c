#include "server/connection.h"

#include "http/head.h"
#include "server/server.h"
#include "server/turn.h"

/* ---- running it ----------------------------------------------------------------------- */

/* Tells the queue what to report.  A turn that ran out of budget asks for room to write, which
 * there is or will be, so that the queue reports it again even when what is left to do lies in
 * our own buffer. */
static bool put_into_queue(struct conn *conn, bool again, bool needs_output)
{
    struct queue *queue = &conn->server->queue;
    bool          changes = (needs_output || again) && !conn->wants_output;

    conn->wants_output |= needs_output || again;
    if (!conn->is_queued) {
        conn->is_queued = true;
        return queue_add(queue, conn->transport.fd, &conn->source, conn->wants_output);
    }
    if (changes || again)
        return queue_rearm(queue, conn->transport.fd, &conn->source, conn->wants_output);
    return true;
}

/* From now on; but a handshake has achieved nothing before its end, however many bytes of it trickle
 * in, and counts as idle from its beginning. */
static int64_t idle_from(const struct conn *conn, struct clock now)
{
    if (conn->state != CONN_HANDSHAKE)
        return now.ms;
    return atomic_load_explicit(&conn->deadline_ms, memory_order_relaxed) -
           turn_settings(conn)->tls.handshake_timeout_ms;
}

/* Idle between requests, or not heard from yet: needs no buffers and may be closed for want of
 * room. */
static void rest(struct conn *conn, struct worker *worker)
{
    if ((conn->state != CONN_READ_HEAD && conn->state != CONN_HANDSHAKE) ||
        work_input_len(conn->work) != 0)
        return;
    transport_rest(&conn->transport);
    worker_return(worker, conn->work);
    conn->work = NULL;
    atomic_store_explicit(&conn->idle_since_ms, idle_from(conn, worker->moment.now),
                          memory_order_relaxed);
}

static void conn_finish(struct conn *conn, struct worker *worker)
{
    struct wherry_server *server = conn->server;
    bool                  is_watched = turn_is_draining(conn); /* the slot is another's soon */

    if (conn->work) {
        turn_stop_waiting(conn);
        permits_leave(&server->permits, &conn->work->ticket);
        worker_return(worker, conn->work);
        conn->work = NULL;
    }
    transport_close(&conn->transport);
    atomic_store_explicit(&conn->deadline_ms, CLOCK_NEVER, memory_order_relaxed);
    atomic_store_explicit(&conn->idle_since_ms, CLOCK_NEVER, memory_order_relaxed);
    queue_forget(&server->queue, &conn->source);
    slab_give(&server->slab, conn);
    if (is_watched)
        server_call_keeper(server);
}

static bool get_to_work(struct conn *conn, struct worker *worker)
{
    if (atomic_load_explicit(&conn->idle_since_ms, memory_order_relaxed) != CLOCK_NEVER)
        atomic_store_explicit(&conn->idle_since_ms, CLOCK_NEVER, memory_order_relaxed);
    if (!conn->work) {
        conn->work = worker_lend(worker);
        if (conn->work)
            conn->work->conn = conn;
    }
    conn->is_drained = false;
    return conn->work != NULL;
}

/* An event that comes meanwhile makes it go on with what is left of its budget; the worker has
 * others to run. */
void conn_run(struct conn *conn, struct worker *worker)
{
    struct turn turn = {.worker = worker, .bytes = TURN_BYTES, .requests = TURN_REQUESTS};

    do {
        enum step step;

        if (!get_to_work(conn, worker)) {
            conn_finish(conn, worker);
            return;
        }
        turn.needs_output = false;
        step = turn_run(conn, &turn);
        if (conn->state == CONN_CLOSED ||
            !put_into_queue(conn, step == STEP_AGAIN, turn.needs_output)) {
            conn_finish(conn, worker);
            return;
        }
        /* Not at rest: what it said next may lie in OpenSSL, where nobody sees it. */
        if (step == STEP_AGAIN) {
            conn_leave(conn);
            return;
        }
        rest(conn, worker);
    } while (!source_let_go(&conn->source));
}

/* ---- from outside --------------------------------------------------------------------- */

static struct conn *open_one(struct wherry_server *server, int fd, const struct peer *peer,
                             bool is_secure, bool is_admin, struct clock now)
{
    struct conn *conn = slab_take(&server->slab, is_admin ? 0 : CONN_ADMIN_RESERVE);

    if (!conn)
        return NULL;
    if (!atomic_load_explicit(&server->is_visited, memory_order_relaxed))
        atomic_store_explicit(&server->is_visited, true, memory_order_relaxed);
    conn->transport = transport_plain(fd);
    conn->server = server;
    conn->work = NULL;
    conn->peer = *peer;
    conn->state = is_secure ? CONN_HANDSHAKE : CONN_READ_HEAD;
    conn->wait = WAIT_NOTHING;
    conn->fault = TLS_FAULT_NONE;
    conn->is_secure = is_secure;
    atomic_store_explicit(&conn->is_admin, is_admin, memory_order_relaxed);
    conn->is_queued = conn->wants_output = conn->is_drained = false;
    conn->has_served = conn->must_close = conn->must_linger = false;
    atomic_store_explicit(&conn->idle_since_ms, CLOCK_NEVER, memory_order_relaxed);
    if (is_secure)
        turn_wait(conn, WAIT_HANDSHAKE, server->settings.tls.handshake_timeout_ms, now);
    else
        turn_wait(conn, WAIT_HEAD, server->settings.head_timeout_ms, now);
    return conn;
}

struct conn *conn_open(struct wherry_server *server, int fd, const struct peer *peer, bool is_secure,
                       struct clock now)
{
    return open_one(server, fd, peer, is_secure, false, now);
}

struct conn *conn_open_admin(struct wherry_server *server, int fd, const struct peer *peer,
                             struct clock now)
{
    return open_one(server, fd, peer, false, true, now);
}

void turn_forget_request(struct request *request)
{
    request->method = METHOD_UNKNOWN;
    request->method_name = request->raw_target = (struct str){NULL, 0};
    request->minor = 1;
    fields_reset(&request->fields);
}

/* Ends with this answer, whatever was going on; what follows never runs a handler. */
static void conn_answer(struct conn *conn, struct worker *worker, struct refusal refusal)
{
    struct turn turn = {.worker = worker};

    if (!get_to_work(conn, worker)) {
        conn_finish(conn, worker);
        return;
    }
    if (conn->state == CONN_READ_HEAD) {
        turn_forget_request(&conn->work->exchange.request);
        turn_start_clock(&conn->work->exchange, &turn);
    }
    exchange_refuse(&conn->work->exchange, refusal);
    if (refusal.status == HTTP_UNAVAILABLE)
        head_field_u64(&conn->work->exchange.response.lines, STR("Retry-After"), CONN_BUSY_S);
    turn_close_gently(conn);
    turn_settle(conn, &turn, false);
    conn_run(conn, worker);
}

void conn_turn_away(struct conn *conn, struct worker *worker)
{
    if (conn->state == CONN_HANDSHAKE) {        /* which would cost more than an answer */
        conn_abort(conn, worker, NULL);
        return;
    }
    conn_answer(conn, worker,
                refuse(HTTP_UNAVAILABLE, "as many connections are open as there may be"));
}

void conn_leave(struct conn *conn)
{
    struct queue *queue = &conn->server->queue; /* once let go, the slot may be another's */
    bool          was_notified = false;

    while (!source_let_go(&conn->source))
        was_notified = true;
    if (was_notified)
        queue_wake(queue, &conn->source);
}

void conn_park(struct conn *conn, struct worker *worker)
{
    atomic_store_explicit(&conn->idle_since_ms, worker->moment.now.ms, memory_order_relaxed);
    if (put_into_queue(conn, false, false))
        conn_leave(conn);
    else
        conn_finish(conn, worker);
}

void conn_abort(struct conn *conn, struct worker *worker, const char *why)
{
    turn_give_up(conn, worker, why);
    conn_finish(conn, worker);
}

void conn_expire(struct conn *conn, struct worker *worker)
{
    switch ((enum conn_wait)conn->wait) {
    case WAIT_HANDSHAKE:
        turn_handshake_expired(conn);
        break;
    case WAIT_HEAD:
        /* Who said nothing at all is not told anything either: browsers open connections ahead
         * of need, and would take the 408 for the answer to their next request. */
        if (!conn->work)
            break;
        conn_answer(conn, worker, refuse(HTTP_REQUEST_TIMEOUT, "the head took too long"));
        return;
    case WAIT_BODY:
        if (conn->state == CONN_CONTINUE)
            break;
        conn_answer(conn, worker, refuse(HTTP_REQUEST_TIMEOUT, "the body took too long"));
        return;
    case WAIT_PERMIT:
        permits_leave(&conn->server->permits, &conn->work->ticket);
        conn_answer(conn, worker, refuse(HTTP_UNAVAILABLE, "every worker is busy"));
        return;
    case WAIT_WRITE:
        conn_abort(conn, worker, "the client took the answer too slowly");
        return;
    case WAIT_LINGER:
        if (!turn_is_still_leaving(conn))
            break;
        conn->wait = WAIT_NOTHING; /* until the time to drain is up */
        turn_wait(conn, WAIT_LINGER, CONN_LINGER_MS, worker->moment.now);
        conn_leave(conn);
        return;
    case WAIT_NEXT:
    case WAIT_STREAM:
    case WAIT_NOTHING:
        break;
    }
    conn_abort(conn, worker, NULL);
}

/* ---- what a connection borrows -------------------------------------------------------- */

static size_t input_size(const struct wherry_settings *settings)
{
    return settings->head_bytes_max + BODY_ROOM;
}

/* Of a body in memory: all of a short one, or what is gathered of a long one until some more comes. */
static size_t body_room(const struct wherry_settings *settings)
{
    uint64_t most = MIN_OF(settings->body_memory_max, (uint64_t)SIZE_MAX / 2);

    return (size_t)MAX_OF(most, (uint64_t)BODY_PIECE_BYTES) + input_size(settings);
}

size_t work_size(const struct wherry_settings *settings)
{
    return sizeof(struct work) + input_size(settings) + settings->target_bytes_max + 1;
}

void work_init(struct work *work, const struct wherry_settings *settings)
{
    work->conn = NULL;
    work->size = input_size(settings);
    work->path_room = work->input + work->size;
    work->start = work->end = work->seen = work->head_at = 0;
    work->is_answered = false;
    work->ticket = TICKET_FRESH(PERMIT_BRIEF);
    work->writer = (struct writer){.fd = -1};
    work->head = BUF_UP_TO(2 * RESPONSE_LINES_MAX);
    exchange_init(&work->exchange, body_room(settings));
    turn_forget_request(&work->exchange.request);
}

void work_fini(struct work *work)
{
    exchange_fini(&work->exchange);
    buf_fini(&work->head);
}

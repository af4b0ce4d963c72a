/* Steps that get an answer out: the handler, the bytes, and the end. */
#include "base/log.h"
#include "server/deadline.h"
#include "server/server.h"
#include "server/turn.h"

/* ---- the handler ---------------------------------------------------------------------- */

/* Runs the handler, with a permit. */
static void do_work(struct conn *conn, struct turn *turn)
{
    struct wherry_exchange *exchange = &conn->work->exchange;
    struct deadline         deadline;

    worker_step_aside(turn->worker);
    deadline_begin(&deadline, exchange, turn_settings(conn)->handler_timeout_ms);
    if (exchange->route->work(exchange, exchange->route->data) != WHERRY_ANSWER)
        exchange_fail(exchange);
    deadline_end(&deadline, exchange);
    moment_refresh(&turn->worker->moment);
}

/* The last of a spooled body is written first, with the permit of the handler. */
static enum step respond(struct conn *conn, struct turn *turn)
{
    struct refusal refusal = REFUSAL_NONE;

    if (conn->work->exchange.body.is_spooled)
        refusal = turn_write_body(conn, turn);
    if (is_refused(refusal))
        return turn_refuse(conn, turn, refusal);
    do_work(conn, turn);
    /* An error page may come from the disk: the permit is given back after that. */
    return turn_settle(conn, turn, true);
}

enum step step_respond(struct conn *conn, struct turn *turn)
{
    enum step step;

    if (conn->work->is_answered)
        return turn_settle(conn, turn, false);
    if (!turn_take_permit(conn, turn, &step))
        return step;
    step = respond(conn, turn);
    permits_leave(&conn->server->permits, &conn->work->ticket);
    return step;
}

/* ---- the bytes ------------------------------------------------------------------------ */

/* Something came behind the last request, or may have: closing on it would be a reset. */
static bool has_unread(const struct conn *conn)
{
    return work_input_len(conn->work) > 0 || !conn->is_drained;
}

static enum step finish_exchange(struct conn *conn, struct turn *turn)
{
    struct work *work = conn->work;
    bool         resets = work->exchange.response.resets;

    turn_log(conn, turn->worker);
    exchange_reset(&work->exchange);
    conn->has_served = true;
    conn->wait = WAIT_NOTHING;
    if (!conn->must_close) {
        turn_enter(conn, CONN_READ_HEAD);
    } else if (resets) {
        transport_cut(&conn->transport);
        turn_enter(conn, CONN_CLOSED);
    } else if (conn->must_linger || has_unread(conn)) {
        transport_shut(&conn->transport);
        turn_enter(conn, CONN_LINGER);
    } else {
        turn_enter(conn, CONN_CLOSED);
    }
    return STEP_ON;
}

static bool has_more_to_pull(const struct work *work)
{
    return work->exchange.stream.pull && !work->exchange.stream.has_ended;
}

static enum step pull_next(struct conn *conn)
{
    turn_enter(conn, CONN_STREAM);
    return STEP_ON;
}

enum step step_write(struct conn *conn, struct turn *turn)
{
    struct work *work = conn->work;
    enum written written = writer_step(&work->writer, &conn->transport, &turn->bytes);

    switch (written) {
    case WRITTEN_ALL:
        return has_more_to_pull(work) ? pull_next(conn) : finish_exchange(conn, turn);
    case WRITTEN_SOME:
    case WRITTEN_BLOCKED:
        turn_wait_for_progress(conn, WAIT_WRITE, work->writer.body_sent,
                               turn_settings(conn)->write_timeout_ms, turn_now(turn));
        turn->needs_output = true;
        return written == WRITTEN_SOME ? STEP_AGAIN : STEP_WAIT;
    case WRITTEN_GONE:
        return turn_give_up(conn, turn->worker, "the client went away");
    case WRITTEN_CUT:
        break;
    }
    log_warn("the file changed while it was sent", "path=\"%s\"",
             LOG_QUOTE(work->exchange.request.target.path));
    return turn_give_up(conn, turn->worker, "the file changed while it was sent");
}

/* ---- the end -------------------------------------------------------------------------- */

/* The kernel has all of the answer, the peer has not.  It goes on sending when we have closed, but
 * not when the host that we are, a container, has ended with us. */
bool turn_is_still_leaving(const struct conn *conn)
{
    return turn_is_draining(conn) && transport_unsent(&conn->transport) > 0;
}

/* Half closed: throws away what still comes, until the peer closes too. */
enum step step_linger(struct conn *conn, struct turn *turn)
{
    struct work *work = conn->work;

    turn_wait(conn, WAIT_LINGER, CONN_LINGER_MS, turn_now(turn));
    if (turn->bytes == 0)
        return STEP_AGAIN;
    work->start = work->end = 0;
    if (conn->is_drained)
        return STEP_WAIT;
    switch (turn_fill(conn, turn, 0)) {
    case IO_DONE:
        return STEP_ON;
    case IO_WANT_READ:
    case IO_WANT_WRITE:
        return STEP_WAIT;
    case IO_CLOSED:
        if (turn_is_still_leaving(conn))
            return STEP_WAIT;
        break;
    case IO_FAILED:
        break;
    }
    turn_enter(conn, CONN_CLOSED);
    return STEP_ON;
}

/* The steps of an answer that takes its time: one that is put off, and one that comes piece by piece. */
#include "base/log.h"
#include "server/server.h"
#include "server/turn.h"

bool turn_client_has_left(const struct conn *conn)
{
    if (!atomic_load(&conn->source.hang_up))
        return false;
    return transport_is_gone(&conn->transport) ||
           (conn->work->exchange.request.keep_alive && transport_has_ended(&conn->transport));
}

/* ---- waiting -------------------------------------------------------------------------- */

void turn_stop_waiting(struct conn *conn)
{
    struct stream *stream = &conn->work->exchange.stream;

    if (!stream->is_waiting)
        return;
    timers_unset(&conn->server->timers, &stream->timer);
    stream->is_waiting = false;
}

/* The keeper sleeps until the nearest is due, and has to hear of one that is nearer. */
static void set_timer(struct conn *conn)
{
    struct stream *stream = &conn->work->exchange.stream;

    if (!stream->is_waiting)
        transport_watch(&conn->transport);
    stream->is_waiting = true;
    if (timers_set(&conn->server->timers, &stream->timer, stream->due_ms))
        server_call_keeper(conn->server);
}

/* However long it takes: it is the handler's wish, and nobody waits for the peer. */
static enum step wait_for_stream(struct conn *conn, struct turn *turn)
{
    struct stream *stream = &conn->work->exchange.stream;

    if (turn_client_has_left(conn))
        return turn_give_up(conn, turn->worker, "the client went away");
    stream_rest(stream);
    transport_rest(&conn->transport);
    turn_wait(conn, WAIT_STREAM, CLOCK_NEVER - turn_now(turn).ms, turn_now(turn));
    set_timer(conn);
    /* The keeper may have called all that wait just before. */
    return stream_is_due(stream, turn_now(turn).ms, turn_is_draining(conn)) ? STEP_ON : STEP_WAIT;
}

/* ---- an answer that is put off --------------------------------------------------------- */

/* The turn's clock may be some milliseconds behind the exact one: nobody is to be answered too early. */
static int64_t exact_ms(const struct turn *turn)
{
    return MAX_OF(turn_now(turn).ms, clock_us() / 1000 + 1);
}

enum step turn_put_off(struct conn *conn, struct turn *turn)
{
    struct wherry_exchange *exchange = &conn->work->exchange;

    stream_put_off(&exchange->stream, exact_ms(turn), exchange->delay_ms);
    exchange->delay_ms = 0;
    turn_enter(conn, CONN_DELAY);
    return STEP_ON;
}

/* Settled as late as this, it has the date of its leaving, and knows whether the server stops. */
enum step step_delay(struct conn *conn, struct turn *turn)
{
    struct stream *stream = &conn->work->exchange.stream;

    if (!stream_is_due(stream, turn_now(turn).ms, turn_is_draining(conn)))
        return wait_for_stream(conn, turn);
    turn_stop_waiting(conn);
    stream_let_go(stream);
    return turn_settle(conn, turn, false);
}

/* ---- pulling -------------------------------------------------------------------------- */

/* What has not been begun can still be answered otherwise; else the connection is cut, before what
 * would make it look whole. */
static enum step break_off(struct conn *conn, struct turn *turn)
{
    struct work *work = conn->work;

    log_error("the stream of an answer broke off", "path=\"%s\"",
              LOG_QUOTE(work->exchange.request.target.path));
    if (work->writer.head.len > 0)
        return turn_refuse(conn, turn, refuse(HTTP_INTERNAL_ERROR, "the handler failed"));
    return turn_give_up(conn, turn->worker, "the stream of the answer broke off");
}

/* Asks for the next piece, of which an empty one is no reason to be asked again at once. */
static enum step pull(struct conn *conn, struct turn *turn)
{
    struct work      *work = conn->work;
    struct stream    *stream = &work->exchange.stream;
    enum wherry_pull  next = stream_pull(stream, &work->exchange, turn_now(turn).ms,
                                         turn_is_draining(conn));

    turn->bytes -= MIN_OF(turn->bytes, STREAM_PULL_COST + (stream->encoder ? stream->piece.len : 0));
    if (next == WHERRY_MORE && stream->piece.len == 0)
        turn->bytes = 0;
    if (next == WHERRY_BROKEN || !stream_frame(stream, &work->head, &work->writer))
        return break_off(conn, turn);
    turn_enter(conn, CONN_WRITE);
    return STEP_ON;
}

enum step step_stream(struct conn *conn, struct turn *turn)
{
    struct stream *stream = &conn->work->exchange.stream;

    if (!stream_is_due(stream, turn_now(turn).ms, turn_is_draining(conn)))
        return wait_for_stream(conn, turn);
    if (turn->bytes == 0) {
        turn_wait_for_progress(conn, WAIT_WRITE, conn->work->writer.body_sent,
                               turn_settings(conn)->write_timeout_ms, turn_now(turn));
        turn->needs_output = true;
        return STEP_AGAIN;
    }
    if (stream->is_waiting) {
        turn_stop_waiting(conn);
        conn->wait = WAIT_NOTHING;
    }
    return pull(conn, turn);
}

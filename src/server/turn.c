#include "server/turn.h"

#include "server/accesslog.h"
#include "server/selfcheck.h"
#include "server/server.h"

/* From each state, the states that may follow.  turn_enter() asserts it. */
static const unsigned followers[CONN_STATES_COUNT] = {
    [CONN_HANDSHAKE] = BIT(CONN_READ_HEAD) | BIT(CONN_CLOSED),
    [CONN_READ_HEAD] = BIT(CONN_CONTINUE) | BIT(CONN_READ_BODY) | BIT(CONN_RESPOND) |
                       BIT(CONN_DELAY) | BIT(CONN_WRITE) | BIT(CONN_STREAM) | BIT(CONN_CLOSED),
    [CONN_CONTINUE]  = BIT(CONN_READ_BODY) | BIT(CONN_CLOSED),
    [CONN_READ_BODY] = BIT(CONN_SPOOL) | BIT(CONN_RESPOND) | BIT(CONN_WRITE) | BIT(CONN_STREAM) |
                       BIT(CONN_CLOSED),
    [CONN_SPOOL]     = BIT(CONN_READ_BODY) | BIT(CONN_WRITE) | BIT(CONN_STREAM) | BIT(CONN_CLOSED),
    [CONN_RESPOND]   = BIT(CONN_DELAY) | BIT(CONN_WRITE) | BIT(CONN_STREAM) | BIT(CONN_CLOSED),
    [CONN_DELAY]     = BIT(CONN_WRITE) | BIT(CONN_STREAM) | BIT(CONN_CLOSED),
    [CONN_WRITE]     = BIT(CONN_READ_HEAD) | BIT(CONN_STREAM) | BIT(CONN_LINGER) | BIT(CONN_CLOSED),
    [CONN_STREAM]    = BIT(CONN_WRITE) | BIT(CONN_CLOSED),
    [CONN_LINGER]    = BIT(CONN_CLOSED),
    [CONN_CLOSED]    = 0,
};

void turn_enter(struct conn *conn, enum conn_state state)
{
    assert(followers[conn->state] & BIT(state));
    conn->state = (unsigned char)state;
}

/* ---- deadlines ------------------------------------------------------------------------ */

/* Sets the deadline when this wait begins; bytes that trickle do not move it. */
void turn_wait(struct conn *conn, enum conn_wait wait, int64_t in_ms, struct clock now)
{
    if (conn->wait == wait)
        return;
    conn->wait = (unsigned char)wait;
    atomic_store_explicit(&conn->deadline_ms, now.ms + in_ms, memory_order_relaxed);
}

/* The same for a body that moves: each PROGRESS_BYTES earn a new deadline. */
void turn_wait_for_progress(struct conn *conn, enum conn_wait wait, uint64_t moved,
                            int64_t in_ms, struct clock now)
{
    if (moved - conn->work->progress >= PROGRESS_BYTES) {
        conn->work->progress = moved;
        conn->wait = WAIT_NOTHING;
    }
    turn_wait(conn, wait, in_ms, now);
}

/* ---- input ---------------------------------------------------------------------------- */

/* Makes room behind the input by moving it down to `floor`, where what must stay ends. */
static void make_room(struct work *work, size_t floor)
{
    if (work_input_len(work) == 0) {
        work->start = work->end = floor;
    } else if (work->end == work->size) {
        memmove(work->input + floor, work->input + work->start, work_input_len(work));
        work->end = floor + work_input_len(work);
        work->start = floor;
    }
}

/* Reads what there is.  A read that took all there was need not be followed by another, unless the
 * peer has closed: then its end is still to be read (an edge tells of it only once). */
enum io turn_fill(struct conn *conn, struct turn *turn, size_t floor)
{
    struct work *work = conn->work;
    bool         hung_up = atomic_load(&conn->source.hang_up);
    size_t       room, got;
    enum io      io;

    make_room(work, floor);
    room = work->size - work->end;
    assert(room > 0);
    io = transport_read(&conn->transport, work->input + work->end, room, &got);
    work->end += got;
    turn->bytes -= MIN_OF(turn->bytes, got);
    turn->needs_output |= io == IO_WANT_WRITE;  /* TLS may have to answer before it can read on */
    conn->is_drained = io == IO_DONE && conn->transport.is_drained && !hung_up;
    return io;
}

/* ---- answering ------------------------------------------------------------------------ */

/* The connection cannot go on after this answer, and the peer may still be sending: it gets the
 * chance to read the answer before a reset could destroy it (RFC 9112 §9.6). */
void turn_close_gently(struct conn *conn)
{
    conn->must_close = true;
    conn->must_linger = true;
}

/* Turns what is filled in into bytes to write, or to ask for; when its time has come. */
enum step turn_settle(struct conn *conn, struct turn *turn, bool may_block)
{
    struct work          *work = conn->work;
    struct wherry_server *server = conn->server;
    struct answer_setting setting;

    if (work->exchange.delay_ms > 0)
        return turn_put_off(conn, turn);
    if (turn_is_draining(conn))
        turn_close_gently(conn);
    setting = (struct answer_setting){
        .date_line = str_view(turn->worker->moment.date_line),
        .error_page = turn_is_for_admin(conn) ? NULL : server->error_page,
        .error_data = server->error_data,
        .hsts_line = conn->transport.session ? str_view(server->hsts_line) : STR_NONE,
        .coding_bytes = &server->coding_bytes,
        .compress_min = server->settings.compress_bytes_min,
        .compresses = server->settings.compresses,
        .keep_alive = !conn->must_close,
        .may_block = may_block,
    };
    work->progress = 0;
    conn->wait = WAIT_NOTHING;
    if (!answer_settle(&work->exchange, &setting, &work->head, &work->writer)) {
        turn_enter(conn, CONN_CLOSED);
        return STEP_ON;
    }
    conn->must_close |= work->exchange.stream.framing == STREAM_UNTIL_CLOSE;
    if (work->exchange.response.is_raw)
        turn_close_gently(conn);
    turn_enter(conn, work->exchange.stream.pull ? CONN_STREAM : CONN_WRITE);
    return STEP_ON;
}

enum step turn_refuse(struct conn *conn, struct turn *turn, struct refusal refusal)
{
    exchange_refuse(&conn->work->exchange, refusal);
    turn_close_gently(conn);
    return turn_settle(conn, turn, false);
}

void turn_start_clock(struct wherry_exchange *exchange, const struct turn *turn)
{
    exchange->now = turn_now(turn);
    exchange->started_us = clock_us();
}

void turn_log(struct conn *conn, struct worker *worker)
{
    struct wherry_exchange *exchange = &conn->work->exchange;

    if (turn_is_for_admin(conn) ||
        selfcheck_is_question(&exchange->request, &conn->peer, conn->transport.fd))
        return;
    exchange->client = tls_client(&conn->transport);
    exchange->sent = conn->work->writer.body_sent;
    if (exchange->response.is_raw && exchange->sent == 0)
        exchange->response.status = HTTP_STATUS_NONE;
    accesslog_line(&worker->lines, turn_settings(conn)->access_log, &conn->peer, &worker->moment,
                   exchange, clock_us() - exchange->started_us);
    if (worker->lines.len > WORKER_LINES_MAX / 2)
        worker_flush(worker);
}

/* Ends an exchange that could not be finished. */
enum step turn_give_up(struct conn *conn, struct worker *worker, const char *why)
{
    if (conn->work && conn->state != CONN_HANDSHAKE && conn->state != CONN_READ_HEAD &&
        conn->state != CONN_LINGER) {
        if (why)
            conn->work->exchange.why = why;
        if (conn->state != CONN_WRITE && conn->state != CONN_STREAM)
            conn->work->exchange.response.status = HTTP_STATUS_NONE;
        /* RFC 9112 §8: what ends with the connection looks whole when it just ends. */
        if (conn->work->exchange.stream.pull &&
            conn->work->exchange.stream.framing == STREAM_UNTIL_CLOSE)
            transport_cut(&conn->transport);
        turn_log(conn, worker);
    }
    conn->state = CONN_CLOSED;      /* from any state */
    return STEP_ON;
}

/* ---- work that blocks ----------------------------------------------------------------- */

bool turn_take_permit(struct conn *conn, struct turn *turn, enum step *step)
{
    /* Nobody waits for this answer any more, and others wait for the permit. */
    if (atomic_load(&conn->source.hang_up) && transport_is_gone(&conn->transport)) {
        *step = turn_give_up(conn, turn->worker, "the client went away");
        return false;
    }
    if (permits_take(&conn->server->permits, &conn->work->ticket, turn_now(turn).ms))
        return true;
    turn_wait(conn, WAIT_PERMIT, turn_settings(conn)->wait_timeout_ms, turn_now(turn));
    server_call_keeper(conn->server);
    *step = STEP_WAIT;
    return false;
}

struct refusal turn_write_body(struct conn *conn, struct turn *turn)
{
    struct refusal refusal;

    worker_step_aside(turn->worker);
    refusal = body_write(&conn->work->exchange.body, &conn->server->spool);
    moment_refresh(&turn->worker->moment);
    return refusal;
}

/* ---- the loop ------------------------------------------------------------------------- */

/* Moves the connection as far as it can go without waiting. */
enum step turn_run(struct conn *conn, struct turn *turn)
{
    enum step step = STEP_ON;

    while (step == STEP_ON && conn->state != CONN_CLOSED) {
        switch ((enum conn_state)conn->state) { /* no default: the compiler counts the states */
        case CONN_HANDSHAKE: step = step_handshake(conn, turn); break;
        case CONN_READ_HEAD: step = step_read_head(conn, turn); break;
        case CONN_CONTINUE:  step = step_continue(conn, turn);  break;
        case CONN_READ_BODY: step = step_read_body(conn, turn); break;
        case CONN_SPOOL:     step = step_spool(conn, turn);     break;
        case CONN_RESPOND:   step = step_respond(conn, turn);   break;
        case CONN_DELAY:     step = step_delay(conn, turn);     break;
        case CONN_WRITE:     step = step_write(conn, turn);     break;
        case CONN_STREAM:    step = step_stream(conn, turn);    break;
        case CONN_LINGER:    step = step_linger(conn, turn);    break;
        case CONN_CLOSED:
        case CONN_STATES_COUNT: break;
        }
    }
    return step;
}

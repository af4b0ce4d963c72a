#include "server/connection.h"

#include "base/log.h"
#include "http/head.h"
#include "server/accesslog.h"
#include "server/server.h"

/* How a step ends. */
enum step {
    STEP_ON,                /* the state may have changed: go on */
    STEP_WAIT,              /* only the peer, or a permit, can bring it further */
    STEP_AGAIN,             /* the budget is used up: to the back of the queue */
};

struct turn {
    struct worker *worker;
    size_t         bytes;           /* what is left of the budget */
    unsigned       requests;
    bool           needs_output;    /* asks for the queue to report room to write */
};

/* From each state, the states that may follow.  conn_enter() asserts it. */
static const unsigned followers[CONN_STATES_COUNT] = {
    [CONN_READ_HEAD] = BIT(CONN_CONTINUE) | BIT(CONN_READ_BODY) | BIT(CONN_RESPOND) |
                       BIT(CONN_WRITE) | BIT(CONN_CLOSED),
    [CONN_CONTINUE]  = BIT(CONN_READ_BODY) | BIT(CONN_CLOSED),
    [CONN_READ_BODY] = BIT(CONN_RESPOND) | BIT(CONN_WRITE) | BIT(CONN_CLOSED),
    [CONN_RESPOND]   = BIT(CONN_WRITE) | BIT(CONN_CLOSED),
    [CONN_WRITE]     = BIT(CONN_READ_HEAD) | BIT(CONN_LINGER) | BIT(CONN_CLOSED),
    [CONN_LINGER]    = BIT(CONN_CLOSED),
    [CONN_CLOSED]    = 0,
};

static void conn_enter(struct conn *conn, enum conn_state state)
{
    assert(followers[conn->state] & BIT(state));
    conn->state = (unsigned char)state;
}

/* ---- deadlines ------------------------------------------------------------------------ */

/* Sets the deadline when this wait begins; bytes that trickle do not move it. */
static void wait_until(struct conn *conn, enum conn_wait wait, int64_t in_ms, struct clock now)
{
    if (conn->wait == wait)
        return;
    conn->wait = (unsigned char)wait;
    atomic_store_explicit(&conn->deadline_ms, now.ms + in_ms, memory_order_relaxed);
}

/* The same for a body that moves: each PROGRESS_BYTES earn a new deadline. */
static void wait_for_progress(struct conn *conn, enum conn_wait wait, uint64_t moved,
                              int64_t in_ms, struct clock now)
{
    if (moved - conn->work->progress >= PROGRESS_BYTES) {
        conn->work->progress = moved;
        conn->wait = WAIT_NOTHING;
    }
    wait_until(conn, wait, in_ms, now);
}

static struct clock turn_now(const struct turn *turn)
{
    return turn->worker->moment.now;
}

static const struct wherry_settings *settings_of(const struct conn *conn)
{
    return &conn->server->settings;
}

static bool is_draining(const struct conn *conn)
{
    return atomic_load_explicit(&conn->server->is_draining, memory_order_relaxed);
}

/* ---- input ---------------------------------------------------------------------------- */

static size_t input_len(const struct work *work)
{
    return work->end - work->start;
}

/* Makes room behind the input by moving it down to `floor`, where what must stay ends. */
static void make_room(struct work *work, size_t floor)
{
    if (input_len(work) == 0) {
        work->start = work->end = floor;
    } else if (work->end == work->size) {
        memmove(work->input + floor, work->input + work->start, input_len(work));
        work->end = floor + input_len(work);
        work->start = floor;
    }
}

/* Reads what there is.  A read that gives less than it could has emptied the socket, unless the
 * peer has closed: then its end is still to be read (an edge tells of it only once). */
static enum io fill(struct conn *conn, struct turn *turn, size_t floor)
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
    conn->is_drained = io == IO_DONE && got < room && !hung_up;
    return io;
}

/* ---- answering ------------------------------------------------------------------------ */

/* The connection cannot go on after this answer, and the peer may still be sending: it gets the
 * chance to read the answer before a reset could destroy it (RFC 9112 §9.6). */
static void close_gently(struct conn *conn)
{
    conn->must_close = true;
    conn->must_linger = true;
}

/* Turns what is filled in into bytes to write. */
static enum step settle(struct conn *conn, struct turn *turn, bool may_block)
{
    struct work          *work = conn->work;
    struct wherry_server *server = conn->server;
    struct answer_setting setting;

    if (is_draining(conn))
        close_gently(conn);
    setting = (struct answer_setting){
        .date_line = str_view(turn->worker->moment.date_line),
        .error_page = server->error_page,
        .error_data = server->error_data,
        .keep_alive = !conn->must_close,
        .may_block = may_block,
    };
    work->progress = 0;
    conn->wait = WAIT_NOTHING;
    conn_enter(conn, answer_settle(&work->exchange, &setting, &work->head, &work->writer)
                         ? CONN_WRITE
                         : CONN_CLOSED);
    return STEP_ON;
}

static enum step refuse_and_close(struct conn *conn, struct turn *turn, struct refusal refusal)
{
    exchange_refuse(&conn->work->exchange, refusal);
    close_gently(conn);
    return settle(conn, turn, false);
}

static void start_clock(struct wherry_exchange *exchange, const struct turn *turn)
{
    exchange->now = turn_now(turn);
    exchange->started_us = clock_us();
}

static void log_exchange(struct conn *conn, struct worker *worker)
{
    struct wherry_exchange *exchange = &conn->work->exchange;

    exchange->sent = conn->work->writer.body_sent;
    accesslog_line(&worker->lines, settings_of(conn)->access_log, &conn->peer, &worker->moment,
                   exchange, clock_us() - exchange->started_us);
    if (worker->lines.len > WORKER_LINES_MAX / 2)
        worker_flush(worker);
}

/* Ends an exchange that could not be finished. */
static enum step give_up(struct conn *conn, struct worker *worker, const char *why)
{
    if (conn->work && conn->state != CONN_READ_HEAD && conn->state != CONN_LINGER) {
        if (why)
            conn->work->exchange.why = why;
        if (conn->state != CONN_WRITE)
            conn->work->exchange.response.status = HTTP_STATUS_NONE;
        log_exchange(conn, worker);
    }
    conn->state = CONN_CLOSED;      /* from any state */
    return STEP_ON;
}

/* ---- a head --------------------------------------------------------------------------- */

static enum parse parse_head(struct conn *conn, struct refusal *refusal)
{
    struct work                 *work = conn->work;
    const struct request_limits limits = {settings_of(conn)->head_bytes_max,
                                          settings_of(conn)->target_bytes_max};
    struct str                  bytes = str_of(work->input + work->start, input_len(work));
    enum parse                  parse;

    if (bytes.len == 0 || !request_worth_parsing(bytes, work->seen, &limits))
        return PARSE_MORE;
    parse = request_parse(bytes, &limits, work->path_room, &work->exchange.request, refusal);
    work->seen = bytes.len;
    return parse;
}

/* A body is read behind its head, so a head that does not stand in front is moved there first;
 * the request's slices have to follow, which reading it again does. */
static void move_to_front(struct conn *conn)
{
    struct work   *work = conn->work;
    struct refusal refusal;
    enum parse     parse;

    if (work->start == 0)
        return;
    memmove(work->input, work->input + work->start, input_len(work));
    work->end = input_len(work);
    work->start = work->seen = 0;
    parse = parse_head(conn, &refusal);
    assert(parse == PARSE_DONE);
    (void)parse;
}

/* Asks the route to answer from memory.  True: the answer is filled in. */
static bool look(struct conn *conn)
{
    struct wherry_exchange *exchange = &conn->work->exchange;

    if (!router_find(&conn->server->router, exchange))
        return true;
    if (!exchange->route->look)
        return false;
    switch (exchange->route->look(exchange, exchange->route->data)) {
    case WHERRY_ANSWER:
        return true;
    case WHERRY_WORK:
        return false;
    case WHERRY_FAIL:
        break;
    }
    exchange_refuse(exchange, refuse(HTTP_INTERNAL_ERROR, "the handler failed"));
    return true;
}

/* A body follows.  Reading away what a refused client sends is no service to it: it is told at once. */
static enum step begin_body(struct conn *conn, struct turn *turn)
{
    struct work          *work = conn->work;
    const struct request *request = &work->exchange.request;

    if (work->is_answered &&
        (work->exchange.response.status >= 400 || request->expects_continue)) {
        close_gently(conn);
        return settle(conn, turn, false);
    }
    work->body_left = work->framing.length;
    work->body_read = work->progress = 0;
    work->chunked = CHUNKED_START;
    conn->wait = WAIT_NOTHING;
    /* RFC 9110 §10.1.1: not needed once some of the body has come. */
    if (request->expects_continue && input_len(work) == 0) {
        work->writer = (struct writer){.head = STR("HTTP/1.1 100 Continue\r\n\r\n"), .fd = -1};
        conn_enter(conn, CONN_CONTINUE);
    } else {
        conn_enter(conn, CONN_READ_BODY);
    }
    return STEP_ON;
}

static enum step begin_exchange(struct conn *conn, struct turn *turn)
{
    struct work    *work = conn->work;
    struct request *request = &work->exchange.request;
    struct refusal  refusal;

    start_clock(&work->exchange, turn);
    work->writer = (struct writer){.fd = -1};       /* nothing of this answer has left */
    refusal = framing_decide(request, &work->framing);
    if (is_refused(refusal))
        return refuse_and_close(conn, turn, refusal);
    if (work->framing.kind != BODY_NONE)
        move_to_front(conn);
    work->start += request->head_bytes;
    work->head_at = work->start;
    work->seen = 0;
    conn->must_close = !request->keep_alive;
    conn->must_linger = false;
    if (work->framing.kind == BODY_LENGTH &&
        work->framing.length > settings_of(conn)->body_bytes_max)
        return refuse_and_close(
            conn, turn, refuse(HTTP_CONTENT_TOO_LARGE, "the body is longer than is taken here"));
    /* RFC 9110 §7.4: a request for https has to come secured. */
    if (request->target.is_https)
        return refuse_and_close(
            conn, turn, refuse(HTTP_MISDIRECTED_REQUEST, "https was asked for without TLS"));
    work->is_answered = look(conn);
    if (!work->is_answered)
        work->ticket = TICKET_FRESH(work->exchange.route->is_brief ? PERMIT_BRIEF : PERMIT_LONG);
    if (work->framing.kind != BODY_NONE)
        return begin_body(conn, turn);
    if (work->is_answered)
        return settle(conn, turn, false);
    conn_enter(conn, CONN_RESPOND);
    return STEP_ON;
}

static void wait_for_head(struct conn *conn, struct turn *turn)
{
    const struct wherry_settings *settings = settings_of(conn);

    if (input_len(conn->work) == 0 && conn->has_served)
        wait_until(conn, WAIT_NEXT, settings->idle_timeout_ms, turn_now(turn));
    else
        wait_until(conn, WAIT_HEAD, settings->head_timeout_ms, turn_now(turn));
}

static enum step step_read_head(struct conn *conn, struct turn *turn)
{
    struct refusal refusal;

    if (turn->requests == 0) {
        wait_for_head(conn, turn);
        return STEP_AGAIN;
    }
    switch (parse_head(conn, &refusal)) {
    case PARSE_DONE:
        turn->requests--;
        return begin_exchange(conn, turn);
    case PARSE_REFUSED:
        start_clock(&conn->work->exchange, turn);
        return refuse_and_close(conn, turn, refusal);
    case PARSE_MORE:
        break;
    }
    wait_for_head(conn, turn);
    if (conn->is_drained)
        return STEP_WAIT;
    switch (fill(conn, turn, 0)) {
    case IO_DONE:
        return STEP_ON;
    case IO_WANT_READ:
    case IO_WANT_WRITE:
        return STEP_WAIT;
    case IO_CLOSED:
    case IO_FAILED:
        break;
    }
    conn_enter(conn, CONN_CLOSED);
    return STEP_ON;
}

/* ---- a body --------------------------------------------------------------------------- */

static enum step step_continue(struct conn *conn, struct turn *turn)
{
    struct work *work = conn->work;

    wait_until(conn, WAIT_BODY, settings_of(conn)->body_timeout_ms, turn_now(turn));
    switch (writer_step(&work->writer, &conn->transport, &turn->bytes)) {
    case WRITTEN_ALL:
        conn_enter(conn, CONN_READ_BODY);
        return STEP_ON;
    case WRITTEN_SOME:
        return STEP_AGAIN;
    case WRITTEN_BLOCKED:
        turn->needs_output = true;
        return STEP_WAIT;
    case WRITTEN_GONE:
    case WRITTEN_CUT:
        break;
    }
    return give_up(conn, turn->worker, "the client went away");
}

/* Body data came: keeps it where it is wanted. */
static struct refusal take_body(struct conn *conn, struct str data)
{
    struct work            *work = conn->work;
    struct wherry_exchange *exchange = &work->exchange;

    work->body_read += data.len;
    if (work->body_read > settings_of(conn)->body_bytes_max)
        return refuse(HTTP_CONTENT_TOO_LARGE, "the body is longer than is taken here");
    if (work->is_answered || !exchange->route->wants_body)
        return REFUSAL_NONE;
    buf_append(&exchange->body, data);
    if (exchange->body.failed)
        return refuse(HTTP_UNAVAILABLE, "there is no memory for the body");
    return REFUSAL_NONE;
}

/* Uses what is in the input.  PARSE_DONE at the end of the body.  What came before a mistake counts
 * first, so that a body that is too long is that, however it came. */
static enum parse read_body(struct conn *conn, struct refusal *refusal)
{
    struct work   *work = conn->work;
    char          *bytes = work->input + work->start;
    size_t         count = input_len(work), used;
    struct refusal taken;
    enum parse     parse;

    if (work->framing.kind == BODY_CHUNKED) {
        parse = chunked_decode(&work->chunked, bytes, &count, &used, refusal);
    } else {
        used = count = (size_t)MIN_OF((uint64_t)count, work->body_left);
        work->body_left -= used;
        parse = work->body_left ? PARSE_MORE : PARSE_DONE;
        *refusal = REFUSAL_NONE;
    }
    work->start += used;
    taken = take_body(conn, str_of(bytes, count));
    if (is_refused(taken))
        *refusal = taken;
    return is_refused(*refusal) ? PARSE_REFUSED : parse;
}

static enum step step_read_body(struct conn *conn, struct turn *turn)
{
    struct refusal refusal;

    switch (read_body(conn, &refusal)) {
    case PARSE_DONE:
        conn_enter(conn, CONN_RESPOND);
        return STEP_ON;
    case PARSE_REFUSED:
        return refuse_and_close(conn, turn, refusal);
    case PARSE_MORE:
        break;
    }
    wait_for_progress(conn, WAIT_BODY, conn->work->body_read, settings_of(conn)->body_timeout_ms,
                      turn_now(turn));
    if (turn->bytes == 0)
        return STEP_AGAIN;
    if (conn->is_drained)
        return STEP_WAIT;
    switch (fill(conn, turn, conn->work->head_at)) {
    case IO_DONE:
        return STEP_ON;
    case IO_WANT_READ:
    case IO_WANT_WRITE:
        return STEP_WAIT;
    case IO_CLOSED:         /* RFC 9112 §8: incomplete */
        return refuse_and_close(conn, turn,
                                refuse(HTTP_BAD_REQUEST, "the body ended before its length"));
    case IO_FAILED:
        break;
    }
    return give_up(conn, turn->worker, "the client went away");
}

/* ---- the handler ---------------------------------------------------------------------- */

/* Runs the handler, with a permit. */
static void do_work(struct conn *conn, struct turn *turn)
{
    struct wherry_exchange *exchange = &conn->work->exchange;

    worker_step_aside(turn->worker);
    if (exchange->route->work(exchange, exchange->route->data) != WHERRY_ANSWER) {
        log_error("the handler failed", "path=\"%s\"", LOG_QUOTE(exchange->request.target.path));
        exchange_refuse(exchange, refuse(HTTP_INTERNAL_ERROR, "the handler failed"));
    }
    moment_refresh(&turn->worker->moment);
}

static enum step step_respond(struct conn *conn, struct turn *turn)
{
    struct work    *work = conn->work;
    struct permits *permits = &conn->server->permits;
    enum step       step;

    if (work->is_answered)
        return settle(conn, turn, false);
    /* Nobody waits for this answer any more, and others wait for the permit. */
    if (atomic_load(&conn->source.hang_up) && transport_is_gone(&conn->transport))
        return give_up(conn, turn->worker, "the client went away");
    if (!permits_take(permits, &work->ticket, turn_now(turn).ms)) {
        wait_until(conn, WAIT_PERMIT, settings_of(conn)->wait_timeout_ms, turn_now(turn));
        server_call_keeper(conn->server);
        return STEP_WAIT;
    }
    do_work(conn, turn);
    /* An error page may come from the disk: the permit is given back after that. */
    step = settle(conn, turn, true);
    permits_leave(permits, &work->ticket);
    return step;
}

/* ---- the answer ----------------------------------------------------------------------- */

/* Something came behind the last request, or may have: closing on it would be a reset. */
static bool has_unread(const struct conn *conn)
{
    return input_len(conn->work) > 0 || !conn->is_drained;
}

static enum step finish_exchange(struct conn *conn, struct turn *turn)
{
    struct work *work = conn->work;

    log_exchange(conn, turn->worker);
    exchange_reset(&work->exchange);
    conn->has_served = true;
    conn->wait = WAIT_NOTHING;
    if (!conn->must_close) {
        conn_enter(conn, CONN_READ_HEAD);
    } else if (conn->must_linger || has_unread(conn)) {
        transport_shut(&conn->transport);
        conn_enter(conn, CONN_LINGER);
    } else {
        conn_enter(conn, CONN_CLOSED);
    }
    return STEP_ON;
}

static enum step step_write(struct conn *conn, struct turn *turn)
{
    struct work *work = conn->work;
    enum written written = writer_step(&work->writer, &conn->transport, &turn->bytes);

    switch (written) {
    case WRITTEN_ALL:
        return finish_exchange(conn, turn);
    case WRITTEN_SOME:
    case WRITTEN_BLOCKED:
        wait_for_progress(conn, WAIT_WRITE, work->writer.body_sent,
                          settings_of(conn)->write_timeout_ms, turn_now(turn));
        turn->needs_output = true;
        return written == WRITTEN_SOME ? STEP_AGAIN : STEP_WAIT;
    case WRITTEN_GONE:
        return give_up(conn, turn->worker, "the client went away");
    case WRITTEN_CUT:
        break;
    }
    log_warn("the file changed while it was sent", "path=\"%s\"",
             LOG_QUOTE(work->exchange.request.target.path));
    return give_up(conn, turn->worker, "the file changed while it was sent");
}

/* The kernel has all of the answer, the peer has not.  It goes on sending when we have closed, but
 * not when the host that we are, a container, has ended with us. */
static bool is_still_leaving(const struct conn *conn)
{
    return is_draining(conn) && transport_unsent(&conn->transport) > 0;
}

/* Half closed: throws away what still comes, until the peer closes too. */
static enum step step_linger(struct conn *conn, struct turn *turn)
{
    struct work *work = conn->work;

    wait_until(conn, WAIT_LINGER, CONN_LINGER_MS, turn_now(turn));
    if (turn->bytes == 0)
        return STEP_AGAIN;
    work->start = work->end = 0;
    if (conn->is_drained)
        return STEP_WAIT;
    switch (fill(conn, turn, 0)) {
    case IO_DONE:
        return STEP_ON;
    case IO_WANT_READ:
    case IO_WANT_WRITE:
        return STEP_WAIT;
    case IO_CLOSED:
        if (is_still_leaving(conn))
            return STEP_WAIT;
        break;
    case IO_FAILED:
        break;
    }
    conn_enter(conn, CONN_CLOSED);
    return STEP_ON;
}

/* ---- a turn --------------------------------------------------------------------------- */

/* Moves the connection as far as it can go without waiting. */
static enum step conn_turn(struct conn *conn, struct turn *turn)
{
    enum step step = STEP_ON;

    while (step == STEP_ON && conn->state != CONN_CLOSED) {
        switch ((enum conn_state)conn->state) { /* no default: the compiler counts the states */
        case CONN_READ_HEAD: step = step_read_head(conn, turn); break;
        case CONN_CONTINUE:  step = step_continue(conn, turn);  break;
        case CONN_READ_BODY: step = step_read_body(conn, turn); break;
        case CONN_RESPOND:   step = step_respond(conn, turn);   break;
        case CONN_WRITE:     step = step_write(conn, turn);     break;
        case CONN_LINGER:    step = step_linger(conn, turn);    break;
        case CONN_CLOSED:
        case CONN_STATES_COUNT: break;
        }
    }
    return step;
}

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

/* Idle between requests, or not heard from yet: needs no buffers and may be closed for want of room. */
static void rest(struct conn *conn, struct worker *worker)
{
    if (conn->state != CONN_READ_HEAD || input_len(conn->work) != 0)
        return;
    worker_return(worker, conn->work);
    conn->work = NULL;
    atomic_store_explicit(&conn->idle_since_ms, worker->moment.now.ms, memory_order_relaxed);
}

static void conn_finish(struct conn *conn, struct worker *worker)
{
    struct wherry_server *server = conn->server;
    bool                  is_watched = is_draining(conn);   /* the slot is another's soon */

    if (conn->work) {
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
        step = conn_turn(conn, &turn);
        if (conn->state == CONN_CLOSED ||
            !put_into_queue(conn, step == STEP_AGAIN, turn.needs_output)) {
            conn_finish(conn, worker);
            return;
        }
        rest(conn, worker);
        if (step == STEP_AGAIN) {
            conn_leave(conn);
            return;
        }
    } while (!source_let_go(&conn->source));
}

/* ---- from outside --------------------------------------------------------------------- */

struct conn *conn_open(struct wherry_server *server, int fd, const struct peer *peer,
                       struct clock now)
{
    struct conn *conn = slab_take(&server->slab);

    if (!conn)
        return NULL;
    conn->transport = transport_plain(fd);
    conn->server = server;
    conn->work = NULL;
    conn->peer = *peer;
    conn->state = CONN_READ_HEAD;
    conn->wait = WAIT_NOTHING;
    conn->is_queued = conn->wants_output = conn->is_drained = false;
    conn->has_served = conn->must_close = conn->must_linger = false;
    atomic_store_explicit(&conn->idle_since_ms, CLOCK_NEVER, memory_order_relaxed);
    wait_until(conn, WAIT_HEAD, server->settings.head_timeout_ms, now);
    return conn;
}

/* There is no request to speak of. */
static void forget_request(struct request *request)
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
        forget_request(&conn->work->exchange.request);
        start_clock(&conn->work->exchange, &turn);
    }
    exchange_refuse(&conn->work->exchange, refusal);
    if (refusal.status == HTTP_UNAVAILABLE)
        head_field_u64(&conn->work->exchange.response.lines, STR("Retry-After"), CONN_BUSY_S);
    close_gently(conn);
    settle(conn, &turn, false);
    conn_run(conn, worker);
}

void conn_turn_away(struct conn *conn, struct worker *worker)
{
    conn_answer(conn, worker,
                refuse(HTTP_UNAVAILABLE, "as many connections are open as there may be"));
}

void conn_leave(struct conn *conn)
{
    struct queue *queue = &conn->server->queue;     /* once let go, the slot may be another's */
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
    give_up(conn, worker, why);
    conn_finish(conn, worker);
}

void conn_expire(struct conn *conn, struct worker *worker)
{
    switch ((enum conn_wait)conn->wait) {
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
        if (!is_still_leaving(conn))
            break;
        conn->wait = WAIT_NOTHING;      /* until the time to drain is up */
        wait_until(conn, WAIT_LINGER, CONN_LINGER_MS, worker->moment.now);
        conn_leave(conn);
        return;
    case WAIT_NEXT:
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
    exchange_init(&work->exchange, settings->body_bytes_max);
    forget_request(&work->exchange.request);
}

void work_fini(struct work *work)
{
    exchange_fini(&work->exchange);
    buf_fini(&work->head);
}

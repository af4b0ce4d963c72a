/* Steps that take a request in: its head, and its body. */
#include "server/admin.h"
#include "server/server.h"
#include "server/turn.h"

/* ---- a head --------------------------------------------------------------------------- */

static enum parse parse_head(struct conn *conn, struct refusal *refusal)
{
    struct work                *work = conn->work;
    const struct request_limits limits = {turn_settings(conn)->head_bytes_max,
                                          turn_settings(conn)->target_bytes_max};
    struct str                  bytes = str_of(work->input + work->start, work_input_len(work));
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
    memmove(work->input, work->input + work->start, work_input_len(work));
    work->end = work_input_len(work);
    work->start = work->seen = 0;
    parse = parse_head(conn, &refusal);
    assert(parse == PARSE_DONE);
    (void)parse;
}

/* Asks the route to answer from memory.  True: the answer is filled in. */
static bool look(struct conn *conn)
{
    struct wherry_exchange *exchange = &conn->work->exchange;

    if (turn_is_for_admin(conn)) {
        admin_answer(exchange, server_is_ready(conn->server));
        return true;
    }
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
    exchange_fail(exchange);
    return true;
}

/* May there be such a body?  What the route itself refuses, it has said already. */
static struct refusal agree_on_body(struct conn *conn)
{
    struct work            *work = conn->work;
    struct wherry_exchange *exchange = &work->exchange;
    bool                    is_kept = false;

    if (work->is_answered && exchange->route && exchange->response.status >= 400)
        return REFUSAL_NONE;
    if (!work->is_answered)
        is_kept = exchange->route->wants_body || exchange->body.folder != -1;
    return body_begin(&exchange->body, &conn->server->spool, work->framing.length,
                      turn_settings(conn)->body_bytes_max, is_kept);
}

/* A body follows.  Reading away what a refused client sends is no service to it: it is told at
 * once. */
static enum step begin_body(struct conn *conn, struct turn *turn)
{
    struct work          *work = conn->work;
    const struct request *request = &work->exchange.request;

    if (work->is_answered && (work->exchange.response.status >= 400 || request->expects_continue)) {
        turn_close_gently(conn);
        return turn_settle(conn, turn, false);
    }
    work->body_left = work->framing.length;
    work->progress = 0;
    work->chunked = CHUNKED_START;
    conn->wait = WAIT_NOTHING;
    /* RFC 9110 §10.1.1: not needed once some of the body has come. */
    if (request->expects_continue && work_input_len(work) == 0) {
        work->writer = (struct writer){.head = STR("HTTP/1.1 100 Continue\r\n\r\n"), .fd = -1};
        turn_enter(conn, CONN_CONTINUE);
    } else {
        turn_enter(conn, CONN_READ_BODY);
    }
    return STEP_ON;
}

/* What came by plain HTTP and should not have.  Its port may be the one for HTTPS, where a client can
 * be told only because it did not begin with TLS. */
static enum step send_to_https(struct conn *conn, struct turn *turn)
{
    enum { LOCATION_MAX = 64 * 1024 };
    struct wherry_server *server = conn->server;
    struct response      *response = &conn->work->exchange.response;
    struct buf            location = BUF_UP_TO(LOCATION_MAX);
    struct refusal        refusal = REFUSAL_NONE;

    if (!server->settings.tls.redirects || conn->fault != TLS_FAULT_NONE)
        refusal = refuse(HTTP_BAD_REQUEST, "plain HTTP was spoken to the port for HTTPS");
    else if (!redirect_location(&location, &conn->work->exchange.request, &server->ports))
        refusal = refuse(HTTP_BAD_REQUEST,
                         "this is served by HTTPS, and nothing says at which host and port");
    if (!is_refused(refusal)) {
        response->status = HTTP_PERMANENT_REDIRECT;
        response_add_field(response, STR("Location"), buf_view(&location));
        response_add_field(response, STR("Content-Type"), STR("text/plain; charset=utf-8"));
        response_set_bytes(response, STR("This page is served by HTTPS.\n"));
    }
    buf_fini(&location);
    if (is_refused(refusal))
        return turn_refuse(conn, turn, refusal);
    turn_close_gently(conn);
    return turn_settle(conn, turn, false);
}

static struct ticket ticket_for_work(const struct conn *conn)
{
    return TICKET_FRESH(conn->work->exchange.route->is_brief ? PERMIT_BRIEF : PERMIT_LONG);
}

static enum step begin_exchange(struct conn *conn, struct turn *turn)
{
    struct work    *work = conn->work;
    struct request *request = &work->exchange.request;
    struct refusal  refusal;

    turn_start_clock(&work->exchange, turn);
    work->writer = (struct writer){.fd = -1}; /* nothing of this answer has left */
    refusal = framing_decide(request, &work->framing);
    if (is_refused(refusal))
        return turn_refuse(conn, turn, refusal);
    if (work->framing.kind != BODY_NONE)
        move_to_front(conn);
    work->start += request->head_bytes;
    work->head_at = work->start;
    work->seen = 0;
    conn->must_close = !request->keep_alive;
    conn->must_linger = false;
    if (!conn->transport.session && conn->peer.family != AF_UNIX && !turn_is_for_admin(conn) &&
        (conn->is_secure || turn_settings(conn)->tls.redirects))
        return send_to_https(conn, turn);
    /* RFC 9110 §7.4: a request for https has to come secured. */
    if (request->target.is_https && !conn->transport.session)
        return turn_refuse(conn, turn,
                           refuse(HTTP_MISDIRECTED_REQUEST, "https was asked for without TLS"));
    work->is_answered = look(conn);
    if (work->is_answered && work->framing.kind == BODY_NONE)
        return turn_settle(conn, turn, false);
    refusal = agree_on_body(conn);
    if (is_refused(refusal))
        return turn_refuse(conn, turn, refusal);
    if (!work->is_answered)
        work->ticket = ticket_for_work(conn);
    if (work->framing.kind != BODY_NONE)
        return begin_body(conn, turn);
    turn_enter(conn, CONN_RESPOND);
    return STEP_ON;
}

static void wait_for_head(struct conn *conn, struct turn *turn)
{
    const struct wherry_settings *settings = turn_settings(conn);

    if (work_input_len(conn->work) == 0 && conn->has_served)
        turn_wait(conn, WAIT_NEXT, settings->idle_timeout_ms, turn_now(turn));
    else
        turn_wait(conn, WAIT_HEAD, settings->head_timeout_ms, turn_now(turn));
}

enum step step_read_head(struct conn *conn, struct turn *turn)
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
        turn_start_clock(&conn->work->exchange, turn);
        return turn_refuse(conn, turn, refusal);
    case PARSE_MORE:
        break;
    }
    wait_for_head(conn, turn);
    if (conn->is_drained)
        return STEP_WAIT;
    switch (turn_fill(conn, turn, 0)) {
    case IO_DONE:
        return STEP_ON;
    case IO_WANT_READ:
    case IO_WANT_WRITE:
        return STEP_WAIT;
    case IO_CLOSED:
    case IO_FAILED:
        break;
    }
    turn_enter(conn, CONN_CLOSED);
    return STEP_ON;
}

/* ---- a body --------------------------------------------------------------------------- */

enum step step_continue(struct conn *conn, struct turn *turn)
{
    struct work *work = conn->work;

    turn_wait(conn, WAIT_BODY, turn_settings(conn)->body_timeout_ms, turn_now(turn));
    switch (writer_step(&work->writer, &conn->transport, &turn->bytes)) {
    case WRITTEN_ALL:
        turn_enter(conn, CONN_READ_BODY);
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
    return turn_give_up(conn, turn->worker, "the client went away");
}

/* Uses what is in the input.  PARSE_DONE at the end of the body.  What came before a mistake counts
 * first, so that a body that is too long is that, however it came. */
static enum parse read_body(struct conn *conn, struct refusal *refusal)
{
    struct work   *work = conn->work;
    char          *bytes = work->input + work->start;
    size_t         count = work_input_len(work), used;
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
    taken = body_take(&work->exchange.body, &conn->server->spool, str_of(bytes, count));
    if (is_refused(taken))
        *refusal = taken;
    return is_refused(*refusal) ? PARSE_REFUSED : parse;
}

enum step step_read_body(struct conn *conn, struct turn *turn)
{
    const struct body *body = &conn->work->exchange.body;
    struct refusal     refusal;

    switch (read_body(conn, &refusal)) {
    case PARSE_DONE:
        turn_enter(conn, CONN_RESPOND);
        return STEP_ON;
    case PARSE_REFUSED:
        return turn_refuse(conn, turn, refusal);
    case PARSE_MORE:
        break;
    }
    if (body_is_due(body)) {
        conn->work->ticket = TICKET_FRESH(PERMIT_BRIEF);
        turn_enter(conn, CONN_SPOOL);
        return STEP_ON;
    }
    turn_wait_for_progress(conn, WAIT_BODY, body->length,
                           turn_settings(conn)->body_timeout_ms, turn_now(turn));
    if (turn->bytes == 0)
        return STEP_AGAIN;
    if (conn->is_drained)
        return STEP_WAIT;
    switch (turn_fill(conn, turn, conn->work->head_at)) {
    case IO_DONE:
        return STEP_ON;
    case IO_WANT_READ:
    case IO_WANT_WRITE:
        return STEP_WAIT;
    case IO_CLOSED: /* RFC 9112 §8: incomplete */
        return turn_refuse(conn, turn,
                           refuse(HTTP_BAD_REQUEST, "the body ended before its length"));
    case IO_FAILED:
        break;
    }
    return turn_give_up(conn, turn->worker, "the client went away");
}

/* Nothing is read meanwhile, so who sends faster than the disk can write has to wait. */
enum step step_spool(struct conn *conn, struct turn *turn)
{
    struct refusal refusal;
    enum step      step;

    if (!turn_take_permit(conn, turn, &step))
        return step;
    refusal = turn_write_body(conn, turn);
    permits_leave(&conn->server->permits, &conn->work->ticket);
    if (is_refused(refusal))
        return turn_refuse(conn, turn, refusal);
    conn->work->ticket = ticket_for_work(conn);
    conn->wait = WAIT_NOTHING;      /* the time that the disk took was not the client's */
    turn_enter(conn, CONN_READ_BODY);
    return STEP_ON;
}

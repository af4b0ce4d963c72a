/* turn - what a connection does while somebody runs it: its states, and the steps between them.
 *
 * The inside of connection.h, for the files that share it: turn.c (the loop, and what all steps
 * need), handshake.c (the step before the first head), receive.c (steps that take a request in),
 * reply.c (steps that get an answer out), pull.c (the steps of an answer that takes its time), and
 * connection.c (who runs it, when, and how it ends).  All of it belongs to the connection's owner.
 */
#ifndef SERVER_TURN_H
#define SERVER_TURN_H

#include "server/connection.h"
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

/* Moves the connection as far as it can go without waiting. */
enum step turn_run(struct conn *conn, struct turn *turn) MUST_USE;

enum step step_handshake(struct conn *conn, struct turn *turn) MUST_USE;
enum step step_read_head(struct conn *conn, struct turn *turn) MUST_USE;
enum step step_continue(struct conn *conn, struct turn *turn) MUST_USE;
enum step step_read_body(struct conn *conn, struct turn *turn) MUST_USE;
enum step step_spool(struct conn *conn, struct turn *turn) MUST_USE;
enum step step_respond(struct conn *conn, struct turn *turn) MUST_USE;
enum step step_delay(struct conn *conn, struct turn *turn) MUST_USE;
enum step step_write(struct conn *conn, struct turn *turn) MUST_USE;
enum step step_stream(struct conn *conn, struct turn *turn) MUST_USE;
enum step step_linger(struct conn *conn, struct turn *turn) MUST_USE;

/* Changes the state, to one that may follow. */
void turn_enter(struct conn *conn, enum conn_state state);

/* Sets the deadline when this wait begins; bytes that trickle do not move it. */
void turn_wait(struct conn *conn, enum conn_wait wait, int64_t in_ms, struct clock now);

/* The same for a body that moves: each PROGRESS_BYTES earn a new deadline. */
void turn_wait_for_progress(struct conn *conn, enum conn_wait wait, uint64_t moved, int64_t in_ms,
                            struct clock now);

/* Reads what there is, behind `floor`. */
enum io turn_fill(struct conn *conn, struct turn *turn, size_t floor) MUST_USE;

/* The connection ends with this answer, and not before the peer could read it. */
void turn_close_gently(struct conn *conn);

/* Turns the answer that is filled in into bytes to write, or puts it off. */
enum step turn_settle(struct conn *conn, struct turn *turn, bool may_block);

/* The handler wants the answer to leave later: settles it then. */
enum step turn_put_off(struct conn *conn, struct turn *turn);

/* Nobody waits for the answer any more.  A client that keeps its connection for further requests and
 * ends its side has left; one that has said that this request was the last may have half closed
 * (RFC 9112 §9.6), and cannot be told from one that has left until it is written to. */
bool turn_client_has_left(const struct conn *conn) MUST_USE;

/* Neither its stream nor its answer waits any more: nothing will call it. */
void turn_stop_waiting(struct conn *conn);

/* There is no request to speak of. */
void turn_forget_request(struct request *request);

/* Answers with a refusal, and closes. */
enum step turn_refuse(struct conn *conn, struct turn *turn, struct refusal refusal) MUST_USE;

/* Takes a permit for work that blocks.  False: it waits for one, or has ended, and *step is how this
 * step ends. */
bool turn_take_permit(struct conn *conn, struct turn *turn, enum step *step) MUST_USE;

/* Writes what has come of a spooled body to its file, with a permit. */
struct refusal turn_write_body(struct conn *conn, struct turn *turn) MUST_USE;

/* Ends an exchange that could not be finished; `why` NULL: nothing new to say. */
enum step turn_give_up(struct conn *conn, struct worker *worker, const char *why);

/* Says that the handshake has not been finished in time. */
void turn_handshake_expired(struct conn *conn);

void turn_start_clock(struct wherry_exchange *exchange, const struct turn *turn);
void turn_log(struct conn *conn, struct worker *worker);

/* The kernel has all of the last answer, and the peer has not (while the server drains). */
bool turn_is_still_leaving(const struct conn *conn) MUST_USE;

static inline struct clock turn_now(const struct turn *turn)
{
    return turn->worker->moment.now;
}

static inline const struct wherry_settings *turn_settings(const struct conn *conn)
{
    return &conn->server->settings;
}

static inline bool turn_is_draining(const struct conn *conn)
{
    return atomic_load_explicit(&conn->server->is_draining, memory_order_relaxed);
}

static inline bool turn_is_for_admin(const struct conn *conn)
{
    return atomic_load_explicit(&conn->is_admin, memory_order_relaxed);
}

static inline size_t work_input_len(const struct work *work)
{
    return work->end - work->start;
}

#endif

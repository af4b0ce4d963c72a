/* connection - the state machine that joins transport, parser, handler and writer.
 *
 * A slot in the slab.  Idle between requests it holds no buffers; while it works it borrows a
 * `struct work` from the worker that runs it.  Whoever runs a connection owns it (net/queue.h);
 * everything below but the atomics is the owner's.
 *
 * The only code that knows of readiness.  It runs until it would wait for the peer, says by when
 * that must have happened, and lets go. */
#ifndef SERVER_CONNECTION_H
#define SERVER_CONNECTION_H

#include "http/chunked.h"
#include "http/framing.h"
#include "net/address.h"
#include "net/queue.h"
#include "net/transport.h"
#include "server/answer.h"
#include "server/permit.h"

struct wherry_server;
struct worker;

enum {
    CONN_RESERVE   = 64,            /* slots for those who are turned away */
    CONN_ADMIN_RESERVE = 16,        /* and for those who run the server */
    CONN_LINGER_MS = 2000,          /* for a peer to read the last answer before we close */
    CONN_BUSY_S    = 2,             /* Retry-After of a 503 */
    TURN_REQUESTS  = 64,            /* the budget of a turn */
    TURN_BYTES     = 1024 * 1024,
    PROGRESS_BYTES = 64 * 1024,     /* what must move before a deadline is set anew */
    BODY_ROOM      = 8 * 1024,      /* input behind the largest head, for bodies */
};

#define CONN_STATES(X)                                              \
    X(HANDSHAKE, "agreeing on TLS")                                 \
    X(READ_HEAD, "waiting for a request")                           \
    X(CONTINUE,  "telling the client to send its body")             \
    X(READ_BODY, "receiving a body")                                \
    X(SPOOL,     "writing some of it to a file")                    \
    X(RESPOND,   "asking the handler")                              \
    X(DELAY,     "putting the answer off")                          \
    X(WRITE,     "sending the answer")                              \
    X(STREAM,    "asking a stream for its next piece")              \
    X(LINGER,    "half closed, draining")                           \
    X(CLOSED,    "closed")

enum conn_state {
#define X(name, what) CONN_##name,
    CONN_STATES(X)
#undef X
    CONN_STATES_COUNT
};

/* What the deadline of a connection is about.  It is set when the wait begins and is not moved
 * by bytes that trickle. */
enum conn_wait {
    WAIT_NOTHING,
    WAIT_HANDSHAKE,         /* TLS to be agreed on */
    WAIT_HEAD,              /* a head to be complete; or the first byte of a newcomer */
    WAIT_NEXT,              /* another request */
    WAIT_BODY,              /* the next 64 KiB of a body */
    WAIT_PERMIT,
    WAIT_WRITE,             /* the next 64 KiB of an answer to be taken */
    WAIT_STREAM,            /* the handler's own time, of a stream or a delay: never too long for us */
    WAIT_LINGER,            /* the peer to close */
};

/* What a connection borrows while it works. */
struct work {
    struct work           *next;            /* in a worker's list of spare ones */
    struct conn           *conn;            /* who borrows it */
    struct wherry_exchange exchange;
    struct framing         framing;
    struct chunked         chunked;
    uint64_t               body_left;       /* of BODY_LENGTH */
    struct ticket          ticket;
    struct writer          writer;
    struct buf             head;            /* of the answer */
    uint64_t               progress;        /* body bytes moved when the deadline was last set */
    size_t                 head_at;         /* where the present request begins in the input */
    size_t                 start, end;      /* input[start, end) came and is not used yet */
    size_t                 seen;            /* bytes from `start` that a parse has seen in vain */
    size_t                 size;            /* of the input */
    bool                   is_answered;     /* the answer is filled in: the body is dropped */
    char                  *path_room;       /* for the decoded path */
    char                   input[];
};

struct conn {
    struct source         source;
    atomic_llong          deadline_ms;      /* monotonic; CLOCK_NEVER: none */
    atomic_llong          idle_since_ms;    /* CLOCK_NEVER: not idle between requests */
    struct transport      transport;
    struct wherry_server *server;
    struct work          *work;             /* NULL while idle */
    struct conn          *next_free;        /* the slab's */
    struct peer           peer;
    unsigned char         state;            /* enum conn_state */
    unsigned char         wait;             /* enum conn_wait, what deadline_ms is about */
    unsigned char         fault;            /* enum tls_fault, of the certificate it is shown */
    bool                  is_secure;        /* came to a port for TLS, whatever it speaks */
    atomic_bool           is_admin;         /* came to the listener for those who run the server */
    bool                  is_queued;        /* added to the queue */
    bool                  wants_output;     /* added for output too */
    bool                  is_drained;       /* the last read took all there was */
    bool                  has_served;       /* at least one request */
    bool                  must_close;       /* after this answer */
    bool                  must_linger;      /* and not before the peer had its chance to read it */
};

/* The connection that carries it. */
static inline struct conn *conn_of(const struct wherry_exchange *exchange)
{
    return CONTAINER_OF(exchange, struct work, exchange)->conn;
}

/* Bytes of a work block for these limits. */
size_t work_size(const struct wherry_settings *settings);
void   work_init(struct work *work, const struct wherry_settings *settings);
void   work_fini(struct work *work);

/* A connection for a socket that `listener` accepted, owned by the caller; NULL when there is no slot, the
 * socket still the caller's.  The certificate is the good one until somebody says otherwise (`fault`).
 * There are CONN_RESERVE more slots than connections_max, for those who are turned away. */
struct conn *conn_open(struct wherry_server *server, int fd, const struct peer *peer, bool is_secure,
                       struct clock now) MUST_USE;

/* The same for one that came to the listener of those who run the server: for them there are
 * CONN_ADMIN_RESERVE more, which nobody else gets. */
struct conn *conn_open_admin(struct wherry_server *server, int fd, const struct peer *peer,
                             struct clock now) MUST_USE;

/* Runs it until it would wait, puts it into the queue for that, and lets go.  The caller does
 * not own it any more. */
void conn_run(struct conn *conn, struct worker *worker);

/* Answers a newcomer that there is no room with 503, and lets go: the same about ownership. */
void conn_turn_away(struct conn *conn, struct worker *worker);

/* Puts a new connection into the queue without running it, and lets go. */
void conn_park(struct conn *conn, struct worker *worker);

/* Lets go without having run it; if an event came meanwhile, a worker is called for it. */
void conn_leave(struct conn *conn);

/* Its deadline has passed: answers 408 or 503 where somebody waits for an answer, else closes.
 * The caller owned it and does not any more. */
void conn_expire(struct conn *conn, struct worker *worker);

/* Closes it, whatever it is doing; the same about ownership. */
void conn_abort(struct conn *conn, struct worker *worker, const char *why);

#endif

/* stream - a body that a function of the handler's gives piece by piece (wherry_set_stream).
 *
 * A value inside an exchange: asks for the next piece, says when to ask again, and makes of a piece
 * what goes out (RFC 9112 §7.1).  Knows no connection and no clock; the connection asks only once all
 * that came before has been taken.
 *
 * While it waits it holds no piece, so a waiting stream is its exchange and, when it is coded, the
 * encoder, which has a share of what there is for all of them. */
#ifndef SERVER_STREAM_H
#define SERVER_STREAM_H

#include <wherry.h>

#include "base/buf.h"
#include "coding/encode.h"
#include "server/timers.h"
#include "server/waker.h"
#include "server/writer.h"

enum {
    STREAM_PIECE_MAX    = 64 * 1024,    /* bytes of a piece */
    STREAM_CODED_MAX    = 256 * 1024,   /* what an encoder makes of one, and of what it held back */
    STREAM_TRAILERS_MAX = 8 * 1024,     /* bytes of all trailer fields */
    STREAM_PULL_COST    = 512,          /* what asking counts in a turn's budget, beside the bytes */
};

/* How the peer knows where the body ends. */
enum stream_framing {
    STREAM_NONE,            /* there is no stream */
    STREAM_COUNTED,         /* by Content-Length */
    STREAM_CHUNKED,
    STREAM_UNTIL_CLOSE,     /* HTTP/1.0: with the connection */
};

struct stream {
    enum stream_framing  framing;
    wherry_puller       *pull;          /* NULL: nothing is to be pulled */
    void                *data;
    uint64_t             left;          /* bytes of STREAM_COUNTED that were not given yet */
    struct buf           piece;
    struct encoder      *encoder;       /* NULL: pieces go as they are */
    atomic_size_t       *lender;        /* of the encoder's memory */
    size_t               lent;
    struct buf           coded;         /* what goes out of the piece then */
    struct buf           trailers;      /* field lines */
    struct wherry_waker *waker;         /* NULL: nobody has asked for one */
    struct timer         timer;
    int64_t              wait_ms;       /* of wherry_wait; -1: until it is woken */
    int64_t              due_ms;        /* when to pull next; CLOCK_NEVER: when it is woken */
    bool                 is_put_off;    /* it has not begun: the whole answer waits */
    bool                 is_pulling;    /* the puller runs: it may write */
    bool                 is_waiting;    /* its timer may be set */
    bool                 is_held;       /* the piece completes the length, and may not go yet */
    bool                 is_unflushed;  /* the encoder may hold something back */
    bool                 has_ended;     /* all was pulled */
    bool                 was_told;      /* it was called since the server began to stop */
};

void stream_init(struct stream *stream);

/* Gives back all that it holds; the timer is not set. */
void stream_reset(struct stream *stream);

/* A body to be pulled, framed as `framing` says; only STREAM_COUNTED looks at `length`. */
void stream_begin(struct stream *stream, uint64_t length, wherry_puller *pull, void *data);

/* Its pieces will be coded, and what was written is flushed when it waits.  *left is how much memory such
 * encoders may still take; it gets it back at the reset.  False: too little, or no memory. */
bool stream_code(struct stream *stream, enum coding coding, int effort,
                 atomic_size_t *left) MUST_USE;

/* The answer, whether it will be a stream or not, waits for so long; and does no more. */
void stream_put_off(struct stream *stream, int64_t now_ms, int64_t in_ms);
void stream_let_go(struct stream *stream);

/* May it be pulled?  Not before its time, unless it was woken; but once when the server begins to
 * stop, so that it can come to an end.  An answer that is put off is not woken. */
bool stream_is_due(const struct stream *stream, int64_t now_ms, bool is_stopping) MUST_USE;

/* Asks for the next piece; nothing of the one before is needed any more.  WHERRY_BROKEN also when what
 * was given does not add up to the length, or there was no memory for it. */
enum wherry_pull stream_pull(struct stream *stream, struct wherry_exchange *exchange,
                             int64_t now_ms, bool is_stopping) MUST_USE;

/* Puts the piece, framed, behind what `writer` has: nothing, or a head that is all of `head`.  False:
 * no memory. */
bool stream_frame(struct stream *stream, struct buf *head, struct writer *writer) MUST_USE;

/* Nothing will be pulled for a while: gives back the memory of the piece. */
void stream_rest(struct stream *stream);

#endif

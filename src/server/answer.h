/* answer - from what a handler filled in to what goes out.
 *
 * What follows from the protocol and not from the handler: conditional requests (RFC 9110 §13),
 * ranges (§14), HEAD (§9.3.2), a content coding (server/coded), the body of a refusal, and the head
 * with Date, Connection, and Content-Length or Transfer-Encoding.  Of a raw answer (wherry_set_raw)
 * none of that: it is its body, as it is. */
#ifndef SERVER_ANSWER_H
#define SERVER_ANSWER_H

#include <stdatomic.h>

#include "server/exchange.h"
#include "server/writer.h"

/* What is the same for all answers of the moment. */
struct answer_setting {
    struct str        date_line;    /* "Date: ...\r\n" */
    struct str        hsts_line;    /* "Strict-Transport-Security: ...\r\n", or empty */
    wherry_error_page *error_page;  /* NULL: the plain one */
    void             *error_data;
    atomic_size_t    *coding_bytes; /* what may be taken for coding streams; NULL: nothing */
    size_t            compress_min; /* bytes of a body that is worth coding */
    bool              compresses;
    bool              keep_alive;
    bool              may_block;    /* the caller has a permit */
};

/* Settles the answer, writes its head into `head` and fills in the writer; a body that comes piece by
 * piece begins as exchange->stream, whose framing may mean that the connection ends with it
 * (STREAM_UNTIL_CLOSE).  False when there is no memory even for a head: the connection can only be
 * closed. */
bool answer_settle(struct wherry_exchange *exchange, const struct answer_setting *setting,
                   struct buf *head, struct writer *writer) MUST_USE;

#endif

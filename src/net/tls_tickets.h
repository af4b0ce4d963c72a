/* tls_tickets - the keys that session tickets are sealed with.
 *
 * They live outside contexts, so that a reload of certificates forgets no session.  A new key every
 * TLS_TICKETS_ROTATE_S; the two before it still open what they sealed, and such a ticket is renewed.
 * In TLS 1.3 every ticket that is used is, for it is used once (RFC 8446 §C.4).
 * Never written anywhere: who restarts the server starts afresh. */
#ifndef NET_TLS_TICKETS_H
#define NET_TLS_TICKETS_H

#include "base/str.h"

enum {
    TLS_TICKETS_KEYS     = 3,
    TLS_TICKETS_ROTATE_S = 4 * 3600,
    TLS_TICKETS_LIFE_S   = 8 * 3600,    /* of a session: as long as some key can still open it */
};

struct tls_tickets;
struct ssl_ctx_st;              /* SSL_CTX */

/* NULL when there is no memory or no randomness. */
struct tls_tickets *tls_tickets_new(int64_t now_s) MUST_USE;
void                tls_tickets_free(struct tls_tickets *tickets);

/* A new key when it is time, or the clock was set back; else nothing.  One thread calls it, while
 * others use the keys. */
void tls_tickets_rotate(struct tls_tickets *tickets, int64_t now_s);

/* Lets a context seal and open its tickets with these; they must outlive it.  Its own cache of
 * sessions is turned off.  Every context that a name may lead to has to be served. */
bool tls_tickets_serve(struct tls_tickets *tickets, struct ssl_ctx_st *context) MUST_USE;

#endif

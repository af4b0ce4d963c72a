/* The step before the first head of a connection that is to be secured; and what is said of one that
 * is not what it should be. */
#include "base/log.h"
#include "server/selfcheck.h"
#include "server/turn.h"

/* Scanners fail by the hundred: so many of a second are told, the rest is counted. */
static void log_failure(struct conn *conn, const char *why)
{
    enum { LINES_A_SECOND = 5 };
    char     peer[ADDRESS_TEXT_MAX];
    unsigned untold;

    if (!log_within(&conn->server->handshake_quota, LINES_A_SECOND, &untold))
        return;
    peer_text(&conn->peer, peer);
    if (untold)
        log_info("TLS handshakes failed", "untold=%u", untold);
    if (conn->fault == TLS_FAULT_NONE)
        log_info("the TLS handshake failed", "peer=%s why=\"%s\"", peer, why);
    else
        log_info("the TLS handshake failed", "peer=%s fault=%s why=\"%s\"", peer,
                 tls_fault_name(conn->fault), why);
}

enum step step_handshake(struct conn *conn, struct turn *turn)
{
    const char *why = NULL;

    turn_wait(conn, WAIT_HANDSHAKE, turn_settings(conn)->tls.handshake_timeout_ms, turn_now(turn));
    switch (tls_accept(&conn->transport, conn->server->tls, conn->fault, &why)) {
    case TLS_WANT_WRITE:
        turn->needs_output = true;
        return STEP_WAIT;
    case TLS_WANT_READ:
        return STEP_WAIT;
    case TLS_DONE:
    case TLS_PLAIN:                     /* it gets an answer that it can read */
        conn->wait = WAIT_NOTHING;
        turn_enter(conn, CONN_READ_HEAD);
        return STEP_ON;
    case TLS_FAILED:
        if (!selfcheck_is_handshake(tls_unproved_name(&conn->transport), &conn->peer,
                                    conn->transport.fd))
            log_failure(conn, why);
        break;
    case TLS_CLOSED:
        break;
    }
    turn_enter(conn, CONN_CLOSED);
    return STEP_ON;
}

void turn_handshake_expired(struct conn *conn)
{
    /* Who said nothing at all is a browser's spare connection, or a health check. */
    if (conn->transport.session)
        log_failure(conn, "it took too long");
}

/* tls - the transport over OpenSSL.
 *
 * A connection begins as a plain transport; tls_accept makes it a TLS one, step by step, as the
 * handshake goes on.  Until the client has said its first byte it costs nothing.
 *
 * What goes out goes in records: small ones at first, so that a browser on a slow line can use what
 * has come so far, full ones later.  What is read from files goes through one buffer of the thread's.
 * A connection at rest gives back OpenSSL's buffers. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "net/tls_store.h"
#include "net/transport.h"

enum tls_step {
    TLS_DONE,               /* it is a TLS transport now */
    TLS_WANT_READ,
    TLS_WANT_WRITE,
    TLS_PLAIN,              /* the first byte is none of TLS: still a plain transport, nothing read */
    TLS_CLOSED,             /* the peer went away without a word */
    TLS_FAILED,             /* *why says how; an alert has been sent where there is one */
};

/* Goes on with the handshake as far as it can, with the certificate that has this fault.  `why` points to a
 * constant. */
enum tls_step tls_accept(struct transport *t, struct tls_store *store, enum tls_fault fault,
                         const char **why) MUST_USE;

/* The subject of the certificate that the client has shown, "CN=ann,O=example" (RFC 4514); NULL: it
 * showed none, or there is no TLS.  Borrowed until the transport is closed. */
const char *tls_client(const struct transport *t) MUST_USE;

/* What was agreed on in the handshake.  Texts are constants or borrowed until the transport is closed. */
struct tls_facts {
    const char *version;            /* "TLSv1.3" */
    const char *cipher;             /* as RFC 8446 and IANA call it: "TLS_AES_128_GCM_SHA256" */
    const char *alpn;               /* NULL: nothing was agreed on */
    const char *server_name;        /* whom the client asked for; NULL: nobody */
    const char *client;             /* as tls_client */
    bool        is_resumed;
};

/* False without TLS. */
bool tls_facts(const struct transport *t, struct tls_facts *facts) MUST_USE;

/* Of a handshake that failed because the client showed no certificate: the name of the server that it
 * had asked for.  NULL: none, or something else was wrong.  Borrowed until the transport is closed. */
const char *tls_unproved_name(const struct transport *t) MUST_USE;

#endif

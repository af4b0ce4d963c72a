/* tls_probe - the client's side of TLS, for one question to a server of our own.
 *
 * It believes any certificate, speaks every version and shows no certificate of its own: what it
 * wants to know is whether somebody is there who can do the handshake, not who. */
#ifndef NET_TLS_PROBE_H
#define NET_TLS_PROBE_H

#include "net/transport.h"

/* Puts TLS over a connected, plain transport, and takes its descriptor over; `name` is the server's
 * that it asks for, "" where it has only an address (RFC 6066 §3).  Nothing is sent yet.  False, the
 * transport as it was, when there is no memory. */
bool tls_probe_wrap(struct transport *t, const char *name) MUST_USE;

/* Goes on with the handshake: IO_DONE at its end.  After IO_FAILED, here and in reading, OpenSSL's
 * complaint is tls_error_take's. */
enum io tls_probe_shake(struct transport *t) MUST_USE;

/* The server has asked for a certificate, and was shown none. */
bool tls_probe_was_asked(const struct transport *t) MUST_USE;

/* The server has said something, if only a part of the handshake. */
bool tls_probe_has_heard(const struct transport *t) MUST_USE;

#endif

/* selfcheck - this machine asks itself how it is (wherry --healthcheck), every few seconds: no news.
 *
 * Such a question is left out of the log.  Nobody else can hide in the same way: it has to come from
 * this machine, to ask nothing but `OPTIONS *`, and to say who it is. */
#ifndef SERVER_SELFCHECK_H
#define SERVER_SELFCHECK_H

#include "http/request.h"
#include "net/address.h"

#define SELFCHECK_AGENT "wherry-healthcheck"            /* User-Agent */
#define SELFCHECK_NAME  "healthcheck.wherry.invalid"    /* the server it asks for (RFC 6761 §6.4) */

/* `fd` is the connection's. */
bool selfcheck_is_question(const struct request *request, const struct peer *peer,
                           int fd) MUST_USE;

/* A handshake that failed for want of a client's certificate, for a server of the name `name` (NULL:
 * of none), and nothing else was wrong with it. */
bool selfcheck_is_handshake(const char *name, const struct peer *peer, int fd) MUST_USE;

#endif

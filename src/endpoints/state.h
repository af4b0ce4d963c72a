/* state - the endpoints of what a client keeps and shows again: cookies, a password, entity tags. */
#ifndef ENDPOINTS_STATE_H
#define ENDPOINTS_STATE_H

#include "endpoints/endpoint.h"

/* Does the value of an Authorization field (RFC 7617 §2) say that name and password?  Takes as long
 * whichever of their bytes are wrong. */
bool state_knows(struct str authorization, struct str user, struct str password) MUST_USE;

/* Writes what was meant as an entity tag (RFC 9110 §8.8.3): xyzzy, "xyzzy" or W/"xyzzy".  False: it can be
 * none. */
bool state_write_etag(struct str meant, struct buf *etag) MUST_USE;

extern const struct endpoint_group state_group;

#endif

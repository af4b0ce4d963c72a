/* redirect - where the same page is by HTTPS, as the client sees it.
 *
 * Between the client and us there may be a container's port mapping, so the ports that we listen on
 * are not always those that the client knows.  Pure. */
#ifndef SERVER_REDIRECT_H
#define SERVER_REDIRECT_H

#include "base/buf.h"
#include "http/request.h"

struct redirect_ports {
    int plain, secure;      /* that we listen on; -1: none */
    int public;             /* of HTTPS, as clients know it; -1: nobody has said */
};

/* Writes "https://host:port/path?query" for a request that came by HTTP.  A host without a port
 * stays without; our plain port, or the secure one itself, becomes the secure one; any other port
 * the public one.  False: there is no host, or no way to know the port. */
bool redirect_location(struct buf *location, const struct request *request,
                       const struct redirect_ports *ports) MUST_USE;

#endif

/* router - path and method to handler; 404, 405 with Allow, OPTIONS.
 *
 * A few routes, the longest pattern first.  Filled before the server runs, const after. */
#ifndef SERVER_ROUTER_H
#define SERVER_ROUTER_H

#include "server/exchange.h"

enum { ROUTES_MAX = 64 };

struct router {
    struct wherry_route routes[ROUTES_MAX];     /* longest pattern first */
    size_t              count;
};

/* False when the pattern does not begin with "/" or the table is full. */
bool router_add(struct router *router, const struct wherry_route *route) MUST_USE;

/* Finds the route and puts it into the exchange; true.  False: there is none, or the method is not
 * its own; the answer is filled in (404, 405 with Allow, 204 with Allow for OPTIONS). */
bool router_find(const struct router *router, struct wherry_exchange *exchange) MUST_USE;

#endif

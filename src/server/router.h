/* router - path and method to handler; 404, 405 with Allow, OPTIONS.
 *
 * A few routes, the most exact pattern first.  Filled before the server runs, const after. */
#ifndef SERVER_ROUTER_H
#define SERVER_ROUTER_H

#include "server/exchange.h"
#include "server/pattern.h"

enum { ROUTES_MAX = 128, ROUTES_BYTES_MAX = 256 * 1024 };

struct router_place {
    struct wherry_route route;
    struct pattern      pattern;
    size_t              id;         /* of the place: routes of the same pattern share it */
};

struct router {
    struct router_place places[ROUTES_MAX];     /* the most exact first */
    size_t              count;
    struct arena        patterns;
};

void router_init(struct router *router);
void router_fini(struct router *router);

/* Copies the route.  False when the pattern is no good one, the table is full, or there is no
 * memory. */
bool router_add(struct router *router, const struct wherry_route *route) MUST_USE;

/* Finds the route and puts it into the exchange, with what its pattern's names stand for; true.
 * False: there is none, or the method is not its own; the answer is filled in (404, 405 with Allow,
 * 204 with Allow for OPTIONS, 503 without memory).  Whoever is to finish answers to that path is in the
 * exchange in either case. */
bool router_find(const struct router *router, struct wherry_exchange *exchange) MUST_USE;

#endif

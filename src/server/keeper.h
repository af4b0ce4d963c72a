/* keeper - what the main thread does while workers serve: deadlines, eviction, the pool, ticks,
 * and the way out.
 *
 * A few times a second it scans the deadlines, which are atomic; it claims whoever is overdue by
 * the same compare-exchange as everybody, reads the deadline again, and acts.  It never runs a
 * handler. */
#ifndef SERVER_KEEPER_H
#define SERVER_KEEPER_H

#include "server/server.h"

enum {
    KEEPER_TICK_MS       = 250,
    KEEPER_DRAIN_TICK_MS = 20,
    KEEPER_RETRY_MS      = 100,     /* after accept found no descriptor */
    KEEPER_SILENCE_MS    = 250,     /* a draining server closes who says nothing that long */
    KEEPER_GRACE_MS      = 1000,    /* so long may a newcomer be silent before it makes room */
    KEEPER_CALM_MS       = 1000,    /* without a visitor, until memory is given back */
    KEEPER_EVICT_MAX     = 16,      /* connections closed at once to make room */
};

/* Returns when the server is asked to stop. */
void keeper_keep_house(struct wherry_server *server);

/* Takes in who waits at the listeners, turns everybody else away, lets what is in flight finish.
 * False: the time was up first, and the rest was cut. */
bool keeper_drain(struct wherry_server *server) MUST_USE;

/* Closes every connection that no worker is running just now. */
void keeper_cut_the_rest(struct wherry_server *server);

#endif

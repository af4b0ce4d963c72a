/* deadline - how long a handler may take, and a sleep that ends with it.
 *
 * Nobody can cut off a function in C.  A handler asks how much time it has left (wherry_deadline), or
 * sleeps in a way that ends early (wherry_sleep); what overran all the same is told once. */
#ifndef SERVER_DEADLINE_H
#define SERVER_DEADLINE_H

#include "server/exchange.h"

enum { DEADLINE_LOOK_MS = 200 };    /* how often who sleeps looks whether the server is stopping */

struct deadline {
    int64_t begun_us;
    int64_t timeout_ms;
};

/* The handler of this exchange begins now, and has timeout_ms. */
void deadline_begin(struct deadline *deadline, struct wherry_exchange *exchange,
                    int64_t timeout_ms);

/* It came back: when that was too late, the log says so. */
void deadline_end(const struct deadline *deadline, struct wherry_exchange *exchange);

#endif

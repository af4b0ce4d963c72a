/* admin - what the listener for those who run the server answers: whether it lives, and whether it
 * wants more visitors.
 *
 *     /healthz    200 as long as somebody answers
 *     /readyz     200; 503 from the moment when it was asked to stop
 *
 * Nothing else is there, and nothing of it is at the listeners for everybody. */
#ifndef SERVER_ADMIN_H
#define SERVER_ADMIN_H

#include "server/exchange.h"

/* Fills in the answer, whatever was asked. */
void admin_answer(struct wherry_exchange *exchange, bool is_ready);

#endif

/* waker - what an application holds to wake a stream that waits (wherry_waker of wherry.h).
 *
 * Outlives the exchange: reference-counted, a piece of the heap of its own, and from the end of the
 * exchange on it knows no connection.  So waking late does no harm, whoever has the slot by then. */
#ifndef SERVER_WAKER_H
#define SERVER_WAKER_H

#include <wherry.h>

#include "net/queue.h"

/* For the exchange that `source` runs.  One reference, the exchange's; NULL: no memory. */
struct wherry_waker *waker_new(struct queue *queue, struct source *source) MUST_USE;

/* One more reference, for wherry_waker_release. */
struct wherry_waker *waker_share(struct wherry_waker *waker);

/* The exchange ends: nobody is woken any more, and its reference is given back.  NULL is fine. */
void waker_detach(struct wherry_waker *waker);

/* Has it been called since this was asked last?  NULL was not. */
bool waker_is_called(struct wherry_waker *waker) MUST_USE;
void waker_forget_call(struct wherry_waker *waker);

#endif

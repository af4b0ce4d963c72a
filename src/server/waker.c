#include "server/waker.h"

#include <stdlib.h>

struct wherry_waker {
    atomic_uint     references;
    atomic_bool     is_called;
    pthread_mutex_t mutex;          /* guards both, and that the connection stays while it is woken */
    struct queue   *queue;
    struct source  *source;         /* NULL: the exchange has ended */
};

struct wherry_waker *waker_new(struct queue *queue, struct source *source)
{
    struct wherry_waker *waker = malloc(sizeof *waker);

    if (!waker)
        return NULL;
    atomic_init(&waker->references, 1);
    atomic_init(&waker->is_called, false);
    pthread_mutex_init(&waker->mutex, NULL);
    waker->queue = queue;
    waker->source = source;
    return waker;
}

struct wherry_waker *waker_share(struct wherry_waker *waker)
{
    atomic_fetch_add_explicit(&waker->references, 1, memory_order_relaxed);
    return waker;
}

void wherry_waker_release(struct wherry_waker *waker)
{
    if (!waker || atomic_fetch_sub_explicit(&waker->references, 1, memory_order_acq_rel) > 1)
        return;
    pthread_mutex_destroy(&waker->mutex);
    free(waker);
}

void waker_detach(struct wherry_waker *waker)
{
    if (!waker)
        return;
    pthread_mutex_lock(&waker->mutex);
    waker->source = NULL;
    pthread_mutex_unlock(&waker->mutex);
    wherry_waker_release(waker);
}

bool waker_is_called(struct wherry_waker *waker)
{
    return waker && atomic_load(&waker->is_called);
}

void waker_forget_call(struct wherry_waker *waker)
{
    if (waker)
        atomic_store(&waker->is_called, false);
}

/* The call is remembered before the connection is run, so it is seen by that run or, when the puller
 * is at work just now, before the next wait. */
void wherry_wake(struct wherry_waker *waker)
{
    if (!waker)
        return;
    pthread_mutex_lock(&waker->mutex);
    if (waker->source && !atomic_exchange(&waker->is_called, true))
        queue_wake(waker->queue, waker->source);
    pthread_mutex_unlock(&waker->mutex);
}

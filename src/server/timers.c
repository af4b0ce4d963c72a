#include "server/timers.h"

#include <stdlib.h>

#include "base/clock.h"

bool timers_open(struct timers *timers, size_t max, void (*on_due)(struct timer *, void *),
                 void *context)
{
    *timers = (struct timers){.max = max, .on_due = on_due, .context = context};
    pthread_mutex_init(&timers->mutex, NULL);
    timers->heap = calloc(max + 1, sizeof(struct timer *));
    return timers->heap != NULL;
}

void timers_close(struct timers *timers)
{
    free(timers->heap);
    timers->heap = NULL;
    timers->count = 0;
}

/* ---- the heap ------------------------------------------------------------------------- */

static void put(struct timers *timers, size_t place, struct timer *timer)
{
    timers->heap[place] = timer;
    timer->place = place;
}

/* Moves the timer from an empty place towards the top, until its parent is due no later. */
static void rise(struct timers *timers, size_t place, struct timer *timer)
{
    while (place > 1 && timers->heap[place / 2]->due_ms > timer->due_ms) {
        put(timers, place, timers->heap[place / 2]);
        place /= 2;
    }
    put(timers, place, timer);
}

/* And towards the bottom, until neither child is due before it. */
static void sink(struct timers *timers, size_t place, struct timer *timer)
{
    for (;;) {
        size_t child = 2 * place;

        if (child < timers->count &&
            timers->heap[child + 1]->due_ms < timers->heap[child]->due_ms)
            child++;
        if (child > timers->count || timers->heap[child]->due_ms >= timer->due_ms)
            break;
        put(timers, place, timers->heap[child]);
        place = child;
    }
    put(timers, place, timer);
}

static void take_out(struct timers *timers, struct timer *timer)
{
    size_t        place = timer->place;
    struct timer *last = timers->heap[timers->count--];

    timer->place = 0;
    if (last == timer)
        return;
    if (last->due_ms < timer->due_ms)
        rise(timers, place, last);
    else
        sink(timers, place, last);
}

/* ---- what others see ------------------------------------------------------------------ */

bool timers_set(struct timers *timers, struct timer *timer, int64_t due_ms)
{
    bool is_nearest;

    pthread_mutex_lock(&timers->mutex);
    if (timer->place)
        take_out(timers, timer);
    assert(timers->count < timers->max);
    timer->due_ms = due_ms;
    rise(timers, ++timers->count, timer);
    is_nearest = timer->place == 1 && due_ms != CLOCK_NEVER;
    pthread_mutex_unlock(&timers->mutex);
    return is_nearest;
}

void timers_unset(struct timers *timers, struct timer *timer)
{
    pthread_mutex_lock(&timers->mutex);
    if (timer->place)
        take_out(timers, timer);
    pthread_mutex_unlock(&timers->mutex);
}

int64_t timers_next(struct timers *timers)
{
    int64_t next;

    pthread_mutex_lock(&timers->mutex);
    next = timers->count ? timers->heap[1]->due_ms : CLOCK_NEVER;
    pthread_mutex_unlock(&timers->mutex);
    return next;
}

void timers_fire(struct timers *timers, int64_t now_ms)
{
    pthread_mutex_lock(&timers->mutex);
    while (timers->count && timers->heap[1]->due_ms <= now_ms) {
        struct timer *timer = timers->heap[1];

        take_out(timers, timer);
        timers->on_due(timer, timers->context);
    }
    pthread_mutex_unlock(&timers->mutex);
}

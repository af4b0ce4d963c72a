#include "endpoints/pace.h"

/* The n-th, counted from 0, is due when n / (count - 1) of the time have passed. */
static uint64_t due(const struct pace *pace, int64_t elapsed_ms)
{
    if (elapsed_ms >= pace->duration_ms)
        return pace->count;
    return (uint64_t)elapsed_ms * (pace->count - 1) / (uint64_t)pace->duration_ms + 1;
}

uint64_t pace_owed(struct pace *pace, int64_t now_ms)
{
    if (pace->began_ms == 0)
        pace->began_ms = now_ms;
    return due(pace, now_ms - pace->began_ms) - pace->done;
}

int64_t pace_wait_ms(const struct pace *pace, int64_t now_ms)
{
    uint64_t gaps = pace->count - 1;
    int64_t  next_ms = pace->began_ms;

    assert(pace->done < pace->count);
    if (pace->done > 0)
        next_ms += (int64_t)((pace->done * (uint64_t)pace->duration_ms + gaps - 1) / gaps);
    return next_ms > now_ms ? next_ms - now_ms : 0;
}

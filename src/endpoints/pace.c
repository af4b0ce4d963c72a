#include "endpoints/pace.h"

uint64_t pace_due(const struct pace *pace, int64_t elapsed_ms)
{
    if (elapsed_ms >= pace->duration_ms)
        return pace->count;
    return (uint64_t)elapsed_ms * (pace->count - 1) / (uint64_t)pace->duration_ms + 1;
}

/* The n-th, counted from 0, is due when n / (count - 1) of the time have passed. */
int64_t pace_wait_ms(const struct pace *pace, int64_t elapsed_ms)
{
    uint64_t due = pace_due(pace, elapsed_ms), gaps = pace->count - 1;
    int64_t  next_ms = pace->duration_ms;

    if (due < pace->count)
        next_ms = (int64_t)((due * (uint64_t)pace->duration_ms + gaps - 1) / gaps);
    return next_ms > elapsed_ms ? next_ms - elapsed_ms : 1;
}

uint64_t paced_owed(struct paced *paced, int64_t now_ms)
{
    if (paced->began_ms == 0)
        paced->began_ms = now_ms;
    return pace_due(&paced->pace, now_ms - paced->began_ms) - paced->done;
}

int64_t paced_wait_ms(const struct paced *paced, int64_t now_ms)
{
    int64_t elapsed_ms = now_ms - paced->began_ms;

    if (paced->done < pace_due(&paced->pace, elapsed_ms))
        return 0;
    return MAX_OF(pace_wait_ms(&paced->pace, elapsed_ms), (int64_t)PACED_TICK_MS);
}

#include "base/clock.h"

#include <time.h>

struct clock clock_now(void)
{
    struct timespec steady, wall;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &steady);
    clock_gettime(CLOCK_REALTIME_COARSE, &wall);
    return (struct clock){
        .ms = (int64_t)steady.tv_sec * 1000 + steady.tv_nsec / 1000000,
        .wall_s = wall.tv_sec,
    };
}

int64_t clock_us(void)
{
    struct timespec steady;

    clock_gettime(CLOCK_MONOTONIC, &steady);
    return (int64_t)steady.tv_sec * 1000000 + steady.tv_nsec / 1000;
}

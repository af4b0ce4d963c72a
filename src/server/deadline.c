#include "server/deadline.h"

#include <poll.h>

#include "base/log.h"
#include "server/server.h"

/* The exact clock: the coarse one may be some milliseconds behind. */
static int64_t now_ms(void)
{
    return clock_us() / 1000;
}

void deadline_begin(struct deadline *deadline, struct wherry_exchange *exchange,
                    int64_t timeout_ms)
{
    deadline->begun_us = clock_us();
    deadline->timeout_ms = timeout_ms;
    exchange->until_ms = deadline->begun_us / 1000 + timeout_ms;
}

void deadline_end(const struct deadline *deadline, struct wherry_exchange *exchange)
{
    int64_t took_ms = (clock_us() - deadline->begun_us) / 1000;

    exchange->until_ms = CLOCK_NEVER;
    if (took_ms > deadline->timeout_ms)
        log_warn("the handler took too long", "path=\"%s\" ms=%lld",
                 LOG_QUOTE(exchange->request.target.path), (long long)took_ms);
}

/* ---- what wherry.h promises to handlers ----------------------------------------------- */

int64_t wherry_deadline(const struct wherry_exchange *exchange)
{
    int64_t drained_ms = atomic_load(&conn_of(exchange)->server->drained_ms);
    int64_t until_ms = MIN_OF(exchange->until_ms, drained_ms);

    return until_ms == CLOCK_NEVER ? INT64_MAX : MAX_OF(until_ms - now_ms(), (int64_t)0);
}

/* Sleeps, and wakes when the socket says that the client has gone: as turn_client_has_left has it. */
static bool has_left_within(const struct wherry_exchange *exchange, int64_t ms)
{
    struct pollfd state = {
        .fd = conn_of(exchange)->transport.fd,
        .events = exchange->request.keep_alive ? POLLRDHUP : 0,
    };

    return poll(&state, 1, (int)ms) == 1;
}

bool wherry_sleep(struct wherry_exchange *exchange, int64_t ms)
{
    int64_t now = now_ms(), wake = now;

    /* The millisecond that has begun does not count: it is never less than was asked for. */
    if (ms > 0)
        wake = ms >= INT64_MAX - now ? INT64_MAX : now + ms + 1;

    for (; now < wake; now = now_ms()) {
        int64_t left = wherry_deadline(exchange);

        if (left == 0)
            return false;
        left = MIN_OF(left, wake - now);
        if (has_left_within(exchange, MIN_OF(left, (int64_t)DEADLINE_LOOK_MS)))
            return false;
    }
    return true;
}

#include "server/keeper.h"

#include <malloc.h>
#include <poll.h>
#include <unistd.h>

#include "base/log.h"

/* Waits until called, or for so long, and never longer than to the next tick. */
static struct clock rest_of_keeper(struct wherry_server *server, int64_t ms)
{
    struct pollfd called = {.fd = server->keeper_fd, .events = POLLIN};
    int64_t       bounded = MIN_OF(MAX_OF(ms, 0), KEEPER_TICK_MS);
    uint64_t      count;

    if (poll(&called, 1, (int)bounded) == 1) {
        ssize_t n = read(server->keeper_fd, &count, sizeof count);

        (void)n;
    }
    moment_refresh(&server->keeper.moment);
    return server->keeper.moment.now;
}

/* ---- deadlines ------------------------------------------------------------------------ */

static size_t slots_touched(struct wherry_server *server)
{
    return atomic_load_explicit(&server->slab.touched, memory_order_acquire);
}

static bool is_overdue(struct conn *conn, struct clock now)
{
    return atomic_load_explicit(&conn->deadline_ms, memory_order_relaxed) <= now.ms;
}

static void expire_overdue(struct wherry_server *server, struct clock now)
{
    size_t touched = slots_touched(server);

    for (size_t i = 0; i < touched; i++) {
        struct conn *conn = &server->slab.slots[i];

        if (!is_overdue(conn, now) || !source_claim_if_idle(&conn->source))
            continue;
        /* It may have been somebody else's turn between the look and the claim. */
        if (is_overdue(conn, now))
            conn_expire(conn, &server->keeper);
        else
            conn_leave(conn);
    }
    worker_flush(&server->keeper);
}

/* ---- eviction ------------------------------------------------------------------------- */

struct candidate {
    struct conn *conn;
    int64_t      since_ms;
};

static int64_t idle_since(struct conn *conn)
{
    return atomic_load_explicit(&conn->idle_since_ms, memory_order_relaxed);
}

/* Keeps the longest idle in front, at most KEEPER_EVICT_MAX of them. */
static void insert(struct candidate candidates[KEEPER_EVICT_MAX], size_t *count, struct conn *conn)
{
    int64_t since = idle_since(conn);
    size_t  at = *count;

    if (since == CLOCK_NEVER ||
        (at == KEEPER_EVICT_MAX && candidates[at - 1].since_ms <= since))
        return;
    if (at == KEEPER_EVICT_MAX)
        at--;
    else
        ++*count;
    for (; at > 0 && candidates[at - 1].since_ms > since; at--)
        candidates[at] = candidates[at - 1];
    candidates[at] = (struct candidate){conn, since};
}

/* Asked of one that we have claimed.  Its next request may have come, with nobody free yet to see
 * it: who was promised an answer is not idle. */
static bool is_still_idle(struct conn *conn, int64_t since_ms)
{
    return idle_since(conn) == since_ms && !transport_has_input(&conn->transport);
}

/* A newcomer is given the time to say what it came for. */
static bool has_had_a_chance(struct conn *conn, struct clock now)
{
    return conn->has_served || now.ms - idle_since(conn) >= KEEPER_GRACE_MS;
}

bool server_evict(struct wherry_server *server, struct worker *worker)
{
    struct clock     now = worker->moment.now;
    struct candidate candidates[KEEPER_EVICT_MAX];
    size_t           count = 0, touched = slots_touched(server);
    bool             has_evicted = false;

    for (size_t i = 0; i < touched; i++)
        insert(candidates, &count, &server->slab.slots[i]);
    for (size_t i = 0; i < count; i++) {
        struct conn *conn = candidates[i].conn;

        if (!source_claim_if_idle(&conn->source))
            continue;
        if (is_still_idle(conn, candidates[i].since_ms) && has_had_a_chance(conn, now)) {
            conn_abort(conn, worker, NULL);
            has_evicted = true;
        } else {
            conn_leave(conn);
        }
    }
    return has_evicted;
}

/* ---- memory ---------------------------------------------------------------------------- */

/* What visitors needed, and OpenSSL needs much, is free again and still ours: malloc gives back only
 * what lies at the end.  When the last has left and nobody came for a while, all of it goes back; it
 * holds malloc's locks for a moment, and nobody is there who would notice. */
static void give_memory_back(struct wherry_server *server, struct clock now)
{
    bool is_visited = atomic_exchange_explicit(&server->is_visited, false, memory_order_relaxed);

    if (is_visited || slab_count_open(&server->slab) > 0)
        server->calm_at = now.ms + KEEPER_CALM_MS;
    if (now.ms < server->calm_at)
        return;
    malloc_trim(0);
    server->calm_at = CLOCK_NEVER;
}

/* ---- the house ------------------------------------------------------------------------ */

static void tick(struct wherry_server *server)
{
    if (server->tls)
        tls_store_check(server->tls, server->keeper.moment.now.wall_s,
                        atomic_exchange(&server->is_reloading, false));
    for (size_t i = 0; i < server->ticks_count; i++)
        server->ticks[i].function(server->ticks[i].data);
}

/* Descriptors ran out a moment ago: by now there may be some again.  False: ask once more later. */
static bool listen_again(struct wherry_server *server)
{
    bool ok = true;

    for (size_t i = 0; i < server->listeners_count; i++) {
        struct listener *listener = &server->listeners[i];

        if (!queue_rearm(&server->queue, listener->fd, &listener->source, false)) {
            log_error("cannot wait for newcomers", "url=%s errno=\"%m\"", listener->url);
            ok = false;
        }
    }
    return ok;
}

static void tell_of_end(struct wherry_server *server)
{
    for (size_t i = 0; i < server->stops_count; i++)
        server->stops[i].function(server->stops[i].data);
    server->stops_count = 0;
}

/* It was asked to stop.  Whoever sends visitors here may not know it yet, so for a while they are
 * still let in. */
static bool is_time_to_stop(struct wherry_server *server, int64_t *leave_at, struct clock now)
{
    switch ((enum life)atomic_load(&server->life)) {
    case LIFE_SERVING:
        return false;
    case LIFE_LEAVING:
        if (*leave_at == CLOCK_NEVER) {
            log_info("leaving", "delay_ms=%lld", (long long)server->settings.drain_delay_ms);
            tell_of_end(server);
            *leave_at = now.ms + server->settings.drain_delay_ms;
        }
        if (now.ms < *leave_at)
            return false;
        atomic_store(&server->life, LIFE_STOPPING);
        return true;
    case LIFE_STOPPING:
        tell_of_end(server);
        break;
    }
    return true;
}

void keeper_keep_house(struct wherry_server *server)
{
    struct clock now = server->keeper.moment.now;
    int64_t      tick_at = now.ms, retry_at = CLOCK_NEVER, leave_at = CLOCK_NEVER;

    while (!is_time_to_stop(server, &leave_at, now)) {
        int64_t pool_in, wake_in;

        if (now.ms >= tick_at) {
            expire_overdue(server, now);
            tick(server);
            give_memory_back(server, now);
            tick_at = now.ms + KEEPER_TICK_MS;
        }
        if (atomic_exchange(&server->is_exhausted, false))
            retry_at = now.ms + KEEPER_RETRY_MS;
        if (now.ms >= retry_at)
            retry_at = listen_again(server) ? CLOCK_NEVER : now.ms + KEEPER_RETRY_MS;
        pool_in = pool_keep(&server->pool, server, now.ms);
        timers_fire(&server->timers, now.ms);
        wake_in = MIN_OF(MIN_OF(tick_at, retry_at), MIN_OF(leave_at, timers_next(&server->timers)));
        wake_in -= now.ms;
        now = rest_of_keeper(server, MIN_OF(wake_in, pool_in));
    }
}

/* ---- the way out ---------------------------------------------------------------------- */

/* How many are to be finished with.  Who asks how we are, again and again, is not waited for. */
static size_t count_visitors(struct wherry_server *server)
{
    size_t touched = slots_touched(server), count = 0;

    for (size_t i = 0; i < touched; i++) {
        struct conn *conn = &server->slab.slots[i];

        count += atomic_load(&conn->source.claim) != CLAIM_FREE &&
                 !atomic_load_explicit(&conn->is_admin, memory_order_relaxed);
    }
    return count;
}

static void take_in_all(struct wherry_server *server)
{
    enum { ROUNDS = 4 * LISTENER_BACKLOG / 64 };

    for (size_t i = 0; i < server->public_count; i++)
        for (int round = 0; round < ROUNDS; round++)
            if (!worker_accept(&server->keeper, &server->listeners[i]))
                break;
}

/* Who has connected so far was promised an answer; who comes after this is told at once that nobody
 * listens.  A moment later those are there who were half inside. */
static struct clock close_the_door(struct wherry_server *server)
{
    struct clock now;

    for (size_t i = 0; i < server->public_count; i++)
        listener_turn_away(&server->listeners[i]);
    take_in_all(server);
    now = rest_of_keeper(server, KEEPER_DRAIN_TICK_MS);
    take_in_all(server);
    for (size_t i = 0; i < server->public_count; i++)
        listener_shut(&server->listeners[i]);
    return now;
}

static void close_silent(struct wherry_server *server, int64_t since_ms, struct clock now)
{
    size_t touched = slots_touched(server);

    for (size_t i = 0; i < touched; i++) {
        struct conn *conn = &server->slab.slots[i];
        int64_t      idle = idle_since(conn);

        if (idle == CLOCK_NEVER || now.ms - MAX_OF(idle, since_ms) < KEEPER_SILENCE_MS ||
            !source_claim_if_idle(&conn->source))
            continue;
        if (is_still_idle(conn, idle))
            conn_abort(conn, &server->keeper, NULL);
        else
            conn_leave(conn);
    }
}

void keeper_cut_the_rest(struct wherry_server *server)
{
    size_t touched = slots_touched(server);

    for (size_t i = 0; i < touched; i++) {
        struct conn *conn = &server->slab.slots[i];

        if (source_claim_if_idle(&conn->source))
            conn_abort(conn, &server->keeper, "the server stopped");
    }
    worker_flush(&server->keeper);
}

bool keeper_drain(struct wherry_server *server)
{
    struct clock now = server->keeper.moment.now;
    int64_t      since = now.ms, until = now.ms + server->settings.drain_ms;

    log_info("stopping", "open=%zu", count_visitors(server));
    atomic_store(&server->drained_ms, until);
    atomic_store(&server->is_draining, true);
    now = close_the_door(server);
    timers_fire(&server->timers, CLOCK_NEVER); /* streams that wait shall learn of it */
    /* In this order: who is taken in has a slot before he is counted no more. */
    while (atomic_load(&server->taking_in) > 0 || count_visitors(server) > 0) {
        if (now.ms >= until) {
            log_warn("time to finish is up", "cut=%zu", count_visitors(server));
            keeper_cut_the_rest(server);
            return false;
        }
        close_silent(server, since, now);
        expire_overdue(server, now);
        (void)pool_keep(&server->pool, server, now.ms);
        timers_fire(&server->timers, now.ms);
        now = rest_of_keeper(server,
                             MIN_OF(KEEPER_DRAIN_TICK_MS, timers_next(&server->timers) - now.ms));
    }
    return true;
}

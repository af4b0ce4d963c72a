#include "server/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/thread.h"
#include "server/server.h"

enum { WORKER_STACK = 256 * 1024 };     /* bytes; handlers included */

static bool start_thread(struct worker *worker)
{
    pthread_attr_t attributes;
    int            error;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, WORKER_STACK);
    error = thread_create(&worker->thread, &attributes, worker_main, worker);
    pthread_attr_destroy(&attributes);
    errno = error;
    return error == 0;
}

static bool start_one(struct pool *pool, struct wherry_server *server)
{
    struct worker **place = pool->workers;
    struct worker  *worker;

    while (place < pool->workers + pool->max && *place)
        place++;
    if (place == pool->workers + pool->max)
        return false;
    worker = malloc(sizeof *worker);
    if (!worker)
        return false;
    worker_init(worker, server);
    if (!start_thread(worker)) {
        worker_fini(worker);
        free(worker);
        return false;
    }
    *place = worker;
    pool->count++;
    return true;
}

/* There is always a worker more than there are permits. */
static void set_permits(struct pool *pool, struct wherry_server *server)
{
    permits_resize(&server->permits, MAX_OF(pool->count, 2u) - 1);
}

bool pool_start(struct pool *pool, struct wherry_server *server, unsigned base, unsigned max)
{
    *pool = (struct pool){.base = base, .max = max, .calm_since_ms = CLOCK_NEVER};
    pool->workers = calloc(max, sizeof(struct worker *));
    if (!pool->workers)
        return false;
    while (pool->count < base && start_one(pool, server))
        ;
    set_permits(pool, server);
    return pool->count >= MIN_OF(base, 2u);
}

static void join_one(struct worker **place)
{
    pthread_join((*place)->thread, NULL);
    worker_fini(*place);
    free(*place);
    *place = NULL;
}

/* Joins those that have ended; gives how many still run. */
static unsigned reap(struct pool *pool)
{
    unsigned running = 0;

    for (unsigned i = 0; i < pool->max; i++) {
        if (!pool->workers[i])
            continue;
        if (atomic_load(&pool->workers[i]->has_ended))
            join_one(&pool->workers[i]);
        else
            running++;
    }
    return running;
}

/* As many more as wait, at most doubling: a handful of files that are not in the cache yet need no
 * crowd, two hundred handlers that sleep get theirs in a few steps. */
static void grow(struct pool *pool, struct wherry_server *server, unsigned waiting)
{
    unsigned more = MIN_OF(waiting, MIN_OF(pool->count, pool->max - pool->count));
    unsigned before = pool->count;

    while (more-- && start_one(pool, server))
        ;
    if (pool->count == before)
        return;
    set_permits(pool, server);
    log_debug("more workers", "workers=%u waiting=%u", pool->count, waiting);
}

/* A quarter of those that are too many, at least one. */
static void shrink(struct pool *pool, struct wherry_server *server)
{
    unsigned fewer = (pool->count - pool->base + 3) / 4;

    pool->count -= fewer;
    set_permits(pool, server);
    atomic_fetch_add(&pool->to_end, fewer);
    queue_nudge(&server->queue);
    log_debug("fewer workers", "workers=%u", pool->count);
}

/* Half of the extra workers have had nothing to do for a while. */
static void shrink_when_calm(struct pool *pool, struct wherry_server *server, int64_t now_ms)
{
    unsigned extra = pool->count - pool->base;

    if (!permits_has_spare(&server->permits, (extra + 1) / 2)) {
        pool->calm_since_ms = CLOCK_NEVER;
    } else if (pool->calm_since_ms == CLOCK_NEVER) {
        pool->calm_since_ms = now_ms;
    } else if (now_ms - pool->calm_since_ms >= POOL_SHRINK_AFTER_MS) {
        shrink(pool, server);
        pool->calm_since_ms = now_ms - POOL_SHRINK_AFTER_MS + POOL_SHRINK_STEP_MS;
    }
}

int64_t pool_keep(struct pool *pool, struct wherry_server *server, int64_t now_ms)
{
    int64_t  since;
    unsigned waiting = permits_waiting(&server->permits, &since);

    reap(pool);
    if (waiting && now_ms - since >= POOL_GROW_AFTER_MS && pool->count < pool->max)
        grow(pool, server, waiting);
    if (pool->count > pool->base)
        shrink_when_calm(pool, server, now_ms);
    return waiting && pool->count < pool->max ? POOL_GROW_AFTER_MS : CLOCK_NEVER;
}

bool pool_ends_one(struct pool *pool, struct wherry_server *server)
{
    unsigned left = atomic_load(&pool->to_end);

    do {
        if (left == 0)
            return false;
    } while (!atomic_compare_exchange_weak(&pool->to_end, &left, left - 1));
    /* Nudges that come at once are one event: whoever ends calls the next. */
    if (left > 1)
        queue_nudge(&server->queue);
    return true;
}

void pool_pass_on(struct pool *pool, struct wherry_server *server)
{
    if (atomic_load_explicit(&pool->to_end, memory_order_relaxed) > 0)
        queue_nudge(&server->queue);
}

bool pool_stop(struct pool *pool, struct wherry_server *server, int64_t within_ms)
{
    const struct timespec moment = {.tv_nsec = 2000000};
    int64_t               until = clock_now().ms + within_ms;

    if (!pool->workers)
        return true;
    atomic_fetch_add(&pool->to_end, pool->count);
    pool->count = 0;
    queue_nudge(&server->queue);
    while (reap(pool) > 0) {
        if (clock_now().ms >= until)
            return false;
        nanosleep(&moment, NULL);
    }
    free(pool->workers);
    pool->workers = NULL;
    return true;
}

/* pool - N workers: as many as cores at rest, more while work waits for a permit.
 *
 * Kept by the keeper of the house alone; workers only end when told. */
#ifndef SERVER_POOL_H
#define SERVER_POOL_H

#include "server/worker.h"

enum {
    POOL_GROW_AFTER_MS   = 10,      /* somebody has waited for a permit that long: grow */
    POOL_SHRINK_AFTER_MS = 2000,    /* so long has nobody needed the extra workers: shrink */
    POOL_SHRINK_STEP_MS  = 200,     /* and once more after that */
    POOL_STOP_MS         = 5000,    /* for workers to end that have nothing to do */
    POOL_STOP_LATE_MS    = 100,     /* and that were given their time before */
};

struct pool {
    struct worker **workers;        /* `max` places, NULL where there is none */
    unsigned        base, max;
    unsigned        count;          /* workers that were not told to end */
    atomic_uint     to_end;         /* that many workers shall end */
    int64_t         calm_since_ms;  /* nobody waits, and extra permits are spare */
};

/* Starts the workers of rest.  False with errno when not even two could be started. */
bool pool_start(struct pool *pool, struct wherry_server *server, unsigned base, unsigned max)
    MUST_USE;

/* Grows, shrinks, joins those that ended.  Returns in how many milliseconds it wants to be asked
 * again. */
int64_t pool_keep(struct pool *pool, struct wherry_server *server, int64_t now_ms);

/* Called by a worker between two turns: shall it end? */
bool pool_ends_one(struct pool *pool, struct wherry_server *server) MUST_USE;

/* A worker is about to block: if it has heard in passing that some shall end, another hears it. */
void pool_pass_on(struct pool *pool, struct wherry_server *server);

/* Ends all workers.  False when some still run after within_ms: then nothing they use may be
 * freed. */
bool pool_stop(struct pool *pool, struct wherry_server *server, int64_t within_ms) MUST_USE;

#endif

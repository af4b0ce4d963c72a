/* server - the machinery joined: what wherry.h calls a server, from inside.
 *
 * The calling thread of wherry_server_run keeps house: deadlines, pool, drain, ticks.  It never
 * runs a handler. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "base/log.h"
#include "net/listener.h"
#include "net/tls.h"
#include "server/pool.h"
#include "server/redirect.h"
#include "server/router.h"
#include "server/slab.h"
#include "server/spool.h"

enum { LISTENERS_MAX = 17, CALLS_MAX = 8 };

/* From one to the next, never back. */
enum life {
    LIFE_SERVING,
    LIFE_LEAVING,           /* asked to stop, and still open to newcomers for the drain delay */
    LIFE_STOPPING,
};

/* A function that somebody wants to be called. */
struct call {
    void (*function)(void *data);
    void *data;
};

struct wherry_server {
    struct wherry_settings settings;
    struct router          router;
    wherry_error_page     *error_page;
    void                  *error_data;
    struct call            ticks[CALLS_MAX];
    size_t                 ticks_count;
    struct call            stops[CALLS_MAX];    /* that are still to be made */
    size_t                 stops_count;
    struct call            releases[CALLS_MAX];
    size_t                 releases_count;

    struct spool           spool;           /* for long bodies */

    struct tls_store      *tls;             /* NULL: no HTTPS */
    struct tls_pair_files  tls_files[TLS_PAIRS_MAX];
    const char            *tls_names[TLS_SELF_NAMES_MAX];   /* for a certificate of our own */
    struct log_quota       handshake_quota;
    char                   hsts_line[64];   /* with its line end; "": none */
    struct redirect_ports  ports;

    struct listener        listeners[LISTENERS_MAX];
    size_t                 listeners_count;
    size_t                 public_count;    /* of them come first; behind them the admin's */
    struct queue           queue;
    struct slab            slab;
    struct timers          timers;          /* of the streams that wait */
    atomic_size_t          coding_bytes;    /* left for coding streams */
    struct permits         permits;
    struct pool            pool;
    struct worker          keeper;          /* the housekeeper's own */

    int                    keeper_fd;       /* eventfd: the keeper has something to look at */
    atomic_int             life;            /* enum life */
    atomic_bool            is_reloading;    /* somebody asked to read certificates anew */
    atomic_bool            is_draining;     /* answers say "Connection: close" */
    atomic_llong           drained_ms;      /* when the time to drain is up; CLOCK_NEVER: no end yet */
    atomic_bool            is_exhausted;    /* accept found no descriptor: try again later */
    atomic_bool            is_visited;      /* somebody came since the keeper looked last */
    int64_t                calm_at;         /* when memory may go back; CLOCK_NEVER: it has */
    atomic_uint            taking_in;       /* threads between accept and a slot for who came */
    bool                   has_stragglers;  /* workers that did not end: nothing may be freed */
};

/* Nobody has asked it to stop. */
static inline bool server_is_ready(const struct wherry_server *server)
{
    return atomic_load_explicit(&server->life, memory_order_relaxed) == LIFE_SERVING;
}

static inline bool server_is_admin(const struct wherry_server *server,
                                   const struct listener      *listener)
{
    return listener >= server->listeners + server->public_count;
}

/* Calls the keeper.  Any thread, and signal handlers. */
void server_call_keeper(struct wherry_server *server);

/* Makes room for newcomers: closes some of the connections that have been idle longest.  False when
 * none is idle. */
bool server_evict(struct wherry_server *server, struct worker *worker) MUST_USE;

#endif

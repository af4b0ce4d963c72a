/* stage - a real server on threads of its own, with a site, a handler that echoes, one that drips and one that
 * sleeps; to be started and stopped many times, and to be seen at rest.
 *
 * The site lies in the current folder, and so does the server's socket, "socket".  The thread
 * that runs the server is started even when threads are to fail (fault.h); what it does then may
 * fail. */
#ifndef TESTS_STAGE_H
#define TESTS_STAGE_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/server.h"
#include "site/site.h"

enum {
    STAGE_LARGE_BYTES = 300000,     /* not kept in memory, and more than one read */
    STAGE_PATIENCE_MS = 30000,      /* a machine may be busy; a test that hangs does so for ever */
};

struct stage_setting {
    size_t cache_files;             /* 0: everything is asked of the disk each time */
    bool   walks;                   /* as where openat2 is not to be had */
    bool   is_hasty;                /* gives nobody time to finish */
};

struct stage {
    struct site          *site;
    struct wherry_server *server;
    pthread_t             thread;
    bool                  is_running;
    atomic_bool           has_ended;
    bool                  was_finished;         /* what wherry_server_run said */
    char                  problem[256];         /* the sentence when something is wrong */
};

/* Makes the files of the site. */
void stage_files(void);

/* What the large one holds. */
struct str stage_large(size_t first, size_t length);

/* Nothing is written to stdout (nobody wants to read the access log of a few thousand visits), and
 * no complaint to stderr, until stage_speak. */
void stage_hush(void);
void stage_speak(void);

/* Opens a server for them and runs it; false with a problem.  To be closed in any case. */
bool stage_open(struct stage *stage, const struct stage_setting *setting);

/* Stops it and frees everything.  What it said stays. */
void stage_close(struct stage *stage);

/* Waits until nobody is connected, no permit is taken and no more descriptors are open than
 * `descriptors`; fails the test when that does not come. */
void stage_calm_down(struct stage *stage, size_t descriptors);

/* Waits until nobody is connected; gives how many descriptors are open then. */
size_t stage_calm(struct stage *stage);

/* Somebody has a permit or waits for one. */
bool stage_is_working(struct stage *stage);

/* Descriptors of this process that are open. */
size_t descriptors_open(void);

void sleep_us(int64_t us);

#endif

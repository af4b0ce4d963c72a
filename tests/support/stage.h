/* stage - a real server on threads of its own, a site for it, and a fixed dialogue with it.
 *
 * The dialogue asks for a small and a large file, ranges, a redirect, what is missing, and has
 * bodies given back to it: one request after the other, then all in one go, while a bystander is
 * connected and silent.  Every byte that comes is compared with what came when nothing failed,
 * Date and boundaries aside.
 *
 * The thread that plays the client is spared by faults (fault.h).  Works in the current folder. */
#ifndef TESTS_STAGE_H
#define TESTS_STAGE_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/server.h"
#include "site/site.h"

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

/* What may happen to a request while something fails. */
struct grace {
    bool may_be_cut;
    bool may_be_whole;              /* where ranges were asked for */
    int  statuses[3];               /* besides the right one; 0: none */
};

#define NO_GRACE ((struct grace){.may_be_cut = false})

/* Makes the files of the site. */
void stage_files(void);

/* Nothing is written to stdout (nobody wants to read the access log of a few thousand visits), and
 * no complaint to stderr, until stage_speak. */
void stage_hush(void);
void stage_speak(void);

/* Opens a server for them and runs it; false with a problem.  To be closed in any case. */
bool stage_open(struct stage *stage, const struct stage_setting *setting);

/* Stops it and frees everything.  What it said stays. */
void stage_close(struct stage *stage);

/* Keeps the answers for later: to be called once, while nothing fails. */
void stage_learn(struct stage *stage);
void stage_forget(void);

/* Holds the dialogue.  Fails the test with a sentence when a byte is wrong, when something happens
 * that is not in *grace, or when nothing happens for a long time. */
void stage_visit(struct stage *stage, const struct grace *grace);

/* One request after the other, and no more. */
void stage_visit_once(struct stage *stage, const struct grace *grace);

/* Only the two files. */
void stage_visit_files(struct stage *stage, const struct grace *grace);

/* Three at once whose handler sleeps: there are too few workers for that, and the pool grows. */
void stage_visit_sleepers(struct stage *stage, const struct grace *grace);

/* Waits until nobody is connected, no permit is taken and no more descriptors are open than
 * `descriptors`; fails the test when that does not come. */
void stage_calm_down(struct stage *stage, size_t descriptors);

/* Stops it while a handler sleeps; whoever asked is answered all the same. */
void stage_stop_midway(struct stage *stage, const struct grace *grace);

/* Waits until nobody is connected; gives how many descriptors are open then. */
size_t stage_calm(struct stage *stage);

/* Descriptors of this process that are open. */
size_t descriptors_open(void);

#endif

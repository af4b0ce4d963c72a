/* house - a server without threads: the test is its only worker, and turns its clock by hand.
 *
 * Guests come by a socket pair, or with a scripted transport.  Nothing runs but what house_run and
 * its like run, and nothing waits, so whatever a test sees it sees every time.
 *
 * Each house lives in a temporary folder of its own, which is the current one meanwhile. */
#ifndef TESTS_HOUSE_H
#define TESTS_HOUSE_H

#include "server/server.h"
#include "tests/support/caller.h"
#include "tests/support/folder.h"
#include "tests/support/scripted.h"

struct house {
    struct folder         folder;
    struct wherry_server *server;
    struct worker         worker;
    unsigned              turns;            /* times that a connection was run */
};

/* Whoever calls.  fd is the far end of the connection's socket, -1 for a scripted one. */
struct guest {
    struct conn *conn;              /* not to be touched once it was run, but for its atomics */
    int          fd;
    struct buf   heard;             /* everything that came back so far */
    bool         has_ended;         /* and there will be no more */
    bool         is_secure;         /* speaks TLS, as `caller` */
    struct caller caller;
};

/* Small limits, no log; change them before house_open. */
void house_settings(struct wherry_settings *settings);
void house_open(struct house *house, const struct wherry_settings *settings);
void house_close(struct house *house);

/* A newcomer, not run yet: guest->conn is the caller's.  NULL there when there is no slot. */
void house_admit(struct house *house, struct guest *guest);
void house_admit_scripted(struct house *house, struct guest *guest, struct scripted *scripted);

/* The house gets a certificate, and guests may come to its port for TLS.  Who comes by socket pair and
 * has a wish speaks TLS; without one he says what he likes. */
void house_secure(struct house *house);
void house_admit_to_tls(struct house *house, struct guest *guest, const struct caller_wish *wish);

/* Runs the house until both have agreed; false when they have not. */
bool house_shakes_hands(struct house *house, struct guest *guest);

/* A newcomer as accept brings them: run once. */
void house_welcome(struct house *house, struct guest *guest);

/* A newcomer who asks this, run as far as that goes; and one who leaves, with what follows. */
void house_ask(struct house *house, struct guest *guest, const char *request);
void house_see_off(struct house *house, struct guest *guest);

/* Runs what the queue says can go on, until nothing can. */
void house_run(struct house *house);

/* Runs what one look at the queue gives; false when that was nothing. */
bool house_run_batch(struct house *house);

/* Runs a connection as if an event about it had come. */
void house_poke(struct house *house, struct guest *guest);

/* Ends a connection that waits, as the keeper does; nothing when it has ended already. */
void house_dismiss(struct house *house, struct guest *guest, const char *why);

/* Time goes by; whose deadline is over, or whose stream is due, is dealt with as the keeper does. */
void house_pass_time(struct house *house, int64_t ms);

/* Nobody is there, and nobody holds or awaits a permit. */
bool house_is_empty(struct house *house);

void guest_say(struct guest *guest, struct str bytes);
void guest_say_text(struct guest *guest, const char *text);
void guest_end(struct guest *guest);        /* says that nothing follows, and listens on */

/* Listens to what there is, and gives all that was heard so far. */
struct str guest_listen(struct guest *guest);

/* One word or two for each answer: "200 hello, 404 close, ended".  The body is told below 400, "close" and
 * "keep-alive" as the head says, and at the end whether there may be more ("open"). */
struct str guest_summary(struct guest *guest, struct buf *out);

/* What was heard behind the first head. */
struct str heard_body(struct str heard);

/* Leaves, and forgets what was heard. */
void guest_leave(struct guest *guest);

#endif

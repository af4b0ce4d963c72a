/* signals - how the system asks the program to stop, or to look at its certificates.
 *
 * SIGTERM and SIGINT stop the server, which finishes what is in flight; a second one ends the
 * process at once.  SIGHUP makes it read certificates and keys anew.  SIGPIPE is ignored.  The
 * handlers are explicit ones, so they work for process 1 of a container, which has no default
 * actions.
 *
 * Work of another kind than a server is stopped by a flag. */
#ifndef MAIN_SIGNALS_H
#define MAIN_SIGNALS_H

#include <stdatomic.h>

struct wherry_server;

/* From here on signals are for `server`, which must live until signals_forget. */
void signals_direct(struct wherry_server *server);

/* The server is going away: a signal that would stop it ends the process from here on. */
void signals_forget(void);

/* From here on SIGTERM, SIGINT and SIGHUP set `stop`, which must live for ever; a second one ends the
 * process at once.  A file that grows too large is an error to whoever writes it (no SIGXFSZ). */
void signals_flag(atomic_bool *stop);

/* The one that has set it; 0: none has. */
int signals_received(void);

#endif

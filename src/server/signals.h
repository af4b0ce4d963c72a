/* signals - how the system asks a server to stop, or to look at its certificates.
 *
 * The handlers are explicit ones, so they work for process 1 of a container, which has no default
 * actions.  They stay when the server is gone: a signal that would stop it ends the process then. */
#ifndef SERVER_SIGNALS_H
#define SERVER_SIGNALS_H

struct wherry_server;

/* The server is going away.  Does nothing when the signals are not its own. */
void signals_forget(struct wherry_server *server);

#endif

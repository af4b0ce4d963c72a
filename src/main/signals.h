/* signals - how the system asks for an end of work that is no server's: by a flag.
 *
 * Those of a server are its own (wherry_server_take_signals). */
#ifndef MAIN_SIGNALS_H
#define MAIN_SIGNALS_H

#include <stdatomic.h>

/* From here on SIGTERM, SIGINT and SIGHUP set `stop`, which must live for ever; a second one ends the
 * process at once.  A file that grows too large is an error to whoever writes it (no SIGXFSZ). */
void signals_flag(atomic_bool *stop);

/* The one that has set it; 0: none has. */
int signals_received(void);

#endif

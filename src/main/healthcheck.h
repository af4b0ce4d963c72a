/* healthcheck - wherry --healthcheck: is the server that runs here well?
 *
 * For a HEALTHCHECK in an image without a shell.  It sees the image's environment and not what the
 * container was asked, so it looks for the running server, reads what that was asked, understands it
 * as the server did, and asks each of its listeners `OPTIONS *` (RFC 9110 §9.3.7: a "ping").  Other
 * options on its own command line are believed instead, and then nobody is looked for.
 *
 * Whoever answers is well, with whatever status below 500; so is who has no room for one more (503,
 * or hung up on at once: a restart would only hurt), and who wants a client's certificate. */
#ifndef MAIN_HEALTHCHECK_H
#define MAIN_HEALTHCHECK_H

#include "main/options.h"

enum healthcheck_code { HEALTHCHECK_WELL = CODE_FINE, HEALTHCHECK_UNWELL = CODE_NO };

enum { HEALTHCHECK_MS = 3000 };         /* for all listeners together */

/* The command line asks for it, whatever else is wrong with it: then the exit status is one of those
 * two. */
bool healthcheck_is_asked(char **argv) MUST_USE;

/* Asks, and prints one line.  `options` are those of the command line. */
enum healthcheck_code healthcheck_run(const struct options *options) MUST_USE;

/* Prints why the server is not well. */
enum healthcheck_code healthcheck_complain(const char *why);

#endif

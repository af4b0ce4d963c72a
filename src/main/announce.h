/* announce - what the program says once it listens.
 *
 *     wherry 0.1.0 carries /site
 *       http://localhost:8080
 *       https://localhost:8443
 *     to be refused, for what is wrong with the certificate:
 *       expired            https://localhost:9001
 *       ...
 *     its authority: /home/me/.local/state/wherry/ca.pem, SHA-256 AB:CD:...
 *
 * Each URL stands on a line of its own, for people and for programs that wait until it listens.  Of
 * an authority that is new, nobody can know: how to trust it is said for each system.  Where the
 * access log is in JSON, all of it is one object on one line, so that stdout is nothing but JSON. */
#ifndef MAIN_ANNOUNCE_H
#define MAIN_ANNOUNCE_H

#include "main/options.h"

/* To stdout, and to the log what is wrong with the authority.  Once `server` is open. */
void announce(const struct options *options, const struct wherry_server *server);

/* Appends the folder that is served, as seen from anywhere. */
void announce_root(const struct site_settings *site, struct buf *out);

/* Appends what is said about an authority. */
void announce_authority(const struct wherry_authority *authority, const char *cert_dir,
                        struct buf *out);

/* Appends one word for a shell, quoted where it has to be. */
void announce_word(struct buf *out, const char *word);

#endif

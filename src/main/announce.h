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
 * access log is in JSON, all of it is one object on one line, so that stdout is nothing but JSON.
 *
 * A promise, on which those who start it in a test rely: the first line comes once every listener is
 * open, with nothing before it, and has the word "carries" in it, in whichever form. */
#ifndef MAIN_ANNOUNCE_H
#define MAIN_ANNOUNCE_H

#include "main/options.h"

/* Appends all of it as one object of JSON on a line: what the --ready-file holds, and the greeting where
 * the access log is in JSON.  Once `server` is open. */
void announce_facts(const struct options *options, const struct wherry_server *server,
                    struct buf *out);

/* To stdout, and to the log what is wrong with the authority; `facts` are those above. */
void announce(const struct options *options, const struct wherry_server *server, struct str facts);

/* Appends the folder that is served, as seen from anywhere. */
void announce_root(const struct site_settings *site, struct buf *out);

/* Appends what is said about an authority. */
void announce_authority(const struct wherry_authority *authority, const char *cert_dir,
                        struct buf *out);

/* Appends one word for a shell, quoted where it has to be. */
void announce_word(struct buf *out, const char *word);

#endif

/* option_https - what the options of HTTPS mean together.
 *
 * Once all sources are read: switches HTTPS on where a certificate implies it, pairs certificates
 * with keys, finds the folder to keep our own in, and fills in options->server.tls. */
#ifndef MAIN_OPTION_HTTPS_H
#define MAIN_OPTION_HTTPS_H

#include "main/options.h"

/* False, with the mistake noted, when they do not fit together. */
bool option_https_settle(struct options *options, char **environment) MUST_USE;

#endif

/* hide - what is never served, though it may lie beneath the root. */
#ifndef MAIN_HIDE_H
#define MAIN_HIDE_H

#include "main/options.h"

/* The configuration file, and files with the values of variables; certificates, keys and their password; the authority of clients; the log
 * of secrets; the folder that keeps certificates, with everything in it.  False with one sentence
 * in `problem`. */
bool hide_what_is_ours(struct site *site, const struct options *options, char *problem,
                       size_t size) MUST_USE;

#endif

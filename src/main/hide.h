/* hide - what is never served, though it may lie beneath the root. */
#ifndef MAIN_HIDE_H
#define MAIN_HIDE_H

#include "main/options.h"

/* The configuration file, files with the values of variables, the folder of uploads, and what
 * site_hide_secrets hides.  False with one sentence in `problem`. */
bool hide_what_is_ours(struct site *site, const struct options *options, char *problem,
                       size_t size) MUST_USE;

#endif

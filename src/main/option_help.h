/* option_help - the option table, told to people.
 *
 * Writes into a buffer; its mark says when there was no room. */
#ifndef MAIN_OPTION_HELP_H
#define MAIN_OPTION_HELP_H

#include "main/options.h"

/* --help: lines of at most 99 columns. */
void option_help_print(struct buf *out);

/* The OPTIONS of the manual page, in mdoc. */
void option_manual_print(struct buf *out);

/* --print-config: `name = value   # where it came from`, one a line, a valid file again. */
void option_config_print(const struct options *options, struct buf *out);

#endif

/* option_spool - where long bodies go when nobody says: the folder for what is temporary.
 *
 * Once all sources are read: $TMPDIR (an absolute path), else /tmp; the first that is a folder we
 * can write to, else none. */
#ifndef MAIN_OPTION_SPOOL_H
#define MAIN_OPTION_SPOOL_H

#include "main/options.h"

void option_spool_settle(struct options *options, char **environment);

/* Can what is in force be used?  False: `problem` (size bytes) says why not. */
bool option_spool_check(const struct options *options, char *problem, size_t size) MUST_USE;

#endif

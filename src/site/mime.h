/* mime - the type of a file, by the end of its name.
 *
 * One table, as browsers need it.  Types are in lower case and without parameters.  Pure. */
#ifndef SITE_MIME_H
#define SITE_MIME_H

#include "base/str.h"

enum {
    MIME_ENDING_MAX = 32,       /* bytes; what is longer is in no table */
    MIME_TYPE_MAX   = 127,      /* bytes of a type; the longest in the table has 73 */
};

/* "text/html", "image/png"...; empty for what is not known.  The ending is compared whatever its
 * case. */
struct str mime_of(struct str name) MUST_USE;

/* What stands behind the last "." of the last segment, in lower case, in `room`; empty when there
 * is none, or it is too long. */
struct str mime_ending(struct str name, char room[MIME_ENDING_MAX]) MUST_USE;

/* The order of the table: by bytes, the shorter first. */
int mime_compare(struct str a, struct str b) MUST_USE;

/* The table is in that order; for a test. */
bool mime_is_sorted(void) MUST_USE;

#endif

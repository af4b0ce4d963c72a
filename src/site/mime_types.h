/* mime_types - the operator's own table of types: --mime-types FILE.
 *
 * In the form of /etc/mime.types: on each line a type and the endings it has, and what begins with
 * "#" is a remark.  It comes before the built-in table; of two lines for one ending the last one
 * counts.  Read once, then constant. */
#ifndef SITE_MIME_TYPES_H
#define SITE_MIME_TYPES_H

#include "base/str.h"

enum { MIME_TYPES_BYTES_MAX = 1024 * 1024 };    /* of the file; Debian's own has 70 KB */

struct mime_types;

/* NULL, with one sentence in `problem`, when the file cannot be read, a line in it is none, or
 * there is no memory. */
struct mime_types *mime_types_load(const char *path, char *problem, size_t size) MUST_USE;
void               mime_types_free(struct mime_types *types);

/* The type of a file of that name, of which `types` (NULL: none) are asked first; empty for what is
 * not known. */
struct str mime_types_of(const struct mime_types *types, struct str name) MUST_USE;

#endif

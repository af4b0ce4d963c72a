/* form - the values and files of a form that came as a body.
 *
 * application/x-www-form-urlencoded (WHATWG URL §5.1) or multipart/form-data (RFC 7578), from
 * memory or from the file that the body was spooled to.  Values are copied into an arena and
 * bounded by it; files stay where they are. */
#ifndef SERVER_FORM_H
#define SERVER_FORM_H

#include <wherry.h>

#include "base/arena.h"
#include "http/urlencoded.h"

enum { FORM_VALUES_MAX = 1000 };

/* All or nothing: with a problem there are neither values nor files. */
struct form {
    struct pairs          values;
    struct wherry_upload *uploads;
    size_t                uploads_count;
    const char           *problem;      /* a constant phrase; NULL: there is none */
};

/* Where a body is. */
struct form_body {
    struct str bytes;               /* ptr NULL: in the file */
    int        file;                /* read by pread, from its start */
    uint64_t   length;
};

/* Reads a body of this type; one of another type is an empty form.  What *form points to is in the
 * arena, or the body's. */
void form_read(struct form *form, struct str content_type, const struct form_body *body,
               struct arena *arena);

#endif

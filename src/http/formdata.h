/* formdata - the parts of a form: multipart/form-data (RFC 7578, RFC 2046 §5.1.1).
 *
 * Is fed the body in pieces of any size and says where each part's content lies, counted from the
 * body's first byte; the content itself it does not keep.  A few KiB, whatever the body's size.
 * What two readers could take for different forms is refused.  Pure. */
#ifndef HTTP_FORMDATA_H
#define HTTP_FORMDATA_H

#include "base/str.h"

enum {
    FORMDATA_PARTS_MAX    = 100,
    FORMDATA_VALUE_MAX    = 64 * 1024,      /* bytes: a part that is no file */
    FORMDATA_HEAD_MAX     = 4096,           /* bytes: the field lines of a part, and the empty one */
    FORMDATA_BOUNDARY_MAX = 70,             /* bytes, RFC 2046 §5.1.1 */
};

struct formdata_part {
    struct str name;            /* of the form's field */
    struct str file_name;       /* decoded, as the client says; ptr NULL: it is no file */
    struct str type;            /* media type; ptr NULL: none was given */
    uint64_t   offset;          /* of its content */
    uint64_t   length;
};

struct formdata {
    int                  state;             /* private to formdata.c, as all but `part` and `why` */
    char                 delimiter[4 + FORMDATA_BOUNDARY_MAX];  /* CRLF "--" boundary */
    size_t               delimiter_len;
    size_t               matched;           /* so much of it stands right before the next byte */
    uint64_t             at;                /* the next byte, counted from the first */
    unsigned             parts;
    size_t               head_len;
    struct formdata_part part;
    const char          *why;               /* of a refusal, a constant phrase; NULL: none */
    char                 head[FORMDATA_HEAD_MAX];
};

enum formdata_step {
    FORMDATA_MORE,          /* the piece is used up */
    FORMDATA_PART,          /* a part has ended: form->part, whose texts live until the next call */
    FORMDATA_REFUSED,       /* form->why */
};

/* Prepares it for a body of this Content-Type.  NULL, or why there can be no parts: no boundary, or
 * none that may be one. */
const char *formdata_init(struct formdata *form, struct str content_type) MUST_USE;

/* Takes bytes off the front of *piece, which is the next of the body, up to the end of a part or of
 * the piece. */
enum formdata_step formdata_next(struct formdata *form, struct str *piece) MUST_USE;

/* The body has ended here.  NULL: the form is whole; else why it is not. */
const char *formdata_end(const struct formdata *form) MUST_USE;

#endif

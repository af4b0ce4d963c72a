/* chunked - the chunked decoder (RFC 9112 §7.1).
 *
 * Fed with what arrived, in pieces of any size, it decodes in place and says how far it got.
 * Extensions and trailers are read, bounded, and dropped.  Pure. */
#ifndef HTTP_CHUNKED_H
#define HTTP_CHUNKED_H

#include "http/status.h"
#include "http/request.h"

enum {
    CHUNK_LINE_MAX    = 1024,       /* bytes: a size with its extensions and the line ends around */
    CHUNK_TRAILER_MAX = 8192,       /* bytes: all trailers together, the last CRLF included */
};

struct chunked {
    int      state;                 /* private to chunked.c; 0 is "before the first size" */
    uint64_t left;                  /* bytes of the present chunk still to come */
    size_t   line_bytes;            /* of the present line or of the trailers, so far */
    unsigned digits;                /* of the present size, so far */
};

#define CHUNKED_START ((struct chunked){0})

/* Decodes the bytes at *bytes, `*count` of them, in place: on return the first *count hold body
 * data and `*used` input bytes are spent (all of them unless the body ended: PARSE_DONE).
 * PARSE_MORE: all were used, the body goes on.  PARSE_REFUSED: *refusal is 400. A bare LF, a
 * size over 2^63 - 1, a missing CRLF after the data, control bytes in an extension, and trailers
 * that are no field lines are refused; so is framing over the limits above. */
enum parse chunked_decode(struct chunked *chunked, char *bytes, size_t *count, size_t *used,
                          struct refusal *refusal) MUST_USE;

#endif

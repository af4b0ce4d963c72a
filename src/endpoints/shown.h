/* shown - an answer in JSON that shows what came with the request, made while it is sent.
 *
 * In JSON a byte can take six, so a body that is shown costs a multiple of itself when the text is made
 * beforehand; and it is held until the last client has taken it.  Here what is long stays where it is,
 * in the body's memory or its file, and is written piece by piece: an answer costs what the exchange has
 * anyway, and at most 64 bytes for each string of a form.  What is short in all is made at once, and
 * has a Content-Length. */
#ifndef ENDPOINTS_SHOWN_H
#define ENDPOINTS_SHOWN_H

#include "base/str.h"
#include "wherry.h"

/* Where bytes stand that live as long as the exchange. */
struct shown_bytes {
    const char *ptr;            /* NULL: in the file */
    int         fd;
    uint64_t    offset;
    uint64_t    length;
};

static inline struct shown_bytes shown_slice(struct wherry_slice slice)
{
    return (struct shown_bytes){.ptr = slice.ptr ? slice.ptr : "", .fd = -1, .length = slice.len};
}

struct shown;

/* NULL: no memory. */
struct shown *shown_new(void) MUST_USE;

/* Adds a text as it stands, copied.  What cannot be added, here and below, fails shown_send. */
void shown_add(struct shown *shown, struct str text);

/* Adds a string: of bytes in UTF-8, else of Latin-1. */
void shown_add_string(struct shown *shown, struct shown_bytes bytes);

/* Adds a string: what is UTF-8 as text, else "data:type;base64,..." (RFC 2397). */
void shown_add_data(struct shown *shown, struct shown_bytes bytes, struct wherry_slice type);

/* Adds the bytes as they stand where they are one value of JSON, else null. */
void shown_add_json(struct shown *shown, struct shown_bytes bytes);

/* Something that was to be added cannot be had. */
void shown_fail(struct shown *shown);

/* Answers with it, and takes it over; NULL fails. */
enum wherry_next shown_send(struct wherry_exchange *exchange, struct shown *shown);

#endif

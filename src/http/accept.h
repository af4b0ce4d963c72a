/* accept - how much a client would like a media type (RFC 9110 §12.5.1).
 *
 * Reads Accept for one type at a time.  A field cannot be wrong enough to be refused: an element that
 * is not of the grammar is ignored, alone, and so is one with a parameter besides its weight, because
 * the types we ask for have none.  Pure. */
#ifndef HTTP_ACCEPT_H
#define HTTP_ACCEPT_H

#include "base/str.h"

/* What speaks for the type; of two elements the one that names it more exactly counts. */
enum accept_precision {
    ACCEPT_UNSAID,          /* nothing: it is not acceptable */
    ACCEPT_ANY,             /* an asterisk for both its halves */
    ACCEPT_KIND,            /* "image/" and an asterisk */
    ACCEPT_NAMED,
};

/* Zero is a type of which nothing was read yet. */
struct accepted {
    enum accept_precision precision;
    unsigned              weight;       /* in thousandths; 0: it must not be sent */
};

/* Adds what one field line says of `type` ("image/png", in lower case) to what those before it said.  Of
 * elements that are equally exact the smallest weight counts, so their order does not. */
void accept_read(struct str field, struct str type, struct accepted *accepted);

#endif

/* mime - the type of a file, by the end of its name. */
#ifndef SITE_MIME_H
#define SITE_MIME_H

#include "base/str.h"

/* "text/html", "image/png"...; "application/octet-stream" for what is not known.  The ending is
 * compared whatever its case. */
struct str mime_of(struct str name) MUST_USE;

/* The type is text in some encoding, so that a charset may be named: text/..., and what is made of
 * text (JavaScript, JSON, XML, SVG). */
bool mime_is_text(struct str type) MUST_USE;

/* The table is in the order that the search needs; for a test. */
bool mime_is_sorted(void) MUST_USE;

#endif

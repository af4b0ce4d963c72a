/* media_type - what can be said of a media type (RFC 9110 §8.3.1).
 *
 * Types are in lower case and without parameters.  Pure. */
#ifndef HTTP_MEDIA_TYPE_H
#define HTTP_MEDIA_TYPE_H

#include "base/str.h"

/* The type is made of text: text/..., JavaScript, JSON, XML, SVG, and so on. */
bool media_type_is_text(struct str type) MUST_USE;

/* And there may be text of that type in more than one encoding, so that naming the charset says
 * something.  Not JSON, which is always UTF-8 and has no such parameter (RFC 8259 §11). */
bool media_type_takes_charset(struct str type) MUST_USE;

/* Bytes of that type get much smaller by compression: text, WebAssembly, plain fonts and bitmaps.
 * False for what is packed already, and for what is not known. */
bool media_type_is_compressible(struct str type) MUST_USE;

#endif

/* trailer - which fields may stand behind a body (RFC 9110 §6.5.1).  Pure. */
#ifndef HTTP_TRAILER_H
#define HTTP_TRAILER_H

#include "base/str.h"

/* What says how to read the message, where it goes, who may have it, or what to do with the answer
 * has to be known before the body, and may not; whatever its case. */
bool trailer_is_allowed(struct str name) MUST_USE;

#endif

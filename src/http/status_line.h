/* status_line - the first line of an answer (RFC 9112 §4), as a client reads it.  Pure. */
#ifndef HTTP_STATUS_LINE_H
#define HTTP_STATUS_LINE_H

#include "base/str.h"

/* Reads the status off the line that `bytes` begin with, its end included.  False when that is no
 * whole, well-formed status line of HTTP/1.x; *status is untouched then. */
bool status_line_read(struct str bytes, int *status) MUST_USE;

#endif

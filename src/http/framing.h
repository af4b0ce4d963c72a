/* framing - how long the body of a request is (RFC 9112 §6).
 *
 * The place where requests get smuggled, so there is one reading or none.  Pure. */
#ifndef HTTP_FRAMING_H
#define HTTP_FRAMING_H

#include "http/request.h"

enum body_framing { BODY_NONE, BODY_LENGTH, BODY_CHUNKED };

struct framing {
    enum body_framing kind;
    uint64_t          length;       /* bytes, of BODY_LENGTH; never 0 there */
};

/* Refuses with 400: Content-Length that is malformed, came twice or is a list; both Content-Length
 * and Transfer-Encoding; chunked not last, missing, twice or with a parameter; an empty or
 * malformed element in Transfer-Encoding, and that field in HTTP/1.0.  With 501: a coding before
 * chunked (RFC 9112 §6.1). */
struct refusal framing_decide(const struct request *request, struct framing *framing) MUST_USE;

#endif

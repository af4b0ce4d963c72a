/* method - the request methods we know by name (RFC 9110 §9, RFC 5789).  Pure. */
#ifndef HTTP_METHOD_H
#define HTTP_METHOD_H

#include "base/str.h"

#define METHODS(X) \
    X(GET) X(HEAD) X(POST) X(PUT) X(DELETE) X(CONNECT) X(OPTIONS) X(TRACE) X(PATCH)

enum method {
#define X(name) METHOD_##name,
    METHODS(X)
#undef X
    METHOD_UNKNOWN,         /* a token that is none of these: 501 */
    METHODS_COUNT = METHOD_UNKNOWN,
};

/* Names are case-sensitive (RFC 9110 §9.1). */
enum method method_of(struct str name) MUST_USE;

/* "GET"...; "" for METHOD_UNKNOWN. */
struct str method_name(enum method method) MUST_USE;

#endif

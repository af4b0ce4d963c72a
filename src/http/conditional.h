/* conditional - does the client's copy still do? (RFC 9110 §13)
 *
 * Evaluates the preconditions of a request against the validators of what would be sent.
 * Pure: the present is an argument. */
#ifndef HTTP_CONDITIONAL_H
#define HTTP_CONDITIONAL_H

#include "http/request.h"

enum { VALIDATORS_TWINS_MAX = 2 };

struct validators {
    struct str etag;                /* as it stands in the field; ptr NULL: there is none */
    int64_t    last_modified;       /* seconds since 1970, or DATE_NONE */
    struct str twins[VALIDATORS_TWINS_MAX];     /* tags of the same in other codings; ptr NULL: none */
    bool       is_absent;           /* there is nothing yet: not even "*" names it */
};

enum condition {
    CONDITION_SEND,                 /* as if there were none */
    CONDITION_NOT_MODIFIED,         /* 304 */
    CONDITION_FAILED,               /* 412 */
};

/* In the order of RFC 9110 §13.2.2.  For GET and HEAD, If-None-Match and If-Modified-Since
 * (ignored when the former came, or when it is no date) end in 304. */
enum condition condition_check(const struct request *request, const struct validators *validators,
                               int64_t now_s) MUST_USE;

/* May Range be honoured?  True for GET without If-Range, and when that names the version we
 * have: by a strong tag that is the same, or a date that is exactly ours and strong (RFC 9110
 * §13.1.5, §8.8.2.2).  False for any other method. */
bool condition_range_holds(const struct request *request, const struct validators *validators,
                           int64_t now_s) MUST_USE;

#endif

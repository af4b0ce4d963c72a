/* range - which bytes of a representation the client asked for.
 *
 * Turns a Range field into spans (RFC 9110 §14).  Pure: no allocation, no I/O, no clock.  A
 * field we cannot use is an answer here, not an error, because that is how the RFC treats it. */
#ifndef HTTP_RANGE_H
#define HTTP_RANGE_H

#include "base/str.h"

enum {
    RANGE_SPANS_MAX = 16,           /* a longer list is answered with everything */
    RANGE_GAP_MAX   = 128,          /* bytes; a gap that is cheaper to send than to leave out */
};

/* Bytes [first, first + length) of a representation; length is never 0. */
struct span {
    uint64_t first;
    uint64_t length;
};

struct range_set {
    struct span spans[RANGE_SPANS_MAX];
    size_t      count;
};

enum range_verdict {
    RANGE_IGNORED,          /* absent, malformed, unknown unit, too many: 200, whole */
    RANGE_PARTIAL,          /* 206, spans[0 .. count) */
    RANGE_UNSATISFIABLE,    /* 416, and say how long the representation is */
};

/* Reads `field` (ptr NULL: absent) against a representation of `length` bytes.  Fills *set only
 * for RANGE_PARTIAL: the satisfiable spans in the order asked, clipped to the representation.
 * Borrows `field` for the call; never fails. */
enum range_verdict range_parse(struct str field, uint64_t length, struct range_set *set) MUST_USE;

/* Makes one span of those that overlap, touch, or have less than RANGE_GAP_MAX between them, as
 * RFC 9110 §15.3.7.2 allows, so that no answer is much longer than the representation.  The others
 * stay in the order asked. */
void range_coalesce(struct range_set *set);

#endif

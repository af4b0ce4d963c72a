/* multipart - several pieces of one representation in one answer (RFC 9110 §14.6).
 *
 * Makes the texts that stand before the pieces and behind the last one.  The pieces themselves
 * are sent from where they are. */
#ifndef SERVER_MULTIPART_H
#define SERVER_MULTIPART_H

#include "base/arena.h"
#include "http/range.h"
#include "server/writer.h"

enum { BOUNDARY_BYTES = 24 };

struct multipart {
    char                boundary[BOUNDARY_BYTES];
    struct writer_part *parts;      /* in the arena: one per span, then the end */
    size_t              count;
    uint64_t            length;     /* bytes of the whole body */
};

/* `type_line` is the "Content-Type: ...\r\n" of the representation, which is `length` bytes long.
 * False when there is no memory, or no chance to choose a boundary by. */
bool multipart_make(struct arena *arena, const struct range_set *set, struct str type_line,
                    uint64_t length, struct multipart *multipart) MUST_USE;

#endif

/* writer - how an answer becomes bytes on a transport.
 *
 * Holds what is still to be written: the head, then bytes from memory or a piece of a file; then
 * further parts of the same body, each with a text before it (multipart/byteranges).  Borrows all
 * of it.  A small answer leaves in one call, head and body together. */
#ifndef SERVER_WRITER_H
#define SERVER_WRITER_H

#include "net/transport.h"

/* A piece of a body with several, and what stands before it. */
struct writer_part {
    struct str text;
    uint64_t   first, length;
};

struct writer {
    struct str head;
    struct str bytes;               /* of the body, when it is in memory */
    struct str tail;                /* behind those, and not of the body: what ends a chunk */
    int        fd;                  /* of the body, when it is in a file; -1: it is not */
    uint64_t   offset;              /* of the next byte in the file */
    uint64_t   left;                /* bytes of the file still to send */
    uint64_t   body_sent;           /* bytes of the body that left */
    bool (*is_intact)(void *owner); /* asked before the last piece of a file leaves */
    void *owner;
    const struct writer_part *parts;    /* still to come */
    size_t      parts_left;
    const char *base;               /* where parts are cut from, when the body is in memory */
    bool        is_part;            /* what stands in `head` is of the body, too */
};

enum written {
    WRITTEN_ALL,
    WRITTEN_SOME,                   /* the budget is used up; there could be more */
    WRITTEN_BLOCKED,                /* the peer must take some first */
    WRITTEN_GONE,                   /* the peer is gone */
    WRITTEN_CUT,                    /* the file is not what it was: the rest must not be sent */
};

/* Writes as far as it goes, at most about *budget bytes, which is lowered by what was written. */
enum written writer_step(struct writer *writer, struct transport *transport, size_t *budget)
    MUST_USE;

#endif

/* scripted - a transport that behaves as a list says, and remembers what was written to it.
 *
 * Reads and writes have a list each.  Behind the end of its list a read would block, and a write
 * takes everything.  The descriptor is a real one that is always writable and never readable, so
 * that the queue accepts it; bytes never go through it.
 *
 * A connection copies its struct transport, so a script is found by its descriptor: it must stay
 * where it is from scripted_open to scripted_fini.  For one thread. */
#ifndef TESTS_SCRIPTED_H
#define TESTS_SCRIPTED_H

#include "base/buf.h"
#include "net/transport.h"

enum script_what {
    SCRIPT_GIVE,            /* reads get these bytes, as many at once as they have room for */
    SCRIPT_TAKE,            /* a write takes at most `count` bytes */
    SCRIPT_BLOCK,           /* it would block, once */
    SCRIPT_CLOSE,           /* the peer sends no more, now and from here on */
    SCRIPT_FAIL,            /* the connection is gone, now and from here on */
};

struct script_step {
    enum script_what what;
    const char      *bytes;         /* of SCRIPT_GIVE */
    size_t           count;         /* of SCRIPT_GIVE and SCRIPT_TAKE; 0 with GIVE: strlen(bytes) */
};

struct script {
    const struct script_step *steps;
    size_t                    count;
    size_t                    at;           /* the present step */
    size_t                    used;         /* bytes of it that were given */
};

struct scripted {
    struct script reads, writes;
    struct buf    written;
    unsigned      read_calls, write_calls, file_calls;
    bool          said_more;        /* the last write said that more follows at once */
    bool          is_shut, was_cut, is_closed;
    int           fd;
    /* Called before each write; NULL: nothing is. */
    void (*before_write)(struct scripted *scripted, void *context);
    void *context;
};

/* Its descriptor is open until transport_close or scripted_fini. */
struct transport scripted_open(struct scripted *scripted);
void             scripted_fini(struct scripted *scripted);

#define SCRIPT_OF(table) ((struct script){.steps = (table), .count = COUNTOF(table)})

#endif

/* body - the body of a request: in memory, or in a file where it is long or its route wants that.
 *
 * It is taken piece by piece as it comes.  What goes to a file is gathered until it is worth a
 * write, and body_write, which blocks, is for somebody with a permit.
 *
 * Owns its memory and its file, which is gone with it unless body_keep has given it a name. */
#ifndef SERVER_BODY_H
#define SERVER_BODY_H

#include <wherry.h>

#include "base/buf.h"
#include "http/status.h"
#include "server/spool.h"

enum {
    BODY_PIECE_BYTES = 256 * 1024,  /* gathered for a write */
    BODY_OWN_BYTES   = 16 * 1024,   /* in memory, which everybody may have */
    BODY_LOAN_BYTES  = 64 * 1024,   /* beyond that, it is taken by so many of what there is for all */
};

#define BODY_NO_LIMIT  UINT64_MAX
#define BODY_LIMIT_MAX (UINT64_MAX - 1)

struct body {
    bool         is_touched;    /* by its route, or because it came: there is something to reset */
    uint64_t     limit;         /* bytes; BODY_NO_LIMIT: its route has said nothing */
    int          folder;        /* where its route wants it; -1: anywhere */
    bool         is_kept;       /* somebody wants it; else it is counted and dropped */
    bool         is_spooled;    /* `file` is where it goes, or is */
    bool         is_in_place;   /* the file has got its name */
    uint64_t     expected;      /* bytes, as announced; 0: nobody knows */
    uint64_t     length;        /* bytes that came */
    struct buf   bytes;         /* those that are not in the file */
    struct draft file;
    size_t       lent;          /* of the memory for all, by `lender` */
    bool         is_pressed;    /* there was none left: it goes to the file as it comes */
    atomic_size_t *lender;
};

/* `bytes_max`: the most it may have in memory, what it takes at once included. */
void body_init(struct body *body, size_t bytes_max);
void body_clear(struct body *body);
void body_fini(struct body *body);

/* Most requests have none. */
static inline void body_reset(struct body *body)
{
    if (body->is_touched)
        body_clear(body);
}

/* What its route says, once the head has come. */
static inline void body_limit(struct body *body, uint64_t bytes)
{
    body->limit = MIN_OF(bytes, BODY_LIMIT_MAX);
    body->is_touched = true;
}

static inline void body_spool_to(struct body *body, int folder)
{
    body->folder = folder;
    body->is_touched = true;
}

/* The head has come, and the route has had its say: may there be a body of `announced` bytes (0:
 * none, or nobody knows)?  Refuses (413) what is too long for the route, or for `limit` where it
 * has said nothing; and what would have to go to a file where there is no place for it. */
struct refusal body_begin(struct body *body, const struct spool *spool, uint64_t announced,
                          uint64_t limit, bool is_kept) MUST_USE;

/* Some of it came; refuses the same, if only now.  And with 503 what has to stay in memory when bodies
 * have all that they may have together. */
struct refusal body_take(struct body *body, struct spool *spool, struct str data) MUST_USE;

/* It is time for body_write. */
static inline bool body_is_due(const struct body *body)
{
    return body->is_spooled && (body->bytes.len >= BODY_PIECE_BYTES || body->is_pressed);
}

/* Writes what was gathered, be it nothing to an empty file.  Refuses with 507 where there is no room,
 * 503 where something has run out, and else 500; the file is gone then. */
struct refusal body_write(struct body *body, struct spool *spool) MUST_USE;

/* What wherry_keep_body promises. */
enum wherry_kept body_keep(struct body *body, const char *name) MUST_USE;

#endif

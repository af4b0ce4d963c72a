/* arena - memory that lives as long as one request and goes in one step.
 *
 * Hands out pieces of larger blocks, aligned for anything.  Never frees a single piece; a
 * reset makes all of it free at once and keeps the first block for the next request.  It has a
 * ceiling, so what one request can take is known. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena_block;

struct arena {
    struct arena_block *blocks;     /* newest first */
    size_t              taken;      /* bytes of all blocks, their headers not counted */
    size_t              max;        /* bytes; the ceiling of that */
};

#define ARENA_UP_TO(bytes) ((struct arena){.max = (bytes)})

/* Frees everything; the arena keeps its ceiling and may be used again. */
void arena_fini(struct arena *arena);

/* Makes every piece free at once; the first block stays for the next request. */
void arena_reset(struct arena *arena);

/* `size` bytes, not cleared; NULL when that is over the ceiling or there is no memory. */
void *arena_alloc(struct arena *arena, size_t size) MUST_USE;

/* A copy of s in the arena; STR_NONE.ptr is never returned for a failure: ptr is NULL then. */
struct str arena_copy(struct arena *arena, struct str s) MUST_USE;

/* The same, terminated: NULL on failure.  Bytes after a NUL in s are not seen by the reader. */
char *arena_cstr(struct arena *arena, struct str s) MUST_USE;

#endif

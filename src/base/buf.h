/* buf - bytes that belong to us, up to a ceiling they are born with.
 *
 * Once an append has failed (over the ceiling, or no memory) the buffer stays failed until it
 * is reset, so callers may append many times and ask once.  A failed append changes nothing
 * but that mark.  Grows by doubling; the first growth gives at least 256 bytes. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/str.h"

struct buf {
    char  *ptr;             /* cap + 1 bytes: printf's terminator has a place behind the last */
    size_t len;
    size_t cap;
    size_t max;             /* bytes; the ceiling */
    bool   failed;
};

#define BUF_NONE         ((struct buf){0})
#define BUF_UP_TO(bytes) ((struct buf){.max = (bytes)})

/* Frees the bytes; the buffer is empty, keeps its ceiling, and may be used again. */
void buf_fini(struct buf *buf);

/* Empties the buffer and forgets a failure; the memory stays for the next use. */
void buf_reset(struct buf *buf);

/* Makes room for `more` bytes behind the last one.  False (and failed) when that is over the
 * ceiling or there is no memory. */
bool buf_reserve(struct buf *buf, size_t more) MUST_USE;

void buf_append(struct buf *buf, struct str bytes);
void buf_append_byte(struct buf *buf, char byte);
void buf_append_u64(struct buf *buf, uint64_t number);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);

/* Drops `count` bytes off the front (count <= len) and moves the rest down. */
void buf_consume(struct buf *buf, size_t count);

/* Makes `str` of what is in it; borrowed until the next change. */
static inline struct str buf_view(const struct buf *buf)
{
    return (struct str){buf->ptr ? buf->ptr : "", buf->len};
}

#endif

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

/* What buf_reserve does when the room it has is too small. */
bool buf_grow(struct buf *buf, size_t more) MUST_USE;

/* Makes room for `more` bytes behind the last one.  False (and failed) when that is over the
 * ceiling or there is no memory.  In the header, as are the appends: a head and its line in the
 * log are some eighty of them, and nearly all find room. */
MUST_USE static inline bool buf_reserve(struct buf *buf, size_t more)
{
    return (!buf->failed && more <= buf->cap - buf->len) || buf_grow(buf, more);
}

static inline void buf_append(struct buf *buf, struct str bytes)
{
    if (!buf_reserve(buf, bytes.len) || bytes.len == 0)
        return;
    memcpy(buf->ptr + buf->len, bytes.ptr, bytes.len);
    buf->len += bytes.len;
}

static inline void buf_append_byte(struct buf *buf, char byte)
{
    if (buf_reserve(buf, 1))
        buf->ptr[buf->len++] = byte;
}

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

#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUF_FIRST = 256 };       /* bytes; below that, growing costs more than it saves */

void buf_fini(struct buf *buf)
{
    free(buf->ptr);
    *buf = BUF_UP_TO(buf->max);
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

/* No object is larger than half of what can be counted, whatever ceiling was asked for. */
static size_t ceiling(const struct buf *buf)
{
    return MIN_OF(buf->max, SIZE_MAX / 2);
}

static size_t next_cap(const struct buf *buf, size_t needed)
{
    size_t cap = MAX_OF(buf->cap, (size_t)BUF_FIRST);

    while (cap < needed)
        cap *= 2;
    return MIN_OF(cap, ceiling(buf));
}

bool buf_grow(struct buf *buf, size_t more)
{
    size_t cap;
    char *ptr;

    if (buf->failed)
        return false;
    if (buf->len > ceiling(buf) || more > ceiling(buf) - buf->len)
        goto failed;

    cap = next_cap(buf, buf->len + more);
    /* One byte more than we count: vsnprintf insists on its terminator, also behind the last. */
    ptr = realloc(buf->ptr, cap + 1);
    if (!ptr)
        goto failed;
    buf->ptr = ptr;
    buf->cap = cap;
    return true;

failed:
    buf->failed = true;
    return false;
}

void buf_append_u64(struct buf *buf, uint64_t number)
{
    char digits[20];            /* as many as UINT64_MAX has */
    size_t first = sizeof(digits);

    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    buf_append(buf, str_of(digits + first, sizeof(digits) - first));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list values;
    int len;

    va_start(values, format);
    len = vsnprintf(NULL, 0, format, values);
    va_end(values);
    if (len < 0)
        buf->failed = true;
    if (len <= 0 || !buf_reserve(buf, (size_t)len))
        return;

    va_start(values, format);
    vsnprintf(buf->ptr + buf->len, (size_t)len + 1, format, values);
    va_end(values);
    buf->len += (size_t)len;
}

void buf_consume(struct buf *buf, size_t count)
{
    assert(count <= buf->len);
    buf->len -= count;
    if (buf->len && count)
        memmove(buf->ptr, buf->ptr + count, buf->len);
}

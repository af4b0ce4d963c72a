#include "base/str.h"

static unsigned char lower(char byte)
{
    unsigned char c = (unsigned char)byte;

    return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

bool str_equal_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_equal(str_from(s, s.len - suffix.len), suffix);
}

size_t str_find(struct str s, char byte)
{
    const char *found = s.len ? memchr(s.ptr, byte, s.len) : NULL;

    return found ? (size_t)(found - s.ptr) : s.len;
}

struct str str_trim(struct str s)
{
    while (s.len && is_blank(s.ptr[0]))
        s = str_from(s, 1);
    while (s.len && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* "a," and "a" both leave nothing behind their first part, and yet the first has one more.  The
 * difference is kept in the pointer of the empty rest.  There is one such place per separator,
 * so that a rest which is then split at another byte is the empty slice that it looks like. */
static const char one_more[256];

static const char *one_more_at(char separator)
{
    return &one_more[(unsigned char)separator];
}

bool str_split(struct str *rest, char separator, struct str *part)
{
    size_t at = str_find(*rest, separator);

    if (rest->len == 0) {
        bool is_last = rest->ptr == one_more_at(separator);

        if (is_last)
            *part = *rest = STR_NONE;
        return is_last;
    }

    *part = str_of(rest->ptr, at);
    if (at + 1 == rest->len)
        *rest = str_of(one_more_at(separator), 0);
    else
        *rest = str_from(*rest, at + 1);
    return true;
}

bool str_to_u64(struct str s, uint64_t *number)
{
    uint64_t sum = 0;

    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        if (__builtin_mul_overflow(sum, (uint64_t)10, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(s.ptr[i] - '0'), &sum))
            return false;
    }
    *number = sum;
    return true;
}

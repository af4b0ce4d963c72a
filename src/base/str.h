/* str - bytes that belong to someone else.
 *
 * A borrowed slice: a pointer and a length, not terminated, never freed, never
 * written through.  Everything that reads what a peer sent works on these, so
 * nothing is copied to be looked at.  Nothing here allocates or fails. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/base.h"

struct str {
    const char *ptr;
    size_t      len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_NONE     ((struct str){"", 0})

/* For printf: "%.*s", STR_ARG(slice). */
#define STR_ARG(s) (int)(s).len, (s).ptr

static inline struct str str_of(const char *ptr, size_t len)
{
    return (struct str){ptr, len};
}

/* Views a terminated string, which must outlive the slice. */
static inline struct str str_view(const char *terminated)
{
    return (struct str){terminated, strlen(terminated)};
}

static inline bool str_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Compares with A to Z and a to z the same, every other byte as it is. */
bool str_equal_nocase(struct str a, struct str b) MUST_USE;

MUST_USE static inline bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_equal(str_of(s.ptr, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix) MUST_USE;

/* The slice from byte `from` on; empty when there is nothing there. */
MUST_USE static inline struct str str_from(struct str s, size_t from)
{
    if (from == 0)
        return s;
    if (from >= s.len)
        return str_of(s.len ? s.ptr + s.len : s.ptr, 0);
    return str_of(s.ptr + from, s.len - from);
}

/* Where `byte` first stands in s, or s.len when it does not. */
size_t str_find(struct str s, char byte) MUST_USE;

/* Without the spaces and tabs at both ends (OWS, RFC 9110 §5.6.3). */
struct str str_trim(struct str s) MUST_USE;

/* Takes what stands before the first `separator` off the front of *rest into *part, and
 * the separator with it.  False once *rest is used up; an empty last part is given too
 * ("a," has two), and an empty slice has none. */
bool str_split(struct str *rest, char separator, struct str *part) MUST_USE;

/* Digits only, at least one, no sign or space.  False, *number untouched, when the slice is
 * not of that form or the number does not fit 64 bits. */
bool str_to_u64(struct str s, uint64_t *number) MUST_USE;

#endif

/* urlencoded - the names and values of a query or a form (WHATWG URL §5.1).
 *
 * Decodes application/x-www-form-urlencoded where it stands, which never makes it longer.  Values
 * are bytes as they were sent: any byte may be among them, and nothing says that they are UTF-8.
 * Pure. */
#ifndef HTTP_URLENCODED_H
#define HTTP_URLENCODED_H

#include "base/str.h"

struct pair {
    struct str name;
    struct str value;
};

/* In the order they came. */
struct pairs {
    struct pair *all;
    size_t       count;
};

/* How many pairs stand in what is not decoded yet: pieces between "&" that are not empty. */
size_t urlencoded_count(struct str encoded) MUST_USE;

/* Decodes the first `most` pairs of the `len` bytes at `bytes` in place, and gives how many there
 * are.  A NUL stands behind each name and each value; bytes[len] is there for the last one.  A
 * piece without "=" is a name with an empty value; an escape that is none stays as it is. */
size_t urlencoded_decode(char *bytes, size_t len, struct pair *pairs, size_t most) MUST_USE;

/* The first value of that name; ptr NULL when there is none. */
struct str pairs_find(const struct pairs *pairs, struct str name) MUST_USE;

#endif

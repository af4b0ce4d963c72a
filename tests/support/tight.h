/* tight - inputs in exactly sized heap copies, so that a sanitizer sees one byte too far. */
#ifndef TESTS_TIGHT_H
#define TESTS_TIGHT_H

#include "base/str.h"

struct tight_str {
    struct str view;
    char      *bytes;       /* ours; view.ptr is the same, or NULL for an absent value */
};

/* Copies a terminated string without its terminator; NULL makes a view with ptr NULL. */
struct tight_str tight_str(const char *text);
struct tight_str tight_bytes(const char *bytes, size_t len);
void tight_str_free(struct tight_str *tight);

#endif

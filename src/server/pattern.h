/* pattern - where a route lies, read once: "/todos/{id}", "/files/" and a "*" (wherry.h).
 *
 * Segments are words, which stand for themselves, or names in braces, which stand for any one
 * segment; behind them a "*" may take everything below.  Belongs to the arena it was read into. */
#ifndef SERVER_PATTERN_H
#define SERVER_PATTERN_H

#include "base/arena.h"

struct pattern_segment {
    struct str text;                /* the word, or the name without its braces */
    bool       is_name;
};

struct pattern {
    const char             *text;       /* as it was given; a copy */
    struct pattern_segment *segments;
    size_t                  count;      /* the "*" is none of them */
    size_t                  names;      /* how many of them are names */
    bool                    takes_rest; /* there is a "*" behind them */
};

/* Reads `text`, of which it keeps a copy.  False: no memory, or no good pattern: it does not begin
 * with "/"; a segment is empty, "." or ".."; a name is empty or there twice; a brace or "*" stands
 * where it means nothing. */
bool pattern_read(struct pattern *pattern, const char *text, struct arena *arena) MUST_USE;

/* Takes the first segment off a path; an empty one when there is none. */
struct str pattern_next_segment(struct str *rest);

/* Does a path fit, whose segments are what stands between its "/"?  It has lost those at its ends,
 * as target.h says, and `is_directory` says whether there was one behind.  Then *rest is what "*"
 * stands for, the end of the path. */
bool pattern_fits(const struct pattern *pattern, struct str path, bool is_directory,
                  struct str *rest) MUST_USE;

/* Below 0 when `a` is more exact in the first segment where the two are of different kinds, above
 * when `b` is; 0 when there is none.  Of the patterns that fit a path, the first in this order
 * wins. */
int pattern_compare(const struct pattern *a, const struct pattern *b) MUST_USE;

/* The same but for what names are called: what fits one fits the other. */
bool pattern_is_same(const struct pattern *a, const struct pattern *b) MUST_USE;

#endif

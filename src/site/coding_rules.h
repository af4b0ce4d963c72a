/* coding_rules - which files are worth coding, as the operator has it.
 *
 * A constant table of the site's settings; pure. */
#ifndef SITE_CODING_RULES_H
#define SITE_CODING_RULES_H

#include "base/str.h"

/* A media type ("text/html", "text/" + "*") or a path ("/a.html", "/drafts/" + "*"). */
struct coding_rules {
    bool               is_on;
    uint64_t           least, most;     /* bytes of a file that we code ourselves */
    const char *const *except;          /* what is never sent coded; borrowed */
    size_t             except_count;
};

/* `pattern` is a path or a media type, "*" standing for the rest of either. */
bool coding_pattern_is_valid(const char *pattern) MUST_USE;

/* A file of that name (beneath the root) and type may be sent in a coding that lies beside it.
 * While its type is not known yet, `type` is empty. */
bool coding_rules_allow(const struct coding_rules *rules, struct str name,
                        struct str type) MUST_USE;

/* And we may make one: its type gets smaller, and its length is neither too little nor too much. */
bool coding_rules_favour(const struct coding_rules *rules, struct str name, struct str type,
                         uint64_t length) MUST_USE;

#endif

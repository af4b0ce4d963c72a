/* guide - the page that lists the endpoints, for a person: with each of them what comes, and a link to
 * try it.
 *
 * Made once. */
#ifndef ENDPOINTS_GUIDE_H
#define ENDPOINTS_GUIDE_H

#include "base/buf.h"
#include "endpoints/endpoint.h"

struct guide {
    struct buf page;
};

/* Of these groups in their order; `prefix` stands before each target.  False when there is no memory. */
bool guide_make(struct guide *guide, const char *prefix,
                const struct endpoint_group *const groups[], size_t count) MUST_USE;

/* Does nothing to one that is all zero. */
void guide_fini(struct guide *guide);

/* Its data is a struct guide. */
wherry_handler guide_answer;

#endif

/* guide - the page that lists the endpoints, for a person: with each of them what comes, and a link to
 * try it.
 *
 * Made once, of the groups in the order they are added. */
#ifndef ENDPOINTS_GUIDE_H
#define ENDPOINTS_GUIDE_H

#include "base/buf.h"
#include "endpoints/endpoint.h"

struct guide {
    struct buf  page;
    const char *prefix;         /* borrowed, before each target */
};

void guide_begin(struct guide *guide, const char *prefix);
void guide_fini(struct guide *guide);

/* False when there is no memory. */
bool guide_add(struct guide *guide, const struct endpoint_group *group) MUST_USE;
bool guide_finish(struct guide *guide) MUST_USE;

/* Its data is a struct guide. */
wherry_handler guide_answer;

#endif

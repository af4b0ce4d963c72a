/* plan - which files of a site there are to be looked at, by one walk through its folders.
 *
 * All of them but what is never served: dotted names (.well-known at the root apart), hidden files,
 * links and special files; and but what lies beside another file as a coding of it.  No link is
 * followed, so every file is met once.  Owns the names. */
#ifndef SITE_PLAN_H
#define SITE_PLAN_H

#include <stdatomic.h>

#include "base/buf.h"
#include "site/root.h"

enum { PLAN_NAMES_MAX = 1 << 30 };      /* bytes of all names together */

struct plan_item {
    uint64_t bytes;             /* of the file */
    size_t   name;              /* where it stands in the names */
};

struct plan_list {
    struct plan_item *items;
    size_t            count;
    size_t            room;
};

struct plan {
    struct buf       names;     /* terminated each */
    struct plan_list files;
    struct plan_list folders;
    uint64_t         bytes;     /* of all files */
};

#define PLAN_NONE ((struct plan){.names = BUF_UP_TO(PLAN_NAMES_MAX)})

/* A folder that cannot be read, which leaves out what is in it. */
typedef void plan_trouble_fn(const char *folder, int error, void *data);

/* Walks.  The largest files come first, so that no thread is left with one at the end.  False when
 * there is no memory.  Ends early, with what it has, when *stop is set. */
bool plan_make(struct plan *plan, struct root *root, const atomic_bool *stop,
               plan_trouble_fn *trouble, void *data) MUST_USE;
void plan_fini(struct plan *plan);

static inline const char *plan_name(const struct plan *plan, const struct plan_item *item)
{
    return plan->names.ptr + item->name;
}

#endif

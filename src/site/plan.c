#include "site/plan.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "coding/encode.h"
#include "site/resolve.h"

enum { ITEMS_AT_FIRST = 256 };

/* A folder that is being shown. */
struct walk {
    struct plan *plan;
    struct root *root;
    const char  *folder;        /* "" or "a/b", terminated; a copy, because the names move */
    bool         has_memory;
};

void plan_fini(struct plan *plan)
{
    buf_fini(&plan->names);
    free(plan->files.items);
    free(plan->folders.items);
    *plan = PLAN_NONE;
}

static bool grow(struct plan_list *list)
{
    size_t room = list->room ? 2 * list->room : ITEMS_AT_FIRST;
    struct plan_item *items;

    if (list->count < list->room)
        return true;
    items = realloc(list->items, room * sizeof *items);
    if (!items)
        return false;
    list->items = items;
    list->room = room;
    return true;
}

static bool add(struct plan *plan, struct plan_list *list, const char *name, uint64_t bytes)
{
    struct plan_item item = {bytes, plan->names.len};

    buf_append(&plan->names, str_of(name, strlen(name) + 1));
    if (plan->names.failed || !grow(list))
        return false;
    list->items[list->count++] = item;
    return true;
}

/* page.html.gz while there is a page.html. */
static bool is_beside(struct root *root, struct str name)
{
    for (enum coding coding = CODING_GZIP; coding < CODINGS; coding++) {
        struct str suffix = coding_suffix(coding);
        char original[PATH_MAX];
        struct stat status;

        if (name.len <= suffix.len || !str_ends(name, suffix))
            continue;
        memcpy(original, name.ptr, name.len - suffix.len);
        original[name.len - suffix.len] = '\0';
        return root_look(root, original, &status) == ROOT_FOUND && S_ISREG(status.st_mode);
    }
    return false;
}

static bool show(const char *last, const struct stat *status, void *data)
{
    struct walk *walk = data;
    struct plan *plan = walk->plan;
    char name[PATH_MAX];
    int len = snprintf(name, sizeof name, "%s%s%s", walk->folder, *walk->folder ? "/" : "", last);

    /* What has too long a name cannot be asked for either. */
    if (len < 0 || (size_t)len >= sizeof name || resolve_is_dotted(str_of(name, (size_t)len)))
        return true;
    if (S_ISDIR(status->st_mode)) {
        walk->has_memory = add(plan, &plan->folders, name, 0);
    } else if (!is_beside(walk->root, str_of(name, (size_t)len))) {
        walk->has_memory = add(plan, &plan->files, name, (uint64_t)status->st_size);
        plan->bytes += (uint64_t)status->st_size;
    }
    return walk->has_memory;
}

static int compare(const void *a, const void *b, void *data)
{
    const struct plan *plan = data;
    const struct plan_item *one = a, *other = b;

    if (one->bytes != other->bytes)
        return one->bytes < other->bytes ? 1 : -1;
    return strcmp(plan_name(plan, one), plan_name(plan, other));
}

static bool walk_folder(struct walk *walk, const struct plan_item *item, plan_trouble_fn *trouble,
                        void *data)
{
    char folder[PATH_MAX];
    enum root_find find;

    snprintf(folder, sizeof folder, "%s", plan_name(walk->plan, item));
    walk->folder = folder;
    find = root_list(walk->root, folder, show, walk);
    /* It may be hidden, or have gone meanwhile; the root may not. */
    if (find != ROOT_FOUND && (find != ROOT_MISSING || *folder == '\0'))
        trouble(folder, errno, data);
    return walk->has_memory;
}

bool plan_make(struct plan *plan, struct root *root, const atomic_bool *stop,
               plan_trouble_fn *trouble, void *data)
{
    struct walk walk = {.plan = plan, .root = root};

    walk.has_memory = add(plan, &plan->folders, "", 0);
    for (size_t i = 0; walk.has_memory && i < plan->folders.count && !atomic_load(stop); i++) {
        struct plan_item item = plan->folders.items[i];

        walk.has_memory = walk_folder(&walk, &item, trouble, data);
    }
    if (walk.has_memory && plan->files.count > 1)
        qsort_r(plan->files.items, plan->files.count, sizeof *plan->files.items, compare, plan);
    return walk.has_memory;
}

/* hidden - what is never served, by whatever name it is asked for.
 *
 * Files and folders are hidden by name: by what their names lead to at the moment somebody asks,
 * and by what they led to before, for as long as that has a name anywhere.  What a name leads to is
 * held open (O_PATH), so its inode number cannot pass to another file meanwhile.
 *
 * Opens nothing itself: the one who does is handed in.  Threads may share it; only additions and
 * hidden_refresh are for one thread at a time. */
#ifndef SITE_HIDDEN_H
#define SITE_HIDDEN_H

#include <pthread.h>
#include <sys/stat.h>

#include "base/str.h"

enum {
    HIDDEN_MAX      = 64,       /* names */
    HIDDEN_VERSIONS = 8,        /* of each: what it leads to, and what it led to before */
};

/* What makes two names the same file. */
struct identity {
    dev_t device;
    ino_t inode;
};

struct identity identity_of(const struct stat *status) MUST_USE;
bool            identity_equal(struct identity a, struct identity b) MUST_USE;

enum hidden_kind { HIDDEN_FILE, HIDDEN_FOLDER };

struct hidden_version {
    struct identity identity;
    int             pin;            /* keeps the inode; -1: there was no descriptor for it */
    bool            is_elsewhere;   /* a folder that does not lie beneath the root */
};

struct hidden_name {
    char                 *path;     /* absolute */
    enum hidden_kind      kind;
    struct hidden_version versions[HIDDEN_VERSIONS];    /* the oldest first */
    size_t                count;
};

struct hidden {
    pthread_mutex_t    mutex;       /* over count, and the versions of each name */
    int              (*pin)(const char *path);      /* opens with O_PATH; -1 with errno */
    struct hidden_name names[HIDDEN_MAX];
    size_t             count;
};

void hidden_init(struct hidden *hidden, int (*pin)(const char *path));
void hidden_fini(struct hidden *hidden);

/* Takes over `path`, which need not be there yet.  False, and it is the caller's still, when there
 * is no room for more. */
bool hidden_add(struct hidden *hidden, enum hidden_kind kind, char *path) MUST_USE;

/* True for what a hidden name leads to, now or before.  Looks at the names of that kind now, so
 * what is asked about should have been opened before. */
bool hidden_has(struct hidden *hidden, enum hidden_kind kind, struct identity identity) MUST_USE;

/* The same without a look at the names. */
bool hidden_knows(struct hidden *hidden, enum hidden_kind kind,
                  struct identity identity) MUST_USE;

/* Looks at the names of folders now.  True when one may lie beneath the root, so that the way to a
 * file has to be watched: unless hidden_refresh has seen that it does not, which is looked at again
 * with each refresh (a folder beneath the root under a second mount is not noticed). */
bool hidden_is_near(struct hidden *hidden) MUST_USE;

/* Looks at all names, forgets what has no name any more, and where the folders lie. */
void hidden_refresh(struct hidden *hidden, struct identity root);

/* Forgets where the folders lie: the root is about to be another one. */
void hidden_move(struct hidden *hidden);

/* True when `folder`, an open one, is a hidden folder or lies in one. */
bool hidden_holds(struct hidden *hidden, int folder) MUST_USE;

#endif

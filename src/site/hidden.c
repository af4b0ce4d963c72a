#include "site/hidden.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

struct identity identity_of(const struct stat *status)
{
    return (struct identity){status->st_dev, status->st_ino};
}

bool identity_equal(struct identity a, struct identity b)
{
    return a.device == b.device && a.inode == b.inode;
}

/* ---- what is known ----------------------------------------------------------------- */

static void unpin(int pin)
{
    if (pin != -1)
        close(pin);
}

static size_t count_names(struct hidden *hidden)
{
    size_t count;

    pthread_mutex_lock(&hidden->mutex);
    count = hidden->count;
    pthread_mutex_unlock(&hidden->mutex);
    return count;
}

/* With the mutex held. */
static struct hidden_version *find_version(struct hidden_name *name, struct identity identity)
{
    for (size_t i = 0; i < name->count; i++)
        if (identity_equal(name->versions[i].identity, identity))
            return &name->versions[i];
    return NULL;
}

/* The same; gives the version back, which is no longer there. */
static struct hidden_version drop_version(struct hidden_name *name, size_t index)
{
    struct hidden_version dropped = name->versions[index];

    name->count--;
    memmove(&name->versions[index], &name->versions[index + 1],
            (name->count - index) * sizeof *name->versions);
    return dropped;
}

bool hidden_knows(struct hidden *hidden, enum hidden_kind kind, struct identity identity)
{
    bool found = false;

    pthread_mutex_lock(&hidden->mutex);
    for (size_t i = 0; i < hidden->count && !found; i++)
        found = hidden->names[i].kind == kind && find_version(&hidden->names[i], identity);
    pthread_mutex_unlock(&hidden->mutex);
    return found;
}

/* ---- looking at the names ---------------------------------------------------------- */

static bool is_known(struct hidden *hidden, struct hidden_name *name, struct identity identity)
{
    bool found;

    pthread_mutex_lock(&hidden->mutex);
    found = find_version(name, identity) != NULL;
    pthread_mutex_unlock(&hidden->mutex);
    return found;
}

/* Takes over the pin. */
static void learn(struct hidden *hidden, struct hidden_name *name, struct identity identity,
                  int pin)
{
    struct hidden_version version = {.identity = identity, .pin = pin};
    struct hidden_version dropped = {.pin = -1};

    pthread_mutex_lock(&hidden->mutex);
    if (find_version(name, identity)) {
        dropped = version;              /* another thread was quicker */
    } else {
        if (name->count == HIDDEN_VERSIONS)
            dropped = drop_version(name, 0);
        name->versions[name->count++] = version;
    }
    pthread_mutex_unlock(&hidden->mutex);
    unpin(dropped.pin);
}

/* What the name leads to now, which is known from here on.  Between the look and the pin it may be
 * given to another file: then both count.  False when it leads nowhere. */
static bool look(struct hidden *hidden, struct hidden_name *name, struct identity *identity)
{
    struct stat status, pinned;
    int         pin;

    if (stat(name->path, &status) == -1)
        return false;
    *identity = identity_of(&status);
    if (is_known(hidden, name, *identity))
        return true;
    pin = hidden->pin(name->path);
    if (pin != -1 && fstat(pin, &pinned) == 0 &&
        !identity_equal(identity_of(&pinned), *identity)) {
        learn(hidden, name, identity_of(&pinned), pin);
        pin = -1;
    }
    learn(hidden, name, *identity, pin);
    return true;
}

bool hidden_has(struct hidden *hidden, enum hidden_kind kind, struct identity identity)
{
    size_t          count = count_names(hidden);
    bool            found = false;
    struct identity now;

    for (size_t i = 0; i < count; i++)
        if (hidden->names[i].kind == kind && look(hidden, &hidden->names[i], &now))
            found |= identity_equal(now, identity);
    return found || hidden_knows(hidden, kind, identity);
}

/* ---- where folders lie ------------------------------------------------------------- */

/* Goes up from an open folder.  True when it meets one that `meets` says yes to. */
static bool climb(int folder, bool (*meets)(void *data, struct identity identity), void *data,
                  bool *has_arrived)
{
    char            up[PATH_MAX] = ".";
    struct identity last = {0};
    struct stat     status;

    *has_arrived = false;
    for (size_t len = 1; len + 3 < sizeof up; len += 3) {
        if (fstatat(folder, up, &status, 0) == -1)
            return false;
        if (meets(data, identity_of(&status)))
            return true;
        if (len > 1 && identity_equal(identity_of(&status), last)) {
            *has_arrived = true;        /* "/" is its own parent */
            return false;
        }
        last = identity_of(&status);
        memcpy(up + len, "/..", 4);
    }
    return false;
}

static bool is_this(void *data, struct identity identity)
{
    return identity_equal(*(struct identity *)data, identity);
}

static bool is_hidden_folder(void *data, struct identity identity)
{
    return hidden_knows(data, HIDDEN_FOLDER, identity);
}

bool hidden_holds(struct hidden *hidden, int folder)
{
    bool has_arrived;

    return climb(folder, is_hidden_folder, hidden, &has_arrived);
}

/* No lock is held while a file is looked at, and meanwhile newer versions may push this one out:
 * hence the copy of its pin, and the judgement by identity. */
static void judge(struct hidden *hidden, struct hidden_name *name, struct identity identity,
                  bool is_elsewhere)
{
    struct hidden_version *version;

    pthread_mutex_lock(&hidden->mutex);
    version = find_version(name, identity);
    if (version)
        version->is_elsewhere = is_elsewhere;
    pthread_mutex_unlock(&hidden->mutex);
}

/* A pin of the caller's, for what the version is pinned to; -1: there is none. */
static int copy_pin(struct hidden *hidden, struct hidden_name *name, size_t index,
                    struct identity *identity)
{
    int pin = -1;

    pthread_mutex_lock(&hidden->mutex);
    if (index < name->count) {
        *identity = name->versions[index].identity;
        if (name->versions[index].pin != -1)
            pin = fcntl(name->versions[index].pin, F_DUPFD_CLOEXEC, 0);
    }
    pthread_mutex_unlock(&hidden->mutex);
    return pin;
}

void hidden_move(struct hidden *hidden)
{
    pthread_mutex_lock(&hidden->mutex);
    for (size_t i = 0; i < hidden->count; i++)
        for (size_t v = 0; v < hidden->names[i].count; v++)
            hidden->names[i].versions[v].is_elsewhere = false;
    pthread_mutex_unlock(&hidden->mutex);
}

/* With the mutex held. */
static bool is_near(const struct hidden_name *name)
{
    for (size_t i = 0; i < name->count; i++)
        if (!name->versions[i].is_elsewhere)
            return true;
    return false;
}

bool hidden_is_near(struct hidden *hidden)
{
    size_t          count = count_names(hidden);
    bool            found = false;
    struct identity now;

    for (size_t i = 0; i < count; i++)
        if (hidden->names[i].kind == HIDDEN_FOLDER)
            (void)look(hidden, &hidden->names[i], &now);
    pthread_mutex_lock(&hidden->mutex);
    for (size_t i = 0; i < count && !found; i++)
        found = hidden->names[i].kind == HIDDEN_FOLDER && is_near(&hidden->names[i]);
    pthread_mutex_unlock(&hidden->mutex);
    return found;
}

/* ---- keeping it up to date --------------------------------------------------------- */

/* What could not be pinned may be another file by now; if the name leads there still, the next look
 * finds it again. */
static void forget_unpinned(struct hidden *hidden, struct hidden_name *name)
{
    pthread_mutex_lock(&hidden->mutex);
    for (size_t i = name->count; i-- > 0;)
        if (name->versions[i].pin == -1)
            (void)drop_version(name, i);
    pthread_mutex_unlock(&hidden->mutex);
}

static void forget(struct hidden *hidden, struct hidden_name *name, struct identity identity)
{
    struct hidden_version *version;
    int                    pin = -1;

    pthread_mutex_lock(&hidden->mutex);
    version = find_version(name, identity);
    if (version)
        pin = drop_version(name, (size_t)(version - name->versions)).pin;
    pthread_mutex_unlock(&hidden->mutex);
    unpin(pin);
}

/* Nobody can open what has no name any more; and a folder lies elsewhere when the way up from it
 * ends without having met the root. */
static void refresh_version(struct hidden *hidden, struct hidden_name *name, size_t index,
                            struct identity root)
{
    struct identity identity = {0};
    struct stat     status;
    bool            has_arrived = false, meets_root;
    int             pin = copy_pin(hidden, name, index, &identity);

    if (pin == -1)
        return;
    if (fstat(pin, &status) == 0 && status.st_nlink == 0) {
        forget(hidden, name, identity);
    } else if (name->kind == HIDDEN_FOLDER) {
        meets_root = climb(pin, is_this, &root, &has_arrived);
        judge(hidden, name, identity, has_arrived && !meets_root);
    }
    unpin(pin);
}

void hidden_refresh(struct hidden *hidden, struct identity root)
{
    size_t          count = count_names(hidden);
    struct identity now;

    for (size_t i = 0; i < count; i++) {
        forget_unpinned(hidden, &hidden->names[i]);
        (void)look(hidden, &hidden->names[i], &now);
        for (size_t v = HIDDEN_VERSIONS; v-- > 0;)
            refresh_version(hidden, &hidden->names[i], v, root);
    }
}

/* ---- its life ---------------------------------------------------------------------- */

void hidden_init(struct hidden *hidden, int (*pin)(const char *path))
{
    *hidden = (struct hidden){.pin = pin};
    pthread_mutex_init(&hidden->mutex, NULL);
}

void hidden_fini(struct hidden *hidden)
{
    for (size_t i = 0; i < hidden->count; i++) {
        for (size_t v = 0; v < hidden->names[i].count; v++)
            unpin(hidden->names[i].versions[v].pin);
        free(hidden->names[i].path);
    }
    pthread_mutex_destroy(&hidden->mutex);
}

bool hidden_add(struct hidden *hidden, enum hidden_kind kind, char *path)
{
    struct hidden_name *name = &hidden->names[hidden->count];
    struct identity     now;

    if (hidden->count == HIDDEN_MAX)
        return false;
    *name = (struct hidden_name){.path = path, .kind = kind};
    (void)look(hidden, name, &now);
    pthread_mutex_lock(&hidden->mutex);
    hidden->count++;
    pthread_mutex_unlock(&hidden->mutex);
    return true;
}

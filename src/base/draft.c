#include "base/draft.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

enum { TRIES_MAX = 1000 };          /* to find a name that nobody has */

static const struct str name_start = {".wherry-", 8};

/* Another one each time, on every host and in every container that shares the folder. */
static void think_of_name(struct draft *draft)
{
    static atomic_uint count;

    snprintf(draft->name, sizeof draft->name, "%s%x-%x-%llx", name_start.ptr, (unsigned)getpid(),
             atomic_fetch_add_explicit(&count, 1, memory_order_relaxed),
             (unsigned long long)clock_us());
}

/* How /proc calls an open file. */
struct proc_path {
    char text[32];
};

static const char *proc_path(const struct draft *draft, struct proc_path *room)
{
    snprintf(room->text, sizeof room->text, "/proc/self/fd/%d", draft->fd);
    return room->text;
}

/* ---- the lock ------------------------------------------------------------------------- */

enum lock { LOCK_MINE, LOCK_ANOTHERS, LOCK_UNKNOWN };

static enum lock lock(int fd)
{
    int result;

    do
        result = flock(fd, LOCK_EX | LOCK_NB);
    while (result == -1 && errno == EINTR);
    if (result == 0)
        return LOCK_MINE;
    return errno == EWOULDBLOCK ? LOCK_ANOTHERS : LOCK_UNKNOWN;
}

/* Somebody who sweeps may have found it between its first moment and the lock. */
static bool lock_named(struct draft *draft)
{
    struct stat status;

    return lock(draft->fd) != LOCK_ANOTHERS &&
           (fstat(draft->fd, &status) == -1 || status.st_nlink > 0);
}

/* ---- opening -------------------------------------------------------------------------- */

bool draft_open_nameless(struct draft *draft, int folder, mode_t mode)
{
    *draft = DRAFT_NONE;
    draft->folder = folder;
    do
        draft->fd = openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
    while (draft->fd == -1 && errno == EINTR);
    draft->cannot_be_nameless = draft->fd == -1 && (errno == EOPNOTSUPP || errno == EISDIR ||
                                                    errno == ENOENT || errno == EINVAL);
    if (draft->fd != -1)
        (void)lock(draft->fd);      /* nobody else can know of it yet */
    return draft->fd != -1;
}

static bool open_by_name(struct draft *draft, mode_t mode)
{
    think_of_name(draft);
    draft->fd = openat(draft->folder, draft->name,
                       O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (draft->fd == -1)
        return false;
    if (lock_named(draft))
        return true;
    close(draft->fd);
    draft->fd = -1;
    errno = EEXIST;
    return false;
}

bool draft_open_named(struct draft *draft, int folder, mode_t mode)
{
    bool ok = false;

    *draft = DRAFT_NONE;
    draft->folder = folder;
    for (int tries = 0; !ok && tries < TRIES_MAX; tries++) {
        ok = open_by_name(draft, mode);
        if (!ok && errno != EEXIST && errno != EINTR)
            break;
    }
    if (!ok)
        draft->name[0] = '\0';
    return ok;
}

bool draft_open(struct draft *draft, int folder, mode_t mode)
{
    struct proc_path path = {0};

    if (draft_open_nameless(draft, folder, mode)) {
        if (access(proc_path(draft, &path), F_OK) == 0)
            return true;
        draft_close(draft);
    } else if (!draft->cannot_be_nameless) {
        return false;
    }
    return draft_open_named(draft, folder, mode);
}

bool draft_open_scratch(struct draft *draft, int folder)
{
    if (draft_open_nameless(draft, folder, 0600))
        return true;
    if (!draft->cannot_be_nameless || !draft_open_named(draft, folder, 0600))
        return false;
    (void)unlinkat(folder, draft->name, 0);
    draft->name[0] = '\0';
    return true;
}

/* ---- writing -------------------------------------------------------------------------- */

bool draft_write(struct draft *draft, struct str bytes)
{
    return file_write(draft->fd, bytes);
}

bool draft_settle(struct draft *draft)
{
    int result;

    do
        result = fsync(draft->fd);
    while (result == -1 && errno == EINTR);
    return result == 0 || errno == EINVAL;      /* a file system that has nothing to wait for */
}

/* ---- its place ------------------------------------------------------------------------ */

/* Gives it one more name, which linkat(2) cannot take from another file. */
static bool link_to(struct draft *draft, const char *name)
{
    struct proc_path path = {0};
    int              result;

    if (draft->name[0])
        result = linkat(draft->folder, draft->name, draft->folder, name, 0);
    else
        result = linkat(AT_FDCWD, proc_path(draft, &path), draft->folder, name, AT_SYMLINK_FOLLOW);
    draft->cannot_be_nameless = result == -1 && !draft->name[0] &&
                                (errno == ENOENT || errno == EXDEV || errno == EOPNOTSUPP);
    return result == 0;
}

static bool name_it(struct draft *draft)
{
    struct draft named = *draft;
    bool         ok = false;

    for (int tries = 0; !ok && tries < TRIES_MAX; tries++) {
        think_of_name(&named);
        ok = link_to(draft, named.name);
        if (!ok && errno != EEXIST)
            break;
    }
    if (ok)
        memcpy(draft->name, named.name, sizeof draft->name);
    return ok;
}

bool draft_put(struct draft *draft, const char *name)
{
    if (!draft->name[0] && !name_it(draft))
        return false;
    if (renameat(draft->folder, draft->name, draft->folder, name) == -1)
        return false;
    draft->name[0] = '\0';
    return true;
}

bool draft_put_new(struct draft *draft, const char *name)
{
    if (link_to(draft, name)) {
        if (draft->name[0])
            (void)unlinkat(draft->folder, draft->name, 0);
        draft->name[0] = '\0';
        return true;
    }
    /* Some file systems know one name for a file and no more (FAT). */
    if (!draft->name[0] || (errno != EPERM && errno != EOPNOTSUPP) ||
        renameat2(draft->folder, draft->name, draft->folder, name, RENAME_NOREPLACE) == -1)
        return false;
    draft->name[0] = '\0';
    return true;
}

void draft_close(struct draft *draft)
{
    int saved = errno;

    if (draft->name[0])
        (void)unlinkat(draft->folder, draft->name, 0);
    if (draft->fd != -1)
        close(draft->fd);
    draft->fd = -1;
    draft->name[0] = '\0';
    errno = saved;
}

/* ---- what was left behind ------------------------------------------------------------- */

static void sweep_one(int folder, const char *name)
{
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd == -1)
        return;
    if (lock(fd) == LOCK_MINE)
        (void)unlinkat(folder, name, 0);
    close(fd);
}

void draft_sweep(int folder)
{
    int            fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR           *entries = fd == -1 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (!entries) {
        if (fd != -1)
            close(fd);
        return;
    }
    /* cppcheck-suppress readdirCalled ; nobody else reads from these */
    while ((entry = readdir(entries)) != NULL)
        if (str_starts(str_view(entry->d_name), name_start))
            sweep_one(fd, entry->d_name);
    closedir(entries);
}

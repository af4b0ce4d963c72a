#include "site/root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/draft.h"
#include "base/log.h"

enum {
    AGAIN_MAX = 16,         /* tries of openat2 while the tree is being renamed under it */
    LINKS_MAX = 40,         /* links followed for one name, as the kernel does */
    STEPS_MAX = 64 * 1024,  /* components walked for one name, links that climb included */
};

enum {
    LOOK_FLAGS = O_PATH | O_CLOEXEC,
    READ_FLAGS = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
};

struct root {
    /* The number never changes, so threads read it without a lock.  What it stands for is replaced
     * in one step, by dup3(2) in root_refresh: a call that another thread is inside of keeps the
     * directory it started from. */
    int             fd;
    char           *path;
    enum root_links links;
    bool            has_openat2;
    struct identity directory;      /* of fd; only root_refresh looks at it */
    struct hidden   hidden;
    atomic_bool     is_hidden;      /* the directory is, or lies in, a folder that is */
};

/* Closes without touching errno, which says what went wrong before. */
static void close_silently(int fd)
{
    int saved = errno;

    if (fd != -1)
        close(fd);
    errno = saved;
}

/* ---- the kernel keeps us beneath --------------------------------------------------- */

static uint64_t resolve_flags(enum root_links links)
{
    uint64_t flags = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;

    return links == ROOT_LINKS_NONE ? flags | RESOLVE_NO_SYMLINKS : flags;
}

static int open_by_kernel(const struct root *root, const char *name, int flags)
{
    struct open_how how = {.flags = (unsigned)flags, .resolve = resolve_flags(root->links)};
    long fd = -1;

    for (int tries = 0; tries < AGAIN_MAX; tries++) {
        fd = syscall(SYS_openat2, root->fd, *name ? name : ".", &how, sizeof how);
        if (fd != -1 || (errno != EAGAIN && errno != EINTR))
            break;
    }
    return (int)fd;
}

/* ---- we keep ourselves beneath ----------------------------------------------------- */

/* A walk from the root to a name.  Links are read and resolved as text, from a folder we hold
 * open or from the root again, so there is no moment at which the kernel follows one for us. */
struct walk {
    enum root_links links;
    struct hidden  *hidden;
    int             root;               /* a copy: a replaced root does not change a walk */
    int             folder;             /* where we stand */
    unsigned        links_seen;
    unsigned        steps;
    size_t          done_len;
    const char     *todo;               /* into text: what is still to be walked */
    char            done[PATH_MAX];     /* how we came: real folders only, a "/" behind each */
    char            text[PATH_MAX];
};

enum walk_end { WALK_ON, WALK_ARRIVED, WALK_FAILED };

static enum walk_end walk_fail(int error)
{
    errno = error;
    return WALK_FAILED;
}

static int open_at(int folder, const char *part, int flags)
{
    int fd;

    do
        fd = openat(folder, part, flags);
    while (fd == -1 && errno == EINTR);
    return fd;
}

static void walk_enter(struct walk *walk, int folder)
{
    if (walk->folder != walk->root)
        close_silently(walk->folder);
    walk->folder = folder;
}

/* What is to be walked from here: `before` and then `rest`, which points into the old text. */
static enum walk_end walk_instead(struct walk *walk, const char *before, size_t before_len,
                                  const char *rest)
{
    size_t rest_len = strlen(rest);

    if (before_len + rest_len >= sizeof walk->text)
        return walk_fail(ENAMETOOLONG);
    memmove(walk->text + before_len, rest, rest_len + 1);
    memcpy(walk->text, before, before_len);
    walk->todo = walk->text;
    return WALK_ON;
}

/* ".." of a link: the way we came without its last folder, again from the root.  Asking the folder
 * for its parent would be shorter, and wrong when it has been moved out of the root meanwhile. */
static enum walk_end walk_up(struct walk *walk, const char *rest)
{
    if (walk->done_len == 0)
        return walk_fail(EXDEV);
    walk->done_len--;
    while (walk->done_len > 0 && walk->done[walk->done_len - 1] != '/')
        walk->done_len--;

    if (walk_instead(walk, walk->done, walk->done_len, rest) == WALK_FAILED)
        return WALK_FAILED;
    walk->done_len = 0;
    walk_enter(walk, walk->root);
    return WALK_ON;
}

static enum walk_end walk_follow(struct walk *walk, int link, const char *rest)
{
    char target[PATH_MAX];
    ssize_t len;

    if (walk->links == ROOT_LINKS_NONE || ++walk->links_seen > LINKS_MAX)
        return walk_fail(ELOOP);
    len = readlinkat(link, "", target, sizeof target);
    if (len == -1)
        return WALK_FAILED;
    if (len == 0)
        return walk_fail(ENOENT);
    if (target[0] == '/')
        return walk_fail(EXDEV);
    return walk_instead(walk, target, (size_t)len, rest);
}

/* Goes down into the folder `fd`, which is ours on WALK_ON. */
static enum walk_end walk_down(struct walk *walk, int fd, const char *part, const char *rest)
{
    size_t len = strlen(part);

    if (walk->done_len + len + 1 >= sizeof walk->done)
        return walk_fail(ENAMETOOLONG);
    memcpy(walk->done + walk->done_len, part, len);
    walk->done_len += len;
    walk->done[walk->done_len++] = '/';
    walk->todo = rest;
    walk_enter(walk, fd);
    return WALK_ON;
}

/* The last component, seen to be no link a moment ago. */
static enum walk_end walk_arrive(const struct walk *walk, int *fd, const char *part, int flags)
{
    if (flags & O_PATH)
        return WALK_ARRIVED;
    close(*fd);
    *fd = open_at(walk->folder, part, flags | O_NOFOLLOW);
    if (*fd == -1)
        return walk_fail(errno == ELOOP ? EAGAIN : errno);
    return WALK_ARRIVED;
}

static bool is_hidden_folder(const struct walk *walk, const struct stat *status)
{
    return S_ISDIR(status->st_mode) &&
           hidden_knows(walk->hidden, HIDDEN_FOLDER, identity_of(status));
}

/* One component that is a name.  *found is the caller's on WALK_ARRIVED. */
static enum walk_end walk_name(struct walk *walk, const char *part, const char *rest, int flags,
                               int *found)
{
    int fd = open_at(walk->folder, part, LOOK_FLAGS | O_NOFOLLOW);
    struct stat status;
    enum walk_end end;

    if (fd == -1)
        return WALK_FAILED;
    if (fstat(fd, &status) == -1)
        end = WALK_FAILED;
    else if (S_ISLNK(status.st_mode))
        end = walk_follow(walk, fd, rest);
    else if (is_hidden_folder(walk, &status))
        end = walk_fail(ENOENT);
    else if (*rest == '\0')
        end = walk_arrive(walk, &fd, part, flags);
    else if (S_ISDIR(status.st_mode))
        end = walk_down(walk, fd, part, rest);
    else
        end = walk_fail(ENOTDIR);

    if (end == WALK_ARRIVED)
        *found = fd;
    else if (fd != walk->folder)
        close_silently(fd);
    return end;
}

static enum walk_end walk_step(struct walk *walk, int flags, int *found)
{
    const char *start = walk->todo + strspn(walk->todo, "/");
    size_t len = strcspn(start, "/");
    char part[NAME_MAX + 1];

    if (++walk->steps > STEPS_MAX)
        return walk_fail(ELOOP);
    if (len >= sizeof part)
        return walk_fail(ENAMETOOLONG);
    memcpy(part, start, len);
    part[len] = '\0';

    if (len == 0) {
        *found = open_at(walk->folder, ".", flags);
        return *found == -1 ? WALK_FAILED : WALK_ARRIVED;
    }
    if (strcmp(part, ".") == 0) {
        walk->todo = start + len;
        return WALK_ON;
    }
    if (strcmp(part, "..") == 0)
        return walk_up(walk, start + len);
    return walk_name(walk, part, start + len, flags, found);
}

static int open_by_walking(struct root *root, const char *name, int flags)
{
    struct walk walk = {
        .links = root->links, .hidden = &root->hidden, .root = -1, .folder = -1};
    size_t len = strlen(name);
    enum walk_end end = WALK_ON;
    int found = -1;

    if (name[0] == '/' || len >= sizeof walk.text) {
        errno = name[0] == '/' ? EXDEV : ENAMETOOLONG;
        return -1;
    }
    memcpy(walk.text, name, len + 1);
    walk.todo = walk.text;
    walk.root = walk.folder = fcntl(root->fd, F_DUPFD_CLOEXEC, 0);
    if (walk.root == -1)
        return -1;
    while (end == WALK_ON)
        end = walk_step(&walk, flags, &found);

    walk_enter(&walk, walk.root);
    close_silently(walk.root);
    return end == WALK_ARRIVED ? found : -1;
}

/* ---- looking and reading ----------------------------------------------------------- */

/* openat2 does not say which folders it went through, so where one of them may be hidden we go once
 * more ourselves; what is not there at all need not be looked for twice.  It gives up with EAGAIN when anything anywhere is renamed while it goes up through
 * ".."; a walk does not mind. */
static int open_beneath(struct root *root, const char *name, int flags)
{
    bool is_near;
    int  fd = -1;

    errno = EAGAIN;
    if (root->has_openat2)
        fd = open_by_kernel(root, name, flags);
    if (fd == -1 && errno != EAGAIN)
        return -1;
    is_near = hidden_is_near(&root->hidden);    /* the walk goes by what it has seen of the names */
    if (fd != -1 && !is_near)
        return fd;
    if (fd != -1)
        close(fd);
    return open_by_walking(root, name, flags);
}

/* What errno says about a name. */
static enum root_find find_of_errno(const struct root *root)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case EINVAL:            /* names that this file system cannot have */
    case EILSEQ:
        return ROOT_MISSING;
    case ELOOP:             /* a link where none may be; else links that go in a circle */
        return root->links == ROOT_LINKS_NONE ? ROOT_OUTSIDE : ROOT_MISSING;
    case EXDEV:
        return ROOT_OUTSIDE;
    case EACCES:
    case EPERM:
        return ROOT_DENIED;
    case ENXIO:             /* a socket, or a device without a driver */
    case ENODEV:
        return ROOT_SPECIAL;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return ROOT_EXHAUSTED;
    default:
        return ROOT_BROKEN;
    }
}

static enum root_find find_of_status(const struct stat *status)
{
    return S_ISREG(status->st_mode) || S_ISDIR(status->st_mode) ? ROOT_FOUND : ROOT_SPECIAL;
}

/* What was opened a moment ago. */
static enum root_find refuse_hidden(struct root *root, const struct stat *status)
{
    bool is_hidden = atomic_load(&root->is_hidden) ||
                     hidden_has(&root->hidden, HIDDEN_FILE, identity_of(status));

    return is_hidden ? ROOT_MISSING : ROOT_FOUND;
}

/* What the name leads to, hidden or not (but never beneath a folder that is). */
static enum root_find glance(struct root *root, const char *name, struct stat *status)
{
    enum root_find find;
    int fd = open_beneath(root, name, LOOK_FLAGS);

    *status = (struct stat){0};
    if (fd == -1)
        return find_of_errno(root);
    if (fstat(fd, status) == -1)
        find = find_of_errno(root);
    else
        find = find_of_status(status);
    close_silently(fd);
    return find;
}

enum root_find root_look(struct root *root, const char *name, struct stat *status)
{
    enum root_find find = glance(root, name, status);

    return find == ROOT_FOUND ? refuse_hidden(root, status) : find;
}

/* Opening a device may do something and opening a FIFO may wait, so a name is looked at first.
 * Between the look and the opening it may be given to another file: what was opened is judged
 * again. */
enum root_find root_read(struct root *root, const char *name, int *fd, struct stat *status)
{
    enum root_find find = glance(root, name, status);

    if (find != ROOT_FOUND)
        return find;
    if (!S_ISREG(status->st_mode))
        return ROOT_SPECIAL;
    *fd = open_beneath(root, name, READ_FLAGS);
    if (*fd == -1)
        return find_of_errno(root);

    find = fstat(*fd, status) == -1 ? find_of_errno(root) : find_of_status(status);
    if (find == ROOT_FOUND)
        find = refuse_hidden(root, status);
    if (find == ROOT_FOUND && !S_ISREG(status->st_mode))
        find = ROOT_SPECIAL;
    if (find != ROOT_FOUND)
        close_silently(*fd);
    return find;
}

/* ---- the root itself --------------------------------------------------------------- */

/* The path with the present folder in front, links as they are: so that a root given as "." or
 * "public" is found again when that folder is removed and made anew. */
static char *absolute_path(const char *path)
{
    char here[PATH_MAX];
    char *absolute;

    if (path[0] == '/' || !getcwd(here, sizeof here))
        return strdup(path);
    if (asprintf(&absolute, "%s/%s", here, path) == -1)
        return NULL;
    return absolute;
}

static int open_folder(const char *path, struct identity *identity)
{
    struct stat status;
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd != -1 && fstat(fd, &status) == -1) {
        close_silently(fd);
        return -1;
    }
    if (fd != -1)
        *identity = identity_of(&status);
    return fd;
}

static int pin(const char *path)
{
    return open(path, O_PATH | O_CLOEXEC);
}

static bool probe_openat2(const struct root *root)
{
    int fd = open_by_kernel(root, "", LOOK_FLAGS);

    if (fd != -1) {
        close(fd);
        return true;
    }
    if (errno == EACCES)        /* the folder's fault: it may not be looked into */
        return true;
    log_info("openat2 is not to be had, names are walked", "errno=\"%m\"");
    return false;
}

struct root *root_open(const char *path, enum root_links links)
{
    struct root *root = calloc(1, sizeof *root);

    if (!root)
        return NULL;
    hidden_init(&root->hidden, pin);
    root->links = links;
    root->path = absolute_path(path);
    root->fd = root->path ? open_folder(path, &root->directory) : -1;
    if (root->fd == -1) {
        int saved = root->path ? errno : ENOMEM;

        root_close(root);
        errno = saved;
        return NULL;
    }
    root->has_openat2 = probe_openat2(root);
    return root;
}

void root_close(struct root *root)
{
    if (!root)
        return;
    if (root->fd != -1)
        close(root->fd);
    hidden_fini(&root->hidden);
    free(root->path);
    free(root);
}

void root_use_fallback(struct root *root)
{
    root->has_openat2 = false;
}

static void refresh_hidden(struct root *root)
{
    hidden_refresh(&root->hidden, root->directory);
    atomic_store(&root->is_hidden, hidden_holds(&root->hidden, root->fd));
}

static bool hide(struct root *root, enum hidden_kind kind, const char *path)
{
    char *absolute = absolute_path(path);

    if (!absolute || !hidden_add(&root->hidden, kind, absolute)) {
        free(absolute);
        return false;
    }
    refresh_hidden(root);
    return true;
}

bool root_hide(struct root *root, const char *path)
{
    return hide(root, HIDDEN_FILE, path);
}

bool root_hide_folder(struct root *root, const char *path)
{
    return hide(root, HIDDEN_FOLDER, path);
}

bool root_is_hidden(struct root *root)
{
    return atomic_load(&root->is_hidden);
}

bool root_refresh(struct root *root)
{
    struct identity directory;
    int fd;

    refresh_hidden(root);
    /* While we hold the old directory its inode number cannot be given to the new one. */
    fd = open_folder(root->path, &directory);
    if (fd == -1)
        return false;
    if (identity_equal(directory, root->directory)) {
        close(fd);
        return false;
    }
    hidden_move(&root->hidden);
    if (dup3(fd, root->fd, O_CLOEXEC) == -1) {
        close(fd);
        return false;
    }
    close(fd);
    root->directory = directory;
    refresh_hidden(root);
    return true;
}

/* ---- what is in a folder ----------------------------------------------------------- */

/* True when it may be shown.  ENOENT: it has just gone. */
static bool look_at_entry(struct root *root, int folder, const char *name, struct stat *status)
{
    if (fstatat(folder, name, status, AT_SYMLINK_NOFOLLOW) == -1)
        return false;
    errno = ENOENT;
    if (S_ISREG(status->st_mode))
        return refuse_hidden(root, status) == ROOT_FOUND;
    return S_ISDIR(status->st_mode) && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static enum root_find list_entries(struct root *root, DIR *entries, root_entry_fn *show, void *data)
{
    for (;;) {
        struct dirent *entry;
        struct stat status;

        errno = 0;
        /* cppcheck-suppress readdirCalled ; nobody else reads from these */
        entry = readdir(entries);
        if (!entry)
            return errno ? find_of_errno(root) : ROOT_FOUND;
        if (look_at_entry(root, dirfd(entries), entry->d_name, &status)) {
            if (!show(entry->d_name, &status, data))
                return ROOT_FOUND;
        } else if (errno != ENOENT) {
            return find_of_errno(root);
        }
    }
}

enum root_find root_list(struct root *root, const char *folder, root_entry_fn *show, void *data)
{
    int fd = open_beneath(root, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd == -1 ? NULL : fdopendir(fd);
    enum root_find find;
    int saved;

    if (!entries) {
        find = find_of_errno(root);
        close_silently(fd);
        return find;
    }
    find = list_entries(root, entries, show, data);
    saved = errno;
    closedir(entries);
    errno = saved;
    return find;
}

/* ---- making a file ----------------------------------------------------------------- */

/* Opens the folder that a name lies in; *last is its last component.  -1 with errno. */
static int open_folder_of(struct root *root, const char *name, const char **last)
{
    const char *slash = strrchr(name, '/');
    char folder[PATH_MAX] = "";

    *last = slash ? slash + 1 : name;
    if (slash && (size_t)(slash - name) >= sizeof folder) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (slash)
        memcpy(folder, name, (size_t)(slash - name));
    return open_beneath(root, folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Where we cannot give it to the same group, ours may do with it what everybody may. */
static bool make_alike(int fd, const struct stat *like)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, like->st_mtim};
    mode_t mode = like->st_mode & 0666;

    if (fchown(fd, like->st_uid, like->st_gid) == -1 && fchown(fd, (uid_t)-1, like->st_gid) == -1)
        mode &= (mode_t)(0606 | (mode & 06) << 3);
    return fchmod(fd, mode) == 0 && futimens(fd, times) == 0;
}

static bool may_replace(struct root *root, int folder, const char *name)
{
    struct stat status;

    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == -1)
        return errno == ENOENT;
    if (refuse_hidden(root, &status) == ROOT_FOUND)
        return true;
    errno = EACCES;
    return false;
}

/* Writes the draft and gives it the name `last`. */
static bool finish(struct draft *draft, const char *last, struct str bytes,
                   const struct stat *like)
{
    return draft_write(draft, bytes) && make_alike(draft->fd, like) && draft_settle(draft) &&
           draft_put(draft, last);
}

static bool write_once(int folder, const char *last, struct str bytes, const struct stat *like,
                       bool is_named, bool *needs_name)
{
    struct draft draft;
    bool ok = is_named ? draft_open_named(&draft, folder, 0600)
                       : draft_open_nameless(&draft, folder, 0600);

    ok = ok && finish(&draft, last, bytes, like);
    *needs_name = draft.cannot_be_nameless;
    draft_close(&draft);
    return ok;
}

bool root_write(struct root *root, const char *name, struct str bytes, const struct stat *like)
{
    const char *last;
    int folder = open_folder_of(root, name, &last);
    bool needs_name, ok;

    if (folder == -1)
        return false;
    ok = may_replace(root, folder, last);
    if (ok) {
        ok = write_once(folder, last, bytes, like, false, &needs_name);
        if (!ok && needs_name)
            ok = write_once(folder, last, bytes, like, true, &needs_name);
    }
    close_silently(folder);
    return ok;
}

bool root_may_write(struct root *root, const char *name)
{
    const char *last;
    int folder = open_folder_of(root, name, &last);
    bool ok;

    if (folder == -1)
        return false;
    ok = faccessat(folder, ".", W_OK | X_OK, AT_EACCESS) == 0;
    close_silently(folder);
    return ok;
}

#include "main/ready_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/owner.h"

enum { MODE = 0644 };           /* less the umask: whoever waits may be somebody else */

/* How each that was ever written begins (announce_facts). */
static const struct str beginning = {"{\"time\":\"", 9};

/* ---- where ---------------------------------------------------------------------------- */

struct folder_path {
    char text[PATH_MAX];
};

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* "." where the path names none.  False, with errno, when it is too long. */
static bool folder_of(const char *path, struct folder_path *folder)
{
    size_t len = (size_t)(last_part(path) - path);

    errno = ENAMETOOLONG;
    if (len >= sizeof folder->text)
        return false;
    snprintf(folder->text, sizeof folder->text, "%.*s", len ? (int)len : 1, len ? path : ".");
    return true;
}

bool ready_file_is_path(const char *path)
{
    const char *name = last_part(path);

    return *path == '\0' || (*name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
}

/* ---- what is wrong -------------------------------------------------------------------- */

static const char *advise(char *room, size_t size, const char *path, int error)
{
    struct folder_path folder;

    *room = '\0';
    if (error == EROFS)
        snprintf(room, size, "; in a container, mount a folder for it that can be written to");
    else if (error == EBUSY)
        snprintf(room, size, "; mount the folder that it is in, not the file");
    else if (folder_of(path, &folder))
        owner_advise(room, size, folder.text, OWNER_WRITE, error);
    return room;
}

/* `verb` failed, with errno. */
static bool complain(const char *verb, const char *path, char *problem, size_t size)
{
    int  error = errno;
    char advice[384], quoted[512];

    snprintf(problem, size, "cannot %s the file \"%s\" (--ready-file): %s%s", verb,
             log_quote(quoted, sizeof quoted, str_view(path)), strerror(error),
             advise(advice, sizeof advice, path, error));
    return false;
}

static bool refuse(const char *path, const char *why, char *problem, size_t size)
{
    char quoted[512];

    snprintf(problem, size, "the file \"%s\" (--ready-file) %s; remove it, or name another",
             log_quote(quoted, sizeof quoted, str_view(path)), why);
    return false;
}

/* ---- what was there before ------------------------------------------------------------ */

static bool read_start(const char *path, char start[static 16], size_t *len)
{
    int     fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    ssize_t got = fd == -1 ? -1 : pread(fd, start, 16, 0);
    int     saved = errno;

    if (fd != -1)
        close(fd);
    errno = saved;
    *len = got > 0 ? (size_t)got : 0;
    return got != -1;
}

/* One that is empty holds nothing that could be lost: mktemp makes such. */
static bool check_former(const char *path, char *problem, size_t size)
{
    struct stat status;
    char        start[16];
    size_t      len;

    if (lstat(path, &status) == -1)
        return errno == ENOENT || complain("look at", path, problem, size);
    if (!S_ISREG(status.st_mode))
        return refuse(path, "is no regular file", problem, size);
    if (status.st_size == 0)
        return true;
    if (!read_start(path, start, &len))
        return complain("look into", path, problem, size);
    return str_starts(str_of(start, len), beginning) ||
           refuse(path, "is there already, and none that wherry has written", problem, size);
}

bool ready_file_check(const char *path, char *problem, size_t size)
{
    struct folder_path folder;

    if (!path)
        return true;
    if (!check_former(path, problem, size))
        return false;
    return (folder_of(path, &folder) &&
            faccessat(AT_FDCWD, folder.text, W_OK | X_OK, AT_EACCESS) == 0) ||
           complain("write", path, problem, size);
}

/* ---- ours ----------------------------------------------------------------------------- */

/* Both forget nothing of where the file is to be. */
static bool begin(struct ready_file *file)
{
    return draft_open(&file->draft, file->draft.folder, MODE);
}

static bool begin_by_name(struct ready_file *file)
{
    int folder = file->draft.folder;

    draft_close(&file->draft);
    return draft_open_named(&file->draft, folder, MODE);
}

bool ready_file_open(struct ready_file *file, const char *path, char *problem, size_t size)
{
    struct folder_path folder;

    *file = READY_FILE_NONE;
    if (!ready_file_check(path, problem, size))
        return false;
    if (!path)
        return true;
    if (unlink(path) == -1 && errno != ENOENT)
        return complain("remove", path, problem, size);
    file->path = path;
    file->name = last_part(path);
    if (folder_of(path, &folder))
        file->draft.folder = open(folder.text, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return (file->draft.folder != -1 && begin(file)) || complain("write", path, problem, size);
}

static bool finish(struct ready_file *file, struct str text)
{
    return draft_write(&file->draft, text) && draft_put(&file->draft, file->name);
}

bool ready_file_put(struct ready_file *file, const struct buf *text, char *problem, size_t size)
{
    if (!file->path)
        return true;
    errno = ENOMEM;
    file->is_there = !text->failed && finish(file, buf_view(text));
    if (!file->is_there && file->draft.cannot_be_nameless)
        file->is_there = begin_by_name(file) && finish(file, buf_view(text));
    return file->is_there || complain("write", file->path, problem, size);
}

/* While it is open, no other file can have its number. */
static bool is_ours(const struct ready_file *file)
{
    struct stat ours, there;

    return fstat(file->draft.fd, &ours) == 0 &&
           fstatat(file->draft.folder, file->name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

void ready_file_close(struct ready_file *file)
{
    if (file->is_there && is_ours(file) && unlinkat(file->draft.folder, file->name, 0) == -1)
        log_warn("cannot remove the ready file", "path=\"%s\" errno=\"%m\"",
                 LOG_QUOTE(str_view(file->path)));
    draft_close(&file->draft);
    if (file->draft.folder != -1)
        close(file->draft.folder);
    *file = READY_FILE_NONE;
}

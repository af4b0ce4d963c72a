#include "endpoints/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "http/date.h"
#include "http/head.h"
#include "http/status.h"

static struct wherry_slice slice(struct str s)
{
    return (struct wherry_slice){s.ptr, s.len};
}

/* ---- names ------------------------------------------------------------------------------ */

enum { NAME_MAX_BYTES = 255 };

/* One that a file in the folder may have.  Dotfiles are left to whoever looks after the folder. */
static bool is_name(struct wherry_slice name)
{
    return name.len > 0 && name.len <= NAME_MAX_BYTES && name.ptr[0] != '.' &&
           !memchr(name.ptr, '/', name.len);
}

static enum wherry_next refuse_name(struct wherry_exchange *exchange)
{
    return wherry_refuse(exchange, HTTP_BAD_REQUEST,
                         "no file is given a name that begins with a dot, has a slash in it, or is "
                         "over 255 bytes");
}

static enum wherry_next refuse_missing(struct wherry_exchange *exchange)
{
    return wherry_refuse(exchange, HTTP_NOT_FOUND, "there is no file by that name");
}

/* ---- what is there ------------------------------------------------------------------------ */

enum there { THERE_NOTHING, THERE_FILE, THERE_OTHER };

/* A link is what it is, wherever it leads. */
static enum there look_up(const struct files *files, const char *name, struct stat *status)
{
    if (fstatat(files->fd, name, status, AT_SYMLINK_NOFOLLOW) == -1)
        return THERE_NOTHING;
    return S_ISREG(status->st_mode) ? THERE_FILE : THERE_OTHER;
}

/* An entity tag, by what changes when a file is replaced. */
struct tag {
    char text[64];
};

static struct tag tag_of(const struct stat *status)
{
    struct tag tag;

    snprintf(tag.text, sizeof tag.text, "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 ".%lx\"",
             (uint64_t)status->st_ino, (uint64_t)status->st_size,
             (uint64_t)status->st_mtim.tv_sec, status->st_mtim.tv_nsec);
    return tag;
}

/* ---- GET ---------------------------------------------------------------------------------- */

/* An open file on its way to a client. */
struct download {
    int         fd;
    struct stat status;
    struct tag  tag;
};

static void release_download(void *owner)
{
    struct download *download = owner;

    close(download->fd);
    free(download);
}

/* What we put here is never written again, but somebody else may do that. */
static bool is_intact(void *owner)
{
    const struct download *download = owner;
    struct stat            status;

    return fstat(download->fd, &status) == 0 && status.st_size == download->status.st_size &&
           status.st_mtim.tv_sec == download->status.st_mtim.tv_sec &&
           status.st_mtim.tv_nsec == download->status.st_mtim.tv_nsec;
}

/* Neither waits for the other end of a FIFO nor follows a link. */
static int open_regular(const struct files *files, const char *name, struct stat *status)
{
    int fd = openat(files->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd != -1 && (fstat(fd, status) == -1 || !S_ISREG(status->st_mode))) {
        close(fd);
        errno = ENOENT;
        return -1;
    }
    return fd;
}

/* NULL, with errno, when there is no such file, or none can be opened just now. */
static struct download *open_download(const struct files *files, const char *name)
{
    struct download *download = malloc(sizeof *download);

    if (!download)
        return NULL;
    download->fd = open_regular(files, name, &download->status);
    if (download->fd == -1) {
        free(download);
        return NULL;
    }
    download->tag = tag_of(&download->status);
    return download;
}

static enum wherry_next refuse_unopened(struct wherry_exchange *exchange)
{
    switch (errno) {
    case ENOENT:
    case ELOOP:         /* a link */
    case ENXIO:         /* a socket, or a device that is not there */
        return refuse_missing(exchange);
    case EACCES:
    case EPERM:
        return wherry_refuse(exchange, HTTP_FORBIDDEN, "the file may not be read");
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return wherry_refuse(exchange, HTTP_UNAVAILABLE, "no more files can be opened just now");
    default:
        return WHERRY_FAIL;
    }
}

static enum wherry_next fetch(struct wherry_exchange *exchange, void *data)
{
    struct wherry_slice name = wherry_part(exchange, "name");
    struct download    *download;
    char                date[DATE_BYTES];

    if (!is_name(name))
        return refuse_missing(exchange);
    download = open_download(data, name.ptr);
    if (!download)
        return refuse_unopened(exchange);
    wherry_on_release(exchange, release_download, download);
    date_format(download->status.st_mtim.tv_sec, date);
    wherry_add_field(exchange, "Content-Type", wherry_text("application/octet-stream"));
    wherry_add_field(exchange, "X-Content-Type-Options", wherry_text("nosniff"));
    wherry_add_field(exchange, "ETag", wherry_text(download->tag.text));
    wherry_add_field(exchange, "Last-Modified", slice(str_of(date, sizeof date)));
    wherry_add_field(exchange, "Cache-Control", wherry_text("no-cache"));
    wherry_set_file(exchange, download->fd, (uint64_t)download->status.st_size, is_intact);
    return WHERRY_ANSWER;
}

/* ---- what changes ------------------------------------------------------------------------- */

static enum wherry_next refuse_others(struct wherry_exchange *exchange)
{
    return wherry_refuse(exchange, HTTP_FORBIDDEN,
                         "a page of another origin may not change the files");
}

static bool has_condition(const struct wherry_exchange *exchange)
{
    return wherry_field(exchange, "If-Match").ptr || wherry_field(exchange, "If-None-Match").ptr ||
           wherry_field(exchange, "If-Unmodified-Since").ptr;
}

/* Who says what he has seen is alone until he has changed it, so that it still holds. */
static void begin_change(struct files *files, const struct wherry_exchange *exchange)
{
    if (has_condition(exchange))
        pthread_rwlock_wrlock(&files->changes);
    else
        pthread_rwlock_rdlock(&files->changes);
}

static void end_change(struct files *files)
{
    pthread_rwlock_unlock(&files->changes);
}

/* RFC 9110 §13.1.1.  False: the answer is filled in. */
static bool is_meant(struct wherry_exchange *exchange, enum there there, const struct stat *status)
{
    struct tag tag;

    if (there == THERE_NOTHING)
        return wherry_precondition(exchange, wherry_text(NULL), DATE_NONE);
    tag = tag_of(status);
    return wherry_precondition(exchange, wherry_text(tag.text), status->st_mtim.tv_sec);
}

/* ---- PUT and POST ------------------------------------------------------------------------- */

/* Before the body comes: what may not be is refused without it. */
static enum wherry_next look_at_upload(struct wherry_exchange *exchange, void *data)
{
    const struct files *files = data;

    if (endpoint_is_cross_origin(exchange))
        return refuse_others(exchange);
    if (!is_name(wherry_part(exchange, "name")))
        return refuse_name(exchange);
    /* RFC 9110 §14.5: it would be taken for the whole. */
    if (wherry_field(exchange, "Content-Range").ptr)
        return wherry_refuse(exchange, HTTP_BAD_REQUEST, "a part of a file cannot be put");
    wherry_limit_body(exchange, files->max);
    wherry_spool_body(exchange, files->fd);
    return WHERRY_WORK;
}

static enum wherry_next answer_created(struct wherry_exchange *exchange, const struct files *files,
                                       struct wherry_slice name)
{
    struct buf location = BUF_UP_TO(ENDPOINTS_PREFIX_MAX + 16 + 3 * NAME_MAX_BYTES);

    buf_printf(&location, "%s/files", files->prefix);
    head_append_path(&location, str_of(name.ptr, name.len));
    wherry_set_status(exchange, HTTP_CREATED);
    wherry_add_field(exchange, "Location", slice(buf_view(&location)));
    buf_fini(&location);
    return WHERRY_ANSWER;
}

static enum wherry_next refuse_unkept(struct wherry_exchange *exchange)
{
    switch (errno) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return wherry_refuse(exchange, HTTP_INSUFFICIENT_STORAGE, "there is no room for the file");
    default:
        log_error("cannot keep an upload", "errno=\"%m\"");
        return WHERRY_FAIL;
    }
}

/* RFC 9110 §9.3.4: a file that was there before is no new one.  To post is to make one. */
static enum wherry_next keep(struct wherry_exchange *exchange, const struct files *files)
{
    struct wherry_slice name = wherry_part(exchange, "name");
    struct wherry_slice method = wherry_method(exchange);

    switch (wherry_keep_body(exchange, name.ptr)) {
    case WHERRY_KEPT_NEW:
        return answer_created(exchange, files, name);
    case WHERRY_KEPT_REPLACED:
        if (str_equal(str_of(method.ptr, method.len), STR("POST")))
            return answer_created(exchange, files, name);
        wherry_set_status(exchange, HTTP_NO_CONTENT);
        return WHERRY_ANSWER;
    case WHERRY_KEPT_NOT:
        break;
    }
    return refuse_unkept(exchange);
}

static enum wherry_next upload(struct wherry_exchange *exchange, void *data)
{
    struct files    *files = data;
    struct stat      status;
    enum there       there;
    enum wherry_next next = WHERRY_ANSWER;

    begin_change(files, exchange);
    there = look_up(files, wherry_part(exchange, "name").ptr, &status);
    if (there == THERE_OTHER)
        next = wherry_refuse(exchange, HTTP_CONFLICT, "something that is no file has that name");
    else if (is_meant(exchange, there, &status))
        next = keep(exchange, files);
    end_change(files);
    return next;
}

/* ---- DELETE ------------------------------------------------------------------------------- */

static enum wherry_next refuse_to_remove(struct wherry_exchange *exchange)
{
    switch (errno) {
    case ENOENT:
        return refuse_missing(exchange);
    case EACCES:
    case EPERM:
    case EROFS:
        return wherry_refuse(exchange, HTTP_FORBIDDEN, "the folder of files may not be written to");
    default:
        log_error("cannot remove a file", "errno=\"%m\"");
        return WHERRY_FAIL;
    }
}

/* It is gone on the disk, too, once we say so. */
static enum wherry_next take_away(struct wherry_exchange *exchange, const struct files *files,
                                  const char *name)
{
    if (unlinkat(files->fd, name, 0) == -1)
        return refuse_to_remove(exchange);
    (void)!fsync(files->fd);
    wherry_set_status(exchange, HTTP_NO_CONTENT);
    return WHERRY_ANSWER;
}

static enum wherry_next drop(struct wherry_exchange *exchange, void *data)
{
    struct files       *files = data;
    struct wherry_slice name = wherry_part(exchange, "name");
    struct stat         status;
    enum there          there;
    enum wherry_next    next = WHERRY_ANSWER;

    if (endpoint_is_cross_origin(exchange))
        return refuse_others(exchange);
    if (!is_name(name))
        return refuse_missing(exchange);
    begin_change(files, exchange);
    there = look_up(files, name.ptr, &status);
    if (there != THERE_FILE)
        next = refuse_missing(exchange);
    else if (is_meant(exchange, there, &status))
        next = take_away(exchange, files, name.ptr);
    end_change(files);
    return next;
}

/* ---- its life ------------------------------------------------------------------------------ */

/* clang-format off */
static const struct endpoint table[] = {
    {{.pattern = "/files/{name}", .methods = WHERRY_GET, .is_brief = true, .work = fetch},
     "/files/readme", "A file that was put there."},
    {{.pattern = "/files/{name}", .methods = WHERRY_PUT | WHERRY_POST, .wants_body = true,
      .look = look_at_upload, .work = upload},
     NULL, NULL},
    {{.pattern = "/files/{name}", .methods = WHERRY_DELETE, .work = drop},
     NULL, NULL},
};
/* clang-format on */

/* Private: what is in the folder is nothing that any page in somebody's browser may change. */
const struct endpoint_group files_group = {
    .title = "Files", .endpoints = table, .count = COUNTOF(table), .is_private = true,
};

bool files_open(struct files *files, const struct endpoints_settings *settings, char *problem,
                size_t size)
{
    *files = (struct files){.max = settings->files_max, .prefix = settings->prefix};
    files->fd = open(settings->files_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (files->fd != -1) {
        pthread_rwlock_init(&files->changes, NULL);
        return true;
    }
    snprintf(problem, size, "cannot open the folder \"%s\" (--files-dir): %m",
             LOG_QUOTE(str_view(settings->files_dir)));
    return false;
}

void files_close(struct files *files)
{
    pthread_rwlock_destroy(&files->changes);
    close(files->fd);
}

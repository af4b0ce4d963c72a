#include "server/body.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/log.h"

static void forget(struct body *body)
{
    body->limit = BODY_NO_LIMIT;
    body->folder = -1;
    body->is_touched = false;
    body->is_kept = body->is_spooled = body->is_in_place = body->is_pressed = false;
    body->expected = body->length = 0;
}

/* A body's memory is not kept either: most requests have none. */
static void drop(struct body *body)
{
    if (body->bytes.ptr)
        buf_fini(&body->bytes);
    buf_reset(&body->bytes);
    if (body->lent)
        budget_give(body->lender, body->lent);
    body->lent = 0;
    if (body->file.fd != -1)
        draft_close(&body->file);
}

void body_init(struct body *body, size_t bytes_max)
{
    *body = (struct body){.bytes = BUF_UP_TO(bytes_max), .file = DRAFT_NONE};
    forget(body);
}

void body_clear(struct body *body)
{
    drop(body);
    forget(body);
}

void body_fini(struct body *body)
{
    drop(body);
}

/* ---- taking it ------------------------------------------------------------------------ */

static struct refusal refuse_length(void)
{
    return refuse(HTTP_CONTENT_TOO_LARGE, "the body is longer than is taken here");
}

static struct refusal spool_it(struct body *body, const struct spool *spool)
{
    if (body->folder == -1 && spool->folder == -1)
        return refuse(HTTP_CONTENT_TOO_LARGE, "the body is longer than is kept in memory");
    body->is_spooled = true;
    return REFUSAL_NONE;
}

struct refusal body_begin(struct body *body, const struct spool *spool, uint64_t announced,
                          uint64_t limit, bool is_kept)
{
    body->is_touched = true;
    if (body->limit == BODY_NO_LIMIT)
        body->limit = limit;
    if (announced > body->limit)
        return refuse_length();
    body->expected = announced;
    body->is_kept = is_kept;
    if (is_kept && (body->folder != -1 || announced > spool->memory_max))
        return spool_it(body, spool);
    return REFUSAL_NONE;
}

static bool borrow(struct body *body, struct spool *spool, size_t bytes)
{
    size_t has = BODY_OWN_BYTES + body->lent, more;

    if (bytes <= has)
        return true;
    more = (bytes - has + BODY_LOAN_BYTES - 1) / BODY_LOAN_BYTES * BODY_LOAN_BYTES;
    if (!budget_take(&spool->memory_left, more))
        return false;
    body->lender = &spool->memory_left;
    body->lent += more;
    return true;
}

/* Many who send slowly cannot have more than there is: they wait for the disk instead.  But what a
 * handler may expect in memory never comes in a file. */
static struct refusal make_room(struct body *body, struct spool *spool, size_t more)
{
    if (borrow(body, spool, body->bytes.len + more))
        return REFUSAL_NONE;
    if (!body->is_spooled)
        return refuse(HTTP_UNAVAILABLE, "there is no memory for the body just now");
    body->is_pressed = true;
    return REFUSAL_NONE;
}

struct refusal body_take(struct body *body, struct spool *spool, struct str data)
{
    struct refusal refusal = REFUSAL_NONE;

    body->length += data.len;
    if (body->length > body->limit)
        return refuse_length();
    if (!body->is_kept)
        return REFUSAL_NONE;
    if (!body->is_spooled && body->length > spool->memory_max)
        refusal = spool_it(body, spool);
    if (!is_refused(refusal))
        refusal = make_room(body, spool, data.len);
    if (is_refused(refusal))
        return refusal;
    buf_append(&body->bytes, data);
    if (body->bytes.failed)
        return refuse(HTTP_UNAVAILABLE, "there is no memory for the body");
    return REFUSAL_NONE;
}

/* ---- the file ------------------------------------------------------------------------- */

static bool open_file(struct body *body, struct spool *spool)
{
    if (body->file.fd != -1)
        return true;
    return body->folder == -1 ? spool_file(spool, body->expected, &body->file)
                              : spool_file_in(spool, body->folder, body->expected, &body->file);
}

/* RFC 4918 §11.5: 507.  The others are a matter of our own. */
static struct refusal refuse_errno(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return refuse(HTTP_INSUFFICIENT_STORAGE, "there is no room for the body");
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return refuse(HTTP_UNAVAILABLE, "no file can be opened for the body just now");
    default:
        errno = error;
        log_error("cannot write the body of a request to a file", "errno=\"%m\"");
        return refuse(HTTP_INTERNAL_ERROR, "the body could not be written to a file");
    }
}

struct refusal body_write(struct body *body, struct spool *spool)
{
    int error = 0;

    if (!open_file(body, spool) || !draft_write(&body->file, buf_view(&body->bytes)))
        error = errno;
    buf_reset(&body->bytes);
    body->is_pressed = false;
    if (error == 0)
        return REFUSAL_NONE;
    drop(body);
    return refuse_errno(error);
}

/* ---- its name ------------------------------------------------------------------------- */

/* Dotted names are for what is on its way, and are never served. */
static bool is_good_name(struct str name)
{
    errno = name.len > NAME_MAX ? ENAMETOOLONG : EINVAL;
    return name.len > 0 && name.len <= NAME_MAX && name.ptr[0] != '.' &&
           str_find(name, '/') == name.len;
}

static enum wherry_kept put(struct draft *file, const char *name)
{
    if (draft_put_new(file, name))
        return WHERRY_KEPT_NEW;
    /* Who takes the old one away in this moment has come too late. */
    if (errno == EEXIST && draft_put(file, name))
        return WHERRY_KEPT_REPLACED;
    return WHERRY_KEPT_NOT;
}

/* So that the name, too, is on the disk. */
static bool settle_folder(int folder)
{
    return fsync(folder) == 0 || errno == EINVAL;
}

enum wherry_kept body_keep(struct body *body, const char *name)
{
    enum wherry_kept kept = WHERRY_KEPT_NOT;
    int              folder, error;

    if (!is_good_name(str_view(name)))
        return WHERRY_KEPT_NOT;
    errno = EINVAL;
    if (body->folder == -1 || body->file.fd == -1 || body->is_in_place)
        return WHERRY_KEPT_NOT;
    /* The route's may be open for its path alone. */
    folder = openat(body->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder == -1)
        return WHERRY_KEPT_NOT;
    if (draft_settle(&body->file))
        kept = put(&body->file, name);
    body->is_in_place = kept != WHERRY_KEPT_NOT;
    if (body->is_in_place && !settle_folder(folder))
        kept = WHERRY_KEPT_NOT;
    error = errno;
    close(folder);
    errno = error;
    return kept;
}

#include "site/beside.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "site/content_type.h"
#include "coding/decode.h"

enum {
    TRIES_MAX    = 3,       /* for a file that changes while we are at it */
    GAIN_PART    = 20,      /* smaller by one of so many parts */
    GAIN_LEAST   = 24,      /* and by so many bytes: "Content-Encoding: gzip" and a line end */
    MEMORY_SHARE = 2,       /* of the purse at most this part for an encoder, the rest for what it
                             * makes */
};

/* What became of one coding. */
enum outcome { OUTCOME_MADE, OUTCOME_FRESH, OUTCOME_UNWORTHY, OUTCOME_CHANGED, OUTCOME_STOPPED,
               OUTCOME_FAILED };

/* One file, and one coding after the other. */
struct job {
    struct beside_work          *work;
    const struct representation *plain;
    struct encode_source         source;
    struct stat                  status;            /* of the file */
    enum coding                  coding;
    char                         name[PATH_MAX];    /* of what is beside it */
    struct beside_result        *result;
};

static enum beside_end fail(struct beside_result *result, enum beside_doing doing, const char *name,
                            int error)
{
    struct beside_trouble *trouble = &result->trouble;

    trouble->doing = doing;
    trouble->error = error;
    snprintf(trouble->name, sizeof trouble->name, "%s", name);
    return BESIDE_FAILED;
}

static enum outcome job_fail(struct job *job, enum beside_doing doing, int error)
{
    fail(job->result, doing, job->name, error);
    return OUTCOME_FAILED;
}

/* ---- what is there ------------------------------------------------------------------ */

enum there { THERE_NOTHING, THERE_OLD, THERE_WRONG, THERE_RIGHT, THERE_STOPPED };

static bool is_older(const struct stat *status, const struct stat *than)
{
    const struct timespec *a = &status->st_mtim, *b = &than->st_mtim;

    return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* The server believes what is not older than the file, so we do not. */
static enum there compare(struct job *job, int fd)
{
    size_t taken = purse_take(&job->work->purse, decode_memory(job->coding));
    enum decoded decoded = decode_compare(job->coding, fd, &job->source, job->work->stop);

    purse_give(&job->work->purse, taken);
    switch (decoded) {
    case DECODED_SAME:
        return THERE_RIGHT;
    case DECODED_CANCELLED:
        return THERE_STOPPED;
    case DECODED_OTHER:
    case DECODED_NO_MEMORY:
        break;
    }
    return THERE_WRONG;
}

static enum there look_beside(struct job *job)
{
    struct stat status;
    enum there there;
    int fd;

    if (root_read(job->work->root, job->name, &fd, &status) != ROOT_FOUND)
        return THERE_NOTHING;
    there = is_older(&status, &job->status) ? THERE_OLD : compare(job, fd);
    close(fd);
    if (there == THERE_RIGHT)
        job->result->coded_bytes[job->coding] = (uint64_t)status.st_size;
    return there;
}

/* ---- making one --------------------------------------------------------------------- */

/* The most bytes a coding may have to be worth it; 0: none can. */
static uint64_t worth(uint64_t length)
{
    uint64_t gain = MAX_OF(length / GAIN_PART, (uint64_t)GAIN_LEAST);

    return length > gain ? length - gain : 0;
}

static bool is_unchanged(struct job *job)
{
    struct stat status;
    struct file_stamp stamp;

    if (root_look(job->work->root, job->plain->name.ptr, &status) != ROOT_FOUND)
        return false;
    stamp = file_stamp_of(&status);
    return file_stamp_equal(&stamp, &job->plain->stamp);
}

static enum outcome write_it(struct job *job, struct str coded)
{
    if (!is_unchanged(job))
        return OUTCOME_CHANGED;
    if (atomic_load(job->work->stop))
        return OUTCOME_STOPPED;
    if (!root_write(job->work->root, job->name, coded, &job->status))
        return job_fail(job, BESIDE_WRITING, errno);
    job->result->coded_bytes[job->coding] = coded.len;
    return OUTCOME_MADE;
}

/* Codes into `out`, whose ceiling is what is worth it or what there is memory for. */
static enum outcome code_into(struct job *job, int effort, struct buf *out)
{
    enum encoded encoded =
        encode_all(job->coding, effort, &job->source, job->work->stop, out);

    switch (encoded) {
    case ENCODED_MADE:
        return write_it(job, buf_view(out));
    case ENCODED_NOT_SMALLER:
        if (out->max < worth(job->plain->length))
            return job_fail(job, BESIDE_CODING, ENOMEM);
        return OUTCOME_UNWORTHY;
    case ENCODED_CHANGED:
        return OUTCOME_CHANGED;
    case ENCODED_NO_MEMORY:
        return job_fail(job, BESIDE_CODING, ENOMEM);
    case ENCODED_CANCELLED:
        break;
    }
    return OUTCOME_STOPPED;
}

static enum outcome make(struct job *job)
{
    struct purse *purse = &job->work->purse;
    uint64_t length = job->plain->length;
    int effort = MAX_OF(encode_effort_within(job->coding, encode_effort_max(job->coding), length,
                                             purse->bytes / MEMORY_SHARE), 1);
    size_t memory = encode_memory(job->coding, effort, length);
    size_t room = memory < purse->bytes ? (purse->bytes - memory) / 2 : 0;
    struct buf out = BUF_UP_TO((size_t)MIN_OF(worth(length), (uint64_t)room));
    enum outcome outcome;
    size_t taken;

    if (worth(length) == 0)
        return OUTCOME_UNWORTHY;
    /* Better known before than after minutes of work. */
    if (!root_may_write(job->work->root, job->name))
        return job_fail(job, BESIDE_WRITING, errno);
    taken = purse_take(purse, memory + 2 * out.max);
    outcome = code_into(job, effort, &out);
    buf_fini(&out);
    purse_give(purse, taken);
    return outcome;
}

static enum outcome settle(struct job *job)
{
    enum there there = look_beside(job);
    enum outcome outcome;

    if (there == THERE_RIGHT)
        return OUTCOME_FRESH;
    if (there == THERE_STOPPED)
        return OUTCOME_STOPPED;
    outcome = make(job);
    if (outcome == OUTCOME_UNWORTHY && there == THERE_WRONG)
        return job_fail(job, BESIDE_JUDGING, 0);
    return outcome;
}

/* ---- one file ----------------------------------------------------------------------- */

static bool name_it(struct job *job)
{
    struct str suffix = coding_suffix(job->coding);
    int len = snprintf(job->name, sizeof job->name, "%s%.*s", job->plain->name.ptr,
                       STR_ARG(suffix));

    return len > 0 && (size_t)len < sizeof job->name;
}

static enum beside_end end_of(const bool had[OUTCOME_FAILED + 1])
{
    if (had[OUTCOME_FAILED])
        return BESIDE_FAILED;
    if (had[OUTCOME_STOPPED])
        return BESIDE_STOPPED;
    if (had[OUTCOME_MADE])
        return BESIDE_MADE;
    return had[OUTCOME_FRESH] ? BESIDE_FRESH : BESIDE_UNWORTHY;
}

/* False: the file is another one by now. */
static bool make_all(struct job *job)
{
    bool had[OUTCOME_FAILED + 1] = {false};

    for (job->coding = CODING_GZIP; job->coding < CODINGS; job->coding++) {
        enum outcome outcome;

        if (!encode_can(job->coding) || had[OUTCOME_STOPPED])
            continue;
        job->result->coded_bytes[job->coding] = job->plain->length;
        outcome = name_it(job) ? settle(job) : job_fail(job, BESIDE_WRITING, ENAMETOOLONG);
        if (outcome == OUTCOME_CHANGED)
            return false;
        had[outcome] = true;
    }
    job->result->plain_bytes = job->plain->length;
    job->result->end = end_of(had);
    return true;
}

/* Read off its name and length, nothing is to be made of it. */
static bool is_hopeless(const struct beside_work *work, const char *name, const struct stat *status)
{
    struct str view = str_view(name);

    if ((uint64_t)status->st_size < work->rules.least)
        return true;
    return !content_type_needs_sniffing(work->types, view) &&
           !coding_rules_favour(&work->rules, view, mime_types_of(work->types, view),
                                (uint64_t)status->st_size);
}

static enum beside_end end_of_find(enum root_find find, const char *name, struct beside_result *result)
{
    switch (find) {
    case ROOT_FOUND:
    case ROOT_MISSING:
    case ROOT_OUTSIDE:
    case ROOT_SPECIAL:
        break;
    case ROOT_DENIED:
    case ROOT_EXHAUSTED:
    case ROOT_BROKEN:
        return fail(result, BESIDE_READING, name, errno);
    }
    return BESIDE_GONE;
}

/* False: the file is another one by now. */
static bool try_once(struct beside_work *work, const char *name, struct beside_result *result)
{
    const struct representation_wishes wishes = {.cache_control = "", .types = work->types,
                                                 .coding = work->rules};
    struct job job = {.work = work, .result = result};
    struct representation *plain;
    enum root_find find = root_look(work->root, name, &job.status);
    bool is_done = true;

    if (find == ROOT_FOUND && S_ISREG(job.status.st_mode) && is_hopeless(work, name, &job.status)) {
        result->end = BESIDE_UNWORTHY;
        return true;
    }
    if (find == ROOT_FOUND)
        find = representation_make(work->root, name, &wishes, work->now_s, &plain, &job.status);
    if (find != ROOT_FOUND) {
        result->end = end_of_find(find, name, result);
        return true;
    }
    job.plain = plain;
    job.source = (struct encode_source){plain->bytes, plain->fd, &plain->stamp};
    if (coding_rules_favour(&work->rules, plain->name, plain->type, plain->length))
        is_done = make_all(&job);
    else
        result->end = BESIDE_UNWORTHY;
    representation_release(plain);
    return is_done;
}

void beside_make(struct beside_work *work, const char *name, struct beside_result *result)
{
    bool is_done = false;

    for (int tries = 0; !is_done && tries < TRIES_MAX; tries++) {
        *result = (struct beside_result){.end = BESIDE_STOPPED};
        is_done = try_once(work, name, result);
    }
    if (!is_done)
        result->end = fail(result, BESIDE_READING, name, EAGAIN);
}

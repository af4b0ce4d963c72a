#include "site/representation.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#include "coding/encode.h"
#include "http/date.h"
#include "site/content_type.h"
#include "site/secret.h"
#include "wherry.h"

static_assert(sizeof(off_t) == 8, "files over 4 GiB need 64-bit offsets");

enum {
    TRIES_MAX   = 4,            /* readings of a file that changes while it is read */
    BLOCK_BYTES = 16 * 1024,
    YOUNG_S     = 2,
    AHEAD_S     = 60,           /* a file server's clock may be ahead of ours by this */
    DAY_S       = 24 * 60 * 60,
};

/* 1980-01-02.  Build tools that want the same bytes every time set every mtime to 0 or to
 * 1980-01-01, where ZIP begins: that says nothing about when the file changed. */
#define PLAUSIBLE_FROM_S ((int64_t)315532800 + DAY_S)

/* ---- the file ---------------------------------------------------------------------- */

/* Something that happened then may happen again without a difference.  A date far in the future was
 * set by hand; it must not make us read the file for ever. */
static bool is_recent(int64_t then_s, int64_t now_s)
{
    return then_s >= now_s - YOUNG_S && then_s <= now_s + AHEAD_S;
}

/* The ctime counts too: tools that copy files set the mtime back once they have written. */
bool file_is_young(const struct stat *status, int64_t now_s)
{
    return is_recent(status->st_mtim.tv_sec, now_s) || is_recent(status->st_ctim.tv_sec, now_s);
}

/* ---- reading ----------------------------------------------------------------------- */

/* What is known only by reading a file. */
struct content {
    struct survey survey;
    XXH128_hash_t hash;         /* when the survey was whole: else it was too large */
    struct str    type;         /* in content_type */
    char          content_type[CONTENT_TYPE_BYTES];
};

enum reading { READING_DONE, READING_CHANGED, READING_FAILED, READING_SECRET };

/* Reads the whole body, into memory when there is room for it there.  The kernel's end of the file
 * may come early: then somebody is writing it. */
static enum reading read_body(struct representation *made, char *room, XXH3_state_t *hash,
                              struct survey *survey)
{
    char block[BLOCK_BYTES];
    uint64_t offset = 0;

    while (offset < made->length) {
        /* cppcheck-suppress legacyUninitvar ; it is what pread writes to */
        char *into = room ? room + offset : block;
        size_t wanted = room ? made->length - offset : sizeof block;
        ssize_t got = pread(made->fd, into, wanted, (off_t)offset);

        if (got == -1 && errno == EINTR)
            continue;
        if (got == -1)
            return READING_FAILED;
        if (got == 0)
            return READING_CHANGED;
        XXH3_128bits_update(hash, into, (size_t)got);
        survey_read(survey, str_of(into, (size_t)got));
        offset += (uint64_t)got;
    }
    /* More than the length: it has grown, which the stamp will say. */
    return offset == made->length ? READING_DONE : READING_CHANGED;
}

static enum reading read_whole(struct representation *made, char *room, struct content *content)
{
    XXH3_state_t *hash;
    enum reading reading;

    if (made->length > REPRESENTATION_HASHED_MAX)
        return READING_DONE;
    hash = XXH3_createState();
    if (!hash) {
        errno = ENOMEM;
        return READING_FAILED;
    }
    XXH3_128bits_reset(hash);
    reading = read_body(made, room, hash, &content->survey);
    content->survey.was_whole = true;
    content->hash = XXH3_128bits_digest(hash);
    XXH3_freeState(hash);
    return reading;
}

/* Reads the beginning of a file that is not kept in memory once more: its first bytes have been
 * overwritten by those that came after. */
static enum reading read_beginning(const struct representation *made, char *room, size_t wanted)
{
    size_t had = 0;

    while (had < wanted) {
        ssize_t got = pread(made->fd, room + had, wanted - had, (off_t)had);

        if (got == -1 && errno != EINTR)
            return READING_FAILED;
        if (got == 0)
            return READING_CHANGED;
        had += got > 0 ? (size_t)got : 0;
    }
    return READING_DONE;
}

static enum reading read_type(const struct representation *made, const char *kept,
                              const struct mime_types *types, struct content *content)
{
    char block[CONTENT_TYPE_BEGINNING];
    size_t len = MIN_OF(made->length, sizeof block);
    enum reading reading = READING_DONE;

    if (!content_type_needs_bytes(types, made->name))
        len = 0;
    else if (!kept)
        reading = read_beginning(made, block, len);
    if (reading == READING_DONE)
        content->type = content_type_write(types, made->name, str_of(kept ? kept : block, len),
                                           &content->survey, content->content_type);
    return reading;
}

static enum reading read_content(struct representation *made, char *room,
                                 const struct mime_types *types, struct content *content)
{
    enum reading reading;

    *content = (struct content){.survey = SURVEY_NONE};
    reading = read_whole(made, room, content);
    return reading == READING_DONE ? read_type(made, room, types, content) : reading;
}

/* The file was the same before and after it was read. */
static enum reading check_unchanged(const struct representation *made)
{
    struct stat status;
    struct file_stamp stamp;

    if (fstat(made->fd, &status) == -1)
        return READING_FAILED;
    stamp = file_stamp_of(&status);
    return file_stamp_equal(&stamp, &made->stamp) ? READING_DONE : READING_CHANGED;
}

/* ---- what is said about it --------------------------------------------------------- */

static bool is_plausible(int64_t mtime_s)
{
    return mtime_s > PLAUSIBLE_FROM_S;
}

/* RFC 9110 §8.8.1: a strong validator changes with every byte.  Size and time do that only once no
 * second write can fall into the same tick of the clock. */
static bool is_weak(int64_t mtime_s, int64_t now_s)
{
    return !is_plausible(mtime_s) || mtime_s >= now_s - YOUNG_S;
}

static void say_etag(struct representation *made, const struct content *content, int64_t now_s)
{
    const struct timespec *mtime = &made->stamp.mtime;
    int len;

    /* From the content, so that it is the same on every replica and survives a rebuild. */
    if (content->survey.was_whole)
        len = snprintf(made->etag_text, sizeof made->etag_text, "\"%016llx%016llx\"",
                       (unsigned long long)content->hash.high64,
                       (unsigned long long)content->hash.low64);
    else
        len = snprintf(made->etag_text, sizeof made->etag_text, "%s\"%llx-%llx.%lx\"",
                       is_weak(mtime->tv_sec, now_s) ? "W/" : "", (unsigned long long)made->length,
                       (unsigned long long)mtime->tv_sec, (unsigned long)mtime->tv_nsec);
    made->etag = str_of(made->etag_text, (size_t)len);
}

/* RFC 9110 §8.8.3.3: each coding has a tag of its own.  A file beside the page has one from its
 * content; but somebody may have copied the page there as it is. */
static void say_beside(struct representation *made)
{
    struct str name = coding_name(made->coding);
    size_t len = made->etag.len - 1;
    int more = snprintf(made->etag_text + len, sizeof made->etag_text - len, "-%.*s\"",
                        STR_ARG(name));

    made->etag.len = len + (size_t)more;
    made->lay_beside = true;
}

/* So has each effort, which other replicas may not have the memory for. */
static void say_coded_etag(struct representation *made, const struct representation *plain,
                           int effort)
{
    struct str name = coding_name(made->coding);
    int len = snprintf(made->etag_text, sizeof made->etag_text, "%.*s-%.*s%d\"",
                       (int)plain->etag.len - 1, plain->etag.ptr, STR_ARG(name), effort);

    made->etag = str_of(made->etag_text, (size_t)len);
}

/* Which plain one it is, or is a coding of. */
static void say_of(struct representation *made, const struct representation *plain)
{
    struct str etag = plain->etag;

    assert(etag.len <= sizeof made->of_text);
    memcpy(made->of_text, etag.ptr, etag.len);
    made->of = str_of(made->of_text, etag.len);
    made->of_mtime = plain->stamp.mtime;
}

/* RFC 9110 §8.8.2.1: never later than the answer itself; and better none than a wrong one. */
static void say_last_modified(struct representation *made, int64_t now_s)
{
    int64_t mtime_s = made->stamp.mtime.tv_sec;

    made->last_modified = is_plausible(mtime_s) ? MIN_OF(mtime_s, now_s) : DATE_NONE;
}

static bool add_tag_line(struct representation *made)
{
    if (!wherry_field_line(made->shared_text, sizeof made->shared_text, "ETag", made->etag_text))
        return false;
    made->shared_lines = str_view(made->shared_text);
    return true;
}

/* RFC 9110 §12.5.5: every answer whose coding could have been another one says so. */
static bool add_shared_lines(struct representation *made, const char *cache_control)
{
    if (*cache_control && !wherry_field_line(made->shared_text, sizeof made->shared_text,
                                             "Cache-Control", cache_control))
        return false;
    if (representation_varies(made) &&
        !wherry_field_line(made->shared_text, sizeof made->shared_text, "Vary", "Accept-Encoding"))
        return false;
    return add_tag_line(made);
}

static bool add_type_lines(struct representation *made, const struct content *content)
{
    if (!wherry_field_line(made->content_text, sizeof made->content_text, "Content-Type",
                           content->content_type) ||
        !wherry_field_line(made->content_text, sizeof made->content_text, "X-Content-Type-Options",
                           "nosniff"))
        return false;
    made->type_lines = str_view(made->content_text);
    made->type = str_of(made->content_text + STR("Content-Type: ").len, content->type.len);
    return true;
}

/* Last-Modified is not among what a 304 repeats (RFC 9110 §15.4.5): the entity tag is the better
 * one. */
static bool add_content_lines(struct representation *made)
{
    char date[DATE_BYTES + 1] = "";

    if (made->coding != CODING_IDENTITY &&
        !wherry_field_line(made->content_text, sizeof made->content_text, "Content-Encoding",
                           coding_name(made->coding).ptr))
        return false;
    if (!wherry_field_line(made->content_text, sizeof made->content_text, "Accept-Ranges", "bytes"))
        return false;
    if (made->last_modified != DATE_NONE) {
        date_format(made->last_modified, date);
        if (!wherry_field_line(made->content_text, sizeof made->content_text, "Last-Modified",
                               date))
            return false;
    }
    made->content_lines = str_view(made->content_text);
    return true;
}

/* False only for want of memory: the texts have been measured (see representation_can_send). */
static bool describe(struct representation *made, const struct content *content,
                     const struct representation_wishes *wishes, int64_t now_s)
{
    say_etag(made, content, now_s);
    say_of(made, made);
    say_last_modified(made, now_s);
    if (!add_type_lines(made, content))
        return false;
    /* What was not read whole may change while it is coded, and its tag would not tell. */
    made->is_codable = content->survey.was_whole &&
                       coding_rules_favour(&wishes->coding, made->name, made->type, made->length);
    if (!coding_rules_allow(&wishes->coding, made->name, made->type))
        made->siblings = 0;
    return add_shared_lines(made, wishes->cache_control) && add_content_lines(made);
}

/* Of a coding the same is said as of the plain one, but for its tag and that it is one. */
static bool describe_coding(struct representation *made, const struct representation *plain)
{
    size_t before_tag = plain->shared_lines.len - STR("ETag: \r\n").len - plain->etag.len;

    say_of(made, plain);
    memcpy(made->shared_text, plain->shared_text, before_tag);
    memcpy(made->content_text, plain->content_text, plain->type_lines.len);
    made->type_lines = str_of(made->content_text, plain->type_lines.len);
    made->type = str_of(made->content_text + STR("Content-Type: ").len, plain->type.len);
    return add_tag_line(made) && add_content_lines(made);
}

bool representation_can_send(const char *cache_control)
{
    char line[REPRESENTATION_CACHE_CONTROL_MAX + 32] = "";

    return strlen(cache_control) <= REPRESENTATION_CACHE_CONTROL_MAX &&
           (*cache_control == '\0' ||
            wherry_field_line(line, sizeof line, "Cache-Control", cache_control));
}

/* ---- files beside it ---------------------------------------------------------------- */

static bool is_older(struct timespec a, struct timespec b)
{
    return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

static bool write_sibling(char file[PATH_MAX], struct str name, enum coding coding)
{
    struct str suffix = coding_suffix(coding);

    return snprintf(file, PATH_MAX, "%.*s%.*s", STR_ARG(name), STR_ARG(suffix)) < PATH_MAX;
}

/* No coding of anything is empty: that one is only being written. */
static bool is_complete(const struct stat *beside)
{
    return S_ISREG(beside->st_mode) && beside->st_size > 0;
}

unsigned representation_siblings(struct root *root, const struct representation_wishes *wishes,
                                 const char *name, struct str type, const struct stat *status)
{
    unsigned siblings = 0;
    char file[PATH_MAX];
    struct stat beside;

    if (!coding_rules_allow(&wishes->coding, str_view(name), type))
        return 0;
    for (enum coding coding = CODING_GZIP; coding < CODINGS; coding++)
        if (write_sibling(file, str_view(name), coding) &&
            root_look(root, file, &beside) == ROOT_FOUND && is_complete(&beside) &&
            !is_older(beside.st_mtim, status->st_mtim))
            siblings |= BIT(coding);
    return siblings;
}

/* ---- its life ---------------------------------------------------------------------- */

/* What is to be made. */
struct making {
    struct str                          name;       /* of the plain file */
    const struct representation_wishes *wishes;     /* of a plain one */
    unsigned                            siblings;   /* of a plain one */
    const struct representation        *plain;      /* NULL: it is that; else what to code */
    enum coding                         coding;
    int64_t                             now_s;
};

/* One with nothing said about it yet, and room for so many bytes. */
static struct representation *blank(const struct making *making, uint64_t length, size_t kept)
{
    struct str name = making->name;
    struct representation *made = malloc(sizeof *made + kept + name.len + 1);

    if (!made)
        return NULL;
    *made = (struct representation){
        .fd = -1,
        .length = length,
        .coding = making->coding,
        .siblings = making->siblings,
        .name = str_of(made->room + kept, name.len),
        .bytes = str_of(made->room, kept),
    };
    atomic_init(&made->references, 1);
    memcpy(made->room + kept, name.ptr, name.len);
    made->room[kept + name.len] = '\0';
    return made;
}

static bool is_small(const struct representation *representation)
{
    return representation->length <= REPRESENTATION_SMALL_MAX;
}

static bool say_all(struct representation *made, const struct making *making,
                    const struct content *content)
{
    if (!making->plain)
        return describe(made, content, making->wishes, making->now_s);
    say_etag(made, content, making->now_s);
    say_beside(made);
    /* Its own: it may be made anew of the same page, and its bytes are others then. */
    say_last_modified(made, making->now_s);
    return describe_coding(made, making->plain);
}

/* Fills in a blank one. */
static enum reading fill(struct representation *made, const struct making *making)
{
    char *room = is_small(made) ? made->room : NULL;
    struct content content = {.survey = SURVEY_NONE};
    enum reading reading = making->plain
                               ? read_whole(made, room, &content)
                               : read_content(made, room, making->wishes->types, &content);

    if (reading == READING_DONE)
        reading = check_unchanged(made);
    if (reading == READING_DONE && room && secret_is_key(made->bytes))
        return READING_SECRET;
    if (reading == READING_DONE && !say_all(made, making, &content)) {
        errno = ENOMEM;
        return READING_FAILED;
    }
    if (reading == READING_DONE && is_small(made)) {
        close(made->fd);
        made->fd = -1;
    }
    return reading;
}

/* Takes over fd. */
static enum reading make_once(int fd, const struct stat *status, const struct making *making,
                              struct representation **made)
{
    uint64_t length = (uint64_t)status->st_size;
    struct representation *blank_one =
        blank(making, length, length <= REPRESENTATION_SMALL_MAX ? (size_t)length : 0);
    enum reading reading;

    if (!blank_one) {
        close(fd);
        errno = ENOMEM;
        return READING_FAILED;
    }
    blank_one->fd = fd;
    blank_one->stamp = file_stamp_of(status);
    blank_one->is_young = file_is_young(status, making->now_s);
    reading = fill(blank_one, making);
    if (reading == READING_DONE) {
        *made = blank_one;
    } else {
        int saved = errno;

        representation_release(blank_one);
        errno = saved;
    }
    return reading;
}

/* Reads the file of that name for it. */
static enum root_find make(struct root *root, const char *file, struct making *making,
                           struct representation **made, struct stat *status)
{
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        int fd;
        enum root_find find = root_read(root, file, &fd, status);

        if (find != ROOT_FOUND)
            return find;
        if (making->plain && is_older(status->st_mtim, making->plain->stamp.mtime)) {
            close(fd);
            return ROOT_MISSING;
        }
        if (!making->plain)
            making->siblings = representation_siblings(root, making->wishes, file, STR_NONE,
                                                       status);
        switch (make_once(fd, status, making, made)) {
        case READING_DONE:
            return ROOT_FOUND;
        case READING_FAILED:
            return errno == ENOMEM ? ROOT_EXHAUSTED : ROOT_BROKEN;
        case READING_SECRET:
            return ROOT_MISSING;
        case READING_CHANGED:
            break;
        }
    }
    errno = EAGAIN;
    return ROOT_BROKEN;
}

enum root_find representation_make(struct root *root, const char *name,
                                   const struct representation_wishes *wishes, int64_t now_s,
                                   struct representation **made, struct stat *status)
{
    struct making making = {.name = str_view(name), .wishes = wishes, .now_s = now_s};

    return make(root, name, &making, made, status);
}

enum root_find representation_look_beside(struct root *root, const struct representation *plain,
                                          enum coding coding, struct stat *status)
{
    char file[PATH_MAX];

    if (!write_sibling(file, plain->name, coding))
        return ROOT_MISSING;
    return root_look(root, file, status);
}

enum root_find representation_make_sibling(struct root *root, const struct representation *plain,
                                           enum coding coding, int64_t now_s,
                                           struct representation **made, struct stat *status)
{
    struct making making = {
        .name = plain->name, .plain = plain, .coding = coding, .now_s = now_s};
    char file[PATH_MAX];

    if (!write_sibling(file, plain->name, coding))
        return ROOT_MISSING;
    return make(root, file, &making, made, status);
}

struct representation *representation_code(const struct representation *plain, enum coding coding,
                                           int effort, struct str body)
{
    const struct making making = {.name = plain->name, .plain = plain, .coding = coding};
    struct representation *made = blank(&making, body.len, body.len);

    if (!made)
        return NULL;
    memcpy(made->room, body.ptr, body.len);
    made->stamp = plain->stamp;
    made->is_young = plain->is_young;
    made->last_modified = plain->last_modified;
    say_coded_etag(made, plain, effort);
    if (!describe_coding(made, plain)) {
        representation_release(made);
        return NULL;
    }
    return made;
}

bool representation_is_alike(const struct representation *one, const struct representation *other)
{
    return one == other ||
           (str_equal(one->etag, other->etag) && str_equal(one->type_lines, other->type_lines) &&
            file_time_equal(one->stamp.mtime, other->stamp.mtime));
}

/* The type counts, because a path may come to mean another file of the same bytes; and the mtime,
 * because who compares dates must not be told of one that was before. */
bool representation_is_of(const struct representation *coded, const struct representation *plain)
{
    bool lies_beside = (plain->siblings & BIT(coded->coding)) != 0;

    return str_equal(coded->of, plain->etag) && coded->lay_beside == lies_beside &&
           str_equal(coded->type_lines, plain->type_lines) &&
           file_time_equal(coded->of_mtime, plain->stamp.mtime);
}

void representation_inherit(struct representation *fresh, const struct representation *known)
{
    if (representation_is_alike(fresh, known))
        atomic_fetch_or(&fresh->hopeless, atomic_load(&known->hopeless));
}

struct representation *representation_acquire(struct representation *representation)
{
    atomic_fetch_add_explicit(&representation->references, 1, memory_order_relaxed);
    return representation;
}

void representation_release(struct representation *representation)
{
    if (atomic_fetch_sub_explicit(&representation->references, 1, memory_order_acq_rel) != 1)
        return;
    if (representation->fd != -1)
        close(representation->fd);
    free(representation);
}

/* Size and mtime, not ctime: a file that is renamed or removed while we send it gets a new ctime
 * and keeps its bytes. */
bool representation_is_intact(const struct representation *representation)
{
    struct stat status;

    if (representation->fd == -1)
        return true;
    return fstat(representation->fd, &status) == 0 &&
           (uint64_t)status.st_size == representation->stamp.size &&
           file_time_equal(status.st_mtim, representation->stamp.mtime);
}

size_t representation_cost(const struct representation *representation)
{
    return sizeof *representation + representation->bytes.len + representation->name.len + 1;
}

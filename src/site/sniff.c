#include "site/sniff.h"

#include <magic.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/token.h"
#include "site/mime.h"

/* Off: looking into archives, Microsoft's compound files and ELF, which are parsers and not rules
 * and have been where libmagic broke; CSV, which is text and no more. */
enum {
    FLAGS = MAGIC_MIME_TYPE | MAGIC_MIME_ENCODING | MAGIC_NO_CHECK_COMPRESS |
            MAGIC_NO_CHECK_CDF | MAGIC_NO_CHECK_ELF | MAGIC_NO_CHECK_CSV | MAGIC_NO_CHECK_APPTYPE,
    RETRY_MS = 60 * 1000,       /* after a load that failed */
};

static const struct limit {
    int    which;
    size_t most;
} limits[] = {
    {MAGIC_PARAM_BYTES_MAX, SNIFF_BYTES_MAX},
    {MAGIC_PARAM_REGEX_MAX, 512},       /* bytes that a regular expression sees: what costs most */
    {MAGIC_PARAM_INDIR_MAX, 15},        /* rules that begin again further on */
    {MAGIC_PARAM_NAME_MAX, 50},         /* rules that use others by name */
    {MAGIC_PARAM_ELF_PHNUM_MAX, 16},
    {MAGIC_PARAM_ELF_SHNUM_MAX, 16},
    {MAGIC_PARAM_ELF_NOTES_MAX, 16},
};

static struct pool {
    pthread_mutex_t mutex;
    pthread_cond_t  is_back;                    /* a handle, or hope that one can be made */
    magic_t         idle[SNIFF_HANDLES_MAX];
    unsigned        idle_count;
    unsigned        count;                      /* of all handles */
    int64_t         retry_ms;                   /* not before */
    bool            has_complained;
    const char     *database;                   /* NULL: the system's */
} pool = {.mutex = PTHREAD_MUTEX_INITIALIZER, .is_back = PTHREAD_COND_INITIALIZER};

/* ---- handles ----------------------------------------------------------------------- */

/* Said once: an operator who reads it knows what to do, and everything goes on without. */
static void complain(const char *why)
{
    pthread_mutex_lock(&pool.mutex);
    if (!pool.has_complained)
        log_warn("cannot tell types from bytes, so only from names", "database=\"%s\" why=\"%s\"",
                 LOG_QUOTE(str_view(pool.database ? pool.database : "")),
                 LOG_QUOTE(str_view(why)));
    pool.has_complained = true;
    pthread_mutex_unlock(&pool.mutex);
}

static magic_t load(const char *database)
{
    magic_t handle = magic_open(FLAGS);

    if (!handle) {
        complain("no memory for libmagic");
        return NULL;
    }
    for (size_t i = 0; i < COUNTOF(limits); i++)
        (void)magic_setparam(handle, limits[i].which, &limits[i].most);
    if (magic_load(handle, database) == -1) {
        const char *why = magic_error(handle);

        complain(why ? why : "libmagic does not say");
        magic_close(handle);
        return NULL;
    }
    return handle;
}

/* With the mutex held.  True: a place for a new handle was taken. */
static bool may_load(void)
{
    bool may = pool.count < SNIFF_HANDLES_MAX && clock_now().ms >= pool.retry_ms;

    pool.count += may;
    return may;
}

/* Loads into the place that was taken, or gives it back. */
static magic_t load_into_place(void)
{
    magic_t handle = load(pool.database);

    if (!handle) {
        pthread_mutex_lock(&pool.mutex);
        pool.count--;
        pool.retry_ms = clock_now().ms + RETRY_MS;
        pthread_cond_broadcast(&pool.is_back);
        pthread_mutex_unlock(&pool.mutex);
    }
    return handle;
}

/* An idle handle, else a new one, else the first that comes back; NULL when there is none and
 * can be none. */
static magic_t take(void)
{
    magic_t handle = NULL;
    bool loads = false;

    pthread_mutex_lock(&pool.mutex);
    while (pool.idle_count == 0 && !(loads = may_load()) && pool.count > 0)
        pthread_cond_wait(&pool.is_back, &pool.mutex);
    if (pool.idle_count > 0)
        handle = pool.idle[--pool.idle_count];
    pthread_mutex_unlock(&pool.mutex);
    return loads ? load_into_place() : handle;
}

static void give_back(magic_t handle)
{
    pthread_mutex_lock(&pool.mutex);
    pool.idle[pool.idle_count++] = handle;
    pthread_cond_signal(&pool.is_back);
    pthread_mutex_unlock(&pool.mutex);
}

void sniff_forget(void)
{
    pthread_mutex_lock(&pool.mutex);
    assert(pool.idle_count == pool.count);
    while (pool.idle_count > 0)
        magic_close(pool.idle[--pool.idle_count]);
    pool.count = 0;
    pool.retry_ms = 0;
    pthread_mutex_unlock(&pool.mutex);
}

void sniff_use_database(const char *path)
{
    sniff_forget();
    pool.database = path;
    pool.has_complained = false;
}

/* ---- the answer -------------------------------------------------------------------- */

static bool is_type(struct str type)
{
    size_t slash = str_find(type, '/');

    return type.len <= MIME_TYPE_MAX && token_all(str_of(type.ptr, slash), CHAR_TOKEN) &&
           token_all(str_from(type, slash + 1), CHAR_TOKEN);
}

/* libmagic has said "type; charset=encoding", or something that is none: several types in a row,
 * a sentence. */
static bool read_answer(const char *said, struct sniffed *sniffed)
{
    static const struct str between = STR("; charset=");
    size_t len = strnlen(said, sizeof sniffed->text);
    struct str all = str_of(sniffed->text, len);

    if (len == sizeof sniffed->text)
        return false;
    for (size_t i = 0; i < len; i++)
        sniffed->text[i] = said[i] >= 'A' && said[i] <= 'Z' ? (char)(said[i] - 'A' + 'a') : said[i];
    sniffed->type = str_of(all.ptr, str_find(all, ';'));
    sniffed->encoding = str_from(all, sniffed->type.len);
    sniffed->encoding = str_starts(sniffed->encoding, between)
                            ? str_from(sniffed->encoding, between.len)
                            : STR_NONE;
    if (!token_all(sniffed->encoding, CHAR_TOKEN))
        sniffed->encoding = STR_NONE;
    return is_type(sniffed->type);
}

bool sniff(struct str bytes, struct sniffed *sniffed)
{
    magic_t handle = take();
    const char *said;
    bool ok;

    sniffed->type = sniffed->encoding = STR_NONE;
    if (!handle)
        return false;
    said = magic_buffer(handle, bytes.ptr, MIN_OF(bytes.len, SNIFF_BYTES_MAX));
    ok = said && read_answer(said, sniffed);
    give_back(handle);
    return ok;
}

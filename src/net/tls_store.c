#include "net/tls_store.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/log.h"

enum {
    LOOK_EVERY_S = 1,               /* at files that were given */
    SELF_EVERY_S = 600,             /* at what we made, whether it is time to make it anew */
    WATCHED_MAX  = 3 * TLS_PAIRS_MAX + 1,
};

/* By what a change of a file is known: another file under its name, or another content. */
struct mark {
    dev_t           device;
    ino_t           inode;
    off_t           size;
    struct timespec modified, changed;
};

struct tls_store {
    struct tls_store_settings settings;
    struct tls_tickets       *tickets;
    struct tls_key_log       *key_log;
    struct tls_self           self;
    struct mark               marks[WATCHED_MAX];
    int64_t                   look_s;           /* when to look next */
    int64_t                   self_s;
    pthread_mutex_t           mutex;            /* over `current` */
    struct tls_context       *current;
};

/* ---- what has changed ----------------------------------------------------------------- */

/* A file that is not there is all zeroes, so that its coming is a change. */
static struct mark mark_of(const char *path)
{
    struct stat status;

    if (!path || stat(path, &status) == -1)
        return (struct mark){0};
    return (struct mark){status.st_dev, status.st_ino, status.st_size, status.st_mtim,
                         status.st_ctim};
}

static bool time_equal(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool mark_equal(const struct mark *a, const struct mark *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           time_equal(a->modified, b->modified) && time_equal(a->changed, b->changed);
}

/* Notes what stands there now; true when it is not what stood there the last time. */
static bool note(struct mark *mark, const char *path)
{
    struct mark now = mark_of(path);
    bool        has_changed = !mark_equal(mark, &now);

    *mark = now;
    return has_changed;
}

/* Before the files are read: what changes while they are is seen the next time. */
static bool note_all(struct tls_store *store)
{
    const struct tls_store_settings *settings = &store->settings;
    struct mark                     *mark = store->marks;
    bool                             has_changed = note(mark++, settings->client_ca_path);

    for (size_t i = 0; i < settings->files_count; i++) {
        has_changed |= note(mark++, settings->files[i].cert_path);
        has_changed |= note(mark++, settings->files[i].key_path);
        has_changed |= note(mark++, settings->files[i].password_path);
    }
    return has_changed;
}

/* ---- a new context -------------------------------------------------------------------- */

static size_t load_pairs(struct tls_store *store, struct tls_pair *pairs[TLS_PAIRS_MAX],
                         int64_t now_s, char *problem, size_t size)
{
    const struct tls_store_settings *settings = &store->settings;
    size_t                           count;

    if (settings->files_count == 0) {
        pairs[0] = tls_pair_acquire(store->self.pair);
        return 1;
    }
    for (count = 0; count < settings->files_count; count++) {
        pairs[count] = tls_pair_load(&settings->files[count], now_s, problem, size);
        if (!pairs[count])
            break;
    }
    return count;
}

static struct tls_context *make_context(struct tls_store *store, int64_t now_s, char *problem,
                                        size_t size)
{
    const struct tls_store_settings *settings = &store->settings;
    const struct tls_rules           rules = {.min = settings->min,
                                              .client_ca_path = settings->client_ca_path,
                                              .client = settings->client,
                                              .key_log = store->key_log};
    size_t                           wanted = MAX_OF(settings->files_count, (size_t)1);
    struct tls_pair                 *pairs[TLS_PAIRS_MAX];
    struct tls_context              *context = NULL;
    size_t                           count;

    count = load_pairs(store, pairs, now_s, problem, size);
    if (count == wanted)
        context = tls_context_new(pairs, count, &rules, store->tickets, problem, size);
    while (count)
        tls_pair_release(pairs[--count]);
    return context;
}

static void put_into_use(struct tls_store *store, struct tls_context *context)
{
    struct tls_context *before;

    pthread_mutex_lock(&store->mutex);
    before = store->current;
    store->current = context;
    pthread_mutex_unlock(&store->mutex);
    tls_context_release(before);
}

struct tls_context *tls_store_context(struct tls_store *store)
{
    struct tls_context *context;

    pthread_mutex_lock(&store->mutex);
    context = tls_context_acquire(store->current);
    pthread_mutex_unlock(&store->mutex);
    return context;
}

/* ---- the keeper's part ---------------------------------------------------------------- */

static void reload(struct tls_store *store, int64_t now_s)
{
    char                problem[1024] = "";
    struct tls_context *context = make_context(store, now_s, problem, sizeof problem);

    if (context) {
        put_into_use(store, context);
        log_info("certificates were read anew", "");
    } else {
        log_error("the certificates before stay in use", "why=\"%s\"",
                  LOG_QUOTE(str_view(problem)));
    }
}

/* At the start it is announced; from then on the log is where it is looked for. */
static void tell_of_self(const struct tls_self *self)
{
    if (self->is_new_authority)
        log_warn("the certificate has a new authority, which is to be trusted anew",
                 "path=\"%s\" sha256=%s",
                 LOG_QUOTE(str_view(self->authority_path ? self->authority_path : "")),
                 self->fingerprint);
    if (*self->warning)
        log_warn("cannot keep the certificate", "why=\"%s\"", LOG_QUOTE(str_view(self->warning)));
}

static bool renew_self(struct tls_store *store, int64_t now_s)
{
    struct tls_pair *before = store->self.pair;
    char             problem[TLS_SELF_PROBLEM] = "";

    store->self_s = now_s + SELF_EVERY_S;
    if (!tls_self_refresh(&store->self, &store->settings.self, now_s, problem, sizeof problem))
        log_error("cannot renew the certificate", "why=\"%s\"", LOG_QUOTE(str_view(problem)));
    else if (store->self.pair != before)
        tell_of_self(&store->self);
    return store->self.pair != before;
}

void tls_store_check(struct tls_store *store, int64_t now_s, bool force)
{
    bool has_changed = force;

    tls_tickets_rotate(store->tickets, now_s);
    /* A clock that was set back must not keep us from looking. */
    if (force || now_s >= store->look_s || now_s < store->look_s - LOOK_EVERY_S) {
        store->look_s = now_s + LOOK_EVERY_S;
        has_changed |= note_all(store);
    }
    if (store->settings.files_count == 0 &&
        (force || now_s >= store->self_s || now_s < store->self_s - SELF_EVERY_S))
        has_changed |= renew_self(store, now_s);
    if (has_changed)
        reload(store, now_s);
}

/* ---- its life ------------------------------------------------------------------------- */

static bool open_key_log(struct tls_store *store, char *problem, size_t size)
{
    const char *path = store->settings.key_log_path;

    if (!path)
        return true;
    store->key_log = tls_key_log_open(path);
    if (!store->key_log)
        snprintf(problem, size, "cannot write the key log \"%s\": %s", LOG_QUOTE(str_view(path)),
                 strerror(errno));
    return store->key_log != NULL;
}

static bool begin(struct tls_store *store, int64_t now_s, char *problem, size_t size)
{
    store->tickets = tls_tickets_new(now_s);
    if (!store->tickets) {
        snprintf(problem, size, "there is no memory for TLS");
        return false;
    }
    if (!open_key_log(store, problem, size))
        return false;
    if (store->settings.files_count == 0 &&
        !tls_self_refresh(&store->self, &store->settings.self, now_s, problem, size))
        return false;
    store->look_s = now_s + LOOK_EVERY_S;
    store->self_s = now_s + SELF_EVERY_S;
    (void)note_all(store);
    store->current = make_context(store, now_s, problem, size);
    return store->current != NULL;
}

struct tls_store *tls_store_open(const struct tls_store_settings *settings, int64_t now_s,
                                 char *problem, size_t size)
{
    struct tls_store *store = calloc(1, sizeof *store);

    assert(settings->files_count <= TLS_PAIRS_MAX);
    if (!store) {
        snprintf(problem, size, "there is no memory for TLS");
        return NULL;
    }
    store->settings = *settings;
    pthread_mutex_init(&store->mutex, NULL);
    if (!begin(store, now_s, problem, size)) {
        tls_store_close(store);
        return NULL;
    }
    return store;
}

void tls_store_close(struct tls_store *store)
{
    if (!store)
        return;
    tls_context_release(store->current);
    tls_self_fini(&store->self);
    tls_key_log_close(store->key_log);
    tls_tickets_free(store->tickets);
    pthread_mutex_destroy(&store->mutex);
    free(store);
}

const struct tls_self *tls_store_self(const struct tls_store *store)
{
    return store->settings.files_count ? NULL : &store->self;
}

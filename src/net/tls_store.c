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
    RETRY_EVERY_S = 60,             /* what could not be read, whether its file has changed or not */
    DAY_S        = 24 * 3600,
    EXPIRY_DAYS  = 14,              /* that a certificate's end is told ahead, once a day */
    PROBLEM_MAX  = 1024,
};

/* By what a change of a file is known: another file under its name, or another content. */
struct mark {
    dev_t           device;
    ino_t           inode;
    off_t           size;
    struct timespec modified, changed;
};

/* What a pair is made from, and what became of it. */
struct source {
    struct mark      marks[3];          /* of certificate, key and password */
    struct tls_pair *pair;              /* in use */
    char             problem[PROBLEM_MAX];      /* why the files could not be used; "": they could */
};

struct tls_store {
    struct tls_store_settings settings;
    struct tls_tickets       *tickets;
    struct tls_key_log       *key_log;
    struct tls_self           self;
    struct source             sources[TLS_PAIRS_MAX];   /* of the files */
    struct mark               client_ca;
    char                      problem[PROBLEM_MAX];     /* why the last context could not be made */
    char                      faulty_problem[PROBLEM_MAX];      /* or one of the faulty ones */
    int64_t                   look_s;           /* when to look next */
    int64_t                   self_s;
    int64_t                   retry_s;
    int64_t                   warn_s;           /* when to look for certificates that end */
    pthread_mutex_t           mutex;            /* over `current` */
    struct tls_context       *current[TLS_FAULTS];      /* NULL where it is not wanted */
};

/* We make one, or an authority. */
static bool has_self(const struct tls_store *store)
{
    return store->settings.files_count == 0 || store->settings.has_faulty;
}

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
    bool                             has_changed = note(&store->client_ca, settings->client_ca_path);

    for (size_t i = 0; i < settings->files_count; i++) {
        struct mark *marks = store->sources[i].marks;

        has_changed |= note(&marks[0], settings->files[i].cert_path);
        has_changed |= note(&marks[1], settings->files[i].key_path);
        has_changed |= note(&marks[2], settings->files[i].password_path);
    }
    return has_changed;
}

/* ---- what goes wrong, and what will --------------------------------------------------- */

/* Says it once: what is tried again every minute need not be told every minute. */
static void complain(char before[PROBLEM_MAX], const char *problem, const char *what)
{
    if (strcmp(before, problem) == 0)
        return;
    snprintf(before, PROBLEM_MAX, "%s", problem);
    if (*problem)
        log_error(what, "why=\"%s\"", LOG_QUOTE(str_view(problem)));
}

static void warn_of_end(const struct tls_pair *pair, int64_t now_s)
{
    int64_t end_s = tls_pair_not_after(pair), left_s = end_s - now_s;
    int64_t life_s = end_s - tls_pair_not_before(pair);
    char    text[256];

    /* Some live for a few days only, and are renewed when a third of that is left. */
    if (left_s > MIN_OF((int64_t)EXPIRY_DAYS * DAY_S, life_s / 4))
        return;
    tls_pair_describe(pair, text, sizeof text);
    if (left_s < 0)
        log_error("a certificate has expired", "certificate=\"%s\"", LOG_QUOTE(str_view(text)));
    else
        log_warn("a certificate is about to expire", "days=%lld certificate=\"%s\"",
                 (long long)(left_s / DAY_S), LOG_QUOTE(str_view(text)));
}

/* Of those that somebody else renews. */
static void warn_of_ends(struct tls_store *store, int64_t now_s)
{
    store->warn_s = now_s + DAY_S;
    for (size_t i = 0; i < store->settings.files_count; i++) {
        int64_t end_s = tls_pair_not_after(store->sources[i].pair);

        warn_of_end(store->sources[i].pair, now_s);
        if (end_s >= now_s)
            store->warn_s = MIN_OF(store->warn_s, end_s + 1);
    }
}

/* ---- a new context -------------------------------------------------------------------- */

/* False with a sentence in source->problem; the pair before stays then. */
static bool load(struct source *source, const struct tls_pair_files *files, int64_t now_s,
                 char problem[PROBLEM_MAX])
{
    struct tls_pair *fresh = tls_pair_load(files, now_s, problem, PROBLEM_MAX);
    const char      *why = "";

    if (!fresh)
        return false;
    if (!tls_context_takes(fresh, &why)) {
        snprintf(problem, PROBLEM_MAX, "the certificate \"%s\" cannot be used: %s",
                 LOG_QUOTE(str_view(files->cert_path)), why);
        tls_pair_release(fresh);
        return false;
    }
    problem[0] = '\0';
    tls_pair_release(source->pair);
    source->pair = fresh;
    return true;
}

static struct tls_rules rules_of(const struct tls_store *store)
{
    const struct tls_store_settings *settings = &store->settings;

    return (struct tls_rules){.min = settings->min,
                              .client_ca_path = settings->client_ca_path,
                              .client = settings->client,
                              .key_log = store->key_log};
}

static void put_into_use(struct tls_store *store, enum tls_fault fault, struct tls_context *context)
{
    struct tls_context *before;

    pthread_mutex_lock(&store->mutex);
    before = store->current[fault];
    store->current[fault] = context;
    pthread_mutex_unlock(&store->mutex);
    tls_context_release(before);
}

static bool make_context(struct tls_store *store, char *problem, size_t size)
{
    const struct tls_store_settings *settings = &store->settings;
    const struct tls_rules           rules = rules_of(store);
    struct tls_pair                 *pairs[TLS_PAIRS_MAX] = {store->self.pair};
    size_t                           count = MAX_OF(settings->files_count, (size_t)1);
    struct tls_context              *context;

    for (size_t i = 0; i < settings->files_count; i++)
        pairs[i] = store->sources[i].pair;
    context = tls_context_new(pairs, count, &rules, store->tickets, problem, size);
    if (context)
        put_into_use(store, TLS_FAULT_NONE, context);
    return context != NULL;
}

/* A session of the good certificate would hide the fault of this one, so there are none. */
static bool make_faulty(struct tls_store *store, enum tls_fault fault, int64_t now_s, char *problem,
                        size_t size)
{
    struct tls_rules    rules = rules_of(store);
    struct tls_pair    *pair = tls_faulty_make(fault, &store->self, now_s, problem, size);
    struct tls_context *context = NULL;

    rules.shows_weak_key = fault == TLS_FAULT_WEAK_KEY;
    if (pair)
        context = tls_context_new(&pair, 1, &rules, NULL, problem, size);
    tls_pair_release(pair);
    if (context)
        put_into_use(store, fault, context);
    return context != NULL;
}

static bool make_all_faulty(struct tls_store *store, int64_t now_s, char *problem, size_t size)
{
    bool ok = true;

    if (store->settings.has_faulty)
        for (enum tls_fault fault = TLS_FAULT_NONE + 1; ok && fault < TLS_FAULTS; fault++)
            ok = make_faulty(store, fault, now_s, problem, size);
    return ok;
}

struct tls_context *tls_store_context(struct tls_store *store, enum tls_fault fault)
{
    struct tls_context *context;

    pthread_mutex_lock(&store->mutex);
    context = tls_context_acquire(store->current[fault]);
    pthread_mutex_unlock(&store->mutex);
    return context;
}

/* ---- the keeper's part ---------------------------------------------------------------- */

/* One that can't be read anew keeps its certificate of before, and keeps no other from a new one.
 * `is_retry`: only those that failed the last time.  Gives how many are new. */
static size_t load_all(struct tls_store *store, int64_t now_s, bool is_retry)
{
    char   problem[PROBLEM_MAX];
    size_t fresh = 0;

    for (size_t i = 0; i < store->settings.files_count; i++) {
        struct source *source = &store->sources[i];

        if (is_retry && !*source->problem)
            continue;
        fresh += load(source, &store->settings.files[i], now_s, problem);
        complain(source->problem, problem, "the certificates before stay in use");
    }
    return fresh;
}

static bool has_problem(const struct tls_store *store)
{
    for (size_t i = 0; i < store->settings.files_count; i++)
        if (*store->sources[i].problem)
            return true;
    return *store->problem || *store->faulty_problem;
}

static void renew_context(struct tls_store *store)
{
    char problem[PROBLEM_MAX] = "";

    if (make_context(store, problem, sizeof problem))
        log_info("certificates were read anew", "");
    complain(store->problem, problem, "the certificates before stay in use");
}

static void renew_faulty(struct tls_store *store, int64_t now_s)
{
    char problem[PROBLEM_MAX] = "";

    (void)!make_all_faulty(store, now_s, problem, sizeof problem);
    complain(store->faulty_problem, problem, "the faulty certificates before stay in use");
}

static void reload(struct tls_store *store, int64_t now_s, bool is_retry)
{
    bool is_given = store->settings.files_count > 0;
    bool has_new = load_all(store, now_s, is_retry) > 0 || (!is_given && !is_retry);

    if (has_new || *store->problem)
        renew_context(store);
    if (!is_retry || *store->faulty_problem)
        renew_faulty(store, now_s);
    store->retry_s = has_problem(store) ? now_s + RETRY_EVERY_S : INT64_MAX;
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

/* Whoever has changed a file wants to know what became of it. */
static void forget_complaints(struct tls_store *store)
{
    store->problem[0] = store->faulty_problem[0] = '\0';
    for (size_t i = 0; i < store->settings.files_count; i++)
        store->sources[i].problem[0] = '\0';
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
    if (has_self(store) &&
        (force || now_s >= store->self_s || now_s < store->self_s - SELF_EVERY_S))
        has_changed |= renew_self(store, now_s);
    if (has_changed)
        forget_complaints(store);
    if (has_changed || now_s >= store->retry_s)
        reload(store, now_s, !has_changed);
    if (now_s >= store->warn_s || now_s < store->warn_s - DAY_S)
        warn_of_ends(store, now_s);
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

/* At the start all of them have to be right. */
static bool load_first(struct tls_store *store, int64_t now_s, char *problem, size_t size)
{
    char sentence[PROBLEM_MAX] = "";

    for (size_t i = 0; i < store->settings.files_count; i++) {
        if (!load(&store->sources[i], &store->settings.files[i], now_s, sentence)) {
            snprintf(problem, size, "%s", sentence);
            return false;
        }
    }
    return true;
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
    if (has_self(store) &&
        !tls_self_refresh(&store->self, &store->settings.self, now_s, problem, size))
        return false;
    store->look_s = now_s + LOOK_EVERY_S;
    store->self_s = now_s + SELF_EVERY_S;
    store->retry_s = INT64_MAX;
    (void)note_all(store);
    return load_first(store, now_s, problem, size) &&
           make_context(store, problem, size) && make_all_faulty(store, now_s, problem, size);
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
    store->settings.self.keeps_authority = settings->has_faulty;
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
    for (enum tls_fault fault = TLS_FAULT_NONE; fault < TLS_FAULTS; fault++)
        tls_context_release(store->current[fault]);
    for (size_t i = 0; i < store->settings.files_count; i++)
        tls_pair_release(store->sources[i].pair);
    tls_self_fini(&store->self);
    tls_key_log_close(store->key_log);
    tls_tickets_free(store->tickets);
    pthread_mutex_destroy(&store->mutex);
    free(store);
}

const struct tls_self *tls_store_self(const struct tls_store *store)
{
    return has_self(store) ? &store->self : NULL;
}

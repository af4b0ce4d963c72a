#include "site/coder.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/list.h"
#include "base/thread.h"
#include "coding/encode.h"

enum {
    NICE          = 10,
    BROTLI_BEST   = 1024 * 1024,    /* bytes up to which the highest effort is worth its seconds */
    BROTLI_LARGE  = 9,              /* the effort above that */
    BROTLI_WORTH  = 5,              /* below that gzip's best is smaller, or nearly so */
};

/* Lives while it is in the list, or somebody waits for it. */
struct job {
    struct list            link;
    struct representation *source;
    struct representation *latest;      /* the same version, read later; NULL: there is none */
    struct cache_key       key;         /* its path is ours */
    bool                   is_begun, is_done;
    bool                   is_hopeless; /* the one who works at it says so */
    unsigned               waiters;
    char                   path[];
};

struct coder {
    struct cache   *cache;
    unsigned        threads_max;
    size_t          memory_each;        /* of an encoder */
    size_t          bytes_max;          /* of what is to be coded and waits */
    atomic_bool     is_stopping;
    pthread_mutex_t mutex;              /* over all that follows */
    pthread_cond_t  changed;            /* a job is done, or a thread has ended */
    struct list     jobs;
    unsigned        jobs_count;
    unsigned        threads;
    unsigned        waiting, patient;   /* who asked */
};

/* ---- one job -------------------------------------------------------------------------- */

/* Of its memory the result takes a part, too. */
static int effort_of(const struct coder *coder, enum coding coding, uint64_t length)
{
    int    wanted = encode_effort_max(coding);
    size_t room = length < coder->memory_each ? coder->memory_each - (size_t)length : 0;
    int    effort;

    if (coding == CODING_BROTLI && length > BROTLI_BEST)
        wanted = BROTLI_LARGE;
    effort = encode_effort_within(coding, wanted, length, room);
    return coding == CODING_BROTLI && effort < BROTLI_WORTH ? 0 : effort;
}

static void keep(const struct coder *coder, struct job *job, struct buf *body, int effort)
{
    struct representation *made;

    made = representation_code(job->source, job->key.coding, effort, buf_view(body));
    if (!made)
        return;
    /* One that the cache has no room for would be made again for everybody. */
    if (!cache_put(coder->cache, job->key, made, clock_now()))
        job->is_hopeless = true;
    representation_release(made);
}

static void make(struct coder *coder, struct job *job)
{
    struct representation     *source = job->source;
    const struct encode_source from = {source->bytes, source->fd, &source->stamp};
    enum coding                coding = job->key.coding;
    int                        effort = effort_of(coder, coding, source->length);
    struct buf                 body = BUF_UP_TO((size_t)source->length);

    if (effort == 0) {
        job->is_hopeless = true;
        return;
    }
    switch (encode_all(coding, effort, &from, &coder->is_stopping, &body)) {
    case ENCODED_MADE:
        keep(coder, job, &body, effort);
        break;
    case ENCODED_NOT_SMALLER:
        job->is_hopeless = true;
        break;
    case ENCODED_CHANGED:               /* then it is another source by now */
    case ENCODED_NO_MEMORY:
    case ENCODED_CANCELLED:
        break;
    }
    buf_fini(&body);
}

/* ---- the list of jobs; the mutex is held in all of these ------------------------------ */

static bool is_for(const struct job *job, struct cache_key key)
{
    return job->key.coding == key.coding && job->key.is_directory == key.is_directory &&
           str_equal(job->key.path, key.path);
}

static struct job *find(struct coder *coder, struct cache_key key,
                        const struct representation *source)
{
    for (struct list *link = coder->jobs.next; link != &coder->jobs; link = link->next) {
        struct job *job = CONTAINER_OF(link, struct job, link);

        if (is_for(job, key) && representation_is_alike(job->source, source))
            return job;
    }
    return NULL;
}

/* One that nobody has begun, of another version. */
static struct job *find_outdated(struct coder *coder, struct cache_key key)
{
    for (struct list *link = coder->jobs.next; link != &coder->jobs; link = link->next) {
        struct job *job = CONTAINER_OF(link, struct job, link);

        if (is_for(job, key) && !job->is_begun)
            return job;
    }
    return NULL;
}

/* The quick ones first: they are what goes out while the others are being made. */
static struct job *next_job(struct coder *coder)
{
    struct job *next = NULL;

    for (struct list *link = coder->jobs.next; link != &coder->jobs; link = link->next) {
        struct job *job = CONTAINER_OF(link, struct job, link);

        if (!job->is_begun && job->key.coding == CODING_GZIP)
            return job;
        if (!job->is_begun && !next)
            next = job;
    }
    return next;
}

/* Whoever asks last has read the file last.  Gives what is to be released, or NULL. */
static struct representation *renew(struct job *job, struct representation *source)
{
    struct representation **place = job->is_begun ? &job->latest : &job->source;
    struct representation  *before = *place;

    if (job->source == source || before == source)
        return NULL;
    *place = representation_acquire(source);
    return before;
}

/* What is in the cache is counted there; but it may have had to go meanwhile. */
static size_t bytes_held(const struct coder *coder)
{
    size_t bytes = 0;

    for (struct list *link = coder->jobs.next; link != &coder->jobs; link = link->next)
        bytes += CONTAINER_OF(link, struct job, link)->source->bytes.len;
    return bytes;
}

/* The first is always taken. */
static bool has_room(const struct coder *coder, const struct representation *source)
{
    return coder->jobs_count == 0 ||
           (coder->jobs_count < CODER_JOBS_MAX &&
            bytes_held(coder) + source->bytes.len <= coder->bytes_max);
}

static struct job *add(struct coder *coder, struct cache_key key, struct representation *source)
{
    struct job *job;

    if (!has_room(coder, source))
        return NULL;
    job = malloc(sizeof *job + key.path.len);
    if (!job)
        return NULL;
    *job = (struct job){.link = LIST_NONE, .source = representation_acquire(source), .key = key};
    memcpy(job->path, key.path.ptr, key.path.len);
    job->key.path.ptr = job->path;
    list_append(&coder->jobs, &job->link);
    coder->jobs_count++;
    return job;
}

/* The one for that version, which may be new.  NULL: there are too many, or no memory.  What is no
 * longer needed is in *dropped then, or NULL. */
static struct job *find_or_add(struct coder *coder, struct cache_key key,
                               struct representation *source, struct representation **dropped)
{
    struct job *job = find(coder, key, source);

    *dropped = NULL;
    if (!job)
        job = find_outdated(coder, key);
    if (!job)
        return add(coder, key, source);
    *dropped = renew(job, source);
    return job;
}

static void free_if_done(struct job *job)
{
    if (job->is_done && job->waiters == 0)
        free(job);
}

/* What it was made of, to be released without the mutex. */
struct sources {
    struct representation *source, *latest;
};

static void note_hopeless(struct representation *source, enum coding coding)
{
    if (source)
        atomic_fetch_or(&source->hopeless, BIT(coding));
}

static struct sources finish(struct coder *coder, struct job *job)
{
    struct sources sources = {job->source, job->latest};

    list_remove(&job->link);
    coder->jobs_count--;
    if (job->is_hopeless) {
        note_hopeless(sources.source, job->key.coding);
        note_hopeless(sources.latest, job->key.coding);
    }
    job->is_done = true;
    pthread_cond_broadcast(&coder->changed);
    free_if_done(job);
    return sources;
}

static void release(struct sources sources)
{
    if (sources.source)
        representation_release(sources.source);
    if (sources.latest)
        representation_release(sources.latest);
}

/* ---- threads -------------------------------------------------------------------------- */

static void *work(void *data)
{
    struct coder  *coder = data;
    struct sources sources;
    struct job    *job;

    (void)setpriority(PRIO_PROCESS, 0, NICE);   /* on Linux, of this thread alone */
    pthread_mutex_lock(&coder->mutex);
    while (!atomic_load(&coder->is_stopping) && (job = next_job(coder))) {
        job->is_begun = true;
        pthread_mutex_unlock(&coder->mutex);
        make(coder, job);
        pthread_mutex_lock(&coder->mutex);
        sources = finish(coder, job);
        pthread_mutex_unlock(&coder->mutex);
        release(sources);
        pthread_mutex_lock(&coder->mutex);
    }
    coder->threads--;
    pthread_cond_broadcast(&coder->changed);
    pthread_mutex_unlock(&coder->mutex);
    return NULL;
}

/* With the mutex held. */
static void start_thread(struct coder *coder)
{
    pthread_attr_t attributes;
    pthread_t      thread;

    if (coder->threads >= coder->threads_max || pthread_attr_init(&attributes) != 0)
        return;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (thread_create(&thread, &attributes, work, coder) == 0)
        coder->threads++;
    pthread_attr_destroy(&attributes);
}

/* ---- asking --------------------------------------------------------------------------- */

static struct timespec in_ms(int64_t ms)
{
    struct timespec when;

    clock_gettime(CLOCK_MONOTONIC, &when);
    when.tv_sec += ms / 1000;
    when.tv_nsec += ms % 1000 * 1000000;
    if (when.tv_nsec >= 1000000000) {
        when.tv_sec++;
        when.tv_nsec -= 1000000000;
    }
    return when;
}

/* Each who waits is a worker that does nothing else. */
static bool may_wait(const struct coder *coder, bool is_patient)
{
    return coder->waiting < CODER_WAITING_MAX &&
           (!is_patient || coder->patient < CODER_PATIENT_MAX);
}

static bool wait_for(struct coder *coder, struct job *job, int64_t wait_ms)
{
    bool            is_patient = wait_ms > CODER_WAIT_MS, is_done;
    struct timespec until;

    if (is_patient && !may_wait(coder, true)) {
        is_patient = false;
        wait_ms = CODER_WAIT_MS;
    }
    if (wait_ms <= 0 || !may_wait(coder, is_patient))
        return false;
    until = in_ms(wait_ms);
    coder->waiting++;
    coder->patient += is_patient;
    job->waiters++;
    while (!job->is_done &&
           pthread_cond_timedwait(&coder->changed, &coder->mutex, &until) != ETIMEDOUT)
        ;
    coder->waiting--;
    coder->patient -= is_patient;
    is_done = job->is_done;
    job->waiters--;
    free_if_done(job);
    return is_done;
}

/* It was done between the caller's look into the cache and now. */
static bool is_done_with(struct coder *coder, struct cache_key key, struct representation *source)
{
    bool                   needs_check, is_done = atomic_load(&source->hopeless) & BIT(key.coding);
    struct representation *twin = cache_get(coder->cache, key, clock_now(), &needs_check);

    if (twin) {
        is_done = is_done || representation_is_of(twin, source);
        representation_release(twin);
    }
    return is_done;
}

/* With the mutex held.  What is to be released without it goes into *loose. */
static bool make_or_wait(struct coder *coder, struct cache_key key, struct representation *source,
                         int64_t wait_ms, struct sources *loose)
{
    struct job *job = find_or_add(coder, key, source, &loose->source);

    if (!job)
        return false;
    if (!job->is_begun)
        start_thread(coder);
    if (coder->threads > 0)
        return wait_for(coder, job, wait_ms);
    /* Nobody would ever make it: the next to ask tries again. */
    assert(!loose->source);             /* one that was there before has a thread */
    *loose = finish(coder, job);
    return false;
}

bool coder_make(struct coder *coder, struct cache_key key, struct representation *source,
                int64_t wait_ms)
{
    struct sources loose = {NULL, NULL};
    bool           is_done;

    pthread_mutex_lock(&coder->mutex);
    is_done = is_done_with(coder, key, source) ||
              make_or_wait(coder, key, source, wait_ms, &loose);
    pthread_mutex_unlock(&coder->mutex);
    release(loose);
    return is_done;
}

bool coder_is_making(struct coder *coder, struct cache_key key,
                     const struct representation *source)
{
    bool is_making;

    pthread_mutex_lock(&coder->mutex);
    is_making = find(coder, key, source) != NULL;
    pthread_mutex_unlock(&coder->mutex);
    return is_making;
}

/* ---- its life ------------------------------------------------------------------------- */

static size_t least_memory(void)
{
    enum { TYPICAL_BYTES = 256 * 1024 };

    return TYPICAL_BYTES +
           encode_memory(CODING_BROTLI, encode_effort_max(CODING_BROTLI), TYPICAL_BYTES);
}

struct coder *coder_new(struct cache *cache, unsigned cores, size_t memory_max)
{
    struct coder      *coder = calloc(1, sizeof *coder);
    pthread_condattr_t monotonic;
    size_t             by_memory = MAX_OF(memory_max / least_memory(), (size_t)1);
    unsigned           by_cores = MAX_OF(MIN_OF(cores, (unsigned)CODER_THREADS_MAX), 1u);

    if (!coder)
        return NULL;
    coder->cache = cache;
    coder->threads_max = (unsigned)MIN_OF((size_t)by_cores, by_memory);
    coder->memory_each = memory_max / coder->threads_max;
    coder->bytes_max = memory_max / 4;
    list_init(&coder->jobs);
    pthread_mutex_init(&coder->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&coder->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return coder;
}

void coder_free(struct coder *coder)
{
    if (!coder)
        return;
    atomic_store(&coder->is_stopping, true);
    pthread_mutex_lock(&coder->mutex);
    while (coder->threads > 0)
        pthread_cond_wait(&coder->changed, &coder->mutex);
    while (!list_is_empty(&coder->jobs))
        release(finish(coder, CONTAINER_OF(coder->jobs.next, struct job, link)));
    pthread_mutex_unlock(&coder->mutex);
    pthread_cond_destroy(&coder->changed);
    pthread_mutex_destroy(&coder->mutex);
    free(coder);
}

#include "site/coder.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/list.h"
#include "site/encode.h"

enum {
    NICE          = 10,
    BROTLI_BEST   = 1024 * 1024,    /* bytes up to which the highest effort is worth its seconds */
    BROTLI_LARGE  = 9,              /* the effort above that */
};

/* Lives while it is in the list, or somebody waits for it. */
struct job {
    struct list            link;
    struct representation *source;
    struct cache_key       key;         /* its path is ours */
    bool                   is_begun, is_done;
    unsigned               waiters;
    char                   path[];
};

struct coder {
    struct cache   *cache;
    unsigned        threads_max;
    size_t          memory_each;        /* of an encoder */
    atomic_bool     is_stopping;
    pthread_mutex_t mutex;              /* over all that follows */
    pthread_cond_t  changed;            /* a job is done, or a thread has ended */
    struct list     jobs;
    unsigned        jobs_count;
    unsigned        threads;
};

/* ---- one job -------------------------------------------------------------------------- */

static int effort_of(const struct coder *coder, enum coding coding, uint64_t length)
{
    int wanted = encode_effort_max(coding);

    if (coding == CODING_BROTLI && length > BROTLI_BEST)
        wanted = BROTLI_LARGE;
    return encode_effort_within(coding, wanted, length, coder->memory_each);
}

static void note_hopeless(struct representation *source, enum coding coding)
{
    atomic_fetch_or_explicit(&source->hopeless, BIT(coding), memory_order_relaxed);
}

static void keep(const struct coder *coder, const struct job *job, struct buf *body, int effort)
{
    struct representation *made;

    made = representation_code(job->source, job->key.coding, effort, buf_view(body));
    if (!made)
        return;
    /* One that the cache has no room for would be made again for everybody. */
    if (!cache_put(coder->cache, job->key, made, clock_now()))
        note_hopeless(job->source, job->key.coding);
    representation_release(made);
}

static void make(struct coder *coder, const struct job *job)
{
    struct representation     *source = job->source;
    const struct encode_source from = {source->bytes, source->fd, &source->stamp};
    enum coding                coding = job->key.coding;
    int                        effort = effort_of(coder, coding, source->length);
    struct buf                 body = BUF_UP_TO((size_t)source->length);

    if (effort == 0) {
        note_hopeless(source, coding);
        return;
    }
    switch (encode_all(coding, effort, &from, &coder->is_stopping, &body)) {
    case ENCODED_MADE:
        keep(coder, job, &body, effort);
        break;
    case ENCODED_NOT_SMALLER:
        note_hopeless(source, coding);
        break;
    case ENCODED_CHANGED:               /* then it is another source by now */
    case ENCODED_NO_MEMORY:
    case ENCODED_CANCELLED:
        break;
    }
    buf_fini(&body);
}

/* ---- the list of jobs; the mutex is held in all of these ------------------------------ */

static struct job *find(struct coder *coder, struct cache_key key,
                        const struct representation *source)
{
    for (struct list *link = coder->jobs.next; link != &coder->jobs; link = link->next) {
        struct job *job = CONTAINER_OF(link, struct job, link);

        if (job->source == source && job->key.coding == key.coding)
            return job;
    }
    return NULL;
}

static struct job *next_job(struct coder *coder)
{
    for (struct list *link = coder->jobs.next; link != &coder->jobs; link = link->next) {
        struct job *job = CONTAINER_OF(link, struct job, link);

        if (!job->is_begun)
            return job;
    }
    return NULL;
}

static struct job *add(struct coder *coder, struct cache_key key, struct representation *source)
{
    struct job *job;

    if (coder->jobs_count >= CODER_JOBS_MAX)
        return NULL;
    job = malloc(sizeof *job + key.path.len);
    if (!job)
        return NULL;
    *job = (struct job){.link = LIST_NONE, .source = representation_acquire(source), .key = key};
    memcpy(job->path, key.path.ptr, key.path.len);
    job->key.path.ptr = job->path;
    list_append(&coder->jobs, &job->link);
    atomic_fetch_or(&source->in_work, BIT(key.coding));
    coder->jobs_count++;
    return job;
}

static void free_if_done(struct job *job)
{
    if (job->is_done && job->waiters == 0)
        free(job);
}

static void finish(struct coder *coder, struct job *job)
{
    list_remove(&job->link);
    coder->jobs_count--;
    atomic_fetch_and(&job->source->in_work, ~BIT(job->key.coding));
    representation_release(job->source);
    job->is_done = true;
    pthread_cond_broadcast(&coder->changed);
    free_if_done(job);
}

/* ---- threads -------------------------------------------------------------------------- */

static void *work(void *data)
{
    struct coder *coder = data;
    struct job   *job;

    (void)setpriority(PRIO_PROCESS, 0, NICE);   /* on Linux, of this thread alone */
    pthread_mutex_lock(&coder->mutex);
    while (!atomic_load(&coder->is_stopping) && (job = next_job(coder))) {
        job->is_begun = true;
        pthread_mutex_unlock(&coder->mutex);
        make(coder, job);
        pthread_mutex_lock(&coder->mutex);
        finish(coder, job);
    }
    coder->threads--;
    pthread_cond_broadcast(&coder->changed);
    pthread_mutex_unlock(&coder->mutex);
    return NULL;
}

/* With the mutex held.  Without a thread the job is not lost: the next one to ask tries again. */
static void start_thread(struct coder *coder)
{
    pthread_attr_t attributes;
    pthread_t      thread;
    sigset_t       all, before;

    if (coder->threads >= coder->threads_max || pthread_attr_init(&attributes) != 0)
        return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);    /* signals are the main thread's */
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attributes, work, coder) == 0)
        coder->threads++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
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

static bool wait_for(struct coder *coder, struct job *job, int64_t wait_ms)
{
    struct timespec until = in_ms(wait_ms);
    bool            is_done;

    job->waiters++;
    while (!job->is_done &&
           pthread_cond_timedwait(&coder->changed, &coder->mutex, &until) != ETIMEDOUT)
        ;
    is_done = job->is_done;
    job->waiters--;
    free_if_done(job);
    return is_done;
}

bool coder_make(struct coder *coder, struct cache_key key, struct representation *source,
                int64_t wait_ms)
{
    struct job *job;
    bool        is_done = false;

    pthread_mutex_lock(&coder->mutex);
    job = find(coder, key, source);
    if (!job)
        job = add(coder, key, source);
    if (job && !job->is_begun)
        start_thread(coder);
    if (job && wait_ms > 0)
        is_done = wait_for(coder, job, wait_ms);
    pthread_mutex_unlock(&coder->mutex);
    return is_done;
}

/* ---- its life ------------------------------------------------------------------------- */

static size_t least_memory(void)
{
    enum { TYPICAL_BYTES = 256 * 1024 };

    return encode_memory(CODING_BROTLI, encode_effort_max(CODING_BROTLI), TYPICAL_BYTES);
}

struct coder *coder_new(struct cache *cache, unsigned cores, size_t memory_max)
{
    struct coder      *coder = calloc(1, sizeof *coder);
    pthread_condattr_t monotonic;
    size_t             by_memory = memory_max / least_memory();

    if (!coder)
        return NULL;
    coder->cache = cache;
    coder->threads_max = (unsigned)MIN_OF((size_t)MIN_OF(cores, (unsigned)CODER_THREADS_MAX),
                                          MAX_OF(by_memory, (size_t)1));
    coder->memory_each = memory_max / coder->threads_max;
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
    while (coder->jobs.next != &coder->jobs)
        finish(coder, CONTAINER_OF(coder->jobs.next, struct job, link));
    pthread_mutex_unlock(&coder->mutex);
    pthread_cond_destroy(&coder->changed);
    pthread_mutex_destroy(&coder->mutex);
    free(coder);
}

#include "site/precompress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "site/plan.h"

enum { THREADS_MAX = 256, PROGRESS_MS = 100 };

struct run {
    struct beside_work                 work;
    const struct precompress_listener *listener;
    struct plan                        plan;
    atomic_size_t                      next;        /* the first file that nobody has taken */
    pthread_mutex_t                    mutex;       /* over all that follows */
    pthread_cond_t                     ended;       /* a thread has */
    unsigned                           threads;     /* at work */
    struct precompress_progress        progress;
    struct precompress_counts         *counts;
};

/* ---- one file after the other ------------------------------------------------------- */

static bool is_full(int error)
{
    return error == ENOSPC || error == EDQUOT;
}

static void count_made(struct precompress_counts *counts, const struct beside_result *result)
{
    counts->made++;
    counts->plain_bytes += result->plain_bytes;
    for (enum coding coding = CODING_GZIP; coding < CODINGS; coding++)
        counts->coded_bytes[coding] += result->coded_bytes[coding];
}

static void count_one(struct run *run, const struct beside_result *result)
{
    struct precompress_counts *counts = run->counts;

    switch (result->end) {
    case BESIDE_MADE:
        count_made(counts, result);
        break;
    case BESIDE_FRESH:
        counts->fresh++;
        break;
    case BESIDE_UNWORTHY:
        counts->unworthy++;
        break;
    case BESIDE_GONE:
        counts->files--;
        break;
    case BESIDE_FAILED:
        counts->failed++;
        if (is_full(result->trouble.error))
            atomic_store(run->work.stop, true);
        run->listener->trouble(&result->trouble, run->listener->data);
        break;
    case BESIDE_STOPPED:
        counts->left++;
        break;
    }
}

static void take_in(struct run *run, const struct plan_item *item,
                    const struct beside_result *result)
{
    pthread_mutex_lock(&run->mutex);
    count_one(run, result);
    run->progress.files_done++;
    run->progress.bytes_done += item->bytes;
    pthread_mutex_unlock(&run->mutex);
}

static void work(struct run *run)
{
    for (;;) {
        size_t i = atomic_fetch_add(&run->next, 1);
        struct beside_result result = {.end = BESIDE_STOPPED};
        const struct plan_item *item;

        if (i >= run->plan.files.count)
            return;
        item = &run->plan.files.items[i];
        if (!atomic_load(run->work.stop))
            beside_make(&run->work, plan_name(&run->plan, item), &result);
        take_in(run, item, &result);
    }
}

static void *run_thread(void *data)
{
    struct run *run = data;

    work(run);
    pthread_mutex_lock(&run->mutex);
    run->threads--;
    pthread_cond_signal(&run->ended);
    pthread_mutex_unlock(&run->mutex);
    return NULL;
}

/* ---- several at a time -------------------------------------------------------------- */

static struct timespec in_ms(int64_t ms)
{
    struct timespec then;

    clock_gettime(CLOCK_MONOTONIC, &then);
    then.tv_nsec += ms * 1000000;
    then.tv_sec += then.tv_nsec / 1000000000;
    then.tv_nsec %= 1000000000;
    return then;
}

static void tell_progress(const struct run *run)
{
    if (run->listener->progress)
        run->listener->progress(&run->progress, run->listener->data);
}

/* As many as can be had. */
static unsigned start_threads(struct run *run, pthread_t threads[THREADS_MAX], unsigned wanted)
{
    unsigned count = 0;

    wanted = (unsigned)MIN_OF((size_t)wanted, run->plan.files.count);
    pthread_mutex_lock(&run->mutex);
    while (count < MIN_OF(wanted, THREADS_MAX) &&
           pthread_create(&threads[count], NULL, run_thread, run) == 0)
        count++;
    run->threads = count;
    pthread_mutex_unlock(&run->mutex);
    return count;
}

static void wait_for_threads(struct run *run)
{
    pthread_mutex_lock(&run->mutex);
    tell_progress(run);
    while (run->threads > 0) {
        struct timespec then = in_ms(PROGRESS_MS);

        if (run->listener->progress)
            pthread_cond_timedwait(&run->ended, &run->mutex, &then);
        else
            pthread_cond_wait(&run->ended, &run->mutex);
        tell_progress(run);
    }
    pthread_mutex_unlock(&run->mutex);
}

static void work_together(struct run *run, unsigned wanted)
{
    pthread_t threads[THREADS_MAX];
    unsigned  count = start_threads(run, threads, wanted);

    if (count == 0)
        work(run);
    wait_for_threads(run);
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

/* ---- all of it ---------------------------------------------------------------------- */

static void tell_of_folder(const char *folder, int error, void *data)
{
    struct run *run = data;
    struct beside_trouble trouble = {.doing = BESIDE_READING, .error = error};

    snprintf(trouble.name, sizeof trouble.name, "%s", *folder ? folder : ".");
    run->counts->failed++;
    run->listener->trouble(&trouble, run->listener->data);
}

static void run_init(struct run *run)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&run->mutex, NULL);
    pthread_cond_init(&run->ended, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void run_fini(struct run *run)
{
    plan_fini(&run->plan);
    purse_fini(&run->work.purse);
    pthread_cond_destroy(&run->ended);
    pthread_mutex_destroy(&run->mutex);
}

bool precompress(struct root *root, const struct precompress_settings *settings,
                 const struct precompress_listener *listener, struct precompress_counts *counts)
{
    struct run run = {
        .work = {.root = root, .types = settings->types, .rules = settings->rules,
                 .stop = settings->stop, .now_s = clock_now().wall_s},
        .listener = listener,
        .plan = PLAN_NONE,
        .counts = counts,
    };
    bool ok;

    *counts = (struct precompress_counts){0};
    run_init(&run);
    purse_init(&run.work.purse, settings->memory_max);
    ok = plan_make(&run.plan, root, settings->stop, tell_of_folder, &run);
    if (ok) {
        counts->files = run.plan.files.count;
        run.progress.files = run.plan.files.count;
        run.progress.bytes = run.plan.bytes;
        work_together(&run, settings->threads);
    }
    run_fini(&run);
    return ok;
}

#include "server/slab.h"

#include <sys/mman.h>

#include "server/connection.h"

bool slab_open(struct slab *slab, size_t max)
{
    void *slots = mmap(NULL, max * sizeof(struct conn), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    *slab = (struct slab){.max = max};
    pthread_mutex_init(&slab->mutex, NULL);
    if (slots == MAP_FAILED)
        return false;
    slab->slots = slots;
    return true;
}

void slab_close(struct slab *slab)
{
    if (slab->slots)
        munmap(slab->slots, slab->max * sizeof(struct conn));
    slab->slots = NULL;
}

/* The next slot that was never used. */
static struct conn *take_fresh(struct slab *slab)
{
    size_t       touched = atomic_load_explicit(&slab->touched, memory_order_relaxed);
    struct conn *conn;

    if (touched == slab->max)
        return NULL;
    conn = &slab->slots[touched];
    source_init(&conn->source, SOURCE_CONNECTION);
    /* A scan that sees the new count sees an initialised slot. */
    atomic_store_explicit(&slab->touched, touched + 1, memory_order_release);
    return conn;
}

static struct conn *take(struct slab *slab)
{
    struct conn *conn = slab->free;

    if (conn)
        slab->free = conn->next_free;
    else
        conn = take_fresh(slab);
    if (conn)
        atomic_fetch_add_explicit(&slab->open, 1, memory_order_relaxed);
    return conn;
}

struct conn *slab_take(struct slab *slab, size_t spared)
{
    struct conn *conn = NULL;

    pthread_mutex_lock(&slab->mutex);
    if (slab_count_open(slab) + spared < slab->max)
        conn = take(slab);
    pthread_mutex_unlock(&slab->mutex);
    if (conn)
        source_start(&conn->source);
    return conn;
}

void slab_give(struct slab *slab, struct conn *conn)
{
    source_free(&conn->source);
    pthread_mutex_lock(&slab->mutex);
    conn->next_free = slab->free;
    slab->free = conn;
    atomic_fetch_sub_explicit(&slab->open, 1, memory_order_relaxed);
    pthread_mutex_unlock(&slab->mutex);
}

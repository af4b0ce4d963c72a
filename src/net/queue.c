#include "net/queue.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { EVENTS_MAX = 64 };

void source_init(struct source *source, enum source_kind kind)
{
    *source = (struct source){.kind = (unsigned char)kind, .wake_link = LIST_NONE};
    atomic_init(&source->claim, CLAIM_FREE);
    atomic_init(&source->hang_up, false);
}

static bool moved(struct source *source, enum claim from, enum claim to)
{
    unsigned char expected = (unsigned char)from;

    return atomic_compare_exchange_strong(&source->claim, &expected, (unsigned char)to);
}

void source_start(struct source *source)
{
    bool was_free;

    atomic_store(&source->hang_up, false);
    was_free = moved(source, CLAIM_FREE, CLAIM_RUNNING);
    assert(was_free);
    (void)was_free;
}

bool source_claim(struct source *source)
{
    unsigned char seen = atomic_load(&source->claim);

    for (;;) {              /* an exchange that fails has seen what is there instead */
        switch ((enum claim)seen) {
        case CLAIM_IDLE:
            if (atomic_compare_exchange_weak(&source->claim, &seen, CLAIM_RUNNING))
                return true;
            break;
        case CLAIM_RUNNING:
            if (atomic_compare_exchange_weak(&source->claim, &seen, CLAIM_NOTIFIED))
                return false;
            break;
        case CLAIM_FREE:
        case CLAIM_NOTIFIED:
            return false;
        }
    }
}

bool source_claim_if_idle(struct source *source)
{
    return moved(source, CLAIM_IDLE, CLAIM_RUNNING);
}

bool source_let_go(struct source *source)
{
    bool was_notified;

    if (moved(source, CLAIM_RUNNING, CLAIM_IDLE))
        return true;
    was_notified = moved(source, CLAIM_NOTIFIED, CLAIM_RUNNING);
    assert(was_notified);
    (void)was_notified;
    return false;
}

void source_free(struct source *source)
{
    unsigned char before = atomic_exchange(&source->claim, CLAIM_FREE);

    assert(before == CLAIM_RUNNING || before == CLAIM_NOTIFIED);
    (void)before;
}

/* The eventfd is edge-triggered and never read: each write is one event, for one thread. */
static bool add_wake_fd(struct queue *queue)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};

    queue->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return queue->wake_fd != -1 &&
           epoll_ctl(queue->epoll_fd, EPOLL_CTL_ADD, queue->wake_fd, &event) == 0;
}

bool queue_open(struct queue *queue)
{
    *queue = QUEUE_NONE;
    list_init(&queue->woken);
    pthread_mutex_init(&queue->mutex, NULL);
    queue->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (queue->epoll_fd != -1 && add_wake_fd(queue))
        return true;
    queue_close(queue);
    return false;
}

void queue_close(struct queue *queue)
{
    int error = errno;

    if (queue->epoll_fd != -1)
        close(queue->epoll_fd);
    if (queue->wake_fd != -1)
        close(queue->wake_fd);
    queue->epoll_fd = queue->wake_fd = -1;
    errno = error;
}

static bool control(struct queue *queue, int how, int fd, struct source *source, bool writable)
{
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLRDHUP | EPOLLET | (writable ? (unsigned)EPOLLOUT : 0u),
        .data.ptr = source,
    };

    return epoll_ctl(queue->epoll_fd, how, fd, &event) == 0;
}

bool queue_add(struct queue *queue, int fd, struct source *source, bool writable)
{
    return control(queue, EPOLL_CTL_ADD, fd, source, writable);
}

bool queue_rearm(struct queue *queue, int fd, struct source *source, bool writable)
{
    return control(queue, EPOLL_CTL_MOD, fd, source, writable);
}

void queue_nudge(struct queue *queue)
{
    uint64_t one = 1;
    ssize_t  n;

    /* It can only fail when the counter is full, and then there is an event already. */
    n = write(queue->wake_fd, &one, sizeof one);
    (void)n;
}

void queue_wake(struct queue *queue, struct source *source)
{
    bool is_new;

    pthread_mutex_lock(&queue->mutex);
    is_new = !source->is_woken;
    if (is_new) {
        source->is_woken = true;
        list_append(&queue->woken, &source->wake_link);
    }
    pthread_mutex_unlock(&queue->mutex);
    if (is_new)
        queue_nudge(queue);
}

void queue_forget(struct queue *queue, struct source *source)
{
    pthread_mutex_lock(&queue->mutex);
    source->is_woken = false;
    list_remove(&source->wake_link);
    pthread_mutex_unlock(&queue->mutex);
}

/* Takes the first of the wake list; when there are more, the next thread is called for them, so
 * that one that is about to do long work keeps nobody waiting. */
static struct source *take_woken(struct queue *queue)
{
    struct source *source = NULL;
    struct list   *link;
    bool           more;

    pthread_mutex_lock(&queue->mutex);
    link = list_shift(&queue->woken);
    if (link) {
        source = CONTAINER_OF(link, struct source, wake_link);
        source->is_woken = false;
    }
    more = !list_is_empty(&queue->woken);
    pthread_mutex_unlock(&queue->mutex);
    if (more)
        queue_nudge(queue);
    return source;
}

static struct source *source_of(struct queue *queue, const struct epoll_event *event)
{
    struct source *source = event->data.ptr;

    if (!source)
        return take_woken(queue);
    if (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        atomic_store(&source->hang_up, true);
    return source;
}

size_t queue_wait(struct queue *queue, struct source *ready[], size_t max, int timeout_ms)
{
    struct epoll_event events[EVENTS_MAX];
    size_t             count = 0;
    int                n;

    n = epoll_wait(queue->epoll_fd, events, (int)MIN_OF(max, EVENTS_MAX), timeout_ms);
    for (int i = 0; i < n; i++) {
        struct source *source = source_of(queue, &events[i]);

        if (source)
            ready[count++] = source;
    }
    return count;
}

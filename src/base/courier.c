#include "base/courier.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/outlet.h"
#include "base/thread.h"

enum {
    OUT_BYTES = 1024 * 1024,
    ERR_BYTES = 64 * 1024,
    NAP_MS = 20,                /* after writing: lines gather, and their writers need not signal */
    GRACE_MS = 50,              /* what a stopped thread gets to notice that its time is up */
    STOP_MS_MAX = 3600 * 1000,
    DIRECT_WAIT_MS = 100,       /* how long a line waits for its reader before the thread starts */
};

/* What the thread is doing, and so whether someone who leaves a line has to wake it. */
enum rest { AWAKE, NAPPING, ASLEEP };

static char out_ring[OUT_BYTES];
static char err_ring[ERR_BYTES];

/* The desk where lines are left. */
static struct {
    pthread_mutex_t lock;       /* guards all of this */
    pthread_cond_t  ended_now;
    pthread_t       thread;
    int             wake_fd;    /* an eventfd, while there is a thread */
    enum rest       rest;
    bool            started;    /* there is a thread */
    unsigned        users;      /* who have started it, and not stopped yet */
    bool            running;    /* and it takes lines */
    bool            stopping;
    bool            ended;
    int64_t         stop_ms;    /* monotonic; when `stopping` */
    struct outlet   outlets[2];
} desk = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .wake_fd = -1,
    .outlets = {
        [COURIER_OUT] = {.fd = STDOUT_FILENO, .ring = out_ring, .size = OUT_BYTES},
        [COURIER_ERR] = {.fd = STDERR_FILENO, .ring = err_ring, .size = ERR_BYTES},
    },
};

static struct outlet *const out = &desk.outlets[COURIER_OUT];
static struct outlet *const err = &desk.outlets[COURIER_ERR];

static int64_t now_ms(void)
{
    return clock_us() / 1000;
}

/* Leaving lines. */

static void wake(void)
{
    desk.rest = AWAKE;          /* so that the next one need not */
    (void)!write(desk.wake_fd, &(uint64_t){1}, sizeof(uint64_t));
}

static bool must_wake(const struct outlet *outlet, bool was_empty)
{
    switch (desk.rest) {
    case AWAKE:   break;
    case NAPPING: return outlet_is_pressing(outlet);
    case ASLEEP:  return was_empty && outlet->len;      /* else it watches the descriptor */
    }
    return false;
}

static void leave(struct outlet *outlet, struct str lines)
{
    bool was_empty = outlet->len == 0;

    outlet_put(outlet, lines);
    if (must_wake(outlet, was_empty))
        wake();
}

static void write_directly(struct outlet *outlet, struct str lines, int wait_ms)
{
    ssize_t written;

    for (; lines.len; lines = str_from(lines, (size_t)written)) {
        written = outlet_write(outlet->fd, lines, wait_ms);
        if (written == -1)
            break;
    }
    pthread_mutex_lock(&desk.lock);
    outlet_lose(outlet, lines);
    pthread_mutex_unlock(&desk.lock);
}

void courier_take(enum courier_stream to, struct str lines)
{
    struct outlet *outlet = &desk.outlets[to];
    bool running;
    int wait_ms;

    pthread_mutex_lock(&desk.lock);
    running = desk.running;
    wait_ms = desk.stopping ? 0 : DIRECT_WAIT_MS;
    if (running)
        leave(outlet, lines);
    pthread_mutex_unlock(&desk.lock);
    if (!running)
        write_directly(outlet, lines, wait_ms);
}

uint64_t courier_lost(void)
{
    uint64_t lost;

    pthread_mutex_lock(&desk.lock);
    lost = out->lost + err->lost;
    pthread_mutex_unlock(&desk.lock);
    return lost;
}

/* The thread.  It holds the lock, but for what it says, writes, and waits for. */

static void tell_lost(struct outlet *outlet)
{
    uint64_t lines = outlet->untold;
    char what[80];

    if (lines == 0)
        return;
    outlet->untold = 0;
    pthread_mutex_unlock(&desk.lock);
    snprintf(what, sizeof(what), "%llu log lines were lost because the reader was too slow",
             (unsigned long long)lines);
    log_warn(what, "");
    pthread_mutex_lock(&desk.lock);
}

/* Not line by line: for more to be lost after this, the ring has to fill up once more. */
static void tell_lost_if_there_is_room(struct outlet *outlet)
{
    if (outlet->len <= outlet->size / 2 && err->len <= err->size / 2)
        tell_lost(outlet);
}

/* Once, and not about stderr itself, which could not tell. */
static void tell_failure(const struct outlet *outlet, int error)
{
    if (outlet->failing || outlet == err)
        return;
    pthread_mutex_unlock(&desk.lock);
    errno = error;
    log_error("cannot write to stdout", "errno=\"%m\"");
    pthread_mutex_lock(&desk.lock);
}

/* A full disk may get room, so later lines are tried again; a reader that left stays away. */
static void give_up(struct outlet *outlet, struct str chunk, int error)
{
    uint64_t untold = outlet->untold;

    if (error == EPIPE || error == EBADF) {
        outlet->gone = true;
        outlet_drop(outlet, outlet->len);
        return;
    }
    outlet_lose(outlet, chunk);
    outlet->untold = untold;    /* the reader was not too slow */
    outlet_drop(outlet, chunk.len);
    tell_failure(outlet, error);
    outlet->failing = true;
}

/* Carries out one chunk.  False when nothing is waiting or the reader is not ready. */
static bool carry(struct outlet *outlet)
{
    char room[PIPE_BUF];
    struct str chunk = outlet_peek(outlet, room);
    ssize_t written;
    int error;

    if (chunk.len == 0)
        return false;

    pthread_mutex_unlock(&desk.lock);
    written = outlet_write(outlet->fd, chunk, 0);
    error = errno;
    pthread_mutex_lock(&desk.lock);

    if (written == -1 && (error == EAGAIN || error == EINTR))
        return false;
    if (written == -1) {
        give_up(outlet, chunk, error);
        return true;
    }
    outlet->failing = false;
    outlet_drop(outlet, (size_t)written);
    return true;
}

static bool is_over(void)
{
    bool is_done = out->len == 0 && err->len == 0;

    return desk.stopping && (is_done || now_ms() >= desk.stop_ms);
}

/* For poll: -1 is until something happens. */
static int longest_rest_ms(enum rest how)
{
    int64_t until_stop_ms = desk.stop_ms - now_ms();
    int64_t left_ms = desk.stopping ? MAX_OF(until_stop_ms, 0) : -1;

    if (how == NAPPING && (left_ms == -1 || left_ms > NAP_MS))
        left_ms = NAP_MS;
    return (int)left_ms;
}

/* Waits for a signal and, unless it is a nap, for a reader to be ready again. */
static void rest(enum rest how)
{
    bool watches = how == ASLEEP;
    struct pollfd waiting[] = {
        {.fd = desk.wake_fd, .events = POLLIN},
        {.fd = watches && out->len ? out->fd : -1, .events = POLLOUT},
        {.fd = watches && err->len ? err->fd : -1, .events = POLLOUT},
    };
    int wait_ms = longest_rest_ms(how);
    uint64_t signals;

    desk.rest = how;
    pthread_mutex_unlock(&desk.lock);
    if (poll(waiting, COUNTOF(waiting), wait_ms) > 0 && waiting[0].revents)
        (void)!read(waiting[0].fd, &signals, sizeof(signals));
    pthread_mutex_lock(&desk.lock);
    desk.rest = AWAKE;
}

static void *carry_until_stopped(void *unused)
{
    bool has_carried = false;

    pthread_mutex_lock(&desk.lock);
    while (!is_over()) {
        bool out_moved = carry(out);
        bool err_moved = carry(err);
        bool is_calm = !outlet_is_pressing(out) && !outlet_is_pressing(err);

        tell_lost_if_there_is_room(out);
        tell_lost_if_there_is_room(err);
        if (!out_moved && !err_moved)
            rest(has_carried && is_calm ? NAPPING : ASLEEP);
        has_carried = out_moved || err_moved;
    }
    desk.running = false;
    outlet_abandon(out);
    outlet_abandon(err);
    tell_lost(out);
    tell_lost(err);
    desk.ended = true;
    pthread_cond_signal(&desk.ended_now);
    pthread_mutex_unlock(&desk.lock);
    return unused;
}

/* Its life. */

static void init_ended_now(void)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&desk.ended_now, &attributes);
    pthread_condattr_destroy(&attributes);
}

static int start(void)
{
    int error;

    if (desk.started && desk.stopping)
        return EBUSY;
    if (desk.started) {
        desk.users++;
        return 0;
    }
    outlet_begin(out);          /* before a new descriptor takes their number */
    outlet_begin(err);
    desk.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (desk.wake_fd == -1)
        return errno;
    desk.stopping = desk.ended = false;
    desk.rest = AWAKE;
    error = thread_create(&desk.thread, NULL, carry_until_stopped, NULL);
    if (error) {
        close(desk.wake_fd);
        return error;
    }
    init_ended_now();
    desk.started = desk.running = true;
    desk.users = 1;
    return 0;
}

bool courier_start(void)
{
    int error;

    pthread_mutex_lock(&desk.lock);
    error = start();
    pthread_mutex_unlock(&desk.lock);
    if (error)
        errno = error;
    return error == 0;
}

/* False when it did not, a moment after it should have. */
static bool wait_for_the_end(void)
{
    int64_t until_ms = desk.stop_ms + GRACE_MS;
    struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};

    while (!desk.ended)
        if (pthread_cond_timedwait(&desk.ended_now, &desk.lock, &until) == ETIMEDOUT)
            break;
    return desk.ended;
}

void courier_stop(int64_t within_ms)
{
    bool ended;

    pthread_mutex_lock(&desk.lock);
    if (!desk.started || desk.stopping || --desk.users > 0) {
        pthread_mutex_unlock(&desk.lock);
        return;
    }
    desk.stopping = true;
    desk.stop_ms = now_ms() + MIN_OF(MAX_OF(within_ms, 0), STOP_MS_MAX);
    wake();
    ended = wait_for_the_end();
    desk.running = false;
    pthread_mutex_unlock(&desk.lock);

    if (!ended) {
        pthread_detach(desk.thread);
        return;
    }
    pthread_join(desk.thread, NULL);
    pthread_cond_destroy(&desk.ended_now);
    close(desk.wake_fd);
    desk.started = false;
}

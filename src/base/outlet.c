#include "base/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

enum { PAUSE_MS = 20 };         /* before trying again what was ready and yet was not */

static bool is_open_or_replaced(int fd)
{
    int null;

    if (fcntl(fd, F_GETFD) != -1)
        return true;
    null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null == -1 || null == fd)
        return null == fd;
    fd = dup3(null, fd, O_CLOEXEC);
    close(null);
    return fd != -1;
}

void outlet_begin(struct outlet *outlet)
{
    outlet->gone = !is_open_or_replaced(outlet->fd);
    outlet->failing = false;
}

static uint64_t lines_in(struct str text)
{
    uint64_t lines = 0;

    while (text.len) {
        text = str_from(text, str_find(text, '\n') + 1);
        lines++;
    }
    return lines;
}

void outlet_lose(struct outlet *outlet, struct str lines)
{
    uint64_t count = lines_in(lines);

    outlet->lost += count;
    outlet->untold += count;
}

static void ring_put(struct outlet *outlet, struct str bytes)
{
    size_t at = (outlet->start + outlet->len) % outlet->size;
    size_t before_edge = MIN_OF(bytes.len, outlet->size - at);

    assert(bytes.len <= outlet->size - outlet->len);
    memcpy(outlet->ring + at, bytes.ptr, before_edge);
    memcpy(outlet->ring, bytes.ptr + before_edge, bytes.len - before_edge);
    outlet->len += bytes.len;
}

void outlet_put(struct outlet *outlet, struct str lines)
{
    size_t room = outlet->size - outlet->len;
    const char *last;
    size_t fits;

    if (outlet->gone || lines.len == 0)
        return;
    last = memrchr(lines.ptr, '\n', MIN_OF(lines.len, room));
    fits = last ? (size_t)(last - lines.ptr) + 1 : 0;
    ring_put(outlet, str_of(lines.ptr, fits));
    outlet_lose(outlet, str_from(lines, fits));
}

struct str outlet_peek(const struct outlet *outlet, char room[static PIPE_BUF])
{
    size_t len = MIN_OF((size_t)PIPE_BUF, outlet->len);
    size_t before_edge = MIN_OF(len, outlet->size - outlet->start);
    const char *last;

    memcpy(room, outlet->ring + outlet->start, before_edge);
    memcpy(room + before_edge, outlet->ring, len - before_edge);
    last = memrchr(room, '\n', len);
    return str_of(room, last ? (size_t)(last - room) + 1 : len);
}

void outlet_drop(struct outlet *outlet, size_t count)
{
    assert(count <= outlet->len);
    outlet->len -= count;
    /* An empty ring begins anew, so that a quiet server touches little memory. */
    outlet->start = outlet->len ? (outlet->start + count) % outlet->size : 0;
}

void outlet_abandon(struct outlet *outlet)
{
    char room[PIPE_BUF];

    while (outlet->len) {
        struct str lines = outlet_peek(outlet, room);

        outlet_lose(outlet, lines);
        outlet_drop(outlet, lines.len);
    }
}

bool outlet_is_pressing(const struct outlet *outlet)
{
    return outlet->len > outlet->size / 4;
}

/* A ready pipe takes PIPE_BUF bytes without blocking.  It is asked before each write and not for
 * several, because stdout and stderr may be one pipe. */
ssize_t outlet_write(int fd, struct str bytes, int wait_ms)
{
    struct pollfd waiting = {.fd = fd, .events = POLLOUT};
    ssize_t written;

    /* A broken descriptor counts as ready: the write says how it is broken. */
    if (poll(&waiting, 1, wait_ms) <= 0) {
        errno = EAGAIN;
        return -1;
    }
    written = write(fd, bytes.ptr, MIN_OF(bytes.len, (size_t)PIPE_BUF));
    /* Someone else has set O_NONBLOCK.  Without a pause the caller would spin. */
    if (written == -1 && errno == EAGAIN) {
        poll(NULL, 0, PAUSE_MS);
        errno = EAGAIN;
    }
    return written;
}

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/transport.h"

static enum io plain_read(struct transport *t, char *room, size_t size, size_t *got)
{
    ssize_t n;

    do
        n = recv(t->fd, room, size, 0);
    while (n == -1 && errno == EINTR);
    *got = n > 0 ? (size_t)n : 0;
    t->is_drained = *got < size;
    if (n > 0)
        return IO_DONE;
    if (n == 0)
        return IO_CLOSED;
    return errno == EAGAIN ? IO_WANT_READ : IO_FAILED;
}

static enum io plain_write(struct transport *t, const struct iovec *pieces, int count, bool more,
                           size_t *sent)
{
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)pieces,
                             .msg_iovlen = (size_t)count};
    ssize_t       n;

    do
        n = sendmsg(t->fd, &message, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    while (n == -1 && errno == EINTR);
    *sent = n > 0 ? (size_t)n : 0;
    if (n >= 0)
        return IO_DONE;
    return errno == EAGAIN ? IO_WANT_WRITE : IO_FAILED;
}

static enum io plain_send_file(struct transport *t, int file, uint64_t offset, size_t count,
                               size_t *sent)
{
    off_t   at = (off_t)offset;
    ssize_t n;

    do
        n = sendfile(t->fd, file, &at, count);
    while (n == -1 && errno == EINTR);
    *sent = n > 0 ? (size_t)n : 0;
    if (n >= 0 || errno == EIO)
        return IO_DONE;
    return errno == EAGAIN ? IO_WANT_WRITE : IO_FAILED;
}

static void plain_shut(struct transport *t)
{
    shutdown(t->fd, SHUT_WR);
}

static void plain_rest(struct transport *t)
{
    (void)t;
}

static void plain_cut(struct transport *t)
{
    transport_will_reset(t);
}

static void plain_close(struct transport *t)
{
    close(t->fd);
    t->fd = -1;
}

static const struct transport_ops plain_ops = {
    .read = plain_read,
    .write = plain_write,
    .send_file = plain_send_file,
    .shut = plain_shut,
    .rest = plain_rest,
    .cut = plain_cut,
    .close = plain_close,
};

struct transport transport_plain(int fd)
{
    return (struct transport){.ops = &plain_ops, .fd = fd};
}

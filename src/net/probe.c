#include "net/probe.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/tls_error.h"
#include "net/tls_probe.h"

enum { CROWD_MS = 10 };             /* between two tries at a local socket with a crowd before it */

/* ---- time ----------------------------------------------------------------------------- */

/* Rounded up, so that a wait never ends before its deadline; 0 when it has passed. */
static int left_ms(const struct probe *probe)
{
    int64_t left_us = probe->until_us - clock_us();

    return left_us > 0 ? (int)MIN_OF((left_us + 999) / 1000, INT32_MAX) : 0;
}

/* False at the deadline. */
static bool wait_for(const struct probe *probe, int fd, short events)
{
    struct pollfd door = {.fd = fd, .events = events};
    int           n;

    do
        n = poll(&door, 1, left_ms(probe));
    while (n == -1 && errno == EINTR);
    return n == 1;
}

static bool wait_to_go_on(const struct probe *probe, int fd, enum io io)
{
    return wait_for(probe, fd, io == IO_WANT_WRITE ? POLLOUT : POLLIN);
}

/* ---- how it ends ---------------------------------------------------------------------- */

static enum probe_end fail(struct probe *probe, const char *why)
{
    snprintf(probe->why, sizeof probe->why, "%s", why);
    return PROBE_FAILED;
}

static enum probe_end fail_errno(struct probe *probe, int error)
{
    if (error == EAFNOSUPPORT || error == EADDRNOTAVAIL || error == ENETUNREACH)
        return PROBE_ABSENT;
    return fail(probe, strerror(error));
}

/* It does not go on, by the other side's will.  Who has asked for a certificate and got none owes
 * no more; the alert that says so may be lost behind what we said (RFC 8446 §4.4.2.4). */
static enum probe_end end_early(struct probe *probe, const struct transport *t, enum io io)
{
    int error = errno;

    if (tls_probe_was_asked(t))
        return PROBE_WANTS_PROOF;
    if (probe->answer_len > 0)
        return fail(probe, "it hung up in the middle of a line");
    if (io == IO_CLOSED && tls_probe_has_heard(t))
        return fail(probe, "it hung up without an answer");
    if (io == IO_CLOSED || (!t->session && error == ECONNRESET))
        return PROBE_TURNED_AWAY;
    return fail(probe, t->session ? tls_error_take() : strerror(error));
}

/* ---- the steps; each PROBE_ANSWERED when it is done ----------------------------------- */

static enum probe_end finish_connect(struct probe *probe, int fd)
{
    int       error = 0;
    socklen_t size = sizeof error;

    if (!wait_for(probe, fd, POLLOUT))
        return PROBE_LATE;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
        error = errno;
    return error ? fail_errno(probe, error) : PROBE_ANSWERED;
}

/* unix(7) knows no EINPROGRESS: where the backlog is full one has to come again. */
static enum probe_end dial(struct probe *probe, int fd)
{
    while (connect(fd, &probe->where.any, probe->where.len) == -1) {
        if (errno == EINPROGRESS)
            return finish_connect(probe, fd);
        if (errno != EAGAIN)
            return fail_errno(probe, errno);
        if (left_ms(probe) == 0)
            return PROBE_LATE;
        poll(NULL, 0, MIN_OF(left_ms(probe), (int)CROWD_MS));
    }
    return PROBE_ANSWERED;
}

static enum probe_end shake(struct probe *probe, struct transport *t)
{
    enum io io;

    if (!probe->tls_name)
        return PROBE_ANSWERED;
    if (!tls_probe_wrap(t, probe->tls_name))
        return fail(probe, "there is no memory for TLS");
    while ((io = tls_probe_shake(t)) != IO_DONE) {
        if (io == IO_CLOSED || io == IO_FAILED)
            return end_early(probe, t, io);
        if (!wait_to_go_on(probe, t->fd, io))
            return PROBE_LATE;
    }
    return PROBE_ANSWERED;
}

static enum probe_end say(struct probe *probe, struct transport *t)
{
    struct str left = probe->question;

    while (left.len > 0) {
        struct iovec piece = {(void *)(uintptr_t)left.ptr, left.len};
        size_t       sent = 0;
        enum io      io = transport_write(t, &piece, 1, false, &sent);

        left = str_from(left, sent);
        /* What it said before it went is still there to be read. */
        if (io == IO_CLOSED || io == IO_FAILED)
            return PROBE_ANSWERED;
        if (io != IO_DONE && !wait_to_go_on(probe, t->fd, io))
            return PROBE_LATE;
    }
    return PROBE_ANSWERED;
}

static bool has_line(struct str answer)
{
    return str_find(answer, '\n') < answer.len;
}

static bool has_enough(const struct probe *probe)
{
    bool (*is_enough)(struct str answer) = probe->is_enough ? probe->is_enough : has_line;

    return probe->answer_len == sizeof probe->answer ||
           is_enough(str_of(probe->answer, probe->answer_len));
}

static enum probe_end hear(struct probe *probe, struct transport *t)
{
    while (!has_enough(probe)) {
        size_t  got = 0;
        enum io io = transport_read(t, probe->answer + probe->answer_len,
                                    sizeof probe->answer - probe->answer_len, &got);

        probe->answer_len += got;
        if (io == IO_CLOSED || io == IO_FAILED)
            return end_early(probe, t, io);
        if (io != IO_DONE && !wait_to_go_on(probe, t->fd, io))
            return PROBE_LATE;
    }
    return PROBE_ANSWERED;
}

enum probe_end probe_ask(struct probe *probe)
{
    int fd = socket(probe->where.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct transport t = transport_plain(fd);
    enum probe_end   end;

    probe->answer_len = 0;
    if (fd == -1)
        return fail_errno(probe, errno);
    end = dial(probe, fd);
    if (end == PROBE_ANSWERED)
        end = shake(probe, &t);
    if (end == PROBE_ANSWERED)
        end = say(probe, &t);
    if (end == PROBE_ANSWERED)
        end = hear(probe, &t);
    transport_close(&t);
    return end;
}

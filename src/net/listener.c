#include "net/listener.h"

#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* A name left behind by a server that was killed stands in the way of bind.  It may go when it is a
 * socket and nobody answers on it. */
static bool local_name_is_free(const struct address *address)
{
    struct stat status;
    bool        refused;
    int         fd;

    if (lstat(address->local.sun_path, &status) == -1)
        return errno == ENOENT;
    if (!S_ISSOCK(status.st_mode)) {
        errno = EADDRINUSE;
        return false;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1)
        return false;
    refused = connect(fd, &address->any, address->len) == -1 && errno == ECONNREFUSED;
    close(fd);
    if (!refused) {
        errno = EADDRINUSE;
        return false;
    }
    return unlink(address->local.sun_path) == 0;
}

static bool set_options(int fd, const struct address *address)
{
    int on = 1;

    if (address->any.sa_family == AF_UNIX)
        return true;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        return false;
    /* Accepted sockets inherit it, which saves a system call for each. */
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == -1)
        return false;
    if (address->any.sa_family == AF_INET6) {
        /* "*" takes both families by one socket; an IPv6 address that was asked for by its
         * name takes only its own. */
        int only = !IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);

        return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) == 0;
    }
    return true;
}

static void remember_name(struct listener *listener)
{
    struct stat status;

    if (lstat(listener->address.local.sun_path, &status) == -1)
        return;
    listener->name_device = status.st_dev;
    listener->name_inode = status.st_ino;
}

/* A successor may have taken the name over while we finish: then it is not ours to take away. */
static void give_up_name(struct listener *listener)
{
    struct stat status;

    if (listener->name_inode != 0 && lstat(listener->address.local.sun_path, &status) == 0 &&
        status.st_dev == listener->name_device && status.st_ino == listener->name_inode)
        unlink(listener->address.local.sun_path);
    listener->name_inode = 0;
}

static void write_url(struct listener *listener, const char *host)
{
    unsigned    port = address_port(&listener->address);
    const char *scheme = listener->is_tls ? "https" : "http";

    if (listener->address.any.sa_family == AF_UNIX)
        snprintf(listener->url, sizeof listener->url, "http+unix:%s",
                 listener->address.local.sun_path);
    else if (strchr(host, ':') && host[0] != '[')
        snprintf(listener->url, sizeof listener->url, "%s://[%s]:%u", scheme, host, port);
    else
        snprintf(listener->url, sizeof listener->url, "%s://%s:%u", scheme, host, port);
}

bool listener_open(struct listener *out, const struct address *address, const char *host,
                   bool is_tls)
{
    struct listener listener = {.fd = -1, .is_tls = is_tls, .address = *address};
    bool            is_local = address->any.sa_family == AF_UNIX;
    bool            ok = false;
    int             error;

    if (is_local && !local_name_is_free(address))
        goto out;
    listener.fd =
        socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener.fd == -1 || !set_options(listener.fd, address) ||
        bind(listener.fd, &address->any, address->len) == -1)
        goto out;
    if (is_local)
        remember_name(&listener);
    if (listen(listener.fd, LISTENER_BACKLOG) == -1)
        goto out;
    if (!is_local && getsockname(listener.fd, &listener.address.any, &listener.address.len) == -1)
        goto out;
    write_url(&listener, host);
    *out = listener;
    source_init(&out->source, SOURCE_LISTENER);
    listener = (struct listener){.fd = -1};     /* it is the caller's now */
    ok = true;
out:
    error = errno;
    listener_close(&listener);
    errno = error;
    return ok;
}

void listener_close(struct listener *listener)
{
    if (listener->fd != -1)
        close(listener->fd);
    give_up_name(listener);
    listener->fd = -1;
}

/* socket(7): a socket that is bound to an interface is not found by what comes in through another, and
 * there is none of that number.  It needs no privilege since Linux 5.7; before, what is lost is only
 * what came between the last accept and the shutdown. */
void listener_turn_away(struct listener *listener)
{
    const int no_interface = INT_MAX;

    give_up_name(listener);
    (void)setsockopt(listener->fd, SOL_SOCKET, SO_BINDTOIFINDEX, &no_interface, sizeof no_interface);
}

void listener_shut(struct listener *listener)
{
    if (listener->fd != -1)
        shutdown(listener->fd, SHUT_RDWR);
}

/* accept4 takes its descriptor first and looks who is there second. */
static bool somebody_waits(int fd)
{
    struct pollfd door = {.fd = fd, .events = POLLIN};

    return poll(&door, 1, 0) == 1;
}

enum accepted listener_accept(struct listener *listener, int *fd, struct peer *peer)
{
    struct address from = {.len = sizeof(struct sockaddr_un)};

    from.any.sa_family = AF_UNIX;       /* a local caller without a name fills in nothing */
    *fd = accept4(listener->fd, &from.any, &from.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (*fd != -1) {
        *peer = peer_of(&from);
        return ACCEPTED;
    }
    switch (errno) {
    case EAGAIN:
    case EINVAL:            /* listener_shut was here */
        return ACCEPT_EMPTY;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return somebody_waits(listener->fd) ? ACCEPT_EXHAUSTED : ACCEPT_EMPTY;
    default:                /* accept(2): errors of the newcomer's network count as "again" */
        return ACCEPT_AGAIN;
    }
}

#include "net/transport.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

bool transport_has_input(const struct transport *t)
{
    char byte;

    return recv(t->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* A peer that has only ended its own side is still there: it waits for the answer. */
bool transport_is_gone(const struct transport *t)
{
    struct pollfd state = {.fd = t->fd};

    return poll(&state, 1, 0) == 1 && (state.revents & (POLLERR | POLLHUP)) != 0;
}

/* The kernel goes on counting what a connection that was reset will never send. */
static bool is_reset(int fd)
{
    struct tcp_info info;
    socklen_t       size = sizeof info;

    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_state == TCP_CLOSE;
}

size_t transport_unsent(const struct transport *t)
{
    int bytes = 0;

    if (is_reset(t->fd))
        return 0;
    return ioctl(t->fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}

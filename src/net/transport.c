#include "net/transport.h"

#include <linux/sockios.h>
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

size_t transport_unsent(const struct transport *t)
{
    int bytes = 0;

    return ioctl(t->fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}

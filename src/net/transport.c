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

bool transport_has_ended(const struct transport *t)
{
    struct pollfd state = {.fd = t->fd, .events = POLLRDHUP};

    return poll(&state, 1, 0) == 1;
}

/* A peer that has only ended its own side is still there: it waits for the answer. */
bool transport_is_gone(const struct transport *t)
{
    struct pollfd state = {.fd = t->fd};

    return poll(&state, 1, 0) == 1 && (state.revents & (POLLERR | POLLHUP)) != 0;
}

/* A peer that has left without a word, or has half closed and then left, is found out by a probe. */
void transport_watch(const struct transport *t)
{
    const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_KEEPIDLE, 45}, /* seconds without a word */
        {IPPROTO_TCP, TCP_KEEPINTVL, 15},
        {IPPROTO_TCP, TCP_KEEPCNT, 4},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
    };

    for (size_t i = 0; i < COUNTOF(options); i++)
        (void)setsockopt(t->fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}

void transport_will_reset(const struct transport *t)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(t->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
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

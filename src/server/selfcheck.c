#include "server/selfcheck.h"

/* It has come from an address that is ours: a loopback one, or the one it has come to. */
static bool is_from_here(const struct peer *peer, int fd)
{
    static const unsigned char loopback[16] = {[15] = 1};
    struct address             ours = {.len = sizeof(struct sockaddr_un)};
    struct peer                self;

    if (peer->family == AF_UNIX || (peer->family == AF_INET && peer->bytes[0] == 127) ||
        (peer->family == AF_INET6 && memcmp(peer->bytes, loopback, sizeof loopback) == 0))
        return true;
    if (getsockname(fd, &ours.any, &ours.len) == -1)
        return false;
    self = peer_of(&ours);
    return self.family == peer->family && memcmp(self.bytes, peer->bytes, sizeof self.bytes) == 0;
}

bool selfcheck_is_question(const struct request *request, const struct peer *peer, int fd)
{
    return request->method == METHOD_OPTIONS && request->target.form == TARGET_ASTERISK &&
           str_equal(fields_get(&request->fields, FIELD_USER_AGENT), STR(SELFCHECK_AGENT)) &&
           is_from_here(peer, fd);
}

bool selfcheck_is_handshake(const char *name, const struct peer *peer, int fd)
{
    return name && strcmp(name, SELFCHECK_NAME) == 0 && is_from_here(peer, fd);
}

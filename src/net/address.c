#include "net/address.h"

#include <arpa/inet.h>
#include <stdio.h>

static struct address v4_address(struct in_addr where, uint16_t port)
{
    struct address address = {.len = sizeof(struct sockaddr_in)};

    address.v4 = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = where};
    return address;
}

static struct address v6_address(struct in6_addr where, uint16_t port)
{
    struct address address = {.len = sizeof(struct sockaddr_in6)};

    address.v6 = (struct sockaddr_in6){
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = where};
    return address;
}

static struct str without_brackets(struct str text)
{
    if (text.len > 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']')
        return str_of(text.ptr + 1, text.len - 2);
    return text;
}

/* One address in numbers, IPv4 or IPv6. */
static size_t resolve_numbers(struct str text, uint16_t port, struct address *out)
{
    char            terminated[INET6_ADDRSTRLEN];
    struct in_addr  v4;
    struct in6_addr v6;

    text = without_brackets(text);
    if (text.len >= sizeof terminated)
        return 0;
    memcpy(terminated, text.ptr, text.len);
    terminated[text.len] = '\0';
    if (inet_pton(AF_INET, terminated, &v4) == 1)
        *out = v4_address(v4, port);
    else if (inet_pton(AF_INET6, terminated, &v6) == 1)
        *out = v6_address(v6, port);
    else
        return 0;
    return 1;
}

size_t address_resolve(struct str text, uint16_t port, struct address out[ADDRESSES_MAX])
{
    if (str_equal(text, STR("localhost"))) {
        out[0] = v4_address((struct in_addr){htonl(INADDR_LOOPBACK)}, port);
        out[1] = v6_address(in6addr_loopback, port);
        return 2;
    }
    if (str_equal(text, STR("*"))) {
        out[0] = v6_address(in6addr_any, port);
        out[1] = v4_address((struct in_addr){htonl(INADDR_ANY)}, port);
        return 2;
    }
    return resolve_numbers(text, port, out);
}

/* host ":" port                                                              RFC 3986 §3.2.2 */
bool address_split(struct str text, struct str *host, uint16_t *port)
{
    size_t   colon = text.len;
    uint64_t number;

    while (colon > 0 && text.ptr[colon - 1] != ':')
        colon--;
    if (colon < 2 || !str_to_u64(str_from(text, colon), &number) || number > UINT16_MAX)
        return false;
    *host = str_of(text.ptr, colon - 1);
    *port = (uint16_t)number;
    return host->ptr[0] == '[' ? str_ends(*host, STR("]")) : str_find(*host, ':') == host->len;
}

bool address_local(const char *path, struct address *out)
{
    size_t len = strlen(path);

    *out = (struct address){.len = sizeof(struct sockaddr_un)};
    if (len == 0 || len >= sizeof out->local.sun_path)
        return false;
    out->local.sun_family = AF_UNIX;
    memcpy(out->local.sun_path, path, len + 1);
    return true;
}

void address_set_port(struct address *address, uint16_t port)
{
    if (address->any.sa_family == AF_INET)
        address->v4.sin_port = htons(port);
    else if (address->any.sa_family == AF_INET6)
        address->v6.sin6_port = htons(port);
}

uint16_t address_port(const struct address *address)
{
    if (address->any.sa_family == AF_INET)
        return ntohs(address->v4.sin_port);
    if (address->any.sa_family == AF_INET6)
        return ntohs(address->v6.sin6_port);
    return 0;
}

struct peer peer_of(const struct address *address)
{
    struct peer peer = {.family = address->any.sa_family, .port = address_port(address)};

    if (peer.family == AF_INET) {
        memcpy(peer.bytes, &address->v4.sin_addr, 4);
    } else if (peer.family == AF_INET6) {
        const struct in6_addr *v6 = &address->v6.sin6_addr;

        if (IN6_IS_ADDR_V4MAPPED(v6)) {
            peer.family = AF_INET;
            memcpy(peer.bytes, v6->s6_addr + 12, 4);
        } else {
            memcpy(peer.bytes, v6, 16);
        }
    }
    return peer;
}

bool address_is_any(const struct address *address)
{
    if (address->any.sa_family == AF_INET)
        return address->v4.sin_addr.s_addr == htonl(INADDR_ANY);
    return address->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
}

size_t peer_text(const struct peer *peer, char out[ADDRESS_TEXT_MAX])
{
    if (peer->family == AF_INET) {
        size_t len = 0;

        /* By hand: in the access log snprintf was a fifth of a request. */
        for (size_t i = 0; i < 4; i++) {
            unsigned octet = peer->bytes[i];

            if (octet >= 100)
                out[len++] = (char)('0' + octet / 100);
            if (octet >= 10)
                out[len++] = (char)('0' + octet / 10 % 10);
            out[len++] = (char)('0' + octet % 10);
            out[len++] = i < 3 ? '.' : '\0';
        }
        return len - 1;
    }
    if (peer->family == AF_INET6 && inet_ntop(AF_INET6, peer->bytes, out, ADDRESS_TEXT_MAX))
        return strlen(out);
    memcpy(out, "unix", 5);
    return 4;
}

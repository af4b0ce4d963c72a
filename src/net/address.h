/* address - where to listen, and who called.
 *
 * Turns what a person wrote ("localhost", "*", "192.0.2.1", "::1") into socket addresses, and a
 * peer's address into text for the log.  No names are looked up: a server must start where
 * there is no resolver. */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/str.h"

struct address {
    union {
        struct sockaddr     any;
        struct sockaddr_in  v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un  local;
    };
    socklen_t len;
};

enum { ADDRESSES_MAX = 2, ADDRESS_TEXT_MAX = 64 };

/* "localhost" is both loopbacks, IPv4 first; "*" is every address (IPv6, which takes IPv4 too
 * where the host lets it, then IPv4 for hosts without IPv6); else one IPv4 or IPv6 address, with
 * or without brackets. Gives how many there are in out[]; 0 when the text is none of these. */
size_t address_resolve(struct str text, uint16_t port, struct address out[ADDRESSES_MAX]) MUST_USE;

/* A socket in the file system.  False when the path is empty or too long for one (107 bytes). */
bool address_local(const char *path, struct address *out) MUST_USE;

/* Splits "host:port" at its last colon; an IPv6 address stands in brackets there, which *host keeps.
 * False when that is not its form. */
bool address_split(struct str text, struct str *host, uint16_t *port) MUST_USE;

/* 0.0.0.0 or ::, which stand for all of them. */
bool address_is_any(const struct address *address) MUST_USE;

void     address_set_port(struct address *address, uint16_t port);
uint16_t address_port(const struct address *address) MUST_USE;

/* What the log needs of a peer, in 20 bytes instead of 128. */
struct peer {
    unsigned char bytes[16];        /* IPv4 in the first four */
    uint16_t      port;
    uint16_t      family;           /* AF_INET, AF_INET6 (mapped IPv4 is told as IPv4), AF_UNIX */
};

struct peer peer_of(const struct address *address);

/* "192.0.2.7", "2001:db8::1" or "unix"; terminated; returns its length. */
size_t peer_text(const struct peer *peer, char out[ADDRESS_TEXT_MAX]);

#endif

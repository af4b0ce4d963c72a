/* lookup - the addresses of a host that has a name, by a deadline.
 *
 * A server never looks up names (net/address.h); who waits for one has to: in a network of containers
 * they are all there is.  Read from /etc/hosts, else asked of the name servers in /etc/resolv.conf, as
 * glibc's resolver does it.  Not by getaddrinfo, which costs a static program five times as much
 * (127 KB) and, told so by nsswitch.conf, loads code that may not fit it. */
#ifndef MAIN_LOOKUP_H
#define MAIN_LOOKUP_H

#include "net/address.h"

enum { LOOKUP_MAX = 16, LOOKUP_NAME_MAX = 253 };

struct lookup {
    struct address found[LOOKUP_MAX];
    size_t         count;
};

enum lookup_end {
    LOOKUP_FOUND,
    LOOKUP_UNKNOWN,         /* there is no such name, or it has no address */
    LOOKUP_UNANSWERED,      /* no name server answers */
    LOOKUP_LATE,            /* the deadline (clock_us) has passed; what was begun is left to itself, and
                             * nothing can be looked up any more: its caller is to end */
};

/* `host` may be an address, too: IPv4, or IPv6 in brackets. */
enum lookup_end lookup_host(struct str host, uint16_t port, int64_t until_us,
                            struct lookup *lookup) MUST_USE;

/* ---- what it reads; pure -------------------------------------------------------------- */

/* Adds the addresses that hosts(5) gives the name. */
void lookup_read_hosts(struct str text, struct str name, uint16_t port, struct lookup *lookup);

/* Adds the addresses of an answer of a name server (RFC 1035 §4.1; AAAA: RFC 3596 §2.2). */
void lookup_read_answer(struct str message, uint16_t port, struct lookup *lookup);

#endif

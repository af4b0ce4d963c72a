/* probe - one question to a server, and the beginning of what it answers, by a deadline.
 *
 * The one caller in a program of listeners: it knocks, by TCP or at a socket in the file system, in
 * the clear or by TLS, says what it is given, and reads a line, or as much as is wanted.  Nothing it
 * meets can hold it longer than that: no descriptor blocks, and every wait ends at the same moment. */
#ifndef NET_PROBE_H
#define NET_PROBE_H

#include "net/address.h"

enum { PROBE_ANSWER_MAX = 1024 };

enum probe_end {
    PROBE_ANSWERED,         /* enough of it, or PROBE_ANSWER_MAX bytes that are not */
    PROBE_ABSENT,           /* this host has no such address */
    PROBE_TURNED_AWAY,      /* it was let in, and out again, without a byte */
    PROBE_WANTS_PROOF,      /* the handshake went as far as a client's certificate, and no further */
    PROBE_LATE,             /* the deadline has passed */
    PROBE_FAILED,           /* `why` says how */
};

struct probe {
    struct address where;
    const char    *tls_name;        /* the server's name for TLS; "": it has none; NULL: in the clear */
    struct str     question;
    bool         (*is_enough)(struct str answer);   /* NULL: its first line is */
    int64_t        until_us;        /* clock_us() */

    char           answer[PROBE_ANSWER_MAX];    /* its first line comes first */
    size_t         answer_len;
    char           why[128];        /* PROBE_FAILED: "Connection refused" */
};

/* Asks.  The caller ignores SIGPIPE. */
enum probe_end probe_ask(struct probe *probe) MUST_USE;

#endif

/* exchange - one request and its answer.
 *
 * A thing of its own that a connection carries: one at a time in HTTP/1.1.  This is what
 * wherry.h shows to handlers as struct wherry_exchange. */
#ifndef SERVER_EXCHANGE_H
#define SERVER_EXCHANGE_H

#include <wherry.h>

#include "base/arena.h"
#include "base/clock.h"
#include "http/request.h"
#include "net/address.h"
#include "server/body.h"
#include "server/response.h"
#include "server/stream.h"

struct form;
struct pairs;

enum {
    EXCHANGE_ARENA_MAX = 1024 * 1024,
    COPY_SMALL_MAX     = 16 * 1024,         /* bytes of a copied body that go into the arena */
    COPY_MAX           = 64 * 1024 * 1024,  /* bytes of any copied body */
    CODED_AT_ONCE_MAX  = 256 * 1024,        /* bytes of a body that is coded before its head is sent */
};

/* A name in a route's pattern and the segment that it stands for, a NUL behind it. */
struct exchange_part {
    struct str name;
    struct str value;
};

struct wherry_exchange {
    struct request             request;
    struct response            response;
    struct stream              stream;      /* the answer's body, while it comes piece by piece */
    struct buf                 copied;      /* the answer's body, when it is long and is copied */
    struct buf                 coded;       /* the answer's body, when it was short and is coded */
    struct arena               arena;       /* lives as long as the exchange */
    struct body                body;        /* of the request */
    const struct wherry_route *route;       /* NULL: none fits, or not looked yet */
    const struct wherry_route *finisher;    /* whose finish adds fields; NULL: nobody's does */
    const struct exchange_part *parts;      /* of its pattern; in the arena */
    size_t                     parts_count;
    struct str                 rest;        /* what its "*" stands for; ptr NULL: it has none */
    struct clock               now;         /* when its head had come */
    int64_t                    started_us;  /* the same, exactly */
    int64_t                    until_ms;    /* its handler's deadline; CLOCK_NEVER: none */
    int64_t                    delay_ms;    /* for which the answer is still to be put off; 0: it is not */
    uint64_t                   sent;        /* bytes of the answer's body that left */
    const struct pairs        *query;       /* its values, decoded; NULL: nobody has asked for them */
    const struct form         *form;        /* the same of the body; both in the arena */
    char                       peer_text[ADDRESS_TEXT_MAX];     /* once somebody has asked for it */
    const char                *client;      /* subject of the client's certificate; NULL: none */
    const char                *why;         /* reason of a refusal, for the log; NULL: none */
};

/* `body_max`: the most bytes of a request's body in memory (server/body.h). */
void exchange_init(struct wherry_exchange *exchange, size_t body_max);
void exchange_reset(struct wherry_exchange *exchange);
void exchange_fini(struct wherry_exchange *exchange);

/* What wherry.h calls a slice is a str to us. */
static inline struct wherry_slice slice_of_str(struct str s)
{
    return (struct wherry_slice){s.ptr, s.len};
}

static inline struct str str_of_slice(struct wherry_slice s)
{
    return (struct str){s.ptr, s.len};
}

/* The pair at *at; false behind the last. */
bool exchange_next_pair(const struct pairs *pairs, size_t *at, struct wherry_slice *name,
                        struct wherry_slice *value) MUST_USE;

/* Makes the answer a refusal; no stream may have begun to wait. */
void exchange_refuse(struct wherry_exchange *exchange, struct refusal refusal);

/* Its handler failed: 500, and a line in the log. */
void exchange_fail(struct wherry_exchange *exchange);

#endif

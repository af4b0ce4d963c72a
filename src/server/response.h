/* response - what a handler fills in.
 *
 * A value inside an exchange: status, field lines, validators, and where the body comes from.
 * Owns the lines added one by one, and one reference to somebody's things (`owner`), which it
 * releases exactly once. */
#ifndef SERVER_RESPONSE_H
#define SERVER_RESPONSE_H

#include <wherry.h>

#include "base/arena.h"
#include "base/buf.h"
#include "http/conditional.h"
#include "http/negotiate.h"

enum { RESPONSE_LINES_MAX = 16 * 1024 };

enum body_source { SOURCE_NONE, SOURCE_BYTES, SOURCE_FILE, SOURCE_STREAM };

struct response {
    int               status;           /* HTTP_STATUS_NONE: the client left before there was one */
    bool              is_refusal;       /* an error page goes with it unless it has a body */
    struct buf        lines;            /* field lines added one by one; failed: one could not be */
    const char       *fault;            /* why else it cannot be sent, a phrase; NULL: no reason */
    struct str        shared_lines;     /* finished lines that go with a 304 too */
    struct str        content_lines;    /* finished lines that describe the body */
    struct validators validators;
    bool              sends_etag;       /* the handler wants its entity tag sent */
    enum coding       coding;           /* that we put the body in; validators.etag is its tag then */
    struct str        plain_etag;       /* and this one the handler's */
    enum coding       only_coding;      /* that it may have, however short; IDENTITY: any, as set */
    enum body_source  source;
    struct str        bytes;            /* of SOURCE_BYTES */
    int               fd;               /* of SOURCE_FILE */
    uint64_t          length;           /* bytes of the body, whatever its source */
    bool (*is_intact)(void *owner);     /* of SOURCE_FILE; NULL: nothing to ask */
    wherry_puller    *pull;             /* of SOURCE_STREAM */
    void             *pull_data;
    bool              has_length;       /* of SOURCE_STREAM: `length` is known beforehand */
    bool              is_raw;           /* nothing but the body is sent, and the connection ends */
    bool              resets;           /* by a reset */
    void (*release)(void *owner);       /* NULL: nothing to release */
    void *owner;
};

/* The memory of `lines` stays for the next use until response_fini. */
void response_init(struct response *response);
void response_reset(struct response *response);     /* releases, and is 200 without a body again */
void response_fini(struct response *response);

/* Forgets what was filled in and becomes a refusal. */
void response_refuse(struct response *response, int status);

/* A refusal without a body gets a page, and has no use for what the handler has lent: releases it. */
void response_give_back(struct response *response);

/* It cannot be sent as it is: it will be a 500, for the first of such reasons. */
void response_spoil(struct response *response, const char *fault);

void response_add_field(struct response *response, struct str name, struct str value);
void response_set_bytes(struct response *response, struct str bytes);

/* The value of the first field of that name, whatever its case, among those added one by one; ptr
 * NULL: there is none. */
struct str response_find_field(const struct response *response, struct str name) MUST_USE;

/* Takes the line of that field out of them, and copies it; ptr NULL: there is none, or no memory. */
struct str response_take_line(struct response *response, struct str name,
                              struct arena *arena) MUST_USE;

/* RFC 9110 §15.4.5: a 304 describes no body.  Takes out what does, of the fields added one by one. */
void response_drop_content_fields(struct response *response);

#endif

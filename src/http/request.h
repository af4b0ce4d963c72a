/* request - the head of a request, from bytes (RFC 9112 §2, §3, §5).
 *
 * Stateless: is given all bytes that came so far and says "done", "more", or why not.  One
 * reading of every message: whatever two parsers could read differently is refused.  The
 * request borrows the bytes.  Pure: no allocation, no I/O, no clock. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "http/field.h"
#include "http/method.h"
#include "http/target.h"

struct request_limits {
    size_t head_bytes;      /* the whole head, empty lines before and behind included: 431 beyond */
    size_t target_bytes;    /* 414 beyond */
};

struct request {
    enum method   method;
    struct str    method_name;
    struct str    raw_target;
    struct str    host;             /* what the client believes it talks to: the absolute form's
                                     * authority, else Host; ptr NULL in HTTP/1.0 without one */
    unsigned      minor;            /* 0 or 1: HTTP/1.0 or HTTP/1.1 and above; 1 while unknown */
    bool          keep_alive;       /* the client wants (and may have) another turn (§9.3) */
    bool          expects_continue; /* "Expect: 100-continue", HTTP/1.1 only (RFC 9110 §10.1.1) */
    struct target target;
    struct fields fields;
    size_t        head_bytes;       /* how many bytes the head took, an empty line before it
                                     * (§2.2) included */
};

enum parse { PARSE_DONE, PARSE_MORE, PARSE_REFUSED };

/* Reads the head at the front of `bytes`.
 *
 * PARSE_DONE: *request is filled in; its slices point into `bytes`, its target's path into
 * `path_room` (limits->target_bytes + 1 bytes).  PARSE_MORE: so far it is the beginning of a
 * good head.  PARSE_REFUSED: *refusal says with what and why; request->method_name, raw_target
 * and minor are what could be read (ptr NULL where nothing could), for the log.
 *
 * Legal and common: one empty line first, HTTP/1.0 without Host, bytes from 0x80 and []{}|^"
 * in the target, tabs and bytes from 0x80 in values.  Refused with 400: bare CR or LF, obs-fold,
 * white space before a colon, control bytes, a double or invalid Host, none in 1.1, what
 * target_parse refuses.  505: a major version other than 1.  501: a method we do not know, and
 * CONNECT.  417: an Expect other than 100-continue.  414, 431: over the limits. */
enum parse request_parse(struct str bytes, const struct request_limits *limits, char *path_room,
                         struct request *request, struct refusal *refusal) MUST_USE;

/* More bytes came after a PARSE_MORE: is it worth parsing again?  Keeps a head that arrives a
 * byte at a time from being read from its start each time: only the first few bytes, the end of
 * a line, or reaching the limits can change the answer. */
bool request_worth_parsing(struct str bytes, size_t seen_before,
                           const struct request_limits *limits) MUST_USE;

#endif

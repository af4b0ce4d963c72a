/* target - from a request target to a clean path and a query (RFC 9112 §3.2, RFC 3986).
 *
 * Decodes the percent escapes once, resolves dot segments, drops empty segments, and refuses
 * what must not reach a file name.  "%2F" does not separate segments: no file name can hold a
 * slash, so such a path names nothing.  Pure: writes into the caller's bytes only. */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include "http/method.h"
#include "http/status.h"

enum target_form {
    TARGET_ORIGIN,          /* /where?q */
    TARGET_ABSOLUTE,        /* http://host/where?q: its authority wins over Host (§3.2.2) */
    TARGET_ASTERISK,        /* "*", with OPTIONS only */
};

struct target {
    enum target_form form;
    struct str       authority;     /* of the absolute form; ptr NULL otherwise */
    struct str       raw_path;      /* as it came, from its "/" on; "/" when absolute without one */
    struct str       query;         /* without the "?"; ptr NULL when there was none */
    struct str       path;          /* decoded and clean, without the leading "/": "" is the
                                     * root, "a/b c"; the caller's bytes, terminated by a NUL */
    bool             is_https;      /* absolute form, and its scheme */
    bool             is_directory;  /* the path ended in "/", "/." or "/.." */
    bool             has_slash;     /* some segment held a decoded "/": `path` names no file, and
                                     * is not what it looks like */
};

/* Reads `raw`, which holds CHAR_TARGET bytes only.  `room` is where the decoded path goes; it
 * needs raw.len + 1 bytes.  Refuses (400): an escape in the path that is not two hex digits or
 * stands for a control byte (00 to 1f, 7f), a path that climbs above the root, a fragment ("#"),
 * an absolute form that is not http or https or has user information, no host or a bad
 * authority, "*" for anything but OPTIONS, the authority form (CONNECT is refused with 501 by
 * its method before).  The query is not looked into. */
struct refusal target_parse(struct str raw, enum method method, char *room,
                            struct target *target) MUST_USE;

/* The path of a target that was read well, written anew so that every "/" in it separates segments:
 * one that was escaped is a NUL.  `room` as above. */
struct str target_segments(const struct target *target, char *room);

/* uri-host [ ":" port ]: a name of unreserved, sub-delims and escapes, an IPv4 address or an
 * IPv6 one in brackets; port digits up to 65535 or none.  Empty is valid (RFC 9112 §3.2). */
bool target_authority_is_valid(struct str authority) MUST_USE;

#endif

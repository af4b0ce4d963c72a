/* url - where a server is, as a person writes it (RFC 3986, RFC 9110 §4.2).
 *
 *     http://web:8080/healthz     https://[::1]:8443/?q     http+unix:/run/wherry.sock
 *
 * The last is as wherry itself announces a socket in the file system.  Pure; slices of the text. */
#ifndef MAIN_URL_H
#define MAIN_URL_H

#include "base/str.h"

enum { URL_MAX = 2048, URL_HOST_MAX = 253 };

struct url {
    bool       is_https;
    struct str local;           /* the path of the socket; ptr NULL: host and port it is */
    struct str host;            /* an IPv6 address in its brackets */
    uint16_t   port;
    struct str authority;       /* what Host is to say */
    struct str target;          /* path and query; its "/" may be missing */
};

/* False when it is none of the three, has user information, or bytes that no URL has. */
bool url_read(struct str text, struct url *url) MUST_USE;

#endif

/* cookie - cookies as they come, and as they are set (RFC 6265).
 *
 * What comes is read as it was meant; what is set is checked, so that no value becomes an
 * attribute and no client drops it without a word.  Pure. */
#ifndef HTTP_COOKIE_H
#define HTTP_COOKIE_H

#include "base/buf.h"

enum { COOKIE_BYTES_MAX = 4096 };   /* name and value together: what clients keep (§6.1) */

/* Takes the next cookie off the front of a Cookie field's value (§4.2.1): trimmed, and without the
 * quotes around its value.  What has no name is passed over.  False at the end. */
bool cookie_next(struct str *rest, struct str *name, struct str *value) MUST_USE;

struct cookie {
    struct str name;
    struct str value;
    struct str path;                /* begins with "/" */
    int64_t    max_age_s;           /* 0: until the client ends; below: it is forgotten */
    bool       is_secure;           /* comes back by HTTPS only */
    bool       is_for_scripts;      /* without HttpOnly */
    bool       is_cross_site;       /* SameSite=None instead of Lax; is_secure has to be, too */
};

/* Appends the value of a Set-Cookie field (§4.1.1).  False, nothing appended: the name is no token,
 * or the value, the path have bytes that may not stand there; name and value are longer than
 * clients keep; or `buf` has failed. */
bool cookie_write(struct buf *buf, const struct cookie *cookie) MUST_USE;

#endif

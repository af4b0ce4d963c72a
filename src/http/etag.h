/* etag - entity tags and their comparison (RFC 9110 §8.8.3).  Pure. */
#ifndef HTTP_ETAG_H
#define HTTP_ETAG_H

#include "base/str.h"

/* A tag is a slice as it stands in the field: "xyzzy" or W/"xyzzy", quotes included. */

/* Well formed: [W/] DQUOTE *etagc DQUOTE. */
bool etag_is_valid(struct str tag) MUST_USE;
bool etag_is_weak(struct str tag) MUST_USE;

/* RFC 9110 §8.8.3.2.  Strong: both strong and the same.  Weak: the same but for W/. */
bool etag_equal_strong(struct str a, struct str b) MUST_USE;
bool etag_equal_weak(struct str a, struct str b) MUST_USE;

/* Some tag of the list ("*" is not one) equals `tag`.  A malformed element ends the list: nothing
 * from there on matches. */
bool etag_list_has(struct str list, struct str tag, bool weak) MUST_USE;

#endif

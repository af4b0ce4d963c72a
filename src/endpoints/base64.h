/* base64 - bytes out of base64 and base64url (RFC 4648 §4, §5), padded or not; and into base64.
 *
 * One reading: what no encoder writes is refused, as are bits that belong to no byte (§3.5) and
 * anything between (§3.3).  Both alphabets are read, since no letter of one means another in the
 * other.  Pure. */
#ifndef ENDPOINTS_BASE64_H
#define ENDPOINTS_BASE64_H

#include "base/buf.h"

/* Appends what `text` stands for, at most three bytes for four.  False: that is no base64. */
bool base64_decode(struct str text, struct buf *bytes) MUST_USE;

/* Writes `bytes` in base64 with padding, four letters for each three begun, and gives how many. */
size_t base64_encode(struct str bytes, char *text);

#endif

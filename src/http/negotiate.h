/* negotiate - which content coding a client would rather have (RFC 9110 §12.5.3).
 *
 * Turns Accept-Encoding into a weight for each coding we know, and picks the best of those there
 * are.  Pure: no allocation, no I/O, no clock.  A field cannot be wrong enough to be refused:
 *
 * - A member that begins with no coding we know is ignored, alone.
 * - A weight outside the grammar, or anything else behind the name, spoils its member alone, and
 *   for the worse: that coding is not sent.  RFC 9110 §2.4 lets a recipient recover as it likes;
 *   this way nobody gets a coding that he may have tried to refuse.  For "identity" and "*" such a
 *   member is ignored, because what we cannot read must not end in 406.
 * - A coding that is named more than once has the smallest of its weights, so the order of the
 *   members, and of the lines, never matters.  x-gzip is gzip (RFC 9110 §8.4.1.3).
 * - More than NEGOTIATE_MEMBERS_MAX members are not a wish: the answer is the plain one. */
#ifndef HTTP_NEGOTIATE_H
#define HTTP_NEGOTIATE_H

#include "http/field.h"

enum {
    NEGOTIATE_MEMBERS_MAX = 32,     /* of all lines together; browsers send four */
    NEGOTIATE_WEIGHT_MAX  = 1000,
};

enum coding {
    CODING_IDENTITY,
    CODING_GZIP,
    CODING_BROTLI,
    CODING_ZSTD,
    CODINGS,
    CODING_NONE = CODINGS,          /* nothing fits: 406 */
};

/* What each coding is worth, in thousandths; 0: it must not be sent.
 *
 * "*" speaks for every coding that is not named, identity too.  Where neither speaks for identity
 * it is acceptable still (RFC 9110 §12.5.3), at the smallest weight there is, so that it loses
 * against whatever was asked for.  Named it is worth what it says: "identity, gzip;q=0.5" asks for
 * the plain bytes.  Without any field everything is acceptable and identity is best. */
struct coding_wish {
    uint16_t weights[CODINGS];
};

/* Reads one value (ptr NULL: absent).  Borrows it for the call; never fails. */
void negotiate_read(struct str field, struct coding_wish *wish);

/* Reads all Accept-Encoding lines of a request as the one list they are (RFC 9110 §5.3). */
void negotiate_read_all(const struct fields *fields, struct coding_wish *wish);

/* The coding of the highest weight among `available`, which is BIT(coding) of each there is; of
 * equal ones br, zstd, gzip, identity, the smallest first.  CODING_NONE when none may be sent. */
enum coding negotiate_choose(const struct coding_wish *wish, unsigned available) MUST_USE;

/* What stands behind "q=", in thousandths (RFC 9110 §12.4.2); other fields have it too.  False: it is no
 * weight. */
bool negotiate_read_weight(struct str text, unsigned *weight) MUST_USE;

/* As it stands in Content-Encoding: "gzip", "br", "zstd"; "identity", which stands nowhere. */
struct str coding_name(enum coding coding) MUST_USE;

#endif

/* utf8 - whether bytes are UTF-8, and text in it, read piece by piece.
 *
 * A charset is named only for what really is in it: a page whose encoding we get wrong is worse
 * than one whose encoding the browser guesses.  So bytes that are UTF-8 by accident are no text:
 * NUL, which UTF-16 is full of, and ESC, SO and SI, with which ISO 2022 changes its alphabet.
 * Pure. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/str.h"

/* Where the reading stands.  Zero is the beginning. */
struct utf8 {
    bool          is_broken;
    bool          is_odd;       /* NUL, ESC, SO or SI was among them */
    unsigned char left;         /* bytes that the character still needs */
    unsigned char low, high;    /* what the next of them may be */
};

#define UTF8_NONE ((struct utf8){0})

void utf8_read(struct utf8 *utf8, struct str bytes);

/* All that was read is UTF-8 and ends with a whole character; and it is text, too. */
bool utf8_is_valid(const struct utf8 *utf8) MUST_USE;
bool utf8_is_text(const struct utf8 *utf8) MUST_USE;

#endif

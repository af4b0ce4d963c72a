/* charset - the charset of a text, from its bytes.
 *
 * A charset in the Content-Type overrules what a page declares about itself, and what a browser
 * would find out by looking; a wrong one cannot be repaired by anybody.  So one is named only where
 * the bytes prove it, and where the text does not say something else:
 *
 *     a byte order mark               what it stands for; browsers believe it before us
 *     a declaration (HTML, CSS, XML)  "utf-8" when it says so and the bytes are; else none, because
 *                                     then the declaration counts
 *     all of it is UTF-8              "utf-8"; so is ASCII
 *     anything else                   none: Latin-1 and Cyrillic look alike to us, but not to a
 *                                     browser, which knows languages
 *
 * Pure. */
#ifndef SITE_CHARSET_H
#define SITE_CHARSET_H

#include "base/utf8.h"

enum { CHARSET_DECLARATION_MAX = 1024 };    /* bytes in which browsers look for a declaration */

/* What is learned by reading a file from its first byte on, piece by piece.  Zero is the
 * beginning. */
struct survey {
    struct utf8 utf8;
    bool        has_nul;        /* so it is no text, but for UTF-16 */
    bool        was_whole;      /* the caller's: all of the file was read */
};

#define SURVEY_NONE ((struct survey){.has_nul = false})

void survey_read(struct survey *survey, struct str bytes);

/* All of it was read, and is text in UTF-8. */
bool survey_is_utf8(const struct survey *survey) MUST_USE;

/* All of it was read, and there is no NUL in it: text, in whatever encoding, has none. */
bool survey_is_text(const struct survey *survey) MUST_USE;

/* "utf-8", "utf-16", "utf-16le" or "utf-16be"; empty: better none.  `beginning` is at least the
 * first CHARSET_DECLARATION_MAX bytes, or all there are; `guess` what libmagic makes of it, or
 * empty. */
struct str charset_of(struct str type, struct str beginning, const struct survey *survey,
                      struct str guess) MUST_USE;

/* The encoding that an HTML, CSS or XML text says it is in, as it writes it; empty for none.
 * `beginning` as above, in any encoding that has ASCII in it. */
struct str charset_declared(struct str type, struct str beginning) MUST_USE;

#endif

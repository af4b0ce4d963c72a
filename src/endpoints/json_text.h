/* json_text - whether bytes are one JSON text (RFC 8259), read piece by piece.
 *
 * Takes no memory for what it reads, however long and deep it is; so a text can be shown to be one and
 * passed on as it stands.  Whether the bytes are UTF-8 is for others to say (base/utf8).  Pure. */
#ifndef ENDPOINTS_JSON_TEXT_H
#define ENDPOINTS_JSON_TEXT_H

#include "base/str.h"

enum { JSON_DEPTH_MAX = 512 };      /* arrays and objects inside each other; deeper is no text to us */

/* Where the reading stands.  Zero is the beginning. */
struct json_text {
    unsigned char state;
    unsigned char digits;           /* that "\u" still needs */
    bool          is_name;          /* the string is the name of a member */
    const char   *word;             /* what is still to come of "true" and the like */
    unsigned      depth;
    uint64_t      is_array[JSON_DEPTH_MAX / 64];    /* a bit for each depth; else it is an object */
};

#define JSON_TEXT_NONE ((struct json_text){0})

void json_text_read(struct json_text *text, struct str bytes);

/* All that was read is one value, whole, and nothing else. */
bool json_text_is_whole(const struct json_text *text) MUST_USE;

#endif

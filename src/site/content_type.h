/* content_type - what is said about the type of a file: its Content-Type.
 *
 * A known ending decides, whatever is in the file: HTML in a .png or a .txt stays what it is called
 * (and "nosniff" makes browsers believe it).  A file with none, or one that nobody knows, is what
 * its bytes are, for which libmagic is asked.  With it, or without when it has no database:
 *
 *   - HTML is what begins as HTML (MIME Sniffing §7.1).  A text that tells about <html> somewhere
 *     is none, whatever libmagic says: to call it that would run its scripts.
 *   - Text that libmagic has a finer name for (C, shell, a Makefile, mail) is text/plain: browsers
 *     show that, and would save the others.  But for the few in which something depends on it.
 *     JavaScript is among those that are shown: libmagic sees it in many a README, and with that
 *     name it could be run.
 *   - Programs, and what nobody knows, are application/octet-stream.
 *   - Other answers go by the name that the table of endings has for the same thing. */
#ifndef SITE_CONTENT_TYPE_H
#define SITE_CONTENT_TYPE_H

#include "site/charset.h"
#include "site/mime_types.h"

enum {
    CONTENT_TYPE_BYTES     = 160,       /* of the value: a type, "; charset=utf-16le", an end */
    CONTENT_TYPE_BEGINNING = 16 * 1024, /* bytes that are looked at */
};

/* The type of a file of that name depends on its bytes: they have to be asked, which takes a
 * permit.  (All others are told by the name, and their charset by the bytes in no time.) */
bool content_type_needs_sniffing(const struct mime_types *types, struct str name) MUST_USE;

/* The type or its charset depends on the bytes. */
bool content_type_needs_bytes(const struct mime_types *types, struct str name) MUST_USE;

/* Writes the value, "text/html; charset=utf-8", into `value` and returns the type in it.
 * `beginning` is the first CONTENT_TYPE_BEGINNING bytes, or all there are; not looked at, like
 * `survey`, when the bytes are not needed. */
struct str content_type_write(const struct mime_types *types, struct str name,
                              struct str beginning, const struct survey *survey,
                              char value[CONTENT_TYPE_BYTES]) MUST_USE;

#endif

/* sniff - what bytes are, asked of libmagic; the only door to it.
 *
 * libmagic's handles are not shared between threads, so there are a few, and a caller has one for
 * the time of a call, or waits for it: milliseconds.  They and their database are loaded when they
 * are first needed, never at the start: then they cost some 15 MB, of which 8 are the database,
 * mapped.  Where it cannot be loaded the log says so once, and nothing is known of any bytes.
 *
 * libmagic has rules of which a file made for it makes much work, and readers for formats that are
 * programs in themselves.  So it is given the beginning of a file only, the readers that do not
 * help a browser are off, and its own limits are set low: the worst file found takes 21 ms of a
 * core, a usual one less than one. */
#ifndef SITE_SNIFF_H
#define SITE_SNIFF_H

#include "base/str.h"

enum {
    SNIFF_BYTES_MAX   = 16 * 1024,  /* looked at; more are not */
    SNIFF_HANDLES_MAX = 2,
};

/* What bytes are, in lower case.  The texts live in the struct, so it must not be copied. */
struct sniffed {
    struct str type;            /* "text/html": token "/" token, nothing else */
    struct str encoding;        /* "us-ascii", "utf-8", "binary"...; empty when not known */
    char       text[160];
};

/* False when libmagic does not know either, or cannot be asked.  May take milliseconds: call it
 * with a permit. */
bool sniff(struct str bytes, struct sniffed *sniffed) MUST_USE;

/* Another database than the system's: the path of a magic.mgc, borrowed for good; NULL for the
 * system's.  What is loaded already is let go, so nobody may be inside sniff(). */
void sniff_use_database(const char *path);

/* Lets go of all handles; the next call loads them again.  Nobody may be inside sniff(). */
void sniff_forget(void);

#endif

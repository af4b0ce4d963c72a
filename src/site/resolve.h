/* resolve - what a request's path means: a file, a redirect, or a refusal.
 *
 *     /page     the file "page"; a folder with an index is at "/page/"; else page.html
 *     /page/    the index of the folder "page"; else, where there is a page.html, it is at "/page"
 *     /.page    nothing: names that begin with a dot are not for visitors
 *               (but .well-known at the root, RFC 8615)
 *
 * Looks names up, opens nothing for reading, keeps nothing. */
#ifndef SITE_RESOLVE_H
#define SITE_RESOLVE_H

#include <limits.h>

#include "base/buf.h"
#include "http/status.h"
#include "site/root.h"

struct resolve_rules {
    const char *index;          /* "" for none */
    bool        clean_urls;     /* "/about" for about.html */
};

enum resolve_kind {
    RESOLVE_FILE,               /* name and status say which */
    RESOLVE_ADD_SLASH,          /* the same path with a "/" behind */
    RESOLVE_DROP_SLASH,         /* the same path without */
    RESOLVE_REFUSED,            /* refusal says why */
};

struct resolution {
    enum resolve_kind kind;
    struct refusal    refusal;
    enum root_find    find;             /* what the last look at the disk said */
    int               error;            /* errno when that was ROOT_BROKEN */
    struct stat       status;           /* what it saw; all zero for nothing */
    char              name[PATH_MAX];   /* what it looked at, beneath the root */
};

/* Resolves a clean path. */
void resolve(struct root *root, const struct resolve_rules *rules, struct str path,
             bool is_directory, struct resolution *resolution);

/* What to answer when the disk says `find` (anything but ROOT_FOUND). */
struct refusal resolve_refusal(enum root_find find) MUST_USE;

/* Some segment begins with a dot, and is not a .well-known at the root. */
bool resolve_is_dotted(struct str path) MUST_USE;

/* The target of a redirect: only a path, so that it holds behind any proxy and under any name, and
 * the query as it came (ptr NULL: none). */
void resolve_location(struct buf *location, struct str path, enum resolve_kind kind,
                      struct str query);

#endif

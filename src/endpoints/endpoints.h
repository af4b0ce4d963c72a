/* endpoints - small resources beside the site, for those who try a client, a proxy or a test.
 *
 * What there is stands in the tables of the files beside this one, each a group, and on the page that
 * guide.c makes of them.  Handlers like any others: of the server they know what wherry.h says. */
#ifndef ENDPOINTS_ENDPOINTS_H
#define ENDPOINTS_ENDPOINTS_H

#include "base/str.h"

struct wherry_server;

struct endpoints_settings {
    const char *prefix;         /* in front of all of them: "/test"; "": nothing */
    const char *files_dir;      /* the folder of /files; NULL: there is no such thing */
    uint64_t    files_max;      /* bytes of one upload */
    uint64_t    bytes_max;      /* of a body that somebody asks for or has shown to him */
    int64_t     time_max_ms;    /* that somebody can ask to wait, at once or piece by piece */
    const char *const *redirect_origins;    /* where /redirect-to leads beside our own origin, */
    size_t      redirect_origins_count;     /* "https://example.com" and the like */
};

enum { ENDPOINTS_PREFIX_MAX = 255 };

struct endpoints;

/* A path of one segment or more, "/test" or "/a/b", of letters, digits, "-", "_" and "."; none of
 * them is "." or "..". */
bool endpoints_is_prefix(const char *text) MUST_USE;

/* A scheme, a host, and maybe a port: "https://example.com:8443", in lower case. */
bool endpoints_is_origin(const char *text) MUST_USE;

/* NULL with one sentence in `problem` when the folder cannot be opened or there is no memory.  Texts
 * and tables in *settings are borrowed until endpoints_free. */
struct endpoints *endpoints_new(const struct endpoints_settings *settings, char *problem,
                                size_t size) MUST_USE;
void              endpoints_free(struct endpoints *endpoints);

/* Adds their routes.  False when there is no room for them. */
bool endpoints_serve(struct endpoints *endpoints, struct wherry_server *server) MUST_USE;

#endif

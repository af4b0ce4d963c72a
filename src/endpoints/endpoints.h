/* endpoints - small resources beside the site, for those who try a client, a proxy or a test.
 *
 *     /hello, /hello?name=Ann         {"message":"Hello, Ann!"}
 *     /echo/{text}                    the text, in gzip where that is accepted, however short it is
 *     /user-agent                     what the client calls itself
 *     /sleep, /sleep/{seconds}        an answer that takes its time, and a worker
 *     /files/{name}                   GET, PUT, POST, DELETE: a folder of uploads
 *
 * Handlers like any others: of the server they know what wherry.h says. */
#ifndef ENDPOINTS_ENDPOINTS_H
#define ENDPOINTS_ENDPOINTS_H

#include "base/str.h"

struct wherry_server;

struct endpoints_settings {
    const char *prefix;         /* in front of all of them: "/test"; "": nothing */
    const char *files_dir;      /* the folder of /files; NULL: there is no such thing */
    uint64_t    files_max;      /* bytes of one upload */
};

enum { ENDPOINTS_PREFIX_MAX = 255, ENDPOINTS_SLEEP_S_MAX = 30 };

struct endpoints;

/* A path of one segment or more, "/test" or "/a/b", of letters, digits, "-", "_" and "."; none of
 * them is "." or "..". */
bool endpoints_is_prefix(const char *text) MUST_USE;

/* NULL with one sentence in `problem` when the folder cannot be opened or there is no memory.  Texts
 * in *settings are borrowed until endpoints_free. */
struct endpoints *endpoints_new(const struct endpoints_settings *settings, char *problem,
                                size_t size) MUST_USE;
void              endpoints_free(struct endpoints *endpoints);

/* Adds their routes.  False when there is no room for them. */
bool endpoints_serve(struct endpoints *endpoints, struct wherry_server *server) MUST_USE;

#endif

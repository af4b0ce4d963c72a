#include "endpoints/endpoints.h"

#include <stdio.h>
#include <stdlib.h>

#include "endpoints/files.h"
#include "endpoints/say.h"
#include "wherry.h"

struct endpoints {
    const char  *prefix;
    bool         has_files;
    struct files files;
};

/* ---- where they lie -------------------------------------------------------------------- */

static bool is_segment(struct str segment)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

    for (size_t i = 0; i < segment.len; i++)
        if (!memchr(plain, segment.ptr[i], sizeof plain - 1))
            return false;
    return segment.len > 0 && !str_equal(segment, STR(".")) && !str_equal(segment, STR(".."));
}

bool endpoints_is_prefix(const char *text)
{
    struct str rest = str_view(text);
    struct str segment;

    if (rest.len > ENDPOINTS_PREFIX_MAX || !str_starts(rest, STR("/")))
        return false;
    rest = str_from(rest, 1);
    if (rest.len == 0)
        return false;
    while (str_split(&rest, '/', &segment))
        if (!is_segment(segment))
            return false;
    return true;
}

/* Adds one of the routes in the tables of say.h and files.h. */
static bool add(struct wherry_server *server, const char *prefix, struct wherry_route route,
                void *data)
{
    char pattern[ENDPOINTS_PREFIX_MAX + 64];
    int  len = snprintf(pattern, sizeof pattern, "%s%s", prefix, route.pattern);

    assert(len < (int)sizeof pattern);
    route.pattern = pattern;
    route.data = data;
    return wherry_server_route(server, &route);
}

bool endpoints_serve(struct endpoints *endpoints, struct wherry_server *server)
{
    for (size_t i = 0; i < say_routes_count; i++)
        if (!add(server, endpoints->prefix, say_routes[i], NULL))
            return false;
    for (size_t i = 0; endpoints->has_files && i < files_routes_count; i++)
        if (!add(server, endpoints->prefix, files_routes[i], &endpoints->files))
            return false;
    return true;
}

/* ---- their life ------------------------------------------------------------------------ */

struct endpoints *endpoints_new(const struct endpoints_settings *settings, char *problem,
                                size_t size)
{
    struct endpoints *endpoints = calloc(1, sizeof *endpoints);

    if (!endpoints) {
        snprintf(problem, size, "there is no memory for the endpoints");
        return NULL;
    }
    endpoints->prefix = settings->prefix;
    endpoints->has_files = settings->files_dir != NULL;
    if (endpoints->has_files && !files_open(&endpoints->files, settings, problem, size)) {
        free(endpoints);
        return NULL;
    }
    return endpoints;
}

void endpoints_free(struct endpoints *endpoints)
{
    if (!endpoints)
        return;
    if (endpoints->has_files)
        files_close(&endpoints->files);
    free(endpoints);
}

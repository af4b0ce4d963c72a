#include "endpoints/endpoints.h"

#include <stdio.h>
#include <stdlib.h>

#include "endpoints/endpoint.h"
#include "endpoints/faults.h"
#include "endpoints/files.h"
#include "endpoints/guide.h"
#include "endpoints/mirror.h"
#include "endpoints/outcome.h"
#include "endpoints/say.h"
#include "endpoints/secured.h"
#include "endpoints/state.h"
#include "http/target.h"

struct endpoints {
    struct endpoints_settings settings;
    struct files              files;        /* with settings.files_dir */
    struct guide              guide;
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

/* One that another origin could be taken for is none. */
bool endpoints_is_origin(const char *text)
{
    struct str origin = str_view(text);
    struct str host = str_from(origin, str_starts(origin, STR("https://")) ? 8 : 7);

    for (size_t i = 0; i < origin.len; i++)
        if (origin.ptr[i] >= 'A' && origin.ptr[i] <= 'Z')
            return false;
    return (str_starts(origin, STR("http://")) || str_starts(origin, STR("https://"))) &&
           host.len > 0 && target_authority_is_valid(host);
}

/* ---- their routes ------------------------------------------------------------------------ */

/* All but the files, which are there only where there is a folder for them. */
static const struct endpoint_group *const groups[] = {
    &mirror_group,
    &outcome_group,
    &state_group,
    &say_group,
    &secured_group,
    &faults_group,
};

/* Adds a route of the tables. */
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

static bool add_group(struct endpoints *endpoints, struct wherry_server *server,
                      const struct endpoint_group *group, void *data)
{
    for (size_t i = 0; i < group->count; i++) {
        struct wherry_route route = group->endpoints[i].route;

        route.finish = group->is_private ? endpoint_finish_private : endpoint_finish_open;
        if (!add(server, endpoints->settings.prefix, route, data))
            return false;
    }
    return guide_add(&endpoints->guide, group);
}

/* Without a prefix the root is the site's. */
static bool add_guide(struct endpoints *endpoints, struct wherry_server *server)
{
    const char *prefix = endpoints->settings.prefix;

    return guide_finish(&endpoints->guide) &&
           add(server, *prefix ? prefix : "/endpoints",
               (struct wherry_route){.pattern = "", .methods = WHERRY_GET, .look = guide_answer,
                                     .finish = endpoint_finish_open},
               &endpoints->guide);
}

bool endpoints_serve(struct endpoints *endpoints, struct wherry_server *server)
{
    for (size_t i = 0; i < COUNTOF(groups); i++)
        if (!add_group(endpoints, server, groups[i], &endpoints->settings))
            return false;
    if (endpoints->settings.files_dir &&
        !add_group(endpoints, server, &files_group, &endpoints->files))
        return false;
    return add_guide(endpoints, server);
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
    endpoints->settings = *settings;
    if (settings->files_dir && !files_open(&endpoints->files, settings, problem, size)) {
        free(endpoints);
        return NULL;
    }
    guide_begin(&endpoints->guide, endpoints->settings.prefix);
    return endpoints;
}

void endpoints_free(struct endpoints *endpoints)
{
    if (!endpoints)
        return;
    if (endpoints->settings.files_dir)
        files_close(&endpoints->files);
    guide_fini(&endpoints->guide);
    free(endpoints);
}

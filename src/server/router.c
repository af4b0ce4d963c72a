#include "server/router.h"

void router_init(struct router *router)
{
    *router = (struct router){.patterns = ARENA_UP_TO(ROUTES_BYTES_MAX)};
}

void router_fini(struct router *router)
{
    arena_fini(&router->patterns);
}

/* ---- adding --------------------------------------------------------------------------- */

/* The id of the place that the pattern already has, or a new one. */
static size_t find_id(const struct router *router, const struct pattern *pattern)
{
    for (size_t i = 0; i < router->count; i++)
        if (pattern_is_same(&router->places[i].pattern, pattern))
            return router->places[i].id;
    return router->count;
}

bool router_add(struct router *router, const struct wherry_route *route)
{
    struct router_place place = {.route = *route};
    size_t              at = router->count;

    if (router->count == ROUTES_MAX ||
        !pattern_read(&place.pattern, route->pattern, &router->patterns))
        return false;
    place.id = find_id(router, &place.pattern);
    place.route.pattern = place.pattern.text;
    if (route->methods & WHERRY_GET)
        place.route.methods |= WHERRY_HEAD;
    for (; at > 0 && pattern_compare(&place.pattern, &router->places[at - 1].pattern) < 0; at--)
        router->places[at] = router->places[at - 1];
    router->places[at] = place;
    router->count++;
    return true;
}

/* ---- methods -------------------------------------------------------------------------- */

static unsigned bit_of(enum method method)
{
    switch (method) {
    case METHOD_GET:    return WHERRY_GET;
    case METHOD_HEAD:   return WHERRY_HEAD;
    case METHOD_POST:   return WHERRY_POST;
    case METHOD_PUT:    return WHERRY_PUT;
    case METHOD_DELETE: return WHERRY_DELETE;
    case METHOD_PATCH:  return WHERRY_PATCH;
    case METHOD_CONNECT:
    case METHOD_OPTIONS:
    case METHOD_TRACE:
    case METHOD_UNKNOWN:
        break;
    }
    return 0;
}

/* RFC 9110 §10.2.1.  OPTIONS is always allowed: the server answers it. */
static void add_allow(struct wherry_exchange *exchange, unsigned methods)
{
    struct buf *lines = &exchange->response.lines;

    buf_append(lines, STR("Allow: "));
    for (int method = 0; method < METHODS_COUNT; method++) {
        if (methods & bit_of((enum method)method)) {
            buf_append(lines, method_name((enum method)method));
            buf_append(lines, STR(", "));
        }
    }
    buf_append(lines, STR("OPTIONS\r\n"));
}

/* RFC 9110 §9.3.7 */
static void answer_options(struct wherry_exchange *exchange, unsigned methods)
{
    exchange->response.status = HTTP_NO_CONTENT;
    add_allow(exchange, methods);
}

/* ---- finding -------------------------------------------------------------------------- */

/* A path while a place for it is looked for. */
struct search {
    struct str path;                /* every "/" separates, as in target_segments */
    bool       is_directory;
    bool       has_slash;
    struct str rest;                /* what the "*" of the place stands for */
};

/* What "*" stands for can be taken for names of folders and files.  Where an escaped "/" would be
 * mistaken for one that separates, only the pattern that takes everything fits (and hears of it by
 * wherry_path_has_slash). */
static bool fits(const struct pattern *pattern, struct search *search)
{
    return pattern_fits(pattern, search->path, search->is_directory, &search->rest) &&
           !(search->has_slash && pattern->takes_rest && pattern->count > 0 &&
             str_find(search->rest, '\0') < search->rest.len);
}

/* The routes of the most exact pattern that fits stand side by side, and only they count: whoever
 * has a place of his own there does not share it with those who take everything below.  *finisher:
 * the route looked at last. */
static const struct router_place *choose(const struct router *router, enum method method,
                                         struct search *search, unsigned *allowed,
                                         const struct wherry_route **finisher)
{
    const struct router_place *found = NULL;

    for (size_t i = 0; i < router->count; i++) {
        const struct router_place *place = &router->places[i];

        if (found ? place->id != found->id : !fits(&place->pattern, search))
            continue;
        found = place;
        if (place->route.finish)
            *finisher = &place->route;
        if (place->route.methods & bit_of(method))
            return place;
        *allowed |= place->route.methods;
    }
    return NULL;
}

/* False: no memory for the path's segments, which are needed where a "/" may separate nothing. */
static bool begin_search(struct wherry_exchange *exchange, struct search *search)
{
    const struct target *target = &exchange->request.target;
    char                *room;

    *search = (struct search){target->path, target->is_directory, target->has_slash, STR_NONE};
    if (!target->has_slash)
        return true;
    room = arena_alloc(&exchange->arena, target->raw_path.len + 1);
    if (room)
        search->path = target_segments(target, room);
    return room != NULL;
}

/* A copy that ends in a NUL, its escaped slashes shown. */
static bool copy_part(struct arena *arena, struct str segment, struct str *value)
{
    char *copy = arena_cstr(arena, segment);

    for (size_t i = 0; copy && i < segment.len; i++)
        if (copy[i] == '\0')
            copy[i] = '/';
    *value = str_of(copy, segment.len);
    return copy != NULL;
}

/* What the names of the pattern stand for.  False: no memory. */
static bool fill_parts(const struct pattern *pattern, struct str path,
                       struct wherry_exchange *exchange)
{
    struct exchange_part *part =
        arena_alloc(&exchange->arena, pattern->names * sizeof *exchange->parts);

    if (!part)
        return false;
    exchange->parts = part;
    for (size_t i = 0; i < pattern->count; i++) {
        struct str segment = pattern_next_segment(&path);

        if (!pattern->segments[i].is_name)
            continue;
        part->name = pattern->segments[i].text;
        if (!copy_part(&exchange->arena, segment, &part->value))
            return false;
        part++;
    }
    exchange->parts_count = pattern->names;
    return true;
}

/* Also where an escaped "/" is shown, the rest is the end of the exchange's own path. */
static bool take_place(const struct router_place *place, const struct search *search,
                       struct wherry_exchange *exchange)
{
    struct str path = exchange->request.target.path;

    exchange->route = &place->route;
    if (place->pattern.takes_rest)
        exchange->rest = str_from(path, path.len - search->rest.len);
    return place->pattern.names == 0 || fill_parts(&place->pattern, search->path, exchange);
}

static void refuse_for_memory(struct wherry_exchange *exchange)
{
    exchange->route = NULL;
    exchange_refuse(exchange, refuse(HTTP_UNAVAILABLE, "there is no memory to read the path"));
}

/* There is no route; `allowed` are the methods for which there would have been. */
static void answer_instead(struct wherry_exchange *exchange, bool is_asterisk, unsigned allowed)
{
    if (exchange->request.method == METHOD_OPTIONS && (allowed || is_asterisk)) {
        answer_options(exchange, allowed);
    } else if (allowed) {
        exchange_refuse(exchange,
                        refuse(HTTP_METHOD_NOT_ALLOWED, "that method has no meaning here"));
        add_allow(exchange, allowed);
    } else {
        exchange_refuse(exchange, refuse(HTTP_NOT_FOUND, "there is nothing by that name"));
    }
}

/* "*" is the server as a whole (RFC 9110 §9.3.7). */
static unsigned all_methods(const struct router *router)
{
    unsigned all = 0;

    for (size_t i = 0; i < router->count; i++)
        all |= router->places[i].route.methods;
    return all;
}

bool router_find(const struct router *router, struct wherry_exchange *exchange)
{
    const struct request      *request = &exchange->request;
    bool                       is_asterisk = request->target.form == TARGET_ASTERISK;
    const struct router_place *place = NULL;
    unsigned                   allowed = 0;
    struct search              search;

    if (is_asterisk) {
        allowed = all_methods(router);
    } else if (begin_search(exchange, &search)) {
        place = choose(router, request->method, &search, &allowed, &exchange->finisher);
    } else {
        refuse_for_memory(exchange);
        return false;
    }
    if (!place) {
        answer_instead(exchange, is_asterisk, allowed);
        return false;
    }
    if (take_place(place, &search, exchange))
        return true;
    refuse_for_memory(exchange);
    return false;
}

#include "server/router.h"

bool router_add(struct router *router, const struct wherry_route *route)
{
    size_t at = router->count;

    if (route->pattern[0] != '/' || router->count == ROUTES_MAX)
        return false;
    while (at > 0 && strlen(router->routes[at - 1].pattern) < strlen(route->pattern)) {
        router->routes[at] = router->routes[at - 1];
        at--;
    }
    router->routes[at] = *route;
    router->count++;
    return true;
}

/* `path` has lost its leading "/", as target.h says. */
static bool fits(const char *pattern, struct str path)
{
    struct str wanted = str_view(pattern + 1);

    if (wanted.len && wanted.ptr[wanted.len - 1] == '*')
        return str_starts(path, str_of(wanted.ptr, wanted.len - 1));
    return str_equal(path, wanted);
}

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

/* The routes of the longest pattern that fits stand side by side, and only they count: whoever has
 * a place of his own there does not share it with those who take everything below. */
static const struct wherry_route *choose(const struct router *router, const struct request *request,
                                         unsigned *allowed)
{
    const char *pattern = NULL;

    for (size_t i = 0; i < router->count; i++) {
        const struct wherry_route *route = &router->routes[i];

        if (pattern ? strcmp(route->pattern, pattern) != 0
                    : !fits(route->pattern, request->target.path))
            continue;
        pattern = route->pattern;
        if (route->methods & bit_of(request->method))
            return route;
        *allowed |= route->methods;
    }
    return NULL;
}

bool router_find(const struct router *router, struct wherry_exchange *exchange)
{
    const struct request *request = &exchange->request;
    bool                  is_asterisk = request->target.form == TARGET_ASTERISK;
    unsigned              allowed = 0;

    if (!is_asterisk)
        exchange->route = choose(router, request, &allowed);
    if (exchange->route)
        return true;
    if (request->method == METHOD_OPTIONS && (allowed || is_asterisk)) {
        answer_options(exchange, allowed);
    } else if (allowed) {
        exchange_refuse(exchange,
                        refuse(HTTP_METHOD_NOT_ALLOWED, "that method has no meaning here"));
        add_allow(exchange, allowed);
    } else {
        exchange_refuse(exchange, refuse(HTTP_NOT_FOUND, "there is nothing by that name"));
    }
    return false;
}

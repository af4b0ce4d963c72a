#include "server/router.h"

static bool takes_everything(struct str pattern)
{
    return str_ends(pattern, STR("*"));
}

/* The longest first; of "/a/" and "/a/" + "*", the one that is a name and not a beginning. */
static bool goes_before(const char *a, const char *b)
{
    struct str one = str_view(a), other = str_view(b);
    size_t     one_len = one.len - takes_everything(one);
    size_t     other_len = other.len - takes_everything(other);

    return one_len > other_len ||
           (one_len == other_len && !takes_everything(one) && takes_everything(other));
}

bool router_add(struct router *router, const struct wherry_route *route)
{
    size_t at = router->count;

    if (route->pattern[0] != '/' || router->count == ROUTES_MAX)
        return false;
    while (at > 0 && goes_before(route->pattern, router->routes[at - 1].pattern)) {
        router->routes[at] = router->routes[at - 1];
        at--;
    }
    router->routes[at] = *route;
    router->count++;
    return true;
}

/* `wanted` is the path with the "/" at its end that target.h takes off. */
static bool is_folder(struct str wanted, const struct target *target)
{
    return target->is_directory && wanted.len == target->path.len + 1 &&
           str_ends(wanted, STR("/")) && str_starts(wanted, target->path);
}

/* The path has lost its leading "/", as target.h says. */
static bool fits(const char *pattern, const struct target *target)
{
    struct str wanted = str_view(pattern + 1);

    /* An escaped "/" separates nothing: such a path lies below no folder but the root. */
    if (target->has_slash)
        return str_equal(wanted, STR("*"));
    if (takes_everything(wanted)) {
        wanted.len--;
        return str_starts(target->path, wanted) || is_folder(wanted, target);
    }
    return str_equal(target->path, wanted) || is_folder(wanted, target);
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
                    : !fits(route->pattern, &request->target))
            continue;
        pattern = route->pattern;
        if (route->methods & bit_of(request->method))
            return route;
        *allowed |= route->methods;
    }
    return NULL;
}

/* "*" is the server as a whole (RFC 9110 §9.3.7). */
static unsigned all_methods(const struct router *router)
{
    unsigned all = 0;

    for (size_t i = 0; i < router->count; i++)
        all |= router->routes[i].methods;
    return all;
}

bool router_find(const struct router *router, struct wherry_exchange *exchange)
{
    const struct request *request = &exchange->request;
    bool                  is_asterisk = request->target.form == TARGET_ASTERISK;
    unsigned              allowed = 0;

    if (is_asterisk)
        allowed = all_methods(router);
    else
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

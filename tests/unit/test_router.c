/* What server/router promises: which route, or which answer without one. */
#include "server/router.h"

#include <stdio.h>

#include "tests/support/promise.h"

enum { ROUTES = 4, GET_HEAD = WHERRY_GET | WHERRY_HEAD };

static const struct request_limits limits = {4096, 2048};

/* An exchange whose request was read from a request line. */
struct asked {
    struct wherry_exchange exchange;
    struct tight_str       head;
    char                   path[2048 + 1];
};

static void ask(struct asked *asked, const char *method, const char *target)
{
    struct buf     head = BUF_UP_TO(4096);
    struct refusal refusal;

    buf_printf(&head, "%s %s HTTP/1.1\r\nHost: x\r\n\r\n", method, target);
    asked->head = tight_bytes(head.ptr, head.len);
    buf_fini(&head);
    exchange_init(&asked->exchange, 0);
    assert_int_equal(request_parse(asked->head.view, &limits, asked->path,
                                   &asked->exchange.request, &refusal),
                     PARSE_DONE);
}

static void asked_fini(struct asked *asked)
{
    exchange_fini(&asked->exchange);
    tight_str_free(&asked->head);
}

/* The pattern of the route that is found; NULL: none, and *status says what was answered. */
static const char *find(const struct router *router, const char *method, const char *target,
                        int *status)
{
    static const char *pattern;
    struct asked       asked;
    bool               found;

    ask(&asked, method, target);
    found = router_find(router, &asked.exchange);
    pattern = found ? asked.exchange.route->pattern : NULL;
    *status = asked.exchange.response.status;
    asked_fini(&asked);
    return pattern;
}

/* clang-format off */
static const struct find_case {
    const char *promise;
    const char *patterns[ROUTES];       /* in the order they are added */
    const char *target;
    const char *found;
} finds[] = {
    {"a pattern is the whole path",           {"/a", "/*"},         "/a",        "/a"},
    {"and not the beginning of it",           {"/a"},               "/ab",       NULL},
    {"nor a part of it",                      {"/a"},               "/a/b",      NULL},
    {"a star takes everything below",         {"/a/*"},             "/a/b/c",    "/a/*"},
    {"but not the folder's neighbours",       {"/a/*"},             "/ab",       NULL},
    {"nor its name without a slash",          {"/a/*"},             "/a",        NULL},
    {"the folder itself is below",            {"/a/*"},             "/a/",       "/a/*"},
    {"the site's root takes everything",      {"/*"},               "/",         "/*"},
    {"everything is everything",              {"/*"},               "/a/b/",     "/*"},
    {"the root alone is the root alone",      {"/"},                "/",         "/"},
    {"and nothing below",                     {"/"},                "/a",        NULL},
    {"the longest wins",                      {"/*", "/a/*", "/a/b/*"}, "/a/b/c", "/a/b/*"},
    {"whatever the order of adding",          {"/a/b/*", "/*", "/a/*"}, "/a/b/c", "/a/b/*"},
    {"a shorter one takes the others",        {"/a/b/*", "/*", "/a/*"}, "/a/c",   "/a/*"},
    {"a name of one letter goes before everything", {"/*", "/a"},   "/a",        "/a"},
    {"a name goes before all that begins so", {"/a/*", "/a/b"},     "/a/b",      "/a/b"},
    {"in either order",                       {"/a/b", "/a/*"},     "/a/b",      "/a/b"},
    {"a name with a slash is the folder",     {"/a/*", "/a/"},      "/a/",       "/a/"},
    {"a name without one is it too",          {"/a"},               "/a/",       "/a"},
    {"dots are resolved before",              {"/a/*"},             "/b/../a/c", "/a/*"},
    {"escapes are, too",                      {"/a b"},             "/a%20b",    "/a b"},
    {"a query is not part of it",             {"/a"},               "/a?b/c",    "/a"},
    {"an absolute target has a path as well", {"/a"},               "http://x/a", "/a"},
};
/* clang-format on */

static void the_longest_pattern_that_fits_wins(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(finds); i++) {
        const struct find_case *c = &finds[i];
        struct router           router = {.count = 0};
        const char             *found;
        int                     status;

        for (size_t r = 0; r < ROUTES && c->patterns[r]; r++)
            PROMISED(c->promise,
                     router_add(&router, &(struct wherry_route){.pattern = c->patterns[r],
                                                                .methods = WHERRY_GET}));
        found = find(&router, "GET", c->target, &status);
        PROMISED_STR(c->promise, found ? str_view(found) : ((struct str){NULL, 0}), c->found);
        PROMISED_NUMBER(c->promise, status, found ? 200 : 404);
    }
}

/* ---- methods -------------------------------------------------------------------------- */

/* clang-format off */
static const struct method_case {
    const char *promise;
    const char *method, *target;
    int         status;                 /* 0: a route is found */
    const char *lines;                  /* of the answer */
} methods[] = {
    {"a method of the route's is found",        "GET",     "/page",   0,   ""},
    {"HEAD is a method of its own",             "HEAD",    "/page",   0,   ""},
    {"two routes share a pattern",              "POST",    "/page",   0,   ""},
    {"another method is told all that go",      "PUT",     "/page",   405, "Allow: GET, HEAD, POST, OPTIONS\r\n"},
    {"TRACE goes nowhere",                      "TRACE",   "/page",   405, "Allow: GET, HEAD, POST, OPTIONS\r\n"},
    {"PATCH and DELETE have their bits",        "DELETE",  "/thing",  0,   ""},
    {"and PATCH",                               "PATCH",   "/thing",  0,   ""},
    {"GET is not allowed where it is not",      "GET",     "/thing",  405, "Allow: PUT, DELETE, PATCH, OPTIONS\r\n"},
    {"OPTIONS is answered",                     "OPTIONS", "/page",   204, "Allow: GET, HEAD, POST, OPTIONS\r\n"},
    {"OPTIONS of nothing is 404",               "OPTIONS", "/none",   404, ""},
    {"OPTIONS of everything is 204",            "OPTIONS", "*",       204,
     "Allow: GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS\r\n"},
    {"nothing is 404 whatever the method",      "DELETE",  "/none",   404, ""},
};
/* clang-format on */

/* RFC 9110 §9.3.7, §10.2.1, §15.5.6 */
static void methods_are_told_apart(void **state)
{
    static const struct wherry_route routes[] = {
        {.pattern = "/page", .methods = GET_HEAD},
        {.pattern = "/page", .methods = WHERRY_POST},
        {.pattern = "/thing", .methods = WHERRY_PUT | WHERRY_DELETE | WHERRY_PATCH},
    };
    struct router router = {.count = 0};

    (void)state;
    for (size_t i = 0; i < COUNTOF(routes); i++)
        assert_true(router_add(&router, &routes[i]));
    for (size_t i = 0; i < COUNTOF(methods); i++) {
        const struct method_case *c = &methods[i];
        struct asked              asked;

        ask(&asked, c->method, c->target);
        PROMISED(c->promise, router_find(&router, &asked.exchange) == (c->status == 0));
        PROMISED_STR(c->promise, buf_view(&asked.exchange.response.lines), c->lines);
        PROMISED_NUMBER(c->promise, asked.exchange.response.status, c->status ? c->status : 200);
        PROMISED(c->promise, (asked.exchange.route != NULL) == (c->status == 0));
        PROMISED(c->promise, (asked.exchange.why != NULL) == (c->status >= 400));
        asked_fini(&asked);
    }
}

/* ---- the table ------------------------------------------------------------------------ */

static void a_pattern_begins_with_a_slash(void **state)
{
    struct router router = {.count = 0};

    (void)state;
    assert_false(router_add(&router, &(struct wherry_route){.pattern = "", .methods = 1}));
    assert_false(router_add(&router, &(struct wherry_route){.pattern = "*", .methods = 1}));
    assert_false(router_add(&router, &(struct wherry_route){.pattern = "a/b", .methods = 1}));
    assert_int_equal(router.count, 0);
}

static void there_is_room_for_so_many_and_no_more(void **state)
{
    static char   patterns[ROUTES_MAX + 1][16];
    struct router router = {.count = 0};
    int           status;

    (void)state;
    for (int i = 0; i <= ROUTES_MAX; i++) {
        struct wherry_route route = {.pattern = patterns[i], .methods = WHERRY_GET};

        snprintf(patterns[i], sizeof patterns[i], "/%d", i);
        assert_int_equal(router_add(&router, &route), i < ROUTES_MAX);
    }
    for (int i = 0; i < ROUTES_MAX; i++)
        assert_string_equal(find(&router, "GET", patterns[i], &status), patterns[i]);
    assert_null(find(&router, "GET", patterns[ROUTES_MAX], &status));
}

static void without_routes_there_is_nothing(void **state)
{
    struct router router = {.count = 0};
    int           status;

    (void)state;
    assert_null(find(&router, "GET", "/", &status));
    assert_int_equal(status, 404);
    assert_null(find(&router, "OPTIONS", "*", &status));
    assert_int_equal(status, 204);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_pattern_that_fits_wins),
        cmocka_unit_test(methods_are_told_apart),
        cmocka_unit_test(a_pattern_begins_with_a_slash),
        cmocka_unit_test(there_is_room_for_so_many_and_no_more),
        cmocka_unit_test(without_routes_there_is_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

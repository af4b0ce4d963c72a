/* What server/router promises: which route, or which answer without one. */
#include "server/router.h"

#include <errno.h>
#include <stdio.h>

#include "tests/support/fault.h"
#include "tests/support/promise.h"

enum { ROUTES = 4 };

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
    {"the most exact wins",                      {"/*", "/a/*", "/a/b/*"}, "/a/b/c", "/a/b/*"},
    {"whatever the order of adding",          {"/a/b/*", "/*", "/a/*"}, "/a/b/c", "/a/b/*"},
    {"a shorter one takes the others",        {"/a/b/*", "/*", "/a/*"}, "/a/c",   "/a/*"},
    {"a name of one letter goes before everything", {"/*", "/a"},   "/a",        "/a"},
    {"a word goes before all that is below",  {"/a/*", "/a/b"},     "/a/b",      "/a/b"},
    {"in either order",                       {"/a/b", "/a/*"},     "/a/b",      "/a/b"},
    {"a slash behind a word is no matter",    {"/a"},               "/a/",       "/a"},
    {"but the folder is below itself",        {"/a", "/a/*"},       "/a/",       "/a/*"},
    {"in either order, too",                  {"/a/*", "/a"},       "/a/",       "/a/*"},
    {"and its name is not",                   {"/a", "/a/*"},       "/a",        "/a"},
    {"the root alone goes before everything", {"/*", "/"},          "/",         "/"},
    {"and leaves everything else",            {"/*", "/"},          "/a",        "/*"},
    {"a star is a segment of its own",        {"/a/*"},             "/ab/c",     NULL},
    {"a name stands for any segment",         {"/a/{x}"},           "/a/b",      "/a/{x}"},
    {"for one",                               {"/a/{x}"},           "/a/b/c",    NULL},
    {"and not for none",                      {"/a/{x}"},           "/a",        NULL},
    {"nor for an empty one",                  {"/a/{x}"},           "/a/",       NULL},
    {"nor for the root",                      {"/{x}"},             "/",         NULL},
    {"a slash behind it is no matter",        {"/a/{x}"},           "/a/b/",     "/a/{x}"},
    {"a name may stand in front",             {"/{x}/b"},           "/a/b",      "/{x}/b"},
    {"and before a star",                     {"/{x}/*"},           "/a/b/c",    "/{x}/*"},
    {"which takes the folder",                {"/{x}/*"},           "/a/",       "/{x}/*"},
    {"and not its name",                      {"/{x}/*"},           "/a",        NULL},
    {"a word goes before a name",             {"/{x}", "/a"},       "/a",        "/a"},
    {"a name before a star",                  {"/*", "/{x}"},       "/a",        "/{x}"},
    {"the first difference counts",           {"/{x}/b", "/a/{y}"}, "/a/b",      "/a/{y}"},
    {"however exact the rest",                {"/{x}/b/c", "/a/*"}, "/a/b/c",    "/a/*"},
    {"whatever stands between in the order",  {"/a/{x}", "/b/c", "/a/c"}, "/a/c", "/a/c"},
    {"what does not fit is out of the race",  {"/a/c", "/{x}/b"},   "/a/b",      "/{x}/b"},
    {"an escaped slash is in its segment",    {"/{x}"},             "/a%2Fb",    "/{x}"},
    {"and separates nothing",                 {"/a/b", "/a/*", "/{x}/{y}"}, "/a%2fb", NULL},
    {"a word is found behind one",            {"/{x}/b"},           "/a%2Fa/b",  "/{x}/b"},
    {"dots go over all of its segment",       {"/{x}/b"},           "/a/c%2Fd/../b", "/{x}/b"},
    {"what is below has none",                {"/a/*"},             "/a/b%2Fc",  NULL},
    {"so nobody climbs by one",               {"/a/*"},             "/a/..%2F..%2Fb", NULL},
    {"but for who takes everything",          {"/*"},               "/a/b%2Fc",  "/*"},
    {"or has it behind him",                  {"/{x}/*"},           "/a%2Fb/c",  "/{x}/*"},
    {"dots are resolved before",              {"/a/*"},             "/b/../a/c", "/a/*"},
    {"escapes are, too",                      {"/a b"},             "/a%20b",    "/a b"},
    {"a query is not part of it",             {"/a"},               "/a?b/c",    "/a"},
    {"an absolute target has a path as well", {"/a"},               "http://x/a", "/a"},
};
/* clang-format on */

static void the_most_exact_pattern_that_fits_wins(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(finds); i++) {
        const struct find_case *c = &finds[i];
        struct router           router;
        const char             *found;
        int                     status;

        router_init(&router);
        for (size_t r = 0; r < ROUTES && c->patterns[r]; r++)
            PROMISED(c->promise,
                     router_add(&router, &(struct wherry_route){.pattern = c->patterns[r],
                                                                .methods = WHERRY_GET}));
        found = find(&router, "GET", c->target, &status);
        PROMISED_STR(c->promise, found ? str_view(found) : ((struct str){NULL, 0}), c->found);
        PROMISED_NUMBER(c->promise, status, found ? 200 : 404);
        router_fini(&router);
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
    {"HEAD comes with GET",                     "HEAD",    "/page",   0,   ""},
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
    {"a pattern is the same whatever its names", "PUT",    "/by/7",   0,   ""},
    {"so its methods are told together",        "PATCH",   "/by/7",   405, "Allow: GET, HEAD, PUT, OPTIONS\r\n"},
    {"and those of no other that fits",         "GET",     "/by/me",  405, "Allow: POST, OPTIONS\r\n"},
    {"nothing is 404 whatever the method",      "DELETE",  "/none",   404, ""},
};
/* clang-format on */

/* RFC 9110 §9.3.7, §10.2.1, §15.5.6 */
static void methods_are_told_apart(void **state)
{
    static const struct wherry_route routes[] = {
        {.pattern = "/page", .methods = WHERRY_GET},
        {.pattern = "/page", .methods = WHERRY_POST},
        {.pattern = "/thing", .methods = WHERRY_PUT | WHERRY_DELETE | WHERRY_PATCH},
        {.pattern = "/by/{id}", .methods = WHERRY_GET},
        {.pattern = "/by/me", .methods = WHERRY_POST},
        {.pattern = "/by/{key}", .methods = WHERRY_PUT},
    };
    struct router router;

    (void)state;
    router_init(&router);
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
    router_fini(&router);
}

/* ---- what names stand for ------------------------------------------------------------- */

/* clang-format off */
static const struct part_case {
    const char *promise;
    const char *pattern, *target;
    const char *name, *value;           /* NULL: there is no such part */
} parts[] = {
    {"a name stands for its segment",           "/todos/{id}",      "/todos/17",      "id",   "17"},
    {"the first of two",                        "/{a}/x/{b}",       "/1/x/2",         "a",    "1"},
    {"and the second",                          "/{a}/x/{b}",       "/1/x/2",         "b",    "2"},
    {"a part is decoded",                       "/{a}",             "/a%20b%C3%BC",   "a",    "a b\xC3\xBC"},
    {"once",                                    "/{a}",             "/%2541",         "a",    "%41"},
    {"an escaped slash belongs to it",          "/echo/{text}",     "/echo/a%2Fb",    "text", "a/b"},
    {"at its ends, too",                        "/echo/{text}",     "/echo/%2Fb%2f",  "text", "/b/"},
    {"and alone",                               "/echo/{text}",     "/echo/%2F",      "text", "/"},
    {"the one behind it is the next",           "/{a}/{b}",         "/a%2Fb/c",       "b",    "c"},
    {"a word is no name",                       "/todos/{id}",      "/todos/17",      "todos", NULL},
    {"braces are not part of it",               "/todos/{id}",      "/todos/17",      "{id}", NULL},
    {"what the pattern has no star for",        "/todos/{id}",      "/todos/17",      "*",    NULL},
    {"the rest is what is below",               "/files/*",         "/files/a/b",     "*",    "a/b"},
    {"the folder itself is nothing",            "/files/*",         "/files/",        "*",    ""},
    {"of everything it is the path",            "/*",               "/a/b/",          "*",    "a/b"},
    {"and of the root nothing",                 "/*",               "/",              "*",    ""},
    {"escaped slashes are shown in it",         "/*",               "/a%2Fb",         "*",    "a/b"},
    {"behind a name, it is what is behind",     "/{a}/*",           "/a%2Fb/c/d",     "*",    "c/d"},
    {"and the name is before it",               "/{a}/*",           "/a%2Fb/c/d",     "a",    "a/b"},
};
/* clang-format on */

static void names_stand_for_segments(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(parts); i++) {
        const struct part_case *c = &parts[i];
        struct router           router;
        struct asked            asked;
        struct wherry_slice     part;

        router_init(&router);
        PROMISED(c->promise, router_add(&router, &(struct wherry_route){.pattern = c->pattern,
                                                                        .methods = WHERRY_GET}));
        ask(&asked, "GET", c->target);
        PROMISED(c->promise, router_find(&router, &asked.exchange));
        part = wherry_part(&asked.exchange, c->name);
        PROMISED_STR(c->promise, str_of(part.ptr, part.len), c->value);
        PROMISED(c->promise, !part.ptr || part.ptr[part.len] == '\0');
        exchange_reset(&asked.exchange);
        PROMISED(c->promise, !wherry_part(&asked.exchange, c->name).ptr);
        asked_fini(&asked);
        router_fini(&router);
    }
}

static const struct wherry_route any_name = {.pattern = "/{a}", .methods = WHERRY_GET};

static void without_memory_for_them_it_is_503(void **state)
{
    struct router router;

    (void)state;
    router_init(&router);
    assert_true(router_add(&router, &any_name));
    for (size_t n = 1; fault_next(n, FAULT_ALLOCATION, ENOMEM); n++) {
        struct asked asked;
        bool         spared = fault_spare_me(true);

        ask(&asked, "GET", "/a%2Fb");
        fault_spare_me(spared);
        if (router_find(&router, &asked.exchange)) {
            assert_false(fault_has_struck());
        } else {
            assert_true(fault_has_struck());
            assert_int_equal(asked.exchange.response.status, 503);
            assert_null(asked.exchange.route);
        }
        fault_spare_me(true);
        asked_fini(&asked);
        fault_spare_me(spared);
    }
    router_fini(&router);
}

/* ---- the table ------------------------------------------------------------------------ */

/* clang-format off */
static const char *const bad_patterns[] = {
    "",       "*",      "a/b",      "{a}",  "//",        "/a/",      "/a//b",  "/{}",
    "/{a",    "/a}",    "/a{b}",    "/{a}b", "/{a}/{a}",  "/{a}/b/{a}", "/a*",  "/*a",
    "/*/a",   "/*/*",   "/*/",      "/{*}", "/{a}{b}",   "/{{a}}",   "/.",     "/a/..",
};
/* clang-format on */

static void a_pattern_is_good_or_refused(void **state)
{
    struct router router;

    (void)state;
    router_init(&router);
    for (size_t i = 0; i < COUNTOF(bad_patterns); i++)
        PROMISED(bad_patterns[i],
                 !router_add(&router, &(struct wherry_route){.pattern = bad_patterns[i],
                                                             .methods = WHERRY_GET}));
    assert_int_equal(router.count, 0);
    router_fini(&router);
}

static void a_route_is_copied(void **state)
{
    char                pattern[] = "/todos/{id}";
    struct wherry_route route = {.pattern = pattern, .methods = WHERRY_GET};
    struct router       router;
    int                 status;

    (void)state;
    router_init(&router);
    assert_true(router_add(&router, &route));
    memset(pattern, 'x', sizeof pattern);
    route.methods = 0;
    assert_string_equal(find(&router, "GET", "/todos/17", &status), "/todos/{id}");
    router_fini(&router);
}

static void there_is_room_for_so_many_and_no_more(void **state)
{
    static char   patterns[ROUTES_MAX + 1][16];
    struct router router;
    int           status;

    (void)state;
    router_init(&router);
    for (int i = 0; i <= ROUTES_MAX; i++) {
        struct wherry_route route = {.pattern = patterns[i], .methods = WHERRY_GET};

        snprintf(patterns[i], sizeof patterns[i], "/%d", i);
        assert_int_equal(router_add(&router, &route), i < ROUTES_MAX);
    }
    for (int i = 0; i < ROUTES_MAX; i++)
        assert_string_equal(find(&router, "GET", patterns[i], &status), patterns[i]);
    assert_null(find(&router, "GET", patterns[ROUTES_MAX], &status));
    router_fini(&router);
}

static void without_memory_nothing_is_added(void **state)
{
    struct router router;

    (void)state;
    for (size_t n = 1; fault_next(n, FAULT_ALLOCATION, ENOMEM); n++) {
        router_init(&router);
        if (!router_add(&router, &any_name)) {
            assert_true(fault_has_struck());
            assert_int_equal(router.count, 0);
        }
        router_fini(&router);
    }
}

static void without_routes_there_is_nothing(void **state)
{
    struct router router;
    int           status;

    (void)state;
    router_init(&router);
    assert_null(find(&router, "GET", "/", &status));
    assert_int_equal(status, 404);
    assert_null(find(&router, "OPTIONS", "*", &status));
    assert_int_equal(status, 204);
    router_fini(&router);
}

static void finish_nothing(struct wherry_exchange *exchange, void *data)
{
    (void)exchange;
    (void)data;
}

/* clang-format off */
static const struct finish_case {
    const char *promise;
    const char *method;
    const char *target;
    const char *finisher;           /* the pattern of its route; NULL: nobody */
} finish_cases[] = {
    {"a route finishes its answers",           "GET",     "/a", "/a"},
    {"to HEAD as well",                        "HEAD",    "/a", "/a"},
    {"and the refusal of a method",            "PUT",     "/a", "/a"},
    {"and what OPTIONS is answered",           "OPTIONS", "/a", "/a"},
    {"a route that has nothing to add does not", "GET",   "/b", NULL},
    {"though another one of its pattern does", "PUT",     "/b", "/b"},
    {"and so that finishes what is neither's", "DELETE",  "/b", "/b"},
    {"what is nowhere is nobody's",            "GET",     "/c", NULL},
};
/* clang-format on */

static void who_finishes_answers_is_known(void **state)
{
    struct router router;

    (void)state;
    router_init(&router);
    assert_true(router_add(&router, &(struct wherry_route){"/a", .methods = WHERRY_GET,
                                                           .finish = finish_nothing}));
    assert_true(router_add(&router, &(struct wherry_route){"/b", .methods = WHERRY_GET}));
    assert_true(router_add(&router, &(struct wherry_route){"/b", .methods = WHERRY_PUT,
                                                           .finish = finish_nothing}));
    for (size_t i = 0; i < COUNTOF(finish_cases); i++) {
        const struct finish_case  *c = &finish_cases[i];
        const struct wherry_route *finisher;
        struct asked               asked;

        ask(&asked, c->method, c->target);
        (void)!router_find(&router, &asked.exchange);
        finisher = asked.exchange.finisher;
        PROMISED_STR(c->promise, finisher ? str_view(finisher->pattern) : STR_NONE,
                     c->finisher ? c->finisher : "");
        asked_fini(&asked);
    }
    router_fini(&router);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_exact_pattern_that_fits_wins),
        cmocka_unit_test(methods_are_told_apart),
        cmocka_unit_test(names_stand_for_segments),
        cmocka_unit_test(without_memory_for_them_it_is_503),
        cmocka_unit_test(a_pattern_is_good_or_refused),
        cmocka_unit_test(a_route_is_copied),
        cmocka_unit_test(there_is_room_for_so_many_and_no_more),
        cmocka_unit_test(without_memory_nothing_is_added),
        cmocka_unit_test(without_routes_there_is_nothing),
        cmocka_unit_test(who_finishes_answers_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

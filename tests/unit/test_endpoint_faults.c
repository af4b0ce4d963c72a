/* What endpoints promise where the integration tests cannot see: nothing is kept, nothing crashes and nothing
 * wrong is said when there is no memory, or when who asked leaves on the way. */
#include <jansson.h>
#include <stdlib.h>

#include "server/connection.h"
#include "endpoints/endpoints.h"
#include "http/date.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/house.h"
#include "tests/support/promise.h"

static const struct endpoints_settings settings = {
    .prefix = "", .bytes_max = 1024 * 1024, .time_max_ms = 60000};

static char long_text[9 * 1024 + 1];    /* so much that it is shown piece by piece */

#define FORM(boundary, parts) "multipart/form-data; boundary=" boundary, parts "--" boundary "--\r\n"

static const struct wish {
    const char *target;
    const char *type, *body;        /* of a POST; NULL: a GET */
    bool        has_chance;         /* no two answers are the same */
} wishes[] = {
    {.target = "/reset"},
    {.target = "/close"},
    {.target = "/truncate/0"},
    {.target = "/truncate/100000"},
    {.target = "/bad-chunk"},
    {.target = "/bad-gzip"},
    {.target = "/garbage"},
    {.target = "/huge-headers/11"},
    {.target = "/huge-headers/100000"},
    {.target = "/duplicate-headers"},
    {.target = "/duplicate-headers?name=X-Own"},
    {.target = "/duplicate-headers?name=Date"},
    {.target = "/stall/1"},
    {.target = "/stall/0"},
    {.target = "/slow/1000?bytes=10"},
    {.target = "/slow/1?bytes=0"},
    {.target = "/slow/100000"},
    {.target = "/tls"},

    {.target = "/get?a=1&a=2&a=3&b=%ff"},
    {.target = "/post", .type = "text/plain", .body = "\xff\x00"},
    {.target = "/post", .type = "text/plain", .body = long_text},
    {.target = "/post", .type = "application/json", .body = "{\"a\": [1, true]}"},
    {.target = "/post", .type = "application/x-www-form-urlencoded", .body = "a=1&b=2&a=%ff"},
    {"/anything/else", FORM("x", "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n"
                                 "--x\r\nContent-Disposition: form-data; name=b; filename=c\r\n\r\n2\r\n"), false},
    {.target = "/anything"},
    {.target = "/delay/0"},
    {.target = "/delay/1"},
    {.target = "/stream/3"},
    {.target = "/headers"},
    {.target = "/ip"},
    {.target = "/uuid", .has_chance = true},
    {.target = "/response-headers?X-A=1&X-A=2&ETag=%22v%22"},
    {.target = "/status/418"},
    {.target = "/status/302"},
    {.target = "/unstable?seed=7&failure_rate=0"},
    {.target = "/redirect/3"},
    {.target = "/absolute-redirect/3"},
    {.target = "/redirect-to?url=http://x/y"},
    {.target = "/cookies"},
    {.target = "/cookies/set?a=b&c=d"},
    {.target = "/cookies/set/a/b"},
    {.target = "/cookies/delete?a"},
    {.target = "/basic-auth/ann/secret"},
    {.target = "/basic-auth/ann/other"},
    {.target = "/etag/v1"},
    {.target = "/cache", .has_chance = true},
    {.target = "/cache/60"},
    {.target = "/bytes/70000?seed=1"},
    {.target = "/stream-bytes/9?seed=1&chunk_size=4"},
    {.target = "/range/100"},
    {.target = "/base64/SGVsbG8sIFdvcmxkIQ"},
    {.target = "/drip?duration=0"},
    {.target = "/drip?duration=1"},
    {.target = "/html"},
    {.target = "/image"},
    {.target = "/gzip"},
    {.target = "/deflate"},
    {.target = "/brotli"},
    {.target = "/sse?count=1&duration=0", .has_chance = true},
    {.target = "/trailers?X-Sum=17"},
    {.target = "/hello?name=Ann"},
    {.target = "/echo/abc"},
    {.target = "/user-agent"},
};

struct show {
    struct house      house;
    struct endpoints *endpoints;
};

static void open_show(struct show *show)
{
    struct wherry_settings server;
    char                   problem[256];

    json_set_alloc_funcs(malloc, free);         /* which are ours, and fail; jansson's own calls are not */
    house_settings(&server);
    house_open(&show->house, &server);
    show->endpoints = endpoints_new(&settings, problem, sizeof problem);
    assert_non_null(show->endpoints);
    assert_true(endpoints_serve(show->endpoints, show->house.server));
}

static void close_show(struct show *show)
{
    house_run(&show->house);
    assert_true(house_is_empty(&show->house));
    assert_int_equal(show->house.server->timers.count, 0);
    house_close(&show->house);
    endpoints_free(show->endpoints);
}

static void say(struct guest *guest, const struct wish *wish)
{
    struct buf request = BUF_UP_TO(16 * 1024);

    buf_printf(&request, "%s %s HTTP/1.1\r\nHost: x\r\nCookie: a=b; c=d\r\nX-A: 1\r\nX-A: 2\r\n",
               wish->body ? "POST" : "GET", wish->target);
    buf_append(&request, STR("Authorization: Basic YW5uOnNlY3JldA==\r\n"));
    if (wish->body)
        buf_printf(&request, "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", wish->type,
                   strlen(wish->body), wish->body);
    else
        buf_append(&request, STR("\r\n"));
    guest_say(guest, buf_view(&request));
    buf_fini(&request);
}

static void ask(struct show *show, struct guest *guest, const struct wish *wish)
{
    house_admit(&show->house, guest);
    say(guest, wish);
    conn_run(guest->conn, &show->house.worker);
    house_run(&show->house);
}

static void see_off(struct show *show, struct guest *guest)
{
    house_see_off(&show->house, guest);
    house_pass_time(&show->house, CONN_LINGER_MS);
}

/* What was heard, but for the time of it. */
static void note(struct buf *noted, struct str heard)
{
    static const struct str field = {"\r\nDate: ", 8};
    const char             *found = memmem(heard.ptr, heard.len, field.ptr, field.len);
    size_t                  before = found ? (size_t)(found - heard.ptr) : heard.len;

    buf_append(noted, str_of(heard.ptr, before));
    buf_append(noted, str_from(heard, MIN_OF(before + field.len + DATE_BYTES, heard.len)));
}

/* The answer to a wish when there is memory for it. */
static void hear_whole(struct show *show, const struct wish *wish, struct buf *whole)
{
    struct guest guest;
    struct str   heard;

    ask(show, &guest, wish);
    heard = guest_listen(&guest);
    note(whole, heard);
    PROMISED(wish->target,
             !str_starts(heard, STR("HTTP/1.1 5")) && !str_starts(heard, STR("HTTP/1.1 413")));
    see_off(show, &guest);
}

/* As much of the whole as there was memory for, or that there was none; or that the request could not be
 * read, where whoever reads it (a form, a name, a password) does not say why. */
static bool is_honest(const struct wish *wish, struct str whole, struct str heard)
{
    struct buf noted = BUF_UP_TO(1024 * 1024);
    bool       ok;

    note(&noted, heard);
    ok = heard.len == 0 || str_starts(heard, STR("HTTP/1.1 5")) ||
         str_starts(heard, STR("HTTP/1.1 4")) ||
         (wish->has_chance && str_starts(heard, STR("HTTP/1.1 200"))) ||
         str_starts(whole, buf_view(&noted));
    buf_fini(&noted);
    return ok;
}

/* Every allocation fails once, ours and jansson's. */
static void without_memory_nothing_wrong_is_said_or_kept(void **state)
{
    struct show show;

    (void)state;
    open_show(&show);
    for (size_t i = 0; i < COUNTOF(wishes); i++) {
        struct buf whole = BUF_UP_TO(1024 * 1024);
        size_t     rounds = 0;

        hear_whole(&show, &wishes[i], &whole);
        for (size_t n = 1; alloc_fail_next(n); n++, rounds++) {
            struct guest guest;
            bool         has_failed;

            ask(&show, &guest, &wishes[i]);
            has_failed = alloc_fail_off();
            PROMISED(wishes[i].target, is_honest(&wishes[i], buf_view(&whole), guest_listen(&guest)));
            see_off(&show, &guest);
            PROMISED(wishes[i].target, house_is_empty(&show.house));
            worker_fini(&show.house.worker);
            worker_init(&show.house.worker, show.house.server);
            if (!has_failed)
                break;
        }
        PROMISED(wishes[i].target, rounds > 0);
        buf_fini(&whole);
    }
    close_show(&show);
}

/* Whatever has left by then. */
static void who_leaves_leaves_nothing(void **state)
{
    struct show show;

    (void)state;
    open_show(&show);
    for (size_t i = 0; i < COUNTOF(wishes); i++) {
        struct guest guest;

        house_admit(&show.house, &guest);
        say(&guest, &wishes[i]);
        conn_run(guest.conn, &show.house.worker);
        see_off(&show, &guest);
        PROMISED(wishes[i].target, house_is_empty(&show.house));
    }
    close_show(&show);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_memory_nothing_wrong_is_said_or_kept),
        cmocka_unit_test(who_leaves_leaves_nothing),
    };

    memset(long_text, 'x', sizeof long_text - 1);
    return cmocka_run_group_tests_name("endpoint_faults", tests, NULL, NULL);
}

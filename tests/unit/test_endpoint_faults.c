/* What endpoints/faults promises where the integration tests cannot see: nothing is kept and nothing
 * crashes when there is no memory, or when who asked leaves on the way. */
#include "server/connection.h"
#include "endpoints/endpoints.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/house.h"
#include "tests/support/promise.h"

static const struct endpoints_settings settings = {
    .prefix = "", .bytes_max = 1024 * 1024, .time_max_ms = 60000};

static const char *const targets[] = {
    "/reset", "/close", "/truncate/0", "/truncate/100000", "/bad-chunk", "/bad-gzip", "/garbage",
    "/huge-headers/11", "/huge-headers/100000", "/duplicate-headers", "/duplicate-headers?name=X-Own",
    "/duplicate-headers?name=Date", "/stall/1", "/stall/0", "/slow/1000?bytes=10", "/slow/1?bytes=0",
    "/slow/100000", "/tls",
};

struct show {
    struct house      house;
    struct endpoints *endpoints;
};

static void open_show(struct show *show)
{
    struct wherry_settings server;
    char                   problem[256];

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

static void say(struct guest *guest, const char *target)
{
    struct buf request = BUF_UP_TO(1024);

    buf_printf(&request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
    guest_say(guest, buf_view(&request));
    buf_fini(&request);
}

/* Every allocation fails once: there is no answer, or it begins as one. */
static void without_memory_nothing_is_kept(void **state)
{
    struct show show;

    (void)state;
    open_show(&show);
    for (size_t i = 0; i < COUNTOF(targets); i++) {
        size_t rounds = 0;

        for (size_t n = 1; alloc_fail_next(n); n++, rounds++) {
            struct guest guest;
            struct str   heard;
            bool         has_failed;

            house_admit(&show.house, &guest);
            say(&guest, targets[i]);
            conn_run(guest.conn, &show.house.worker);
            house_run(&show.house);
            has_failed = alloc_fail_off();
            heard = guest_listen(&guest);
            PROMISED(targets[i], !has_failed || heard.len == 0 || str_starts(heard, STR("HTTP/1.1 ")));
            house_see_off(&show.house, &guest);
            house_pass_time(&show.house, CONN_LINGER_MS);
            PROMISED(targets[i], house_is_empty(&show.house));
            worker_fini(&show.house.worker);
            worker_init(&show.house.worker, show.house.server);
            if (!has_failed)
                break;
        }
        PROMISED(targets[i], rounds > 0);
    }
    close_show(&show);
}

/* Whatever has left by then. */
static void who_leaves_leaves_nothing(void **state)
{
    struct show show;

    (void)state;
    open_show(&show);
    for (size_t i = 0; i < COUNTOF(targets); i++) {
        struct guest guest;

        house_admit(&show.house, &guest);
        say(&guest, targets[i]);
        conn_run(guest.conn, &show.house.worker);
        house_see_off(&show.house, &guest);
        house_pass_time(&show.house, CONN_LINGER_MS);
        PROMISED(targets[i], house_is_empty(&show.house));
    }
    close_show(&show);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_memory_nothing_is_kept),
        cmocka_unit_test(who_leaves_leaves_nothing),
    };

    return cmocka_run_group_tests_name("endpoint_faults", tests, NULL, NULL);
}

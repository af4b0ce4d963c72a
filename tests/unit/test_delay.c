/* What wherry_delay promises: the answer is the same as without it, and leaves when its time has come, not
 * before; meanwhile it holds no permit, and who leaves is noticed. */
#include <fcntl.h>
#include <unistd.h>

#include "server/connection.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/house.h"
#include "tests/support/promise.h"
#include "tests/support/stage.h"

enum {
    DELAY_MS = 500,
    AHEAD_MS = 3600 * 1000,         /* so far is the clock that is turned by hand ahead of the real one, */
    LATE_MS = 1000,                 /* but for work, which sets it right: this is room for the coarse one */
};

/* ---- what is served ------------------------------------------------------------------- */

static struct {
    int64_t              ms;
    int                  file;
    int                  released;
    bool                 is_woken;      /* the handler takes a waker */
    struct wherry_waker *waker;
} show;

static void released(void *owner)
{
    (void)owner;
    show.released++;
}

static enum wherry_next text(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_delay(exchange, show.ms);
    wherry_on_release(exchange, released, NULL);
    if (show.is_woken)
        show.waker = wherry_waker_acquire(exchange);
    wherry_add_field(exchange, "ETag", wherry_text("\"v1\""));
    return wherry_send_text(exchange, 200, wherry_text("hello"));
}

static enum wherry_next delay_work(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_delay(exchange, show.ms);
    return WHERRY_WORK;
}

static enum wherry_next plain(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    return wherry_send_text(exchange, 200, wherry_text("plain"));
}

static enum wherry_next file(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_set_file(exchange, show.file, 5, NULL);
    wherry_delay(exchange, show.ms);
    return WHERRY_ANSWER;
}

static enum wherry_next refusal(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_delay(exchange, show.ms);
    return wherry_refuse(exchange, 503, "later");
}

static enum wherry_next unsendable(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_delay(exchange, show.ms);
    wherry_add_field(exchange, "Not a name", wherry_text("x"));
    return WHERRY_ANSWER;
}

static enum wherry_next failure(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_delay(exchange, show.ms);
    return WHERRY_FAIL;
}

static enum wherry_pull pull(struct wherry_exchange *exchange, void *data)
{
    wherry_write(exchange, wherry_text("hello"));
    return data ? WHERRY_END : wherry_wait(exchange, 100);
}

static enum wherry_next stream(struct wherry_exchange *exchange, void *data)
{
    wherry_delay(exchange, show.ms);
    wherry_set_stream(exchange, data ? -1 : 10, pull, data);
    return WHERRY_ANSWER;
}

static const struct wherry_route routes[] = {
    {.pattern = "/text", .methods = WHERRY_GET | WHERRY_POST, .look = text},
    {.pattern = "/work", .methods = WHERRY_GET, .work = text},
    {.pattern = "/both", .methods = WHERRY_GET, .look = delay_work, .work = plain},
    {.pattern = "/file", .methods = WHERRY_GET, .look = file},
    {.pattern = "/refusal", .methods = WHERRY_GET | WHERRY_POST, .look = refusal},
    {.pattern = "/work-refusal", .methods = WHERRY_GET, .work = refusal},
    {.pattern = "/unsendable", .methods = WHERRY_GET, .look = unsendable},
    {.pattern = "/failure", .methods = WHERRY_GET, .look = failure},
    {.pattern = "/stream", .methods = WHERRY_GET, .look = stream, .data = &show},
    {.pattern = "/counted", .methods = WHERRY_GET, .look = stream},
    {.pattern = "/plain", .methods = WHERRY_GET, .look = plain},
};

static void open_show_with(struct house *house, const struct wherry_settings *settings)
{
    house_open(house, settings);
    for (size_t i = 0; i < COUNTOF(routes); i++)
        assert_true(wherry_server_route(house->server, &routes[i]));
    folder_file("file", "hello");
    show.file = open("file", O_RDONLY | O_CLOEXEC);
    assert_true(show.file >= 0);
    show.ms = DELAY_MS;
    show.released = 0;
    show.is_woken = false;
    house_pass_time(house, AHEAD_MS);
}

static void open_show(struct house *house)
{
    struct wherry_settings settings;

    house_settings(&settings);
    open_show_with(house, &settings);
}

static void close_show(struct house *house)
{
    house_run(house);
    assert_true(house_is_empty(house));
    assert_int_equal(house->server->timers.count, 0);
    house_close(house);
    close(show.file);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static bool has(struct str heard, const char *text)
{
    return memmem(heard.ptr, heard.len, text, strlen(text)) != NULL;
}

static void stop(struct house *house)
{
    atomic_store(&house->server->drained_ms, clock_us() / 1000 + 5000);
    atomic_store(&house->server->is_draining, true);
    timers_fire(&house->server->timers, CLOCK_NEVER);
    house_run(house);
}

/* ---- its time ------------------------------------------------------------------------- */

/* clang-format off */
static const struct delay_case {
    const char *promise;
    const char *request;
    const char *heard;              /* a word or two for each answer, house.h */
} delays[] = {
    {"from look",                   GET("/text"), "200 hello, open"},
    {"from work",                   GET("/work"), "200 hello, open"},
    {"asked for by look, answered by work", GET("/both"), "200 plain, open"},
    {"a file",                      GET("/file"), "200 hello, open"},
    {"a refusal",                   GET("/refusal"), "503, open"},
    {"a refusal from work",         GET("/work-refusal"), "503, open"},
    {"what cannot be sent",         GET("/unsendable"), "500, open"},
    {"not modified",                "GET /text HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"v1\"\r\n\r\n", "304, open"},
    {"HTTP/1.0",                    "GET /text HTTP/1.0\r\n\r\n", "200 hello close, ended"},
    {"HTTP/1.0 that stays",         "GET /text HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "200 hello keep-alive, open"},
    {"the last one",                "GET /text HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200 hello close, ended"},
    {"behind a body that is dropped", "POST /text HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde", "200 hello, open"},
    {"a body that is refused",      "POST /refusal HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n", "503 close, ended"},
    {"a body that waits to be asked for", "POST /text HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
                                    "200 hello close, ended"},
    {"with requests behind it",     GET("/text") GET("/plain"), "200 hello, 200 plain, open"},
};
/* clang-format on */

static void expect(struct house *house, struct guest *guest, const char *promise, const char *want)
{
    struct buf words = BUF_UP_TO(1024);

    house_run(house);
    PROMISED_STR(promise, guest_summary(guest, &words), want);
    buf_fini(&words);
}

/* How long the guest is still to wait. */
static int64_t left_ms(const struct house *house, const struct guest *guest)
{
    return guest->conn->work->exchange.stream.due_ms - house->worker.moment.now.ms;
}

static void each_answer_leaves_in_time_and_not_before(void **state)
{
    struct house house;

    (void)state;
    open_show(&house);
    for (size_t i = 0; i < COUNTOF(delays); i++) {
        const struct delay_case *c = &delays[i];
        struct guest             guest;

        house_ask(&house, &guest, c->request);
        expect(&house, &guest, c->promise, "open");
        PROMISED_NUMBER(c->promise, house.server->permits.taken, 0);
        PROMISED_NUMBER(c->promise, house.server->timers.count, 1);
        PROMISED(c->promise, left_ms(&house, &guest) >= DELAY_MS);
        PROMISED(c->promise, left_ms(&house, &guest) < DELAY_MS + LATE_MS);
        house_pass_time(&house, left_ms(&house, &guest) - 1);
        house_poke(&house, &guest);
        expect(&house, &guest, c->promise, "open");
        house_pass_time(&house, 1);
        expect(&house, &guest, c->promise, c->heard);
        PROMISED_NUMBER(c->promise, house.server->timers.count, 0);
        house_see_off(&house, &guest);
        house_pass_time(&house, CONN_LINGER_MS);
        PROMISED(c->promise, house_is_empty(&house));
    }
    close_show(&house);
}

/* RFC 9110 §9.3.2 */
static void head_waits_as_long_as_get(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_show(&house);
    house_ask(&house, &guest, "HEAD /text HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(guest_listen(&guest).len, 0);
    house_pass_time(&house, DELAY_MS);
    assert_true(has(guest_listen(&guest), "Content-Length: 5\r\n"));
    assert_int_equal(heard_body(guest_listen(&guest)).len, 0);
    house_see_off(&house, &guest);
    close_show(&house);
}

/* Its own time begins when the answer has left. */
static void a_stream_waits_and_begins(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_show(&house);
    house_ask(&house, &guest, GET("/stream"));
    assert_int_equal(guest_listen(&guest).len, 0);
    house_pass_time(&house, DELAY_MS);
    PROMISED_STR("in chunks", heard_body(guest_listen(&guest)), "5\r\nhello\r\n0\r\n\r\n");
    house_see_off(&house, &guest);

    house_ask(&house, &guest, GET("/counted"));
    house_pass_time(&house, DELAY_MS);
    PROMISED_STR("a first piece", heard_body(guest_listen(&guest)), "hello");
    house_pass_time(&house, 99);
    PROMISED_STR("not yet", heard_body(guest_listen(&guest)), "hello");
    house_see_off(&house, &guest);
    close_show(&house);
}

static void a_delay_of_nothing_is_none(void **state)
{
    static const int64_t none[] = {0, -1, INT64_MIN};
    struct house         house;
    struct guest         guest;

    (void)state;
    open_show(&house);
    for (size_t i = 0; i < COUNTOF(none); i++) {
        show.ms = none[i];
        house_ask(&house, &guest, GET("/text"));
        expect(&house, &guest, "at once", "200 hello, open");
        house_see_off(&house, &guest);
    }
    close_show(&house);
}

/* No deadline of ours is about it, and no number is too large. */
static void a_delay_may_be_of_days(void **state)
{
    enum { DAY_MS = 24 * 3600 * 1000 };
    struct house house;
    struct guest guest, patient;

    (void)state;
    open_show(&house);
    show.ms = 2 * (int64_t)DAY_MS;
    house_ask(&house, &guest, GET("/text"));
    show.ms = INT64_MAX;
    house_ask(&house, &patient, GET("/text"));
    house_pass_time(&house, DAY_MS);
    expect(&house, &guest, "not yet", "open");
    house_pass_time(&house, DAY_MS);
    expect(&house, &guest, "now", "200 hello, open");
    expect(&house, &patient, "never", "open");
    house_see_off(&house, &guest);
    stop(&house);
    expect(&house, &patient, "but at the end", "200 hello close, ended");
    house_see_off(&house, &patient);
    close_show(&house);
}

/* The time of the turn may be some milliseconds behind. */
static void it_is_never_early(void **state)
{
    struct house house;
    struct guest guest;
    int64_t      asked_us;

    (void)state;
    open_show(&house);
    house.worker.moment.now = clock_now();
    sleep_us(20000);
    asked_us = clock_us();
    house_ask(&house, &guest, GET("/text"));
    assert_true(guest.conn->work->exchange.stream.due_ms * 1000 >= asked_us + DELAY_MS * 1000);
    house_see_off(&house, &guest);
    close_show(&house);
}

/* ---- what ends it --------------------------------------------------------------------- */

static void when_the_server_stops_it_leaves_at_once(void **state)
{
    struct house house;
    struct guest guest, newcomer;

    (void)state;
    open_show(&house);
    house_ask(&house, &guest, GET("/text"));
    stop(&house);
    expect(&house, &guest, "who waits", "200 hello close, ended");
    house_ask(&house, &newcomer, GET("/refusal"));
    expect(&house, &newcomer, "who comes then", "503 close, ended");
    house_see_off(&house, &guest);
    house_see_off(&house, &newcomer);
    house_pass_time(&house, CONN_LINGER_MS);
    close_show(&house);
}

/* RFC 9112 §9.6: who keeps the connection and ends his side is not there any more; who has asked for the
 * last time may just have half closed. */
static void who_leaves_meanwhile_is_noticed(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_show(&house);
    house_ask(&house, &guest, GET("/text"));
    guest_end(&guest);
    house_run(&house);
    assert_int_equal(show.released, 1);
    assert_true(house_is_empty(&house));
    guest_leave(&guest);

    /* Nothing of it is left to who has its memory next, and has a stream. */
    show.ms = 0;
    house_ask(&house, &guest, GET("/stream"));
    PROMISED_STR("at once", heard_body(guest_listen(&guest)), "5\r\nhello\r\n0\r\n\r\n");
    house_see_off(&house, &guest);
    show.ms = DELAY_MS;

    house_ask(&house, &guest, "GET /text HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    guest_end(&guest);
    house_run(&house);
    house_pass_time(&house, DELAY_MS);
    expect(&house, &guest, "half closed", "200 hello close, ended");
    house_see_off(&house, &guest);
    close_show(&house);
}

/* What wakes a stream does not hurry an answer that is to be one later. */
static void a_waker_does_not_shorten_it(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_show(&house);
    show.is_woken = true;
    house_ask(&house, &guest, GET("/text"));
    wherry_wake(show.waker);
    house_run(&house);
    house_pass_time(&house, DELAY_MS - 1);
    expect(&house, &guest, "not before", "open");
    house_pass_time(&house, 1);
    expect(&house, &guest, "in time", "200 hello, open");
    wherry_waker_release(show.waker);
    house_see_off(&house, &guest);
    close_show(&house);
}

/* What the server has to say in the handler's place is said at once. */
static void the_servers_own_refusals_do_not_wait(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_show(&house);
    house_ask(&house, &guest, GET("/failure"));
    expect(&house, &guest, "a failure", "500, open");
    house_see_off(&house, &guest);

    permits_resize(&house.server->permits, 0);
    house_ask(&house, &guest, GET("/both"));
    house_pass_time(&house, house.server->settings.wait_timeout_ms);
    expect(&house, &guest, "no permit", "503 close, ended");
    house_see_off(&house, &guest);
    house_pass_time(&house, CONN_LINGER_MS);
    close_show(&house);
}

static void the_log_tells_who_did_not_wait(void **state)
{
    struct wherry_settings settings;
    struct house           house;
    struct guest           guest;

    (void)state;
    house_settings(&settings);
    settings.access_log = WHERRY_LOG_COMMON;
    open_show_with(&house, &settings);
    house_ask(&house, &guest, GET("/text"));
    house_see_off(&house, &guest);
    assert_true(has(buf_view(&house.worker.lines), "\"GET /text HTTP/1.1\" - 0 "));
    assert_true(has(buf_view(&house.worker.lines), "\"the client went away\"\n"));
    close_show(&house);
}

/* ---- without memory -------------------------------------------------------------------- */

static void without_memory_nothing_is_kept(void **state)
{
    struct house house;

    (void)state;
    open_show(&house);
    for (size_t n = 1; alloc_fail_next(n); n++) {
        struct guest guest;
        bool         has_failed;

        house_admit(&house, &guest);
        guest_say_text(&guest, GET("/work") GET("/stream"));
        conn_run(guest.conn, &house.worker);
        house_run(&house);
        house_pass_time(&house, DELAY_MS + LATE_MS);
        house_pass_time(&house, DELAY_MS + LATE_MS);
        has_failed = alloc_fail_off();
        assert_true(has_failed || str_ends(guest_listen(&guest), STR("\r\n0\r\n\r\n")));
        house_see_off(&house, &guest);
        house_pass_time(&house, CONN_LINGER_MS);
        assert_true(house_is_empty(&house));
        assert_int_equal(house.server->timers.count, 0);
        worker_fini(&house.worker);
        worker_init(&house.worker, house.server);
        if (!has_failed)
            break;
    }
    close_show(&house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_leaves_in_time_and_not_before),
        cmocka_unit_test(head_waits_as_long_as_get),
        cmocka_unit_test(a_stream_waits_and_begins),
        cmocka_unit_test(a_delay_of_nothing_is_none),
        cmocka_unit_test(a_delay_may_be_of_days),
        cmocka_unit_test(it_is_never_early),
        cmocka_unit_test(when_the_server_stops_it_leaves_at_once),
        cmocka_unit_test(who_leaves_meanwhile_is_noticed),
        cmocka_unit_test(a_waker_does_not_shorten_it),
        cmocka_unit_test(the_servers_own_refusals_do_not_wait),
        cmocka_unit_test(the_log_tells_who_did_not_wait),
        cmocka_unit_test(without_memory_nothing_is_kept),
    };

    return cmocka_run_group_tests_name("delay", tests, NULL, NULL);
}

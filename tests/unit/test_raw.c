/* What wherry_set_raw promises: the body goes out as it is and nothing else does, whatever was asked for;
 * then the connection ends as the handler wants it, and the log knows that it did. */
#include <fcntl.h>
#include <unistd.h>

#include "server/connection.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/house.h"
#include "tests/support/promise.h"

/* ---- what is served ------------------------------------------------------------------- */

#define NONSENSE "HTTP/9.9 \x01 nonsense, and what looks like a field: \r\n\r\n"

enum kind { NOTHING, BYTES, COPY, FILE_BYTES, STREAM, COUNTED, EMPTY_STREAM, BROKEN, REFUSED, FAULTY, LATE };

static struct {
    enum wherry_ending ending;
    enum kind          kind;
    int                file;
    int                status;          /* 0: none is set */
    int                pulled;
} show;

static enum wherry_pull pull(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    show.pulled++;
    if (show.kind == EMPTY_STREAM)
        return WHERRY_END;
    if (show.pulled == 1) {
        wherry_write(exchange, (struct wherry_slice){NONSENSE, 10});
        return WHERRY_MORE;
    }
    if (show.kind == BROKEN)
        return WHERRY_BROKEN;
    wherry_write(exchange, wherry_text(&NONSENSE[10]));
    return WHERRY_END;
}

static void fill_in(struct wherry_exchange *exchange)
{
    switch (show.kind) {
    case NOTHING:
        break;
    case LATE:
        wherry_delay(exchange, 100);
        wherry_set_body(exchange, wherry_text(NONSENSE));
        break;
    case REFUSED:
    case BYTES:
        wherry_set_body(exchange, wherry_text(NONSENSE));
        break;
    case FAULTY:
    case COPY:
        wherry_copy_body(exchange, wherry_text(NONSENSE));
        break;
    case FILE_BYTES:
        wherry_set_file(exchange, show.file, strlen(NONSENSE), NULL);
        break;
    case STREAM:
    case EMPTY_STREAM:
    case BROKEN:
        wherry_set_stream(exchange, -1, pull, NULL);
        break;
    case COUNTED:
        wherry_set_stream(exchange, 3, pull, NULL);
        break;
    }
}

/* With fields and validators that must not matter. */
static enum wherry_next raw(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    show.pulled = 0;
    wherry_add_field(exchange, "ETag", wherry_text("\"v1\""));
    wherry_add_field(exchange, "Content-Type", wherry_text("text/plain"));
    fill_in(exchange);
    wherry_set_raw(exchange, show.ending);
    if (show.status)
        wherry_set_status(exchange, show.status);
    if (show.kind == REFUSED)
        return wherry_refuse(exchange, 403, "no");
    if (show.kind == FAULTY)
        wherry_add_field(exchange, "Not a name", wherry_text("x"));
    return WHERRY_ANSWER;
}

static enum wherry_next plain(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    return wherry_send_text(exchange, 200, wherry_text("plain"));
}

static const struct wherry_route routes[] = {
    {.pattern = "/raw", .methods = WHERRY_GET | WHERRY_HEAD | WHERRY_POST, .look = raw},
    {.pattern = "/work", .methods = WHERRY_GET, .work = raw},
    {.pattern = "/plain", .methods = WHERRY_GET, .look = plain},
};

static void set_show(enum kind kind, enum wherry_ending ending)
{
    show.kind = kind;
    show.ending = ending;
    show.status = 0;
}

static void open_show_with(struct house *house, const struct wherry_settings *settings)
{
    house_open(house, settings);
    for (size_t i = 0; i < COUNTOF(routes); i++)
        assert_true(wherry_server_route(house->server, &routes[i]));
    folder_file("file", NONSENSE);
    show.file = open("file", O_RDONLY | O_CLOEXEC);
    assert_true(show.file >= 0);
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
    house_pass_time(house, CONN_LINGER_MS);
    assert_true(house_is_empty(house));
    house_close(house);
    close(show.file);
}

#define GET(path)   "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define WITH(field) "GET /raw HTTP/1.1\r\nHost: x\r\n" field "\r\n\r\n"
#define POST        "POST /raw HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde"

/* ---- the bytes ------------------------------------------------------------------------ */

/* clang-format off */
static const struct raw_case {
    const char *promise;
    const char *request;
    enum kind   kind;
    int         status;
    const char *heard;
} raws[] = {
    {"nothing at all",              GET("/raw"), NOTHING, 0, ""},
    {"bytes",                       GET("/raw"), BYTES, 0, NONSENSE},
    {"a copy",                      GET("/raw"), COPY, 0, NONSENSE},
    {"a file",                      GET("/raw"), FILE_BYTES, 0, NONSENSE},
    {"a stream, without chunks",    GET("/raw"), STREAM, 0, NONSENSE},
    {"a stream of any length",      GET("/raw"), COUNTED, 0, NONSENSE},
    {"a stream of nothing",         GET("/raw"), EMPTY_STREAM, 0, ""},
    {"from work",                   GET("/work"), BYTES, 0, NONSENSE},
    {"for HEAD too",                "HEAD /raw HTTP/1.1\r\nHost: x\r\n\r\n", BYTES, 0, NONSENSE},
    {"a stream for HEAD too",       "HEAD /raw HTTP/1.1\r\nHost: x\r\n\r\n", STREAM, 0, NONSENSE},
    {"in HTTP/1.0",                 "GET /raw HTTP/1.0\r\n\r\n", STREAM, 0, NONSENSE},
    {"whatever is to be kept",      "GET /raw HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", BYTES, 0, NONSENSE},
    {"behind a body",               POST, BYTES, 0, NONSENSE},
    {"no range",                    WITH("Range: bytes=1-2"), BYTES, 0, NONSENSE},
    {"no condition",                WITH("If-None-Match: \"v1\""), FILE_BYTES, 0, NONSENSE},
    {"no coding",                   WITH("Accept-Encoding: gzip"), STREAM, 0, NONSENSE},
    {"a status is only told",       GET("/raw"), BYTES, 204, NONSENSE},
    {"whichever it is",             GET("/raw"), STREAM, 304, NONSENSE},
    {"what follows is not answered", GET("/raw") GET("/plain"), BYTES, 0, NONSENSE},
};
/* clang-format on */

static void nothing_but_the_body_is_sent(void **state)
{
    struct house house;

    (void)state;
    open_show(&house);
    for (size_t i = 0; i < COUNTOF(raws); i++)
        for (int resets = 0; resets < 2; resets++) {
            const struct raw_case *c = &raws[i];
            struct guest           guest;

            set_show(c->kind, resets ? WHERRY_RESETS : WHERRY_CLOSES);
            show.status = c->status;
            house_ask(&house, &guest, c->request);
            guest_listen(&guest);
            PROMISED_STR(c->promise, str_of(guest.heard.ptr ? guest.heard.ptr : "", guest.heard.len),
                         c->heard);
            PROMISED(c->promise, guest.has_ended);
            house_see_off(&house, &guest);
            PROMISED(c->promise, house_is_empty(&house));
        }
    close_show(&house);
}

/* What the handler gave up, or could not say, is answered for as ever. */
static void a_refusal_is_not_raw(void **state)
{
    static const struct {
        enum kind   kind;
        const char *heard;
    } cases[] = {{REFUSED, "403, open"}, {FAULTY, "500, open"}};
    struct house house;

    (void)state;
    open_show(&house);
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct buf   words = BUF_UP_TO(1024);
        struct guest guest;

        set_show(cases[i].kind, WHERRY_RESETS);
        house_ask(&house, &guest, GET("/raw"));
        PROMISED_STR("ordinary", guest_summary(&guest, &words), cases[i].heard);
        buf_fini(&words);
        house_see_off(&house, &guest);
    }
    close_show(&house);
}

static void it_may_be_put_off(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_show(&house);
    house_pass_time(&house, 3600 * 1000);      /* ahead of the exact clock */
    set_show(LATE, WHERRY_CLOSES);
    house_ask(&house, &guest, GET("/raw"));
    house_pass_time(&house, 99);
    assert_int_equal(guest_listen(&guest).len, 0);
    assert_false(guest.has_ended);
    house_pass_time(&house, 1);
    PROMISED_STR("now", guest_listen(&guest), NONSENSE);
    assert_true(guest.has_ended);
    house_see_off(&house, &guest);
    close_show(&house);
}

/* ---- the end -------------------------------------------------------------------------- */

/* Closing on what the peer still sends would be a reset, and so it is only half closed; a reset is one at
 * once, whatever has come. */
static void the_end_is_the_one_that_was_wanted(void **state)
{
    static const char *const asked[] = {GET("/raw"), GET("/raw") GET("/plain"), POST};
    static const enum kind   kinds[] = {NOTHING, BYTES, FILE_BYTES, STREAM, BROKEN};
    struct house             house;

    (void)state;
    open_show(&house);
    for (size_t i = 0; i < COUNTOF(asked) * COUNTOF(kinds) * 2; i++) {
        const struct script_step reads[] = {{SCRIPT_GIVE, asked[i / 2 % COUNTOF(asked)], 0}};
        struct scripted          peer = {.reads = SCRIPT_OF(reads)};
        enum kind                kind = kinds[i / 2 / COUNTOF(asked)];
        bool                     resets = i % 2;
        struct guest             guest;

        set_show(kind, resets ? WHERRY_RESETS : WHERRY_CLOSES);
        house_admit_scripted(&house, &guest, &peer);
        conn_run(guest.conn, &house.worker);
        house_run(&house);
        PROMISED_NUMBER("cut", peer.was_cut, resets || kind == BROKEN);
        PROMISED_NUMBER("closed at once", peer.is_closed, resets || kind == BROKEN);
        PROMISED_NUMBER("else half closed", peer.is_shut, !peer.was_cut);
        house_pass_time(&house, CONN_LINGER_MS);
        PROMISED("closed then", peer.is_closed);
        scripted_fini(&peer);
    }
    close_show(&house);
}

/* RFC 8446 §6.1: with a close_notify, or without. */
static void tls_tells_the_end_or_does_not(void **state)
{
    static const struct caller_wish wishes[] = {{.max = TLS1_2_VERSION}, {.min = TLS1_3_VERSION}};
    struct house                    house;

    (void)state;
    open_show(&house);
    house_secure(&house);
    for (size_t i = 0; i < COUNTOF(wishes) * 4; i++) {
        bool         resets = i & 1, has_body = i & 2;
        struct guest guest;

        set_show(has_body ? BYTES : NOTHING, resets ? WHERRY_RESETS : WHERRY_CLOSES);
        house_admit_to_tls(&house, &guest, &wishes[i / 4]);
        conn_run(guest.conn, &house.worker);
        assert_true(house_shakes_hands(&house, &guest));
        guest_say_text(&guest, GET("/raw"));
        house_run(&house);
        guest_listen(&guest);
        assert_int_equal(guest.heard.len, has_body ? strlen(NONSENSE) : 0);
        assert_true(guest.has_ended);
        assert_int_equal(caller_heard_end(&guest.caller), !resets);
        house_see_off(&house, &guest);
    }
    close_show(&house);
}

/* ---- the log -------------------------------------------------------------------------- */

/* clang-format off */
static const struct log_case {
    enum kind          kind;
    enum wherry_ending ending;
    int                status;
    const char        *line;
    const char        *why;
} logs[] = {
    {NOTHING,      WHERRY_CLOSES, 0,   "\"GET /raw HTTP/1.1\" - 0 ", "\"the handler closed the connection\""},
    {NOTHING,      WHERRY_RESETS, 200, "\"GET /raw HTTP/1.1\" - 0 ", "\"the handler reset the connection\""},
    {EMPTY_STREAM, WHERRY_CLOSES, 200, "\"GET /raw HTTP/1.1\" - 0 ", "\"the handler closed the connection\""},
    {BYTES,        WHERRY_CLOSES, 0,   "\"GET /raw HTTP/1.1\" 200 54 ", "\"the handler closed the connection\""},
    {STREAM,       WHERRY_RESETS, 418, "\"GET /raw HTTP/1.1\" 418 54 ", "\"the handler reset the connection\""},
    {BROKEN,       WHERRY_CLOSES, 0,   "\"GET /raw HTTP/1.1\" 200 10 ", "\"the stream of the answer broke off\""},
    {REFUSED,      WHERRY_RESETS, 0,   "\"GET /raw HTTP/1.1\" 403 ", "\"no\""},
};
/* clang-format on */

static void the_log_tells_of_the_end(void **state)
{
    struct wherry_settings settings;
    struct house           house;

    (void)state;
    house_settings(&settings);
    settings.access_log = WHERRY_LOG_COMMON;
    open_show_with(&house, &settings);
    for (size_t i = 0; i < COUNTOF(logs); i++) {
        const struct log_case *c = &logs[i];
        struct guest           guest;
        struct str             line;

        set_show(c->kind, c->ending);
        show.status = c->status;
        house_ask(&house, &guest, GET("/raw"));
        house_see_off(&house, &guest);
        line = buf_view(&house.worker.lines);
        line.len -= line.len > 0;       /* its end */
        PROMISED(c->line, str_starts(str_from(line, str_find(line, ']') + 2), str_view(c->line)));
        PROMISED(c->line, str_ends(line, str_view(c->why)));
        buf_reset(&house.worker.lines);
    }
    close_show(&house);
}

/* ---- without memory -------------------------------------------------------------------- */

/* A part of it, or a 500: never a head in front of it. */
static void without_memory_nothing_is_kept(void **state)
{
    static const enum kind kinds[] = {COPY, STREAM, FILE_BYTES};
    struct house           house;

    (void)state;
    open_show(&house);
    for (size_t i = 0; i < COUNTOF(kinds); i++)
        for (size_t n = 1; alloc_fail_next(n); n++) {
            struct guest guest;
            struct str   heard;
            bool         has_failed;

            set_show(kinds[i], WHERRY_CLOSES);
            house_admit(&house, &guest);
            guest_say_text(&guest, GET("/work"));
            conn_run(guest.conn, &house.worker);
            house_run(&house);
            has_failed = alloc_fail_off();
            heard = guest_listen(&guest);
            assert_true(heard.len == 0 || str_starts(STR(NONSENSE), heard) ||
                        (has_failed && str_starts(heard, STR("HTTP/1.1 50"))));
            assert_true(has_failed || heard.len == strlen(NONSENSE));
            house_see_off(&house, &guest);
            house_pass_time(&house, CONN_LINGER_MS);
            assert_true(house_is_empty(&house));
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
        cmocka_unit_test(nothing_but_the_body_is_sent),
        cmocka_unit_test(a_refusal_is_not_raw),
        cmocka_unit_test(it_may_be_put_off),
        cmocka_unit_test(the_end_is_the_one_that_was_wanted),
        cmocka_unit_test(tls_tells_the_end_or_does_not),
        cmocka_unit_test(the_log_tells_of_the_end),
        cmocka_unit_test(without_memory_nothing_is_kept),
    };

    return cmocka_run_group_tests_name("raw", tests, NULL, NULL);
}

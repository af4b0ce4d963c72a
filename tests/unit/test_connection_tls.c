/* What server/connection promises to clients that speak TLS: the same as to all others, whatever lies
 * between the socket and a request; and a handshake costs nobody else anything. */
#include "server/connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/keeper.h"
#include "tests/support/fault.h"
#include "tests/support/house.h"
#include "tests/support/promise.h"

enum { BIG = 3 * 1024 * 1024 };

/* ---- what is served ------------------------------------------------------------------- */

static struct {
    int  worked;
    int  file;
    char big[BIG];
} shop;

static enum wherry_next hello(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_set_body(exchange, wherry_text("hello"));
    return WHERRY_ANSWER;
}

static enum wherry_next echo(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_set_status(exchange, 201);
    wherry_set_body(exchange, wherry_body(exchange));
    return WHERRY_ANSWER;
}

static enum wherry_next work(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    shop.worked++;
    wherry_copy_body(exchange, wherry_text("worked"));
    return WHERRY_ANSWER;
}

static bool is_intact(void *owner)
{
    (void)owner;
    return true;
}

static enum wherry_next file(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_set_file(exchange, shop.file, BIG, is_intact);
    return WHERRY_ANSWER;
}

static enum wherry_next big(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_set_body(exchange, (struct wherry_slice){shop.big, BIG});
    return WHERRY_ANSWER;
}

static const struct wherry_route routes[] = {
    {.pattern = "/hello", .methods = WHERRY_GET | WHERRY_HEAD, .look = hello},
    {.pattern = "/echo", .methods = WHERRY_POST, .wants_body = true, .work = echo},
    {.pattern = "/work", .methods = WHERRY_GET, .work = work},
    {.pattern = "/file", .methods = WHERRY_GET, .look = file},
    {.pattern = "/big", .methods = WHERRY_GET, .look = big},
};

static void open_shop_with(struct house *house, const struct wherry_settings *settings)
{
    house_open(house, settings);
    house_secure(house);
    for (size_t i = 0; i < COUNTOF(routes); i++)
        assert_true(wherry_server_route(house->server, &routes[i]));
    shop.worked = 0;
}

static void open_shop(struct house *house)
{
    struct wherry_settings settings;

    house_settings(&settings);
    open_shop_with(house, &settings);
}

static void close_shop(struct house *house)
{
    house_run(house);
    assert_true(house_is_empty(house));
    house_close(house);
}

static int fill_shop(void **state)
{
    (void)state;
    for (size_t i = 0; i < BIG; i++)
        shop.big[i] = (char)(i * i / 7 + i);
    shop.file = memfd_create("big", MFD_CLOEXEC);
    assert_int_equal(pwrite(shop.file, shop.big, BIG, 0), BIG);
    return 0;
}

static int empty_shop(void **state)
{
    (void)state;
    close(shop.file);
    return 0;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

#define HEARS(house, guest, wanted)                                                            \
    do {                                                                                       \
        struct buf words_ = BUF_UP_TO(1 << 20);                                                \
                                                                                               \
        house_run(house);                                                                      \
        PROMISED_STR(wanted, guest_summary((guest), &words_), wanted);                         \
        buf_fini(&words_);                                                                     \
    } while (0)

static const struct caller_wish anything;

static const struct version {
    const char        *name;
    struct caller_wish wish;
} versions[] = {
    {"TLS 1.2", {.max = TLS1_2_VERSION}},
    {"TLS 1.3", {.min = TLS1_3_VERSION}},
};

/* A newcomer who has agreed with us and said nothing yet. */
static void welcome(struct house *house, struct guest *guest, const struct caller_wish *wish)
{
    house_admit_to_tls(house, guest, wish);
    assert_non_null(guest->conn);
    conn_run(guest->conn, &house->worker);
    assert_true(house_shakes_hands(house, guest));
}

/* Whatever is said plainly to the port for TLS. */
static void welcome_plain(struct house *house, struct guest *guest)
{
    house_admit_to_tls(house, guest, NULL);
    assert_non_null(guest->conn);
    conn_run(guest->conn, &house->worker);
}

/* ---- dialogues ------------------------------------------------------------------------ */

#define LINE64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define CHUNKS "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"

/* clang-format off */
static const struct dialogue {
    const char *promise;
    const char *said;
    const char *heard;
    bool        ends;               /* with a close_notify */
} dialogues[] = {
    {"a request is answered",           GET("/hello"), "200 hello, open", false},
    {"several at once, in order",       GET("/hello") GET("/none") GET("/work") GET("/hello"),
                                        "200 hello, 404, 200 worked, 200 hello, open", false},
    {"a body and what is behind it",    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde" GET("/hello"),
                                        "201 abcde, 200 hello, open", false},
    {"a body in chunks",                "POST /echo HTTP/1.1\r\nHost: x\r\n" CHUNKS GET("/hello"),
                                        "201 abcde, 200 hello, open", false},
    {"a body as long as may be",        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 64\r\n\r\n" LINE64 GET("/hello"),
                                        "201 " LINE64 ", 200 hello, open", false},
    {"a body that is too long",         "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 65\r\n\r\n" LINE64 "x",
                                        "413 close, ended", false},
    {"the last one closes",             GET("/hello") "GET /work HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" GET("/hello"),
                                        "200 hello, 200 worked close, ended", false},
    {"nonsense behind a good one",      GET("/hello") "nonsense\r\n\r\n", "200 hello, 400 close, ended", false},
    {"who ends his side is answered",   GET("/work") GET("/hello"), "200 worked, 200 hello, ended", true},
    {"half a request is none",          GET("/hello") "GET /hel", "200 hello, ended", true},
    {"half a body is refused",          "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabc", "400 close, ended", true},
    {"who says nothing hears nothing",  "", "ended", true},
    /* RFC 9110 §7.4 */
    {"https may be asked for",          "GET https://x/hello HTTP/1.1\r\nHost: x\r\n\r\n", "200 hello, open", false},
};
/* clang-format on */

/* As it is said: records of so many bytes, posted so many bytes at a time. */
static void speak(struct house *house, const struct dialogue *d, const struct version *v,
                  size_t record, size_t piece)
{
    struct str   said = str_view(d->said);
    struct guest guest;

    welcome(house, &guest, &v->wish);
    while (said.len) {
        size_t n = MIN_OF(record, said.len);

        caller_says(&guest.caller, str_of(said.ptr, n));
        said = str_from(said, n);
    }
    if (d->ends)
        caller_says_end(&guest.caller);
    while (caller_post(&guest.caller, piece) > 0)
        house_run(house);
    if (d->ends)
        shutdown(guest.fd, SHUT_WR);
    HEARS(house, &guest, d->heard);
    PROMISED_NUMBER("the end is said", caller_heard_end(&guest.caller), guest.has_ended);
    guest_leave(&guest);
    house_run(house);
    PROMISED(d->promise, house_is_empty(house));
}

static void the_answer_is_the_same_however_it_was_sealed_and_cut(void **state)
{
    static const struct {
        size_t record, piece;
    } cuts[] = {{SIZE_MAX, SIZE_MAX}, {SIZE_MAX, 1}, {1, SIZE_MAX}, {7, 1}, {7, 10}, {20, 64}};
    struct house house;

    (void)state;
    open_shop(&house);
    for (size_t i = 0; i < COUNTOF(dialogues); i++)
        for (size_t v = 0; v < COUNTOF(versions); v++)
            for (size_t c = 0; c < COUNTOF(cuts); c++)
                speak(&house, &dialogues[i], &versions[v], cuts[c].record, cuts[c].piece);
    close_shop(&house);
}

/* The request is there before the handshake has ended on our side: no event will tell of it. */
static void a_request_may_come_with_the_end_of_the_handshake(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_shop(&house);
    house_admit_to_tls(&house, &guest, &versions[1].wish);
    conn_run(guest.conn, &house.worker);
    caller_shakes(&guest.caller);
    caller_post(&guest.caller, SIZE_MAX);
    house_run(&house);
    caller_fetch(&guest.caller);
    assert_true(caller_shakes(&guest.caller));
    guest_say_text(&guest, GET("/hello"));
    HEARS(&house, &guest, "200 hello, open");
    guest_leave(&guest);
    close_shop(&house);
}

/* A handshake and a request; calls of ours may fail meanwhile, the client's do not. */
static void converse(struct house *house, struct guest *guest, const struct version *version)
{
    bool has_spoken = false;

    house_admit_to_tls(house, guest, &version->wish);
    fault_spare_me(false);
    conn_run(guest->conn, &house->worker);
    fault_spare_me(true);
    for (int round = 0; round < 6; round++) {
        if (caller_shakes(&guest->caller) && !has_spoken) {
            caller_says(&guest->caller, STR(GET("/work")));
            has_spoken = true;
        }
        caller_post(&guest->caller, SIZE_MAX);
        fault_spare_me(false);
        house_run(house);
        fault_spare_me(true);
        caller_fetch(&guest->caller);
    }
}

static const struct fault_case {
    const char     *promise;
    enum fault_call call;
    int             error;
    bool            is_harmless;
} faults[] = {
    {"no memory", FAULT_ALLOCATION, ENOMEM, false},
    {"a reset", FAULT_RECV, ECONNRESET, false},
    {"the end", FAULT_RECV, FAULT_END, false},
    {"a signal", FAULT_RECV, EINTR, true},
    {"nothing yet", FAULT_RECV, EAGAIN, true},
    {"only one byte", FAULT_RECV, FAULT_SHORT, true},
};

static void whatever_fails_nothing_is_kept(void **state)
{
    bool is_spared = fault_spare_me(true);

    (void)state;
    for (size_t v = 0; v < COUNTOF(versions); v++)
        for (size_t i = 0; i < COUNTOF(faults); i++) {
            const struct fault_case *f = &faults[i];
            struct house             house;
            size_t                   n;

            open_shop(&house);
            for (n = 1; fault_next(n, f->call, f->error); n++) {
                struct guest guest;
                bool         has_struck;

                converse(&house, &guest, &versions[v]);
                has_struck = fault_off();
                if (f->is_harmless || !has_struck)
                    HEARS(&house, &guest, "200 worked, open");
                guest_leave(&guest);
                house_run(&house);
                PROMISED(f->promise, house_is_empty(&house));
                worker_fini(&house.worker);
                worker_init(&house.worker, house.server);
            }
            PROMISED("it could fail in several places", n > 4);
            close_shop(&house);
        }
    fault_spare_me(is_spared);
}

/* ---- the handshake's time ------------------------------------------------------------- */

static void who_does_not_begin_is_told_nothing(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_shop(&house);
    welcome_plain(&house, &guest);
    house_pass_time(&house, 9999);
    HEARS(&house, &guest, "open");
    house_pass_time(&house, 1);
    HEARS(&house, &guest, "ended");
    guest_leave(&guest);
    close_shop(&house);
}

static void a_handshake_that_trickles_does_not_move_its_deadline(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_shop(&house);
    house_admit_to_tls(&house, &guest, &anything);
    conn_run(guest.conn, &house.worker);
    caller_shakes(&guest.caller);
    for (int i = 0; i < 10; i++) {
        PROMISED("it goes on", !guest.has_ended);
        caller_post(&guest.caller, 10);
        house_run(&house);
        guest_listen(&guest);
        house_pass_time(&house, 1000);
    }
    HEARS(&house, &guest, "ended");
    assert_int_equal(guest.caller.raw.len, 0);
    guest_leave(&guest);
    close_shop(&house);
}

/* The time for a head begins when the handshake has ended. */
static void after_it_there_is_time_for_a_head(void **state)
{
    struct house house;
    struct guest quiet, slow;

    (void)state;
    open_shop(&house);
    house_admit_to_tls(&house, &quiet, &anything);
    house_admit_to_tls(&house, &slow, &anything);
    conn_run(quiet.conn, &house.worker);
    conn_run(slow.conn, &house.worker);
    house_pass_time(&house, 9000);
    assert_true(house_shakes_hands(&house, &quiet));
    assert_true(house_shakes_hands(&house, &slow));
    guest_say_text(&slow, "GET /hel");
    house_run(&house);
    house_pass_time(&house, 9999);
    HEARS(&house, &quiet, "open");
    HEARS(&house, &slow, "open");
    house_pass_time(&house, 1);
    HEARS(&house, &quiet, "ended");         /* who said nothing is told nothing */
    HEARS(&house, &slow, "408 close, ended");
    assert_true(caller_heard_end(&quiet.caller) && caller_heard_end(&slow.caller));
    guest_leave(&quiet);
    guest_leave(&slow);
    close_shop(&house);
}

/* Half a record is not a word: the time goes on. */
static void records_that_trickle_do_not_move_a_deadline(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_shop(&house);
    welcome(&house, &guest, &anything);
    guest_say_text(&guest, GET("/hello"));
    HEARS(&house, &guest, "200 hello, open");
    caller_says(&guest.caller, STR(GET("/hello")));
    for (int i = 0; i < 6; i++) {
        caller_post(&guest.caller, 1);
        HEARS(&house, &guest, "200 hello, open");
        house_pass_time(&house, 10000);
    }
    HEARS(&house, &guest, "200 hello, ended");
    guest_leave(&guest);
    close_shop(&house);
}

/* ---- who does not speak TLS ----------------------------------------------------------- */

static const struct plain_case {
    const char *promise;
    const char *said;
    bool        redirects;
    int         public_port;
    const char *heard;
    const char *location;           /* NULL: none */
} plain_cases[] = {
    {"HTTP is refused where it can be read", GET("/hello"), false, -1, "400 close, ended", NULL},
    {"noise is noise", "nonsense\r\n\r\n", false, -1, "400 close, ended", NULL},
    {"a request is sent to where it belongs", "GET /a?b HTTP/1.1\r\nHost: x:8443\r\n\r\n", true, -1,
     "308 This page is served by HTTPS.\n close, ended", "https://x:8443/a?b"},
    {"also when it came by the other port's name", "GET /a HTTP/1.1\r\nHost: x:8080\r\n\r\n", true, -1,
     "308 This page is served by HTTPS.\n close, ended", "https://x:8443/a"},
    {"noise is nowhere at home", "nonsense\r\n\r\n", true, -1, "400 close, ended", NULL},
    {"a port that nobody knows", "GET /a HTTP/1.1\r\nHost: x:1\r\n\r\n", true, -1, "400 close, ended",
     NULL},
};

static void who_does_not_speak_TLS_gets_an_answer_that_he_can_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(plain_cases); i++)
        for (size_t piece = 1; piece <= 100; piece += 99) {
            const struct plain_case *c = &plain_cases[i];
            char         line[128];
            struct house house;
            struct guest guest;

            open_shop(&house);
            house.server->settings.tls.redirects = c->redirects;
            house.server->ports = (struct redirect_ports){8080, 8443, c->public_port};
            welcome_plain(&house, &guest);
            for (struct str said = str_view(c->said); said.len; said = str_from(said, piece)) {
                guest_say(&guest, str_of(said.ptr, MIN_OF(piece, said.len)));
                house_run(&house);
            }
            HEARS(&house, &guest, c->heard);
            snprintf(line, sizeof line, "\r\nLocation: %s\r\n", c->location ? c->location : "");
            PROMISED_NUMBER(c->promise, memmem(guest.heard.ptr, guest.heard.len, line, strlen(line))
                            != NULL, c->location != NULL);
            guest_leave(&guest);
            close_shop(&house);
        }
}

static void noise_behind_the_first_byte_ends_it(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_shop(&house);
    welcome_plain(&house, &guest);
    guest_say_text(&guest, "\x16" GET("/hello"));
    house_run(&house);
    guest_listen(&guest);
    assert_true(guest.has_ended);
    assert_false(str_starts(buf_view(&guest.heard), STR("HTTP")));
    guest_leave(&guest);
    close_shop(&house);
}

static void who_leaves_in_the_middle_leaves_nothing_behind(void **state)
{
    struct house house;

    (void)state;
    open_shop(&house);
    for (size_t cut = 0; cut < 400; cut += 13) {
        struct guest guest;

        house_admit_to_tls(&house, &guest, &anything);
        conn_run(guest.conn, &house.worker);
        caller_shakes(&guest.caller);
        caller_post(&guest.caller, cut);
        house_run(&house);
        guest_leave(&guest);
        house_run(&house);
        PROMISED("nothing is kept", house_is_empty(&house));
    }
    close_shop(&house);
}

/* ---- what is borrowed ----------------------------------------------------------------- */

static void who_waits_holds_nothing(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_shop(&house);
    house_admit_to_tls(&house, &guest, &anything);
    conn_run(guest.conn, &house.worker);
    assert_null(guest.conn->work);                  /* before the first byte */
    assert_null(guest.conn->transport.session);
    caller_shakes(&guest.caller);
    caller_post(&guest.caller, SIZE_MAX);
    house_run(&house);
    assert_null(guest.conn->work);                  /* in the middle of the handshake */
    assert_true(house_shakes_hands(&house, &guest));
    assert_null(guest.conn->work);                  /* at its end */
    assert_true(atomic_load(&guest.conn->idle_since_ms) != CLOCK_NEVER);
    guest_say_text(&guest, "GET /hello HTTP/1.1\r\n");
    house_run(&house);
    assert_non_null(guest.conn->work);              /* half a head */
    guest_say_text(&guest, "Host: x\r\n\r\n");
    HEARS(&house, &guest, "200 hello, open");
    assert_null(guest.conn->work);                  /* between two requests */
    assert_true(atomic_load(&guest.conn->idle_since_ms) != CLOCK_NEVER);
    caller_says(&guest.caller, STR(GET("/hello")));
    caller_post(&guest.caller, 10);
    house_run(&house);
    assert_null(guest.conn->work);                  /* half a record lies with OpenSSL */
    caller_post(&guest.caller, SIZE_MAX);
    HEARS(&house, &guest, "200 hello, 200 hello, open");
    guest_leave(&guest);
    close_shop(&house);
}

/* ---- the budget of a turn ------------------------------------------------------------- */

static size_t count_answers(struct str heard)
{
    size_t count = 0;

    for (const char *at = heard.ptr; (at = memmem(at, (size_t)(heard.ptr + heard.len - at),
                                                  "HTTP/1.1 200", 12));
         at++)
        count++;
    return count;
}

/* What is left lies in OpenSSL's buffer, or in ours: no event will ever tell of it. */
static void what_lies_in_a_buffer_is_not_forgotten(void **state)
{
    static const size_t records[] = {16384, 5000, 35};
    enum { REQUESTS = 450 };                        /* a record full */

    (void)state;
    for (size_t i = 0; i < COUNTOF(records); i++)
        for (size_t v = 0; v < COUNTOF(versions); v++) {
            struct buf   text = BUF_UP_TO(1 << 20);
            struct str   rest;
            struct house house;
            struct guest guest;

            open_shop(&house);
            for (size_t n = 0; n < REQUESTS; n++)
                buf_append(&text, STR(GET("/hello")));
            welcome(&house, &guest, &versions[v].wish);
            for (rest = buf_view(&text); rest.len; rest = str_from(rest, records[i]))
                caller_says(&guest.caller, str_of(rest.ptr, MIN_OF(records[i], rest.len)));
            caller_post(&guest.caller, SIZE_MAX);
            for (size_t turns = 1; turns * TURN_REQUESTS < REQUESTS + TURN_REQUESTS; turns++) {
                PROMISED("it goes on by itself", house_run_batch(&house));
                PROMISED_NUMBER("as much as a turn may", count_answers(guest_listen(&guest)),
                                MIN_OF(turns * TURN_REQUESTS, (size_t)REQUESTS));
            }
            guest_leave(&guest);
            close_shop(&house);
            buf_fini(&text);
        }
}

/* A body behind its head in the same record, more than the input holds. */
static void a_long_body_in_full_records_is_read(void **state)
{
    enum { BODY = 100 * 1000 };
    struct wherry_settings settings;
    struct house           house;
    struct guest           guest;
    struct buf             text = BUF_UP_TO(1 << 20);

    (void)state;
    house_settings(&settings);
    settings.body_bytes_max = BODY;
    open_shop_with(&house, &settings);
    buf_append(&text, STR("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"));
    buf_append(&text, str_of(shop.big, BODY));
    buf_append(&text, STR(GET("/hello")));
    welcome(&house, &guest, &anything);
    guest_say(&guest, buf_view(&text));
    house_run(&house);
    assert_true(str_ends(guest_listen(&guest), STR("\r\n\r\nhello")));
    assert_non_null(memmem(guest.heard.ptr, guest.heard.len, shop.big, BODY));
    guest_leave(&guest);
    close_shop(&house);
    buf_fini(&text);
}

static void large_answers_reach_who_is_slow(void **state)
{
    static const char *const asked[] = {GET("/file"), GET("/big")};

    (void)state;
    for (size_t i = 0; i < COUNTOF(asked); i++)
        for (size_t v = 0; v < COUNTOF(versions); v++) {
            struct house house;
            struct guest guest;
            struct str   heard;

            open_shop(&house);
            welcome(&house, &guest, &versions[v].wish);
            guest_say_text(&guest, asked[i]);
            guest_say_text(&guest, GET("/hello"));
            house_run(&house);
            do {
                heard = guest_listen(&guest);
                house_run(&house);
            } while (heard.len < guest_listen(&guest).len);
            PROMISED("and the next one", str_ends(heard, STR("\r\n\r\nhello")));
            PROMISED("all of it", memmem(heard.ptr, heard.len, shop.big, BIG));
            guest_leave(&guest);
            close_shop(&house);
        }
}

static void an_answer_must_be_taken(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_shop(&house);
    welcome(&house, &guest, &anything);
    guest_say_text(&guest, GET("/file"));
    house_run(&house);
    house_pass_time(&house, 59999);
    assert_int_equal(slab_count_open(&house.server->slab), 1);
    house_pass_time(&house, 1);
    assert_int_equal(slab_count_open(&house.server->slab), 0);
    guest_leave(&guest);
    close_shop(&house);
}

/* ---- from outside --------------------------------------------------------------------- */

/* An answer would cost us a handshake. */
static void who_is_turned_away_is_not_answered(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_shop(&house);
    house_admit_to_tls(&house, &guest, &anything);
    caller_shakes(&guest.caller);
    caller_post(&guest.caller, SIZE_MAX);
    conn_turn_away(guest.conn, &house.worker);
    guest_listen(&guest);
    assert_true(guest.has_ended);
    assert_int_equal(guest.caller.raw.len, 0);
    assert_int_equal(slab_count_open(&house.server->slab), 0);
    guest_leave(&guest);
    close_shop(&house);
}

static void who_was_parked_is_answered_when_he_speaks(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_shop(&house);
    house_admit_to_tls(&house, &guest, &anything);
    conn_park(guest.conn, &house.worker);
    assert_true(house_shakes_hands(&house, &guest));
    guest_say_text(&guest, GET("/hello"));
    HEARS(&house, &guest, "200 hello, open");
    guest_leave(&guest);
    close_shop(&house);
}

static void a_server_that_drains_says_so(void **state)
{
    struct house house;
    struct guest guest, late;

    (void)state;
    open_shop(&house);
    welcome(&house, &guest, &anything);
    guest_say_text(&guest, GET("/hello"));
    HEARS(&house, &guest, "200 hello, open");
    house_admit_to_tls(&house, &late, &anything);
    conn_run(late.conn, &house.worker);
    caller_shakes(&late.caller);
    caller_post(&late.caller, SIZE_MAX);
    house_run(&house);
    atomic_store(&house.server->is_draining, true);
    guest_say_text(&guest, GET("/work") GET("/hello"));
    HEARS(&house, &guest, "200 hello, 200 worked close, ended");
    assert_true(caller_heard_end(&guest.caller));
    assert_true(house_shakes_hands(&house, &late));
    guest_say_text(&late, GET("/hello"));
    HEARS(&house, &late, "200 hello close, ended");
    assert_true(caller_heard_end(&late.caller));
    guest_leave(&guest);
    guest_leave(&late);
    close_shop(&house);
}

/* Who is in the middle of a handshake may be put out like anybody who waits. */
static void who_is_idle_makes_room(void **state)
{
    struct house house;
    struct guest silent, shaking, idle;

    (void)state;
    open_shop(&house);
    welcome_plain(&house, &silent);
    house_admit_to_tls(&house, &shaking, &anything);
    conn_run(shaking.conn, &house.worker);
    caller_shakes(&shaking.caller);
    caller_post(&shaking.caller, SIZE_MAX);
    house_run(&house);
    welcome(&house, &idle, &anything);
    guest_say_text(&idle, GET("/hello"));
    HEARS(&house, &idle, "200 hello, open");
    house.worker.moment.now.ms += KEEPER_GRACE_MS;
    assert_true(server_evict(house.server, &house.worker));
    guest_listen(&silent);
    guest_listen(&shaking);
    guest_listen(&idle);
    assert_true(silent.has_ended && shaking.has_ended && idle.has_ended);
    assert_true(caller_heard_end(&idle.caller));
    guest_leave(&silent);
    guest_leave(&shaking);
    guest_leave(&idle);
    close_shop(&house);
}

/* ---- new keys ------------------------------------------------------------------------- */

/* RFC 8446 §4.6.3 */
static void who_does_nothing_but_change_keys_is_put_out(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_shop(&house);
    welcome(&house, &guest, &versions[1].wish);
    for (int i = 0; i < 5; i++)
        caller_changes_keys(&guest.caller, true);
    guest_say_text(&guest, GET("/hello"));
    HEARS(&house, &guest, "200 hello, open");
    for (int i = 0; i < 100; i++)
        caller_changes_keys(&guest.caller, false);
    caller_post(&guest.caller, SIZE_MAX);
    HEARS(&house, &guest, "200 hello, ended");
    guest_leave(&guest);
    close_shop(&house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_is_the_same_however_it_was_sealed_and_cut),
        cmocka_unit_test(a_request_may_come_with_the_end_of_the_handshake),
        cmocka_unit_test(whatever_fails_nothing_is_kept),
        cmocka_unit_test(who_does_not_begin_is_told_nothing),
        cmocka_unit_test(a_handshake_that_trickles_does_not_move_its_deadline),
        cmocka_unit_test(after_it_there_is_time_for_a_head),
        cmocka_unit_test(records_that_trickle_do_not_move_a_deadline),
        cmocka_unit_test(who_does_not_speak_TLS_gets_an_answer_that_he_can_read),
        cmocka_unit_test(noise_behind_the_first_byte_ends_it),
        cmocka_unit_test(who_leaves_in_the_middle_leaves_nothing_behind),
        cmocka_unit_test(who_waits_holds_nothing),
        cmocka_unit_test(what_lies_in_a_buffer_is_not_forgotten),
        cmocka_unit_test(a_long_body_in_full_records_is_read),
        cmocka_unit_test(large_answers_reach_who_is_slow),
        cmocka_unit_test(an_answer_must_be_taken),
        cmocka_unit_test(who_is_turned_away_is_not_answered),
        cmocka_unit_test(who_was_parked_is_answered_when_he_speaks),
        cmocka_unit_test(a_server_that_drains_says_so),
        cmocka_unit_test(who_is_idle_makes_room),
        cmocka_unit_test(who_does_nothing_but_change_keys_is_put_out),
    };

    return cmocka_run_group_tests(tests, fill_shop, empty_shop);
}

/* What server/connection promises: every request its answer, in order, however its bytes arrive; and
 * whatever happens, nothing is kept that was borrowed. */
#include "server/keeper.h"
#include "server/connection.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/alloc_fail.h"
#include "tests/support/house.h"
#include "tests/support/promise.h"

enum { BIG = 3 * 1024 * 1024 };

/* ---- what is served ------------------------------------------------------------------- */

static struct {
    int  worked, released;
    int  file;
    bool is_intact;
    char big[BIG];
    struct house *house;            /* for a handler that looks at its worker */
    bool batch_was_given_back;
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
    if (shop.house)
        shop.batch_was_given_back = shop.house->worker.batch_at == shop.house->worker.batch_end;
    wherry_copy_body(exchange, wherry_text("worked"));
    return WHERRY_ANSWER;
}

static enum wherry_next give_up(struct wherry_exchange *exchange, void *data)
{
    (void)exchange, (void)data;
    return WHERRY_FAIL;
}

static void released(void *owner)
{
    (void)owner;
    shop.released++;
}

static bool is_intact(void *owner)
{
    (void)owner;
    return shop.is_intact;
}

static enum wherry_next file(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_set_file(exchange, shop.file, BIG, is_intact);
    wherry_on_release(exchange, released, NULL);
    return WHERRY_ANSWER;
}

static enum wherry_next big(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_set_body(exchange, (struct wherry_slice){shop.big, BIG});
    wherry_on_release(exchange, released, NULL);
    return WHERRY_ANSWER;
}

static const struct wherry_route routes[] = {
    {.pattern = "/hello", .methods = WHERRY_GET | WHERRY_HEAD, .look = hello},
    {.pattern = "/echo", .methods = WHERRY_POST, .wants_body = true, .work = echo},
    {.pattern = "/work", .methods = WHERRY_GET | WHERRY_POST, .work = work},
    {.pattern = "/fail", .methods = WHERRY_GET, .look = give_up},
    {.pattern = "/file", .methods = WHERRY_GET, .look = file},
    {.pattern = "/big", .methods = WHERRY_GET, .look = big},
};

/* The shop stays as it is between tests but for its counters. */
static void open_shop_with(struct house *house, const struct wherry_settings *settings)
{
    house_open(house, settings);
    for (size_t i = 0; i < COUNTOF(routes); i++)
        assert_true(wherry_server_route(house->server, &routes[i]));
    shop.worked = shop.released = 0;
    shop.is_intact = true;
    shop.house = NULL;
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

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

/* Says, listens, and promises what came back in a word. */
#define HEARS(house, guest, wanted)                                                            \
    do {                                                                                       \
        struct buf words_ = BUF_UP_TO(1 << 20);                                                \
                                                                                               \
        house_run(house);                                                                      \
        PROMISED_STR(wanted, guest_summary((guest), &words_), wanted);                         \
        buf_fini(&words_);                                                                     \
    } while (0)

/* ---- dialogues ------------------------------------------------------------------------ */

#define LINE64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

enum { WHOLE_ONLY = 1, ENDS = 2 };      /* how a dialogue may be cut; the client says it is done */

/* clang-format off */
static const struct dialogue {
    const char *promise;
    const char *said;
    const char *heard;
    unsigned    how;
} dialogues[] = {
    {"a request is answered",               GET("/hello"), "200 hello, open", 0},
    {"one in HTTP/1.0, and that was it",    "GET /hello HTTP/1.0\r\n\r\n", "200 hello close, ended", 0},
    {"HTTP/1.0 may stay when it says so",   "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
                                            "200 hello keep-alive, open", 0},
    {"who wants to go may",                 "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                                            "200 hello close, ended", 0},
    {"an empty line before it is nothing",  "\r\n" GET("/hello"), "200 hello, open", 0},
    {"a handler's work",                    GET("/work"), "200 worked, open", 0},
    {"what is not there",                   GET("/none") GET("/hello"), "404, 200 hello, open", 0},
    {"what may not be done",                "PUT /hello HTTP/1.1\r\nHost: x\r\n\r\n" GET("/hello"), "405, 200 hello, open", 0},
    {"a handler that fails",                GET("/fail") GET("/hello"), "500, 200 hello, open", 0},
    {"several at once, in order",           GET("/hello") GET("/none") GET("/work") GET("/hello"),
                                            "200 hello, 404, 200 worked, 200 hello, open", 0},
    {"the last one closes, and what follows is not heard",
                                            GET("/hello") "GET /work HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" GET("/hello"),
                                            "200 hello, 200 worked close, ended", 0},

    /* RFC 9112 §6 */
    {"a body by its length",                "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde",
                                            "201 abcde, open", 0},
    {"and the next request behind it",      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde" GET("/hello"),
                                            "201 abcde, 200 hello, open", 0},
    {"a body behind another request",       GET("/work") "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde" GET("/hello"),
                                            "200 worked, 201 abcde, 200 hello, open", 0},
    {"no body is no body",                  "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" GET("/hello"),
                                            "201, 200 hello, open", 0},
    {"a body in chunks",                    "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                                            "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: x\r\n\r\n" GET("/hello"),
                                            "201 abcde, 200 hello, open", 0},
    {"no chunks at all",                    "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET("/hello"),
                                            "201, 200 hello, open", 0},
    {"a body nobody wants",                 "POST /work HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde" GET("/hello"),
                                            "200 worked, 200 hello, open", 0},
    {"a body where none belongs",           "GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde" GET("/hello"),
                                            "200 hello, 200 hello, open", 0},
    {"a body as long as may be",            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 64\r\n\r\n" LINE64 GET("/hello"),
                                            "201 " LINE64 ", 200 hello, open", 0},
    {"one byte more is too long",           "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 65\r\n\r\n" LINE64 "x",
                                            "413 close, ended", 0},
    {"chunks as long as may be",            "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                                            "40\r\n" LINE64 "\r\n0\r\n\r\n",
                                            "201 " LINE64 ", open", 0},
    {"one byte more in chunks is too long", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                                            "40\r\n" LINE64 "\r\n1\r\nx\r\n0\r\n\r\n",
                                            "413 close, ended", 0},
    {"whatever comes behind that",          "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                                            "40\r\n" LINE64 "\r\n1\r\nx\r\nno size",
                                            "413 close, ended", 0},
    {"a body nobody wants has a limit too", "POST /work HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                                            "40\r\n" LINE64 "\r\n1\r\nx\r\n0\r\n\r\n",
                                            "413 close, ended", 0},
    {"a body that is refused is not read",  "POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde" GET("/hello"),
                                            "404 close, ended", 0},
    {"chunks that are none",                "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
                                            "400 close, ended", 0},
    {"one length or none",                  "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                                            "400 close, ended", 0},
    {"a body that ends too early",          "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabc",
                                            "400 close, ended", ENDS},

    /* RFC 9110 §10.1.1 */
    {"a body that comes at once needs no invitation",
                                            "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab",
                                            "201 ab, open", WHOLE_ONLY},
    {"nor one that will not be read",       "POST /none HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
                                            "404 close, ended", 0},
    {"nor one that is too long",            "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 65\r\n\r\n",
                                            "413 close, ended", 0},
    {"nor one that is not there",           "GET /hello HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n",
                                            "200 hello, open", 0},
    {"nor one whose answer is there",       "GET /hello HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
                                            "200 hello close, ended", 0},
    {"HTTP/1.0 does not know it",           "POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab",
                                            "201 ab close, ended", 0},
    {"another expectation is not met",      "GET /hello HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", "417 close, ended", 0},

    /* what cannot be read */
    {"nonsense",                            "nonsense\r\n\r\n", "400 close, ended", 0},
    {"behind a good one",                   GET("/hello") "GET / HTTP/1.1\r\n\r\n" GET("/hello"), "200 hello, 400 close, ended", 0},
    {"a head too large",                    "GET / HTTP/1.1\r\nHost: x\r\n"
                                            "A: " LINE64 LINE64 LINE64 LINE64 LINE64 LINE64 LINE64 LINE64 "\r\n\r\n",
                                            "431 close, ended", 0},
    {"a target too long",                   "GET /" LINE64 LINE64 LINE64 LINE64 " HTTP/1.1\r\nHost: x\r\n\r\n", "414 close, ended", 0},
    {"a method nobody knows",               "BREW / HTTP/1.1\r\nHost: x\r\n\r\n", "501 close, ended", 0},

    /* RFC 9112 §9.6; DESIGN.md, "Strictness" */
    {"who says that he is done is answered", GET("/hello"), "200 hello, ended", ENDS},
    {"all of it is, also work",             GET("/work") GET("/hello"), "200 worked, 200 hello, ended", ENDS},
    {"half a request is none",              "GET /hello HTTP/1.1\r\nHost", "ended", ENDS},
    {"and behind a whole one too",          GET("/hello") "GET /hel", "200 hello, ended", ENDS},
    {"who says nothing hears nothing",      "", "ended", ENDS},
};
/* clang-format on */

/* Says it in two pieces, `cut` bytes first, and each is dealt with before the next; with `cut` 0
 * byte by byte. */
static void say_in_pieces(struct house *house, struct guest *guest, struct str said, size_t cut)
{
    while (said.len) {
        size_t n = cut ? MIN_OF(cut, said.len) : 1;

        guest_say(guest, str_of(said.ptr, n));
        house_run(house);
        said = str_from(said, n);
        cut = cut ? said.len : 0;
    }
}

static void speak(struct house *house, const struct dialogue *d, size_t cut, struct buf *words)
{
    struct guest guest;

    house_welcome(house, &guest);
    say_in_pieces(house, &guest, str_view(d->said), cut);
    if (d->how & ENDS)
        guest_end(&guest);
    house_run(house);
    guest_summary(&guest, words);
    guest_leave(&guest);
    house_run(house);
}

static void the_answer_is_the_same_however_it_was_cut(void **state)
{
    struct house house;
    struct buf   words = BUF_UP_TO(4096);

    (void)state;
    open_shop(&house);
    for (size_t i = 0; i < COUNTOF(dialogues); i++) {
        const struct dialogue *d = &dialogues[i];
        size_t                 len = strlen(d->said);

        for (size_t cut = d->how & WHOLE_ONLY ? len : 0; cut <= len; cut++) {
            speak(&house, d, cut, &words);
            PROMISED_STR(d->promise, buf_view(&words), d->heard);
            PROMISED(d->promise, house_is_empty(&house));
        }
    }
    buf_fini(&words);
    close_shop(&house);
}

/* The first bytes are usually there when a newcomer is accepted. */
static void the_answer_is_the_same_for_who_speaks_before_he_is_let_in(void **state)
{
    struct house house;

    (void)state;
    open_shop(&house);
    for (size_t i = 0; i < COUNTOF(dialogues); i++) {
        const struct dialogue *d = &dialogues[i];
        struct guest           guest;

        house_admit(&house, &guest);
        guest_say_text(&guest, d->said);
        if (d->how & ENDS)
            guest_end(&guest);
        conn_run(guest.conn, &house.worker);
        HEARS(&house, &guest, d->heard);
        guest_leave(&guest);
    }
    close_shop(&house);
}

/* Every allocation fails once; what then happens is a shorter conversation, and nothing is kept. */
static void without_memory_a_connection_ends_and_nothing_is_kept(void **state)
{
    struct house house;
    struct buf   words = BUF_UP_TO(4096);

    (void)state;
    open_shop(&house);
    for (size_t i = 0; i < COUNTOF(dialogues); i++) {
        const struct dialogue *d = &dialogues[i];

        for (size_t n = 1; alloc_fail_next(n); n++) {
            struct guest guest;

            house_admit(&house, &guest);
            guest_say_text(&guest, d->said);
            conn_run(guest.conn, &house.worker);
            house_run(&house);
            if (!alloc_fail_off())
                n = SIZE_MAX - 1;       /* the round without a failure */
            guest_summary(&guest, &words);
            guest_leave(&guest);
            house_run(&house);
            PROMISED(d->promise, house_is_empty(&house));
            worker_fini(&house.worker);
            worker_init(&house.worker, house.server);
            if (n == SIZE_MAX - 1)
                break;
        }
    }
    buf_fini(&words);
    close_shop(&house);
}

/* Whatever the transport takes at once, the same bytes come out. */
static void the_answers_are_whole_wherever_writing_was_interrupted(void **state)
{
    static const char        said[] = GET("/hello") GET("/none") GET("/work") GET("/hello");
    const struct script_step reads[] = {{SCRIPT_GIVE, said, 0}};
    struct house             house;
    struct buf               whole = BUF_UP_TO(65536);

    (void)state;
    open_shop(&house);
    for (size_t most = 0; most < 700; most = most < 20 ? most + 1 : most + 97) {
        struct script_step writes[4096];
        struct scripted    peer = {.reads = SCRIPT_OF(reads)};
        struct guest       guest;

        for (size_t i = 0; i < COUNTOF(writes); i += 2) {
            writes[i] = (struct script_step){SCRIPT_TAKE, NULL, most};
            writes[i + 1] = (struct script_step){SCRIPT_BLOCK, NULL, 0};
        }
        if (most)
            peer.writes = SCRIPT_OF(writes);
        house_admit_scripted(&house, &guest, &peer);
        conn_run(guest.conn, &house.worker);
        for (size_t i = 0; i < COUNTOF(writes); i++)
            house_poke(&house, &guest);
        if (!most)
            buf_append(&whole, buf_view(&peer.written));
        /* Not the date: the second may have changed. */
        assert_int_equal(peer.written.len, whole.len);
        assert_true(str_ends(buf_view(&peer.written), STR("\r\n\r\nhello")));
        house_dismiss(&house, &guest, NULL);
        house_run(&house);
        scripted_fini(&peer);
    }
    buf_fini(&whole);
    house_close(&house);
}

/* RFC 9110 §10.1.1 */
static void who_asks_before_sending_is_told_to_go_on(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_shop(&house);
    house_welcome(&house, &guest);
    guest_say_text(&guest, "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                           "Content-Length: 4\r\n\r\n");
    HEARS(&house, &guest, "100, open");
    PROMISED_STR("100", guest_listen(&guest), "HTTP/1.1 100 Continue\r\n\r\n");
    guest_say_text(&guest, "ab");
    HEARS(&house, &guest, "100, open");         /* once */
    guest_say_text(&guest, "cd");
    HEARS(&house, &guest, "100, 201 abcd, open");
    guest_leave(&guest);
    close_shop(&house);
}

/* RFC 9112 §9.6: the peer gets the chance to read the answer before a reset could destroy it. */
static void who_is_refused_may_go_on_talking_for_a_while(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_shop(&house);
    house_welcome(&house, &guest);
    guest_say_text(&guest, "nonsense\r\n\r\n");
    HEARS(&house, &guest, "400 close, ended");
    for (int i = 0; i < 10; i++) {
        guest_say_text(&guest, GET("/work"));
        house_run(&house);
    }
    assert_int_equal(slab_count_open(&house.server->slab), 1);
    assert_int_equal(shop.worked, 0);
    house_pass_time(&house, CONN_LINGER_MS - 1);
    assert_int_equal(slab_count_open(&house.server->slab), 1);
    house_pass_time(&house, 1);
    assert_int_equal(slab_count_open(&house.server->slab), 0);
    guest_leave(&guest);
    close_shop(&house);
}

/* The answer may have used up the budget of the turn. */
static void a_while_begins_with_the_end_of_the_answer(void **state)
{
    const struct script_step reads[] = {{SCRIPT_GIVE, GET("/big"), 0}};
    struct scripted          peer = {.reads = SCRIPT_OF(reads)};
    struct house             house;
    struct guest             guest;

    (void)state;
    open_shop(&house);
    atomic_store(&house.server->is_draining, true);
    house_admit_scripted(&house, &guest, &peer);
    house.worker.moment.now.ms += 5000;
    conn_run(guest.conn, &house.worker);
    assert_true(peer.is_shut);
    assert_int_equal(atomic_load(&guest.conn->deadline_ms),
                     house.worker.moment.now.ms + CONN_LINGER_MS);
    house_pass_time(&house, CONN_LINGER_MS);
    assert_true(peer.is_closed);
    close_shop(&house);
    scripted_fini(&peer);
}

static void who_waits_for_the_next_request_holds_nothing(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_shop(&house);
    house_welcome(&house, &guest);
    assert_null(guest.conn->work);
    assert_true(atomic_load(&guest.conn->idle_since_ms) != CLOCK_NEVER);
    guest_say_text(&guest, "GET /hello HTTP/1.1\r\n");
    house_run(&house);
    assert_non_null(guest.conn->work);
    assert_true(atomic_load(&guest.conn->idle_since_ms) == CLOCK_NEVER);
    guest_say_text(&guest, "Host: x\r\n\r\n");
    HEARS(&house, &guest, "200 hello, open");
    assert_null(guest.conn->work);
    assert_true(atomic_load(&guest.conn->idle_since_ms) != CLOCK_NEVER);
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

/* `count` requests in one text. */
static struct buf many_requests(size_t count)
{
    struct buf text = BUF_UP_TO(1 << 20);

    for (size_t i = 0; i < count; i++)
        buf_append(&text, STR(GET("/hello")));
    return text;
}

static void two_hundred_at_once_are_all_answered(void **state)
{
    struct buf   text = many_requests(200);
    struct house house;
    struct guest guest;
    size_t       heard;

    (void)state;
    open_shop(&house);
    house_admit(&house, &guest);
    guest_say(&guest, buf_view(&text));
    conn_run(guest.conn, &house.worker);
    assert_int_equal(count_answers(guest_listen(&guest)), TURN_REQUESTS);
    do {            /* who does not listen is not answered for ever */
        heard = count_answers(guest_listen(&guest));
        house_run(&house);
    } while (heard < count_answers(guest_listen(&guest)));
    assert_int_equal(heard, 200);
    guest_leave(&guest);
    close_shop(&house);
    buf_fini(&text);
}

/* What is left lies in our own buffer: no event will ever tell of it. */
static void what_lies_in_our_buffer_is_not_forgotten(void **state)
{
    struct buf         text = many_requests(200);
    struct script_step reads[] = {{SCRIPT_GIVE, text.ptr, text.len}};
    struct scripted    peer = {.reads = SCRIPT_OF(reads)};
    struct house       house;
    struct guest       guest;

    (void)state;
    open_shop(&house);
    house_admit_scripted(&house, &guest, &peer);
    conn_run(guest.conn, &house.worker);
    for (size_t turns = 1; turns <= 4; turns++) {
        assert_int_equal(count_answers(buf_view(&peer.written)),
                         MIN_OF(turns * TURN_REQUESTS, (size_t)200));
        house_run_batch(&house);
    }
    house_dismiss(&house, &guest, NULL);
    close_shop(&house);
    scripted_fini(&peer);
    buf_fini(&text);
}

static void notify(struct scripted *scripted, void *context)
{
    struct conn *conn = context;

    (void)scripted;
    assert_false(source_claim(&conn->source));
}

/* Other connections wait in the worker's hands, so even who always has more to say goes to the
 * back of the queue. */
static void who_never_stops_talking_does_not_keep_a_worker(void **state)
{
    struct buf         text = many_requests(1000);
    struct script_step reads[] = {{SCRIPT_GIVE, text.ptr, text.len}};
    struct scripted    peer = {.reads = SCRIPT_OF(reads), .before_write = notify};
    struct house       house;
    struct guest       guest;

    (void)state;
    open_shop(&house);
    house_admit_scripted(&house, &guest, &peer);
    peer.context = guest.conn;
    conn_run(guest.conn, &house.worker);
    assert_int_equal(count_answers(buf_view(&peer.written)), TURN_REQUESTS);
    house_run(&house);
    assert_int_equal(count_answers(buf_view(&peer.written)), 1000);
    assert_in_range(house.turns, 1000 / TURN_REQUESTS, 1000 / TURN_REQUESTS + 3);
    house_run(&house);
    house_dismiss(&house, &guest, NULL);
    close_shop(&house);
    scripted_fini(&peer);
    buf_fini(&text);
}

static void large_answers_leave_in_turns(void **state)
{
    static const char *const asked[] = {GET("/file"), GET("/big")};
    struct house             house;

    (void)state;
    open_shop(&house);
    for (size_t i = 0; i < COUNTOF(asked); i++) {
        const struct script_step reads[] = {{SCRIPT_GIVE, asked[i], 0}};
        struct script_step       writes[BIG / 65536 + 1];
        struct scripted          peer = {.reads = SCRIPT_OF(reads), .writes = SCRIPT_OF(writes)};
        struct guest             guest;
        size_t                   before = 0;

        for (size_t w = 0; w < COUNTOF(writes); w++)
            writes[w] = (struct script_step){SCRIPT_TAKE, NULL, 65536};
        house_admit_scripted(&house, &guest, &peer);
        conn_run(guest.conn, &house.worker);
        while (peer.written.len < BIG) {
            assert_in_range(peer.written.len - before, TURN_BYTES / 2, TURN_BYTES + 65536);
            before = peer.written.len;
            assert_true(house_run_batch(&house));
        }
        house_run(&house);
        assert_memory_equal(peer.written.ptr + peer.written.len - BIG, shop.big, BIG);
        assert_int_equal(shop.released, i + 1);
        house_dismiss(&house, &guest, NULL);
        scripted_fini(&peer);
    }
    close_shop(&house);
}

static void slow_readers_get_all_of_it(void **state)
{
    static const char *const asked[] = {GET("/file"), GET("/big")};
    struct house             house;

    (void)state;
    open_shop(&house);
    for (size_t i = 0; i < COUNTOF(asked); i++) {
        struct guest guest;
        struct str   heard;

        house_welcome(&house, &guest);
        guest_say_text(&guest, asked[i]);
        guest_say_text(&guest, GET("/hello"));
        house_run(&house);
        do {
            heard = guest_listen(&guest);
            house_run(&house);
        } while (heard.len < guest_listen(&guest).len);
        assert_true(str_ends(heard, STR("\r\n\r\nhello")));
        assert_non_null(memmem(heard.ptr, heard.len, shop.big, BIG));
        assert_int_equal(shop.released, i + 1);
        guest_leave(&guest);
    }
    close_shop(&house);
}

static void a_file_that_changed_is_cut_not_finished(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_shop(&house);
    shop.is_intact = false;
    house_welcome(&house, &guest);
    guest_say_text(&guest, GET("/file") GET("/hello"));
    for (int i = 0; i < 100; i++) {
        house_run(&house);
        guest_listen(&guest);
    }
    assert_true(guest.has_ended);
    assert_true(guest_listen(&guest).len < BIG);
    assert_int_equal(shop.released, 1);
    guest_leave(&guest);
    close_shop(&house);
}

/* ---- deadlines ------------------------------------------------------------------------ */

static void bytes_that_trickle_do_not_move_a_deadline(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_shop(&house);
    house_welcome(&house, &guest);
    for (int i = 0; i < 10; i++) {
        guest_say(&guest, str_of(&GET("/hello")[i], 1));
        house_run(&house);
        HEARS(&house, &guest, "open");
        house_pass_time(&house, 1000);
    }
    HEARS(&house, &guest, "408 close, ended");
    guest_leave(&guest);
    close_shop(&house);
}

static void who_never_said_anything_is_told_nothing(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_shop(&house);
    house_welcome(&house, &guest);
    house_pass_time(&house, 9999);
    HEARS(&house, &guest, "open");
    house_pass_time(&house, 1);
    HEARS(&house, &guest, "ended");
    guest_leave(&guest);
    close_shop(&house);
}

static void who_is_idle_too_long_is_told_nothing(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_shop(&house);
    house_welcome(&house, &guest);
    for (int i = 0; i < 3; i++) {
        guest_say_text(&guest, GET("/hello"));
        house_run(&house);
        house_pass_time(&house, 59999);
    }
    HEARS(&house, &guest, "200 hello, 200 hello, 200 hello, open");
    house_pass_time(&house, 1);
    HEARS(&house, &guest, "200 hello, 200 hello, 200 hello, ended");
    guest_leave(&guest);
    close_shop(&house);
}

static void a_second_head_has_as_much_time_as_the_first(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_shop(&house);
    house_welcome(&house, &guest);
    guest_say_text(&guest, GET("/hello"));
    house_run(&house);
    house_pass_time(&house, 50000);
    guest_say_text(&guest, "GET");
    house_run(&house);
    house_pass_time(&house, 9999);
    HEARS(&house, &guest, "200 hello, open");
    house_pass_time(&house, 1);
    HEARS(&house, &guest, "200 hello, 408 close, ended");
    guest_leave(&guest);
    close_shop(&house);
}

/* Each 64 KiB earn a new one. */
static void a_body_must_make_progress(void **state)
{
    static char            bytes[PROGRESS_BYTES];
    struct wherry_settings settings;
    struct house           house;
    struct guest           guest;

    (void)state;
    house_settings(&settings);
    settings.body_bytes_max = 1024 * 1024;
    open_shop_with(&house, &settings);
    house_welcome(&house, &guest);
    guest_say_text(&guest, "POST /work HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
    house_run(&house);
    for (int i = 0; i < 3; i++) {
        house_pass_time(&house, 29999);
        guest_say(&guest, str_of(bytes, PROGRESS_BYTES));
        house_run(&house);
    }
    house_pass_time(&house, 29000);
    HEARS(&house, &guest, "open");
    guest_say(&guest, str_of(bytes, PROGRESS_BYTES - 1));
    house_run(&house);
    house_pass_time(&house, 1000);
    HEARS(&house, &guest, "408 close, ended");
    assert_int_equal(shop.worked, 0);
    guest_leave(&guest);
    close_shop(&house);
}

static void an_answer_must_be_taken(void **state)
{
    struct house house;
    struct guest guest;
    char         byte;

    (void)state;
    open_shop(&house);
    house_welcome(&house, &guest);
    guest_say_text(&guest, GET("/file"));
    house_run(&house);
    for (int i = 0; i < 59; i++) {
        assert_int_equal(recv(guest.fd, &byte, 1, 0), 1);
        house_run(&house);
        house_pass_time(&house, 1000);
    }
    assert_int_equal(slab_count_open(&house.server->slab), 1);
    assert_int_equal(shop.released, 0);
    house_pass_time(&house, 1000);
    assert_int_equal(slab_count_open(&house.server->slab), 0);
    assert_int_equal(shop.released, 1);
    guest_leave(&guest);
    close_shop(&house);
}

/* ---- permits -------------------------------------------------------------------------- */

static void who_gets_no_permit_waits_for_one(void **state)
{
    struct ticket ticket = TICKET_FRESH(PERMIT_BRIEF);
    struct house  house;
    struct guest  guest, other;

    (void)state;
    open_shop(&house);
    assert_true(permits_take(&house.server->permits, &ticket, 0));
    house_welcome(&house, &guest);
    house_welcome(&house, &other);
    guest_say_text(&guest, GET("/work") GET("/hello"));
    guest_say_text(&other, GET("/hello") GET("/work"));
    HEARS(&house, &guest, "open");
    HEARS(&house, &other, "200 hello, open");       /* who needs none is not held up */
    guest_say_text(&guest, GET("/hello"));          /* more bytes are no permit */
    HEARS(&house, &guest, "open");
    permits_leave(&house.server->permits, &ticket);
    HEARS(&house, &guest, "200 worked, 200 hello, 200 hello, open");
    HEARS(&house, &other, "200 hello, 200 worked, open");
    guest_leave(&guest);
    guest_leave(&other);
    close_shop(&house);
}

static void who_waits_too_long_is_told_to_come_again(void **state)
{
    struct ticket ticket = TICKET_FRESH(PERMIT_BRIEF);
    struct house  house;
    struct guest  guest;

    (void)state;
    open_shop(&house);
    assert_true(permits_take(&house.server->permits, &ticket, 0));
    house_welcome(&house, &guest);
    guest_say_text(&guest, GET("/work"));
    house_run(&house);
    house_pass_time(&house, 29999);
    HEARS(&house, &guest, "open");
    house_pass_time(&house, 1);
    HEARS(&house, &guest, "503 close, ended");
    assert_non_null(memmem(guest.heard.ptr, guest.heard.len, "\r\nRetry-After: 2\r\n", 18));
    permits_leave(&house.server->permits, &ticket);
    assert_int_equal(shop.worked, 0);
    guest_leave(&guest);
    close_shop(&house);
}

static void who_leaves_while_he_waits_leaves_no_permit_behind(void **state)
{
    struct ticket ticket = TICKET_FRESH(PERMIT_BRIEF);
    struct house  house;
    struct guest  guest;

    (void)state;
    open_shop(&house);
    assert_true(permits_take(&house.server->permits, &ticket, 0));
    house_welcome(&house, &guest);
    guest_say_text(&guest, GET("/work"));
    house_run(&house);
    guest_leave(&guest);
    house_run(&house);
    permits_leave(&house.server->permits, &ticket);
    close_shop(&house);
}

/* A permit and the end of patience at the same time: it is given back. */
static void a_permit_that_comes_too_late_goes_on_to_the_next(void **state)
{
    struct ticket ticket = TICKET_FRESH(PERMIT_BRIEF);
    struct house  house;
    struct guest  guest;

    (void)state;
    open_shop(&house);
    assert_true(permits_take(&house.server->permits, &ticket, 0));
    house_welcome(&house, &guest);
    guest_say_text(&guest, GET("/work"));
    house_run(&house);
    permits_leave(&house.server->permits, &ticket);     /* granted, and woken, but not run yet */
    house_pass_time(&house, 30000);
    HEARS(&house, &guest, "503 close, ended");
    guest_leave(&guest);
    close_shop(&house);
}

/* Who blocks does not keep what he has not begun. */
static void before_work_the_worker_gives_back_the_rest(void **state)
{
    struct house house;
    struct guest guests[3];

    (void)state;
    open_shop(&house);
    shop.house = &house;
    for (size_t i = 0; i < COUNTOF(guests); i++)
        house_welcome(&house, &guests[i]);
    for (size_t i = 0; i < COUNTOF(guests); i++)
        guest_say_text(&guests[i], GET("/work"));
    assert_true(house_run_batch(&house));
    assert_int_equal(shop.worked, 1);
    assert_true(shop.batch_was_given_back);
    for (size_t i = 0; i < COUNTOF(guests); i++) {
        HEARS(&house, &guests[i], "200 worked, open");
        guest_leave(&guests[i]);
    }
    close_shop(&house);
}

/* ---- from outside --------------------------------------------------------------------- */

static void who_is_turned_away_is_told_to_come_again(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_shop(&house);
    house_admit(&house, &guest);
    guest_say_text(&guest, GET("/hello"));
    conn_turn_away(guest.conn, &house.worker);
    HEARS(&house, &guest, "503 close, ended");
    assert_non_null(memmem(guest.heard.ptr, guest.heard.len, "\r\nRetry-After: 2\r\n", 18));
    guest_leave(&guest);
    close_shop(&house);
}

static void a_full_house_has_no_slot(void **state)
{
    struct wherry_settings settings;
    struct house           house;
    struct guest           guests[CONN_RESERVE + 2];

    (void)state;
    house_settings(&settings);
    settings.connections_max = 1;
    open_shop_with(&house, &settings);
    for (size_t i = 0; i < COUNTOF(guests); i++) {
        house_admit(&house, &guests[i]);
        assert_int_equal(guests[i].conn != NULL, i < CONN_RESERVE + 1);
        if (guests[i].conn)
            conn_park(guests[i].conn, &house.worker);
    }
    for (size_t i = 0; i < COUNTOF(guests); i++)
        guest_leave(&guests[i]);
    close_shop(&house);
}

static void who_was_parked_is_answered_when_he_speaks(void **state)
{
    struct house house;
    struct guest early, late;

    (void)state;
    open_shop(&house);
    house_admit(&house, &early);
    house_admit(&house, &late);
    guest_say_text(&early, GET("/hello"));
    conn_park(early.conn, &house.worker);
    conn_park(late.conn, &house.worker);
    guest_say_text(&late, GET("/hello"));
    HEARS(&house, &early, "200 hello, open");
    HEARS(&house, &late, "200 hello, open");
    guest_leave(&early);
    guest_leave(&late);
    close_shop(&house);
}

static void an_event_that_met_the_keeper_is_not_lost(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_shop(&house);
    house_welcome(&house, &guest);
    assert_true(source_claim_if_idle(&guest.conn->source));
    guest_say_text(&guest, GET("/hello"));
    house_run(&house);                      /* tells the keeper, which is not looking */
    HEARS(&house, &guest, "open");
    conn_leave(guest.conn);
    HEARS(&house, &guest, "200 hello, open");
    guest_leave(&guest);
    close_shop(&house);
}

static void a_server_that_drains_says_so(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_shop(&house);
    house_welcome(&house, &guest);
    guest_say_text(&guest, GET("/hello"));
    HEARS(&house, &guest, "200 hello, open");
    atomic_store(&house.server->is_draining, true);
    guest_say_text(&guest, GET("/work") GET("/hello"));
    HEARS(&house, &guest, "200 hello, 200 worked close, ended");
    guest_leave(&guest);
    close_shop(&house);
}

/* ---- making room ---------------------------------------------------------------------- */

static void who_is_idle_longest_goes_first(void **state)
{
    struct house house;
    struct guest guests[20];

    (void)state;
    open_shop(&house);
    for (size_t i = 0; i < COUNTOF(guests); i++) {
        house_welcome(&house, &guests[i]);
        house.worker.moment.now.ms++;
    }
    guest_say_text(&guests[0], "GET");              /* not idle */
    house_run(&house);
    assert_false(server_evict(house.server, &house.worker));    /* they may still want to speak */
    house.worker.moment.now.ms += KEEPER_GRACE_MS;
    assert_true(server_evict(house.server, &house.worker));
    for (size_t i = 0; i < COUNTOF(guests); i++) {
        guest_listen(&guests[i]);
        assert_int_equal(guests[i].has_ended, i >= 1 && i <= 16);
    }
    assert_true(server_evict(house.server, &house.worker));
    assert_false(server_evict(house.server, &house.worker));
    assert_int_equal(slab_count_open(&house.server->slab), 1);
    for (size_t i = 0; i < COUNTOF(guests); i++)
        guest_leave(&guests[i]);
    close_shop(&house);
}

/* Its next request has come, and nobody was free yet to see it. */
static void who_has_asked_is_not_idle(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_shop(&house);
    house_welcome(&house, &guest);
    guest_say_text(&guest, GET("/hello"));
    house_run(&house);
    guest_listen(&guest);
    guest_say_text(&guest, GET("/hello"));
    assert_false(server_evict(house.server, &house.worker));
    house_run(&house);
    assert_true(server_evict(house.server, &house.worker));
    guest_leave(&guest);
    close_shop(&house);
}

/* Slots that were idle when their connection ended do not stand in the way of those that are. */
static void who_is_gone_is_not_idle(void **state)
{
    struct house house;
    struct guest guests[40];
    size_t       left = COUNTOF(guests);

    (void)state;
    open_shop(&house);
    for (size_t i = 0; i < COUNTOF(guests); i++) {
        house_welcome(&house, &guests[i]);
        house.worker.moment.now.ms++;
    }
    house.worker.moment.now.ms += KEEPER_GRACE_MS;
    while (left > 0) {
        assert_true(server_evict(house.server, &house.worker));
        left -= MIN_OF(left, (size_t)16);
        assert_int_equal(slab_count_open(&house.server->slab), left);
    }
    for (size_t i = 0; i < COUNTOF(guests); i++)
        guest_leave(&guests[i]);
    close_shop(&house);
}

/* ---- the log -------------------------------------------------------------------------- */

/* clang-format off */
static const struct log_case {
    const char *promise;
    const char *said;
    int64_t     then_ms;            /* time that goes by after that */
    const char *lines[3];           /* what stands behind the time, up to the bytes */
    const char *why;                /* at the end of the last line */
} logs[] = {
    {"each exchange has a line",        GET("/hello") "HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n", 0,
     {"\"GET /hello HTTP/1.1\" 200 5 ", "\"HEAD /hello HTTP/1.1\" 200 0 "}, "\"-\""},
    {"a refusal has a reason",          GET("/none"), 0, {"\"GET /none HTTP/1.1\" 404 "},
     "\"there is nothing by that name\""},
    {"nonsense has no request line",    "\x16\x03\x01", 0, {"\"-\" 400 "}, "\"TLS was spoken to the port for plain HTTP\""},
    {"half a head has none",            "GET /hel", 10000, {"\"-\" 408 "}, "\"the head took too long\""},
    {"half a body",                     "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab", 30000,
     {"\"POST /echo HTTP/1.1\" 408 "},  "\"the body took too long\""},
    {"who left before the answer got none, whatever went before",
                                        GET("/hello") "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab", 0,
     {"\"GET /hello HTTP/1.1\" 200 5 ", "\"POST /echo HTTP/1.1\" - 0 "}, "\"gone\""},
    {"who said nothing is not spoken of", "", 10000, {NULL}, ""},
};
/* clang-format on */

static void the_log_tells_what_happened(void **state)
{
    struct wherry_settings settings;
    struct house           house;

    (void)state;
    house_settings(&settings);
    settings.access_log = WHERRY_LOG_COMMON;
    open_shop_with(&house, &settings);
    for (size_t i = 0; i < COUNTOF(logs); i++) {
        const struct log_case *c = &logs[i];
        struct guest           guest;
        struct str             lines, line;
        size_t                 count = 0;

        house_welcome(&house, &guest);
        guest_say_text(&guest, c->said);
        house_run(&house);
        if (c->then_ms)
            house_pass_time(&house, c->then_ms);
        else
            house_dismiss(&house, &guest, "gone");
        house_run(&house);
        guest_leave(&guest);
        house_run(&house);
        lines = buf_view(&house.worker.lines);
        for (; str_split(&lines, '\n', &line) && line.len; count++) {
            PROMISED(c->promise, count < COUNTOF(c->lines) && c->lines[count]);
            PROMISED(c->promise,
                     str_starts(str_from(line, str_find(line, ']') + 2), str_view(c->lines[count])));
            PROMISED(c->promise, c->lines[count + 1] || str_ends(line, str_view(c->why)));
        }
        PROMISED(c->promise, !c->lines[count]);
        buf_reset(&house.worker.lines);
    }
    close_shop(&house);
}

static int fill_shop(void **state)
{
    char path[] = "/tmp/wherry-connection-XXXXXX";

    (void)state;
    for (size_t i = 0; i < BIG; i++)
        shop.big[i] = (char)(i * 31 + i / 251);
    shop.file = mkostemp(path, O_CLOEXEC);
    return shop.file == -1 || unlink(path) == -1 || write(shop.file, shop.big, BIG) != BIG;
}

static int empty_shop(void **state)
{
    (void)state;
    return close(shop.file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_is_the_same_however_it_was_cut),
        cmocka_unit_test(the_answer_is_the_same_for_who_speaks_before_he_is_let_in),
        cmocka_unit_test(without_memory_a_connection_ends_and_nothing_is_kept),
        cmocka_unit_test(the_answers_are_whole_wherever_writing_was_interrupted),
        cmocka_unit_test(who_asks_before_sending_is_told_to_go_on),
        cmocka_unit_test(who_is_refused_may_go_on_talking_for_a_while),
        cmocka_unit_test(a_while_begins_with_the_end_of_the_answer),
        cmocka_unit_test(who_waits_for_the_next_request_holds_nothing),
        cmocka_unit_test(two_hundred_at_once_are_all_answered),
        cmocka_unit_test(what_lies_in_our_buffer_is_not_forgotten),
        cmocka_unit_test(who_never_stops_talking_does_not_keep_a_worker),
        cmocka_unit_test(large_answers_leave_in_turns),
        cmocka_unit_test(slow_readers_get_all_of_it),
        cmocka_unit_test(a_file_that_changed_is_cut_not_finished),
        cmocka_unit_test(bytes_that_trickle_do_not_move_a_deadline),
        cmocka_unit_test(who_never_said_anything_is_told_nothing),
        cmocka_unit_test(who_is_idle_too_long_is_told_nothing),
        cmocka_unit_test(a_second_head_has_as_much_time_as_the_first),
        cmocka_unit_test(a_body_must_make_progress),
        cmocka_unit_test(an_answer_must_be_taken),
        cmocka_unit_test(who_gets_no_permit_waits_for_one),
        cmocka_unit_test(who_waits_too_long_is_told_to_come_again),
        cmocka_unit_test(who_leaves_while_he_waits_leaves_no_permit_behind),
        cmocka_unit_test(a_permit_that_comes_too_late_goes_on_to_the_next),
        cmocka_unit_test(before_work_the_worker_gives_back_the_rest),
        cmocka_unit_test(who_is_turned_away_is_told_to_come_again),
        cmocka_unit_test(a_full_house_has_no_slot),
        cmocka_unit_test(who_was_parked_is_answered_when_he_speaks),
        cmocka_unit_test(an_event_that_met_the_keeper_is_not_lost),
        cmocka_unit_test(a_server_that_drains_says_so),
        cmocka_unit_test(who_is_idle_longest_goes_first),
        cmocka_unit_test(who_has_asked_is_not_idle),
        cmocka_unit_test(who_is_gone_is_not_idle),
        cmocka_unit_test(the_log_tells_what_happened),
    };

    return cmocka_run_group_tests(tests, fill_shop, empty_shop);
}

/* What server/stream and server/pull promise: a body that comes piece by piece arrives framed and whole,
 * or is seen not to be whole; nothing is pulled before its time; and who waits holds next to nothing. */
#include "server/stream.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "server/connection.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/house.h"
#include "tests/support/promise.h"

/* ---- what is served ------------------------------------------------------------------- */

/* One call of the puller. */
struct act {
    const char      *text;          /* written; NULL: nothing is */
    enum wherry_pull next;
    int64_t          ms;            /* of WHERRY_WAIT */
    const char      *trailer;       /* added: a name, of the value "17" */
};

#define MORE(text) {text, WHERRY_MORE, 0, NULL}
#define END(text)  {text, WHERRY_END, 0, NULL}

enum { ACTS_MAX = 6 };

static struct {
    struct act   acts[ACTS_MAX];    /* the last one goes on for ever */
    size_t       count, at;
    int64_t      length;
    int          status;
    int          pulled, released;
    bool         wakes_itself;
    int64_t      deadline;          /* as the puller saw it */
    struct wherry_waker *waker;
} show;

static enum wherry_pull pull(struct wherry_exchange *exchange, void *data)
{
    const struct act *act = &show.acts[show.at];

    assert_ptr_equal(data, &show);
    show.pulled++;
    show.deadline = wherry_deadline(exchange);
    show.at += show.at + 1 < show.count;
    if (act->text)
        wherry_write(exchange, wherry_text(act->text));
    if (act->trailer)
        assert_true(wherry_add_trailer(exchange, act->trailer, wherry_text("17")));
    if (show.wakes_itself)
        wherry_wake(show.waker);
    show.wakes_itself = false;
    return act->next == WHERRY_WAIT ? wherry_wait(exchange, act->ms) : act->next;
}

static void released(void *owner)
{
    (void)owner;
    show.released++;
}

static enum wherry_next look(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_set_status(exchange, show.status);
    wherry_set_stream(exchange, show.length, pull, &show);
    wherry_on_release(exchange, released, NULL);
    return WHERRY_ANSWER;
}

/* With something to wake it by, which outlives the exchange. */
static enum wherry_next look_to_be_woken(struct wherry_exchange *exchange, void *data)
{
    show.waker = wherry_waker_acquire(exchange);
    return show.waker ? look(exchange, data) : WHERRY_FAIL;
}

static enum wherry_next hello(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    return wherry_send_text(exchange, 200, wherry_text("hello"));
}

static const struct wherry_route routes[] = {
    {.pattern = "/s", .methods = WHERRY_GET | WHERRY_HEAD, .look = look},
    {.pattern = "/w", .methods = WHERRY_GET, .look = look_to_be_woken},
    {.pattern = "/work", .methods = WHERRY_GET, .work = look},
    {.pattern = "/hello", .methods = WHERRY_GET, .look = hello},
};

static void set_show(const struct act acts[ACTS_MAX], int64_t length)
{
    size_t count = ACTS_MAX;

    while (count > 1 && !acts[count - 1].text && !acts[count - 1].next)
        count--;
    show.count = count;
    memcpy(show.acts, acts, sizeof show.acts);
    show.length = length;
    show.status = 200;
    show.at = 0;
    show.pulled = show.released = 0;
    show.wakes_itself = false;
}

#define SHOW(length, ...) set_show((const struct act[ACTS_MAX]){__VA_ARGS__}, length)

static void open_show(struct house *house)
{
    struct wherry_settings settings;

    house_settings(&settings);
    house_open(house, &settings);
    for (size_t i = 0; i < COUNTOF(routes); i++)
        assert_true(wherry_server_route(house->server, &routes[i]));
}

static void close_show(struct house *house)
{
    house_run(house);
    assert_true(house_is_empty(house));
    assert_int_equal(house->server->timers.count, 0);
    house_close(house);
}

#define GET(path)   "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define GET_1(path) "GET " path " HTTP/1.0\r\n\r\n"

static bool head_has(struct str heard, const char *line)
{
    const char *end = memmem(heard.ptr, heard.len, "\r\n\r\n", 4);

    return end && memmem(heard.ptr, (size_t)(end + 2 - heard.ptr), line, strlen(line));
}

/* ---- framing -------------------------------------------------------------------------- */

#define CHUNKED "\r\nTransfer-Encoding: chunked\r\n"
#define LENGTH(n) "\r\nContent-Length: " #n "\r\n"

/* clang-format off */
static const struct framing_case {
    const char *promise;
    const char *request;
    struct act  acts[ACTS_MAX];
    int64_t     length;
    const char *status;
    const char *line;               /* in the head */
    const char *body;
    bool        ends;               /* the connection, with it */
} framings[] = {
    /* RFC 9112 §7.1 */
    {"a piece is a chunk",               GET("/s"), {MORE("hello"), END(NULL)}, -1, "200", CHUNKED, "5\r\nhello\r\n0\r\n\r\n", false},
    {"the last may say that it is",      GET("/s"), {END("hello")}, -1, "200", CHUNKED, "5\r\nhello\r\n0\r\n\r\n", false},
    {"sizes are hexadecimal",            GET("/s"), {MORE("0123456789abcdef0"), END("0123456789")}, -1, "200", CHUNKED,
                                         "11\r\n0123456789abcdef0\r\na\r\n0123456789\r\n0\r\n\r\n", false},
    {"no pieces are no chunks",          GET("/s"), {END(NULL)}, -1, "200", CHUNKED, "0\r\n\r\n", false},
    {"an empty piece is no last chunk",  GET("/s"), {MORE(NULL), MORE("a"), MORE(NULL), END("b")}, -1, "200", CHUNKED,
                                         "1\r\na\r\n1\r\nb\r\n0\r\n\r\n", false},
    {"a handler with a permit may too",  GET("/work"), {MORE("a"), END(NULL)}, -1, "200", CHUNKED, "1\r\na\r\n0\r\n\r\n", false},
    /* RFC 9110 §6.5 */
    {"a trailer",                        GET("/s"), {{"a", WHERRY_END, 0, "X-Sum"}}, -1, "200", CHUNKED,
                                         "1\r\na\r\n0\r\nX-Sum: 17\r\n\r\n", false},
    {"a trailer of the end alone",       GET("/s"), {MORE("a"), {NULL, WHERRY_END, 0, "X-Sum"}}, -1, "200", CHUNKED,
                                         "1\r\na\r\n0\r\nX-Sum: 17\r\n\r\n", false},
    {"trailers given on the way",        GET("/s"), {{"a", WHERRY_MORE, 0, "A"}, {"b", WHERRY_MORE, 0, "B"}, END(NULL)}, -1, "200", CHUNKED,
                                         "1\r\na\r\n1\r\nb\r\n0\r\nA: 17\r\nB: 17\r\n\r\n", false},
    /* RFC 9112 §6.2 */
    {"a length that is known",           GET("/s"), {MORE("he"), MORE("llo"), END(NULL)}, 5, "200", LENGTH(5), "hello", false},
    {"and said with the last piece",     GET("/s"), {MORE("he"), END("llo")}, 5, "200", LENGTH(5), "hello", false},
    {"a length of nothing",              GET("/s"), {END(NULL)}, 0, "200", LENGTH(0), "", false},
    {"no trailers without chunks",       GET("/s"), {{"a", WHERRY_END, 0, "X-Sum"}}, 1, "200", LENGTH(1), "a", false},
    /* RFC 9112 §6.3, 8 */
    {"HTTP/1.0 knows no chunks",         GET_1("/s"), {MORE("he"), END("llo")}, -1, "200", "\r\nConnection: close\r\n", "hello", true},
    {"nor may its connection stay",      "GET /s HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", {END("hello")}, -1, "200",
                                         "\r\nConnection: close\r\n", "hello", true},
    {"but with a length",                "GET /s HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", {END("hello")}, 5, "200",
                                         "\r\nConnection: keep-alive\r\n", "hello", false},
    {"nor trailers",                     GET_1("/s"), {{"a", WHERRY_END, 0, "X-Sum"}}, -1, "200", "\r\nConnection: close\r\n", "a", true},
    /* RFC 9110 §9.3.2, RFC 9112 §6.1 */
    {"HEAD has the same fields",         "HEAD /s HTTP/1.1\r\nHost: x\r\n\r\n", {END("hello")}, -1, "200", CHUNKED, "", false},
    {"with a length too",                "HEAD /s HTTP/1.1\r\nHost: x\r\n\r\n", {END("hello")}, 5, "200", LENGTH(5), "", false},
    {"in HTTP/1.0",                      "HEAD /s HTTP/1.0\r\n\r\n", {END("hello")}, -1, "200", "\r\nConnection: close\r\n", "", true},
    /* what cannot be finished */
    {"who fails before anything has left is answered for",
                                         GET("/s"), {{NULL, WHERRY_BROKEN, 0, NULL}}, -1, "500", "\r\nConnection: close\r\n", NULL, true},
    {"more than the length",             GET("/s"), {MORE("hello!"), END(NULL)}, 5, "500", "\r\nConnection: close\r\n", NULL, true},
    {"less than the length",             GET("/s"), {END("hell")}, 5, "500", "\r\nConnection: close\r\n", NULL, true},
    {"less, once some has left",         GET("/s"), {MORE("he"), END("l")}, 5, "200", LENGTH(5), "he", true},
    {"more, once all seemed to be there", GET("/s"), {MORE("he"), MORE("llo"), END("!")}, 5, "200", LENGTH(5), "he", true},
    {"a cut between chunks",             GET("/s"), {MORE("a"), {"b", WHERRY_BROKEN, 0, NULL}}, -1, "200", CHUNKED, "1\r\na\r\n", true},
    /* behind it */
    {"the next request is answered",     GET("/s") GET("/s"), {END("a")}, -1, "200", CHUNKED, NULL, false},
};
/* clang-format on */

static void each_body_is_framed(void **state)
{
    struct house house;

    (void)state;
    open_show(&house);
    for (size_t i = 0; i < COUNTOF(framings); i++) {
        const struct framing_case *c = &framings[i];
        struct guest               guest;
        struct str                 heard;

        set_show(c->acts, c->length);
        house_ask(&house, &guest, c->request);
        heard = guest_listen(&guest);
        PROMISED(c->promise, str_starts(str_from(heard, 9), str_view(c->status)));
        PROMISED(c->promise, head_has(heard, c->line));
        if (c->body)
            PROMISED_STR(c->promise, heard_body(heard), c->body);
        PROMISED_NUMBER(c->promise, guest.has_ended, c->ends);
        if (str_starts(str_view(c->request), STR("HEAD")))
            PROMISED_NUMBER(c->promise, show.pulled, 0);
        house_see_off(&house, &guest);
        PROMISED_NUMBER(c->promise, show.released > 0, true);
        PROMISED(c->promise, house_is_empty(&house));
    }
    close_show(&house);
}

/* RFC 9110 §6.4.1: 204 and 304 have no content, and so nothing is asked for. */
static void answers_without_content_pull_nothing(void **state)
{
    static const int statuses[] = {204, 304, 205};
    struct house     house;

    (void)state;
    open_show(&house);
    for (size_t i = 0; i < COUNTOF(statuses); i++) {
        struct guest guest;

        SHOW(-1, END("a"));
        show.status = statuses[i];
        house_ask(&house, &guest, GET("/s"));
        assert_int_equal(show.pulled, 0);
        assert_false(head_has(guest_listen(&guest), CHUNKED));
        assert_int_equal(heard_body(guest_listen(&guest)).len, 0);
        house_see_off(&house, &guest);
        assert_int_equal(show.released, 1);
    }
    close_show(&house);
}

/* RFC 9110 §6.5.1 */
static enum wherry_pull pull_forbidden(struct wherry_exchange *exchange, void *data)
{
    static const char *const names[] = {"Content-Length", "transfer-encoding", "Host", "Trailer",
                                        "Set-Cookie", "Content-Type", "Date", "TE", "X: y", ""};

    (void)data;
    for (size_t i = 0; i < COUNTOF(names); i++)
        assert_false(wherry_add_trailer(exchange, names[i], wherry_text("1")));
    assert_false(wherry_add_trailer(exchange, "X-Split", wherry_text("a\r\nb")));
    assert_true(wherry_add_trailer(exchange, "X-Good", wherry_text("")));
    return WHERRY_END;
}

static enum wherry_next look_forbidden(struct wherry_exchange *exchange, void *data)
{
    assert_false(wherry_add_trailer(exchange, "X-Early", wherry_text("1")));
    assert_int_equal(wherry_write(exchange, wherry_text("early")), 0);
    wherry_set_stream(exchange, -1, pull_forbidden, data);
    return WHERRY_ANSWER;
}

static void what_may_not_stand_behind_a_body_does_not(void **state)
{
    const struct wherry_route route = {
        .pattern = "/forbidden", .methods = WHERRY_GET, .look = look_forbidden};
    struct house house;
    struct guest guest;

    (void)state;
    open_show(&house);
    assert_true(wherry_server_route(house.server, &route));
    house_ask(&house, &guest, GET("/forbidden"));
    PROMISED_STR("one of them", heard_body(guest_listen(&guest)), "0\r\nX-Good: \r\n\r\n");
    house_see_off(&house, &guest);
    close_show(&house);
}

/* Whatever the transport takes at once, the same bytes come out, and nothing is pulled before the
 * peer has taken what came before. */
static void the_body_is_whole_wherever_writing_was_interrupted(void **state)
{
    static const char        wanted[] = "3\r\nabc\r\n11\r\n0123456789abcdef0\r\n0\r\nX-Sum: 17\r\n\r\n";
    const struct script_step reads[] = {{SCRIPT_GIVE, GET("/s") GET("/hello"), 0}};
    struct house             house;
    size_t                   whole = 0;

    (void)state;
    open_show(&house);
    for (size_t most = 0; most < 300; most++) {
        struct script_step writes[4096];
        struct scripted    peer = {.reads = SCRIPT_OF(reads)};
        struct guest       guest;

        SHOW(-1, MORE("abc"), MORE("0123456789abcdef0"), {NULL, WHERRY_END, 0, "X-Sum"});
        for (size_t i = 0; i < COUNTOF(writes); i += 2) {
            writes[i] = (struct script_step){SCRIPT_TAKE, NULL, most};
            writes[i + 1] = (struct script_step){SCRIPT_BLOCK, NULL, 0};
        }
        if (most)
            peer.writes = SCRIPT_OF(writes);
        house_admit_scripted(&house, &guest, &peer);
        conn_run(guest.conn, &house.worker);
        for (size_t i = 0; i < COUNTOF(writes); i++) {
            if (!memmem(peer.written.ptr, peer.written.len, "abc\r\n", 5))
                assert_int_equal(show.pulled, 1);
            house_poke(&house, &guest);
        }
        if (!most)
            whole = peer.written.len;
        assert_int_equal(peer.written.len, whole);
        assert_true(str_starts(heard_body(buf_view(&peer.written)), str_view(wanted)));
        assert_true(str_ends(buf_view(&peer.written), STR("\r\n\r\nhello")));
        house_dismiss(&house, &guest, NULL);
        house_run(&house);
        scripted_fini(&peer);
    }
    close_show(&house);
}

/* A small answer that comes in pieces is as cheap as one that does not. */
static void the_first_piece_leaves_with_the_head(void **state)
{
    const struct script_step reads[] = {{SCRIPT_GIVE, GET("/s"), 0}};
    struct scripted          peer = {.reads = SCRIPT_OF(reads)};
    struct house             house;
    struct guest             guest;

    (void)state;
    open_show(&house);
    SHOW(-1, END("hello"));
    house_admit_scripted(&house, &guest, &peer);
    conn_run(guest.conn, &house.worker);
    assert_int_equal(peer.write_calls, 1);
    house_dismiss(&house, &guest, NULL);
    close_show(&house);
    scripted_fini(&peer);
}

/* ---- in its own time ------------------------------------------------------------------ */

static void who_waits_is_called_in_time_and_not_before(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_show(&house);
    SHOW(-1, {NULL, WHERRY_WAIT, 100, NULL}, {"a", WHERRY_WAIT, 50, NULL}, END("b"));
    house_ask(&house, &guest, GET("/s"));
    PROMISED_STR("the head does not wait", heard_body(guest_listen(&guest)), "");
    house_pass_time(&house, 99);
    house_poke(&house, &guest);
    assert_int_equal(show.pulled, 1);
    house_pass_time(&house, 1);
    assert_int_equal(show.pulled, 2);
    PROMISED_STR("what was written before a wait is sent", heard_body(guest_listen(&guest)),
                 "1\r\na\r\n");
    house_pass_time(&house, 49);
    assert_int_equal(show.pulled, 2);
    house_pass_time(&house, 1);
    PROMISED_STR("all of it", heard_body(guest_listen(&guest)), "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
    assert_int_equal(show.released, 1);
    house_see_off(&house, &guest);
    close_show(&house);
}

/* No deadline of ours is about it. */
static void who_waits_may_wait_for_days(void **state)
{
    enum { DAYS = 3, DAY_MS = 24 * 3600 * 1000 };
    struct house house;
    struct guest guest;

    (void)state;
    open_show(&house);
    SHOW(-1, {"a", WHERRY_WAIT, DAYS * (int64_t)DAY_MS, NULL}, END("b"));
    house_ask(&house, &guest, GET("/s"));
    for (int i = 0; i < DAYS; i++) {
        assert_int_equal(show.pulled, 1);
        house_pass_time(&house, DAY_MS);
    }
    PROMISED_STR("all of it", heard_body(guest_listen(&guest)), "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
    house_see_off(&house, &guest);
    close_show(&house);
}

/* But who does not take what there is has as long as for any answer. */
static void who_does_not_read_is_cut(void **state)
{
    const struct script_step reads[] = {{SCRIPT_GIVE, GET("/s"), 0}};
    const struct script_step writes[] = {{SCRIPT_TAKE, NULL, 1 << 20}, {SCRIPT_BLOCK, NULL, 0}};
    struct scripted          peer = {.reads = SCRIPT_OF(reads), .writes = SCRIPT_OF(writes)};
    struct house             house;
    struct guest             guest;

    (void)state;
    open_show(&house);
    SHOW(-1, {"a", WHERRY_WAIT, 600000, NULL}, END("b"));
    house_admit_scripted(&house, &guest, &peer);
    conn_run(guest.conn, &house.worker);
    house_pass_time(&house, 600000);
    assert_int_equal(show.pulled, 2);
    house_pass_time(&house, house.server->settings.write_timeout_ms - 1);
    assert_false(peer.is_closed);
    house_pass_time(&house, 1);
    assert_true(peer.is_closed);
    assert_int_equal(show.released, 1);
    close_show(&house);
    scripted_fini(&peer);
}

static void who_waits_holds_no_piece(void **state)
{
    int          is_watched = 0;
    socklen_t    size = sizeof is_watched;
    struct house house;
    struct guest guest;

    (void)state;
    open_show(&house);
    SHOW(-1, {"a", WHERRY_WAIT, 100, NULL}, END("b"));
    house_ask(&house, &guest, GET("/s"));
    assert_non_null(guest.conn->work);
    assert_null(guest.conn->work->exchange.stream.piece.ptr);
    assert_int_equal(house.server->timers.count, 1);
    /* Who vanishes without a word would never be missed else. */
    assert_int_equal(getsockopt(guest.conn->transport.fd, SOL_SOCKET, SO_KEEPALIVE, &is_watched, &size), 0);
    assert_true(is_watched);
    house_see_off(&house, &guest);
    assert_int_equal(show.released, 1);
    close_show(&house);
}

/* RFC 9112 §9.6: who keeps the connection and ends his side is not there any more; who has asked for the
 * last time may just have half closed. */
static void who_leaves_while_it_waits_is_noticed_at_once(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_show(&house);
    SHOW(-1, {"a", WHERRY_WAIT, -1, NULL}, END("b"));
    house_ask(&house, &guest, GET("/s"));
    guest_end(&guest);
    house_run(&house);
    assert_int_equal(show.released, 1);
    assert_true(house_is_empty(&house));
    guest_leave(&guest);

    SHOW(-1, {"a", WHERRY_WAIT, 100, NULL}, END("b"));
    house_ask(&house, &guest, "GET /s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    guest_end(&guest);
    house_run(&house);
    house_pass_time(&house, 100);
    PROMISED_STR("all of it", heard_body(guest_listen(&guest)), "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
    house_see_off(&house, &guest);
    close_show(&house);
}

static void who_is_woken_is_called_at_once(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_show(&house);
    SHOW(-1, {NULL, WHERRY_WAIT, -1, NULL}, {"a", WHERRY_WAIT, 1000, NULL}, {"b", WHERRY_WAIT, -1, NULL});
    house_ask(&house, &guest, GET("/w"));
    house_pass_time(&house, 1000000);
    assert_int_equal(show.pulled, 1);
    wherry_wake(show.waker);
    wherry_wake(show.waker);
    house_run(&house);
    assert_int_equal(show.pulled, 2);
    PROMISED_STR("a", heard_body(guest_listen(&guest)), "1\r\na\r\n");
    wherry_wake(show.waker);            /* before its time */
    house_run(&house);
    house_pass_time(&house, 1000);
    assert_int_equal(show.pulled, 3);   /* and not once more in time */
    house_see_off(&house, &guest);
    assert_int_equal(show.released, 1);
    wherry_wake(show.waker);            /* too late */
    house_run(&house);
    wherry_waker_release(show.waker);
    close_show(&house);
}

/* There was more just when it said that there was not. */
static void who_is_woken_while_it_is_pulled_is_pulled_again(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_show(&house);
    SHOW(-1, {NULL, WHERRY_WAIT, -1, NULL}, {NULL, WHERRY_WAIT, -1, NULL});
    show.wakes_itself = true;
    house_ask(&house, &guest, GET("/w"));
    assert_int_equal(show.pulled, 2);
    house_see_off(&house, &guest);
    wherry_waker_release(show.waker);
    close_show(&house);
}

/* The slot is another's by now, and its stream is not woken by mistake. */
static void a_waker_knows_its_own_exchange_only(void **state)
{
    struct wherry_waker *old;
    struct house         house;
    struct guest         guest;

    (void)state;
    open_show(&house);
    SHOW(-1, END("a"));
    house_ask(&house, &guest, GET("/w"));
    old = show.waker;
    SHOW(-1, {"a", WHERRY_WAIT, -1, NULL}, END("b"));
    guest_say_text(&guest, GET("/w"));
    house_run(&house);
    wherry_wake(old);
    house_run(&house);
    assert_int_equal(show.pulled, 1);
    wherry_wake(show.waker);
    house_run(&house);
    assert_int_equal(show.pulled, 2);
    wherry_waker_release(old);
    wherry_waker_release(show.waker);
    wherry_waker_release(NULL);
    house_see_off(&house, &guest);
    close_show(&house);
}

/* The piece that completes the length is not sent before the puller has said that it does. */
static void a_length_is_not_complete_before_the_end(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_show(&house);
    SHOW(5, {"he", WHERRY_WAIT, 10, NULL}, {"llo", WHERRY_WAIT, 10, NULL}, END(NULL));
    house_ask(&house, &guest, GET("/s"));
    house_pass_time(&house, 10);
    assert_int_equal(show.pulled, 2);
    PROMISED_STR("not yet", heard_body(guest_listen(&guest)), "he");
    house_pass_time(&house, 10);
    PROMISED_STR("now", heard_body(guest_listen(&guest)), "hello");
    house_see_off(&house, &guest);
    close_show(&house);
}

/* RFC 9112 §8: in HTTP/1.0 an end is an end; a reset is none. */
static void what_ends_with_the_connection_is_cut_by_a_reset(void **state)
{
    const struct script_step reads[] = {{SCRIPT_GIVE, GET_1("/s"), 0}};
    struct house             house;

    (void)state;
    open_show(&house);
    for (int is_broken = 0; is_broken < 2; is_broken++) {
        struct scripted peer = {.reads = SCRIPT_OF(reads)};
        struct guest    guest;

        if (is_broken)
            SHOW(-1, MORE("a"), {"b", WHERRY_BROKEN, 0, NULL});
        else
            SHOW(-1, MORE("a"), END("b"));
        house_admit_scripted(&house, &guest, &peer);
        conn_run(guest.conn, &house.worker);
        house_run(&house);
        assert_int_equal(peer.was_cut, is_broken);
        if (!peer.is_closed)
            house_pass_time(&house, CONN_LINGER_MS);
        assert_true(peer.is_closed);
        scripted_fini(&peer);
    }
    close_show(&house);
}

/* ---- sharing -------------------------------------------------------------------------- */

static char large[2 * STREAM_PIECE_MAX];

static enum wherry_pull pull_for_ever(struct wherry_exchange *exchange, void *data)
{
    size_t took = wherry_write(exchange, (struct wherry_slice){large, sizeof large});

    (void)data;
    assert_int_equal(took, STREAM_PIECE_MAX);
    assert_int_equal(wherry_write(exchange, wherry_text("no room")), 0);
    show.pulled++;
    return WHERRY_MORE;
}

static enum wherry_pull pull_nothing(struct wherry_exchange *exchange, void *data)
{
    (void)exchange, (void)data;
    show.pulled++;
    return WHERRY_MORE;
}

static enum wherry_next look_for_ever(struct wherry_exchange *exchange, void *data)
{
    wherry_set_stream(exchange, -1, data ? pull_nothing : pull_for_ever, NULL);
    return WHERRY_ANSWER;
}

/* DESIGN.md, "A turn has a budget": also who has always more, or nothing, to send. */
static void an_endless_stream_goes_to_the_back_of_the_queue(void **state)
{
    static const struct wherry_route endless[] = {
        {.pattern = "/fast", .methods = WHERRY_GET, .look = look_for_ever},
        {.pattern = "/idle", .methods = WHERRY_GET, .look = look_for_ever, .data = large},
    };
    static const char *const asked[] = {GET("/fast"), GET("/idle")};
    struct house             house;

    (void)state;
    open_show(&house);
    for (size_t i = 0; i < COUNTOF(endless); i++) {
        const struct script_step reads[] = {{SCRIPT_GIVE, asked[i], 0}};
        struct scripted          peer = {.reads = SCRIPT_OF(reads)};
        struct guest             guest;

        assert_true(wherry_server_route(house.server, &endless[i]));
        show.pulled = 0;
        house_admit_scripted(&house, &guest, &peer);
        conn_run(guest.conn, &house.worker);
        for (int turn = 1; turn < 5; turn++) {
            assert_in_range(show.pulled, turn, turn * (TURN_BYTES / STREAM_PIECE_MAX + 1));
            assert_true(house_run_batch(&house));
        }
        house_dismiss(&house, &guest, "enough");
        house_run(&house);
        scripted_fini(&peer);
    }
    close_show(&house);
}

/* Every stream that waits is called once, sees how much time there is, and may say good-bye. */
static void who_waits_learns_that_the_server_stops(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_show(&house);
    SHOW(-1, {"a", WHERRY_WAIT, -1, NULL}, {"b", WHERRY_WAIT, -1, NULL}, END("c"));
    house_ask(&house, &guest, GET("/s"));
    assert_true(show.deadline == INT64_MAX);
    atomic_store(&house.server->drained_ms, clock_us() / 1000 + 5000);
    atomic_store(&house.server->is_draining, true);
    timers_fire(&house.server->timers, CLOCK_NEVER);
    house_run(&house);
    assert_int_equal(show.pulled, 2);
    assert_in_range(show.deadline, 1, 5000);
    house_poke(&house, &guest);
    assert_int_equal(show.pulled, 2);   /* once */
    assert_int_equal(show.released, 0);
    house_dismiss(&house, &guest, "the server stopped");
    assert_int_equal(show.released, 1);
    house_see_off(&house, &guest);
    close_show(&house);
}

/* Every allocation fails once; what then happens is a shorter answer that says so. */
static void without_memory_a_stream_ends_and_nothing_is_kept(void **state)
{
    struct house house;

    (void)state;
    open_show(&house);
    for (size_t n = 1; alloc_fail_next(n); n++) {
        struct guest guest;
        struct str   heard;
        bool         has_failed;

        SHOW(-1, {"a", WHERRY_WAIT, 10, NULL}, MORE("b"), {"c", WHERRY_MORE, 0, NULL}, END("d"));
        show.waker = NULL;
        house_admit(&house, &guest);
        guest_say_text(&guest, GET("/w"));
        conn_run(guest.conn, &house.worker);
        house_run(&house);
        house_pass_time(&house, 10);
        has_failed = alloc_fail_off();
        heard = guest_listen(&guest);
        assert_true(has_failed || str_ends(heard, STR("\r\n0\r\n\r\n")));
        if (has_failed && str_starts(heard, STR("HTTP/1.1 200")))
            assert_true(guest.has_ended || str_ends(heard, STR("\r\n0\r\n\r\n")));
        house_see_off(&house, &guest);
        assert_true(house_is_empty(&house));
        wherry_waker_release(show.waker);
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
        cmocka_unit_test(each_body_is_framed),
        cmocka_unit_test(answers_without_content_pull_nothing),
        cmocka_unit_test(what_may_not_stand_behind_a_body_does_not),
        cmocka_unit_test(the_body_is_whole_wherever_writing_was_interrupted),
        cmocka_unit_test(the_first_piece_leaves_with_the_head),
        cmocka_unit_test(who_waits_is_called_in_time_and_not_before),
        cmocka_unit_test(who_waits_may_wait_for_days),
        cmocka_unit_test(who_does_not_read_is_cut),
        cmocka_unit_test(who_waits_holds_no_piece),
        cmocka_unit_test(who_leaves_while_it_waits_is_noticed_at_once),
        cmocka_unit_test(who_is_woken_is_called_at_once),
        cmocka_unit_test(who_is_woken_while_it_is_pulled_is_pulled_again),
        cmocka_unit_test(a_waker_knows_its_own_exchange_only),
        cmocka_unit_test(a_length_is_not_complete_before_the_end),
        cmocka_unit_test(what_ends_with_the_connection_is_cut_by_a_reset),
        cmocka_unit_test(an_endless_stream_goes_to_the_back_of_the_queue),
        cmocka_unit_test(who_waits_learns_that_the_server_stops),
        cmocka_unit_test(without_memory_a_stream_ends_and_nothing_is_kept),
    };

    return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}

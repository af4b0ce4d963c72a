/* What net/tls promises: a transport like any other, whatever the pieces that bytes come and go in;
 * and that nothing of one connection is ever sent on another. */
#include "net/tls.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/support/caller.h"
#include "tests/support/folder.h"
#include "tests/support/promise.h"

enum {
    ROUNDS_MAX   = 200,             /* no handshake needs as many */
    BIG          = 300 * 1000,
    RECORD_SMALL = 4 * 1024,
    RECORD_FULL  = 16 * 1024,
    SMALL_BYTES  = 16 * 1024,
};

/* ---- a server's end and a client's ---------------------------------------------------- */

/* Made once: certificates, and what is served. */
static struct {
    struct folder     folder;
    struct minted     own, authority;
    struct tls_store *store;            /* asks for no certificate */
    struct tls_store *curious;          /* asks, and may be shown none */
    char              big[BIG];
    int               file;             /* the same */
} shop;

static struct tls_store *open_store(const char *client_ca_path)
{
    static const struct tls_pair_files files = {.cert_path = "cert.pem", .key_path = "key.pem"};
    const struct tls_store_settings    settings = {.files = &files,
                                                   .files_count = 1,
                                                   .client_ca_path = client_ca_path,
                                                   .client = TLS_CLIENT_OPTIONAL};
    char                               problem[512] = "";
    struct tls_store *store = tls_store_open(&settings, clock_now().wall_s, problem, sizeof problem);

    if (!store)
        fail_msg("%s", problem);
    return store;
}

static int open_shop(void **state)
{
    (void)state;
    folder_enter(&shop.folder);
    shop.own = minted_make(&(struct minted_wish){.common_name = "a.test", .serial = 7});
    shop.authority = minted_make(&(struct minted_wish){.common_name = "authority",
                                                       .is_authority = true});
    minted_write(&shop.own, NULL, "cert.pem", "key.pem");
    minted_write(&shop.authority, NULL, "ca.pem", "ca-key.pem");
    shop.store = open_store(NULL);
    shop.curious = open_store("ca.pem");
    for (size_t i = 0; i < BIG; i++)
        shop.big[i] = (char)(i * i / 7 + i);
    shop.file = memfd_create("big", MFD_CLOEXEC);
    assert_int_equal(pwrite(shop.file, shop.big, BIG, 0), BIG);
    return 0;
}

static int close_shop(void **state)
{
    (void)state;
    close(shop.file);
    tls_store_close(shop.store);
    tls_store_close(shop.curious);
    minted_fini(&shop.own);
    minted_fini(&shop.authority);
    folder_leave(&shop.folder);
    return 0;
}

struct pair {
    struct tls_store *store;
    struct transport  server;
    struct caller     caller;
    const char       *why;          /* of TLS_FAILED */
};

static const struct caller_wish anything;

static void meet(struct pair *pair, const struct caller_wish *wish)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    *pair = (struct pair){.store = shop.store, .server = transport_plain(ends[0])};
    caller_open(&pair->caller, ends[1], wish);
}

static void part(struct pair *pair)
{
    if (pair->server.fd != -1)
        transport_close(&pair->server);
    caller_close(&pair->caller);
}

static enum tls_step server_step(struct pair *pair)
{
    return tls_accept(&pair->server, pair->store, TLS_FAULT_NONE, &pair->why);
}

/* Until the server's side has ended, one way or the other; `piece` bytes of the client at a time. */
static enum tls_step shake_hands(struct pair *pair, size_t piece)
{
    enum tls_step step = TLS_WANT_READ;

    for (int round = 0; round < ROUNDS_MAX && step == TLS_WANT_READ; round++) {
        caller_shakes(&pair->caller);
        while (step == TLS_WANT_READ && caller_post(&pair->caller, piece) > 0)
            step = server_step(pair);
        caller_fetch(&pair->caller);
    }
    return step;
}

/* Both are done, and what the server says at the end of the handshake is behind us. */
static void make_friends(struct pair *pair, const struct caller_wish *wish)
{
    meet(pair, wish);
    assert_int_equal(shake_hands(pair, SIZE_MAX), TLS_DONE);
    assert_int_equal(caller_listens(&pair->caller).len, 0);
    assert_true(SSL_is_init_finished(pair->caller.ssl));
}

static const struct version {
    const char        *promise;
    struct caller_wish wish;
} versions[] = {
    {"TLS 1.2", {.max = TLS1_2_VERSION}},
    {"TLS 1.3", {.min = TLS1_3_VERSION}},
};

static void write_all(struct pair *pair, struct str bytes)
{
    struct iovec piece = {(void *)(uintptr_t)bytes.ptr, bytes.len};
    size_t       sent;

    assert_int_equal(transport_write(&pair->server, &piece, 1, false, &sent), IO_DONE);
    assert_int_equal(sent, bytes.len);
}

static void caller_sends(struct pair *pair, struct str bytes)
{
    caller_says(&pair->caller, bytes);
    caller_post(&pair->caller, SIZE_MAX);
}

/* What the server reads next, with that much room. */
static struct str read_some(struct pair *pair, size_t room)
{
    static char bytes[RECORD_FULL];
    size_t      got;

    assert_int_equal(transport_read(&pair->server, bytes, room, &got), IO_DONE);
    return str_of(bytes, got);
}

static enum io read_nothing(struct pair *pair)
{
    char    byte;
    size_t  got;
    enum io io = transport_read(&pair->server, &byte, 1, &got);

    assert_int_equal(got, 0);
    return io;
}

static void both_are_understood(const char *promise, struct pair *pair)
{
    buf_reset(&pair->caller.heard);
    write_all(pair, STR("from the server"));
    PROMISED_STR(promise, caller_listens(&pair->caller), "from the server");
    caller_sends(pair, STR("from the client"));
    PROMISED_STR(promise, read_some(pair, 100), "from the client");
}

/* ---- the handshake -------------------------------------------------------------------- */

static void a_handshake_may_come_in_pieces(void **state)
{
    static const size_t pieces[] = {SIZE_MAX, 1, 2, 5, 6, 100};

    (void)state;
    for (size_t v = 0; v < COUNTOF(versions); v++)
        for (size_t i = 0; i < COUNTOF(pieces); i++) {
            struct pair pair;

            meet(&pair, &versions[v].wish);
            PROMISED_NUMBER(versions[v].promise, shake_hands(&pair, pieces[i]), TLS_DONE);
            both_are_understood(versions[v].promise, &pair);
            part(&pair);
        }
}

/* The client does not wait for the end of the handshake with what it has to say. */
static void what_comes_with_the_end_of_it_is_not_lost(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNTOF(versions); v++) {
        struct pair pair;

        meet(&pair, &versions[v].wish);
        for (int round = 0; round < ROUNDS_MAX && !caller_shakes(&pair.caller); round++) {
            caller_post(&pair.caller, SIZE_MAX);
            (void)server_step(&pair);
            caller_fetch(&pair.caller);
        }
        caller_sends(&pair, STR("at once"));
        if (versions[v].wish.min)
            assert_int_equal(server_step(&pair), TLS_DONE);
        PROMISED_STR(versions[v].promise, read_some(&pair, 100), "at once");
        assert_int_equal(read_nothing(&pair), IO_WANT_READ);
        part(&pair);
    }
}

static void who_has_not_spoken_yet_costs_nothing(void **state)
{
    struct pair pair;

    (void)state;
    meet(&pair, &anything);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(server_step(&pair), TLS_WANT_READ);
        assert_null(pair.server.session);
    }
    assert_false(caller_shakes(&pair.caller));
    assert_int_equal(caller_post(&pair.caller, 1), 1);
    assert_int_equal(server_step(&pair), TLS_WANT_READ);
    assert_non_null(pair.server.session);
    part(&pair);
}

static void a_first_byte_that_is_none_of_TLS_is_left_where_it_is(void **state)
{
    (void)state;
    for (int first = 0; first <= 0xff; first++) {
        char        said = (char)first, heard;
        struct pair pair;
        size_t      got;

        if (first == SSL3_RT_HANDSHAKE)
            continue;
        meet(&pair, &anything);
        assert_int_equal(send(pair.caller.fd, &said, 1, 0), 1);
        assert_int_equal(server_step(&pair), TLS_PLAIN);
        assert_null(pair.server.session);
        assert_int_equal(transport_read(&pair.server, &heard, 1, &got), IO_DONE);
        assert_int_equal(got, 1);
        assert_int_equal(heard, said);
        part(&pair);
    }
}

static void who_goes_without_a_word_has_closed(void **state)
{
    struct pair pair;

    (void)state;
    meet(&pair, &anything);
    assert_int_equal(server_step(&pair), TLS_WANT_READ);
    caller_hang_up(&pair.caller);
    assert_int_equal(server_step(&pair), TLS_CLOSED);
    assert_null(pair.server.session);
    part(&pair);
}

/* An alert that can be read without keys. */
static bool has_plain_alert(const struct caller *caller)
{
    struct caller_record records[16];
    size_t count = caller_records(caller, 0, records, COUNTOF(records));

    return count > 0 && records[count - 1].type == SSL3_RT_ALERT && records[count - 1].len == 2;
}

/* OpenSSL's record layer was written anew in 3.2, and has other words for some of this since. */
static bool is_in_words_we_know(void)
{
    return OpenSSL_version_num() < 0x30200000L;
}

static void promise_failure(const char *promise, struct pair *pair, const char *why, bool is_told)
{
    PROMISED(promise, pair->why && *pair->why);
    PROMISED(promise, ERR_peek_error() == 0);
    if (!is_in_words_we_know())
        return;
    PROMISED_STR(promise, str_view(pair->why), why);
    PROMISED_NUMBER(promise, has_plain_alert(&pair->caller), is_told);
}

/* clang-format off */
static const struct noise {
    const char *promise;
    struct str  said;
    const char *why;
    bool        is_told;            /* an alert would not be understood */
} noises[] = {
    {"a version nobody speaks",     {"\x16garbage, not TLS", sizeof("\x16garbage, not TLS") - 1},           "wrong version number", false},
    {"no handshake message",        {"\x16\x03\x01\x00\x05hello", sizeof("\x16\x03\x01\x00\x05hello") - 1},      "unexpected message", true},
    {"a record that is too long",   {"\x16\x03\x01\xff\xff\x01", sizeof("\x16\x03\x01\xff\xff\x01") - 1},       "packet length too long", true},
    {"an empty one",                {"\x16\x03\x01\x00\x04\x01\x00\x00\x00", sizeof("\x16\x03\x01\x00\x04\x01\x00\x00\x00") - 1}, "length too short", true},
    {"one that would take memory",  {"\x16\x03\x01\x00\x04\x01\x01\xff\xff", sizeof("\x16\x03\x01\x00\x04\x01\x01\xff\xff") - 1}, "its hello is too long", false},
};
/* clang-format on */

static void noise_behind_the_first_byte_is_a_failure(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(noises); i++) {
        const struct noise *n = &noises[i];
        struct pair         pair;

        meet(&pair, &anything);
        assert_int_equal(send(pair.caller.fd, n->said.ptr, n->said.len, 0), n->said.len);
        PROMISED_NUMBER(n->promise, server_step(&pair), TLS_FAILED);
        caller_fetch(&pair.caller);
        promise_failure(n->promise, &pair, n->why, n->is_told);
        part(&pair);
    }
}

/* RFC 8996; RFC 7301 §3.2 */
static const struct mismatch {
    const char        *promise;
    struct caller_wish wish;
    const char        *why;
} mismatches[] = {
    {"TLS 1.1 is too old", {.max = TLS1_1_VERSION, .ciphers = "ALL:@SECLEVEL=0"},
     "unsupported protocol"},
    {"TLS 1.0 is too old", {.max = TLS1_VERSION, .ciphers = "ALL:@SECLEVEL=0"},
     "unsupported protocol"},
    {"no protocol in common", {.alpn = {"\x02h2", sizeof("\x02h2") - 1}}, "no application protocol"},
    {"no cipher in common", {.max = TLS1_2_VERSION, .ciphers = "AES128-SHA"}, "no shared cipher"},
};

static void who_has_nothing_in_common_with_us_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(mismatches); i++) {
        const struct mismatch *m = &mismatches[i];
        struct pair            pair;

        meet(&pair, &m->wish);
        PROMISED_NUMBER(m->promise, shake_hands(&pair, SIZE_MAX), TLS_FAILED);
        promise_failure(m->promise, &pair, m->why, true);
        part(&pair);
    }
}

/* ---- cut off -------------------------------------------------------------------------- */

/* The first `count` bytes of what the client says arrive. */
static enum tls_step shake_until(struct pair *pair, size_t count)
{
    enum tls_step step = TLS_WANT_READ;

    for (int round = 0; round < ROUNDS_MAX && count && step == TLS_WANT_READ; round++) {
        caller_shakes(&pair->caller);
        count -= caller_post(&pair->caller, count);
        step = server_step(pair);
        caller_fetch(&pair->caller);
    }
    return step;
}

/* How many bytes a client says in a handshake. */
static size_t measure_handshake(const struct caller_wish *wish)
{
    size_t      bytes = 0;
    struct pair pair;

    meet(&pair, wish);
    for (int round = 0; round < ROUNDS_MAX; round++) {
        caller_shakes(&pair.caller);
        bytes += caller_post(&pair.caller, SIZE_MAX);
        if (server_step(&pair) == TLS_DONE)
            break;
        caller_fetch(&pair.caller);
    }
    part(&pair);
    return bytes;
}

static void a_client_may_go_at_any_byte(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNTOF(versions); v++) {
        size_t bytes = measure_handshake(&versions[v].wish);

        assert_in_range(bytes, 100, 2000);
        for (size_t cut = 1; cut < bytes; cut++) {
            struct pair pair;

            meet(&pair, &versions[v].wish);
            PROMISED_NUMBER("it waits", shake_until(&pair, cut), TLS_WANT_READ);
            caller_hang_up(&pair.caller);
            PROMISED_NUMBER("it fails", server_step(&pair), TLS_FAILED);
            PROMISED_STR("it says why", str_view(pair.why), "the client went away");
            PROMISED("no complaints are left", ERR_peek_error() == 0);
            part(&pair);
        }
    }
}

static void a_reset_is_told_apart(void **state)
{
    struct pair pair;

    (void)state;
    meet(&pair, &anything);
    caller_shakes(&pair.caller);
    caller_post(&pair.caller, SIZE_MAX);
    assert_int_equal(server_step(&pair), TLS_WANT_READ);
    caller_hang_up(&pair.caller);           /* what we have said is unread */
    assert_int_equal(server_step(&pair), TLS_FAILED);
    assert_string_equal(pair.why, "the connection was reset");
    part(&pair);
}

/* The deadline is over, or the server ends. */
static void a_server_may_end_it_at_any_byte(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNTOF(versions); v++) {
        size_t bytes = measure_handshake(&versions[v].wish);

        for (size_t cut = 0; cut < bytes; cut++) {
            struct pair pair;
            int         fd;
            size_t      before;

            meet(&pair, &versions[v].wish);
            fd = pair.server.fd;
            PROMISED_NUMBER("it waits", shake_until(&pair, cut), TLS_WANT_READ);
            before = pair.caller.raw.len;
            transport_rest(&pair.server);
            if (cut % 2)
                transport_shut(&pair.server);
            transport_close(&pair.server);
            PROMISED("it is closed", fcntl(fd, F_GETFD) == -1 && pair.server.fd == -1);
            PROMISED("it is no TLS any more", !pair.server.session);
            caller_fetch(&pair.caller);
            PROMISED("without another word", pair.caller.raw.len == before);
            PROMISED("the client sees it", pair.caller.has_ended);
            part(&pair);
        }
    }
}

/* ---- reading -------------------------------------------------------------------------- */

static void several_records_that_came_together_are_read_one_by_one(void **state)
{
    static const char *const said[] = {"one", "two", "three"};

    (void)state;
    for (size_t v = 0; v < COUNTOF(versions); v++) {
        struct pair pair;

        make_friends(&pair, &versions[v].wish);
        for (size_t i = 0; i < COUNTOF(said); i++)
            caller_says(&pair.caller, str_view(said[i]));
        caller_post(&pair.caller, SIZE_MAX);
        for (size_t i = 0; i < COUNTOF(said); i++) {
            PROMISED_STR(versions[v].promise, read_some(&pair, 100), said[i]);
            PROMISED("it is not taken for all too early",
                     i == COUNTOF(said) - 1 || !pair.server.is_drained);
        }
        assert_int_equal(read_nothing(&pair), IO_WANT_READ);
        part(&pair);
    }
}

static void a_record_larger_than_the_room_is_read_in_parts(void **state)
{
    static const size_t rooms[] = {1, 7, 99, 999, 1000, 1001};

    (void)state;
    for (size_t v = 0; v < COUNTOF(versions); v++)
        for (size_t i = 0; i < COUNTOF(rooms); i++) {
            struct pair pair;

            make_friends(&pair, &versions[v].wish);
            caller_sends(&pair, str_of(shop.big, 1000));
            for (size_t at = 0; at < 1000;) {
                struct str part = read_some(&pair, rooms[i]);
                size_t     left = 1000 - at;

                PROMISED_NUMBER("the room is used", part.len, MIN_OF(rooms[i], left));
                assert_memory_equal(part.ptr, shop.big + at, part.len);
                at += part.len;
                PROMISED("it is not taken for all too early", at == 1000 || !pair.server.is_drained);
            }
            assert_int_equal(read_nothing(&pair), IO_WANT_READ);
            part(&pair);
        }
}

static void a_record_that_was_cut_is_waited_for(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNTOF(versions); v++)
        for (size_t cut = 1; cut < 40; cut++) {
            struct pair pair;
            size_t      len;

            make_friends(&pair, &versions[v].wish);
            caller_says(&pair.caller, str_of(shop.big, 100));
            len = caller_unposted(&pair.caller);
            caller_post(&pair.caller, cut % 2 ? cut : len - cut);
            PROMISED_NUMBER("half a record is nothing", read_nothing(&pair), IO_WANT_READ);
            caller_post(&pair.caller, SIZE_MAX);
            PROMISED_NUMBER("then all of it", read_some(&pair, 200).len, 100);
            PROMISED_NUMBER("and that was all", read_nothing(&pair), IO_WANT_READ);
            part(&pair);
        }
}

/* What is_drained is for: after it nobody reads again before the kernel tells of something new. */
static void who_reads_until_it_is_drained_has_it_all(void **state)
{
    static const size_t rooms[] = {100, 4096, 8703, RECORD_FULL};

    (void)state;
    for (size_t i = 0; i < COUNTOF(rooms); i++) {
        struct buf  read = BUF_UP_TO(1 << 20);
        struct pair pair;

        make_friends(&pair, &anything);
        for (size_t at = 0; at + 9000 < 100 * 1000; at += 9000)
            caller_says(&pair.caller, str_of(shop.big + at, 9000));
        while (caller_unposted(&pair.caller)) {
            size_t posted = caller_post(&pair.caller, SIZE_MAX), got = 0;
            char   room[RECORD_FULL];

            PROMISED("there is room again", posted > 0);
            do
                if (transport_read(&pair.server, room, rooms[i], &got) == IO_DONE)
                    buf_append(&read, str_of(room, got));
            while (got && !pair.server.is_drained);
            PROMISED("nothing is left in the socket", !transport_has_input(&pair.server));
        }
        assert_int_equal(read.len, 11 * 9000);
        assert_memory_equal(read.ptr, shop.big, read.len);
        part(&pair);
        buf_fini(&read);
    }
}

/* A turn may end with records left inside OpenSSL, and what comes after is reported only once. */
static void what_was_left_inside_says_nothing_of_the_socket(void **state)
{
    struct pair pair;
    char        room[RECORD_FULL];
    size_t      got;

    (void)state;
    make_friends(&pair, &anything);
    caller_says(&pair.caller, STR("one"));
    caller_says(&pair.caller, STR("two"));
    assert_true(caller_post(&pair.caller, SIZE_MAX) > 0);
    assert_int_equal(transport_read(&pair.server, room, sizeof room, &got), IO_DONE);
    assert_false(pair.server.is_drained);
    caller_says(&pair.caller, STR("three"));
    assert_true(caller_post(&pair.caller, SIZE_MAX) > 0);
    assert_int_equal(transport_read(&pair.server, room, sizeof room, &got), IO_DONE);
    assert_memory_equal(room, "two", 3);
    assert_false(pair.server.is_drained);
    assert_int_equal(transport_read(&pair.server, room, sizeof room, &got), IO_DONE);
    assert_memory_equal(room, "three", 5);
    assert_true(pair.server.is_drained);
    part(&pair);
}

/* ---- the peer's end ------------------------------------------------------------------- */

/* RFC 8446 §6.1: it closes one side only; RFC 9112 §9.8 for who forgets it. */
static void a_client_that_has_ended_is_still_answered(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNTOF(versions); v++)
        for (int says_so = 0; says_so <= 1; says_so++) {
            struct pair pair;

            make_friends(&pair, &versions[v].wish);
            caller_says(&pair.caller, STR("the last"));
            if (says_so)
                caller_says_end(&pair.caller);
            caller_post(&pair.caller, SIZE_MAX);
            shutdown(pair.caller.fd, SHUT_WR);
            PROMISED_STR("what came before", read_some(&pair, 100), "the last");
            PROMISED_NUMBER("its end", read_nothing(&pair), IO_CLOSED);
            PROMISED_NUMBER("its end, again", read_nothing(&pair), IO_CLOSED);
            write_all(&pair, STR("the answer"));
            PROMISED_STR("the answer", caller_listens(&pair.caller), "the answer");
            transport_shut(&pair.server);
            caller_listens(&pair.caller);
            PROMISED("and our end", caller_heard_end(&pair.caller) && pair.caller.has_ended);
            part(&pair);
        }
}

static void an_end_in_the_middle_of_a_record_is_an_end(void **state)
{
    struct pair pair;

    (void)state;
    make_friends(&pair, &anything);
    caller_says(&pair.caller, STR("half"));
    caller_post(&pair.caller, 10);
    shutdown(pair.caller.fd, SHUT_WR);
    assert_int_equal(read_nothing(&pair), IO_CLOSED);
    part(&pair);
}

static void a_client_that_is_gone_has_failed(void **state)
{
    struct pair pair;
    struct iovec piece = {shop.big, 100};
    size_t       sent;

    (void)state;
    make_friends(&pair, &anything);
    write_all(&pair, STR("unread"));
    caller_hang_up(&pair.caller);
    assert_int_equal(read_nothing(&pair), IO_FAILED);
    assert_int_equal(transport_write(&pair.server, &piece, 1, false, &sent), IO_FAILED);
    assert_int_equal(sent, 0);
    part(&pair);
}

/* ---- our end -------------------------------------------------------------------------- */

/* Records that came back since `from`. */
static size_t count_records(struct pair *pair, size_t from)
{
    struct caller_record records[64];

    caller_fetch(&pair->caller);
    return caller_records(&pair->caller, from, records, COUNTOF(records));
}

static void our_end_is_said_once(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNTOF(versions); v++)
        for (int shuts = 0; shuts <= 2; shuts++) {
            struct pair pair;
            size_t      before;

            make_friends(&pair, &versions[v].wish);
            before = pair.caller.raw.len;
            for (int i = 0; i < shuts; i++)
                transport_shut(&pair.server);
            transport_close(&pair.server);
            PROMISED_NUMBER("one record", count_records(&pair, before), 1);
            caller_listens(&pair.caller);
            PROMISED("close_notify", caller_heard_end(&pair.caller) && !pair.caller.has_failed);
            PROMISED("and the end of the line", pair.caller.has_ended);
            part(&pair);
        }
}

static void after_a_failure_nothing_more_is_said(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNTOF(versions); v++) {
        struct pair pair;
        size_t      before;

        make_friends(&pair, &versions[v].wish);
        before = pair.caller.raw.len;
        assert_int_equal(send(pair.caller.fd, "\x17\x03\x03\x00\x20 not sealed with any key at all", 37, 0), 37);
        PROMISED_NUMBER("it is noticed", read_nothing(&pair), IO_FAILED);
        PROMISED_NUMBER("and told", count_records(&pair, before), 1);
        transport_shut(&pair.server);
        transport_close(&pair.server);
        PROMISED_NUMBER("once", count_records(&pair, before), 1);
        part(&pair);
    }
}

static void we_shut_and_still_listen(void **state)
{
    struct pair pair;

    (void)state;
    make_friends(&pair, &anything);
    transport_shut(&pair.server);
    caller_listens(&pair.caller);
    caller_sends(&pair, STR("wait"));
    PROMISED_STR("it is read", read_some(&pair, 100), "wait");
    caller_says_end(&pair.caller);
    caller_post(&pair.caller, SIZE_MAX);
    assert_int_equal(read_nothing(&pair), IO_CLOSED);
    part(&pair);
}

/* ---- writing -------------------------------------------------------------------------- */

static void pieces_leave_in_order(void **state)
{
    static char  long_piece[5000], longer[40000];
    struct iovec pieces[] = {{"", 0},           {"a", 1},  {"", 0}, {long_piece, sizeof long_piece},
                             {"bc", 2},         {"", 0},   {longer, sizeof longer},
                             {"the end", 7},    {"", 0}};
    struct buf   whole = BUF_UP_TO(1 << 20);

    (void)state;
    memset(long_piece, 'l', sizeof long_piece);
    memcpy(longer, shop.big, sizeof longer);
    for (size_t i = 0; i < COUNTOF(pieces); i++)
        buf_append(&whole, str_of(pieces[i].iov_base, pieces[i].iov_len));
    for (size_t v = 0; v < COUNTOF(versions); v++) {
        struct pair pair;
        size_t      sent;

        make_friends(&pair, &versions[v].wish);
        PROMISED_NUMBER("all at once", transport_write(&pair.server, pieces, COUNTOF(pieces), false,
                                                       &sent), IO_DONE);
        PROMISED_NUMBER("all of it", sent, whole.len);
        PROMISED("the same", str_equal(caller_listens(&pair.caller), buf_view(&whole)));
        part(&pair);
    }
    buf_fini(&whole);
}

/* Bytes of data in a record of that version, with the ciphers that are negotiated first. */
static size_t data_of(const struct caller_record *record, bool is_1_3)
{
    enum { TYPE = 1, TAG = 16, NONCE = 8 };     /* RFC 8446 §5.2; RFC 5288 §3 */

    assert_int_equal(record->type, SSL3_RT_APPLICATION_DATA);
    return record->len - TAG - (is_1_3 ? TYPE : NONCE);
}

static void check_records(struct pair *pair, size_t from, size_t total)
{
    bool                 is_1_3 = SSL_version(pair->caller.ssl) == TLS1_3_VERSION;
    struct caller_record records[64];
    size_t               count, sum = 0;

    caller_fetch(&pair->caller);
    count = caller_records(&pair->caller, from, records, COUNTOF(records));
    for (size_t i = 0; i < count; i++) {
        size_t most = sum < SMALL_BYTES ? RECORD_SMALL : RECORD_FULL, left = total - sum;

        PROMISED_NUMBER("small ones, then full ones", data_of(&records[i], is_1_3),
                        MIN_OF(most, left));
        sum += data_of(&records[i], is_1_3);
    }
    PROMISED_NUMBER("all of it", sum, total);
}

static void records_are_small_at_first_and_after_a_rest(void **state)
{
    enum { BYTES = 60000 };

    (void)state;
    for (size_t v = 0; v < COUNTOF(versions); v++)
        for (int from_file = 0; from_file <= 1; from_file++) {
            struct pair pair;

            make_friends(&pair, &versions[v].wish);
            for (int i = 0; i < 2; i++) {
                size_t before = pair.caller.raw.len, sent;

                if (from_file)
                    assert_int_equal(transport_send_file(&pair.server, shop.file, 0, BYTES, &sent),
                                     IO_DONE);
                else
                    write_all(&pair, str_of(shop.big, BYTES));
                check_records(&pair, before, BYTES);
                transport_rest(&pair.server);
            }
            part(&pair);
        }
}

static void a_file_that_ends_early_is_told(void **state)
{
    int         short_file = memfd_create("short", MFD_CLOEXEC);
    int         folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct pair pair;
    size_t      sent;

    (void)state;
    assert_int_equal(pwrite(short_file, "0123456789", 10, 0), 10);
    make_friends(&pair, &anything);
    assert_int_equal(transport_send_file(&pair.server, short_file, 4, 100, &sent), IO_DONE);
    assert_int_equal(sent, 6);
    assert_int_equal(transport_send_file(&pair.server, short_file, 10, 90, &sent), IO_DONE);
    assert_int_equal(sent, 0);
    assert_int_equal(transport_send_file(&pair.server, folder, 0, 90, &sent), IO_DONE);
    assert_int_equal(sent, 0);
    PROMISED_STR("what there was", caller_listens(&pair.caller), "456789");
    part(&pair);
    close(short_file);
    close(folder);
}

/* ---- writing to who is slow ----------------------------------------------------------- */

/* What else the thread does meanwhile: it answers others, with its one buffer. */
struct others {
    struct pair pair;
};

static void answer_others(struct others *others)
{
    static char secrets[RECORD_FULL];
    static int  file = -1;
    size_t      sent;

    if (file == -1) {
        file = memfd_create("secrets", MFD_CLOEXEC);
        memset(secrets, '$', sizeof secrets);
        assert_int_equal(pwrite(file, secrets, sizeof secrets, 0), sizeof secrets);
    }
    for (int i = 0; i < 4; i++)             /* past the small records, so that all of it is used */
        assert_int_equal(transport_send_file(&others->pair.server, file, 0, sizeof secrets, &sent),
                         IO_DONE);
    caller_listens(&others->pair.caller);
    buf_reset(&others->pair.caller.raw);
    buf_reset(&others->pair.caller.heard);
}

/* How the server goes about it, and what the client does meanwhile. */
static const struct slow_case {
    const char        *promise;
    struct caller_wish wish;
    bool               from_file;
    size_t             budget, smaller;     /* asked for at once, and after it could not go on */
    bool               keys;                /* the client asks for new keys now and then */
} slow_cases[] = {
    {"from memory", {.min = TLS1_3_VERSION}, false, SIZE_MAX, SIZE_MAX, false},
    {"from memory, 1.2", {.max = TLS1_2_VERSION}, false, SIZE_MAX, SIZE_MAX, false},
    {"from a file", {.min = TLS1_3_VERSION}, true, SIZE_MAX, SIZE_MAX, false},
    {"from a file, 1.2", {.max = TLS1_2_VERSION}, true, SIZE_MAX, SIZE_MAX, false},
    {"as much as the turn allows", {.min = TLS1_3_VERSION}, true, 50000, 50000, false},
    {"and the next turn less", {.min = TLS1_3_VERSION}, true, SIZE_MAX, 100, false},
    {"and less, 1.2", {.max = TLS1_2_VERSION}, true, SIZE_MAX, 100, false},
    /* RFC 6066 §4: a record becomes several. */
    {"small fragments", {.min = TLS1_3_VERSION, .fragment = TLSEXT_max_fragment_length_512},
     false, SIZE_MAX, SIZE_MAX, false},
    {"small fragments of a file", {.min = TLS1_3_VERSION, .fragment = TLSEXT_max_fragment_length_512},
     true, SIZE_MAX, SIZE_MAX, false},
    {"small fragments of a file, 1.2", {.max = TLS1_2_VERSION, .fragment = TLSEXT_max_fragment_length_1024},
     true, SIZE_MAX, 100, false},
    /* RFC 8446 §4.6.3: our own keys change between two records. */
    {"new keys", {.min = TLS1_3_VERSION}, false, SIZE_MAX, SIZE_MAX, true},
    {"new keys for a file", {.min = TLS1_3_VERSION}, true, SIZE_MAX, SIZE_MAX, true},
};

/* One call; where the bytes lie in memory, they lie somewhere else each time. */
static enum io send_from(struct pair *pair, const struct slow_case *c, size_t at, size_t count,
                         size_t *sent)
{
    char        *moved;
    struct iovec piece;
    enum io      io;

    if (c->from_file)
        return transport_send_file(&pair->server, shop.file, at, count, sent);
    moved = malloc(count);
    assert_non_null(moved);
    memcpy(moved, shop.big + at, count);
    piece = (struct iovec){moved, count};
    io = transport_write(&pair->server, &piece, 1, false, sent);
    memset(moved, '!', count);
    free(moved);
    return io;
}

/* The client takes some of what waits, byte counts that fall everywhere in a record. */
static void take_some(struct pair *pair, size_t most)
{
    char    bytes[8192];
    ssize_t n = recv(pair->caller.fd, bytes, MIN_OF(most, sizeof bytes), MSG_DONTWAIT);

    if (n <= 0)
        return;
    buf_append(&pair->caller.raw, str_of(bytes, (size_t)n));
    assert_int_equal(BIO_write(pair->caller.ear, bytes, (int)n), n);
}

/* Not before it has been answered the last time: OpenSSL breaks off then. */
static void ask_for_keys(struct pair *pair, size_t *asked_at)
{
    if (pair->caller.raw.len < *asked_at + 3 * RECORD_FULL)
        return;
    *asked_at = pair->caller.raw.len;
    caller_listens(&pair->caller);
    caller_changes_keys(&pair->caller, true);
    caller_post(&pair->caller, SIZE_MAX);
    (void)read_nothing(pair);
}

static void speak_slowly(const struct slow_case *c, struct others *others, size_t step)
{
    int          small = 1;
    size_t       at = 0, budget = c->budget, asked_at = 0;
    unsigned     waits = 0;
    struct pair  pair;

    make_friends(&pair, &c->wish);
    assert_int_equal(setsockopt(pair.server.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    while (at < BIG) {
        size_t  left = BIG - at, sent;
        enum io io = send_from(&pair, c, at, MIN_OF(budget, left), &sent);

        at += sent;
        budget = c->budget;
        if (io == IO_DONE) {
            PROMISED("it moves", sent > 0);
            continue;
        }
        PROMISED_NUMBER(c->promise, io, IO_WANT_WRITE);
        PROMISED_NUMBER(c->promise, sent, 0);
        waits++;
        budget = c->smaller;
        answer_others(others);
        if (c->keys)
            ask_for_keys(&pair, &asked_at);
        take_some(&pair, 1 + waits * step % 5000);
    }
    PROMISED_NUMBER(c->promise, at, BIG);
    PROMISED("it had to wait", waits > 20);
    PROMISED_NUMBER(c->promise, caller_listens(&pair.caller).len, BIG);
    assert_memory_equal(pair.caller.heard.ptr, shop.big, BIG);
    part(&pair);
}

static void slow_clients_get_what_is_theirs(void **state)
{
    struct others others;

    (void)state;
    make_friends(&others.pair, &anything);
    for (size_t i = 0; i < COUNTOF(slow_cases); i++)
        for (size_t step = 1; step < 3000; step += 977)
            speak_slowly(&slow_cases[i], &others, step);
    part(&others.pair);
}

/* ---- new keys ------------------------------------------------------------------------- */

/* RFC 8446 §4.6.3 */
static void a_few_new_keys_do_no_harm(void **state)
{
    (void)state;
    for (int asks = 0; asks <= 1; asks++) {
        struct pair pair;

        make_friends(&pair, &versions[1].wish);
        for (int i = 0; i < 5; i++)
            caller_changes_keys(&pair.caller, asks);
        caller_sends(&pair, STR("behind them"));
        PROMISED_STR("what is behind them", read_some(&pair, 100), "behind them");
        PROMISED_NUMBER("and that was all", read_nothing(&pair), IO_WANT_READ);
        both_are_understood("and both go on", &pair);
        part(&pair);
    }
}

static void new_keys_alone_are_nothing(void **state)
{
    struct pair pair;

    (void)state;
    make_friends(&pair, &versions[1].wish);
    for (int i = 0; i < 5; i++) {
        caller_changes_keys(&pair.caller, false);
        caller_post(&pair.caller, SIZE_MAX);
        assert_int_equal(read_nothing(&pair), IO_WANT_READ);
        assert_false(transport_has_input(&pair.server));
    }
    both_are_understood("and both go on", &pair);
    part(&pair);
}

static void nobody_needs_that_many_new_keys(void **state)
{
    struct pair pair;
    enum io     io = IO_WANT_READ;

    (void)state;
    make_friends(&pair, &versions[1].wish);
    for (int round = 0; round < 100 && io == IO_WANT_READ; round++) {
        for (int i = 0; i < 100; i++)
            caller_changes_keys(&pair.caller, i % 2);
        caller_post(&pair.caller, SIZE_MAX);
        io = read_nothing(&pair);
    }
    assert_int_equal(io, IO_FAILED);
    part(&pair);
}

static size_t write_until_full(struct pair *pair)
{
    struct iovec piece = {shop.big, 1000};
    size_t       total = 0, sent;
    enum io      io;

    while ((io = transport_write(&pair->server, &piece, 1, false, &sent)) == IO_DONE)
        total += sent;
    assert_int_equal(io, IO_WANT_WRITE);
    return total;
}

/* The server's own new keys have to be said first, behind the record that is on its way, and there
 * is no room. */
static void new_keys_may_have_to_wait_for_room(void **state)
{
    enum { TRIES = 20 };
    int          small = 1, tries = 0;
    struct iovec piece = {shop.big, 1000};
    size_t       total, sent;
    enum io      io = IO_DONE;
    struct pair  pair;

    (void)state;
    make_friends(&pair, &versions[1].wish);
    assert_int_equal(setsockopt(pair.server.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    total = write_until_full(&pair);
    caller_changes_keys(&pair.caller, true);
    caller_sends(&pair, STR("go on"));
    PROMISED_STR("it is read all the same", read_some(&pair, 100), "go on");
    while (io != IO_WANT_WRITE && tries++ < TRIES) {
        take_some(&pair, 1500);             /* room for a record or two, and then for none */
        total += write_until_full(&pair);
        io = read_nothing(&pair);
    }
    PROMISED_NUMBER("who reads has to wait for it, too", io, IO_WANT_WRITE);
    do {
        take_some(&pair, 100);
        io = transport_write(&pair.server, &piece, 1, false, &sent);
        total += sent;
    } while (io == IO_WANT_WRITE);
    assert_int_equal(io, IO_DONE);
    assert_int_equal(caller_listens(&pair.caller).len, total);
    both_are_understood("and both go on", &pair);
    part(&pair);
}

/* ---- who the client is ---------------------------------------------------------------- */

/* RFC 4514 §2.4 */
static const struct subject_case {
    const char *promise;
    const char *common_name;
    const char *said;
} subjects[] = {
    {"a name",                      "ann",              "CN=ann,O=minted for a test"},
    {"spaces inside stay",          "ann of a",         "CN=ann of a,O=minted for a test"},
    {"what ends a value does not",  "a,O=root",         "CN=a\\,O=root,O=minted for a test"},
    {"special characters",          "a+\"b\\c<d>e;f",   "CN=a\\+\\\"b\\\\c\\<d\\>e\\;f,O=minted for a test"},
    {"spaces at both ends",         " a ",              "CN=\\ a\\ ,O=minted for a test"},
    {"a number sign at the front",  "#a#",              "CN=\\#a#,O=minted for a test"},
    {"a line break",                "a\nb",             "CN=a\\0Ab,O=minted for a test"},
    {"what is not ASCII",           "\xc3\xa4",         "CN=\\C3\\A4,O=minted for a test"},
    {"no common name",              NULL,               "O=minted for a test"},
};

static void a_client_is_known_by_its_subject(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNTOF(versions); v++)
        for (size_t i = 0; i < COUNTOF(subjects); i++) {
            const struct subject_case *c = &subjects[i];
            struct minted      client = minted_make(&(struct minted_wish){
                     .common_name = c->common_name, .issuer = &shop.authority});
            struct caller_wish wish = versions[v].wish;
            struct pair        pair;

            wish.shows = &client;
            meet(&pair, &wish);
            pair.store = shop.curious;
            PROMISED("nobody yet", !tls_client(&pair.server));
            PROMISED_NUMBER(c->promise, shake_hands(&pair, SIZE_MAX), TLS_DONE);
            PROMISED("somebody", tls_client(&pair.server));
            PROMISED_STR(c->promise, str_view(tls_client(&pair.server)), c->said);
            part(&pair);
            minted_fini(&client);
        }
}

/* It is not asked again, and nobody else. */
static void a_client_that_takes_up_a_session_is_still_known(void **state)
{
    struct minted client = minted_make(&(struct minted_wish){.common_name = "ann",
                                                             .issuer = &shop.authority});

    (void)state;
    for (size_t v = 0; v < COUNTOF(versions); v++) {
        struct caller_wish wish = versions[v].wish;
        struct pair        pair;

        wish.shows = &client;
        for (int again = 0; again <= 1; again++) {
            meet(&pair, &wish);
            pair.store = shop.curious;
            assert_int_equal(shake_hands(&pair, SIZE_MAX), TLS_DONE);
            caller_listens(&pair.caller);
            PROMISED_NUMBER("it is taken up", SSL_session_reused(pair.caller.ssl), again);
            PROMISED_STR(versions[v].promise, str_view(tls_client(&pair.server)),
                         "CN=ann,O=minted for a test");
            SSL_SESSION_free(wish.resumes);
            wish.resumes = SSL_get1_session(pair.caller.ssl);
            wish.shows = NULL;
            caller_says_end(&pair.caller);
            part(&pair);
        }
        SSL_SESSION_free(wish.resumes);
    }
    minted_fini(&client);
}

static void check_facts(const char *promise, const struct pair *pair, const char *version,
                        const char *name, int again)
{
    struct tls_facts facts;

    PROMISED(promise, tls_facts(&pair->server, &facts));
    PROMISED_STR(promise, str_view(facts.version), version);
    PROMISED_STR(promise, str_view(facts.cipher),
                 SSL_CIPHER_standard_name(SSL_get_current_cipher(pair->caller.ssl)));
    PROMISED_STR(promise, str_view(facts.alpn), "http/1.1");
    PROMISED_STR(promise, facts.server_name ? str_view(facts.server_name) : str_of(NULL, 0), name);
    PROMISED(promise, !facts.client);
    PROMISED_NUMBER(promise, facts.is_resumed, again);
}

/* Also the name, which OpenSSL forgets when a session of TLS 1.2 is taken up. */
static void what_was_agreed_on_is_known(void **state)
{
    static const char *const names[] = {"localhost", "other.test", NULL};

    (void)state;
    for (size_t i = 0; i < COUNTOF(versions) * COUNTOF(names); i++) {
        const struct version *version = &versions[i / COUNTOF(names)];
        struct caller_wish    wish = version->wish;
        struct pair           pair;

        wish.name = names[i % COUNTOF(names)];
        wish.alpn = STR("\x02h2\x08http/1.1");
        for (int again = 0; again <= 1; again++) {
            make_friends(&pair, &wish);
            check_facts(version->promise, &pair, SSL_get_version(pair.caller.ssl), wish.name, again);
            SSL_SESSION_free(wish.resumes);
            wish.resumes = SSL_get1_session(pair.caller.ssl);
            caller_says_end(&pair.caller);
            part(&pair);
        }
        SSL_SESSION_free(wish.resumes);
    }
}

static void nothing_is_agreed_on_without_TLS(void **state)
{
    struct tls_facts facts;
    struct pair      pair;

    (void)state;
    meet(&pair, &anything);
    assert_false(tls_facts(&pair.server, &facts));
    part(&pair);
}

static void who_shows_nothing_is_nobody(void **state)
{
    struct minted      client = minted_make(&(struct minted_wish){.issuer = &shop.authority});
    struct caller_wish wish = {.shows = &client};
    struct pair        pair;

    (void)state;
    make_friends(&pair, &wish);         /* it is not asked */
    assert_null(tls_client(&pair.server));
    part(&pair);
    meet(&pair, &anything);             /* it has nothing */
    pair.store = shop.curious;
    assert_int_equal(shake_hands(&pair, SIZE_MAX), TLS_DONE);
    assert_null(tls_client(&pair.server));
    part(&pair);
    meet(&pair, &anything);             /* it is not TLS */
    assert_null(tls_client(&pair.server));
    part(&pair);
    minted_fini(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handshake_may_come_in_pieces),
        cmocka_unit_test(what_comes_with_the_end_of_it_is_not_lost),
        cmocka_unit_test(who_has_not_spoken_yet_costs_nothing),
        cmocka_unit_test(a_first_byte_that_is_none_of_TLS_is_left_where_it_is),
        cmocka_unit_test(who_goes_without_a_word_has_closed),
        cmocka_unit_test(noise_behind_the_first_byte_is_a_failure),
        cmocka_unit_test(who_has_nothing_in_common_with_us_is_told),
        cmocka_unit_test(a_client_may_go_at_any_byte),
        cmocka_unit_test(a_reset_is_told_apart),
        cmocka_unit_test(a_server_may_end_it_at_any_byte),
        cmocka_unit_test(several_records_that_came_together_are_read_one_by_one),
        cmocka_unit_test(a_record_larger_than_the_room_is_read_in_parts),
        cmocka_unit_test(a_record_that_was_cut_is_waited_for),
        cmocka_unit_test(who_reads_until_it_is_drained_has_it_all),
        cmocka_unit_test(what_was_left_inside_says_nothing_of_the_socket),
        cmocka_unit_test(a_client_that_has_ended_is_still_answered),
        cmocka_unit_test(an_end_in_the_middle_of_a_record_is_an_end),
        cmocka_unit_test(a_client_that_is_gone_has_failed),
        cmocka_unit_test(our_end_is_said_once),
        cmocka_unit_test(after_a_failure_nothing_more_is_said),
        cmocka_unit_test(we_shut_and_still_listen),
        cmocka_unit_test(pieces_leave_in_order),
        cmocka_unit_test(records_are_small_at_first_and_after_a_rest),
        cmocka_unit_test(a_file_that_ends_early_is_told),
        cmocka_unit_test(slow_clients_get_what_is_theirs),
        cmocka_unit_test(a_few_new_keys_do_no_harm),
        cmocka_unit_test(new_keys_alone_are_nothing),
        cmocka_unit_test(nobody_needs_that_many_new_keys),
        cmocka_unit_test(new_keys_may_have_to_wait_for_room),
        cmocka_unit_test(a_client_is_known_by_its_subject),
        cmocka_unit_test(a_client_that_takes_up_a_session_is_still_known),
        cmocka_unit_test(who_shows_nothing_is_nobody),
        cmocka_unit_test(what_was_agreed_on_is_known),
        cmocka_unit_test(nothing_is_agreed_on_without_TLS),
    };

    return cmocka_run_group_tests(tests, open_shop, close_shop);
}

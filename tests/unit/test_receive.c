/* What server/receive promises of bodies: what a route refuses is not read, limits hold however a body
 * comes, a long one is written to a file by permits while nothing is read, and whatever fails leaves
 * nothing behind. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/connection.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/fault.h"
#include "tests/support/house.h"
#include "tests/support/promise.h"
#include "tests/support/stage.h"

enum { LONG = 3 * BODY_PIECE_BYTES + 1000, MEMORY = 1000 };

/* ---- what is served ------------------------------------------------------------------- */

static struct {
    int  worked;
    int  folder;                    /* where /keep puts what it gets */
    bool is_right;                  /* the last body was the one that was sent */
    bool was_spooled;
    char sent[LONG];
} shop;

/* What was sent, wherever it is. */
static bool is_what_was_sent(struct wherry_exchange *exchange)
{
    size_t              length = (size_t)wherry_body_length(exchange);
    struct wherry_slice body = wherry_body(exchange);
    int                 file = wherry_body_file(exchange);
    char               *read_back = malloc(length + 1);
    bool                is_right;

    shop.was_spooled = file != -1;
    if (file == -1)
        is_right = body.len == length && memcmp(body.ptr, shop.sent, length) == 0;
    else
        is_right = !body.ptr && pread(file, read_back, length + 1, 0) == (ssize_t)length &&
                   memcmp(read_back, shop.sent, length) == 0;
    free(read_back);
    return is_right;
}

static enum wherry_next take(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    shop.worked++;
    shop.is_right = is_what_was_sent(exchange);
    wherry_copy_body(exchange, wherry_text("taken"));
    return WHERRY_ANSWER;
}

static enum wherry_next limit_look(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_limit_body(exchange, 10);
    return WHERRY_WORK;
}

static enum wherry_next keep_look(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_spool_body(exchange, shop.folder);
    return WHERRY_WORK;
}

static enum wherry_next keep_work(struct wherry_exchange *exchange, void *data)
{
    static const char *const words[] = {"new", "replaced", "not"};
    enum wherry_kept         kept;

    (void)data;
    shop.worked++;
    shop.is_right = is_what_was_sent(exchange);
    kept = wherry_keep_body(exchange, wherry_part(exchange, "name").ptr);
    wherry_copy_body(exchange, wherry_text(words[kept]));
    return WHERRY_ANSWER;
}

static enum wherry_next refuse_look(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    return wherry_refuse(exchange, atoi(wherry_part(exchange, "status").ptr), "not so");
}

static const struct wherry_route routes[] = {
    {.pattern = "/take", .methods = WHERRY_POST, .wants_body = true, .work = take},
    {.pattern = "/drop", .methods = WHERRY_POST, .work = take},
    {.pattern = "/ten", .methods = WHERRY_POST, .wants_body = true, .look = limit_look, .work = take},
    {.pattern = "/keep/{name}", .methods = WHERRY_PUT, .look = keep_look, .work = keep_work},
    {.pattern = "/refuse/{status}", .methods = WHERRY_POST, .wants_body = true,
     .look = refuse_look, .work = take},
};

static void open_shop(struct house *house, bool has_spool)
{
    struct wherry_settings settings;

    house_settings(&settings);
    settings.body_bytes_max = LONG;
    settings.body_memory_max = MEMORY;
    settings.spool_dir = has_spool ? "." : NULL;
    house_open(house, &settings);
    for (size_t i = 0; i < COUNTOF(routes); i++)
        assert_true(wherry_server_route(house->server, &routes[i]));
    for (size_t i = 0; i < LONG; i++)
        shop.sent[i] = (char)('a' + i * 31 % 26);
    shop.worked = 0;
    shop.is_right = shop.was_spooled = false;
    folder_folder("kept");
    shop.folder = open("kept", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void close_shop(struct house *house)
{
    house_run(house);
    assert_true(house_is_empty(house));
    close(shop.folder);
    house_close(house);
}

#define HEARS(house, guest, wanted)                                                            \
    do {                                                                                       \
        struct buf words_ = BUF_UP_TO(1 << 20);                                                \
                                                                                               \
        house_run(house);                                                                      \
        PROMISED_STR(wanted, guest_summary((guest), &words_), wanted);                         \
        buf_fini(&words_);                                                                     \
    } while (0)

/* Says the head of a request with a body of `length` bytes. */
static void say_head(struct guest *guest, const char *target, size_t length)
{
    char head[256];

    snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
             str_starts(str_view(target), STR("/keep")) ? "PUT" : "POST", target, length);
    guest_say_text(guest, head);
}

/* Says `count` bytes of what is sent, from byte `at` on, as fast as they are taken. */
static void say_body(struct house *house, struct guest *guest, size_t at, size_t count)
{
    while (count > 0) {
        size_t some = MIN_OF(count, 50000u);

        guest_say(guest, str_of(shop.sent + at, some));
        house_run(house);
        at += some;
        count -= some;
    }
}

/* ---- dialogues ------------------------------------------------------------------------ */

#define POST(target, fields)  "POST " target " HTTP/1.1\r\nHost: x\r\n" fields "\r\n"
#define LENGTH(count)         "Content-Length: " #count "\r\n"
#define EXPECT                "Expect: 100-continue\r\n"
#define CHUNKED               "Transfer-Encoding: chunked\r\n"

/* clang-format off */
static const struct dialogue {
    const char *promise;
    const char *said;
    const char *heard;
    int         worked;
} dialogues[] = {
    /* RFC 9110 §10.1.1 */
    {"what look lets in may come",            POST("/ten", EXPECT LENGTH(10)), "100, open", 0},
    {"what it refuses is not invited",        POST("/refuse/401", EXPECT LENGTH(10)), "401 close, ended", 0},
    {"with whatever status",                  POST("/refuse/417", EXPECT LENGTH(10)), "417 close, ended", 0},
    {"nor read when it comes at once",        POST("/refuse/401", LENGTH(10)) "abcdefghijPOST", "401 close, ended", 0},
    {"in chunks neither",                     POST("/refuse/413", CHUNKED) "a\r\nabc", "413 close, ended", 0},
    {"its refusal goes before ours",          POST("/refuse/401", LENGTH(99999999)), "401 close, ended", 0},
    {"without a body there is no harm",       POST("/refuse/401", LENGTH(0)) POST("/refuse/401", ""), "401, 401, open", 0},

    /* RFC 9110 §15.5.14 */
    {"a limit of its own",                    POST("/ten", LENGTH(10)) "abcdefghij", "200 taken, open", 1},
    {"counts before the body comes",          POST("/ten", LENGTH(11)), "413 close, ended", 0},
    {"and before it is invited",              POST("/ten", EXPECT LENGTH(11)), "413 close, ended", 0},
    {"and while it comes",                    POST("/ten", CHUNKED) "b\r\nabcdefghijk\r\n", "413 close, ended", 0},
    {"which may be invited",                  POST("/ten", EXPECT CHUNKED), "100, open", 0},
    {"the limit of all is for all",           POST("/take", LENGTH(99999999)), "413 close, ended", 0},
    {"also for whom nobody is there",         POST("/none", LENGTH(99999999)), "413 close, ended", 0},
    {"and is forgotten for the next",         POST("/ten", LENGTH(0)) POST("/take", LENGTH(11)) "abcdefghijk",
                                              "200 taken, 200 taken, open", 2},
};
/* clang-format on */

static void a_route_has_its_say_first(void **state)
{
    struct house house;

    (void)state;
    open_shop(&house, false);
    for (size_t i = 0; i < COUNTOF(dialogues); i++) {
        const struct dialogue *d = &dialogues[i];
        struct buf             words = BUF_UP_TO(4096);
        struct guest           guest;

        shop.worked = 0;
        house_welcome(&house, &guest);
        guest_say_text(&guest, d->said);
        house_run(&house);
        PROMISED_STR(d->promise, guest_summary(&guest, &words), d->heard);
        PROMISED_NUMBER(d->promise, shop.worked, d->worked);
        buf_fini(&words);
        guest_leave(&guest);
        house_run(&house);
        PROMISED(d->promise, house_is_empty(&house));
    }
    close_shop(&house);
}

/* ---- a long one ----------------------------------------------------------------------- */

static void a_long_one_comes_in_a_file(void **state)
{
    static const size_t lengths[] = {
        0,    1,    MEMORY, MEMORY + 1, BODY_PIECE_BYTES - 1, BODY_PIECE_BYTES, BODY_PIECE_BYTES + 1,
        LONG, LONG,
    };
    struct house house;
    struct guest guest;

    (void)state;
    open_shop(&house, true);
    house_welcome(&house, &guest);
    for (size_t i = 0; i < COUNTOF(lengths); i++) {
        say_head(&guest, "/take", lengths[i]);
        say_body(&house, &guest, 0, lengths[i]);
        house_run(&house);
        assert_int_equal(shop.worked, i + 1);
        assert_true(shop.is_right);
        assert_int_equal(shop.was_spooled, lengths[i] > MEMORY);
    }
    assert_int_equal(folder_count("."), 2);      /* the socket, and "kept" */
    guest_leave(&guest);
    close_shop(&house);
}

/* Nobody gets more than his own, so it is written in many small pieces, and whole all the same. */
static void a_long_one_comes_without_memory_for_all(void **state)
{
    struct house   house;
    struct guest   guest;
    atomic_size_t *left;
    size_t         all;

    (void)state;
    open_shop(&house, true);
    left = &house.server->spool.memory_left;
    all = atomic_exchange(left, 0);
    house_welcome(&house, &guest);
    say_head(&guest, "/take", LONG);
    say_body(&house, &guest, 0, LONG - 1);
    assert_in_range(guest.conn->work->exchange.body.bytes.cap, 0, BODY_PIECE_BYTES / 4);
    say_body(&house, &guest, LONG - 1, 1);
    HEARS(&house, &guest, "200 taken, open");
    assert_true(shop.is_right && shop.was_spooled);
    guest_leave(&guest);
    house_run(&house);
    assert_int_equal(atomic_exchange(left, all), 0);
    close_shop(&house);
}

static void a_chunked_one_goes_there_when_it_gets_long(void **state)
{
    struct house house;
    struct guest guest;
    size_t       at = 0;

    (void)state;
    open_shop(&house, true);
    house_welcome(&house, &guest);
    guest_say_text(&guest, POST("/take", CHUNKED));
    while (at < LONG) {
        size_t     some = MIN_OF(LONG - at, 10007u);
        struct buf chunk = BUF_UP_TO(20000);

        buf_printf(&chunk, "%zx\r\n", some);
        buf_append(&chunk, str_of(shop.sent + at, some));
        buf_append(&chunk, STR("\r\n"));
        guest_say(&guest, buf_view(&chunk));
        house_run(&house);
        buf_fini(&chunk);
        at += some;
    }
    guest_say_text(&guest, "0\r\n\r\n");
    HEARS(&house, &guest, "200 taken, open");
    assert_true(shop.is_right && shop.was_spooled);
    guest_leave(&guest);
    close_shop(&house);
}

static void without_a_place_for_it_it_is_too_long(void **state)
{
    struct house house;
    struct guest guest;

    (void)state;
    open_shop(&house, false);
    house_welcome(&house, &guest);
    guest_say_text(&guest, POST("/take", EXPECT LENGTH(1001)));
    HEARS(&house, &guest, "413 close, ended");
    guest_leave(&guest);
    house_welcome(&house, &guest);
    guest_say_text(&guest, POST("/take", CHUNKED) "3e9\r\n");
    guest_say(&guest, str_of(shop.sent, MEMORY + 1));
    HEARS(&house, &guest, "413 close, ended");
    guest_leave(&guest);
    /* What nobody wants needs no place. */
    house_welcome(&house, &guest);
    say_head(&guest, "/drop", LONG);
    say_body(&house, &guest, 0, LONG);
    HEARS(&house, &guest, "200 taken, open");
    guest_leave(&guest);
    close_shop(&house);
}

static void it_can_be_kept(void **state)
{
    struct house house;
    struct guest guest;
    struct stat  status;

    (void)state;
    open_shop(&house, false);
    house_welcome(&house, &guest);
    say_head(&guest, "/keep/a", LONG);
    say_body(&house, &guest, 0, LONG - 1);
    assert_int_equal(folder_count("kept"), 0);
    say_body(&house, &guest, LONG - 1, 1);
    HEARS(&house, &guest, "200 new, open");
    assert_true(shop.is_right && shop.was_spooled);
    assert_int_equal(stat("kept/a", &status), 0);
    assert_int_equal(status.st_size, LONG);
    say_head(&guest, "/keep/a", 0);
    HEARS(&house, &guest, "200 new, 200 replaced, open");
    assert_true(shop.is_right && shop.was_spooled);
    assert_int_equal(stat("kept/a", &status), 0);
    assert_int_equal(status.st_size, 0);
    say_head(&guest, "/keep/.wherry-1", 0);
    HEARS(&house, &guest, "200 new, 200 replaced, 200 not, open");
    assert_int_equal(folder_count("kept"), 1);
    guest_leave(&guest);
    folder_remove("kept/a");
    close_shop(&house);
}

/* ---- permits -------------------------------------------------------------------------- */

/* Takes the only permit there is. */
static struct ticket take_permit(struct house *house)
{
    struct ticket ticket = TICKET_FRESH(PERMIT_LONG);
    bool          has = permits_take(&house->server->permits, &ticket, 0);

    assert_true(has);
    return ticket;
}

/* Sends until nothing more is taken; gives how much that was. */
static size_t flood(struct house *house, struct guest *guest, size_t at)
{
    size_t sent = 0;

    while (at + sent < LONG) {
        ssize_t n = send(guest->fd, shop.sent + at + sent, MIN_OF(LONG - at - sent, 20000u),
                         MSG_NOSIGNAL);

        house_run(house);
        if (n == -1)
            break;
        sent += (size_t)n;
    }
    return sent;
}

static void without_a_permit_nothing_is_read(void **state)
{
    struct house  house;
    struct guest  guest;
    struct ticket ticket;
    size_t        sent;
    int           narrow = 65536;

    (void)state;
    open_shop(&house, true);
    ticket = take_permit(&house);
    house_welcome(&house, &guest);
    setsockopt(guest.fd, SOL_SOCKET, SO_SNDBUF, &narrow, sizeof narrow);
    say_head(&guest, "/take", LONG);
    sent = flood(&house, &guest, 0);
    assert_true(sent >= BODY_PIECE_BYTES && sent < 2 * BODY_PIECE_BYTES);
    assert_int_equal(flood(&house, &guest, sent), 0);
    permits_leave(&house.server->permits, &ticket);
    house_run(&house);
    sent += flood(&house, &guest, sent);
    assert_int_equal(sent, LONG);
    HEARS(&house, &guest, "200 taken, open");
    assert_true(shop.is_right);
    guest_leave(&guest);
    close_shop(&house);
}

/* Writing is brief work; only the handler has to wait for the one that sleeps. */
static void a_handler_that_sleeps_keeps_nobody_from_sending(void **state)
{
    struct house  house;
    struct guest  guest;
    struct ticket ticket;

    (void)state;
    open_shop(&house, true);
    permits_resize(&house.server->permits, 2);
    ticket = take_permit(&house);
    house_welcome(&house, &guest);
    say_head(&guest, "/take", LONG);
    assert_int_equal(flood(&house, &guest, 0), LONG);
    HEARS(&house, &guest, "open");
    permits_leave(&house.server->permits, &ticket);
    HEARS(&house, &guest, "200 taken, open");
    assert_true(shop.is_right);
    guest_leave(&guest);
    close_shop(&house);
}

static void who_waits_for_one_too_long_is_told(void **state)
{
    struct house  house;
    struct guest  guest;
    struct ticket ticket;

    (void)state;
    open_shop(&house, true);
    ticket = take_permit(&house);
    house_welcome(&house, &guest);
    say_head(&guest, "/take", LONG);
    flood(&house, &guest, 0);
    house_pass_time(&house, 29999);
    HEARS(&house, &guest, "open");
    house_pass_time(&house, 1);
    HEARS(&house, &guest, "503 close, ended");
    guest_leave(&guest);
    permits_leave(&house.server->permits, &ticket);
    close_shop(&house);
}

static void who_leaves_while_he_waits_gives_up_his_place(void **state)
{
    struct house  house;
    struct guest  guest;
    struct ticket ticket;

    (void)state;
    open_shop(&house, true);
    ticket = take_permit(&house);
    house_welcome(&house, &guest);
    say_head(&guest, "/take", LONG);
    flood(&house, &guest, 0);
    assert_int_equal(house.server->permits.waiting, 1);
    guest_leave(&guest);
    house_run(&house);
    assert_int_equal(house.server->permits.waiting, 0);
    assert_int_equal(slab_count_open(&house.server->slab), 0);
    permits_leave(&house.server->permits, &ticket);
    close_shop(&house);
}

/* The time that the disk takes is not the client's; his own is, and what trickles earns none. */
static void a_body_must_go_on(void **state)
{
    struct house  house;
    struct guest  guest;
    struct ticket ticket;

    (void)state;
    open_shop(&house, true);
    house_welcome(&house, &guest);
    say_head(&guest, "/take", LONG);
    say_body(&house, &guest, 0, BODY_PIECE_BYTES - 1);
    ticket = take_permit(&house);
    say_body(&house, &guest, BODY_PIECE_BYTES - 1, 1);
    house_pass_time(&house, 20000);
    permits_leave(&house.server->permits, &ticket);
    house_run(&house);
    for (size_t i = 0; i < 29; i++) {
        house_pass_time(&house, 1000);
        say_body(&house, &guest, BODY_PIECE_BYTES + i, 1);
    }
    HEARS(&house, &guest, "open");
    house_pass_time(&house, 1000);
    HEARS(&house, &guest, "408 close, ended");
    assert_int_equal(shop.worked, 0);
    guest_leave(&guest);
    close_shop(&house);
}

/* ---- what may fail -------------------------------------------------------------------- */

static void who_leaves_in_the_middle_leaves_nothing(void **state)
{
    static const char *const targets[] = {"/take", "/keep/a"};
    struct house             house;
    size_t                   descriptors;

    (void)state;
    open_shop(&house, true);
    descriptors = descriptors_open();
    for (size_t i = 0; i < COUNTOF(targets); i++) {
        for (int half_closes = 0; half_closes < 2; half_closes++) {
            struct guest guest;

            house_welcome(&house, &guest);
            say_head(&guest, targets[i], LONG);
            say_body(&house, &guest, 0, LONG - 1);
            if (half_closes) {
                guest_end(&guest);
                HEARS(&house, &guest, "400 close, ended");
            }
            guest_leave(&guest);
            house_run(&house);
            assert_int_equal(descriptors_open(), descriptors);
            assert_int_equal(folder_count("kept"), 0);
        }
    }
    assert_int_equal(shop.worked, 0);
    close_shop(&house);
}

/* clang-format off */
static const struct fault {
    const char     *promise;
    enum fault_call call;
    int             error;
    const char     *heard;
} faults[] = {
    {"RFC 4918 §11.5: a full disk", FAULT_WRITE, ENOSPC,       "507 close, ended"},
    {"a quota",                     FAULT_WRITE, EDQUOT,       "507 close, ended"},
    {"a limit of size",             FAULT_WRITE, EFBIG,        "507 close, ended"},
    {"a broken disk",               FAULT_WRITE, EIO,          "500 close, ended"},
    {"a signal is nothing",         FAULT_WRITE, EINTR,        "200 new, open"},
    {"nor are small steps",         FAULT_WRITE, FAULT_SHORT,  "200 new, open"},
    {"no descriptors",              FAULT_OPENAT, EMFILE,      "503 close, ended"},
    {"no nameless files",           FAULT_OPENAT, EOPNOTSUPP,  "200 new, open"},
};
/* clang-format on */

/* Uploads, and gives what is heard in the end. */
static struct str upload(struct house *house, struct buf *words)
{
    struct guest guest;

    house_welcome(house, &guest);
    say_head(&guest, "/keep/a", LONG);
    say_body(house, &guest, 0, LONG);
    alloc_fail_off();
    guest_summary(&guest, words);
    guest_leave(&guest);
    house_run(house);
    return buf_view(words);
}

/* The n-th call fails, for every n that there is. */
static void whatever_fails_is_told_and_leaves_nothing(void **state)
{
    struct buf   words = BUF_UP_TO(4096);
    struct house house;
    size_t       descriptors;

    (void)state;
    open_shop(&house, true);
    upload(&house, &words);                 /* the folder is swept once */
    folder_remove("kept/a");
    stage_hush();
    descriptors = descriptors_open();
    for (size_t i = 0; i < COUNTOF(faults); i++) {
        const struct fault *f = &faults[i];

        for (size_t n = 1; fault_next(n, f->call, f->error); n++) {
            struct str heard = upload(&house, &words);
            bool       is_new = str_equal(heard, STR("200 new, open"));

            if (!fault_has_struck())
                PROMISED(f->promise, is_new);
            else if (!str_equal(heard, STR("200 not, open")))       /* from wherry_keep_body */
                PROMISED_STR(f->promise, heard, f->heard);
            PROMISED_NUMBER(f->promise, folder_count("kept"), is_new);
            PROMISED_NUMBER(f->promise, descriptors_open(), descriptors);
            PROMISED(f->promise, house_is_empty(&house));
            if (is_new)
                folder_remove("kept/a");
        }
    }
    stage_speak();
    buf_fini(&words);
    close_shop(&house);
}

static void without_memory_nothing_is_left(void **state)
{
    struct buf   words = BUF_UP_TO(4096);
    struct house house;

    (void)state;
    open_shop(&house, true);
    for (size_t n = 1; alloc_fail_next(n); n++) {
        struct str heard = upload(&house, &words);
        bool       is_new = str_equal(heard, STR("200 new, open"));

        assert_int_equal(folder_count("kept"), is_new);
        assert_true(house_is_empty(&house));
        if (is_new)
            folder_remove("kept/a");
    }
    buf_fini(&words);
    close_shop(&house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_route_has_its_say_first),
        cmocka_unit_test(a_long_one_comes_in_a_file),
        cmocka_unit_test(a_long_one_comes_without_memory_for_all),
        cmocka_unit_test(a_chunked_one_goes_there_when_it_gets_long),
        cmocka_unit_test(without_a_place_for_it_it_is_too_long),
        cmocka_unit_test(it_can_be_kept),
        cmocka_unit_test(without_a_permit_nothing_is_read),
        cmocka_unit_test(a_handler_that_sleeps_keeps_nobody_from_sending),
        cmocka_unit_test(who_waits_for_one_too_long_is_told),
        cmocka_unit_test(who_leaves_while_he_waits_gives_up_his_place),
        cmocka_unit_test(a_body_must_go_on),
        cmocka_unit_test(who_leaves_in_the_middle_leaves_nothing),
        cmocka_unit_test(whatever_fails_is_told_and_leaves_nothing),
        cmocka_unit_test(without_memory_nothing_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

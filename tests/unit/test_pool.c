/* What server/pool promises: as many threads as it takes, and no more for longer than that. */
#include "server/pool.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/alloc_fail.h"
#include "tests/support/house.h"
#include "tests/support/promise.h"

enum { BASE = 2, MAX = 16, STUCK_MS = 10000 };

static void nap(void)
{
    const struct timespec moment = {.tv_nsec = 1000000};

    nanosleep(&moment, NULL);
}

/* Waits for something that another thread is about to do; false when it does not for long. */
#define SOON(condition)                                                                        \
    ({                                                                                         \
        int64_t until_ = clock_now().ms + STUCK_MS;                                            \
                                                                                               \
        while (!(condition) && clock_now().ms < until_)                                        \
            nap();                                                                             \
        (condition);                                                                           \
    })

/* ---- by the clock --------------------------------------------------------------------- */

static void nobody_to_wake(struct ticket *ticket, void *context)
{
    (void)ticket, (void)context;
}

/* A pool whose permits the test takes itself. */
static struct pool *open_pool(struct house *house)
{
    struct wherry_settings settings;

    house_settings(&settings);
    house_open(house, &settings);
    permits_init(&house->server->permits, 1, nobody_to_wake, NULL);
    assert_true(pool_start(&house->server->pool, house->server, BASE, MAX));
    return &house->server->pool;
}

static void close_pool(struct house *house)
{
    assert_true(pool_stop(&house->server->pool, house->server, STUCK_MS));
    assert_null(house->server->pool.workers);
    house_close(house);
}

static unsigned permits_of(struct house *house)
{
    return house->server->permits.total;
}

/* Threads that are there, among them those that were told to end and did not yet. */
static unsigned threads_of(const struct pool *pool)
{
    unsigned count = 0;

    for (unsigned i = 0; i < pool->max; i++)
        count += pool->workers[i] != NULL;
    return count;
}

static unsigned take(struct house *house, struct ticket *tickets, size_t count, int64_t now_ms)
{
    unsigned granted = 0;

    for (size_t i = 0; i < count; i++) {
        tickets[i] = TICKET_FRESH(PERMIT_BRIEF);
        granted += permits_take(&house->server->permits, &tickets[i], now_ms);
    }
    return granted;
}

static void give_back(struct house *house, struct ticket *tickets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        permits_leave(&house->server->permits, &tickets[i]);
}

static void at_rest_there_is_always_one_more_than_may_block(void **state)
{
    struct house house;
    struct pool *pool = open_pool(&house);

    (void)state;
    assert_int_equal(pool->count, BASE);
    assert_int_equal(threads_of(pool), BASE);
    assert_int_equal(permits_of(&house), BASE - 1);
    assert_true(pool_keep(pool, house.server, 1000) == CLOCK_NEVER);
    assert_int_equal(pool->count, BASE);
    close_pool(&house);
}

static void it_grows_by_as_many_as_wait_at_most_doubling(void **state)
{
    struct house  house;
    struct pool  *pool = open_pool(&house);
    struct ticket tickets[6];

    (void)state;
    assert_int_equal(take(&house, tickets, COUNTOF(tickets), 1000), 1);
    assert_int_equal(pool_keep(pool, house.server, 1009), POOL_GROW_AFTER_MS);
    assert_int_equal(pool->count, 2);           /* a moment's wait is no reason */
    assert_int_equal(pool_keep(pool, house.server, 1010), POOL_GROW_AFTER_MS);
    assert_int_equal(pool->count, 4);           /* doubled, 5 waiting; 3 have permits, 3 wait */
    assert_int_equal(pool_keep(pool, house.server, 1011), POOL_GROW_AFTER_MS);
    assert_int_equal(pool->count, 7);           /* 3 more: all have */
    assert_int_equal(permits_of(&house), 6);
    for (size_t i = 0; i < COUNTOF(tickets); i++)
        assert_int_equal(tickets[i].state, TICKET_GRANTED);
    assert_true(pool_keep(pool, house.server, 1012) == CLOCK_NEVER);
    assert_int_equal(pool->count, 7);
    assert_int_equal(threads_of(pool), 7);
    give_back(&house, tickets, COUNTOF(tickets));
    close_pool(&house);
}

static void it_grows_no_further_than_it_may(void **state)
{
    struct house  house;
    struct pool  *pool = open_pool(&house);
    struct ticket tickets[40];

    (void)state;
    take(&house, tickets, COUNTOF(tickets), 1000);
    for (int64_t now = 1010; now < 1100; now += 10)
        (void)!pool_keep(pool, house.server, now);
    assert_int_equal(pool->count, MAX);
    assert_int_equal(threads_of(pool), MAX);
    assert_int_equal(permits_of(&house), MAX - 1);
    /* There is nothing it could be asked again for. */
    assert_true(pool_keep(pool, house.server, 1100) == CLOCK_NEVER);
    give_back(&house, tickets, COUNTOF(tickets));
    close_pool(&house);
}

static void it_shrinks_step_by_step_once_it_was_calm(void **state)
{
    struct house  house;
    struct pool  *pool = open_pool(&house);
    struct ticket tickets[20];
    int64_t       now = 1010;
    unsigned      before;

    (void)state;
    take(&house, tickets, COUNTOF(tickets), 1000);
    for (; pool->count < MAX && now < 2000; now += 10)
        (void)!pool_keep(pool, house.server, now);
    give_back(&house, tickets, COUNTOF(tickets));

    (void)!pool_keep(pool, house.server, now);      /* calm begins */
    (void)!pool_keep(pool, house.server, now + POOL_SHRINK_AFTER_MS - 1);
    assert_int_equal(pool->count, MAX);
    now += POOL_SHRINK_AFTER_MS;
    do {
        before = pool->count;
        (void)!pool_keep(pool, house.server, now - 1);      /* however often it is asked */
        assert_int_equal(pool->count, before);
        (void)!pool_keep(pool, house.server, now);
        now += POOL_SHRINK_STEP_MS;
        assert_in_range(before - pool->count, before > BASE, (before - BASE + 3) / 4);
        assert_int_equal(permits_of(&house), MAX_OF(pool->count, 2u) - 1);
    } while (pool->count < before);
    assert_int_equal(pool->count, BASE);
    assert_true(SOON(((void)!pool_keep(pool, house.server, now), threads_of(pool) == BASE)));
    assert_int_equal(atomic_load(&pool->to_end), 0);
    close_pool(&house);
}

static void it_does_not_shrink_while_half_of_the_extra_ones_are_busy(void **state)
{
    struct house  house;
    struct pool  *pool = open_pool(&house);
    struct ticket tickets[20];
    int64_t       now = 1010;

    (void)state;
    take(&house, tickets, COUNTOF(tickets), 1000);
    for (; pool->count < MAX && now < 2000; now += 10)
        (void)!pool_keep(pool, house.server, now);
    give_back(&house, tickets + 9, COUNTOF(tickets) - 9);      /* 9 of 15 permits are in use */
    for (int i = 0; i < 10; i++)
        (void)!pool_keep(pool, house.server, now += POOL_SHRINK_AFTER_MS);
    assert_int_equal(pool->count, MAX);
    permits_leave(&house.server->permits, &tickets[0]);         /* 8 of 15: 7 are spare */
    (void)!pool_keep(pool, house.server, now);
    (void)!pool_keep(pool, house.server, now + POOL_SHRINK_AFTER_MS);
    assert_in_range(pool->count, BASE, MAX - 1);
    give_back(&house, tickets, 9);
    close_pool(&house);
}

static void a_wait_ends_the_calm(void **state)
{
    struct house  house;
    struct pool  *pool = open_pool(&house);
    struct ticket tickets[4];
    int64_t       now = 1010;

    (void)state;
    take(&house, tickets, COUNTOF(tickets), 1000);
    for (; now < 1100; now += 10)
        (void)!pool_keep(pool, house.server, now);
    assert_int_equal(pool->count, 5);
    give_back(&house, tickets, COUNTOF(tickets));
    (void)!pool_keep(pool, house.server, now);
    assert_int_equal(take(&house, tickets, COUNTOF(tickets), now + 1000), 4);
    (void)!pool_keep(pool, house.server, now + 1000);
    give_back(&house, tickets, COUNTOF(tickets));
    (void)!pool_keep(pool, house.server, now + 1001);
    (void)!pool_keep(pool, house.server, now + POOL_SHRINK_AFTER_MS + 1000);
    assert_int_equal(pool->count, 5);
    (void)!pool_keep(pool, house.server, now + POOL_SHRINK_AFTER_MS + 1001);
    assert_int_equal(pool->count, 4);
    close_pool(&house);
}

static void as_many_end_as_were_told(void **state)
{
    struct wherry_settings settings;
    struct house           house;
    struct pool           *pool;

    (void)state;
    house_settings(&settings);
    house_open(&house, &settings);
    pool = &house.server->pool;
    assert_false(pool_ends_one(pool, house.server));
    atomic_store(&pool->to_end, 2);
    assert_true(pool_ends_one(pool, house.server));
    assert_true(pool_ends_one(pool, house.server));
    assert_false(pool_ends_one(pool, house.server));
    house_close(&house);
}

static void without_memory_it_does_not_start_and_can_be_stopped(void **state)
{
    struct wherry_settings settings;
    struct house           house;
    size_t                 n;

    (void)state;
    house_settings(&settings);
    house_open(&house, &settings);
    for (n = 1;; n++) {
        bool ok;

        alloc_fail_at(n);
        ok = pool_start(&house.server->pool, house.server, BASE, MAX);
        assert_int_equal(ok, !alloc_fail_off());
        assert_true(pool_stop(&house.server->pool, house.server, STUCK_MS));
        if (ok)
            break;
    }
    assert_int_equal(n, 4);                 /* the table, two workers, and the round without */
    house_close(&house);
}

/* ---- a crowd -------------------------------------------------------------------------- */

static struct {
    atomic_uint inside;             /* handlers that run */
    atomic_bool may_leave;
} room;

static enum wherry_next stay(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    atomic_fetch_add(&room.inside, 1);
    (void)!SOON(atomic_load(&room.may_leave));
    atomic_fetch_sub(&room.inside, 1);
    wherry_copy_body(exchange, (struct wherry_slice){"stayed", 6});
    return WHERRY_ANSWER;
}

static enum wherry_next hello(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_set_body(exchange, (struct wherry_slice){"hello", 5});
    return WHERRY_ANSWER;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static void open_room(struct house *house)
{
    struct wherry_settings settings;

    house_settings(&settings);
    house_open(house, &settings);
    assert_true(wherry_server_route(
        house->server,
        &(struct wherry_route){.pattern = "/stay", .methods = WHERRY_GET, .work = stay}));
    assert_true(wherry_server_route(
        house->server,
        &(struct wherry_route){.pattern = "/hello", .methods = WHERRY_GET, .look = hello}));
    atomic_store(&room.may_leave, false);
}

static void come_and_say(struct house *house, struct guest *guest, const char *text)
{
    house_admit(house, guest);
    conn_park(guest->conn, &house->worker);
    guest_say_text(guest, text);
}

static bool has_heard(struct guest *guest, const char *body)
{
    return str_ends(guest_listen(guest), str_view(body));
}

static bool keep(struct house *house)
{
    (void)!pool_keep(&house->server->pool, house->server, clock_now().ms);
    return true;
}

/* The promise that the whole shape is for. */
static void who_blocks_keeps_nobody_waiting(void **state)
{
    struct house house;
    struct guest sleepers[12], visitor;

    (void)state;
    open_room(&house);
    assert_true(pool_start(&house.server->pool, house.server, BASE, MAX));
    for (size_t i = 0; i < COUNTOF(sleepers); i++)
        come_and_say(&house, &sleepers[i], GET("/stay"));
    come_and_say(&house, &visitor, GET("/hello"));
    assert_true(SOON(has_heard(&visitor, "hello")));            /* nobody has grown anything yet */
    assert_true(SOON(keep(&house) && atomic_load(&room.inside) == COUNTOF(sleepers)));
    buf_reset(&visitor.heard);
    guest_say_text(&visitor, GET("/hello"));
    assert_true(SOON(has_heard(&visitor, "hello")));
    atomic_store(&room.may_leave, true);
    for (size_t i = 0; i < COUNTOF(sleepers); i++) {
        assert_true(SOON(has_heard(&sleepers[i], "stayed")));
        guest_leave(&sleepers[i]);
    }
    guest_leave(&visitor);
    assert_true(SOON(slab_count_open(&house.server->slab) == 0));
    assert_true(pool_stop(&house.server->pool, house.server, STUCK_MS));
    assert_true(house_is_empty(&house));
    house_close(&house);
}

static void who_does_not_come_back_is_not_waited_for(void **state)
{
    struct house house;
    struct guest sleeper;

    (void)state;
    open_room(&house);
    assert_true(pool_start(&house.server->pool, house.server, BASE, MAX));
    come_and_say(&house, &sleeper, GET("/stay"));
    assert_true(SOON(atomic_load(&room.inside) == 1));
    assert_false(pool_stop(&house.server->pool, house.server, 20));
    atomic_store(&room.may_leave, true);
    assert_true(pool_stop(&house.server->pool, house.server, STUCK_MS));
    assert_true(has_heard(&sleeper, "stayed"));
    guest_leave(&sleeper);
    house_close(&house);
}

/* ---- all of it ------------------------------------------------------------------------ */

static void *run_server(void *argument)
{
    struct house *house = argument;
    char          problem[256];

    return wherry_server_run(house->server, problem, sizeof problem) ? house : NULL;
}

static int connect_to(const char *path)
{
    struct address address;
    int            fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(address_local(path, &address));
    assert_int_equal(connect(fd, &address.any, address.len), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static void a_server_that_is_stopped_finishes_what_it_began(void **state)
{
    struct house house;
    struct guest sleeper = {.heard = BUF_UP_TO(65536)}, late = {.heard = BUF_UP_TO(65536)};
    pthread_t    thread;
    void        *ok;

    (void)state;
    open_room(&house);
    assert_int_equal(pthread_create(&thread, NULL, run_server, &house), 0);
    sleeper.fd = connect_to("socket");
    guest_say_text(&sleeper, GET("/stay"));
    assert_true(SOON(atomic_load(&room.inside) == 1));
    late.fd = connect_to("socket");
    guest_say_text(&late, GET("/hello"));
    assert_true(wherry_server_stop(house.server));
    assert_false(wherry_server_stop(house.server));         /* twice is once */
    assert_true(SOON(has_heard(&late, "hello")));
    assert_true(SOON(atomic_load(&house.server->is_draining)));
    atomic_store(&room.may_leave, true);
    assert_true(SOON(has_heard(&sleeper, "stayed")));
    assert_non_null(memmem(sleeper.heard.ptr, sleeper.heard.len, "Connection: close", 17));
    guest_leave(&sleeper);
    guest_leave(&late);
    pthread_join(thread, &ok);
    assert_ptr_equal(ok, &house);
    house_close(&house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_rest_there_is_always_one_more_than_may_block),
        cmocka_unit_test(it_grows_by_as_many_as_wait_at_most_doubling),
        cmocka_unit_test(it_grows_no_further_than_it_may),
        cmocka_unit_test(it_shrinks_step_by_step_once_it_was_calm),
        cmocka_unit_test(it_does_not_shrink_while_half_of_the_extra_ones_are_busy),
        cmocka_unit_test(a_wait_ends_the_calm),
        cmocka_unit_test(as_many_end_as_were_told),
        cmocka_unit_test(without_memory_it_does_not_start_and_can_be_stopped),
        cmocka_unit_test(who_blocks_keeps_nobody_waiting),
        cmocka_unit_test(who_does_not_come_back_is_not_waited_for),
        cmocka_unit_test(a_server_that_is_stopped_finishes_what_it_began),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

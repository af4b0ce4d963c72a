/* What net/probe promises: an answer, or a reason, by its deadline.  (Who answers what is in
 * test_healthcheck.py.) */
#include "net/probe.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/support/fault.h"
#include "tests/support/folder.h"
#include "tests/support/promise.h"

enum { PATIENCE_US = 150 * 1000 };

/* Somebody who lets others in and says nothing, unless `says` was said to them beforehand. */
static int open_door(struct address *where, int backlog)
{
    int fd = socket(where->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_not_equal(fd, -1);
    assert_int_equal(bind(fd, &where->any, where->len), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, &where->any, &where->len), 0);
    return fd;
}

static struct address loopback(void)
{
    struct address where[ADDRESSES_MAX];

    assert_int_equal(address_resolve(STR("127.0.0.1"), 0, where), 1);
    return where[0];
}

static struct probe probe_of(const struct address *where, const char *tls_name)
{
    return (struct probe){.where = *where,
                          .tls_name = tls_name,
                          .question = STR("how are you?\r\n"),
                          .until_us = clock_us() + PATIENCE_US};
}

static void expect_late(const struct address *where, const char *tls_name)
{
    struct probe probe = probe_of(where, tls_name);
    int64_t      until_us = probe.until_us;

    assert_int_equal(probe_ask(&probe), PROBE_LATE);
    assert_true(clock_us() >= until_us);
    assert_true(clock_us() < until_us + 5 * 1000 * 1000);
}

static void silence_ends_at_the_deadline(void **state)
{
    struct address where = loopback();
    int            door = open_door(&where, 8);

    (void)state;
    expect_late(&where, NULL);
    expect_late(&where, "a.test");
    close(door);
}

/* unix(7): where the backlog is full, a socket that does not block is told to come again. */
static void so_does_a_crowd_before_a_local_socket(void **state)
{
    struct folder  folder;
    struct address where;
    int            door, others[2];

    (void)state;
    folder_enter(&folder);
    assert_true(address_local("s", &where));
    door = open_door(&where, 0);
    for (size_t i = 0; i < COUNTOF(others); i++) {
        others[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)!connect(others[i], &where.any, where.len);
    }
    expect_late(&where, NULL);
    for (size_t i = 0; i < COUNTOF(others); i++)
        close(others[i]);
    close(door);
    folder_remove("s");
    folder_leave(&folder);
}

static void nobody_there_is_a_failure_with_its_reason(void **state)
{
    struct address where = loopback();
    struct probe   probe;
    int            door = open_door(&where, 8);

    (void)state;
    close(door);
    probe = probe_of(&where, NULL);
    assert_int_equal(probe_ask(&probe), PROBE_FAILED);
    assert_string_equal(probe.why, "Connection refused");
}

static void a_host_without_such_addresses_is_told_apart(void **state)
{
    static const int errors[] = {EAFNOSUPPORT, EADDRNOTAVAIL, ENETUNREACH};
    struct address   where = loopback();

    (void)state;
    for (size_t i = 0; i < COUNTOF(errors); i++) {
        struct probe probe = probe_of(&where, NULL);

        fault_at(1, FAULT_SOCKET, errors[i]);
        assert_int_equal(probe_ask(&probe), PROBE_ABSENT);
        assert_true(fault_off());
    }
}

/* Nothing is kept, and what is interrupted goes on. */
static void every_call_may_fail(void **state)
{
    struct address where = loopback();
    int            door = open_door(&where, 4096);     /* nobody is let in, and many come */
    struct probe   probe;
    bool           has_failed = false;

    (void)state;
    for (size_t n = 1; fault_next(n, FAULT_POLL, EINTR); n++)
        expect_late(&where, NULL);
    for (size_t n = 1; fault_next(n, FAULT_SOCKET, EMFILE); n++) {
        probe = probe_of(&where, NULL);
        assert_int_equal(probe_ask(&probe), n == 1 ? PROBE_FAILED : PROBE_LATE);
    }
    for (size_t n = 1; fault_next(n, FAULT_ALLOCATION, ENOMEM); n++) {
        enum probe_end end;

        probe = probe_of(&where, "a.test");
        end = probe_ask(&probe);
        /* Linked statically, OpenSSL's own may fail, too; it does without some, and of others it says
         * no more than that it cannot go on. */
        assert_int_not_equal(end, PROBE_ANSWERED);
        has_failed |= end == PROBE_FAILED;
    }
    assert_true(has_failed);
    probe = probe_of(&where, NULL);
    fault_at(1, FAULT_RECV, ECONNRESET);
    assert_int_equal(probe_ask(&probe), PROBE_TURNED_AWAY);
    assert_true(fault_off());
    probe = probe_of(&where, NULL);
    fault_at(1, FAULT_RECV, EIO);
    assert_int_equal(probe_ask(&probe), PROBE_FAILED);
    assert_true(fault_off());
    close(door);
}

/* Lets one in, and says this, a byte at a time. */
struct slow_server {
    int         door;
    const char *says;
};

static void *say_slowly(void *data)
{
    const struct slow_server *server = data;
    int                       fd = accept(server->door, NULL, NULL);

    for (const char *c = server->says; *c; c++)
        (void)!send(fd, c, 1, MSG_NOSIGNAL);
    close(fd);
    return NULL;
}

static bool has_two_lines(struct str answer)
{
    struct str line;

    return str_split(&answer, '\n', &line) && str_find(answer, '\n') < answer.len;
}

static void an_answer_is_heard_until_it_is_enough(void **state)
{
    struct address     where = loopback();
    struct slow_server server = {.door = open_door(&where, 8), .says = "one\r\ntwo\r\n"};
    struct probe       probe = probe_of(&where, NULL);
    pthread_t          thread;

    (void)state;
    probe.is_enough = has_two_lines;
    probe.until_us = clock_us() + 10 * 1000 * 1000;     /* single bytes are held back (RFC 896) */
    assert_int_equal(pthread_create(&thread, NULL, say_slowly, &server), 0);
    assert_int_equal(probe_ask(&probe), PROBE_ANSWERED);
    assert_true(str_equal(str_of(probe.answer, probe.answer_len), str_view(server.says)));
    assert_int_equal(pthread_join(thread, NULL), 0);
    close(server.door);
}

/* RFC 6066 §3: "Literal IPv4 and IPv6 addresses are not permitted" as a name. */
static void without_a_name_the_handshake_names_none(void **state)
{
    static const char name[] = "a.test";
    const char *const names[] = {name, ""};

    (void)state;
    for (size_t i = 0; i < COUNTOF(names); i++) {
        struct address where = loopback();
        int            door = open_door(&where, 8);
        struct probe   probe = probe_of(&where, names[i]);
        char           hello[4096];
        ssize_t        len;
        int            fd;

        assert_int_equal(probe_ask(&probe), PROBE_LATE);
        fd = accept(door, NULL, NULL);
        len = recv(fd, hello, sizeof hello, 0);
        assert_true(len > 0 && hello[0] == 22);     /* a handshake, RFC 8446 §5.1 */
        assert_true((memmem(hello, (size_t)len, name, strlen(name)) != NULL) == (*names[i] != '\0'));
        close(fd);
        close(door);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_ends_at_the_deadline),
        cmocka_unit_test(so_does_a_crowd_before_a_local_socket),
        cmocka_unit_test(nobody_there_is_a_failure_with_its_reason),
        cmocka_unit_test(a_host_without_such_addresses_is_told_apart),
        cmocka_unit_test(an_answer_is_heard_until_it_is_enough),
        cmocka_unit_test(without_a_name_the_handshake_names_none),
        cmocka_unit_test(every_call_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What server/selfcheck promises: what is left out of the log, and that nobody else can hide. */
#include "server/selfcheck.h"

#include <arpa/inet.h>
#include <unistd.h>

#include "tests/support/promise.h"

/* A connection to ourselves, and the peer that `text` is. */
static int connect_to_self(void)
{
    struct address where[ADDRESSES_MAX];
    int            listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(address_resolve(STR("127.0.0.1"), 0, where), 1);
    assert_int_equal(bind(listener, &where[0].any, where[0].len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, &where[0].any, &where[0].len), 0);
    assert_int_equal(connect(fd, &where[0].any, where[0].len), 0);
    close(listener);
    return fd;
}

static struct peer peer_called(const char *text)
{
    struct address where[ADDRESSES_MAX];

    if (strcmp(text, "unix") == 0)
        return (struct peer){.family = AF_UNIX};
    assert_int_equal(address_resolve(str_view(text), 1234, where), 1);
    return peer_of(&where[0]);
}

/* clang-format off */
static const struct question_case {
    const char *promise;
    const char *bytes;
    const char *peer;
    bool        is_ours;
} questions[] = {
#define FIELDS(agent) "Host: localhost\r\nUser-Agent: " agent "\r\n\r\n"
#define OURS          FIELDS(SELFCHECK_AGENT)
    {"from the loopback it is ours",            "OPTIONS * HTTP/1.1\r\n" OURS, "127.0.0.1",   true},
    {"from any part of it",                     "OPTIONS * HTTP/1.1\r\n" OURS, "127.9.0.1",   true},
    {"from that of IPv6",                       "OPTIONS * HTTP/1.1\r\n" OURS, "::1",         true},
    {"from IPv4's as IPv6 tells it",            "OPTIONS * HTTP/1.1\r\n" OURS, "::ffff:127.0.0.1", true},
    {"from a socket in the file system",        "OPTIONS * HTTP/1.1\r\n" OURS, "unix",        true},
    {"from another host it is not",             "OPTIONS * HTTP/1.1\r\n" OURS, "192.0.2.1",   false},
    {"nor from another host of IPv6",           "OPTIONS * HTTP/1.1\r\n" OURS, "2001:db8::1", false},
    {"nor from one that looks like a loopback", "OPTIONS * HTTP/1.1\r\n" OURS, "7f00::1",     false},
    {"another method is not",                   "GET / HTTP/1.1\r\n" OURS,     "127.0.0.1",   false},
    {"nor a page",                              "OPTIONS / HTTP/1.1\r\n" OURS, "127.0.0.1",   false},
    {"nor another agent",
     "OPTIONS * HTTP/1.1\r\n" FIELDS("curl/8"),                                "127.0.0.1",   false},
    {"nor one that has more to say",
     "OPTIONS * HTTP/1.1\r\n" FIELDS(SELFCHECK_AGENT " evil"),                 "127.0.0.1",   false},
    {"nor none",
     "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",                          "127.0.0.1",   false},
};
/* clang-format on */

static void only_our_own_question_is_left_out(void **state)
{
    const struct request_limits limits = {4096, 4096};
    int                         fd = connect_to_self();

    (void)state;
    for (size_t i = 0; i < COUNTOF(questions); i++) {
        const struct question_case *c = &questions[i];
        struct peer                 peer = peer_called(c->peer);
        struct request              request;
        struct refusal              refusal;
        char                        path[4097];

        assert_int_equal(request_parse(str_view(c->bytes), &limits, path, &request, &refusal),
                         PARSE_DONE);
        PROMISED(c->promise, selfcheck_is_question(&request, &peer, fd) == c->is_ours);
    }
    close(fd);
}

/* The address that was come to is compared, whatever it is: here, one of the loopback's is told to
 * have come from outside. */
static void who_comes_from_the_address_that_he_came_to_is_here(void **state)
{
    struct address where[ADDRESSES_MAX];
    int            fd = socket(AF_INET6, SOCK_DGRAM, 0);
    struct peer    same = peer_called("::2"), other = peer_called("::3");

    (void)state;
    if (fd == -1)
        skip();
    assert_int_equal(address_resolve(STR("::2"), 0, where), 1);
    /* Any address can be had by a socket that may be bound to what is not there. */
    if (setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &(int){1}, sizeof(int)) == -1 ||
        bind(fd, &where[0].any, where[0].len) == -1) {
        close(fd);
        skip();
    }
    assert_true(selfcheck_is_handshake(SELFCHECK_NAME, &same, fd));
    assert_false(selfcheck_is_handshake(SELFCHECK_NAME, &other, fd));
    close(fd);
    assert_false(selfcheck_is_handshake(SELFCHECK_NAME, &same, fd));
}

static void only_a_handshake_for_our_own_name_is_left_out(void **state)
{
    struct peer here = peer_called("127.0.0.1"), there = peer_called("192.0.2.1");
    int         fd = connect_to_self();

    (void)state;
    assert_true(selfcheck_is_handshake(SELFCHECK_NAME, &here, fd));
    assert_false(selfcheck_is_handshake(SELFCHECK_NAME, &there, fd));
    assert_false(selfcheck_is_handshake("localhost", &here, fd));
    assert_false(selfcheck_is_handshake(NULL, &here, fd));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_our_own_question_is_left_out),
        cmocka_unit_test(only_a_handshake_for_our_own_name_is_left_out),
        cmocka_unit_test(who_comes_from_the_address_that_he_came_to_is_here),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

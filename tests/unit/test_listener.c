/* What net/listener promises about its way out: nobody is dropped between "come in" and "closed". */
#include "net/listener.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "tests/support/folder.h"
#include "tests/support/promise.h"

/* False where this machine has no such address. */
static bool open_on(struct listener *listener, const char *host)
{
    struct address where[ADDRESSES_MAX];

    assert_true(address_resolve(str_view(host), 0, where) > 0);
    if (listener_open(listener, &where[0], host, false))
        return true;
    assert_true(errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL);
    return false;
}

/* The server of an image is nobody in particular, so what it does must need no privilege. */
static void become_nobody(void)
{
    if (geteuid() == 0)
        assert_int_equal(seteuid(65534), 0);
}

static void become_oneself(void)
{
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
}

static int come(int fd, const struct address *door)
{
    return connect(fd, &door->any, door->len) == -1 ? errno : 0;
}

/* A client that does not wait for its connection; errno or 0.  At a listener for all addresses of a
 * machine that has none of IPv6, it comes by IPv4. */
static int knock(const struct listener *listener, int *fd)
{
    static const struct in6_addr mapped = {{{[10] = 0xff, 0xff, 127, 0, 0, 1}}};
    struct address               door = listener->address;
    int                          error;

    *fd = socket(door.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_not_equal(*fd, -1);
    error = come(*fd, &door);
    if (error != EADDRNOTAVAIL)
        return error;
    door.v6.sin6_addr = mapped;
    return come(*fd, &door);
}

static bool is_answered(int fd, int timeout_ms)
{
    struct pollfd door = {.fd = fd, .events = POLLOUT};

    return poll(&door, 1, timeout_ms) == 1;
}

static int outcome(int fd)
{
    int       error = 0;
    socklen_t len = sizeof error;

    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
    return error;
}

static enum accepted take(struct listener *listener)
{
    struct peer   peer;
    int           fd;
    enum accepted accepted = listener_accept(listener, &fd, &peer);

    if (accepted == ACCEPTED)
        close(fd);
    return accepted;
}

static void who_came_before_is_taken_and_who_comes_after_is_refused(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "::1", "*"};

    (void)state;
    become_nobody();
    for (size_t i = 0; i < COUNTOF(hosts); i++) {
        struct listener listener;
        int             before, after;

        print_message("%s\n", hosts[i]);
        if (!open_on(&listener, hosts[i]))
            continue;
        assert_int_equal(knock(&listener, &before), EINPROGRESS);
        assert_true(is_answered(before, 1000));

        listener_turn_away(&listener);
        assert_int_equal(knock(&listener, &after), EINPROGRESS);
        assert_true(is_answered(after, 1000));
        assert_int_equal(outcome(after), ECONNREFUSED);
        assert_int_equal(take(&listener), ACCEPTED);
        assert_int_equal(take(&listener), ACCEPT_EMPTY);

        listener_shut(&listener);
        assert_int_equal(outcome(before), 0);
        assert_int_equal(take(&listener), ACCEPT_EMPTY);
        close(before);
        close(after);
        listener_close(&listener);
    }
    become_oneself();
}

static void a_local_name_is_given_up_first(void **state)
{
    struct listener listener;
    struct address  where;
    struct folder   folder;
    int             before, after;

    (void)state;
    folder_enter(&folder);
    assert_true(address_local("wherry.sock", &where));
    assert_true(listener_open(&listener, &where, "wherry.sock", false));
    assert_int_equal(knock(&listener, &before), 0);

    listener_turn_away(&listener);
    assert_int_equal(knock(&listener, &after), ENOENT);
    assert_int_equal(take(&listener), ACCEPTED);
    assert_int_equal(take(&listener), ACCEPT_EMPTY);

    listener_shut(&listener);
    close(before);
    close(after);
    listener_close(&listener);
    folder_leave(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_came_before_is_taken_and_who_comes_after_is_refused),
        cmocka_unit_test(a_local_name_is_given_up_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What net/listener promises about its way out: nobody is dropped between "come in" and "closed". */
#include "net/listener.h"

#include <errno.h>
#include <linux/filter.h>
#include <poll.h>
#include <unistd.h>

#include "tests/support/folder.h"
#include "tests/support/promise.h"

static void open_on(struct listener *listener, const char *host)
{
    struct address where[ADDRESSES_MAX];

    assert_true(address_resolve(str_view(host), 0, where) > 0);
    assert_true(listener_open(listener, &where[0], host, false));
}

/* A client that does not wait for its connection; errno or 0. */
static int knock(const struct listener *listener, int *fd)
{
    *fd = socket(listener->address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_not_equal(*fd, -1);
    return connect(*fd, &listener->address.any, listener->address.len) == -1 ? errno : 0;
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

/* Some kernels let nobody but CAP_NET_ADMIN filter, not even what comes to his own socket. */
static bool may_filter(void)
{
    struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog  program = {.len = 1, .filter = &nothing};
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool               may;

    assert_return_code(fd, errno);
    may = setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
    close(fd);
    return may;
}

static void who_came_before_is_taken_and_who_comes_after_is_refused(void **state)
{
    struct listener listener;
    int             before, after;

    (void)state;
    if (!may_filter()) {
        print_message("SO_ATTACH_FILTER is not permitted here\n");
        skip();
    }
    open_on(&listener, "127.0.0.1");
    assert_int_equal(knock(&listener, &before), EINPROGRESS);
    assert_true(is_answered(before, 1000));

    listener_turn_away(&listener);
    assert_int_equal(knock(&listener, &after), EINPROGRESS);
    assert_false(is_answered(after, 50));
    assert_int_equal(take(&listener), ACCEPTED);
    assert_int_equal(take(&listener), ACCEPT_EMPTY);

    listener_shut(&listener);
    assert_true(is_answered(after, 10000));     /* it knocks again after a second */
    assert_int_equal(outcome(after), ECONNREFUSED);
    assert_int_equal(outcome(before), 0);
    assert_int_equal(take(&listener), ACCEPT_EMPTY);
    close(before);
    close(after);
    listener_close(&listener);
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

#include "tests/support/fault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>

/* The linker's --wrap gives these names their meaning; weak, so that a program linked without
 * it still links, and then nothing fails. */
#define WRAPPED(type, name, ...)                               \
    type __real_##name(__VA_ARGS__) __attribute__((weak));     \
    type __wrap_##name(__VA_ARGS__);                           \
    type __wrap_##name(__VA_ARGS__)

/* Everything here is relaxed, so that counting orders nothing: a race between the threads that are
 * counted stays one that ThreadSanitizer sees. */
#define LOOK(object)       atomic_load_explicit(&(object), memory_order_relaxed)
#define SET(object, value) atomic_store_explicit(&(object), (value), memory_order_relaxed)

static atomic_int    wanted;            /* enum fault_call */
static atomic_size_t left;              /* calls of that kind until one fails */
static atomic_int    wanted_error;
static atomic_bool   has_struck;

static _Thread_local bool is_spared;

void fault_at(size_t nth, enum fault_call call, int error)
{
    SET(wanted, FAULT_NONE);
    SET(left, nth);
    SET(wanted_error, error);
    SET(has_struck, false);
    SET(wanted, (int)call);
}

bool fault_has_struck(void)
{
    return LOOK(has_struck);
}

bool fault_off(void)
{
    SET(wanted, FAULT_NONE);
    return fault_has_struck();
}

bool fault_next(size_t round, enum fault_call call, int error)
{
    bool has_struck_last = fault_off();

    if (round > 1 && !has_struck_last)
        return false;
    fault_at(round, call, error);
    return true;
}

bool fault_spare_me(bool spared)
{
    bool before = is_spared;

    is_spared = spared;
    return before;
}

static bool strikes(enum fault_call call)
{
    if (is_spared || LOOK(wanted) != (int)call ||
        atomic_fetch_sub_explicit(&left, 1, memory_order_relaxed) != 1)
        return false;
    SET(has_struck, true);
    errno = LOOK(wanted_error);
    return true;
}

bool fault_allocation(void)
{
    return strikes(FAULT_ALLOCATION);
}

/* ---- readiness ------------------------------------------------------------------------ */

enum { WATCHED_MAX = 1024 };

/* What the queue was last told about a descriptor. */
static struct {
    atomic_int      epoll_fd;
    _Atomic(void *) data;
    atomic_uint     events;
} watched[WATCHED_MAX];

WRAPPED(int, epoll_ctl, int epoll_fd, int how, int fd, struct epoll_event *event)
{
    if (strikes(FAULT_EPOLL_CTL))
        return -1;
    if (event && fd < WATCHED_MAX) {
        SET(watched[fd].epoll_fd, epoll_fd);
        SET(watched[fd].data, event->data.ptr);
        SET(watched[fd].events, event->events);
    }
    return __real_epoll_ctl(epoll_fd, how, fd, event);
}

/* Makes the queue look again.  One that was told of another descriptor by that number, or of none,
 * will not find it, and looks when it is told. */
static void stir(int fd)
{
    int error = errno;
    struct epoll_event event;

    if (fd >= WATCHED_MAX)
        return;
    event.events = LOOK(watched[fd].events);
    event.data.ptr = LOOK(watched[fd].data);
    __real_epoll_ctl(LOOK(watched[fd].epoll_fd), EPOLL_CTL_MOD, fd, &event);
    errno = error;
}

/* ---- calls that move bytes ------------------------------------------------------------ */

/* How much a call may move: all, 1 byte, or 0, which means that *result is all it gives. */
static size_t allowance(enum fault_call call, size_t wished, ssize_t *result)
{
    if (!strikes(call))
        return wished;
    if (LOOK(wanted_error) == FAULT_SHORT && wished)
        return 1;
    *result = LOOK(wanted_error) == FAULT_END ? 0 : -1;
    return 0;
}

WRAPPED(ssize_t, recv, int fd, void *room, size_t size, int flags)
{
    ssize_t result = 0;
    size_t some = allowance(FAULT_RECV, size, &result);

    if (some)
        result = __real_recv(fd, room, some, flags);
    if (some != size && (some || (result == -1 && errno == EAGAIN)))
        stir(fd);
    return result;
}

WRAPPED(ssize_t, sendmsg, int fd, const struct msghdr *message, int flags)
{
    ssize_t result = 0;
    size_t some = allowance(FAULT_SENDMSG, SIZE_MAX, &result);
    struct msghdr shorter = *message;
    struct iovec piece;

    if (some == SIZE_MAX)
        return __real_sendmsg(fd, message, flags);
    if (some) {
        while (shorter.msg_iovlen > 1 && shorter.msg_iov->iov_len == 0) {
            shorter.msg_iov++;
            shorter.msg_iovlen--;
        }
        piece = (struct iovec){shorter.msg_iov->iov_base, MIN_OF(shorter.msg_iov->iov_len, some)};
        shorter.msg_iov = &piece;
        shorter.msg_iovlen = 1;
        return __real_sendmsg(fd, &shorter, flags);
    }
    if (result == -1 && errno == EAGAIN)
        stir(fd);
    return result;
}

WRAPPED(ssize_t, sendfile, int to, int from, off_t *at, size_t count)
{
    ssize_t result = 0;
    size_t some = allowance(FAULT_SENDFILE, count, &result);

    if (some)
        return __real_sendfile(to, from, at, some);
    if (result == -1 && errno == EAGAIN)
        stir(to);
    return result;
}

WRAPPED(ssize_t, pread, int fd, void *room, size_t size, off_t at)
{
    ssize_t result = 0;
    size_t some = allowance(FAULT_PREAD, size, &result);

    return some ? __real_pread(fd, room, some, at) : result;
}

WRAPPED(ssize_t, read, int fd, void *room, size_t size)
{
    return strikes(FAULT_READ) ? -1 : __real_read(fd, room, size);
}

WRAPPED(ssize_t, write, int fd, const void *bytes, size_t size)
{
    ssize_t result = 0;
    size_t some = allowance(FAULT_WRITE, size, &result);

    return some ? __real_write(fd, bytes, some) : result;
}

/* _FORTIFY_SOURCE's names for the same, where it knows the size of the room. */
WRAPPED(ssize_t, __recv_chk, int fd, void *room, size_t size, size_t room_size, int flags)
{
    assert(size <= room_size);
    return __wrap_recv(fd, room, size, flags);
}

WRAPPED(ssize_t, __pread_chk, int fd, void *room, size_t size, off_t at, size_t room_size)
{
    assert(size <= room_size);
    return __wrap_pread(fd, room, size, at);
}

WRAPPED(ssize_t, __read_chk, int fd, void *room, size_t size, size_t room_size)
{
    assert(size <= room_size);
    return __wrap_read(fd, room, size);
}

/* ---- opening -------------------------------------------------------------------------- */

WRAPPED(int, accept4, int fd, struct sockaddr *from, socklen_t *len, int flags)
{
    if (!strikes(FAULT_ACCEPT))
        return __real_accept4(fd, from, len, flags);
    if (errno == EAGAIN)
        stir(fd);
    return -1;
}

/* openat2 has no function of its own, and nothing else of ours is called this way. */
WRAPPED(long, syscall, long number, ...)
{
    va_list arguments;
    const void *name, *how;
    size_t size;
    int folder;

    if (number != SYS_openat2)
        abort();
    va_start(arguments, number);
    folder = va_arg(arguments, int);
    name = va_arg(arguments, const void *);
    how = va_arg(arguments, const void *);
    size = va_arg(arguments, size_t);
    va_end(arguments);
    return strikes(FAULT_OPENAT2) ? -1 : __real_syscall(number, folder, name, how, size);
}

static mode_t mode_of(int flags, va_list arguments)
{
    return flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(arguments, unsigned) : 0;
}

WRAPPED(int, openat, int folder, const char *name, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = mode_of(flags, arguments);
    va_end(arguments);
    return strikes(FAULT_OPENAT) ? -1 : __real_openat(folder, name, flags, mode);
}

/* The fortified one, for flags that the compiler does not know. */
WRAPPED(int, __openat_2, int folder, const char *name, int flags)
{
    return strikes(FAULT_OPENAT) ? -1 : __real___openat_2(folder, name, flags);
}

WRAPPED(int, open, const char *name, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = mode_of(flags, arguments);
    va_end(arguments);
    return strikes(FAULT_OPEN) ? -1 : __real_open(name, flags, mode);
}

WRAPPED(int, fstat, int fd, struct stat *status)
{
    return strikes(FAULT_FSTAT) ? -1 : __real_fstat(fd, status);
}

WRAPPED(ssize_t, readlinkat, int folder, const char *name, char *room, size_t size)
{
    return strikes(FAULT_READLINKAT) ? -1 : __real_readlinkat(folder, name, room, size);
}

WRAPPED(int, fcntl, int fd, int what, ...)
{
    va_list arguments;
    long value = 0;

    va_start(arguments, what);
    if (what == F_DUPFD_CLOEXEC || what == F_DUPFD || what == F_SETFL || what == F_SETFD)
        value = va_arg(arguments, int);
    else if (what != F_GETFD && what != F_GETFL)
        value = (long)va_arg(arguments, void *);
    va_end(arguments);
    return strikes(FAULT_FCNTL) ? -1 : __real_fcntl(fd, what, value);
}

/* ---- files and folders ---------------------------------------------------------------- */

WRAPPED(int, fsync, int fd)
{
    return strikes(FAULT_FSYNC) ? -1 : __real_fsync(fd);
}

WRAPPED(int, linkat, int from, const char *old, int to, const char *new, int flags)
{
    return strikes(FAULT_LINKAT) ? -1 : __real_linkat(from, old, to, new, flags);
}

WRAPPED(int, renameat, int from, const char *old, int to, const char *new)
{
    return strikes(FAULT_RENAMEAT) ? -1 : __real_renameat(from, old, to, new);
}

WRAPPED(int, fchmod, int fd, mode_t mode)
{
    return strikes(FAULT_FCHMOD) ? -1 : __real_fchmod(fd, mode);
}

WRAPPED(int, futimens, int fd, const struct timespec times[2])
{
    return strikes(FAULT_FUTIMENS) ? -1 : __real_futimens(fd, times);
}

WRAPPED(int, fstatat, int folder, const char *name, struct stat *status, int flags)
{
    return strikes(FAULT_FSTATAT) ? -1 : __real_fstatat(folder, name, status, flags);
}

WRAPPED(struct dirent *, readdir, DIR *entries)
{
    return strikes(FAULT_READDIR) ? NULL : __real_readdir(entries);
}

/* ---- the rest ------------------------------------------------------------------------- */

WRAPPED(int, poll, struct pollfd *waiting, nfds_t count, int timeout_ms)
{
    return strikes(FAULT_POLL) ? -1 : __real_poll(waiting, count, timeout_ms);
}

WRAPPED(int, epoll_wait, int fd, struct epoll_event *events, int max, int timeout_ms)
{
    return strikes(FAULT_EPOLL_WAIT) ? -1 : __real_epoll_wait(fd, events, max, timeout_ms);
}

WRAPPED(int, epoll_create1, int flags)
{
    return strikes(FAULT_EPOLL_CREATE) ? -1 : __real_epoll_create1(flags);
}

WRAPPED(int, eventfd, unsigned count, int flags)
{
    return strikes(FAULT_EVENTFD) ? -1 : __real_eventfd(count, flags);
}

WRAPPED(int, pthread_create, pthread_t *thread, const pthread_attr_t *attributes,
        void *(*start)(void *), void *data)
{
    if (strikes(FAULT_THREAD))
        return errno;
    return __real_pthread_create(thread, attributes, start, data);
}

WRAPPED(void *, mmap, void *address, size_t size, int protection, int flags, int fd, off_t at)
{
    if (strikes(FAULT_MMAP))
        return MAP_FAILED;
    return __real_mmap(address, size, protection, flags, fd, at);
}

WRAPPED(int, socket, int family, int type, int protocol)
{
    return strikes(FAULT_SOCKET) ? -1 : __real_socket(family, type, protocol);
}

WRAPPED(int, bind, int fd, const struct sockaddr *address, socklen_t len)
{
    return strikes(FAULT_BIND) ? -1 : __real_bind(fd, address, len);
}

WRAPPED(int, listen, int fd, int backlog)
{
    return strikes(FAULT_LISTEN) ? -1 : __real_listen(fd, backlog);
}

WRAPPED(ssize_t, getrandom, void *room, size_t size, unsigned flags)
{
    return strikes(FAULT_RANDOM) ? -1 : __real_getrandom(room, size, flags);
}

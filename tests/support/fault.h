/* fault - makes the n-th system call of a kind fail, so that every path behind it is walked.
 *
 * Counts calls of all threads together, where our own code makes them: the unit tests are linked
 * with --wrap for each.  What libraries call inside is neither counted nor failed, nor is what a
 * thread calls that asked to be spared (the one that plays the client).
 *
 * A call that fails has had no effect.  Where readiness counts, one that gives EAGAIN or less than
 * it could is followed by an event, as the kernel would see to: what was not ready became so a
 * moment later.  (FAULT_SHORT of a send has none, because the caller has to go on by itself.)
 *
 *     for (size_t n = 1; fault_next(n, FAULT_RECV, ECONNRESET); n++)
 *         ...do the whole thing, and expect a clear failure or success...
 *
 * runs the body with the first call failing, then the second, and so on, and for the last time
 * with none. */
#ifndef TESTS_FAULT_H
#define TESTS_FAULT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/base.h"

enum fault_call {
    FAULT_NONE,
    FAULT_ALLOCATION,       /* malloc, calloc, realloc; always ENOMEM */
    FAULT_ACCEPT,
    FAULT_RECV,
    FAULT_SENDMSG,
    FAULT_SENDFILE,
    FAULT_OPENAT2,
    FAULT_OPENAT,
    FAULT_OPEN,
    FAULT_FSTAT,
    FAULT_PREAD,
    FAULT_READLINKAT,
    FAULT_FCNTL,
    FAULT_READ,
    FAULT_POLL,
    FAULT_EPOLL_CTL,
    FAULT_EPOLL_WAIT,
    FAULT_EPOLL_CREATE,
    FAULT_EVENTFD,
    FAULT_THREAD,           /* pthread_create */
    FAULT_MMAP,
    FAULT_SOCKET,
    FAULT_BIND,
    FAULT_LISTEN,
    FAULT_RANDOM,           /* getrandom */
    FAULT_WRITE,
    FAULT_FSYNC,
    FAULT_LINKAT,
    FAULT_RENAMEAT,
    FAULT_FCHMOD,
    FAULT_FUTIMENS,
    FAULT_FSTATAT,
    FAULT_READDIR,
};

/* In place of an error, for calls that move bytes: one byte, or none as at the end. */
enum { FAULT_SHORT = -1, FAULT_END = -2 };

/* The n-th such call from now on fails, once, with that error; 1 is the next one. */
void fault_at(size_t nth, enum fault_call call, int error);

/* One has failed since. */
bool fault_has_struck(void);

/* No call fails any more.  True when one has failed since fault_at. */
bool fault_off(void);

/* Drives the loop above: false, and nothing fails, once a round had no failure. */
bool fault_next(size_t round, enum fault_call call, int error) MUST_USE;

/* The calling thread's calls are (not) left in peace.  Gives what was so before. */
bool fault_spare_me(bool spared);

/* An allocation is made: does it fail?  For alloc_fail.c, where they all pass. */
bool fault_allocation(void);

#endif

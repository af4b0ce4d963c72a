#include "tests/support/alloc_fail.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/support/fault.h"

/* The linker's --wrap gives these names their meaning; weak, so that a program linked without
 * it still links, and then nothing fails. */
void *__real_malloc(size_t size) __attribute__((weak));
void *__real_calloc(size_t count, size_t size) __attribute__((weak));
void *__real_realloc(void *ptr, size_t size) __attribute__((weak));

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);

static _Thread_local size_t left;       /* allocations until one fails; 0: none will */
static _Thread_local bool has_failed;

void alloc_fail_at(size_t nth)
{
    left = nth;
    has_failed = false;
}

bool alloc_fail_off(void)
{
    left = 0;
    return has_failed;
}

bool alloc_fail_next(size_t round)
{
    bool last_round_failed = alloc_fail_off();

    if (round > 1 && !last_round_failed)
        return false;
    alloc_fail_at(round);
    return true;
}

static bool fails_now(void)
{
    bool is_mine = left > 0 && --left == 0;

    if (!is_mine && !fault_allocation())
        return false;
    has_failed |= is_mine;
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
    return fails_now() ? NULL : __real_realloc(ptr, size);
}

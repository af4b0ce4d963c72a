/* base - the handful of words that every module shares. */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <assert.h>

/* The compiler complains when the result is thrown away. */
#define MUST_USE __attribute__((warn_unused_result))

/* Arguments are checked as printf's are: format string at `f`, values from `a` on. */
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

#define COUNTOF(array) (sizeof(array) / sizeof((array)[0]))

#define BIT(n) (1u << (n))

/* Both are looked at twice: give them values, not calls. */
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))

/* The struct that holds `member` at this address. */
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

#endif

/* alloc_fail - makes the n-th allocation fail, so that every path out of memory is walked.
 *
 * Counts malloc, calloc and realloc of the calling thread, where our own code calls them: the
 * unit tests are linked with --wrap for the three.  What libraries allocate inside is neither
 * counted nor failed, so cmocka and the sanitizers are left in peace.
 *
 *     for (size_t n = 1; alloc_fail_next(n); n++)
 *         ...do the whole thing, and expect a clear failure or success...
 *
 * runs the body with the first allocation failing, then the second, and so on, and for the last
 * time with none. */
#ifndef TESTS_ALLOC_FAIL_H
#define TESTS_ALLOC_FAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/base.h"

/* The n-th allocation from now on fails, once, with ENOMEM; 1 is the next one. */
void alloc_fail_at(size_t nth);

/* No allocation fails any more.  True when one has failed since alloc_fail_at. */
bool alloc_fail_off(void);

/* Drives the loop above: false, and nothing fails, once a round had no failure. */
bool alloc_fail_next(size_t round) MUST_USE;

#endif

/* promise - cmocka, and assertions that are silent about a promise that is kept and name the one
 * that is not. */
#ifndef TESTS_PROMISE_H
#define TESTS_PROMISE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "tests/support/tight.h"

#define PROMISED(promise, holds)                                                               \
    do {                                                                                       \
        if (!(holds))                                                                          \
            fail_msg("not kept: %s (%s)", (promise), #holds);                                  \
    } while (0)

#define PROMISED_NUMBER(promise, got, want)                                                    \
    do {                                                                                       \
        long long got_ = (long long)(got), want_ = (long long)(want);                          \
        if (got_ != want_)                                                                     \
            fail_msg("not kept: %s (%s is %lld, not %lld)", (promise), #got, got_, want_);     \
    } while (0)

/* `want` is a terminated string; NULL asks for a slice whose ptr is NULL. */
#define PROMISED_STR(promise, got, want)                                                       \
    do {                                                                                       \
        struct str got_ = (got);                                                               \
        const char *want_ = (want);                                                            \
        if ((got_.ptr == NULL) != (want_ == NULL) ||                                           \
            (want_ && !str_equal(got_, str_view(want_))))                                      \
            fail_msg("not kept: %s (%s is \"%.*s\", not \"%s\")", (promise), #got,             \
                     STR_ARG(got_), want_ ? want_ : "(none)");                                 \
    } while (0)

#endif

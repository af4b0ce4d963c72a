/* promised - in a table of named promises, says which one was not kept.  Quiet otherwise. */
#ifndef TESTS_PROMISED_H
#define TESTS_PROMISED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"

/* Ends the test and names the promise that did not hold. */
#define PROMISED(promise, holds)                                                                   \
    do {                                                                                           \
        if (!(holds))                                                                              \
            fail_msg("not kept: %s (%s)", (promise), #holds);                                      \
    } while (0)

/* The same for bytes, which are shown when they are not the ones promised. */
#define PROMISED_BYTES(promise, got, wanted)                                                       \
    do {                                                                                           \
        struct str got_ = (got), wanted_ = (wanted);                                               \
                                                                                                   \
        if (!str_equal(got_, wanted_))                                                             \
            fail_msg("not kept: %s\n--- got\n%.*s\n--- wanted\n%.*s\n---", (promise),              \
                     STR_ARG(got_), STR_ARG(wanted_));                                             \
    } while (0)

#endif

/* fuzz - what the targets share.
 *
 * A target is one function of some bytes.  In the fuzz build libFuzzer calls it; in every other one
 * replay.c does, with the files of its corpus.  The first bytes of an input may be choices (where
 * to cut, which limits); the rest is what a peer sends.  A target compares what the code says with
 * what a second, naive reading says, or with what the code itself says when it is asked another
 * way: MUST_HOLD. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include "base/buf.h"
#include "tests/support/tight.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Says what does not hold, and aborts, so that the input is kept. */
#define MUST_HOLD(condition) \
    ((condition) ? (void)0 : fuzz_complain(__FILE__, __LINE__, #condition))

_Noreturn void fuzz_complain(const char *file, int line, const char *condition);

/* The next choices, off the front of the input; 0 when it is used up. */
uint8_t  choose_byte(struct str *input);
uint64_t choose_u64(struct str *input);

/* The next line without its end; "" when the input is used up. */
struct str choose_line(struct str *input);

/* Where to cut: one piece of any length first, then pieces of three lengths in turn, and after
 * CUTS_MAX of them all the rest at once. */
enum { CUTS_MAX = 64 };

struct cuts {
    size_t   first;
    uint8_t  lengths[3];
    unsigned count;             /* pieces so far */
};

struct cuts cuts_choose(struct str *input);

/* The length of the next piece, from 1 to `left`, which must not be 0. */
size_t cuts_next(struct cuts *cuts, size_t left);

/* The slice is a part of `whole`, or nothing at all. */
bool is_inside(struct str slice, struct str whole);

/* A tchar of RFC 9110 §5.6.2, said a second time. */
bool naive_is_tchar(char byte);

/* A byte of a field value (RFC 9110 §5.5). */
bool naive_is_text(char byte);

#endif

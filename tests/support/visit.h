/* visit - a fixed dialogue with the server on a stage.
 *
 * It asks for a small and a large file, ranges, a redirect, what is missing, and has bodies given
 * back: one request after the other, then all in one go, while a bystander is connected and
 * silent.  Every byte that comes is compared with what came when nothing failed, Date and
 * boundaries aside.
 *
 * The calls of the thread that plays the client are spared by faults (fault.h). */
#ifndef TESTS_VISIT_H
#define TESTS_VISIT_H

#include "tests/support/stage.h"

/* What may happen to a request while something fails. */
struct grace {
    bool may_be_cut;
    bool may_be_whole;              /* where ranges were asked for */
    int  statuses[3];               /* besides the right one; 0: none */
};

#define NO_GRACE ((struct grace){.may_be_cut = false})

/* Keeps the answers for later: to be called once, while nothing fails. */
void visit_learn(struct stage *stage);
void visit_forget(void);

/* Holds the dialogue.  Fails the test with a sentence when a byte is wrong, when something happens
 * that is not in *grace, or when nothing happens for a long time. */
void visit_all(struct stage *stage, const struct grace *grace);

/* One request after the other, and no more. */
void visit_once(struct stage *stage, const struct grace *grace);

/* Only the two files. */
void visit_files(struct stage *stage, const struct grace *grace);

/* Three at once whose handler sleeps: there are too few workers for that, and the pool grows. */
void visit_sleepers(struct stage *stage, const struct grace *grace);

/* Stops the server while a handler sleeps; whoever asked is answered all the same. */
void visit_at_the_end(struct stage *stage, const struct grace *grace);

#endif

/* progress - a line on the terminal that shows how far something has come.
 *
 *       62% [##############################                  ] 26 of 42 files
 *
 * On standard error, and only when that is a terminal, as wide as it is just then; else nothing of it
 * is seen.  What is to stay on the terminal is said between progress_clear and the next drawing. */
#ifndef MAIN_PROGRESS_H
#define MAIN_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    bool is_on;
    bool is_drawn;
};

/* Looks whether there is a terminal, and one that can take back a line. */
struct progress progress_open(void);

/* `done` of `all` is how far; `count` of `total` things is what is said. */
void progress_draw(struct progress *progress, uint64_t done, uint64_t all, size_t count,
                   size_t total);

/* The line is empty again. */
void progress_clear(struct progress *progress);

#endif

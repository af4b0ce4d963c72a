/* precompressing - `wherry --precompress ROOT`, as the one who typed it sees it.
 *
 * A bar on the terminal, a sentence on standard error for each file that failed, and at the end one
 * line:
 *
 *     42 files looked at, 30 made smaller (1.9 MB to 412 kB by br, 490 kB by gzip), 3 up to date, 9
 *     not worth it */
#ifndef MAIN_PRECOMPRESSING_H
#define MAIN_PRECOMPRESSING_H

#include "main/options.h"
#include "site/precompress.h"

/* Sees to the whole site; signals are taken in meanwhile, and stop it.  Writes that line into
 * `summary`.  Returns the exit code: CODE_FINE, CODE_SYSTEM when something failed, 128+n when signal
 * n has stopped it. */
int precompress_site(struct site *site, const struct options *options,
                     struct buf *summary) MUST_USE;

/* What is said at the end. */
void precompress_sum_up(const struct precompress_counts *counts, struct buf *summary);

/* What is said of a file that failed: one sentence, without a line end. */
void precompress_explain(const struct beside_trouble *trouble, struct buf *sentence);

#endif

/* precompress - the codings of all files of a site, made beside them before anybody asks.
 *
 * Walks the site (plan.h), then several threads see to one file after the other (beside.h), the
 * largest first.  Whatever happens on the way, a file under the name of a coding is whole. */
#ifndef SITE_PRECOMPRESS_H
#define SITE_PRECOMPRESS_H

#include "site/beside.h"

/* How far it has come. */
struct precompress_progress {
    size_t   files_done, files;
    uint64_t bytes_done, bytes;
};

/* Who wants to know.  Called by one thread at a time. */
struct precompress_listener {
    /* Now and then, by the thread that called precompress; NULL: nobody looks. */
    void (*progress)(const struct precompress_progress *progress, void *data);
    void (*trouble)(const struct beside_trouble *trouble, void *data);
    void *data;
};

struct precompress_settings {
    const struct mime_types *types;         /* before the built-in ones; NULL: none */
    struct coding_rules      rules;
    unsigned                 threads;       /* at least 1 */
    size_t                   memory_max;    /* bytes for coders and what they make; when it is little,
                                             * fewer work at a time, and with less effort */
    /* Set it from anywhere, a signal handler too: then all ends within a second or so.  It is set
     * when the disk is full, which no other file would change. */
    atomic_bool             *stop;
};

/* Every file is in one of those behind `files`. */
struct precompress_counts {
    size_t   files;
    size_t   made, fresh, unworthy;         /* see beside.h */
    size_t   failed;                        /* folders that cannot be read, too */
    size_t   left;                          /* not looked at, because it was stopped */
    uint64_t plain_bytes;                   /* of those made */
    uint64_t coded_bytes[CODINGS];          /* and what they come to, for who takes that coding */
};

/* Blocks until all is done.  False when there is no memory to begin with; what went wrong with a
 * file, the listener is told. */
bool precompress(struct root *root, const struct precompress_settings *settings,
                 const struct precompress_listener *listener,
                 struct precompress_counts *counts) MUST_USE;

#endif

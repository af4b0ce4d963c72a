/* spool - where bodies go that are too long to be kept in memory.
 *
 * One for a server: its own folder for them, if it has one, and which folders of handlers have been
 * swept, so that what a killed server left there is taken away when it is used again, once. */
#ifndef SERVER_SPOOL_H
#define SERVER_SPOOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "base/draft.h"

enum { SPOOL_SWEPT_MAX = 16 };      /* folders that are remembered */

struct spool {
    uint64_t        memory_max;     /* bytes of a body that stay in memory */
    atomic_size_t   memory_left;    /* bytes that all of them together may still take */
    int             folder;         /* -1: none, longer ones are refused */
    pthread_mutex_t mutex;          /* of what follows */
    struct spool_swept {
        dev_t device;
        ino_t inode;
    }      swept[SPOOL_SWEPT_MAX];  /* a ring */
    size_t swept_count;
};

/* How much of so much memory bodies may have: an eighth, but what one of them may have, too. */
size_t spool_share(uint64_t memory, uint64_t memory_max) MUST_USE;

/* `memory_max` for one body, `memory_all` for all together. */
void spool_init(struct spool *spool, uint64_t memory_max, size_t memory_all);
void spool_fini(struct spool *spool);

/* Opens the server's own folder.  False with errno: there is no such one, or it can't be written. */
bool spool_open(struct spool *spool, const char *path) MUST_USE;

/* A new file in our own folder; and one in a handler's, that may get a name there.  These block.
 * False with errno.  `expected` bytes will be written (0: nobody knows): ENOSPC when there is no
 * room for them now. */
bool spool_file(struct spool *spool, uint64_t expected, struct draft *file) MUST_USE;
bool spool_file_in(struct spool *spool, int folder, uint64_t expected,
                   struct draft *file) MUST_USE;

#endif

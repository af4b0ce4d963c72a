/* draft - a file that does not have its name yet.
 *
 * It is written, and then put in its place in one step, so that whoever looks there sees the file
 * that was there before or this one, whole.  Until then it has no name at all, so that nothing is
 * left of it whatever happens to us; or, where the file system (or the lack of /proc) does not allow
 * that, a dotted one, which is never served.
 *
 * A draft is locked as long as it is open.  So one that has a name and no lock was left behind by
 * somebody who was killed, and draft_sweep takes it away.
 *
 * Owns its descriptor; the folder is borrowed.  Everything here blocks.  False comes with errno. */
#ifndef BASE_DRAFT_H
#define BASE_DRAFT_H

#include <sys/types.h>

#include "base/str.h"

struct draft {
    int  folder;
    int  fd;                    /* -1: not open */
    bool cannot_be_nameless;    /* what failed was that */
    char name[48];              /* "": none */
};

#define DRAFT_NONE ((struct draft){.folder = -1, .fd = -1})

/* Opens a new one in the folder, to read and to write, for the mode that the umask leaves of `mode`.
 * Nameless ones may turn out to be impossible only when they are put in their place; see
 * cannot_be_nameless. */
bool draft_open_nameless(struct draft *draft, int folder, mode_t mode) MUST_USE;
bool draft_open_named(struct draft *draft, int folder, mode_t mode) MUST_USE;

/* The first where that can be put in its place, as far as can be known, else the second. */
bool draft_open(struct draft *draft, int folder, mode_t mode) MUST_USE;

/* One that will never be put anywhere, for us alone. */
bool draft_open_scratch(struct draft *draft, int folder) MUST_USE;

/* Writes all of it behind what was written before. */
bool draft_write(struct draft *draft, struct str bytes) MUST_USE;

/* Waits until it is on the disk.  A full one may show itself only here. */
bool draft_settle(struct draft *draft) MUST_USE;

/* Puts it in its place, where there may be a file already. */
bool draft_put(struct draft *draft, const char *name) MUST_USE;

/* The same where there must be none (EEXIST). */
bool draft_put_new(struct draft *draft, const char *name) MUST_USE;

/* Closes it, and takes away what is not in its place.  DRAFT_NONE is fine.  Keeps errno. */
void draft_close(struct draft *draft);

/* Takes away what was left behind in the folder, as far as that is possible. */
void draft_sweep(int folder);

#endif

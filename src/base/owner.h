/* owner - whose a file or folder is that we may not use, and what would help.
 *
 * In a container the usual reason for "Permission denied" is that a folder from outside belongs to
 * somebody, and the program runs as somebody else.  The sentence that tells of it goes on with who
 * they are, and how to run it so that it works. */
#ifndef BASE_OWNER_H
#define BASE_OWNER_H

#include <sys/types.h>

#include "base/str.h"

enum owner_need {
    OWNER_READ,             /* a file, or into a folder; others may as well */
    OWNER_READ_SECRET,      /* others had better not */
    OWNER_WRITE,            /* in a folder */
};

/* Writes "; it belongs to uid 1000 (mode 0700) and ..." into `room`, or "" when rights are not what
 * `error` says, and returns that.  Of a path that cannot be looked at, or is not there, the nearest
 * folder above that can is the one that is told of. */
const char *owner_advise(char *room, size_t size, const char *path, enum owner_need need,
                         int error);

/* Room for it, living until the end of the enclosing block. */
#define OWNER_ADVISE(path, need, error) owner_advise((char[384]){0}, 384, (path), (need), (error))

/* ---- the sentence; pure --------------------------------------------------------------- */

struct owner_facts {
    const char *name;       /* of what stands in the way; NULL: what was named already */
    uid_t       uid;
    gid_t       gid;
    mode_t      mode;       /* permissions alone */
    mode_t      wanted;     /* as bits for others: 4 to read, 2 to write, 1 to go in */
    uid_t       us;
};

void owner_tell(char *room, size_t size, const struct owner_facts *facts, enum owner_need need);

#endif

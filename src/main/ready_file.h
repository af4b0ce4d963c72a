/* ready_file - --ready-file PATH: there from when the server listens until it begins to stop.
 *
 * For scripts and tests that have to know when, and at which ports: it appears in one step, so that
 * whoever sees it reads all of it.  What an earlier run has left behind would be believed, so it goes
 * before anything listens; and at the end goes what is still ours.
 *
 * Only such a file is ever removed: never a folder, a pipe, a link, or a file that says something
 * else.  Owns a descriptor of its folder and of the file, by which it knows its own. */
#ifndef MAIN_READY_FILE_H
#define MAIN_READY_FILE_H

#include "base/buf.h"
#include "base/draft.h"

struct ready_file {
    const char  *path;          /* borrowed; NULL: none is wanted */
    const char  *name;          /* its last part, in the draft's folder */
    struct draft draft;
    bool         is_there;      /* it has been put in its place */
};

#define READY_FILE_NONE ((struct ready_file){.draft = DRAFT_NONE})

/* Can it be the path of a file?  "" can, which means none. */
bool ready_file_is_path(const char *path) MUST_USE;

/* The others give false with one sentence in `problem` (size bytes).  A path of NULL is fine. */

/* May it be written?  Opens nothing that is not looked at only, and changes nothing. */
bool ready_file_check(const char *path, char *problem, size_t size) MUST_USE;

/* Takes away what an earlier run has left, and begins another.  Before anything listens. */
bool ready_file_open(struct ready_file *file, const char *path, char *problem,
                     size_t size) MUST_USE;

/* Writes it and puts it in its place.  Once all listen. */
bool ready_file_put(struct ready_file *file, const struct buf *text, char *problem,
                    size_t size) MUST_USE;

/* Takes it away, unless another has come to stand there.  READY_FILE_NONE is fine, and so is twice. */
void ready_file_close(struct ready_file *file);

#endif

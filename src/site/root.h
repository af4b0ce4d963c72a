/* root - the directory served, as a descriptor; names resolve beneath it or not at all.
 *
 * The only place where a path of the site is opened.  With openat2(2) the kernel keeps us beneath
 * the root; where it is not to be had (probed once: ENOSYS, or EPERM under some seccomp profiles)
 * we walk component by component and follow relative links ourselves.  Both obey one table of
 * tests.  Devices and FIFOs are never opened: a name is looked at (O_PATH) before it is read. */
#ifndef SITE_ROOT_H
#define SITE_ROOT_H

#include <sys/stat.h>

#include "base/str.h"
#include "site/hidden.h"

struct root;

enum root_links { ROOT_LINKS_BENEATH, ROOT_LINKS_NONE };

enum root_find {
    ROOT_FOUND,             /* a file or a directory */
    ROOT_MISSING,           /* no such name, or one that no file can have */
    ROOT_OUTSIDE,           /* exists, but is a link out of the root or links are refused */
    ROOT_DENIED,            /* we may not look at it or read it (EACCES, EPERM) */
    ROOT_SPECIAL,           /* neither a file nor a directory */
    ROOT_EXHAUSTED,         /* no descriptors or memory just now (EMFILE, ENFILE, ENOMEM) */
    ROOT_BROKEN,            /* the disk failed us (EIO and others); errno says how */
};

/* Opens the directory at `path`, which is remembered to notice its replacement.  NULL with
 * errno. */
struct root *root_open(const char *path, enum root_links links) MUST_USE;
void         root_close(struct root *root);

/* Forces the fallback, for tests. */
void root_use_fallback(struct root *root);

/* Looks at `name` ("" is the root itself; clean, relative, terminated) without opening it for
 * reading: type, size, times.  *status is filled in whenever something was seen, also when it is
 * refused (so that the log can say whose it is), and all zero otherwise. */
enum root_find root_look(struct root *root, const char *name, struct stat *status) MUST_USE;

/* Opens a regular file for reading.  On ROOT_FOUND *fd is the caller's and *status is that file's;
 * a directory is ROOT_SPECIAL. */
enum root_find root_read(struct root *root, const char *name, int *fd,
                         struct stat *status) MUST_USE;

/* Never serve this file, under whatever name it turns up beneath the root: it is ROOT_MISSING from
 * now on.  For configuration and keys.  The path is looked at whenever a file is opened, so a
 * renewed key is hidden at once, and the one before (of the last HIDDEN_VERSIONS) stays hidden.
 * False when there is no room for more (HIDDEN_MAX) or no memory; a file that is not there yet is
 * no failure. */
bool root_hide(struct root *root, const char *path) MUST_USE;

/* The same for a folder: nothing in it or below is found, by whatever way or link it is reached. */
bool root_hide_folder(struct root *root, const char *path) MUST_USE;

/* True when the root itself is such a folder or lies in one, and so nothing will be found. */
bool root_is_hidden(struct root *root) MUST_USE;

/* When the name at which the root was opened now leads to another directory, opens that one
 * instead; looks again at what the hidden names lead to.  True when the root was replaced.
 * Threads inside other calls are not disturbed; one thread at a time calls this or hides. */
bool root_refresh(struct root *root) MUST_USE;

/* ---- for who makes files beneath the root, which the server never does ----------------- */

/* Wants no more when it returns false.  `name` is that in the folder. */
typedef bool root_entry_fn(const char *name, const struct stat *status, void *data);

/* Shows what is in a folder ("" is the root): files and folders, in no order; no links, nothing
 * special, no hidden file, and no more hidden folder than root_look finds in it.  ROOT_FOUND when
 * all, or all that was wanted, has been shown; else errno says why. */
enum root_find root_list(struct root *root, const char *folder, root_entry_fn *show,
                         void *data) MUST_USE;

/* May we make a file of that name?  A look only, at its folder.  False with errno. */
bool root_may_write(struct root *root, const char *name) MUST_USE;

/* Makes a file of that name, or one in place of the one there is, whole or not at all: it is on the
 * disk before it has the name.  It may be read and written as `like` may, belongs to the same as far
 * as we can give it away, and is as old.  Should we be killed meanwhile, there is at most a file more
 * whose name begins with ".wherry-".
 *
 * False with errno, and nothing has changed; EACCES also for a hidden file. */
bool root_write(struct root *root, const char *name, struct str bytes,
                const struct stat *like) MUST_USE;

#endif

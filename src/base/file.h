/* file - files read and written whole. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/buf.h"

/* Appends all of a small file of ours (settings, never a file of the site) at `path` to `content`.  False, with errno, when it cannot be read: EFBIG
 * when it does not fit under the buffer's ceiling, EINVAL when it is no regular file.  Never waits
 * for a writer, as the reader of a FIFO would. */
bool file_read(const char *path, struct buf *content) MUST_USE;

/* Writes all of it to an open file, whatever signals come.  False, with errno; some may have been
 * written then. */
bool file_write(int fd, struct str bytes) MUST_USE;

#endif

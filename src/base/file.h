/* file - a small file of ours, read whole: settings, never a file of the site. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/buf.h"

/* Appends all of the file at `path` to `content`.  False, with errno, when it cannot be read: EFBIG
 * when it does not fit under the buffer's ceiling, EINVAL when it is no regular file.  Never waits
 * for a writer, as the reader of a FIFO would. */
bool file_read(const char *path, struct buf *content) MUST_USE;

#endif

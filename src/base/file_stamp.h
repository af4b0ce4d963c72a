/* file_stamp - what must not change while a file is one version of it.  Pure. */
#ifndef BASE_FILE_STAMP_H
#define BASE_FILE_STAMP_H

#include <sys/stat.h>

#include "base/str.h"

struct file_stamp {
    uint64_t        device, inode, size;
    struct timespec mtime, ctime;
};

struct file_stamp file_stamp_of(const struct stat *status);
bool              file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b) MUST_USE;

static inline bool file_time_equal(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

#endif

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_BYTES = 4096 };

static bool check_regular(int fd)
{
    struct stat status;

    if (fstat(fd, &status) == -1)
        return false;
    errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
    return S_ISREG(status.st_mode);
}

/* To the end of the file, whatever its size was said to be. */
static bool read_all(int fd, struct buf *content)
{
    for (;;) {
        ssize_t got;

        if (!buf_reserve(content, PIECE_BYTES)) {
            errno = PIECE_BYTES > content->max - content->len ? EFBIG : ENOMEM;
            return false;
        }
        got = read(fd, content->ptr + content->len, PIECE_BYTES);
        if (got == -1 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        content->len += (size_t)got;
    }
}

bool file_read(const char *path, struct buf *content)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool ok = fd != -1 && check_regular(fd) && read_all(fd, content);
    int saved = errno;

    if (fd != -1)
        close(fd);
    errno = saved;
    return ok;
}

bool file_write(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t count = write(fd, bytes.ptr, bytes.len);

        if (count == -1 && errno != EINTR)
            return false;
        bytes = str_from(bytes, count > 0 ? (size_t)count : 0);
    }
    return true;
}

#include "server/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { KEPT_FILE_MODE = 0644 };     /* of which the umask may take */

size_t spool_share(uint64_t memory, uint64_t memory_max)
{
    uint64_t most = MAX_OF(memory / 8, memory_max);

    return (size_t)MIN_OF(most, (uint64_t)SIZE_MAX);
}

void spool_init(struct spool *spool, uint64_t memory_max, size_t memory_all)
{
    *spool = (struct spool){.memory_max = memory_max, .folder = -1};
    atomic_init(&spool->memory_left, memory_all);
    pthread_mutex_init(&spool->mutex, NULL);
}

void spool_fini(struct spool *spool)
{
    if (spool->folder != -1)
        close(spool->folder);
    spool->folder = -1;
    pthread_mutex_destroy(&spool->mutex);
}

bool spool_open(struct spool *spool, const char *path)
{
    int error;

    spool->folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (spool->folder == -1)
        return false;
    if (faccessat(spool->folder, ".", W_OK | X_OK, AT_EACCESS) == 0)
        return true;
    error = errno;
    close(spool->folder);
    spool->folder = -1;
    errno = error;
    return false;
}

/* Better said now than when the disk is full.  File systems that cannot tell say that they have no
 * blocks at all. */
static bool has_room(int folder, uint64_t expected)
{
    struct statvfs facts;

    if (expected == 0 || fstatvfs(folder, &facts) == -1 || facts.f_blocks == 0 ||
        expected / facts.f_frsize < facts.f_bavail)
        return true;
    errno = ENOSPC;
    return false;
}

bool spool_file(struct spool *spool, uint64_t expected, struct draft *file)
{
    assert(spool->folder != -1);
    return has_room(spool->folder, expected) && draft_open_scratch(file, spool->folder);
}

/* True the first time. */
static bool remember(struct spool *spool, const struct stat *folder)
{
    bool is_new = true;

    pthread_mutex_lock(&spool->mutex);
    for (size_t i = 0; i < MIN_OF(spool->swept_count, (size_t)SPOOL_SWEPT_MAX); i++)
        if (spool->swept[i].device == folder->st_dev && spool->swept[i].inode == folder->st_ino)
            is_new = false;
    if (is_new)
        spool->swept[spool->swept_count++ % SPOOL_SWEPT_MAX] =
            (struct spool_swept){folder->st_dev, folder->st_ino};
    pthread_mutex_unlock(&spool->mutex);
    return is_new;
}

bool spool_file_in(struct spool *spool, int folder, uint64_t expected, struct draft *file)
{
    struct stat status;

    if (fstat(folder, &status) == -1)
        return false;
    if (remember(spool, &status))
        draft_sweep(folder);
    return has_room(folder, expected) && draft_open(file, folder, KEPT_FILE_MODE);
}

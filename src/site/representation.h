/* representation - one version of one file, ready to be sent.
 *
 * Type, validators, length and the finished field lines; the bytes in memory when they are few
 * (up to 64 KiB), else an open descriptor.  Shared between threads, counted by references, never
 * changed once made.  A new version of the file is a new representation. */
#ifndef SITE_REPRESENTATION_H
#define SITE_REPRESENTATION_H

#include <stdatomic.h>
#include <sys/stat.h>

#include "site/root.h"

enum {
    REPRESENTATION_SMALL_MAX  = 64 * 1024,          /* bytes kept in memory */
    REPRESENTATION_HASHED_MAX = 16 * 1024 * 1024,   /* bytes read for the entity tag */
    REPRESENTATION_LINES_MAX  = 512,
};

/* What must not change while a representation is that version. */
struct file_stamp {
    uint64_t device, inode, size;
    int64_t  mtime_ns, ctime_ns;
};

struct file_stamp file_stamp_of(const struct stat *status);
bool              file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b) MUST_USE;

struct representation {
    atomic_uint       references;
    struct file_stamp stamp;
    uint64_t          length;
    int64_t           last_modified;        /* seconds since 1970 */
    bool              is_young;             /* made within 2 s of the file's mtime: two writes inside one tick of the file
                                             * system's clock look the same, so it is read again at each check */
    char              etag[48];             /* with its quotes */
    char              shared_lines[REPRESENTATION_LINES_MAX];   /* ETag, Last-Modified, Cache-Control */
    char              content_lines[REPRESENTATION_LINES_MAX];  /* Content-Type, Accept-Ranges, nosniff */
    int               fd;                   /* -1 when the bytes are in memory */
    char              bytes[];              /* `length` of them when fd is -1 */
};

/* Reads `name` beneath root.  On ROOT_FOUND *made is the caller's, with one reference; a file that
 * changed while it was read is read again, a few times, then ROOT_BROKEN with EAGAIN. ROOT_SPECIAL for a
 * directory. `cache_control` "" sends none. */
enum root_find representation_make(struct root *root, const char *name, const char *cache_control,
                                   int64_t now_s, struct representation **made) MUST_USE;

struct representation *representation_acquire(struct representation *representation);
void                   representation_release(struct representation *representation);

/* The file behind the descriptor is still that version (true when it is in memory). */
bool representation_is_intact(const struct representation *representation) MUST_USE;

/* Bytes it takes in memory, itself included. */
size_t representation_cost(const struct representation *representation) MUST_USE;

#endif

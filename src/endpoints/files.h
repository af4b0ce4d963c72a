/* files - the endpoint of uploads: a folder whose files are fetched, put and removed by name.
 *
 * A file is there whole or not at all, whatever happens meanwhile.  A name is one name in that
 * folder: it leads nowhere else, links are not followed, and only regular files count. */
#ifndef ENDPOINTS_FILES_H
#define ENDPOINTS_FILES_H

#include <pthread.h>

#include "endpoints/endpoint.h"

struct files {
    int              fd;        /* of the folder */
    uint64_t         max;       /* bytes of one file */
    const char      *prefix;    /* before "/files/" */
    pthread_rwlock_t changes;   /* held alone by those who depend on a version */
};

/* False with one sentence in `problem` when the folder cannot be opened. */
bool files_open(struct files *files, const struct endpoints_settings *settings, char *problem,
                size_t size) MUST_USE;
void files_close(struct files *files);

/* Their data is a struct files. */
extern const struct endpoint_group files_group;

#endif

/* purse - so much memory that several threads may take, each waiting until there is enough left.
 *
 * Counts bytes, owns none. */
#ifndef SITE_PURSE_H
#define SITE_PURSE_H

#include <pthread.h>
#include <stddef.h>

struct purse {
    pthread_mutex_t mutex;
    pthread_cond_t  more;
    size_t          bytes;          /* all there are */
    size_t          left;
};

void purse_init(struct purse *purse, size_t bytes);
void purse_fini(struct purse *purse);

/* Who wants more than there ever is gets all of it, when nobody else has any.  Returns what was
 * taken, which is to be given back. */
size_t purse_take(struct purse *purse, size_t bytes);
void   purse_give(struct purse *purse, size_t bytes);

#endif

#include "site/purse.h"

#include "base/base.h"

void purse_init(struct purse *purse, size_t bytes)
{
    pthread_mutex_init(&purse->mutex, NULL);
    pthread_cond_init(&purse->more, NULL);
    purse->bytes = purse->left = bytes;
}

void purse_fini(struct purse *purse)
{
    assert(purse->left == purse->bytes);
    pthread_cond_destroy(&purse->more);
    pthread_mutex_destroy(&purse->mutex);
}

size_t purse_take(struct purse *purse, size_t bytes)
{
    size_t taken = MIN_OF(bytes, purse->bytes);

    pthread_mutex_lock(&purse->mutex);
    while (purse->left < taken)
        pthread_cond_wait(&purse->more, &purse->mutex);
    purse->left -= taken;
    pthread_mutex_unlock(&purse->mutex);
    return taken;
}

void purse_give(struct purse *purse, size_t bytes)
{
    pthread_mutex_lock(&purse->mutex);
    purse->left += bytes;
    pthread_cond_broadcast(&purse->more);
    pthread_mutex_unlock(&purse->mutex);
}

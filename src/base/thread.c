#include "base/thread.h"

#include <signal.h>

int thread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                  void *argument)
{
    sigset_t every, before;
    int      error;

    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    error = pthread_create(thread, attributes, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

/* thread - threads that no signal reaches: those of the process are for whoever started them. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

#include "base/base.h"

/* As pthread_create, whose error it gives; 0: it runs.  Every signal is blocked in it from its birth on,
 * for what it blocked itself a moment later could have come to it before. */
int thread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                  void *argument) MUST_USE;

#endif

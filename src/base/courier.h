/* courier - the one thread that carries the log's lines to stdout and stderr.
 *
 * Two bounded rings of bytes, one per stream, under one lock that is never held while writing.
 * Those who leave lines never wait: what does not fit is counted as lost, and the count is said
 * on stderr once there is room again.  A stream that is stuck does not delay the other.
 *
 * Only log.c calls this; everyone else calls the log. */
#ifndef BASE_COURIER_H
#define BASE_COURIER_H

#include "base/str.h"

enum courier_stream {
    COURIER_OUT,
    COURIER_ERR,
};

/* Starts the thread, or counts one more who needs it.  False, with errno, when there is none to be
 * had. */
bool courier_start(void) MUST_USE;

/* The last of those who started it lets it carry what is waiting, for at most `within_ms` and a
 * moment, and ends it; of the others each is counted no more.  A thread
 * that hangs in a write (a stopped terminal) is left to itself, and cannot be started again. */
void courier_stop(int64_t within_ms);

/* Leaves whole lines, of which as many are taken as fit; a last one without its end is lost.
 * Without a thread they are written at once, or lost if the reader is not ready: soon, before the
 * thread starts, and at once, after it was told to stop. */
void courier_take(enum courier_stream to, struct str lines);

/* Lines lost so far, on both streams. */
uint64_t courier_lost(void);

#endif

/* coder - codings of files, made beside the serving, each once however many ask.
 *
 * Has threads of its own, at a low priority, which end when there is nothing to do.  Who asks may
 * wait a moment and looks into the cache then; whatever is not there yet he goes on without.  What
 * does not get smaller is noted in the source and not tried again. */
#ifndef SITE_CODER_H
#define SITE_CODER_H

#include "site/cache.h"

enum {
    CODER_JOBS_MAX    = 64,             /* waiting or begun; more are not taken */
    CODER_WAIT_MS     = 40,             /* that somebody waits for codings, all together... */
    CODER_QUICK_MS    = 10,             /* of that, for the second best alone... */
    CODER_PATIENCE_MS = 10000,          /* ...and who takes nothing else */
    CODER_WAITING_MAX = 16,             /* wait at once: each is a worker; the others go on */
    CODER_PATIENT_MAX = 4,              /* of those, for longer than a moment */
    CODER_THREADS_MAX = 16,
};

struct coder;

/* Makes as many at once as there are processors, and as `memory_max` bytes of encoders' memory
 * allow; where that is little, at a lower effort.  What waits is no more than a quarter of that.  What is made goes into `cache`.  NULL when there
 * is no memory. */
struct coder *coder_new(struct cache *cache, unsigned cores, size_t memory_max) MUST_USE;

/* Gives up what is in work.  Nobody asks any more. */
void coder_free(struct coder *coder);

/* Sees to it that the coding of `source` that `key` names is made, and waits for at most `wait_ms`
 * (0: not at all).  True: it is done with; the cache has it, or it does not get smaller.  False:
 * later, or not just now. */
bool coder_make(struct coder *coder, struct cache_key key, struct representation *source,
                int64_t wait_ms) MUST_USE;

/* That coding of that version is in work, so that there is nothing to ask for. */
bool coder_is_making(struct coder *coder, struct cache_key key,
                     const struct representation *source) MUST_USE;

#endif

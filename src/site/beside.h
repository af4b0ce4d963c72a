/* beside - the codings of one file, made beside it: page.html.gz and page.html.br of page.html.
 *
 * At the best effort there is, since it is paid once.  A coding is made when it is worth it: when it
 * is smaller than the file by a twentieth, and by more than the field costs that names it.  One that
 * is there already is left alone when it is as old as the file or younger, and says the same; else it
 * is replaced in one step.  It is as old as the file, so that it is right exactly as long. */
#ifndef SITE_BESIDE_H
#define SITE_BESIDE_H

#include <limits.h>

#include "coding/encode.h"
#include "site/purse.h"
#include "site/representation.h"

/* Borrowed, and the same for all files. */
struct beside_work {
    struct root             *root;
    const struct mime_types *types;
    struct coding_rules      rules;
    struct purse             purse;     /* for what the coders take */
    atomic_bool             *stop;      /* gives up soon once it is set */
    int64_t                  now_s;
};

enum beside_end {
    BESIDE_MADE,            /* one coding at least was made */
    BESIDE_FRESH,           /* nothing was to be made, but is there */
    BESIDE_UNWORTHY,        /* it is better sent as it is */
    BESIDE_GONE,            /* it is no file any more */
    BESIDE_FAILED,          /* `trouble` says why; some coding may have been made still */
    BESIDE_STOPPED,
};

enum beside_doing {
    BESIDE_READING,         /* error EAGAIN: it changes all the time */
    BESIDE_CODING,
    BESIDE_WRITING,
    BESIDE_JUDGING,         /* what is there is not what the file is, and nothing is worth taking its
                             * place: somebody should remove it */
};

struct beside_trouble {
    enum beside_doing doing;
    int               error;            /* an errno */
    char              name[PATH_MAX];   /* of the file that it is about, beneath the root */
};

struct beside_result {
    enum beside_end       end;
    uint64_t              plain_bytes;          /* of the file */
    uint64_t              coded_bytes[CODINGS]; /* as it would be sent to who takes that coding;
                                                 * 0: we do not make it */
    struct beside_trouble trouble;
};

/* Sees to the codings of the file of that name.  Blocks, for seconds where it is large. */
void beside_make(struct beside_work *work, const char *name, struct beside_result *result);

#endif

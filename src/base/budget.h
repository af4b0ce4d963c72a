/* budget - how much of something is left for all together.
 *
 * Any thread takes and gives back; whoever gets nothing has to do without. */
#ifndef BASE_BUDGET_H
#define BASE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/base.h"

/* All of `count`, or nothing: false. */
MUST_USE static inline bool budget_take(atomic_size_t *left, size_t count)
{
    size_t seen = atomic_load(left);

    while (seen >= count)
        if (atomic_compare_exchange_weak(left, &seen, seen - count))
            return true;
    return false;
}

static inline void budget_give(atomic_size_t *left, size_t count)
{
    atomic_fetch_add(left, count);
}

#endif

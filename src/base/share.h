/* share - what part of the machine is ours: processors and memory.
 *
 * A container sees all of the host's; what it may use is the smaller of what there is (for
 * processors its affinity mask) and what its cgroup allows.  Never fails: what cannot be read does
 * not limit. */
#ifndef BASE_SHARE_H
#define BASE_SHARE_H

#include <stdint.h>

/* Processors that we may really use, a quota of parts of them rounded up; at least 1. */
unsigned share_cores(void);

/* Bytes of memory that we may use. */
uint64_t share_memory(void);

/* The cgroup's part alone, given where cgroups are mounted and what /proc/self/cgroup holds: v2
 * (cpu.max, memory.max) and v1 (cpu.cfs_quota_us, memory.limit_in_bytes), our own group first, then
 * those above it.  0: no limit. */
unsigned share_cores_by_quota(const char *mount, const char *self_cgroup);
uint64_t share_memory_by_limit(const char *mount, const char *self_cgroup);

#endif

/* cores - how many processors we may really use.
 *
 * A container sees all of the host's; what it may use is the smaller of its affinity mask and its
 * cgroup's CPU quota, rounded up. */
#ifndef SERVER_CORES_H
#define SERVER_CORES_H

/* At least 1.  Never fails: what cannot be read does not limit. */
unsigned cores_usable(void);

/* The quota alone, given where cgroups are mounted and what /proc/self/cgroup holds: cgroup v2
 * (cpu.max) and v1 (cpu.cfs_quota_us), our own group first, then the mount's root.  0: no quota. */
unsigned cores_by_quota(const char *mount, const char *self_cgroup);

#endif

#include "base/share.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

/* The first line of a file in a folder. */
static bool read_line(const char *folder, const char *name, char *line, size_t size)
{
    char  path[PATH_MAX];
    FILE *file;
    bool  ok;

    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return false;
    file = fopen(path, "re");
    if (!file)
        return false;
    ok = fgets(line, (int)size, file) != NULL;
    fclose(file);
    return ok;
}

static uint64_t number_of(struct str text)
{
    uint64_t number;

    return str_to_u64(text, &number) ? number : 0;
}

/* "max" and "-1" are no numbers, and no quota. */
static uint64_t rounded_up(struct str quota, struct str period)
{
    uint64_t q = number_of(quota), p = number_of(period);

    if (q == 0 || p == 0)
        return 0;
    return MIN_OF(q / p + (q % p != 0), (uint64_t)INT_MAX);
}

static struct str line_of(const char *text)
{
    return str_of(text, strcspn(text, "\n"));
}

/* v2: "max 100000" or "150000 100000" */
static uint64_t cores_v2(const char *folder)
{
    char       line[128];
    struct str rest, quota;

    if (!read_line(folder, "cpu.max", line, sizeof line))
        return 0;
    rest = line_of(line);
    if (!str_split(&rest, ' ', &quota))
        return 0;
    return rounded_up(quota, rest);
}

/* v1: two files */
static uint64_t cores_v1(const char *folder)
{
    char quota[64], period[64];

    if (!read_line(folder, "cpu.cfs_quota_us", quota, sizeof quota) ||
        !read_line(folder, "cpu.cfs_period_us", period, sizeof period))
        return 0;
    return rounded_up(line_of(quota), line_of(period));
}

static uint64_t memory_v2(const char *folder)
{
    char line[64];

    return read_line(folder, "memory.max", line, sizeof line) ? number_of(line_of(line)) : 0;
}

/* v1 says "no limit" by a number that no machine has. */
static uint64_t memory_v1(const char *folder)
{
    char     line[64];
    uint64_t bytes;

    if (!read_line(folder, "memory.limit_in_bytes", line, sizeof line))
        return 0;
    bytes = number_of(line_of(line));
    return bytes < (uint64_t)1 << 60 ? bytes : 0;
}

/* What a cgroup limits: by which controller of v1, and how to read it in a folder (0: no limit). */
struct limit {
    const char *controller;
    uint64_t  (*v2)(const char *folder);
    uint64_t  (*v1)(const char *folder);
};

static const struct limit cores_limit = {"cpu", cores_v2, cores_v1};
static const struct limit memory_limit = {"memory", memory_v2, memory_v1};

/* A group's own limit and all those above it count; the tightest one binds. */
static uint64_t tightest(const char *mount, const char *group, uint64_t (*limit)(const char *))
{
    char     folder[PATH_MAX];
    size_t   base = strlen(mount);
    uint64_t least = 0;

    if (snprintf(folder, sizeof folder, "%s%s", mount, group) >= (int)sizeof folder)
        return 0;
    for (;;) {
        uint64_t here = limit(folder);
        char    *slash;

        if (here && (!least || here < least))
            least = here;
        if (strlen(folder) <= base)
            return least;
        slash = strrchr(folder, '/');
        *slash = '\0';
    }
}

static bool names(const char *controllers, const char *wanted)
{
    struct str rest = str_view(controllers), one;

    while (str_split(&rest, ',', &one))
        if (str_equal(one, str_view(wanted)))
            return true;
    return false;
}

/* One line of /proc/self/cgroup:  number ":" controllers ":" path */
static uint64_t limit_of_line(const struct limit *limit, const char *mount, char *line)
{
    char  folder[PATH_MAX];
    char *controllers = strchr(line, ':');
    char *group = controllers ? strchr(controllers + 1, ':') : NULL;

    if (!group)
        return 0;
    *group++ = '\0';
    controllers++;
    if (strcmp(group, "/") == 0)
        group[0] = '\0';
    if (controllers[0] == '\0')
        return tightest(mount, group, limit->v2);
    if (!names(controllers, limit->controller))
        return 0;
    snprintf(folder, sizeof folder, "%s/%s", mount, limit->controller);
    return tightest(folder, group, limit->v1);
}

static uint64_t find_limit(const struct limit *limit, const char *mount, const char *self_cgroup)
{
    char     copy[4096];
    char    *rest = copy, *line;
    uint64_t least = 0;

    snprintf(copy, sizeof copy, "%s", self_cgroup);
    while ((line = strsep(&rest, "\n"))) {
        uint64_t here = limit_of_line(limit, mount, line);

        if (here && (!least || here < least))
            least = here;
    }
    return least;
}

unsigned share_cores_by_quota(const char *mount, const char *self_cgroup)
{
    return (unsigned)find_limit(&cores_limit, mount, self_cgroup);
}

uint64_t share_memory_by_limit(const char *mount, const char *self_cgroup)
{
    return find_limit(&memory_limit, mount, self_cgroup);
}

static unsigned by_affinity(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) == -1)
        return 1;
    return (unsigned)MAX_OF(CPU_COUNT(&set), 1);
}

struct groups {
    char text[4096];
};

static struct groups own_groups(void)
{
    struct groups groups = {""};
    FILE         *file = fopen("/proc/self/cgroup", "re");

    if (file) {
        groups.text[fread(groups.text, 1, sizeof groups.text - 1, file)] = '\0';
        fclose(file);
    }
    return groups;
}

unsigned share_cores(void)
{
    unsigned cores = by_affinity();
    unsigned quota = share_cores_by_quota("/sys/fs/cgroup", own_groups().text);

    return quota && quota < cores ? quota : cores;
}

uint64_t share_memory(void)
{
    uint64_t all = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t limit = share_memory_by_limit("/sys/fs/cgroup", own_groups().text);

    return limit && limit < all ? limit : all;
}

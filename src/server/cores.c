#include "server/cores.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

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
static unsigned rounded_up(struct str quota, struct str period)
{
    uint64_t q = number_of(quota), p = number_of(period);

    if (q == 0 || p == 0)
        return 0;
    return (unsigned)MIN_OF(q / p + (q % p != 0), (uint64_t)INT_MAX);
}

static struct str line_of(const char *text)
{
    return str_of(text, strcspn(text, "\n"));
}

/* v2: "max 100000" or "150000 100000" */
static unsigned quota_v2(const char *folder)
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
static unsigned quota_v1(const char *folder)
{
    char quota[64], period[64];

    if (!read_line(folder, "cpu.cfs_quota_us", quota, sizeof quota) ||
        !read_line(folder, "cpu.cfs_period_us", period, sizeof period))
        return 0;
    return rounded_up(line_of(quota), line_of(period));
}

/* A group's own quota and all those above it count; the tightest one binds. */
static unsigned tightest(const char *mount, const char *group, unsigned (*quota)(const char *))
{
    char     folder[PATH_MAX];
    size_t   base = strlen(mount);
    unsigned least = 0;

    if (snprintf(folder, sizeof folder, "%s%s", mount, group) >= (int)sizeof folder)
        return 0;
    for (;;) {
        unsigned here = quota(folder);
        char    *slash;

        if (here && (!least || here < least))
            least = here;
        if (strlen(folder) <= base)
            return least;
        slash = strrchr(folder, '/');
        *slash = '\0';
    }
}

static bool names_cpu(const char *controllers)
{
    return strcmp(controllers, "cpu") == 0 || strncmp(controllers, "cpu,", 4) == 0 ||
           strstr(controllers, ",cpu,") != NULL ||
           (strlen(controllers) > 4 && strcmp(controllers + strlen(controllers) - 4, ",cpu") == 0);
}

/* One line of /proc/self/cgroup:  number ":" controllers ":" path */
static unsigned quota_of_line(const char *mount, char *line)
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
        return tightest(mount, group, quota_v2);
    if (!names_cpu(controllers))
        return 0;
    snprintf(folder, sizeof folder, "%s/cpu", mount);
    return tightest(folder, group, quota_v1);
}

unsigned cores_by_quota(const char *mount, const char *self_cgroup)
{
    char     copy[4096];
    char    *rest = copy, *line;
    unsigned least = 0;

    snprintf(copy, sizeof copy, "%s", self_cgroup);
    while ((line = strsep(&rest, "\n"))) {
        unsigned here = quota_of_line(mount, line);

        if (here && (!least || here < least))
            least = here;
    }
    return least;
}

static unsigned by_affinity(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) == -1)
        return 1;
    return (unsigned)MAX_OF(CPU_COUNT(&set), 1);
}

unsigned cores_usable(void)
{
    char     groups[4096] = "";
    FILE    *file = fopen("/proc/self/cgroup", "re");
    unsigned cores = by_affinity(), quota;

    if (file) {
        size_t n = fread(groups, 1, sizeof groups - 1, file);

        groups[n] = '\0';
        fclose(file);
    }
    quota = cores_by_quota("/sys/fs/cgroup", groups);
    return quota && quota < cores ? quota : cores;
}

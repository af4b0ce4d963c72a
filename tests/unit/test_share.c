/* What base/share promises about what part of the machine is ours. */
#include "base/share.h"

#include <stdio.h>
#include <sys/stat.h>

#include "tests/support/folder.h"
#include "tests/support/promise.h"

enum { FILES_MAX = 5 };

/* clang-format off */
static const struct quota_case {
    const char *promise;
    const char *self;           /* /proc/self/cgroup */
    unsigned    cores;
    struct { const char *name, *text; } files[FILES_MAX];
} cases[] = {
    {"no cgroup, no quota",                 "",                 0, {{NULL, NULL}}},
    {"a group without files has none",      "0::/mine\n",       0, {{NULL, NULL}}},
    {"v2: a whole number of cores",         "0::/mine\n",       2, {{"mine/cpu.max", "200000 100000\n"}}},
    {"v2: a part of a core is one",         "0::/mine\n",       1, {{"mine/cpu.max", "10000 100000\n"}}},
    {"v2: a part more is one more",         "0::/mine\n",       3, {{"mine/cpu.max", "200001 100000\n"}}},
    {"v2: max is no quota",                 "0::/mine\n",       0, {{"mine/cpu.max", "max 100000\n"}}},
    {"v2: without a line end",              "0::/mine",         2, {{"mine/cpu.max", "200000 100000"}}},
    {"v2: in a container, the root is ours","0::/\n",           2, {{"cpu.max", "200000 100000\n"}}},
    {"v2: what we cannot see of our group, its mount shows",
                                            "0::/far/away\n",   4, {{"cpu.max", "400000 100000\n"}}},
    {"v2: the tightest of nested ones",     "0::/a/b/c\n",      2, {{"a/cpu.max", "200000 100000\n"},
                                                                    {"a/b/cpu.max", "max 100000\n"},
                                                                    {"a/b/c/cpu.max", "800000 100000\n"}}},
    {"v2: our own may be the tightest",     "0::/a/b\n",        1, {{"a/cpu.max", "200000 100000\n"},
                                                                    {"a/b/cpu.max", "50000 100000\n"}}},
    {"v2: a neighbour's does not count",    "0::/a\n",          3, {{"a/cpu.max", "300000 100000\n"},
                                                                    {"b/cpu.max", "100000 100000\n"}}},
    {"v2: an empty file is no quota",       "0::/a\n",          0, {{"a/cpu.max", ""}}},
    {"v2: a number alone is none",          "0::/a\n",          0, {{"a/cpu.max", "100000\n"}}},
    {"v2: nonsense is none",                "0::/a\n",          0, {{"a/cpu.max", "lots of cores\n"}}},
    {"v2: a period of nothing is none",     "0::/a\n",          0, {{"a/cpu.max", "100000 0\n"}}},
    {"v2: a number too large for us",       "0::/a\n",          0, {{"a/cpu.max", "99999999999999999999999 1\n"}}},
    {"v2: more cores than can be counted",  "0::/a\n", 2147483647, {{"a/cpu.max", "9999999999999999 1\n"}}},
    {"v1: quota and period",                "4:memory:/m\n3:cpu,cpuacct:/mine\n", 2,
                                                                   {{"cpu/mine/cpu.cfs_quota_us", "150000\n"},
                                                                    {"cpu/mine/cpu.cfs_period_us", "100000\n"}}},
    {"v1: -1 is no quota",                  "3:cpu,cpuacct:/mine\n", 0,
                                                                   {{"cpu/mine/cpu.cfs_quota_us", "-1\n"},
                                                                    {"cpu/mine/cpu.cfs_period_us", "100000\n"}}},
    {"v1: cpu alone",                       "3:cpu:/mine\n",    2, {{"cpu/mine/cpu.cfs_quota_us", "200000\n"},
                                                                    {"cpu/mine/cpu.cfs_period_us", "100000\n"}}},
    {"v1: cpu last",                        "3:cpuacct,cpu:/mine\n", 2,
                                                                   {{"cpu/mine/cpu.cfs_quota_us", "200000\n"},
                                                                    {"cpu/mine/cpu.cfs_period_us", "100000\n"}}},
    {"v1: cpu in the middle",               "3:a,cpu,b:/mine\n", 2,
                                                                   {{"cpu/mine/cpu.cfs_quota_us", "200000\n"},
                                                                    {"cpu/mine/cpu.cfs_period_us", "100000\n"}}},
    {"v1: cpuset and cpuacct are not cpu",  "3:cpuset:/mine\n4:cpuacct:/mine\n", 0,
                                                                   {{"cpu/mine/cpu.cfs_quota_us", "200000\n"},
                                                                    {"cpu/mine/cpu.cfs_period_us", "100000\n"}}},
    {"v1: a group of the host's, seen from the container's root",
                                            "3:cpu,cpuacct:/docker/0123\n", 2,
                                                                   {{"cpu/cpu.cfs_quota_us", "200000\n"},
                                                                    {"cpu/cpu.cfs_period_us", "100000\n"}}},
    {"v1: a quota without a period is none","3:cpu:/mine\n",    0, {{"cpu/mine/cpu.cfs_quota_us", "200000\n"}}},
    {"both at once: the tighter",           "3:cpu:/x\n0::/y\n", 1,
                                                                   {{"cpu/x/cpu.cfs_quota_us", "100000\n"},
                                                                    {"cpu/x/cpu.cfs_period_us", "100000\n"},
                                                                    {"y/cpu.max", "300000 100000\n"}}},
    {"a colon in a group's name",           "0::/a:b\n",        2, {{"a:b/cpu.max", "200000 100000\n"}}},
    {"lines that are no groups are passed over", "what\n:\n\n3:cpu\n0::/a\n", 2,
                                                                   {{"a/cpu.max", "200000 100000\n"}}},
    {"a group outside of what we see",      "0::/../../other\n", 2,
                                                                   {{"cpu.max", "200000 100000\n"}}},
};

static const struct memory_case {
    const char *promise;
    const char *self;
    uint64_t    bytes;
    struct { const char *name, *text; } files[2];
} memory_cases[] = {
    {"no cgroup, no limit",                 "",                 0, {{NULL, NULL}}},
    {"v2: bytes",                           "0::/\n",  25165824, {{"memory.max", "25165824\n"}}},
    {"v2: max is no limit",                 "0::/\n",           0, {{"memory.max", "max\n"}}},
    {"v2: the tightest of nested ones",     "0::/a/b\n",     1000, {{"a/memory.max", "1000\n"},
                                                                    {"a/b/memory.max", "2000\n"}}},
    {"v1: bytes",                           "4:memory:/m\n", 1000, {{"memory/m/memory.limit_in_bytes", "1000\n"}}},
    {"v1: what no machine has is no limit", "4:memory:/m\n",    0, {{"memory/m/memory.limit_in_bytes", "9223372036854771712\n"}}},
};
/* clang-format on */

/* A file and the folders above it. */
static void put(const char *name, const char *text)
{
    char path[128];

    snprintf(path, sizeof path, "%s", name);
    for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    folder_file(name, text);
}

static void a_quota_is_found_where_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const struct quota_case *c = &cases[i];
        struct folder            mount;

        folder_enter(&mount);
        for (size_t f = 0; f < FILES_MAX && c->files[f].name; f++)
            put(c->files[f].name, c->files[f].text);
        PROMISED_NUMBER(c->promise, share_cores_by_quota(mount.path, c->self), c->cores);
        folder_leave(&mount);
    }
}

static void so_is_a_limit_of_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(memory_cases); i++) {
        const struct memory_case *c = &memory_cases[i];
        struct folder             mount;

        folder_enter(&mount);
        for (size_t f = 0; f < COUNTOF(c->files) && c->files[f].name; f++)
            put(c->files[f].name, c->files[f].text);
        PROMISED_NUMBER(c->promise, share_memory_by_limit(mount.path, c->self), c->bytes);
        folder_leave(&mount);
    }
}

static void a_group_with_a_name_that_is_too_long_is_no_quota(void **state)
{
    static char self[10000];

    (void)state;
    memset(self, 'x', sizeof self - 1);
    memcpy(self, "0::/", 4);
    assert_int_equal(share_cores_by_quota("/nowhere", self), 0);
}

static void there_is_some_of_both_here(void **state)
{
    (void)state;
    assert_true(share_cores() >= 1);
    assert_true(share_memory() >= 1024 * 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quota_is_found_where_it_is),
        cmocka_unit_test(so_is_a_limit_of_memory),
        cmocka_unit_test(a_group_with_a_name_that_is_too_long_is_no_quota),
        cmocka_unit_test(there_is_some_of_both_here),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

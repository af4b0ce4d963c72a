"""What a running server costs: CPU time and memory of its whole process tree, from /proc."""

import os

TICKS = os.sysconf("SC_CLK_TCK")        # in a second


def read(path):
    """A file of /proc, or nothing when its process has ended meanwhile."""
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def children(pid):
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    return [int(child) for thread in threads
            for child in read(f"/proc/{pid}/task/{thread}/children").split()]


def tree(pid):
    """The process and all that descend from it."""
    found, left = [], [pid]
    while left:
        found.append(left.pop())
        left += children(found[-1])
    return found


def cpu_seconds(pid):
    """User and system time of the tree, of children that have ended too."""
    ticks = 0
    for each in tree(pid):
        fields = read(f"/proc/{each}/stat").rpartition(")")[2].split()
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / TICKS


def memory_bytes(pid):
    """The tree's share of the memory it uses: pages of several processes count by parts (Pss)."""
    kib = 0
    for each in tree(pid):
        for line in read(f"/proc/{each}/smaps_rollup").splitlines():
            if line.startswith("Pss:"):
                kib += int(line.split()[1])
    return kib * 1024

"""docs/benchmarks.md: what was measured, for people to read and to doubt."""

import os
import platform
import shlex
import statistics
from datetime import date
from pathlib import Path

from scenarios import IDLE_CONNECTIONS, SCENARIOS
from servers import CORES, told_version

HEAD = """\
# Benchmarks

<!-- Written by `make bench`; a change made by hand is gone with the next run. -->

wherry beside other web servers, on one machine, over loopback.  **CPU** is the time that a server's
whole process tree spends on one request, its user and system time together, and it is the figure to
look at first: it counts what the server does and not what the client can take.  Client and servers
share {cores} cores here, so the requests per second say as much of the client as of the server.
On other machines, and over a network, all of this is different.

An answer is compared with the file before and after each scenario.  The servers take turns (rounds:
{rounds}; seconds for each scenario: {seconds}), so that whatever else the machine does meets all of
them.  Ratios are taken within a round, and the median of the rounds stands.
"""

REPEAT = """\
## To repeat this

    apt-get install nginx lighttpd h2o caddy        those you want to compare with; they start at once
    make bench                                      three rounds of a second: some four minutes
    make bench ROUNDS=5 SECS=3 SCENARIOS=1k-c64,404-c64 SERVERS=nginx       into build/benchmarks.md

Scenarios: {scenarios}.
"""


def table(head, rows, others="--:"):
    """A Markdown table: the first column is text, the others are figures or as told."""
    lines = [head, ["---"] + [others] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def short(number):
    """Three digits that count, or what there is of an integer."""
    if number is None:
        return "-"
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


class Report:
    """`figures` is server -> scenario -> round -> figures; a round that went wrong is missing."""

    def __init__(self, names, scenarios, figures, idle, rounds, seconds):
        self.names, self.scenarios, self.figures, self.idle = names, scenarios, figures, idle
        self.rounds, self.seconds = rounds, seconds

    def values(self, name, scenario, what):
        """By round."""
        return {number: figures[what] for number, figures in
                self.figures[name].get(scenario.name, {}).items() if figures[what] is not None}

    def median(self, name, scenario, what):
        values = self.values(name, scenario, what).values()
        return statistics.median(values) if values else None

    def median_ratio(self, name, scenario, what):
        """To wherry, in the same round."""
        mine, other = (self.values(each, scenario, what) for each in ("wherry", name))
        both = [other[number] / mine[number] for number in mine if number in other and mine[number]]
        return f"{statistics.median(both):.2f}" if both else "-"

    def spread(self, name, scenario, what):
        values = self.values(name, scenario, what).values()
        if not values:
            return "-"
        return f"{short(statistics.median(values))} ({short(min(values))} to {short(max(values))})"

    # ---- parts of the page

    def ratios(self, what):
        rows = [[scenario.what] + [self.median_ratio(name, scenario, what) for name in self.names]
                for scenario in self.scenarios]
        return table(["", *self.names], rows)

    def absolute(self, scenario):
        rows = [[name,
                 short(self.median(name, scenario, "per_second")),
                 self.spread(name, scenario, "cpu_us"),
                 short(self.median(name, scenario, "p50_ms")),
                 short(self.median(name, scenario, "p99_ms")),
                 short((self.median(name, scenario, "memory") or 0) / (1 << 20))]
                for name in self.names if self.figures[name].get(scenario.name)]
        head = [scenario.name, "requests/s", "CPU µs/request", "p50 ms", "p99 ms", "memory MiB"]
        return f"{scenario.what}:\n\n" + table(head, rows)

    def idle_rows(self, scheme, bytes_of):
        mine = bytes_of.get("wherry")
        names = [name for name in self.names if name in bytes_of]
        return [[f"{scheme}, wherry = 1",
                 *[f"{bytes_of[name] / mine:.2f}" if mine else "-" for name in names]],
                [f"{scheme}, bytes", *[short(bytes_of[name]) for name in names]]]

    def idle_table(self):
        rows = [row for is_secure, scheme in ((False, "HTTP"), (True, "HTTPS"))
                for row in self.idle_rows(scheme, self.idle[is_secure])]
        return (f"## Memory of an idle connection\n\n{IDLE_CONNECTIONS} of them, answered once and "
                f"silent since.\n\n" + table(["", *self.names], rows))


def machine():
    kib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1024
    kernel = ".".join(platform.release().split(".")[:2])
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    return (f"{CORES} cores of {platform.machine()}, {round(kib / (1 << 20))} GiB of memory, "
            f"Linux {kernel}, {system}; on {date.today()}.\n")


def programs(servers, tools):
    rows = [[server.name, told_version(server.version), server.log] for server in servers]
    rows += [[name, version, ""] for name, version in tools]
    return table(["program", "version", "access log"], rows, others="---")


def configurations(servers):
    """As they were, with names where ports and folders of that day stood."""
    parts = []
    for server in servers:
        lines = [shlex.join([Path(server.command[0]).name, *server.command[1:]])]
        if server.config:
            lines += ["", *server.config.splitlines()]
        parts.append(f"### {server.name}\n\n" + "".join(f"    {line}".rstrip() + "\n"
                                                        for line in lines))
    return "\n".join(parts)


def page(report, servers, tools):
    facts = {"cores": CORES, "rounds": report.rounds, "seconds": report.seconds,
             "scenarios": ", ".join(f"`{each.name}`" for each in SCENARIOS) + ", `idle`"}
    parts = [
        HEAD.format(**facts),
        "## CPU time per request, wherry = 1\n\nMore than 1: that server takes more.\n",
        report.ratios("cpu_us"),
        "## Requests per second, wherry = 1\n\nMore than 1: that server answers more.\n",
        report.ratios("per_second"),
        *([report.idle_table()] if report.idle[False] else []),
        "## Figures\n\nMedians; for CPU the least and the most too.\n",
        *[report.absolute(scenario) for scenario in report.scenarios],
        "## Machine and programs\n",
        machine(),
        programs(servers, tools),
        "## Configurations\n\nROOT is the folder served, PORT and SECURE are free ports, CERT and KEY an "
        "ECDSA P-256 certificate and its key, WORK is an empty folder, CORES the number of cores.\n",
        configurations(servers),
        REPEAT.format(**facts),
    ]
    return "\n".join(parts)

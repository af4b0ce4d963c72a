#!/usr/bin/python3
"""wherry beside other web servers: requests per second, CPU per request, latency, memory.

Called by `make bench`; writes docs/benchmarks.md, or build/benchmarks.md when not everything was
asked for.  In each round every server is started, asked all scenarios, and stopped, before the next
one; the second round goes the other way round.
"""

import argparse
import resource
import shutil
import sys
import tempfile
from pathlib import Path

import scenarios
import servers
from report import Report, page

HOME = Path(__file__).resolve().parent.parent
TOOLS = {"wrk": ["wrk", "-v"], "h2load": ["h2load", "--version"]}


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=Path, default=HOME / "build/release/wherry")
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    parser.add_argument("--seconds", type=int, default=1, help="of each scenario; default: 1")
    parser.add_argument("--servers", help="names with commas between; default: all there are")
    parser.add_argument("--scenarios", help="names with commas between, and idle; default: all")
    parser.add_argument("--output", type=Path, help="default: docs/benchmarks.md, or "
                        "build/benchmarks.md when not everything is measured")
    asked = parser.parse_args()
    if not asked.output:
        is_part = asked.servers or asked.scenarios
        asked.output = HOME / ("build" if is_part else "docs") / "benchmarks.md"
    return asked


def choose(known, wanted):
    """Those of the names that are wanted, in the order they are known."""
    names = [each.name for each in known]
    if not wanted:
        return known
    for name in wanted:
        if name not in names:
            sys.exit(f"bench: {name} is not known; it takes {', '.join(names)}")
    return [each for each in known if each.name in wanted]


def choose_servers(asked):
    chosen = choose(servers.known(asked.program.resolve()),
                    ["wherry", *asked.servers.split(",")] if asked.servers else None)
    for server in chosen:
        if not server.is_here:
            print(f"bench: {server.name} is not installed, and left out", flush=True)
    return [server for server in chosen if server.is_here]


def choose_scenarios(asked):
    """Those chosen, and whether idle connections are among them."""
    wanted = asked.scenarios.split(",") if asked.scenarios else None
    is_idle_wanted = not wanted or "idle" in wanted
    if wanted == ["idle"]:
        return [], True
    rest = [name for name in wanted if name != "idle"] if wanted else None
    return choose(scenarios.SCENARIOS, rest), is_idle_wanted


def tool_versions():
    versions = []
    for name, command in TOOLS.items():
        if not shutil.which(name):
            sys.exit(f"bench: {name} is not installed: scripts/setup --bench")
        versions.append((name, servers.told_version(command)))
    return versions


def allow_connections():
    """As many as the system lets us, for us and for the servers."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Bench:
    """The rounds, and what they bring."""

    def __init__(self, chosen, asked_scenarios, has_idle, work, seconds):
        self.servers, self.scenarios, self.has_idle = chosen, asked_scenarios, has_idle
        self.work, self.root, self.seconds = work, work / "root", seconds
        self.figures = {server.name: {} for server in chosen}
        self.idle = {False: {}, True: {}}       # secure -> server -> bytes
        self.wrongs = 0

    def tell_wrong(self, server, what, wrong):
        self.wrongs += 1
        print(f"bench: {server.name}, {what}: {wrong}", flush=True)

    def measure(self, running, server, scenario, number):
        try:
            figures = scenarios.run(running, scenario, self.seconds)
        except (scenarios.Wrong, OSError) as wrong:
            self.tell_wrong(server, scenario.name, wrong)
            return
        self.figures[server.name].setdefault(scenario.name, {})[number] = figures
        print(f"  {server.name:10} {scenario.name:10} {figures['per_second']:10,.0f}/s "
              f"{figures['cpu_us']:10,.2f} µs", flush=True)

    def measure_idle(self, server, is_secure):
        """In a process of its own, which no load has made larger."""
        with servers.Running(server, self.root, self.work) as running:
            try:
                self.idle[is_secure][server.name] = scenarios.idle_bytes(running, is_secure)
            except (scenarios.Wrong, OSError) as wrong:
                self.tell_wrong(server, "idle", wrong)

    def round(self, number):
        for server in self.servers if number % 2 == 0 else reversed(self.servers):
            with servers.Running(server, self.root, self.work) as running:
                for scenario in self.scenarios:
                    self.measure(running, server, scenario, number)

    def run(self, rounds):
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", flush=True)
            self.round(number)
        if self.has_idle:
            for server in self.servers:
                self.measure_idle(server, False)
                self.measure_idle(server, True)


def main():
    asked, tools = options(), tool_versions()
    chosen, (wanted, has_idle) = choose_servers(asked), choose_scenarios(asked)

    allow_connections()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        Path(folder).chmod(0o755)       # some servers read it as somebody else
        scenarios.make_files(Path(folder) / "root")
        servers.make_certificate(Path(folder))
        bench = Bench(chosen, wanted, has_idle, Path(folder), asked.seconds)
        bench.run(asked.rounds)
    report = Report([server.name for server in chosen], wanted, bench.figures, bench.idle,
                    asked.rounds, asked.seconds)
    asked.output.write_text(page(report, chosen, tools))
    print(f"bench: {asked.output} is written")
    sys.exit(1 if bench.wrongs else 0)


if __name__ == "__main__":
    main()

"""What is asked of the servers, and how it is known that they answered.

A scenario is a load for some seconds: one kind of request from a number of connections.  One such
request is made before and after it and its answer compared with the file, so that no server is fast
by answering something else.
"""

import http.client
import random
import re
import ssl
import subprocess
import time
from dataclasses import dataclass, field

import processes

WORDS = ("a wherry is a light boat for rowing on rivers and carrying people and their goods over "
         "the water between the stairs of the town ").split()
SIZES = {"1k.html": 1 << 10, "10k.html": 10 << 10, "100k.html": 100 << 10, "100m.bin": 100 << 20}
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60000.0}
IDLE_CONNECTIONS = 2000


class Wrong(Exception):
    """A server did not answer as it should have."""


@dataclass
class Scenario:
    name: str
    what: str
    connections: int
    target: str = "/1k.html"
    status: int = 200
    fields: dict = field(default_factory=dict)
    is_conditional: bool = False        # asks with the entity tag, or the date, that it was given
    pipelined: int = 1
    is_long: bool = False               # few end in the time given: counted by bytes
    is_secure: bool = False             # by HTTPS


SCENARIOS = [
    Scenario("1k-c1", "1 KiB, 1 connection", 1),
    Scenario("1k-c64", "1 KiB, 64 connections", 64),
    Scenario("1k-c1000", "1 KiB, 1000 connections", 1000),
    Scenario("10k-c64", "10 KiB, 64 connections", 64, "/10k.html"),
    Scenario("100k-c64", "100 KiB, 64 connections", 64, "/100k.html"),
    Scenario("100m-c4", "100 MiB, 4 connections", 4, "/100m.bin", is_long=True),
    Scenario("304-c64", "not modified, 64 connections", 64, status=304, is_conditional=True),
    Scenario("404-c64", "missing, 64 connections", 64, "/none.html", status=404),
    Scenario("close-c64", "1 KiB, a connection for each request", 64,
             fields={"Connection": "close"}),
    Scenario("pipe-c16", "1 KiB, 16 requests at once on 16 connections", 16, pipelined=16),
    Scenario("tls1k-c64", "1 KiB by HTTPS, 64 connections", 64, is_secure=True),
    Scenario("tls100k-c64", "100 KiB by HTTPS, 64 connections", 64, "/100k.html", is_secure=True),
    Scenario("tlsclose-c32", "1 KiB by HTTPS, a connection for each request", 32,
             fields={"Connection": "close"}, is_secure=True),
]


def make_files(root):
    """The folder to be served: text, and noise."""
    source = random.Random(7)
    root.mkdir()
    for name, size in SIZES.items():
        if name.endswith(".html"):
            text = " ".join(source.choices(WORDS, k=size // 2))
            content = ("<!doctype html><p>" + text)[:size].encode()
        else:
            content = source.randbytes(1 << 20) * (size >> 20)
        (root / name).write_bytes(content)


# ---- the answers are right ----------------------------------------------------------------

def dial(server, is_secure):
    """A connection to a server whose certificate was made a moment ago, and is not looked at."""
    if is_secure:
        return http.client.HTTPSConnection("127.0.0.1", server.secure_port, timeout=30,
                                           context=ssl._create_unverified_context())
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)


def ask(server, scenario, fields):
    """One request; gives status, fields and body."""
    peer = dial(server, scenario.is_secure)
    try:
        peer.request("GET", scenario.target, headers=fields)
        answer = peer.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        peer.close()


def condition(server, scenario):
    """The field that makes the answer a 304, from what a first answer says."""
    _, told, _ = ask(server, scenario, {})
    if "ETag" in told:
        return {"If-None-Match": told["ETag"]}
    return {"If-Modified-Since": told["Last-Modified"]}


def check(server, scenario, fields):
    """One answer is what it should be, to the last byte."""
    status, told, body = ask(server, scenario, fields)
    if status != scenario.status:
        raise Wrong(f"{status} instead of {scenario.status}")
    if status == 304 and body:
        raise Wrong("a 304 with a body")
    if status == 200:
        file = (server.root / scenario.target[1:]).read_bytes()
        if told["Content-Length"] != str(len(file)) or body != file:
            raise Wrong("not the file")


# ---- the load -----------------------------------------------------------------------------

def run_tool(command, seconds):
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60).stdout


def number(pattern, text):
    found = re.search(pattern, text)
    return float(found[1].replace(",", "")) if found else 0.0


def milliseconds(percent, text):
    """A line of wrk's: "     99%    4.86ms"."""
    found = re.search(rf"^\s+{percent}%\s+([\d.]+)(\w+)$", text, re.MULTILINE)
    return float(found[1]) * UNITS[found[2]] if found else None


def count_bytes(end, text):
    """Of wrk's too: "1.98GB read", and in its last line a second's share."""
    found = re.search(rf"([\d.]+)([KMG])B{end}", text)
    return float(found[1]) * 1024 ** (1 + "KMG".index(found[2])) if found else 0.0


def load_by_wrk(server, scenario, fields, seconds):
    """Answers, answers per second, latencies; and how many had another status than 2xx or 3xx."""
    words = [word for name, value in fields.items() for word in ("-H", f"{name}: {value}")]
    said = run_tool(["wrk", "-t1", f"-c{scenario.connections}", f"-d{seconds}s", "--latency",
                     "--timeout", "10s", *words, server.url(scenario.is_secure) + scenario.target],
                    seconds)
    if scenario.is_long:
        size = SIZES[scenario.target[1:]]
        answers, per_second = (count_bytes(end, said) / size for end in (r" read", r"\s*\Z"))
    else:
        answers = number(r"(\d+) requests in", said)
        per_second = number(r"Requests/sec:\s+([\d.]+)", said)
    return {
        "answers": answers,
        "per_second": per_second,
        "p50_ms": milliseconds(50, said),
        "p99_ms": milliseconds(99, said),
        "refused": number(r"Non-2xx or 3xx responses: (\d+)", said),
        "failed": sum(int(count) for line in re.findall(r"Socket errors: (.*)", said)
                      for count in re.findall(r"\d+", line)),
    }


def load_by_h2load(server, scenario, seconds):
    """The same with requests sent before the answers to earlier ones; it tells no percentiles."""
    said = run_tool(["h2load", "--h1", "-t1", f"-c{scenario.connections}",
                     f"-m{scenario.pipelined}", f"-D{seconds}",
                     server.url(scenario.is_secure) + scenario.target],
                    seconds)
    return {
        "answers": number(r"(\d+) 2xx", said),
        "per_second": number(r"finished in [^,]+, ([\d.]+) req/s", said),
        "p50_ms": None,
        "p99_ms": None,
        "refused": number(r"(\d+) 4xx", said) + number(r"(\d+) 5xx", said),
        "failed": number(r"(\d+) failed", said),
    }


def load(server, scenario, fields, seconds):
    if scenario.pipelined > 1:
        return load_by_h2load(server, scenario, seconds)
    return load_by_wrk(server, scenario, fields, seconds)


def run(server, scenario, seconds):
    """The figures of one scenario, or Wrong."""
    fields = dict(scenario.fields)
    if scenario.is_conditional:
        fields.update(condition(server, scenario))
    check(server, scenario, fields)
    before = processes.cpu_seconds(server.pid)
    figures = load(server, scenario, fields, seconds)
    cpu = processes.cpu_seconds(server.pid) - before
    check(server, scenario, fields)

    refused = figures["answers"] if scenario.status >= 400 else 0
    if not figures["answers"] or figures["refused"] != refused or figures["failed"]:
        raise Wrong("{answers:.0f} answers, {refused:.0f} refusals, {failed} failures"
                    .format_map(figures))
    figures["cpu_us"] = cpu * 1e6 / figures["answers"]
    figures["memory"] = processes.memory_bytes(server.pid)
    return figures


# ---- connections that say nothing ---------------------------------------------------------

def open_idle(server, is_secure):
    """A connection that was answered once."""
    peer = dial(server, is_secure)
    peer.request("GET", "/1k.html")
    if len(peer.getresponse().read()) != SIZES["1k.html"]:
        raise Wrong("not the file")
    return peer


def idle_bytes(server, is_secure):
    """Memory of the server's for each of many connections that are open and silent."""
    open_idle(server, is_secure).close()
    before = processes.memory_bytes(server.pid)
    peers = [open_idle(server, is_secure) for _ in range(IDLE_CONNECTIONS)]
    time.sleep(0.5)             # whatever is given back late
    after = processes.memory_bytes(server.pid)
    for peer in peers:
        peer.close()
    return (after - before) / IDLE_CONNECTIONS

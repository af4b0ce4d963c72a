"""What it says: a line for each answer on stdout, troubles on stderr, and never at the price of
serving."""

import fcntl
import json
import os
import re
import select
import time

import pytest

from dialogue import request
from program import eventually

COMMON = (
    r"127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "
    r'"%s" %s %s (\d+) "%s"$'
)
COMBINED = COMMON.replace(r" (\d+) ", r' "%s" "%s" (\d+) ')


def test_common(serve, site):
    server = serve(site, "--access-log=common")
    size = len(server.get("/?q=1").body)
    server.get("/nothing", "HEAD")
    server.wait_log(COMMON % (r"GET /\?q=1 HTTP/1\.1", 200, size, "-"))
    server.wait_log(COMMON % ("HEAD /nothing HTTP/1.1", 404, 0, "there is no such file"))


def test_combined_is_the_default(serve, site):
    server = serve(site)
    server.get("/", fields={"Referer": "http://a.test/?x", "User-Agent": "Mozilla/5.0 (test)"})
    server.wait_log(
        COMBINED
        % ("GET / HTTP/1.1", 200, r"\d+", r"http://a\.test/\?x", r"Mozilla/5\.0 \(test\)", "-")
    )
    server.get("/plain")
    server.wait_log(
        COMBINED % ("GET /plain HTTP/1.1", 404, r"\d+", "-", "-", "there is no such file")
    )


def json_line(server, say):
    """What the log has of one exchange."""
    seen = len(server.out.bytes)
    with server.dial() as peer:
        peer.send(say)
        peer.answer()
    return json.loads(server.wait_log(r"^\{.*\}$", since=seen)[0])


def test_with_json_nothing_else_stands_on_stdout(serve, site, tmp_path):
    admin = tmp_path / "admin.sock"
    server = serve(site, "--access-log=json", f"--admin-listen={admin}")
    assert server.get().status == 200
    server.wait_log('"status":200')
    first, second = (json.loads(line) for line in server.log.splitlines())
    assert first["carries"] == str(site)
    assert server.url.replace("127.0.0.1", "localhost") in first["urls"]
    assert first["admin"] == f"http+unix:{admin}"
    assert (first["sha256"] is not None) == server.is_secure
    assert first["time"] <= second["time"]


def test_json(serve, site):
    server = serve(site, "--access-log=json")
    line = json_line(server, request("/?q", fields={"Referer": "http://a.test/"}))
    assert list(line) == [
        "time",
        "remote",
        "method",
        "target",
        "version",
        "status",
        "bytes",
        "us",
        "referer",
        "user_agent",
        "client",
        "why",
    ]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", line.pop("time"))
    assert isinstance(line.pop("us"), int)
    assert line == {
        "remote": "127.0.0.1",
        "method": "GET",
        "target": "/?q",
        "version": "HTTP/1.1",
        "status": 200,
        "bytes": (site / "index.html").stat().st_size,
        "referer": "http://a.test/",
        "user_agent": None,
        "client": None,
        "why": None,
    }

    line = json_line(server, b"GET / HTTP/1.0\r\nUser-Agent: old\r\n\r\n")
    assert (line["version"], line["user_agent"]) == ("HTTP/1.0", "old")
    line = json_line(server, b"GET / HTTP/1.1\r\n\r\n")
    assert (line["status"], line["why"], line["target"]) == (400, "no Host", "/")
    line = json_line(server, b"\x16\x03\x01\r\n")
    assert (line["status"], line["method"], line["target"], line["version"]) == (
        400,
        None,
        None,
        None,
    )


def test_off(serve, site):
    server = serve(site, "--access-log=off")
    server.get()
    server.get("/nothing")
    server.stop()
    assert "GET" not in server.log and "{" not in server.log


NASTY = (
    b'/"quoted"\\',
    b"/%22%0a",
    b"/caf\xc3\xa9",
    b"/\xff",
    b"/%1b[31m",
    b"/\\x0a",
    b"/a%0d%0ab",
    b"/{$(id)}'",
    b"/\xe2\x80\xa8",
)


def as_bytes(told):
    """JSON has every byte from 0x80 as the character of that number."""
    return told and told.encode("latin-1")


@pytest.mark.parametrize("form", ["common", "combined", "json"])
def test_nobody_can_forge_a_line(serve, site, form):
    """Whatever peers send: one line each, and nothing in it but printable ASCII."""
    server = serve(site, f"--access-log={form}")
    sent = []
    for target in NASTY:
        for agent in (b'"quoted" \\', b"tab\tbed", b"\x80\xff", b"a\\nb"):
            with server.dial() as peer:
                peer.send(
                    b"GET "
                    + target
                    + b" HTTP/1.1\r\nHost: a\r\nUser-Agent: "
                    + agent
                    + b"\r\nReferer: "
                    + agent
                    + b"\r\nConnection: close\r\n\r\n"
                )
                peer.answer()
            sent.append((target, agent))
    for garbage in (
        b"GET / HTTP/1.1\r\nHost: a\r\nX: \r200 OK\n\r\n\r\n",
        b"\x00\x01\n\n\n",
        b"G\rT\n / HTTP/1.1\r\n\r\n",
        b"GET /\nforged HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /\x1b[2J HTTP/1.1\r\nHost: a\r\n\r\n",
    ):
        with server.dial() as peer:
            peer.send(garbage)
            peer.answer()
        sent.append((garbage, None))
    server.stop()

    lines = [
        line for line in server.out.bytes.split(b"\n") if line.startswith((b'{"time"', b"127."))
    ]
    if form == "json":
        del lines[0]  # where it listens
    assert len(lines) == len(sent)
    assert all(re.fullmatch(rb"[ -~]+", line) for line in lines), "not printable ASCII"
    if form == "json":
        told = [json.loads(line) for line in lines]
        assert sorted(as_bytes(each["target"]) for each in told if each["status"] == 404) == sorted(
            target
            for target, agent in sent
            if agent and b"%0" not in target and b"%1" not in target
        )
        # Who was refused for his target was not read any further.
        assert {as_bytes(each["user_agent"]) for each in told} == {agent for _, agent in sent}
    if form == "combined":
        for line in lines:
            assert re.fullmatch(rb'\S+ - - \[[^]]+\] ("([^"\\]|\\.)*" ?|\d+ )+', line), line


def test_what_a_file_is_called_does_not_forge_errors(serve, site):
    os.mkfifo(site / 'x" owner=0:0')
    server = serve(site)
    assert server.get("/x%22%20owner=0:0").status == 403
    server.wait_error(r'path="[^"]*x\\" owner=0:0" ')


def test_the_duration_is_told(serve, site):
    (site / "large.bin").write_bytes(b"x" * (16 << 20))
    server = serve(site, "--access-log=common")
    with server.dial(receive_buffer=64 * 1024) as peer:
        peer.send(request("/large.bin"))
        answer = peer.head()
        time.sleep(0.3)
        peer.take(int(answer["Content-Length"]))
    told = server.wait_log(r'"GET /large.bin HTTP/1.1" 200 16777216 (\d+) "-"$')
    assert 0.3 <= int(told[1]) / 1e6 <= 0.3 + 5 * server.patience


def test_what_was_sent_is_told_when_a_client_goes_away(serve, site):
    (site / "large.bin").write_bytes(b"x" * (32 << 20))
    server = serve(site, "--access-log=common")
    with server.dial(receive_buffer=64 * 1024) as peer:
        peer.send(request("/large.bin"))
        peer.head()
        peer.take(100_000)
    told = server.wait_log(r'"GET /large.bin HTTP/1.1" 200 (\d+) \d+ "the client went away"$')
    assert 100_000 <= int(told[1]) < 32 << 20


# ---- where it cannot be written --------------------------------------------------------------


def full_pipe():
    """Both ends of a pipe with no room left in it."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    return reading, writing


def port_of(server):
    """Where a server listens that cannot tell: from its sockets, as the kernel knows them."""
    inodes = set()
    for fd in os.listdir(f"/proc/{server.pid}/fd"):
        try:
            inodes.add(os.readlink(f"/proc/{server.pid}/fd/{fd}"))
        except OSError:
            pass
    for line in open("/proc/net/tcp").read().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
            return int(fields[1].rpartition(":")[2], 16)
    return None


def serve_unheard(serve, site, *options, **streams):
    server = serve(site, *options, wait=False, **streams)
    server.port = eventually(lambda: port_of(server), 10 * server.patience, "it to listen")
    return server


def ask_much(server, count=2000):
    """Enough to fill every buffer several times over; none may be late."""
    with server.dial() as peer:
        started = time.monotonic()
        for i in range(count):
            assert peer.ask("/nothing?" + "q" * 400, fields={"User-Agent": "a" * 100}).status == 404
        assert time.monotonic() - started < 10 * server.patience


def test_a_stdout_that_nobody_reads(serve, site):
    reading, writing = full_pipe()
    server = serve_unheard(serve, site, stdout=writing)
    ask_much(server)
    os.set_blocking(reading, False)
    assert not fcntl.fcntl(writing, fcntl.F_GETFL) & os.O_NONBLOCK, "it is the caller's, too"
    started = time.monotonic()
    server.stop()
    assert time.monotonic() - started < 5 * server.patience, "the log holds up the end"
    os.close(writing)
    os.close(reading)


def test_a_stdout_that_is_read_late(serve, site):
    """What did not fit is lost, and said; what did is whole lines, and goes on afterwards."""
    reading, writing = full_pipe()
    server = serve_unheard(serve, site, stdout=writing)
    os.close(writing)
    ask_much(server, 5000)
    collected = b""
    while select.select([reading], [], [], 0.5)[0]:
        collected += os.read(reading, 1 << 20)
    server.get("/the-last-one")
    until = time.monotonic() + 10 * server.patience
    while b"/the-last-one" not in collected and time.monotonic() < until:
        if select.select([reading], [], [], 0.1)[0]:
            collected += os.read(reading, 1 << 20)
    os.close(reading)
    lines = [line for line in collected.split(b"\n") if b'"GET ' in line]
    assert b"/the-last-one" in lines[-1]
    assert len(lines) < 5001, "the buffer has no bound"
    assert all(
        re.fullmatch(rb'127\.0\.0\.1 - - .* "there is no such file"', line) for line in lines
    )
    server.wait_error(r"lost=|lines")


def test_a_stdout_that_is_closed(serve, site):
    reading, writing = os.pipe()
    server = serve_unheard(serve, site, stdout=writing)
    os.close(writing)
    os.close(reading)
    ask_much(server, 500)


def test_no_stdout_at_all(serve, site):
    """Started with descriptor 1 closed: nothing else may take its place and be written to."""
    server = serve(site, before=["/bin/sh", "-c", 'exec "$@" >&-', "sh"], wait=False)
    server.port = eventually(lambda: port_of(server), 10 * server.patience, "it to listen")
    ask_much(server, 200)


def test_a_stderr_that_nobody_reads(serve, site):
    os.mkfifo(site / "fifo.txt")
    reading, writing = full_pipe()
    while select.select([], [writing], [], 0)[1]:
        os.write(writing, b"x" * 4096)
    server = serve(site, stderr=writing)
    with server.dial() as peer:
        for _ in range(1500):
            assert peer.ask("/fifo.txt").status == 403
    server.stop()
    os.close(writing)
    os.close(reading)


def test_levels(serve, site):
    os.mkfifo(site / "fifo.txt")
    server = serve(site, "--log-level=error")
    server.get("/fifo.txt")
    server.stop()
    assert "stopping" not in server.said
    server = serve(site, "--log-level=debug")
    server.get("/fifo.txt")
    server.stop()
    assert "stopping" in server.said and "fifo.txt" in server.said


def test_errors_are_pairs(serve, site):
    os.mkfifo(site / "fifo.txt")
    server = serve(site)
    server.get("/fifo.txt")
    server.wait_error(
        r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (error|warn|info) [^=]+ "
        r'path="[^"]*fifo.txt"( \w+=("[^"]*"|\S+))+$'
    )

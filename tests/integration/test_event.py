"""Endpoints whose answers have more than a body: /sse, an event stream, and /trailers, fields behind
the body."""

import gzip
import json
import re
import subprocess
import time
from urllib.parse import quote

import pytest

from browser import Browser
from clients import CLIENTS
from dialogue import request
from test_streams import chunk
from tools import need


@pytest.fixture(scope="module")
def server(serve_all, tmp_path_factory):
    return serve_all(tmp_path_factory.mktemp("site"), "--endpoints=/test")


# ---- /sse

EVENT = re.compile(rb'id: (\d+)\nevent: ping\ndata: (\{"id":\d+,"timestamp":\d{13}\})\n\n')


def events_of(body):
    """The data of each, whose ids count from 0."""
    found = EVENT.findall(body)
    assert b"".join(b"id: %s\nevent: ping\ndata: %s\n\n" % each for each in found) == body
    events = [json.loads(data) for _, data in found]
    assert [event["id"] for event in events] == list(range(len(events)))
    assert [int(number) for number, _ in found] == list(range(len(events)))
    return events


@CLIENTS
@pytest.mark.parametrize("query, count", [
    ("duration=0", 10), ("duration=0&count=1", 1), ("duration=0.2&count=3&delay=0.1", 3),
    ("duration=200ms&count=2&delay=100ms", 2), ("duration=0&count=5000", 5000)])
def test_events(server, ask, query, count):
    before = time.time() * 1000
    answer = ask("GET", f"{server.url}/test/sse?{query}")
    assert answer.status == 200 and answer["Content-Type"] == "text/event-stream"
    assert answer["Cache-Control"] == "no-store"
    stamps = [event["timestamp"] for event in events_of(answer.body)]
    assert len(stamps) == count and stamps == sorted(stamps)
    assert before - 1 <= stamps[0] and stamps[-1] <= time.time() * 1000 + 1


def test_head_of_events(server):
    began = time.monotonic()
    answer = server.get("/test/sse", "HEAD")
    assert answer.status == 200 and answer["Content-Type"] == "text/event-stream"
    assert time.monotonic() - began < 1 * server.patience
    assert server.get("/test/sse", "POST").status == 405


def test_events_are_even(server):
    """The first with the head, each as soon as it is due, the last at the end; and then the end."""
    with server.dial() as peer:
        began = time.monotonic()
        peer.send(request("/test/sse?duration=1&count=6&delay=0.5"))
        peer.head()
        headed = time.monotonic()
        for i in range(6):
            assert EVENT.fullmatch(chunk(peer))
            assert -0.02 < time.monotonic() - headed - 0.2 * i < 0.15 * server.patience, i
        assert chunk(peer) == b""
    assert 0.45 < headed - began < 0.8 * server.patience


def test_events_as_they_are_where_nobody_says(server):
    began = time.monotonic()
    assert len(events_of(server.get("/test/sse").body)) == 10
    assert 4.9 < time.monotonic() - began < 5.6 * server.patience


def test_events_that_are_coded_come_one_by_one(server):
    """RFC 9110 §8.4"""
    with server.dial() as peer:
        began = time.monotonic()
        peer.send(request("/test/sse?duration=30&count=2", fields={"Accept-Encoding": "gzip"}))
        assert peer.head()["Content-Encoding"] == "gzip"
        assert chunk(peer)
        assert time.monotonic() - began < 5 * server.patience
    answer = server.get("/test/sse?duration=0.1&count=2", fields={"Accept-Encoding": "gzip"})
    assert len(events_of(gzip.decompress(answer.body))) == 2


@pytest.mark.parametrize("says, query", [
    ("the count", "count=0"), ("the count", "count=-1"), ("the count", "count=x"),
    ("the count", "count="), ("the count", "count=81921"),
    ("the duration and the delay", "duration=61"), ("the duration and the delay", "delay=x"),
    ("the duration and the delay", "duration=30&delay=30.001"),
])
def test_events_that_are_refused(server, says, query):
    answer = server.get(f"/test/sse?{query}")
    assert answer.status == 400 and says.encode() in answer.body
    server.wait_log(rf'" 400 .*{says} must .*"$')


def test_the_most_events_are_an_option(serve, site):
    server = serve(site, "--endpoints", "--endpoints-bytes=1K", "--endpoints-time=1s")
    assert len(server.get("/sse?count=8&duration=0").body) <= 1024
    assert server.get("/sse?count=9&duration=0").status == 400
    began = time.monotonic()
    assert server.get("/sse?count=2").status == 200  # which would take five seconds
    assert time.monotonic() - began < 1.8 * server.patience


@pytest.mark.parametrize("query", ["count=2&duration=50", "delay=50"])
def test_who_leaves_is_missed_at_once(server, query):
    with server.dial() as peer:
        peer.send(request(f"/test/sse?{query}"))
        server.wait_read(peer)
        time.sleep(0.1)
    server.wait_log(rf'"GET /test/sse\?{query} HTTP/1.1" .*"the client went away"$', 5)


def test_who_waits_holds_no_worker(serve, site):
    server = serve(site, "--endpoints", "--workers=2", "--workers-max=2")
    targets = ("/sse?count=2&duration=50", "/sse?delay=50", "/drip?duration=50", "/drip?delay=50")
    peers = [server.dial() for _ in range(20)]
    for i, peer in enumerate(peers):
        peer.send(request(targets[i % 4]))
    for peer in peers:
        server.wait_read(peer)
    began = time.monotonic()
    for _ in range(20):
        assert server.get("/hello").status == 200
    assert time.monotonic() - began < 2 * server.patience
    for peer in peers:
        peer.close()


def test_a_stream_does_not_hold_up_the_end(serve, site):
    server = serve(site, "--endpoints", "--drain=20s")
    with server.dial() as peer:
        peer.send(request("/sse?duration=50&count=3"))
        peer.head()
        assert EVENT.fullmatch(chunk(peer))
        began = time.monotonic()
        server.signal()
        assert chunk(peer) == b""
        assert server.wait_exit() == 0
        assert time.monotonic() - began < 5 * server.patience


def test_a_browser_reads_them(server, build, tmp_path):
    """EventSource (HTML §9.2), which would come again at the end, so it is closed."""
    listen = """new Promise(done => {
        const source = new EventSource('/test/sse?count=3&duration=0.4'), heard = [];
        source.addEventListener('ping', event =>
            heard.push([event.lastEventId, JSON.parse(event.data).id]));
        source.onerror = () => { source.close(); done(heard); };
    })"""
    trusted = server.authority if server.is_secure else None
    with Browser(tmp_path / "profile", build.patience, trusted) as browser:
        browser.open(server.url)
        assert browser.run(listen) == [["0", 0], ["1", 1], ["2", 2]]


# ---- /trailers


def read_trailers(peer, target, fields=()):
    """The answer, its body, and the lines behind that."""
    peer.send(request(target, fields=fields))
    answer, lines = peer.head(), []
    while piece := chunk(peer):
        answer.body += piece
    while line := peer.line():
        lines.append(line)
    return answer, lines


@pytest.mark.parametrize("query, announced, lines", [
    ("?X-Sum=17", "X-Sum", [b"X-Sum: 17"]),
    ("?b=2&a=1", "b, a", [b"b: 2", b"a: 1"]),
    ("?a=1&a=2", "a, a", [b"a: 1", b"a: 2"]),
    ("?a=b+c%20d", "a", [b"a: b c d"]),
    ("?a", "a", [b"a: "]),
    ("?a=%C3%BC%2C%22", "a", [b"a: \xc3\xbc,\""]),
    ("?Server-Timing=total%3Bdur%3D1.5", "Server-Timing", [b"Server-Timing: total;dur=1.5"]),
    ("", "X-Behind-The-Body", [b"X-Behind-The-Body: yes"]),
    ("?", "X-Behind-The-Body", [b"X-Behind-The-Body: yes"]),
])
def test_trailers(server, query, announced, lines):
    """RFC 9110 §6.5, §6.6.2: announced before, and then they come."""
    with server.dial() as peer:
        for _ in range(2):
            answer, came = read_trailers(peer, f"/test/trailers{query}", {"X-Own": "1"})
            assert answer.status == 200 and answer["Content-Type"] == "application/json"
            assert answer["Trailer"] == announced and came == lines
            shown = json.loads(answer.body)
            assert set(shown) == {"headers", "origin", "url"} and shown["headers"]["X-Own"] == "1"


@CLIENTS
def test_clients_that_drop_them(server, ask):
    answer = ask("GET", f"{server.url}/test/trailers?X-Sum=17")
    assert answer.status == 200 and answer["Trailer"] == "X-Sum"
    assert json.loads(answer.body)["url"] == f"{server.url}/test/trailers?X-Sum=17"


def test_curl_shows_them(server):
    run = subprocess.run(
        [need("curl", "curl"), "-sS", "-o", "/dev/null", "-D", "-",
         f"{server.url}/test/trailers?X-Sum=17"],
        capture_output=True, check=True)
    head, _, behind = run.stdout.partition(b"\r\n\r\n")
    assert b"\r\nTrailer: X-Sum\r\n" in head and behind.strip() == b"X-Sum: 17"


def test_trailers_where_there_can_be_none(server):
    """RFC 9112 §6.1: HTTP/1.0 knows no chunks; HEAD has no body to put them behind."""
    assert server.get("/test/trailers?X-Sum=17", "HEAD")["Trailer"] == "X-Sum"
    with server.dial() as peer:
        peer.send(b"GET /test/trailers?X-Sum=17 HTTP/1.0\r\n\r\n")
        assert peer.head().status == 200
        assert json.loads(peer.rest())["origin"]


def test_trailers_of_what_is_coded(server):
    with server.dial() as peer:
        answer, lines = read_trailers(
            peer, "/test/trailers?X-Sum=17", {"Accept-Encoding": "gzip"})
        assert answer["Content-Encoding"] == "gzip" and lines == [b"X-Sum: 17"]
        assert json.loads(gzip.decompress(answer.body))["origin"]


def test_as_many_trailers_as_there_may_be(server):
    with server.dial() as peer:
        query = "&".join(f"x{i:02}={'y' * 125}" for i in range(32))
        _, lines = read_trailers(peer, f"/test/trailers?{query}")
        assert lines == [b"x%02d: %s" % (i, b"y" * 125) for i in range(32)]


NEVER = [
    "Content-Length=1", "Transfer-Encoding=chunked", "content-type=text/html", "Content-Encoding=gzip",
    "Content-Range=x", "Trailer=a", "Host=a", "Set-Cookie=a", "Date=x", "Location=/", "Connection=close",
    "Cache-Control=no-store", "Vary=*", "Clear-Site-Data=%22*%22", "Strict-Transport-Security=max-age=1",
    "Surrogate-Control=x", "Access-Control-Allow-Credentials=true", "ETag=v1", "WWW-Authenticate=Basic",
    "TE=trailers", "Upgrade=h2c",
]


@pytest.mark.parametrize("query", [
    *NEVER, "good=1&Content-Length=1", "=1", "=", "a%20b=1", "a:=1", "%C3%BC=1", "a%0D%0Ab=1",
    "a=1%0D%0ASet-Cookie:%20b", "a=%00", "a=%7F", "a=%0A"])
def test_what_may_not_be_a_trailer(server, query):
    """RFC 9110 §6.5.1; and what is no field at all."""
    answer = server.get(f"/test/trailers?{query}")
    assert answer.status == 400 and b"may stand behind a body" in answer.body
    assert "Trailer" not in answer


@pytest.mark.parametrize("query", [
    "&".join(f"x{i}=1" for i in range(33)), "x=" + 4096 * "y", quote(3000 * "x") + "=" + 1097 * "y"])
def test_more_trailers_than_there_may_be(server, query):
    answer = server.get(f"/test/trailers?{query}")
    assert answer.status == 400 and b"32 trailers, of 4096 bytes" in answer.body

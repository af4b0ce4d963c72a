"""The endpoints that break a rule on purpose or take their time: what each sends, to the byte, and what
curl, Python's requests, httpx and Chromium make of it."""

import contextlib
import re
import subprocess
import time

import httpx
import pytest
import requests

from browser import Browser
from dialogue import Cut, request
from program import eventually
from secure import Truncated
from tools import need

MANY = 300
MIB = 1 << 20
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
LINE = b"0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ\n"
GARBAGE = bytes(reversed(range(256))) + b"\r\n\r\n"

# Target, what curl says (old ones and new ones) with its exit code, what httpx raises and says, and what Chromium does.
FAULTS = [
    ("/reset", 56, "Connection reset by peer",
     httpx.ReadError, "", "CONNECTION_RESET"),
    ("/close", 52, "Empty reply from server",
     httpx.RemoteProtocolError, "without sending a response", "EMPTY_RESPONSE"),
    ("/truncate/1000", 18, "with 1000 bytes (remaining to read|missing)",
     httpx.RemoteProtocolError, "received 1000 bytes, expected 2000", "CONTENT_LENGTH_MISMATCH"),
    ("/truncate/0", 18, "with 1 bytes (remaining to read|missing)",
     httpx.RemoteProtocolError, "received 0 bytes, expected 1", "CONTENT_LENGTH_MISMATCH"),
    ("/bad-chunk", 56, "chunked-encoding|chunk hex-length",
     httpx.RemoteProtocolError, "illegal chunk header", "INVALID_CHUNKED_ENCODING"),
    ("/bad-gzip", 61, "invalid block type",
     httpx.DecodingError, "invalid block type", "CONTENT_DECODING_FAILED"),
    ("/garbage", 1, "HTTP/0.9",
     httpx.RemoteProtocolError, "illegal status line", "INVALID_HTTP_RESPONSE"),
    ("/duplicate-headers", 18, "with 54 bytes (remaining to read|missing)",
     httpx.RemoteProtocolError, "conflicting Content-Length", "RESPONSE_HEADERS_MULTIPLE_CONTENT_LENGTH"),
    ("/huge-headers/9000000", 56, "Too large response headers",
     httpx.RemoteProtocolError, "buffer too long", "RESPONSE_HEADERS_TOO_BIG"),
]


# Python's ssl may take a reset for an end: until 3.12 it asks for the error of SSL_read_ex as if it were
# SSL_read's.  That there is one is seen by the tests that read the socket themselves, and by the others.
RESET_IN_SSL = {
    httpx: ((httpx.RemoteProtocolError, httpx.ReadError), "without sending a response|reset by peer"),
    requests: (requests.exceptions.ConnectionError, "without response|reset by peer"),
}


@pytest.fixture
def server(serve, site):
    return serve(site, "--endpoints")


@pytest.fixture
def brief(serve, site):
    """A server that gives nobody more than a second, and 100 KB."""
    return serve(site, "--endpoints", "--endpoints-time=1s", "--endpoints-bytes=100K")


def is_well(server):
    """It answers the next one, and does not take what it did for a failure of its own."""
    assert server.get("/hello").status == 200
    assert not re.search(r"\b(warn|error)\b", server.said), server.said


# ---- what clients make of it ------------------------------------------------------------------


@pytest.mark.parametrize("target, code, words", [fault[:3] for fault in FAULTS])
def test_curl(server, target, code, words):
    run = subprocess.run(
        [need("curl", "curl"), "-sS", "--http1.1", "--compressed", "-o", "/dev/null", server.url + target],
        capture_output=True, timeout=60, text=True,
    )
    assert run.returncode == code and re.search(words, run.stderr), run.stderr
    is_well(server)


@pytest.mark.parametrize("target, error, words", [(fault[0], *fault[3:5]) for fault in FAULTS])
def test_httpx(server, target, error, words):
    if target == "/reset" and server.is_secure:
        error, words = RESET_IN_SSL[httpx]
    with httpx.Client(timeout=60) as client:
        assert client.get(f"{server.url}/hello").status_code == 200  # also on a connection in use
        with pytest.raises(error, match=words) as raised:
            client.get(server.url + target)
        assert raised.type in (error if isinstance(error, tuple) else (error,))
        assert client.get(f"{server.url}/hello").status_code == 200
    is_well(server)


@pytest.mark.parametrize("target, error, words", [
    ("/reset", requests.exceptions.ConnectionError, "reset by peer"),
    ("/close", requests.exceptions.ConnectionError, "without response"),
    ("/bad-chunk", requests.exceptions.ChunkedEncodingError, "InvalidChunkLength"),
    ("/bad-gzip", requests.exceptions.ContentDecodingError, "invalid block type"),
    ("/garbage", requests.exceptions.ConnectionError, "BadStatusLine"),
    ("/duplicate-headers", requests.exceptions.InvalidHeader, "unmatching values"),
    ("/huge-headers/600000", requests.exceptions.ConnectionError, "more than 100 headers"),
])
def test_requests(server, target, error, words):
    """Which in this version takes a body that is too short for whole."""
    if target == "/reset" and server.is_secure:
        error, words = RESET_IN_SSL[requests]
    with pytest.raises(error, match=words):
        requests.get(server.url + target, timeout=60)
    is_well(server)


def test_chromium(server, build, tmp_path):
    trusted = server.authority if server.is_secure else None
    with Browser(tmp_path / "profile", build.patience, trusted) as browser:
        browser.open(f"{server.url}/")
        browser.call("Network.enable")
        for target, *_, error in FAULTS:
            browser.heard.clear()
            told = browser.run(
                f"fetch('{target}').then(got => got.text()).then(() => 'whole', error => error.name)"
            )
            assert told == "TypeError", target
            browser.run("0")
            failed = [
                message["params"]["errorText"]
                for message in browser.heard
                if message["method"] == "Network.loadingFailed"
            ]
            assert failed == [f"net::ERR_{error}"], target
        slow = "fetch('/slow/1000?bytes=300').then(got => got.text()).then(text => text.length)"
        assert browser.run(slow) == 300
        stalled = """fetch('/stall/20', {signal: AbortSignal.timeout(1000)})
            .then(got => got.text().then(() => 'whole', error => `${got.status} ${error.name}`))"""
        assert browser.run(stalled) == "200 TimeoutError"
    is_well(server)


def test_clients_that_do_not_wait(server):
    """/stall is for the time limits that they have between two reads, /slow for those of the whole."""
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{server.url}/stall/20", timeout=0.5)
    with pytest.raises(requests.exceptions.ConnectionError, match="Read timed out"):
        requests.get(f"{server.url}/stall/20", timeout=0.5)
    for words in (["--speed-time", "2", "--speed-limit", "500", "/slow/100"], ["-m", "1", "/stall/20"]):
        run = subprocess.run(
            [need("curl", "curl"), "-sS", "-o", "/dev/null", *words[:-1], server.url + words[-1]],
            capture_output=True, timeout=60, text=True,
        )
        assert run.returncode == 28 and re.search("time|slow", run.stderr), run.stderr
    assert httpx.get(f"{server.url}/slow/1000?bytes=1000", timeout=0.5).status_code == 200
    is_well(server)


# ---- to the byte ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("body", [b"", b"x" * 3000])
def test_the_ends(server, method, body):
    with server.dial() as peer:
        peer.send(request("/close", method, (), body))
        peer.expect_end()
    with server.dial() as peer:
        peer.send(request("/reset", method, (), body))
        with pytest.raises(ConnectionResetError) as reset:
            peer.rest()
        assert reset.type is not Truncated and peer.unread == b""
    is_well(server)


@pytest.mark.parametrize("method", METHODS)
def test_garbage(server, method):
    for _ in range(2):
        with server.dial() as peer:
            peer.send(request("/garbage", method))
            assert peer.rest() == GARBAGE


def text(count):
    return (LINE * (count // len(LINE) + 1))[:count]


@pytest.mark.parametrize("count", [0, 1, 2, 1000, 65_536, 300_000, 10 * MIB])
def test_truncated(server, count):
    """RFC 9112 §8: the body is shorter than its length, and the end is in good order all the same."""
    with server.dial() as peer:
        peer.send(request(f"/truncate/{count}"))
        answer = peer.head()
        assert answer.status == 200 and answer.closes
        assert int(answer["Content-Length"]) == max(2 * count, count + 1)
        assert peer.rest() == text(count)
        peer.expect_end()
    is_well(server)


def test_a_bad_chunk(server):
    """RFC 9112 §7.1"""
    with server.dial() as peer:
        peer.send(request("/bad-chunk"))
        assert peer.head()["Transfer-Encoding"] == "chunked"
        assert peer.rest() == b"5\r\ngood\n\r\nno size\r\nbad\n\r\n0\r\n\r\n"
        peer.expect_end()


def test_bad_gzip(server):
    """For who does not accept it, too; and the connection goes on."""
    with server.dial() as peer:
        for fields in ({}, {"Accept-Encoding": "gzip, br"}, {"Accept-Encoding": "identity"}):
            answer = peer.ask("/bad-gzip", fields=fields)
            assert answer.status == 200 and answer["Content-Encoding"] == "gzip"
            assert answer.body.startswith(b"\x1f\x8b\x08") and b"good\n" in answer.body


@pytest.mark.parametrize("count", [11, 12, 4096, 4097, 8193, 60_000, 300_000, 3_000_000])
def test_huge_headers(server, count):
    """Each of them is a good one: the strict reader of these tests takes it."""
    with server.dial() as peer:
        peer.send(request(f"/huge-headers/{count}"))
        answer = peer.answer()
        lines = [f"{name}: {value}\r\n" for name, value in answer.fields if name == "X-Huge"]
        assert sum(map(len, lines)) == count and max(map(len, lines)) <= 4096
        assert answer.status == 200 and answer.body == b"huge\n" and answer.closes
        peer.expect_end()


def head_lines(server, target, method="GET"):
    """The lines of a head that no good client would read, and what is behind."""
    with server.dial() as peer:
        peer.send(request(target, method))
        head, _, body = peer.rest().partition(b"\r\n\r\n")
        peer.expect_end()
    return head.decode().split("\r\n"), body


def test_duplicate_headers(server):
    """RFC 9112 §6.3"""
    lines, body = head_lines(server, "/duplicate-headers")
    assert lines[0] == "HTTP/1.1 200 OK" and body == b"twice\n"
    assert [line for line in lines if line.startswith("Content-Length")] == [
        "Content-Length: 6", "Content-Length: 60"]
    lines, body = head_lines(server, "/duplicate-headers?name=X-Own")
    assert [line for line in lines if line.startswith("X-Own")] == ["X-Own: first", "X-Own: second"]
    assert lines.count("Content-Length: 6") == 1 and body == b"twice\n"


@pytest.mark.parametrize("name", [
    "Content-Length", "transfer-encoding", "Connection", "Date", "set-cookie", "a%0d%0ab", "a%00b", "a:b",
    "", "%C3%A4", "x" * 300,
])
def test_fields_that_may_not_come_twice(server, name):
    assert server.get(f"/duplicate-headers?name={name}").status == 400
    is_well(server)


@pytest.mark.parametrize("target", [
    "/truncate/1000", "/bad-chunk", "/huge-headers/5000", "/duplicate-headers", "/duplicate-headers?name=X",
])
@pytest.mark.parametrize("method", METHODS)
def test_heads_of_ours(server, target, method):
    """RFC 9110 §9.3.2: HEAD has no body.  And for all of them the safety and CORS of all endpoints."""
    lines, body = head_lines(server, target, method)
    assert lines[0] == "HTTP/1.1 200 OK" and bool(body) == (method != "HEAD")
    names = [line.partition(":")[0] for line in lines[1:]]
    for name in ("Date", "X-Content-Type-Options", "Content-Security-Policy", "Access-Control-Allow-Origin"):
        assert names.count(name) == 1
    assert "Connection: close" in lines and "Access-Control-Allow-Origin: *" in lines


@pytest.mark.parametrize("target", [fault[0] for fault in FAULTS])
def test_http_1_0(server, target):
    """It is broken in the same way, and nobody hangs."""
    with server.dial() as peer:
        peer.send(f"GET {target} HTTP/1.0\r\n\r\n".encode())
        with contextlib.suppress(ConnectionResetError):
            peer.rest()
    is_well(server)


# ---- in its time ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_stalled(server, method):
    """Half of it is there at once; and the connection goes on."""
    with server.dial() as peer:
        for _ in range(2):
            before = time.monotonic()
            peer.send(request("/stall/0.5", method))
            assert peer.head()["Content-Length"] == "1024"
            body = peer.take(512)
            assert time.monotonic() - before < 0.4 * server.patience
            body += peer.take(1)
            assert 0.5 <= time.monotonic() - before < 2 * server.patience
            assert body + peer.take(511) == text(1024)
        assert peer.ask("/stall/0").body == text(1024)
        assert peer.ask("/stall/9", "HEAD")["Content-Length"] == "1024"


def test_slow(server):
    with server.dial() as peer:
        for speed, count, seconds in ((1000, 500, 0.5), (3, 2, 0.6), (200_000, 100_000, 0.5), (9, 0, 0)):
            before = time.monotonic()
            answer = peer.ask(f"/slow/{speed}?bytes={count}")
            took = time.monotonic() - before
            assert answer.body == text(count)
            assert seconds <= took < seconds + 1 * server.patience, (speed, took)


def test_slow_comes_evenly(build, server):
    """Half of it in half of the time."""
    with server.dial() as peer:
        before = time.monotonic()
        peer.send(request("/slow/2000?bytes=4000"))
        peer.head()
        peer.take(2000)
        half = time.monotonic() - before
        peer.take(2000)
        assert half >= 0.95 and time.monotonic() - before >= 2
        assert half < 1.4 or not build.is_fast


def test_slow_where_nobody_says_how_much(server, brief):
    """What takes ten seconds, or as long as may be, or is as much as may be."""
    assert server.get("/slow/1000", "HEAD")["Content-Length"] == "10000"
    assert server.get("/slow/10000000", "HEAD")["Content-Length"] == str(10 * MIB)
    assert brief.get("/slow/1000", "HEAD")["Content-Length"] == "1000"
    assert brief.get("/slow/102400", "HEAD")["Content-Length"] == "102400"
    assert brief.get("/slow/1", "HEAD")["Content-Length"] == "1"


@pytest.mark.parametrize("target, why", [
    ("/truncate/102401", "no more than --endpoints-bytes"),
    ("/truncate/-1", "no more than --endpoints-bytes"),
    ("/truncate/x", "no more than --endpoints-bytes"),
    ("/truncate/99999999999999999999", "no more than --endpoints-bytes"),
    ("/huge-headers/102401", "from 11 to --endpoints-bytes"),
    ("/huge-headers/10", "from 11 to --endpoints-bytes"),
    ("/stall/1.001", "no longer than --endpoints-time"),
    ("/stall/x", "no longer than --endpoints-time"),
    ("/slow/0", "no more than --endpoints-bytes"),
    ("/slow/102401", "no more than --endpoints-bytes"),
    ("/slow/1000?bytes=102401", "no more than --endpoints-bytes"),
    ("/slow/1000?bytes=1002", "longer than --endpoints-time"),
])
def test_what_is_too_much(brief, target, why):
    answer = brief.get(target)
    assert answer.status == 400 and why.encode() in answer.body


def test_what_is_slow_holds_no_worker(build, server):
    many = MANY if build.is_fast else 50
    peers = [server.dial(seconds=60) for _ in range(many)]
    try:
        for number, peer in enumerate(peers):
            peer.send(request("/stall/4" if number % 2 else "/slow/256?bytes=1024"))
        for _ in range(20):
            before = time.monotonic()
            assert server.get("/hello").status == 200
            assert time.monotonic() - before < 1 * server.patience
        for peer in peers:
            assert peer.answer().body == text(1024)
    finally:
        for peer in peers:
            peer.close()
    is_well(server)


def test_what_is_slow_ends_with_the_server(server):
    """Nobody waits for it: the rest comes at once."""
    peers = [server.dial() for _ in range(4)]
    for peer, target in zip(peers, ("/stall/50", "/slow/100?bytes=5000") * 2):
        peer.send(request(target))
        peer.head()
        peer.take(1)
    before = time.monotonic()
    server.signal()
    for peer, length in zip(peers, (1024, 5000) * 2):
        assert len(peer.take(length - 1)) == length - 1
        peer.close()
    assert server.wait_exit() == 0
    assert time.monotonic() - before < 5 * server.patience


def test_who_leaves_is_noticed(server):
    with server.dial() as peer:
        peer.send(request("/stall/50"))
        peer.head()
    server.wait_log(r'"GET /stall/50 HTTP/1.1" 200 512 .*"the client went away"$')
    with server.dial() as peer:
        peer.send(request("/stall/50"))
        with pytest.raises((Cut, TimeoutError)):
            peer.socket.settimeout(0.2)
            peer.take(4096)
    is_well(server)


def test_the_log_tells_of_each(server):
    for target, status in (("/reset", "-"), ("/close", "-"), ("/truncate/10", "200"), ("/garbage", "200")):
        with server.dial() as peer:
            peer.send(request(target))
            with contextlib.suppress(ConnectionResetError):
                peer.rest()
        how = "reset" if target == "/reset" else "closed"
        server.wait_log(rf'"GET {target} HTTP/1.1" {status} .*"the handler {how} the connection"$')

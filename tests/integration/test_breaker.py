"""Answers that leave later, and answers that are raw, by the program tests/peers/breaker.c."""

import contextlib
import json
import resource
import socket
import statistics
import time

import pytest

from dialogue import request
from program import eventually
from secure import Truncated

MANY = 1000
RAW = b"".join(b"%09d\n" % line for line in range(30_000))
WHATS = {"nothing": b"", "bytes": RAW, "file": RAW, "stream": RAW}


@pytest.fixture
def breaker(build, serve, tmp_path):
    return serve(None, program=build.peer("breaker"), behind=[".", str(tmp_path / "socket")], cwd=tmp_path)


def counts(server):
    return json.loads(server.get("/counts").body)


# ---- late ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "status", "body"),
    [
        ("/late/300", 200, b"late"),
        ("/late-work/300", 200, b"late"),
        ("/late-stream/300", 200, b"late"),
        ("/late-refusal/300", 503, None),
    ],
)
def test_an_answer_that_leaves_later(breaker, target, status, body):
    with breaker.dial() as peer:
        for _ in range(2):
            before = time.monotonic()
            answer = peer.ask(target)
            took = time.monotonic() - before
            assert answer.status == status and body in (None, answer.body)
            assert 0.3 <= took < 2 * breaker.patience
        assert peer.ask("/hello").body == b"hello"


def test_late_answers_stay_in_order(breaker):
    """RFC 9112 §9.3.2"""
    targets = ("/late/200", "/hello", "/late-work/50", "/hello")
    with breaker.dial() as peer:
        peer.send(b"".join(request(target) for target in targets))
        assert [peer.answer().body for _ in targets] == [b"late", b"hello", b"late", b"hello"]


def test_a_late_answer_to_http_1_0(breaker):
    with breaker.dial() as peer:
        peer.send(b"GET /late/100 HTTP/1.0\r\n\r\n")
        assert peer.answer().body == b"late"
        peer.expect_end()


def test_who_does_not_wait_is_noticed(breaker):
    with breaker.dial() as peer:
        peer.send(request("/late/60000"))
        eventually(lambda: counts(breaker)["begun"] == 1, 5 * breaker.patience, "it to begin")
    eventually(lambda: counts(breaker)["released"] == 1, 5 * breaker.patience, "it to be released")
    breaker.wait_log(r'"GET /late/60000 HTTP/1.1" - 0 .*"the client went away"$')


def test_late_answers_leave_when_the_server_stops(breaker):
    peers = [breaker.dial() for _ in range(10)]
    for peer in peers:
        peer.send(request("/late/60000"))
    eventually(lambda: counts(breaker)["begun"] == 10, 5 * breaker.patience, "all to begin")
    before = time.monotonic()
    breaker.signal()
    for peer in peers:
        answer = peer.answer()
        assert answer.body == b"late" and answer.closes
        peer.close()
    assert breaker.wait_exit() == 0
    assert time.monotonic() - before < 5 * breaker.patience


def test_a_thousand_late_answers_hold_no_worker(build, breaker):
    """DESIGN.md, "A worker never blocks on a peer": nor on an answer that leaves later."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    many = MANY if build.is_fast and not breaker.is_secure else 100
    assert breaker.get("/late-work/1").status == 200  # every thread is there by now
    threads = breaker.threads()
    peers = [breaker.dial(seconds=60) for _ in range(many)]
    try:
        for number, peer in enumerate(peers):
            peer.send(request(("/late/%d", "/late-work/%d", "/late-stream/%d")[number % 3] % 5000))
        eventually(
            lambda: counts(breaker)["begun"] == many + 1, 30 * breaker.patience, "all to begin"
        )
        took = []
        for _ in range(50):
            before = time.monotonic()
            assert breaker.get("/hello").body == b"hello"
            took.append(time.monotonic() - before)
        assert statistics.median(took) < 0.05 * breaker.patience
        # On a crowded machine the pool grows by some; who held a worker would have it grow to all 64.
        assert breaker.threads() <= threads + 32
        assert counts(breaker)["released"] == 1
        for peer in peers:
            assert peer.answer().body == b"late"
    finally:
        for peer in peers:
            peer.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    eventually(lambda: counts(breaker)["released"] == many + 1, 10, "all to be released")


# ---- raw -------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", WHATS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_raw_bytes_and_a_close(breaker, what, method):
    """Not a byte but those; over TLS with a close_notify (RFC 8446 §6.1)."""
    body = b"x" * 5000 if method == "POST" else b""
    with breaker.dial() as peer:
        peer.send(request(f"/raw/{what}", method, {"Range": "bytes=1-2"}, body))
        assert peer.rest() == WHATS[what]
        peer.expect_end()
    assert breaker.get("/hello").body == b"hello"


def test_what_still_comes_makes_no_reset_of_a_close(breaker):
    """RFC 9112 §9.6: closing on unread bytes would be a reset."""
    for _ in range(20):
        with breaker.dial() as peer:
            peer.send(request("/raw/nothing") + b"x" * 200_000)
            peer.expect_end()
        with breaker.dial() as peer:
            peer.send(request("/raw/bytes") + request("/hello"))
            time.sleep(0.002)
            peer.send(request("/hello"))
            assert peer.rest() == RAW


@pytest.mark.parametrize("how", ["at once", "with more to read", "half closed"])
def test_a_reset(breaker, how):
    for _ in range(20):
        with breaker.dial() as peer:
            behind = b"x" * 10_000 if how == "with more to read" else b""
            peer.send(request("/raw-reset/nothing", fields={"Connection": "close"}) + behind)
            if how == "half closed":
                with contextlib.suppress(OSError):  # it may have come already
                    peer.socket.shutdown(socket.SHUT_WR)
            with pytest.raises(ConnectionResetError) as reset:
                peer.rest()
            assert reset.type is not Truncated and peer.unread == b""
    assert breaker.get("/hello").body == b"hello"


@pytest.mark.parametrize("what", ["bytes", "file", "stream"])
def test_raw_bytes_and_a_reset(breaker, what):
    """What comes before it is a part of the body, from its beginning."""
    with breaker.dial() as peer:
        peer.send(request(f"/raw-reset/{what}"))
        with pytest.raises(ConnectionResetError) as reset:
            peer.rest()
        assert reset.type is not Truncated and RAW.startswith(peer.unread)


def test_raw_bytes_that_leave_later(breaker):
    before = time.monotonic()
    with breaker.dial() as peer:
        peer.send(request("/raw-late/stream"))
        assert peer.rest() == RAW
    assert time.monotonic() - before >= 0.1


def test_a_local_socket(breaker, tmp_path):
    """It knows no reset: an end is an end."""
    for what, body in WHATS.items():
        for path in ("raw", "raw-reset"):
            with breaker.dial(str(tmp_path / "socket")) as peer:
                peer.send(request(f"/{path}/{what}"))
                assert peer.rest() == body
    with breaker.dial(str(tmp_path / "socket")) as peer:
        assert peer.ask("/late/50").body == b"late"


def test_the_log_tells_of_raw_answers(breaker):
    breaker.dial().send(request("/raw/nothing"))
    breaker.wait_log(r'"GET /raw/nothing HTTP/1.1" - 0 .*"the handler closed the connection"$')
    breaker.dial().send(request("/raw-reset/nothing"))
    breaker.wait_log(r'"GET /raw-reset/nothing HTTP/1.1" - 0 .*"the handler reset the connection"$')
    with breaker.dial() as peer:
        peer.send(request("/raw/file"))
        peer.rest()
    breaker.wait_log(r'"GET /raw/file HTTP/1.1" 200 300000 .*"the handler closed the connection"$')
    assert "handler" not in breaker.said

"""Handlers in C, by the program tests/peers/sleeper.c: bodies that are wanted, and failures."""

import random

import pytest

from dialogue import request
from program import eventually

BODY_MAX = 1 << 20


@pytest.fixture
def sleeper(build, serve, site):
    return serve(site, program=build.peer("sleeper"))


def some_bytes(count):
    return random.Random(count).randbytes(count)


@pytest.mark.parametrize("size", [0, 1, 100, 8191, 8192, 8193, 100_000, BODY_MAX])
def test_a_body_of_known_length(sleeper, size):
    """RFC 9112 §6.2"""
    body = some_bytes(size)
    with sleeper.dial() as peer:
        for _ in range(2):
            answer = peer.ask("/echo", "POST", {"Content-Length": size} if not size else (), body)
            assert answer.status == 200 and answer.body == body


def chunked(body, seed):
    """In chunks of any size, with extensions and trailers (RFC 9112 §7.1)."""
    dice, at, out = random.Random(seed), 0, []
    while at < len(body):
        size = min(len(body) - at, dice.choice([1, 2, 15, 16, 1000, 70_000]))
        form = dice.choice(["%x\r\n", "%X\r\n", "00%x\r\n", "%x;a\r\n", '%x;a="b;\\" c"\r\n'])
        out.append((form % size).encode() + body[at : at + size] + b"\r\n")
        at += size
    out.append(
        dice.choice(
            [b"0\r\n\r\n", b"000;last\r\n\r\n", b"0\r\nX-Sum: 1\r\nContent-Length: 9\r\n\r\n"]
        )
    )
    return b"".join(out)


@pytest.mark.parametrize("size", [0, 1, 100, 8192, 100_000, BODY_MAX])
def test_a_chunked_body(sleeper, size):
    """RFC 9112 §7.1"""
    body = some_bytes(size)
    with sleeper.dial() as peer:
        for seed in range(5):
            peer.send(
                request("/echo", "POST", {"Transfer-Encoding": "chunked"}) + chunked(body, seed)
            )
            answer = peer.answer()
            assert answer.status == 200 and answer.body == body


def test_bodies_in_pieces_of_any_size(sleeper):
    body = some_bytes(3000)
    for seed in range(10):
        dice = random.Random(seed)
        message = (
            request("/echo", "POST", {"Transfer-Encoding": "chunked"})
            + chunked(body, seed)
            + request("/echo", "PUT", (), body)
        )
        with sleeper.dial() as peer:
            while message:
                cut = dice.choice([1, 2, 3, 50, 500])
                peer.send(message[:cut])
                message = message[cut:]
            for _ in range(2):
                answer = peer.answer()
                assert answer.status == 200 and answer.body == body


def test_requests_with_bodies_in_a_row(sleeper):
    """RFC 9112 §9.3.2"""
    bodies = [some_bytes(size) for size in (0, 10, 5000, 1, 20_000, 3)]
    with sleeper.dial() as peer:
        peer.send(
            b"".join(
                request("/echo", "POST", {"Transfer-Encoding": "chunked"}) + chunked(body, 1)
                if len(body) % 2
                else request("/echo", "POST", {"X-Length": "known"}, body or b"-")
                for body in bodies
            )
        )
        for body in bodies:
            assert peer.answer().body == (body or b"-")


def test_a_body_that_is_too_large(sleeper):
    """RFC 9110 §15.5.14, known beforehand and not."""
    with sleeper.dial() as peer:
        peer.send(request("/echo", "POST", {"Content-Length": BODY_MAX + 1}))
        answer = peer.answer()
        assert answer.status == 413 and answer.closes
    with sleeper.dial() as peer:
        peer.send(
            request("/echo", "POST", {"Transfer-Encoding": "chunked"})
            + chunked(some_bytes(BODY_MAX + 1), 1)
        )
        answer = peer.answer()
        assert answer.status == 413 and answer.closes
        peer.expect_end()


def test_a_client_that_waits_to_go_on(sleeper):
    """RFC 9110 §10.1.1"""
    with sleeper.dial() as peer:
        for body in (b"hello", b"again"):
            peer.send(request("/echo", "POST", {"Expect": "100-continue", "Content-Length": 5}))
            assert peer.answer().status == 100
            peer.send(body)
            answer = peer.answer()
            assert answer.status == 200 and answer.body == body


def test_a_client_that_does_not_wait(sleeper):
    """RFC 9110 §10.1.1: 100 may be left out once the body comes; it must not come late."""
    with sleeper.dial() as peer:
        peer.send(request("/echo", "POST", {"Expect": "100-continue"}, b"hello"))
        answer = peer.answer()
        if answer.status == 100:
            answer = peer.answer()
        assert answer.status == 200 and answer.body == b"hello"
        assert peer.ask().status == 200


def test_methods_of_a_route(sleeper):
    """RFC 9110 §10.2.1"""
    answer = sleeper.get("/echo")
    assert answer.status == 405 and answer["Allow"].split(", ") == ["POST", "PUT", "OPTIONS"]
    answer = sleeper.get("/echo", "OPTIONS")
    assert answer.status == 204 and answer["Allow"].split(", ") == ["POST", "PUT", "OPTIONS"]
    with sleeper.dial() as peer:
        answer = peer.ask("/sleep/1", "HEAD")
        assert answer.status == 200 and answer["Content-Length"] == "8"
        assert peer.ask("/sleep/1").body == b"slept 1\n"


def test_a_handler_that_fails(sleeper, site):
    assert sleeper.get("/fail").status == 500
    sleeper.wait_log(r'"GET /fail HTTP/1.1" 500 .*"the handler failed"$')
    sleeper.wait_error(r'the handler failed path="fail"')
    (site / "50x.html").write_text("<p>we are sorry")
    eventually(
        lambda: sleeper.get("/fail").body == b"<p>we are sorry",
        5 * sleeper.patience,
        "the own page",
    )
    with sleeper.dial() as peer:
        assert peer.ask("/fail").status == 500
        assert peer.ask("/").status == 200


def test_a_field_that_would_be_two(sleeper):
    """No handler can split an answer (RFC 9110 §5.5)."""
    answer = sleeper.get("/bad-field/X-Forged")
    assert answer.status == 500
    assert "Set-Cookie" not in answer and "X-Forged" not in answer


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "Connection", "Date"])
def test_a_field_that_is_the_servers_own(sleeper, name):
    """There are never two of them, nor two that contradict (RFC 9110 §5.3, RFC 9112 §6.2)."""
    assert sleeper.get("/bad-field/" + name).status == 500


def test_a_status_that_is_none(sleeper):
    """RFC 9110 §15; and 205 never has content (§15.3.6)."""
    for status in (0, 99, 100, 199, 600, 1000):
        assert sleeper.get(f"/status/{status}").status == 500
    answer = sleeper.get("/status/205")
    assert answer.status == 205 and answer.body == b"" and answer["Content-Length"] == "0"
    assert sleeper.get("/status/202").body == b"body\n"


def test_no_more_workers_than_allowed(build, serve, site):
    """Who waits is served in turn, and pages are served all the while."""
    server = serve(site, program=build.peer("sleeper"), behind=["4"])
    assert server.get().status == 200
    base = server.threads()
    peers = [server.dial() for _ in range(9)]
    try:
        for peer in peers:
            peer.send(request("/sleep/200"))
        for _ in range(20):
            assert server.get().status == 200
            assert server.threads() <= base + 2
        for peer in peers:
            assert peer.answer().body == b"slept 200\n"
    finally:
        for peer in peers:
            peer.close()


def test_a_client_that_goes_away_while_it_is_served(sleeper):
    for _ in range(20):
        with sleeper.dial() as peer:
            peer.send(request("/sleep/50"))
    assert sleeper.get("/sleep/1").body == b"slept 1\n"
    eventually(
        lambda: sleeper.descriptors < 30, 10 * sleeper.patience, "their connections to be closed"
    )

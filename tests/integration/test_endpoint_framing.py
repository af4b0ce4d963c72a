"""What holds for all endpoints on the wire: whatever a client's way of asking, it is seen where each answer
ends, and that the next one is the next one's.  What stands in the answers is in the files of their
groups."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dialogue import Cut, request
from test_guide import rows_of

# What breaks the framing, or the connection, on purpose: nothing comes behind.
BROKEN = ("reset", "close", "truncate", "bad-chunk", "garbage", "huge-headers", "duplicate-headers")

HELLO = b'{"message":"Hello, World!"}'
NEXT = request("/test/hello")


@pytest.fixture
def server(serve, site, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "readme").write_text("read me\n")
    return serve(site, "--endpoints=/test", f"--files-dir={folder}")


@pytest.fixture
def whole(server):
    """(methods, target) of each example that is answered as it should be."""
    return [row for row in examples(server) if not is_broken(row[1])]


def examples(server):
    rows = rows_of(server.get("/test").body.decode())
    return [(methods, example or pattern) for methods, pattern, example, _ in rows]


def is_broken(target):
    return target.split("/")[2].split("?")[0] in BROKEN


def at_once(check, rows):
    """Most of what takes long is waiting."""
    with ThreadPoolExecutor(len(rows)) as crowd:
        for row, seen in zip(rows, crowd.map(lambda row: check(*row), rows), strict=True):
            assert seen is None, row


def asked(target, method, version="1.1", fields=(), body=b""):
    return request(target, method, fields, body).replace(b"HTTP/1.1", b"HTTP/" + version.encode(), 1)


def expect_next(peer, answer, target):
    """The connection goes on, and what comes behind is the next answer and nothing else."""
    assert not answer.closes, (target, answer)
    behind = peer.answer()
    assert (behind.status, behind.body) == (200, HELLO), (target, behind)


def method_of(methods):
    return "GET" if "GET" in methods else methods[0]


def test_two_at_once(server, whole):
    """RFC 9112 §9.3.2: both answers, in order."""
    def check(methods, target):
        method = method_of(methods)
        with server.dial() as peer:
            peer.send(request(target, method) + request(target, method) + NEXT)
            first, second = peer.answer(method), peer.answer(method)
            assert "unstable" in target or first.status == second.status, target
            expect_next(peer, second, target)

    at_once(check, whole)


def test_head(server, whole):
    """RFC 9110 §9.3.2: not a byte of a body, and at once; HEAD is what GET is, and nothing else has it."""
    def check(methods, target):
        with server.dial() as peer:
            peer.send(request(target, "HEAD") + NEXT)
            answer = peer.answer("HEAD")
            assert (answer.status == 405) == ("GET" not in methods), (target, answer)
            expect_next(peer, answer, target)

    at_once(check, whole)


def test_what_is_not_meant(server, whole):
    """A body that nobody wants is not taken for a request (RFC 9112 §9.3): it is read, or the connection
    ends before it."""
    bodies = (request("", body=NEXT).partition(b"wherry.test\r\n")[2],
              b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(NEXT), NEXT))

    def check(methods, target):
        for method in {"POST", "PUT", "PATCH", "DELETE"} - {*methods[1:]} | {"POST"}:
            for body in bodies:
                with server.dial() as peer:
                    line = f"{method} {target} HTTP/1.1\r\nHost: a\r\n".encode()
                    peer.send(line + body + NEXT)
                    answer = peer.answer(method)
                    assert (answer.status == 405) == (method not in methods), (target, answer)
                    if answer.closes:
                        peer.expect_end()
                    else:
                        expect_next(peer, answer, target)
                        peer.half_close()
                        peer.expect_end()

    at_once(check, [row for row in whole if "/files/" not in row[1]])


@pytest.mark.parametrize("connection", [{}, {"Connection": "keep-alive"}], ids=["", "keep-alive"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_knows_no_chunks(server, whole, method, connection):
    """RFC 9112 §6.1, §9.3: a body whose length nobody knows ends with the connection, others need not."""
    def check(methods, target):
        with server.dial() as peer:
            peer.send(asked(target, method, "1.0", connection))
            answer = peer.answer(method)
            assert "Transfer-Encoding" not in answer, (target, answer)
            if connection and "Content-Length" in answer and not answer.closes:
                assert answer["Connection"] == "keep-alive", (target, answer)
                peer.send(NEXT)
                expect_next(peer, answer, target)
            else:
                assert answer.closes, (target, answer)
                peer.expect_end()

    at_once(check, whole)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_nothing_comes_behind_what_is_broken(server, method, version):
    """Whoever has lost count must not take a second answer for a part of the first."""
    rows = [row for row in examples(server) if is_broken(row[1])]
    assert len(rows) == len(BROKEN)

    def check(_, target):
        with server.dial() as peer:
            peer.send(asked(target, method, version, body=b"x" * (method == "POST")) + NEXT)
            try:
                assert HELLO not in peer.rest(), target
            except (Cut, ConnectionResetError):
                assert "reset" in target

    at_once(check, rows)


@pytest.mark.parametrize("code", [200, 204, 205, 300, 304, 404, 500, 599])
def test_drops_of_any_status(server, code):
    """RFC 9112 §6.3: some statuses have no body, whoever chose them."""
    with server.dial() as peer:
        peer.send(request(f"/test/drip?code={code}&numbytes=3&duration=0.1") + NEXT)
        head = peer.head()
        assert head.status == code
        body = peer.body(head, "GET")
        assert body == (b"" if code in (204, 205, 304) else b"***"), (code, body)
        expect_next(peer, head, code)


@pytest.mark.parametrize("target", ["status/{}", "redirect-to?url=get&status_code={}"])
def test_every_status_is_framed(server, target):
    codes = range(300, 400) if "redirect" in target else range(200, 600)
    with server.dial() as peer:
        for code in codes:
            peer.send(request("/test/" + target.format(code)) + NEXT)
            answer = peer.answer()
            assert answer.status == code
            if code in (204, 205, 304):
                assert answer.body == b""
            expect_next(peer, answer, code)


# What would go on for long, and whether its end makes it whole.
SLOW = [
    ("drip?duration=50&numbytes=1000", True), ("drip?delay=50", True), ("sse?duration=50", True),
    ("sse?delay=50&duration=1", True), ("stall/50", True), ("slow/10?bytes=500", True),
    ("delay/50", True), ("sleep/30", True), ("bytes/10000000", True),
    ("stream-bytes/10000000?chunk_size=500", True), ("huge-headers/10000000", True),
    ("truncate/10000000", False),
]


@pytest.mark.parametrize("reads", [True, False])
def test_the_end_of_the_server(serve, site, reads):
    """Whatever is asked for, nobody waits longer than the time to drain; and what comes is whole."""
    server = serve(site, "--endpoints=/test", "--drain=4s", "--endpoints-bytes=10M")

    def finish(target, is_whole, peer):
        with contextlib.nullcontext() if is_whole else pytest.raises(Cut):
            answer = peer.answer()
            assert answer.status == (503 if "sleep" in target else 200), (target, answer)
        peer.close()

    with contextlib.ExitStack() as peers:
        rows = [(target, is_whole, peers.enter_context(server.dial(receive_buffer=4096)))
                for target, is_whole in SLOW]
        for target, _, peer in rows:
            peer.send(request(f"/test/{target}"))
            server.wait_read(peer)
        began = time.monotonic()
        server.signal()
        if reads:
            at_once(finish, rows)
        assert server.wait_exit(10) == 0
        assert time.monotonic() - began < 5 * server.patience

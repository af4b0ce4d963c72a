"""What holds when much happens at once, or goes wrong at the worst moment."""

import resource
import signal
import socket
import struct
import time

import pytest

from dialogue import request
from program import eventually

CROWD = 1500            # callers at once; a sanitizer gets fewer


@pytest.fixture(autouse=True)
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def crowd_of(build):
    return CROWD if build.is_fast else CROWD // 5


def test_the_pool_shrinks_when_nobody_calls(build, serve, site):
    """The keeper wakes by itself: no request is needed for it to look after its house."""
    server = serve(site, program=build.peer("sleeper"))
    assert server.get().status == 200
    base = server.threads()
    peers = [server.dial() for _ in range(12)]
    for peer in peers:
        peer.send(request("/sleep/300"))
    eventually(lambda: server.threads() > base, 5 * server.patience, "the pool to grow")
    for peer in peers:
        assert peer.answer().status == 200
    eventually(lambda: server.threads() == base, 20 * server.patience, "the pool to shrink")
    for peer in peers:
        peer.close()


@pytest.mark.plain("the program is held still, and nobody shakes hands alone")
def test_a_crowd_in_the_backlog_is_answered(build, serve, site):
    """All of them have asked when the signal comes, and nobody was free to see it yet."""
    server = serve(site)
    server.signal(signal.SIGSTOP)
    peers = []
    try:
        for _ in range(crowd_of(build)):
            peers.append(server.dial())
            peers[-1].send(request("/"))
        server.signal(signal.SIGTERM)
        server.signal(signal.SIGCONT)
        assert [peer.answer().status for peer in peers] == [200] * len(peers)
    finally:
        server.signal(signal.SIGCONT)
        for peer in peers:
            peer.close()
    assert server.wait_exit() == 0


def test_a_successor_keeps_its_socket(serve, site, tmp_path):
    """It takes over the name of a server that still finishes; that one leaves it alone."""
    (site / "large.bin").write_bytes(bytes(32 << 20))
    path = tmp_path / "socket"
    old = serve(site, f"--unix={path}")
    with old.dial() as peer:
        peer.send(request("/large.bin"))
        peer.take(1)
        old.signal(signal.SIGTERM)
        eventually(lambda: not path.exists(), 5 * old.patience, "the old one to give the name up")
        serve(site, f"--unix={path}")
        peer.take((32 << 20))
    assert old.wait_exit() == 0
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(10)
        caller.connect(str(path))
        caller.sendall(request("/"))
        assert caller.recv(100).startswith(b"HTTP/1.1 200 ")


def limited(count):
    """A word before the command that limits its descriptors for good."""
    return ["prlimit", f"--nofile={count}:{count}"]


def test_files_leave_descriptors_for_callers(serve, site):
    """Large files are remembered as open descriptors: never as so many that nobody can call."""
    for number in range(200):
        (site / f"{number}.bin").write_bytes(bytes(300_000))
    server = serve(site, before=limited(128))
    with server.dial() as peer:
        for number in range(200):
            assert peer.ask(f"/{number}.bin").status == 200
    newcomers = [server.dial() for _ in range(20)]
    for newcomer in newcomers:
        assert newcomer.ask("/0.bin").status == 200
        newcomer.close()


def test_nobody_works_for_who_is_gone(build, serve, site):
    """Requests whose clients have left do not keep those who come after them waiting."""
    server = serve(site, program=build.peer("sleeper"), behind=["4"])
    peers = [server.dial() for _ in range(30)]
    for peer in peers:
        peer.send(request("/sleep/4000"))
        server.wait_read(peer)
    for peer in peers:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
    eventually(lambda: server.log.count('"the client went away"') >= 20, 3 * server.patience,
               "those who left to be let go")
    started = time.monotonic()
    assert server.get("/sleep/10").status == 200
    assert time.monotonic() - started < 6 * server.patience

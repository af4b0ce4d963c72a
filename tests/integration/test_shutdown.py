"""The way out: what was begun is finished, nothing new is begun, and it ends in time."""

import os
import signal
import socket
import time

import pytest

from dialogue import Cut, request
from program import eventually
from tools import need_unshare

LARGE = 16 << 20


@pytest.fixture
def large(site):
    (site / "large.bin").write_bytes(bytes(range(256)) * (LARGE // 256))
    return site


def start_download(server):
    """A peer in the middle of a large answer, and what it has read."""
    peer = server.dial(receive_buffer=64 * 1024)
    peer.send(request("/large.bin"))
    assert peer.head().status == 200
    return peer, peer.take(100_000)


def wait_draining(server):
    """Until it no longer listens."""

    def refuses():
        try:
            socket.create_connection((server.host, server.port), 5).close()
        except ConnectionRefusedError:
            return True
        except (ConnectionResetError, TimeoutError):  # it was just about to
            return False
        return False

    eventually(refuses, 10 * server.patience, "the door to be closed")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_nothing_to_finish(serve, site, number):
    server = serve(site)
    assert server.get().status == 200
    started = time.monotonic()
    server.signal(number)
    assert server.wait_exit() == 0
    assert time.monotonic() - started < 1.5 * server.patience


def test_a_download_is_finished(serve, large):
    server = serve(large)
    peer, begun = start_download(server)
    with peer:
        server.signal()
        wait_draining(server)
        assert server.is_running
        assert begun + peer.take(LARGE - len(begun)) == (large / "large.bin").read_bytes()
        peer.expect_end()
    assert server.wait_exit() == 0
    server.wait_log(rf'"GET /large.bin HTTP/1.1" 200 {LARGE} ')


def test_answers_say_that_the_connection_closes(serve, large):
    """RFC 9112 §9.6"""
    server = serve(large)
    peer, begun = start_download(server)  # keeps it from being over too soon
    with peer, server.dial() as asking:
        assert not asking.ask().closes
        asking.send(b"GET / HTTP/1.1\r\n")
        server.wait_read(asking)
        server.signal()
        wait_draining(server)
        asking.send(b"Host: wherry.test\r\n\r\n")
        answer = asking.answer()
        assert answer.status == 200 and answer.closes
        asking.expect_end()
        peer.take(LARGE - len(begun))
    assert server.wait_exit() == 0


def test_a_request_that_comes_in_time_is_answered(serve, large):
    """A kept connection that has a request on its way when the signal comes."""
    server = serve(large)
    with server.dial() as peer:
        assert peer.ask().status == 200
        server.signal()
        assert peer.ask().status == 200
        peer.expect_end()
    assert server.wait_exit() == 0


def test_silent_connections_are_closed(serve, large):
    server = serve(large)
    peer, begun = start_download(server)
    with peer, server.dial() as silent, server.dial() as newcomer:
        assert silent.ask().status == 200
        started = time.monotonic()
        server.signal()
        silent.expect_end()
        newcomer.expect_end()
        took = time.monotonic() - started
        assert 0.15 <= took <= 0.25 + 1.0 * server.patience, f"{took:.2f} s"
        peer.take(LARGE - len(begun))
    assert server.wait_exit() == 0


@pytest.mark.plain("the program is held still, and nobody shakes hands alone")
def test_who_waits_in_the_backlog_is_answered(serve, site):
    """They have connected and asked, but were not accepted yet: the program is held still."""
    server = serve(site)
    server.signal(signal.SIGSTOP)
    peers = [server.dial() for _ in range(20)]
    try:
        for peer in peers:
            peer.send(request("/"))
        server.signal(signal.SIGTERM)
        server.signal(signal.SIGCONT)
        for peer in peers:
            assert peer.answer().status == 200
            peer.expect_end()
    finally:
        server.signal(signal.SIGCONT)
        for peer in peers:
            peer.close()
    assert server.wait_exit() == 0


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_at_once(serve, large, second):
    server = serve(large, "--drain=60s")
    peer, _ = start_download(server)
    with peer:
        server.signal()
        wait_draining(server)
        started = time.monotonic()
        server.signal(second)
        server.wait_exit()
        assert time.monotonic() - started < 1.0 * server.patience
    server.process.returncode = 0  # whatever it says of itself then, it has ended


def test_draining_has_an_end(serve, large):
    server = serve(large, "--drain=700ms")
    peer, begun = start_download(server)
    with peer:
        started = time.monotonic()
        server.signal()
        server.wait_exit()
        took = time.monotonic() - started
        assert 0.6 <= took <= 0.7 + 2.0 * server.patience, f"{took:.2f} s"
        with pytest.raises((Cut, ConnectionResetError)):
            peer.take(LARGE - len(begun))
    server.wait_log('"GET /large.bin HTTP/1.1" 200 .*"the server stopped"')


def test_no_drain_at_all(serve, large):
    server = serve(large, "--drain=0")
    peer, _ = start_download(server)
    with peer:
        started = time.monotonic()
        server.signal()
        server.wait_exit()
        assert time.monotonic() - started < 1.5 * server.patience


def test_the_log_is_complete(serve, site):
    server = serve(site)
    with server.dial() as peer:
        for i in range(500):
            assert peer.ask(f"/?{i}").status == 200
    server.stop()
    assert [f"/?{i} " in server.log for i in range(500)].count(False) == 0


def test_a_burst_at_the_end(serve, site):
    """Connections all the time while it ends: each is answered or refused, none is dropped."""
    for _ in range(5):
        server = serve(site)
        answered, started = 0, time.monotonic()
        while True:
            try:
                peer = server.dial()
            except ConnectionRefusedError:
                break
            with peer:
                answer = peer.ask()
                assert answer.status == 200
            answered += 1
            if answered == 20:
                server.signal()
            assert time.monotonic() - started < 20 * server.patience
        assert server.wait_exit() == 0


def is_child(pid, server):
    try:
        fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    except OSError:  # it has ended
        return False
    return int(fields[1]) == server.pid


def test_as_the_first_process(serve, site):
    """PID 1 has no default actions for signals, and children to reap."""
    words = need_unshare("--pid", "--fork", "--mount-proc", "--kill-child")
    server = serve(site, before=words)
    assert server.get().status == 200
    inside = next(pid for pid in os.listdir("/proc") if pid.isdecimal() and is_child(pid, server))
    assert open(f"/proc/{inside}/status").read().split("NSpid:")[1].split()[1] == "1"
    os.kill(int(inside), signal.SIGTERM)
    assert server.wait_exit() == 0


def test_signals_that_mean_nothing(serve, site):
    """A peer or a terminal that goes away does not end it."""
    server = serve(site)
    server.signal(signal.SIGPIPE)
    with server.dial() as peer:
        peer.send(request("/") * 50)
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert server.get().status == 200

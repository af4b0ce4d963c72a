"""What the program costs where little is to be had: docs/decisions/0010-small-in-a-container.md."""

import socket
import subprocess
import time

import pytest

from dialogue import request
from program import clean_environment, eventually
from test_healthcheck import free_port  # noqa: F401

KIB = 1024


def own_kib(server):
    """What is nobody else's: memory without a file behind it, and what was changed of files.
    (Private_Dirty counts pages of a program that was linked a moment ago, too.)"""
    for line in open(f"/proc/{server.pid}/smaps_rollup"):
        if line.startswith("Anonymous:"):
            return int(line.split()[1])
    raise AssertionError("no Anonymous in smaps_rollup")


@pytest.fixture
def fast(build):
    if not build.is_fast:
        pytest.skip("sanitizers are neither small nor quick")


@pytest.fixture
def both(fast, serve, site, tmp_path):
    """A server with HTTP and HTTPS, whose certificate is kept."""
    words = ["--http-port=0", "--tls", "--https-port=0", f"--cert-dir={tmp_path / 'certs'}"]
    serve(site, *words, secure=False).stop()
    return serve(site, *words, secure=False, authority=tmp_path / "certs" / "ca.pem")


def ask_many(server, tls, count):
    """That many requests over one connection."""
    with server.dial(tls=tls) as peer:
        for _ in range(count // 50):
            peer.send(request("/") * 50)
            for _ in range(50):
                assert peer.answer().status == 200


def test_it_takes_little_memory(both):
    server = both
    assert own_kib(server) < 3 * KIB
    for _ in range(10):
        ask_many(server, False, 500)
        ask_many(server, True, 500)
    assert own_kib(server) < 4 * KIB


def test_what_a_crowd_needed_goes_back(both):
    """More than malloc would give back by itself."""
    server = both
    crowd = [server.dial(tls=True) for _ in range(150)]
    for peer in crowd:
        peer.send(request("/"))
    for peer in crowd:
        assert peer.answer().status == 200
    held = own_kib(server)
    for peer in crowd[::2] + crowd[1::2]:
        peer.close()
    assert held > 3 * KIB
    eventually(lambda: own_kib(server) < 5 * KIB // 2, 10, "the memory to go back")


def test_it_answers_soon(fast, build, site, tmp_path, free_port):  # noqa: F811
    """From exec to the first byte: the best of some starts, for others use this machine, too."""
    words = [build.program, f"--http-port={free_port}", "--tls", "--https-port=0",
             "--address=127.0.0.1", f"--cert-dir={tmp_path / 'certs'}", site]
    took = []
    for _ in range(20):
        started = time.monotonic()
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, env=clean_environment({}))
        try:
            while True:
                try:
                    peer = socket.create_connection(("127.0.0.1", free_port))
                    break
                except ConnectionRefusedError:
                    time.sleep(0.0002)
            with peer:
                peer.sendall(request("/"))
                assert peer.recv(1)
                took.append(time.monotonic() - started)
        finally:
            process.terminate()
            assert process.wait(20) == 0
    assert min(took) < 0.015, [f"{1000 * each:.1f} ms" for each in took]

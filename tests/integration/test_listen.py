"""Where it listens."""

import re
import socket
import stat
import subprocess
import sys

import pytest

from program import eventually
from tools import has_ipv6, need, need_ipv6, need_unshare


def listening(server):
    """The addresses it listens on, as the kernel tells."""
    found = set()
    for table in ("tcp", "tcp6"):
        for line in open(f"/proc/{server.pid}/net/{table}").read().splitlines()[1:]:
            address, port = line.split()[1].split(":")
            if line.split()[3] == "0A" and int(port, 16) == server.port:
                found.add(address)
    return found


LOOPBACK, LOOPBACK6 = "0100007F", "00000000000000000000000001000000"
ANY, ANY6 = "0" * 8, "0" * 32


def test_the_loopback_by_default(serve, site):
    server = serve(site)
    assert server.out.wait(r"^  http://localhost:\d+$", 1)
    assert listening(server) == ({LOOPBACK, LOOPBACK6} if has_ipv6() else {LOOPBACK})
    assert server.get().status == 200
    if has_ipv6():
        with server.dial(("::1", server.port)) as peer:
            assert peer.ask().status == 200
        server.wait_log(r"^::1 - - ")


def test_an_ipv4_address(serve, site):
    server = serve(site, "--address=127.0.0.1")
    assert server.out.wait(r"^  http://127\.0\.0\.1:\d+$", 1)
    assert listening(server) == {LOOPBACK}
    assert server.get().status == 200


def test_another_address_of_the_loopback(serve, site):
    server = serve(site, "--address=127.0.0.2")
    with server.dial(("127.0.0.2", server.port), name="localhost") as peer:
        assert peer.ask().status == 200
    with pytest.raises(ConnectionRefusedError):
        server.dial(("127.0.0.1", server.port))


def test_an_ipv6_address(serve, site):
    need_ipv6()
    server = serve(site, "--address=::1")
    assert server.out.wait(r"^  http://\[::1\]:\d+$", 1)
    assert listening(server) == {LOOPBACK6}
    with server.dial(("::1", server.port)) as peer:
        assert peer.ask().status == 200


def test_every_address(serve, site):
    server = serve(site, "--address=*")
    assert listening(server) <= {ANY, ANY6}
    with server.dial(("127.0.0.1", server.port)) as peer:
        assert peer.ask().status == 200
    server.wait_log(r"^127\.0\.0\.1 - - ")  # not ::ffff:127.0.0.1
    if has_ipv6():
        with server.dial(("::1", server.port)) as peer:
            assert peer.ask().status == 200


# In a namespace of its own: takes IPv6 away, brings the loopback interface up (SIOCSIFFLAGS,
# IFF_UP), and becomes the command that follows.
WITHOUT_IPV6 = """
import fcntl, os, socket, struct, sys
open("/proc/sys/net/ipv6/conf/all/disable_ipv6", "w").write("1")
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh22x", b"lo", 1))
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.parametrize("address", ["localhost", "*", "127.0.0.1"])
def test_where_ipv6_is_disabled(serve, site, address):
    words = [*need_unshare("--net"), sys.executable, "-c", WITHOUT_IPV6]
    server = serve(site, f"--address={address}", before=words)
    assert listening(server) <= {LOOPBACK, ANY, ANY6}
    fetched = subprocess.run(
        [
            need("nsenter", "util-linux"),
            f"--net=/proc/{server.pid}/ns/net",
            need("curl", "curl"),
            "-sSf",
            "--max-time",
            "10",
            f"{server.scheme}://127.0.0.1:{server.port}/",
        ],
        capture_output=True,
    )
    assert fetched.returncode == 0 and b"home" in fetched.stdout, fetched.stderr


@pytest.mark.plain("no option is given")
def test_the_port_from_the_environment(build, serve, site):
    """0 takes a free one, and tells which."""
    server = serve(site, program=build.program, environment={"WHERRY_HTTP_PORT": "0"})
    assert server.port > 0 and server.get().status == 200


def test_a_variable_that_kubernetes_sets(build, serve, site):
    """For a service called "wherry": it is none of ours, and no reason to fail."""
    server = serve(
        site, environment={"WHERRY_PORT": "tcp://10.0.0.1:80", "WHERRY_SERVICE_HOST": "10.0.0.1"}
    )
    assert server.get().status == 200


def test_a_port_that_is_taken(build, serve, site):
    taken = serve(site)
    tried = subprocess.run(
        [build.program, f"--http-port={taken.port}", site],
        capture_output=True,
        text=True,
        timeout=20 * taken.patience,
    )
    assert tried.returncode == 111
    assert str(taken.port) in tried.stderr and tried.stderr.count("\n") == 1
    assert taken.get().status == 200


def test_a_port_of_one_that_has_just_ended(serve, site):
    """Connections in TIME_WAIT must not keep the next one from starting."""
    first = serve(site)
    with first.dial() as peer:
        peer.ask(fields={"Connection": "close"})
        peer.expect_end()
    port = first.port
    first.stop()
    second = serve(site, f"--{first.scheme}-port={port}")
    assert second.port == port and second.get().status == 200


# ---- a socket in the file system -------------------------------------------------------------


def serve_unix(serve, site, path, *options):
    server = serve(site, "--http-port=off", f"--unix={path}", *options, wait=False)
    eventually(path.exists, 10 * server.patience, "the socket")
    return server


def can_ask(server, path):
    try:
        with server.dial(str(path)) as peer:
            return peer.ask().status == 200
    except ConnectionRefusedError:
        return False


def test_a_unix_socket(serve, site, tmp_path):
    path = tmp_path / "wherry.socket"
    server = serve_unix(serve, site, path)
    eventually(lambda: can_ask(server, path), 10 * server.patience, "an answer")
    fetched = subprocess.run(
        [
            need("curl", "curl"),
            "-sSf",
            "--max-time",
            "10",
            "--unix-socket",
            path,
            "http://localhost/",
        ],
        capture_output=True,
    )
    assert fetched.returncode == 0 and b"home" in fetched.stdout, fetched.stderr
    assert stat.S_ISSOCK(path.stat().st_mode)
    server.wait_log(r'^\S+ - - .*"GET / HTTP/1.1" 200')
    server.stop()
    assert not path.exists()


def test_a_unix_socket_beside_a_port(serve, site, tmp_path):
    path = tmp_path / "wherry.socket"
    server = serve(site, f"--unix={path}")
    assert server.get().status == 200 and can_ask(server, path)


def test_a_socket_that_was_left_behind(serve, site, tmp_path):
    path = tmp_path / "wherry.socket"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    server = serve_unix(serve, site, path)
    eventually(lambda: can_ask(server, path), 10 * server.patience, "an answer")


def test_a_socket_that_is_in_use(build, site, tmp_path, serve):
    """It is another server's: it stays there."""
    path = tmp_path / "wherry.socket"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        tried = subprocess.run(
            [build.program, "--http-port=off", f"--unix={path}", site],
            capture_output=True,
            text=True,
            timeout=20 * build.patience,
        )
        assert tried.returncode == 111 and str(path) in tried.stderr
        assert path.exists()


def test_a_file_in_the_place_of_the_socket(build, site, tmp_path):
    """It is somebody's: not to be replaced."""
    path = tmp_path / "precious.txt"
    path.write_text("precious")
    tried = subprocess.run(
        [build.program, "--http-port=off", f"--unix={path}", site],
        capture_output=True,
        text=True,
        timeout=20 * build.patience,
    )
    assert tried.returncode == 111 and str(path) in tried.stderr
    assert path.read_text() == "precious"


def test_nothing_to_listen_on(build, site):
    tried = subprocess.run(
        [build.program, "--http-port=off", site],
        capture_output=True,
        text=True,
        timeout=20 * build.patience,
    )
    assert tried.returncode in (100, 102, 111)
    assert re.match(r"wherry: .+\n\Z", tried.stderr)


def test_a_root_that_is_not_there(build, tmp_path):
    tried = subprocess.run(
        [build.program, "--http-port=0", tmp_path / "nothing"],
        capture_output=True,
        text=True,
        timeout=20 * build.patience,
    )
    assert tried.returncode == 111 and "nothing" in tried.stderr and tried.stderr.count("\n") == 1

"""Every way in that a container has."""

import socket
import subprocess

import pytest

from container import LABEL, docker, inspect, make_name
from program import eventually
from tools import need

PORTS = ["--publish=127.0.0.1::8080", "--publish=127.0.0.1::8443"]


@pytest.fixture
def network(request):
    """A network of its own; `request.param` are more words for docker network create."""
    name = make_name()
    words = getattr(request, "param", [])
    tried = docker("network", "create", "--label", LABEL, *words, name, fails=True)
    if tried.returncode != 0:
        pytest.skip(f"this engine makes no such network: {tried.stderr.strip()}")
    yield name
    # Its containers are gone by now, where a test takes it before `start`.
    docker("network", "rm", name, fails=True)


def test_by_its_own_address(plain):
    assert plain.get().status == 200
    assert plain.get(tls=True).status == 200


def test_by_published_ports(start):
    running = start(options=PORTS)
    assert running.get(at=running.published(8080)).status == 200
    assert running.get(at=running.published(8443), tls=running.trusted).status == 200


def test_by_a_published_port_of_ipv6(start):
    """The engine carries what comes by IPv6 to a container that has only IPv4."""
    if not has_ipv6():
        pytest.skip("this machine has no IPv6 on its loopback interface")
    running = start(options=["--publish=[::1]::8080"])
    address, port = running.published(8080)
    assert address == "::1"
    assert running.get(at=(address, port)).status == 200


def test_in_the_network_of_the_machine(start):
    """Where it has no address of its own, and no port that it may take for granted."""
    running = start("--http-port=0", "--https-port=0", "--address=localhost",
                    options=["--network=host"])
    port = int(running.out.wait(r"^\s*http://localhost:(\d+)$", 5)[1])
    assert running.get(at=("127.0.0.1", port)).status == 200


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def get_inside(running, url, *words):
    """Asks from within its own network, with our curl."""
    command = [need("nsenter", "util-linux"), f"--net=/proc/{running.pid}/ns/net",
               need("curl", "curl"), "-ksSf", "--max-time", "10", *words, url]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def has_ipv6_inside(running):
    return "00000000000000000000000000000001" in open(f"/proc/{running.pid}/net/if_inet6").read()


@pytest.mark.parametrize("scheme, port", [("http", 8080), ("https", 8443)])
def test_from_within(plain, scheme, port):
    """As another container of the same pod does."""
    assert "<title>" in get_inside(plain, f"{scheme}://127.0.0.1:{port}/")
    assert "<title>" in get_inside(plain, f"{scheme}://{plain.address}:{port}/")


def test_from_within_by_ipv6(start):
    running = start(options=["--sysctl=net.ipv6.conf.all.disable_ipv6=0"])
    if not has_ipv6_inside(running):
        pytest.skip("this engine gives containers no IPv6, not even on the loopback interface")
    assert "<title>" in get_inside(running, "http://[::1]:8080/")
    assert running.out.wait(r"^::1 - - ", 5)


@pytest.mark.parametrize("network", [["--ipv6", "--subnet=fd00:77:65:72::/64"]], indirect=True)
def test_by_ipv6(network, start):
    """Where the engine has a network with IPv6."""
    running = start(options=[f"--network={network}"])
    address = inspect(running.name)["NetworkSettings"]["Networks"][network]["GlobalIPv6Address"]
    assert address, "it has no address"
    eventually(lambda: reaches(address), 5, "the address to be usable")  # it is tried out first
    assert running.get(at=(address, 8080)).status == 200
    assert running.get(at=(address, 8443), tls=True).status == 200
    assert running.out.wait(rf"^{address.rpartition('::')[0]}::1 - - ", 5)


def reaches(address):
    try:
        socket.create_connection((address, 8080), 1).close()
        return True
    except OSError:
        return False

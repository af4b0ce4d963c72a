"""A rolling update: three containers behind a balancer, replaced one by one while everybody asks.

The balancer is Debian's haproxy, with nothing that would hide a failure: no retries, no second
choice.  It takes a server out of service when /readyz says so, and has seconds to notice, because
--drain-delay keeps the server at work until then."""

import collections
import http.client
import signal
import socket
import subprocess
import threading
import time

import pytest

from container import LABEL, docker, inspect, make_name
from program import Output, eventually
from tools import need, need_root

ADMIN = 9090
REPLICAS = 3
CLIENTS = 6

# Asks every 100 ms, so whoever is not ready gets nothing new soon after that; and is patient, so that
# nobody who is ready counts as gone on a busy machine.
HAPROXY = """\
global
    maxconn 1000
    log stderr format raw local0 warning
defaults
    mode http
    retries 0
    timeout connect 3s
    timeout check 3s
    timeout client 20s
    timeout server 20s
    option httpchk GET /readyz
    default-server check inter 100ms fastinter 100ms downinter 100ms fall 1 rise 1 port {admin}
frontend everybody
    bind 127.0.0.1:{port}
    default_backend replicas
backend replicas
    balance roundrobin
{servers}
listen state
    bind 127.0.0.1:{state_port}
    stats enable
    stats uri /
"""


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


@pytest.fixture
def network():
    """A network in which containers can be given addresses: docker wants to be told its range for
    that, so one is made to find a free range, and then another with it."""
    name = make_name()
    docker("network", "create", name)
    subnet = inspect(name, "network")["IPAM"]["Config"][0]["Subnet"]
    docker("network", "rm", name)
    docker("network", "create", "--label", LABEL, "--subnet", subnet, name)
    yield name, subnet.rpartition(".")[0]
    docker("network", "rm", name, fails=True)


class Balancer:
    """haproxy, on a port of the loopback."""

    def __init__(self, folder, addresses):
        self.port, self.state_port = free_ports(2)
        servers = [f"    server {name} {address}:8080" for name, address in addresses.items()]
        config = folder / "haproxy.cfg"
        config.write_text(HAPROXY.format(port=self.port, state_port=self.state_port, admin=ADMIN,
                                         servers="\n".join(servers)))
        self.process = subprocess.Popen(
            [need("haproxy", "haproxy"), "-db", "-f", config], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.err = Output(self.process.stderr)

    def serving(self):
        """Which servers it sends requests to."""
        table = self.ask(self.state_port, "/;csv")
        rows = [line.split(",") for line in table.splitlines() if line.startswith("replicas,")]
        return {row[1] for row in rows if row[17].startswith("UP") and row[1] != "BACKEND"}

    @staticmethod
    def ask(port, target):
        peer = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        peer.request("GET", target)
        answer = peer.getresponse().read().decode()
        peer.close()
        return answer

    def wait_serving(self, names):
        def holds():
            try:
                return self.serving() == set(names)
            except OSError:
                return False

        eventually(holds, 15, f"{names} to be in service: {self.err.bytes}")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


class Clients:
    """They ask all the time, half of them over connections that they keep; what went wrong."""

    def __init__(self, port):
        self.port, self.over = port, threading.Event()
        self.failures, self.answers = [], collections.Counter()
        self.tags = set()
        self.threads = [threading.Thread(target=self.ask, args=(n % 2 == 0,))
                        for n in range(CLIENTS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def ask(self, keeps):
        peer = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        while not self.over.is_set():
            try:
                peer.request("GET", "/", headers={} if keeps else {"Connection": "close"})
                answer = peer.getresponse()
                body = answer.read()
                self.answers[answer.status] += 1
                self.tags.add(answer.getheader("ETag"))
                if answer.status != 200 or b"<title>" not in body:
                    self.failures.append(f"{answer.status} {body[:100]}")
            except (OSError, http.client.HTTPException) as failure:
                self.failures.append(repr(failure))
                peer.close()
        peer.close()

    @property
    def asked(self):
        return sum(self.answers.values())

    def wait_more(self, count):
        """Until that many more were answered."""
        goal = self.asked + count
        eventually(lambda: self.asked >= goal or self.failures, 30, f"{count} answers")


@pytest.fixture
def replicas(network, start, tmp_path):
    """Three servers and their balancer, and how one of them is started."""
    name, prefix = network
    addresses = {f"s{n}": f"{prefix}.{10 + n}" for n in range(1, REPLICAS + 1)}

    def run(server, *options):
        return start(f"--admin-listen=*:{ADMIN}", "--drain-delay=2s",
                     options=[f"--network={name}", f"--ip={addresses[server]}", *options])

    servers = {server: run(server) for server in addresses}
    balancer = Balancer(tmp_path, addresses)
    balancer.wait_serving(servers)
    yield servers, balancer, run
    balancer.stop()


def test_not_one_request_fails(replicas, figure):
    """Each is stopped as docker stops, its successor started, and only then the next one's turn."""
    servers, balancer, run = replicas
    with Clients(balancer.port) as clients:
        clients.wait_more(200)
        for server in list(servers):
            servers[server].stop()
            servers[server].remove()
            servers[server] = run(server)
            balancer.wait_serving(servers)
            clients.wait_more(200)
    assert not clients.failures, f"{len(clients.failures)} of {clients.asked}: {clients.failures[:5]}"
    assert set(clients.answers) == {200}
    figure(f"failed requests of {clients.asked}, replacing {REPLICAS} servers",
           len(clients.failures), 0)


def test_a_killed_one_comes_back(replicas):
    """SIGKILL, as when memory runs out: what is under way is lost, but the engine starts it again,
    and it is back in service by itself."""
    need_root()
    servers, balancer, run = replicas
    servers["s1"].stop()
    servers["s1"].remove()
    lives = run("s1", "--restart=always")
    balancer.wait_serving(servers)
    before = lives.pid
    lives.signal(signal.SIGKILL)
    eventually(lambda: lives.pid not in (0, before), 15, "another life")
    balancer.wait_serving(servers)
    assert lives.get().status == 200


def test_every_replica_gives_the_same_tag(replicas):
    """It is made from the content, so whoever answers, what a client has stays good (RFC 9110
    §8.8.3)."""
    servers, balancer, _ = replicas
    tags = {server.get(fields={"Accept-Encoding": "identity"})["ETag"] for server in servers.values()}
    assert len(tags) == 1
    for _ in range(2 * REPLICAS):
        peer = http.client.HTTPConnection("127.0.0.1", balancer.port, timeout=10)
        peer.request("GET", "/", headers={"If-None-Match": next(iter(tags))})
        assert peer.getresponse().status == 304
        peer.close()


def test_ready_and_not(start):
    """/readyz says no from the signal on, while everything is still answered as before; /healthz
    says yes as long as anybody answers.  Neither is there for everybody."""
    running = start(f"--admin-listen=*:{ADMIN}", "--drain-delay=2s")
    admin = (running.address, ADMIN)

    def statuses():
        return [running.get(target, at=admin).status for target in ("/healthz", "/readyz")]

    assert statuses() == [200, 200]
    assert running.get("/readyz").status == 404
    docker("kill", "--signal=TERM", running.name)
    started = time.monotonic()
    eventually(lambda: statuses() == [200, 503], 1, "it not to be ready")
    assert running.get().status == 200, "it must still work: not everybody has noticed"
    assert running.wait_exit() == 0
    assert 1.5 < time.monotonic() - started < 4

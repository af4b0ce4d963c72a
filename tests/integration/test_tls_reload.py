"""Certificates that change on the disk: noticed within seconds, and nobody who calls notices more
than the new certificate."""

import contextlib
import os
import shutil
import signal
import ssl
import threading
import time
from pathlib import Path

import pytest
from cryptography import x509

from dialogue import request
from minted import Authority, Pair
from program import eventually
from s_client import s_client
from secure import Secure, trusting

NOTICED_S = 5.0


def serial_of(peer):
    return x509.load_der_x509_certificate(peer.tls.getpeercert(True)).serial_number


class Visitors:
    """Clients that call all the time, each time anew, from several threads; what they saw."""

    def __init__(self, server, count=4):
        self.server, self.failures, self.seen = server, [], {}
        self.visits, self.over = 0, threading.Event()
        self.threads = [threading.Thread(target=self.visit, args=(n,)) for n in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def visit(self, number):
        context = trusting(self.server.authority)
        try:
            while not self.over.is_set():
                with self.server.dial(tls=context, name="localhost", seconds=30) as peer:
                    for _ in range(1 + number):
                        assert peer.ask().status == 200
                    self.seen.setdefault(serial_of(peer), time.monotonic())
                    self.visits += 1
        except BaseException as failure:  # told by the test, not by the thread
            self.failures.append(f"visitor {number}: {failure!r}")

    def wait_seen(self, pair):
        """The time from now until this certificate is shown."""
        started = time.monotonic()
        eventually(
            lambda: pair.serial in self.seen or self.failures,
            NOTICED_S * self.server.patience,
            "the new certificate",
        )
        self.check()
        return self.seen[pair.serial] - started

    def check(self):
        assert not self.failures, self.failures[:3]


# ---- ways to replace -------------------------------------------------------------------------


class InPlace:
    """Written over, the certificate first: for a moment they do not belong together."""

    def __init__(self, folder):
        self.folder = folder

    def paths(self):
        return self.folder / "tls.crt", self.folder / "tls.key"

    def put(self, pair):
        self.folder.mkdir(exist_ok=True)
        for source, path in zip((pair.cert, pair.key), self.paths()):
            path.write_bytes(source.read_bytes())


class ByRename(InPlace):
    """As certbot's links and most scripts do."""

    def put(self, pair):
        self.folder.mkdir(exist_ok=True)
        for source, path in zip((pair.cert, pair.key), self.paths()):
            new = path.with_suffix(".new")
            new.write_bytes(source.read_bytes())
            os.rename(new, path)


class BySwap(InPlace):
    """As Kubernetes does with a secret: ..data leads to another folder from one moment on, and the
    one before is removed."""

    count = 0

    def put(self, pair):
        self.folder.mkdir(exist_ok=True)
        self.count += 1
        now, data = f"..2026_{self.count}", self.folder / "..data"
        before = os.readlink(data) if data.is_symlink() else None
        (self.folder / now).mkdir()
        shutil.copy(pair.cert, self.folder / now / "tls.crt")
        shutil.copy(pair.key, self.folder / now / "tls.key")
        os.symlink(now, self.folder / "..data_tmp")
        os.rename(self.folder / "..data_tmp", data)
        for path in self.paths():
            if not path.is_symlink():
                os.symlink(f"..data/{path.name}", path)
        if before:
            shutil.rmtree(self.folder / before)


class ByLink(InPlace):
    """As certbot does: live/ leads to archive/, a link for each file."""

    count = 0

    def put(self, pair):
        self.folder.mkdir(exist_ok=True)
        self.count += 1
        for source, path in zip((pair.cert, pair.key), self.paths()):
            target = self.folder / f"{self.count}-{path.name}"
            shutil.copy(source, target)
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            os.symlink(target.name, path)


def options_for(way):
    cert, key = way.paths()
    return [f"--tls-cert={cert}", f"--tls-key={key}"]


@pytest.fixture
def issue(authority):
    return lambda: authority.issue("localhost", "127.0.0.1")


@pytest.fixture
def reloading(serve_tls, site, authority, tmp_path, issue):
    """A server, and the way in which its files are replaced."""

    def start(way, *options):
        way = way(tmp_path / "live")
        way.put(issue())
        return serve_tls(site, *options_for(way), *options, authority=authority.cert), way

    return start


@pytest.mark.parametrize("kind", [InPlace, ByRename, BySwap, ByLink])
def test_replaced_under_load(reloading, issue, kind):
    server, way = reloading(kind)
    with Visitors(server) as visitors:
        eventually(lambda: visitors.visits > 20 or visitors.failures, 20 * server.patience, "load")
        for _ in range(3):
            pair = issue()
            way.put(pair)
            took = visitors.wait_seen(pair)
            assert took <= NOTICED_S * server.patience
        done = visitors.visits
        eventually(lambda: visitors.visits > done + 20 or visitors.failures, 20 * server.patience,
                   "load")
    visitors.check()
    assert "handshake failed" not in server.said


def reads(server):
    return server.said.count("read anew")


def test_a_signal_reads_at_once(reloading, issue):
    """Also what looks unchanged."""
    server, way = reloading(ByRename)
    for turn in range(3):
        server.signal(signal.SIGHUP)
        eventually(lambda: reads(server) > turn, 2 * server.patience, "it to be read")
    pair = issue()
    way.put(pair)
    server.signal(signal.SIGHUP)
    started = time.monotonic()
    eventually(lambda: serial_now(server) == pair.serial, 2 * server.patience, "the new one")
    assert time.monotonic() - started < 2 * server.patience


def serial_now(server):
    with server.dial(name="localhost") as peer:
        assert peer.ask().status == 200
        return serial_of(peer)


def test_signals_without_end(reloading):
    """Nobody is dropped, and nothing piles up."""
    server, _ = reloading(ByRename)
    with Visitors(server) as visitors:
        eventually(lambda: visitors.visits > 5 or visitors.failures, 20 * server.patience, "load")
        for turn in range(12):
            server.signal(signal.SIGHUP)
            eventually(lambda: reads(server) > turn, 5 * server.patience, "it to be read")
    visitors.check()
    eventually(lambda: server.descriptors < 40, 10 * server.patience, "descriptors to go")


# ---- what is no better -----------------------------------------------------------------------


def broken(authority, how):
    """Files that cannot be used, as a Pair, and a word of what is said about them."""
    good, other = (authority.issue("localhost", "127.0.0.1") for _ in range(2))
    if how == "garbage":
        good.cert.write_text("this is no certificate")
        return good, "no certificate"
    if how == "half":
        good.cert.write_bytes(good.cert.read_bytes()[:300])
        return good, "damaged|no certificate"
    if how == "another key":
        return Pair(good.cert, other.key, good.serial), "does not belong"
    if how == "expired":
        return authority.issue("localhost", "127.0.0.1", begins=-9, ends=-1), "expired"
    good.cert.write_bytes(b"")
    return good, "no certificate"


@pytest.mark.parametrize(
    "how, by",
    [
        ("garbage", "time"),
        ("another key", "time"),
        ("half", "signal"),
        ("expired", "signal"),
        ("empty", "signal"),
    ],
)
def test_a_broken_replacement(reloading, issue, authority, how, by):
    """The one before stays, it is said once, and the next good one is taken."""
    server, way = reloading(ByRename)
    before = serial_now(server)
    pair, word = broken(authority, how)
    way.put(pair)
    if by == "signal":
        server.signal(signal.SIGHUP)
    with Visitors(server, 2) as visitors:
        server.wait_error(rf"stay in use.*({word})")
        since = time.monotonic()
        if by == "time":  # long enough for it to look again
            eventually(
                lambda: time.monotonic() - since > 2.5 or visitors.failures, 10, "some more visits"
            )
            # Certificate and key are replaced one behind the other: what it says of the first
            # alone may not be what it says of both.
            assert server.said.count("stay in use") <= 2
        visitors.check()
        assert set(visitors.seen) == {before}
        pair = issue()
        way.put(pair)
        visitors.wait_seen(pair)
    visitors.check()


def test_files_that_are_gone_and_come_back(reloading, issue):
    server, way = reloading(InPlace)
    before = serial_now(server)
    for path in way.paths():
        path.unlink()
    server.wait_error("stay in use.*No such file")
    assert serial_now(server) == before
    pair = issue()
    way.put(pair)
    eventually(lambda: serial_now(server) == pair.serial, NOTICED_S * server.patience, "the new one")


def test_one_of_several(serve_tls, site, authority, tmp_path):
    """The others stay what they are; a broken one does not take them along."""
    pairs = [authority.issue(f"{n}.test", into=tmp_path / str(n)) for n in range(3)]
    server = serve_tls(site, pairs=pairs)
    serials = [pair.serial for pair in pairs]

    def shown():
        return [s_client(server, name=f"{n}.test").serial for n in range(3)]

    assert shown() == serials
    serials[1] = authority.issue("1.test", into=tmp_path / "1").serial
    eventually(lambda: shown() == serials, NOTICED_S * server.patience, "the second to be new")
    (tmp_path / "2" / "tls.crt").write_text("garbage")
    server.wait_error("stay in use.*2/tls.crt")
    assert shown() == serials


# ---- who is there meanwhile ------------------------------------------------------------------


def test_connections_that_stand_go_on(reloading, site, issue):
    """An idle one, one in the middle of a head, and one in the middle of a download."""
    (site / "large.bin").write_bytes(bytes(range(256)) * (16 << 12))
    server, way = reloading(ByRename)
    with server.dial() as idle, server.dial() as asking, server.dial(
        receive_buffer=64 * 1024
    ) as loading:
        assert idle.ask().status == 200
        asking.send(b"GET / HTTP/1.1\r\n")
        loading.send(request("/large.bin"))
        answer = loading.head()
        begun = loading.take(100_000)
        pair = issue()
        way.put(pair)
        eventually(lambda: serial_now(server) == pair.serial, NOTICED_S * server.patience, "it")
        assert idle.ask().status == 200
        asking.send(b"Host: localhost\r\n\r\n")
        assert asking.answer().status == 200
        rest = loading.take(int(answer["Content-Length"]) - len(begun))
        assert begun + rest == (site / "large.bin").read_bytes()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3],
                         ids=["1.2", "1.3"])
@pytest.mark.parametrize("after", [1, 50, 10_000], ids=lambda n: f"after {n} bytes")
def test_a_handshake_that_has_begun_is_finished(reloading, issue, version, after):
    """Whichever certificate it is: the hello is on its way when the files are replaced."""
    server, way = reloading(ByRename)
    context = ssl.create_default_context(cafile=str(server.authority))
    context.minimum_version = context.maximum_version = version
    with server.dial((server.host, server.https_port), tls=False) as peer:
        stream = Secure(peer.socket, context, "localhost")
        with contextlib.suppress(ssl.SSLWantReadError):
            stream.tls.do_handshake()
        said = stream.outgoing.read()
        peer.socket.sendall(said[:after])
        server.wait_read(peer)
        pair = issue()
        way.put(pair)
        server.signal(signal.SIGHUP)
        eventually(lambda: serial_now(server) == pair.serial, NOTICED_S * server.patience, "it")
        peer.socket.sendall(said[after:])
        peer.stream = stream
        stream.handshake()
        assert peer.ask().status == 200


def test_the_authorities_of_clients_change(serve_tls, site, authority, tmp_path):
    first, second = (Authority(tmp_path / name, name) for name in ("first", "second"))
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(first.pem)
    server = serve_tls(site, f"--tls-client-ca={trusted}", pairs=[authority.issue("localhost")])
    people = [each.issue(client=True, common_name="ann") for each in (first, second)]

    def let_in():
        return [
            s_client(server, "-cert", each.cert, "-key", each.key).has_shaken for each in people
        ]

    assert let_in() == [True, False]
    trusted.write_bytes(first.pem + second.pem)
    eventually(lambda: let_in() == [True, True], 2 * NOTICED_S * server.patience, "both")
    trusted.write_bytes(second.pem)
    eventually(lambda: let_in() == [False, True], 2 * NOTICED_S * server.patience, "the second")


def test_a_made_certificate_is_taken_from_the_folder_by_a_signal(serve_tls, site, tmp_path):
    """Somebody removes what is there: a signal is enough for a new one."""
    server = serve_tls(site)
    before = (tmp_path / "certs" / "cert.pem").read_bytes()
    for name in ("cert.pem", "key.pem"):
        (tmp_path / "certs" / name).unlink()
    server.signal(signal.SIGHUP)
    path = Path(tmp_path / "certs" / "cert.pem")
    eventually(path.exists, 5 * server.patience, "a certificate in the folder")
    assert server.get().status == 200
    assert s_client(server, "-verify_return_error").has_shaken
    assert path.read_bytes() is not before

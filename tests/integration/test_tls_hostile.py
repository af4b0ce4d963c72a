"""Whatever is sent to the port for HTTPS: the server goes on, and nothing is left behind."""

import contextlib
import functools
import random
import re
import signal
import socket
import ssl
import struct
import time

import pytest

import forger
from dialogue import Cut, request
from forger import Forger
from program import eventually
from secure import Secure, trusting

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
each_version = pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
ENDS = (Cut, ConnectionError, ssl.SSLError)


@pytest.fixture
def server(serve_tls, site, authority):
    """Its patience is longer than any test here takes: what it ends, it ends because it must."""
    patient = [f"--{what}-timeout=1h" for what in ("handshake", "head", "body", "idle")]
    return serve_tls(site, *patient, pairs=[authority.issue("localhost", "127.0.0.1")])


@pytest.fixture
def well(build):
    """Gives a check that the server serves on, and has given everything back."""

    def check(server, before):
        assert server.get().status == 200
        eventually(
            lambda: server.descriptors <= before + 2, 10 * server.patience, "descriptors to go"
        )
        assert server.is_running

    return check


def raw(server, **options):
    """A connection to the port for HTTPS, on which nothing has been said."""
    return server.dial((server.host, server.https_port), tls=False, **options)


def reset(peer):
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.socket.close()


def context_of(server, version):
    context = ssl.create_default_context(cafile=str(server.authority))
    context.minimum_version = context.maximum_version = version
    return context


@functools.lru_cache
def strangers(version):
    """The context of clients that trust nobody here."""
    context = ssl.create_default_context()
    context.minimum_version = context.maximum_version = version
    return context


def hello(version=V13):
    """A client's first words, as bytes."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = strangers(version).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def wait_end(peer):
    """Until the server ends the connection, one way or the other."""
    with contextlib.suppress(ConnectionError):
        while peer.socket.recv(1 << 16):
            pass


# ---- instead of a hello ----------------------------------------------------------------------

GARBAGE = {
    "zeros": b"\x16" + bytes(200),
    "ones": b"\x16" + b"\xff" * 200,
    "an empty record": b"\x16\x03\x01\x00\x00" * 20,
    "a record too long": b"\x16\x03\x01\x48\x01" + bytes(0x4801),
    "the longest record": b"\x16\x03\x01\xff\xff" + bytes(0xFFFF),
    "a hello too long": b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + bytes(0x3FFC),
    "a hello without end": (b"\x16\x03\x01\x40\x00\x01\x03\xff\xff" + bytes(0x3FFC))
    + (b"\x16\x03\x01\x40\x00" + bytes(0x4000)) * 12,
    "another message": b"\x16\x03\x01\x00\x04\x02\x00\x00\x00" + bytes(100),
    "data": b"\x16\x03\x03\x00\x01\x01" + b"\x17\x03\x03\x00\x20" + bytes(32),
    "a version of the future": b"\x16\x09\x09" + bytes(200),
    "noise": b"\x16" + random.Random(1).randbytes(3000),
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage(server, well, garbage):
    """It is over soon, with an alert where there is one, and the log has it."""
    before = server.descriptors
    for _ in range(5):
        with raw(server) as peer:
            with contextlib.suppress(OSError):  # it may be over before all is said
                peer.send(garbage)
                peer.half_close()
            wait_end(peer)
    well(server, before)
    server.wait_error(r'handshake failed peer=127\.0\.0\.1 why="[^"]+"')


def test_mutated_hellos(server, build, well):
    """Each is understood or refused, and none is waited for once its sender has stopped."""
    before, dice = server.descriptors, random.Random(7)
    originals = [hello(V12), hello(V13)]
    for _ in range(300 if build.is_fast else 100):
        said = bytearray(dice.choice(originals))
        for _ in range(dice.choice([1, 1, 2, 5, 40])):
            said[dice.randrange(1, len(said))] = dice.randrange(256)
        if dice.random() < 0.3:
            del said[dice.randrange(1, len(said)) :]
        with raw(server) as peer:
            with contextlib.suppress(OSError):  # it may be over before all is said
                peer.send(bytes(said))
                peer.half_close()
            wait_end(peer)
    well(server, before)


class Dripping(Secure):
    """Says everything a byte at a time, and waits until the first ones have been heard: to look for
    that takes long where there are many sockets."""

    def __init__(self, server, peer, *rest):
        super().__init__(peer.socket, *rest)
        self.server, self.peer = server, peer

    def flush(self):
        said = self.outgoing.read()
        for at in range(len(said)):
            self.socket.sendall(said[at : at + 1])
            until = time.monotonic() + 10 * self.server.patience
            while at < 40 and not self.server.has_read(self.peer):
                assert time.monotonic() < until, "a byte is not read"


@each_version
def test_everything_in_one_byte_pieces(server, version):
    with raw(server) as peer:
        peer.stream = Dripping(server, peer, context_of(server, version), "localhost")
        peer.stream.handshake()
        for _ in range(2):
            assert peer.ask().status == 200


@each_version
def test_a_hello_in_many_records(server, version):
    """RFC 8446 §5.1: a message may be cut anywhere."""
    said = hello(version)
    message = said[5:]

    with raw(server) as peer:
        peer.send(
            b"".join(
                b"\x16\x03\x01" + struct.pack(">H", len(piece)) + piece
                for piece in (message[at : at + 7] for at in range(0, len(message), 7))
            )
        )
        assert peer.socket.recv(1) == b"\x16", "a hello comes back"


# ---- who does not go on ----------------------------------------------------------------------


def check_about(took, limit, server):
    assert limit - 0.05 <= took <= limit + 1.0 * server.patience, f"{took:.2f} s"


@pytest.mark.parametrize("said", [1, 5, 100], ids=lambda count: f"{count} bytes")
def test_a_hello_that_does_not_end(serve_tls, site, said):
    server = serve_tls(site, "--handshake-timeout=500ms", "--head-timeout=60s")
    with raw(server) as peer:
        started = time.monotonic()
        peer.send(hello()[:said])
        wait_end(peer)
        check_about(time.monotonic() - started, 0.5, server)
    server.wait_error(r'handshake failed peer=127\.0\.0\.1 why="[^"]*too long[^"]*"')


def test_trickled_bytes_do_not_move_the_deadline(serve_tls, site):
    server = serve_tls(site, "--handshake-timeout=500ms", "--head-timeout=60s")
    said = hello()
    with raw(server, seconds=0.05) as peer:
        started, at, is_over = time.monotonic(), 0, False
        while not is_over:
            with contextlib.suppress(TimeoutError):
                try:
                    peer.send(said[at : at + 1])
                    is_over = not peer.socket.recv(1 << 16)
                except ConnectionError:
                    is_over = True
            at += 1
            assert time.monotonic() - started < 5 * server.patience
        check_about(time.monotonic() - started, 0.5, server)


def test_who_says_nothing_is_let_go_in_silence(serve_tls, site):
    """A browser's spare connection is no failure."""
    server = serve_tls(site, "--handshake-timeout=500ms", "--head-timeout=60s")
    with raw(server) as peer:
        started = time.monotonic()
        wait_end(peer)
        check_about(time.monotonic() - started, 0.5, server)
    with raw(server):
        pass
    assert server.get().status == 200
    server.stop()
    assert "handshake failed" not in server.said


@each_version
def test_who_does_not_finish(serve_tls, site, version):
    """All but the last message."""
    server = serve_tls(site, "--handshake-timeout=500ms", "--head-timeout=60s")
    with raw(server) as peer:
        started = time.monotonic()
        peer.send(hello(version))
        wait_end(peer)
        check_about(time.monotonic() - started, 0.5, server)


def test_the_time_of_a_handshake_is_not_that_of_a_head(serve_tls, site):
    """Who has shaken hands and says nothing has all the time of a head."""
    server = serve_tls(site, "--handshake-timeout=300ms", "--head-timeout=1500ms")
    with server.dial() as peer:
        started = time.monotonic()
        peer.expect_end()
        check_about(time.monotonic() - started, 1.5, server)


class Counting(Secure):
    """Stops after so many bytes, without a word."""

    class Stopped(Exception):
        pass

    def __init__(self, limit, *rest):
        super().__init__(*rest)
        self.left = limit

    def flush(self):
        said = self.outgoing.read()
        piece, self.left = said[: self.left], self.left - len(said)
        if piece:
            self.socket.sendall(piece)
        if self.left < 0:
            raise self.Stopped


@pytest.mark.parametrize("how", ["reset", "closed"])
@each_version
def test_gone_at_every_point(server, build, well, version, how):
    """By a reset, or by an end: in the hello, between flights, in the last message, in a request."""
    with server.dial() as peer:
        assert peer.ask().status == 200
    before, context = server.descriptors, context_of(server, version)
    whole = len(hello(version))
    step = 1 if build.is_fast else 7
    points = {0, 1, 4, 5, 6, whole - 1, whole, whole + 1, *range(10, whole, 40)}
    points.update(range(whole + 2, whole + 220, 3 * step))
    for limit in sorted(points):
        peer = raw(server)
        peer.stream = Counting(limit, peer.socket, context, "localhost")
        with contextlib.suppress(Counting.Stopped, *ENDS):
            peer.stream.handshake()
            peer.send(request("/"))
            peer.answer()
        if how == "reset":
            reset(peer)
        peer.socket.close()
    well(server, before)


# ---- many of them ----------------------------------------------------------------------------


def test_newcomers_among_a_thousand_half_open_handshakes(serve_tls, site, build, well):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = 1000 if build.is_fast else 200
    server = serve_tls(site, "--connections-max=4096", "--handshake-timeout=60s")
    assert server.get().status == 200
    before, peers, said = server.descriptors, [], hello()
    try:
        for at in range(count):
            peers.append(raw(server))
            peers[-1].send(said[: 1 + at % (len(said) - 1)])
        took = []
        for _ in range(20):
            started = time.monotonic()
            assert server.get().status == 200
            took.append(time.monotonic() - started)
        assert min(took) < 0.1 * server.patience and max(took) < 2 * server.patience, took
    finally:
        for peer in peers:
            reset(peer)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    well(server, before)


def test_half_open_handshakes_do_not_keep_the_house_full(serve_tls, site):
    """All places are taken by who does not go on: their time is soon over."""
    server = serve_tls(site, "--connections-max=20", "--handshake-timeout=700ms")
    peers = [raw(server) for _ in range(20)]
    try:
        for peer in peers:
            peer.send(hello()[:50])

        def is_served():
            with contextlib.suppress(*ENDS, TimeoutError):
                return server.get().status == 200
            return False

        eventually(is_served, 5 * server.patience, "a newcomer to be served")
    finally:
        for peer in peers:
            reset(peer)


def test_trickled_handshakes_do_not_keep_it_full_either(serve_tls, site):
    """A byte now and then is no reason to keep a place that a newcomer could have."""
    server = serve_tls(site, "--connections-max=20", "--handshake-timeout=60s")
    peers = [raw(server) for _ in range(20)]
    rest = {peer: hello() for peer in peers}
    try:

        def is_served():
            for peer in peers:
                with contextlib.suppress(*ENDS):
                    peer.send(rest[peer][:1])
                    rest[peer] = rest[peer][1:]
            with contextlib.suppress(*ENDS, TimeoutError):
                return server.get().status == 200
            return False

        eventually(is_served, 10 * server.patience, "a newcomer to be served")
    finally:
        for peer in peers:
            reset(peer)


def test_failures_do_not_flood_the_log(server):
    """So many a second are told, and the rest is counted: none is forgotten."""

    def fail():
        with raw(server) as peer:
            with contextlib.suppress(ConnectionError):
                peer.send(b"\x16\x03\x01\x00\x04\x02\x00\x00\x00")
            wait_end(peer)

    started, count = time.monotonic(), 500
    for _ in range(count):
        fail()
    seconds = time.monotonic() - started
    server.wait_error("handshake failed")
    told = server.said.count("handshake failed")
    assert 1 <= told <= (seconds + 2) * 10, f"{told} lines in {seconds:.1f} s"

    def heard():
        untold = re.findall(r"handshakes failed.*\b\w+=(\d+)", server.said)
        return len(re.findall(r"handshake failed", server.said)) + sum(map(int, untold))

    def is_complete():
        nonlocal count
        fail()
        count += 1
        with contextlib.suppress(AssertionError):
            eventually(lambda: heard() == count, 0.3, "the log")
        return heard() == count

    eventually(is_complete, 10 * server.patience, "all failures to be counted")


def memory_bytes(pid):
    for line in open(f"/proc/{pid}/smaps_rollup"):
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no Pss")


@each_version
def test_nothing_is_left_behind(server, build, well, version):
    """Hundreds of visits, good and bad, later it is no larger."""
    context = context_of(server, version)

    def round_of_visits():
        for turn in range(200):
            with server.dial(tls=context, name="localhost") as peer:
                assert peer.ask().status == 200
            with raw(server) as peer:
                with contextlib.suppress(ConnectionError):
                    peer.send(hello()[: 20 + turn] + b"\xff" * 50)
            with raw(server) as peer, contextlib.suppress(ssl.SSLError):
                peer.stream = Secure(peer.socket, strangers(version), "localhost")
                peer.stream.handshake()

    round_of_visits()
    before, memory = server.descriptors, memory_bytes(server.pid)
    round_of_visits()
    well(server, before)
    if not build.has_sanitizer:
        assert memory_bytes(server.pid) - memory < 400_000


# ---- after the handshake ---------------------------------------------------------------------


@pytest.fixture
def forge(server, tmp_path):
    """Gives a client that has shaken hands and seals what it likes."""
    peers = []

    def forge(version):
        peers.append(raw(server))
        return Forger(peers[-1], server.authority, tmp_path, version)

    yield forge
    for peer in peers:
        peer.socket.close()


def check_refused(forged):
    """The server has had enough of it, and ends the connection."""
    wait_end(forged.peer)


@each_version
def test_a_forger_can_be_honest(server, forge, version):
    """Else the tests below would prove nothing."""
    forged = forge(version)
    for _ in range(3):
        forged.send(forged.seal(forger.DATA, request("/")))
        assert forged.peer.answer().status == 200


def test_a_few_new_keys_are_fine(server, forge):
    """RFC 8446 §4.6.3"""
    forged = forge(V13)
    for _ in range(5):
        forged.send(forged.key_update(True) + forged.key_update(False))
        forged.send(forged.seal(forger.DATA, request("/")))
        assert forged.peer.answer().status == 200


@pytest.mark.parametrize("asks", [True, False], ids=["asking", "telling"])
def test_a_flood_of_new_keys(server, forge, well, asks):
    """Each costs us more than them: there is an end to it."""
    before, forged = server.descriptors, forge(V13)
    with contextlib.suppress(ConnectionError):
        for _ in range(200):
            forged.send(b"".join(forged.key_update(asks) for _ in range(100)))
    check_refused(forged)
    well(server, before)


@each_version
def test_a_flood_of_empty_records(server, forge, well, version):
    before, forged = server.descriptors, forge(version)
    with contextlib.suppress(ConnectionError):
        for _ in range(200):
            forged.send(b"".join(forged.seal(forger.DATA) for _ in range(100)))
    check_refused(forged)
    well(server, before)


def test_a_flood_of_padding(server, forge, well):
    """RFC 8446 §5.4: records that are nothing else."""
    before, forged = server.descriptors, forge(V13)
    with contextlib.suppress(ConnectionError):
        for _ in range(50):
            forged.send(b"".join(forged.seal(forger.DATA, padding=16000) for _ in range(10)))
    check_refused(forged)
    well(server, before)


def test_a_flood_of_warnings(server, forge, well):
    """RFC 5246 §7.2.2"""
    before, forged = server.descriptors, forge(V12)
    warning = bytes([forger.WARNING, 90])  # user_canceled
    with contextlib.suppress(ConnectionError):
        for _ in range(200):
            forged.send(b"".join(forged.seal(forger.ALERT, warning) for _ in range(100)))
    check_refused(forged)
    well(server, before)


def test_a_flood_of_renegotiations(server, forge, well):
    """In 1.2: a hello after the handshake is answered by a warning at most, and not for ever."""
    before, forged = server.descriptors, forge(V12)
    again = hello(V12)[5:]
    with contextlib.suppress(ConnectionError):
        for _ in range(100):
            forged.send(b"".join(forged.seal(forger.HANDSHAKE, again) for _ in range(20)))
    check_refused(forged)
    well(server, before)


def test_one_renegotiation(server, forge):
    """RFC 5746 §4.5: it is declined, or the connection ends; never a second handshake."""
    forged = forge(V12)
    forged.send(forged.seal(forger.HANDSHAKE, hello(V12)[5:]))
    forged.send(forged.seal(forger.DATA, request("/")))
    with contextlib.suppress(*ENDS):
        assert forged.peer.answer().status == 200
    assert server.get().status == 200


def test_a_second_hello_in_1_3(server, forge, well):
    """RFC 8446 §4.1.2"""
    before, forged = server.descriptors, forge(V13)
    forged.send(forged.seal(forger.HANDSHAKE, hello(V13)[5:]))
    with pytest.raises((ssl.SSLError, *ENDS)):
        while forged.peer.stream.recv(100):
            pass
        raise Cut("ended")
    well(server, before)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda record: record[:-1] + bytes([record[-1] ^ 1]),
        lambda record: record[:5] + bytes(len(record) - 5),
        lambda record: record[:3] + b"\x48\x01" + bytes(0x4801),
        lambda record: record[:3] + b"\x00\x00",
        lambda record: b"\x63" + record[1:],
        lambda record: record[1:],
        lambda record: b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    ids=["wrong tag", "zeros", "too long", "nothing", "unknown kind", "shifted", "plain text"],
)
@each_version
def test_a_spoiled_record(server, forge, well, version, spoil):
    """RFC 8446 §5.2: what was not sealed by the peer is the end."""
    before, forged = server.descriptors, forge(version)
    forged.send(spoil(forged.seal(forger.DATA, request("/spoiled"))))
    with contextlib.suppress(OSError):  # it may be over already
        forged.peer.socket.shutdown(socket.SHUT_WR)
    check_refused(forged)
    well(server, before)
    assert "/spoiled" not in server.log


@each_version
def test_a_record_that_was_played_back(server, forge, well, version):
    before, forged = server.descriptors, forge(version)
    record = forged.seal(forger.DATA, request("/once"))
    forged.send(record)
    assert forged.peer.answer().status == 404
    server.wait_log("/once")
    forged.send(record)
    check_refused(forged)
    well(server, before)
    assert server.log.count("/once") == 1


@each_version
def test_more_in_a_record_than_there_may_be(server, forge, well, version):
    """RFC 8446 §5.1: 2^14 bytes and no more."""
    before, forged = server.descriptors, forge(version)
    head = b"GET /long HTTP/1.1\r\nHost: a\r\nX: "
    forged.send(forged.seal(forger.DATA, head + b"x" * (0x4001 - len(head))))
    check_refused(forged)
    well(server, before)
    assert "/long" not in server.log


@each_version
def test_data_behind_the_goodbye(server, forge, well, version):
    """RFC 8446 §6.1: they are not read."""
    before, forged = server.descriptors, forge(version)
    goodbye = forged.seal(forger.ALERT, bytes([forger.WARNING, 0]))
    with contextlib.suppress(ConnectionError):
        forged.send(goodbye + forged.seal(forger.DATA, request("/late")))
    check_refused(forged)
    well(server, before)
    assert "/late" not in server.log


# ---- cut off ---------------------------------------------------------------------------------

BODIES = {
    "length": b"GET /cut HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n" + b"x" * 50,
    "chunks": b"GET /cut HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "a chunk": b"GET /cut HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    "the last chunk": b"GET /cut HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
}


@pytest.mark.parametrize("polite", [True, False], ids=["goodbye", "cut"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@each_version
def test_a_body_that_was_cut_off(server, version, body, polite):
    """RFC 9112 §8, §9.8: nobody takes it for whole, whoever has ended it."""
    with server.dial(tls=context_of(server, version), name="localhost") as peer:
        peer.send(body)
        if polite:
            peer.half_close()
        else:
            peer.socket.shutdown(socket.SHUT_WR)
        with contextlib.suppress(*ENDS):
            answer = peer.answer()
            assert answer.status == 400 and answer.closes, str(answer)
    assert server.get("/after").status == 404
    server.wait_log(r'"GET /after ')
    for status in re.findall(r'"GET /cut HTTP/1\.1" (\d+)', server.log):
        assert status == "400"


@each_version
def test_a_head_that_was_cut_off(server, version):
    with server.dial(tls=context_of(server, version), name="localhost") as peer:
        peer.send(b"GET /cut HTTP/1.1\r\nHost: a\r\n")
        peer.socket.shutdown(socket.SHUT_WR)
        with contextlib.suppress(*ENDS):
            assert peer.answer().status == 400
    assert not re.search(r'"GET /cut HTTP/1\.1" [23]', server.log)


@each_version
def test_our_answers_end_with_a_goodbye(server, version):
    """RFC 9112 §9.8: so that nobody can cut them short unseen."""
    context = context_of(server, version)
    for ask in (request("/", fields={"Connection": "close"}), b"GET / HTTP/1.0\r\n\r\n",
                b"GET / HTTP/1.1\r\n\r\n", b"nonsense\r\n\r\n"):
        with server.dial(tls=context, name="localhost") as peer:
            peer.send(ask)
            peer.answer()
            peer.expect_end()  # Truncated, if there was none


def test_a_client_that_leaves_in_the_middle_of_a_download(server, site, well):
    (site / "large.bin").write_bytes(bytes(16 << 20))
    before = server.descriptors
    for turn in range(20):
        peer = server.dial(receive_buffer=16 * 1024)
        peer.send(request("/large.bin"))
        peer.head()
        peer.take(50_000)
        if turn % 2:
            reset(peer)
        else:
            peer.close()
    well(server, before)


def test_held_still_in_the_middle(serve_tls, site, authority):
    """What has come while the program was held still is read to the last byte: records that wait
    inside OpenSSL are nobody's news any more."""
    server = serve_tls(site, pairs=[authority.issue("localhost", "127.0.0.1")])
    with server.dial() as peer:
        assert peer.ask().status == 200
        server.signal(signal.SIGSTOP)
        try:
            for _ in range(40):
                peer.send(request("/"))  # a record each
        finally:
            server.signal(signal.SIGCONT)
        for _ in range(40):
            assert peer.answer().status == 200


def test_trust_is_asked_for(server):
    """The helper itself: a client that trusts nobody does not go on."""
    with pytest.raises(ssl.SSLCertVerificationError):
        server.dial(tls=trusting(server.authority), name="elsewhere.test")

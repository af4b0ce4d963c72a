"""Answers that come piece by piece, by the program tests/peers/streamer.c: framing, time, and the end."""

import gzip
import http.client
import json
import re
import resource
import socket
import ssl
import subprocess
import threading
import time
import zlib

import pytest

from dialogue import Cut, request
from program import eventually
from secure import trusting

CLIENTS = 1000


def streaming(build, serve, *numbers):
    """With these for HANDLER_TIMEOUT_MS, DRAIN_MS and WRITE_TIMEOUT_MS."""
    return serve(None, program=build.peer("streamer"), behind=[".", *map(str, numbers)])


@pytest.fixture
def streamer(build, serve):
    return streaming(build, serve)


def counts(server):
    return json.loads(server.get("/counts").body)


def wait_released(server, count):
    eventually(
        lambda: counts(server)["released"] == count, 10 * server.patience, f"{count} to be released"
    )


def chunk(peer):
    """The next chunk; b"" is the last one, whose trailers stay unread."""
    size = int(peer.line(), 16)
    data = peer.take(size)
    assert not size or peer.take(2) == b"\r\n"
    return data


# ---- framing ---------------------------------------------------------------------------------


def test_chunks_and_trailers(streamer):
    """RFC 9112 §7.1, RFC 9110 §6.5"""
    with streamer.dial() as peer:
        for count in (0, 1, 3, 9000, 100_000):
            peer.send(request(f"/lines/{count}"))
            answer, body = peer.head(), b""
            assert answer["Transfer-Encoding"] == "chunked" and "Content-Length" not in answer
            while piece := chunk(peer):
                assert len(piece) <= 64 * 1024
                body += piece
            assert peer.line() == b"X-Lines: %d" % count and peer.line() == b""
            assert body == b"".join(b"%07d\n" % i for i in range(count))


def test_http_1_0(streamer):
    """RFC 9112 §6.3: no chunks and no trailers; the end is the end of the connection."""
    with streamer.dial() as peer:
        peer.send(b"GET /lines/20000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        answer = peer.head()
        assert answer.closes and "Transfer-Encoding" not in answer
        assert peer.rest() == b"".join(b"%07d\n" % i for i in range(20000))
        peer.expect_end()


def test_head(streamer):
    """RFC 9110 §9.3.2: the fields of GET, and nobody is asked for a body."""
    with streamer.dial() as peer:
        assert peer.ask("/lines/5", "HEAD")["Transfer-Encoding"] == "chunked"
        assert peer.ask("/drip/5", "HEAD")["Content-Length"] == "5"
        assert peer.ask("/endless", "HEAD").status == 200
        assert peer.ask("/drip/2").body == b"**"
    wait_released(streamer, 4)


def test_requests_behind_a_stream(streamer):
    """RFC 9112 §9.3.2"""
    with streamer.dial() as peer:
        peer.send(b"".join(request(target) for target in ("/drops/3", "/lines/2", "/drip/2", "/x")))
        assert peer.answer().body == b"***"
        assert peer.answer().body == b"0000000\n0000001\n"
        assert peer.answer().body == b"**"
        assert peer.answer().status == 404


def test_ranges_of_what_cannot_be_sought(streamer):
    """RFC 9110 §14.2: a server may ignore Range."""
    answer = streamer.get("/drip/5", fields={"Range": "bytes=1-2"})
    assert answer.status == 200 and answer.body == b"*****"


def test_clients_that_others_wrote(streamer):
    """RFC 9112 §7.1, as curl and Python's http.client read it."""
    curl = subprocess.run(
        ["curl", "-sS", "--raw", streamer.url + "/lines/2"], capture_output=True, check=True
    )
    assert curl.stdout == b"10\r\n0000000\n0000001\n\r\n0\r\nX-Lines: 2\r\n\r\n"
    curl = subprocess.run(["curl", "-sS", streamer.url + "/drops/4"], capture_output=True, check=True)
    assert curl.stdout == b"****"
    curl = subprocess.run(
        ["curl", "-sS", "-0", streamer.url + "/lines/2"], capture_output=True, check=True
    )
    assert curl.stdout == b"0000000\n0000001\n"
    if streamer.is_secure:
        client = http.client.HTTPSConnection(
            streamer.host, streamer.port, context=trusting(streamer.authority)
        )
    else:
        client = http.client.HTTPConnection(streamer.host, streamer.port)
    for _ in range(2):
        client.request("GET", "/lines/9000")
        assert len(client.getresponse().read()) == 72_000
    client.close()


def test_streams_that_are_coded(streamer):
    """RFC 9110 §8.4: for who takes it; flushed whenever the stream waits."""
    lines = b"".join(b"%07d\n" % i for i in range(50_000))
    with streamer.dial() as peer:
        answer = peer.ask("/lines/50000", fields={"Accept-Encoding": "gzip"})
        assert answer["Content-Encoding"] == "gzip" and answer["Vary"] == "Accept-Encoding"
        assert len(answer.body) < len(lines) / 2 and gzip.decompress(answer.body) == lines
        assert peer.ask("/drip/3", fields={"Accept-Encoding": "gzip"}).body == b"***"
    with streamer.dial() as peer:
        peer.send(request("/events", fields={"Accept-Encoding": "gzip, br"}))
        assert peer.head()["Content-Encoding"] == "gzip"
        decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)
        assert decoder.decompress(chunk(peer)) == b": hello\n\n"
        assert streamer.get("/publish", "POST").status == 204
        assert decoder.decompress(chunk(peer)) == b"data: 1\n\n"
    for coding in ("gzip", "br"):
        curl = subprocess.run(
            ["curl", "-sS", "--compressed", "-H", f"Accept-Encoding: {coding}",
             streamer.url + "/lines/50000"],
            capture_output=True, check=True,
        )
        assert curl.stdout == lines
    wait_released(streamer, 5)


# ---- what cannot be finished -----------------------------------------------------------------


def test_a_broken_stream_is_seen_to_be_broken(streamer):
    """RFC 9112 §8: incomplete."""
    for target, code in (("/broken", 18), ("/long", 18)):
        curl = subprocess.run(["curl", "-sS", streamer.url + target], capture_output=True)
        assert curl.returncode == code, curl
        with streamer.dial() as peer, pytest.raises((Cut, ConnectionResetError)):
            peer.ask(target)
    streamer.wait_error(r'the stream of an answer broke off path="broken"')
    streamer.wait_log(r'"GET /long HTTP/1.1" 200 1000 .*"the stream of the answer broke off"$')


def test_a_broken_stream_in_http_1_0(streamer):
    """RFC 9112 §8: what ends with the connection must not look whole."""
    curl = subprocess.run(["curl", "-sS", "-0", streamer.url + "/broken"], capture_output=True)
    assert curl.returncode != 0
    with streamer.dial() as peer:
        peer.send(b"GET /broken HTTP/1.0\r\n\r\n")
        with pytest.raises((ConnectionResetError, Cut, AssertionError, ssl.SSLError)):
            peer.rest()
            peer.expect_end()


def test_what_fails_before_it_begins_is_answered(streamer):
    """RFC 9110 §15"""
    for target in ("/never", "/short"):
        answer = streamer.get(target)
        assert answer.status == 500 and answer.closes
    assert counts(streamer)["released"] == 2


# ---- in its own time -------------------------------------------------------------------------


def test_a_drip_drips(build, streamer):
    """A wait is as long as asked for, within a few milliseconds."""
    with streamer.dial() as peer:
        for target in ("/drip/26", "/drops/26"):
            before = time.monotonic()
            assert peer.ask(target).body == b"*" * 26
            took = time.monotonic() - before
            assert took >= 25 * 0.019
            if build.is_fast:
                assert took < 25 * 0.020 + 0.5


def test_a_stream_woken_by_another_thread(streamer):
    with streamer.dial() as peer:
        for count in (1, 10, 200):
            body = peer.ask(f"/thread/{count}").body
            assert body == b"".join(b"%d\n" % i for i in range(count))
    peers = [streamer.dial() for _ in range(20)]
    for peer in peers:
        peer.send(request("/thread/300"))
    for peer in peers:
        assert peer.answer().body.count(b"\n") == 300
        peer.close()
    wait_released(streamer, 23)


def test_who_leaves_while_a_stream_waits(streamer):
    """At once: neither more to say nor a deadline is needed for it to be noticed."""
    for _ in range(5):
        with streamer.dial() as peer:
            peer.send(request("/events"))
            assert peer.head().status == 200 and chunk(peer) == b": hello\n\n"
    wait_released(streamer, 5)
    streamer.wait_log(r'"GET /events HTTP/1.1" 200 9 .*"the client went away"$')


def test_who_half_closes_and_waits(streamer):
    """RFC 9112 §9.6: after a request that was said to be the last."""
    with streamer.dial() as peer:
        peer.send(request("/drops/5", fields={"Connection": "close"}))
        if not peer.tls:
            peer.half_close()
        assert peer.answer().body == b"*****"


def test_who_reads_slowly_gets_all_of_it(streamer):
    with streamer.dial(receive_buffer=4096) as peer:
        peer.send(request("/lines/200000"))
        peer.head()
        time.sleep(0.2)
        body = b""
        while piece := chunk(peer):
            body += piece
        assert len(body) == 8 * 200_000


def test_who_does_not_read_at_all(build, serve):
    server = streaming(build, serve, 60000, 10000, 300)
    with server.dial(receive_buffer=4096) as peer:
        peer.send(request("/endless"))
        wait_released(server, 1)
    server.wait_log(r'"GET /endless .*"the client took the answer too slowly"$')


def test_endless_streams_leave_room_for_others(build, streamer):
    """DESIGN.md, "A turn has a budget"."""

    def swallow(peer):
        try:
            while peer.stream.recv(1 << 16):
                pass
        except OSError:
            pass

    peers = [streamer.dial() for _ in range(4)]
    threads = [threading.Thread(target=swallow, args=(peer,)) for peer in peers]
    for peer, thread in zip(peers, threads):
        peer.send(request("/endless"))
        thread.start()
    try:
        for _ in range(10):
            assert streamer.get("/counts").status == 200
    finally:
        for peer in peers:
            peer.socket.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        for peer in peers:
            peer.close()
    wait_released(streamer, 4)


def resident_kib(server):
    status = open(f"/proc/{server.pid}/status").read()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])


def test_a_thousand_event_streams(build, streamer):
    """They hold no worker, and no more memory than a request; one event reaches all of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    many = CLIENTS if build.is_fast and not streamer.is_secure else 100
    assert streamer.get("/publish", "POST").status == 204  # every thread is there by now
    threads, before = streamer.threads(), resident_kib(streamer)
    peers = [streamer.dial(seconds=30) for _ in range(many)]
    try:
        for peer in peers:
            peer.send(request("/events"))
        for peer in peers:
            peer.head()
            assert chunk(peer) == b": hello\n\n"
        assert streamer.threads() <= threads
        each = (resident_kib(streamer) - before) / many
        print(f"{each:.1f} KiB for each of {many} streams that wait")
        if build.is_fast and not streamer.is_secure:
            assert each < 24
        for event in (b"data: 2\n\n", b"data: 3\n\n"):
            assert streamer.get("/publish", "POST").status == 204
            for peer in peers:
                assert chunk(peer) == event
    finally:
        for peer in peers:
            peer.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    wait_released(streamer, many)


# ---- the end ---------------------------------------------------------------------------------


def test_streams_learn_that_the_server_stops(streamer):
    """Who waits is called, and may come to an end: nobody has to wait for the time to drain."""
    peers = [streamer.dial() for _ in range(10)]
    for peer in peers:
        peer.send(request("/events"))
        peer.head()
        assert chunk(peer) == b": hello\n\n"
    with streamer.dial() as drip:
        drip.send(request("/drops/20"))
        drip.head()
        before = time.monotonic()
        streamer.signal()
        for peer in peers:
            assert chunk(peer) == b"event: bye\ndata:\n\n" and chunk(peer) == b""
            peer.close()
        while chunk(drip):
            pass
    assert streamer.wait_exit() == 0
    assert time.monotonic() - before < 5 * streamer.patience
    streamer.wait_error("begun=11 released=11 all was finished")


def test_a_stream_without_an_end_is_cut_when_the_time_is_up(build, serve):
    server = streaming(build, serve, 60000, 300)
    with server.dial() as peer:
        peer.send(request("/mute"))
        peer.head()
        assert chunk(peer) == b": hello\n\n"
        before = time.monotonic()
        server.signal()
        with pytest.raises((Cut, ConnectionResetError)):
            chunk(peer)
        assert time.monotonic() - before >= 0.25
    server.wait_exit()
    server.wait_log(r'"GET /mute HTTP/1.1" 200 9 .*"the server stopped"$')
    server.wait_error("begun=1 released=1 some was cut")


# ---- handlers and time -----------------------------------------------------------------------


def test_a_handler_that_sleeps(build, serve):
    server = streaming(build, serve, 200)
    assert server.get("/sleep/20").body == b"slept"
    before = time.monotonic()
    assert server.get("/sleep/5000").body == b"late"
    assert 0.19 <= time.monotonic() - before < 2.5 * server.patience


def test_a_handler_that_takes_too_long_is_told_of(build, serve):
    server = streaming(build, serve, 50)
    assert server.get("/oversleep/120").body == b"overslept"
    ms = int(server.wait_error(r'the handler took too long path="oversleep/120" ms=(\d+)')[1])
    assert 119 <= ms < 2000 * server.patience
    assert server.get("/oversleep/1").body == b"overslept"
    assert server.said.count("took too long") == 1


def test_a_handler_that_sleeps_for_nobody(streamer):
    """It wakes when the client has gone."""
    with streamer.dial() as peer:
        peer.send(request("/sleep/30000"))
        time.sleep(0.1)
    eventually(lambda: counts(streamer)["early"] == 1, 5 * streamer.patience, "it to wake up")


def test_a_handler_that_sleeps_when_the_server_stops(build, serve):
    server = streaming(build, serve, 60000, 500)
    with server.dial() as peer:
        peer.send(request("/sleep/30000"))
        time.sleep(0.1)
        before = time.monotonic()
        server.signal()
        server.wait_exit()
        assert time.monotonic() - before < 5 * server.patience

"""Endpoints whose bodies are as long, as slow or as odd as the caller says: /bytes, /stream-bytes,
/range, /base64 and /drip."""

import base64
import hashlib
import re
import time
from urllib.parse import quote

import pytest

from clients import CLIENTS
from dialogue import request
from test_endpoints import high_water
from test_streams import chunk

MIB = 1 << 20
WORD = (1 << 64) - 1


@pytest.fixture(scope="module")
def server(serve_all, tmp_path_factory):
    return serve_all(tmp_path_factory.mktemp("site"), "--endpoints=/test")


def splitmix64(seed):
    """As its authors publish it, one number after the other."""
    state = seed
    while True:
        state = (state + 0x9E3779B97F4A7C15) & WORD
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & WORD
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
        yield z ^ (z >> 31)


def noise(seed, count):
    numbers = splitmix64(seed)
    return b"".join(next(numbers).to_bytes(8, "little") for _ in range(-(-count // 8)))[:count]


def alphabet(first, last):
    """The bytes of /range from the first to the last."""
    return bytes(97 + i % 26 for i in range(first, last + 1))


OCTETS = {"Content-Type": "application/octet-stream"}
TEXT = {"Content-Type": "text/plain; charset=utf-8"}
PART = {"Range": "bytes=10-35"}

# (id, method, target, fields of the request, status, fields of the answer (None: there is none), body)
ASKED = [
    ("no bytes", "GET", "/bytes/0", {}, 200, {**OCTETS, "Content-Length": "0"}, b""),
    ("bytes by a seed", "GET", "/bytes/1001?seed=7", {}, 200,
     {**OCTETS, "Content-Length": "1001"}, noise(7, 1001)),
    ("the smallest seed", "GET", "/bytes/9?seed=0", {}, 200, OCTETS, noise(0, 9)),
    ("the largest seed", "GET", f"/bytes/9?seed={WORD}", {}, 200, OCTETS, noise(WORD, 9)),
    ("HEAD of bytes", "HEAD", "/bytes/1001?seed=7", {}, 200, {"Content-Length": "1001"}, b""),
    ("bytes are not cut", "GET", "/bytes/100?seed=7", PART, 200, {}, noise(7, 100)),

    ("a stream by a seed", "GET", "/stream-bytes/100000?seed=7", {}, 200,
     {**OCTETS, "Content-Length": None, "Transfer-Encoding": "chunked"}, noise(7, 100000)),
    ("in small chunks", "GET", "/stream-bytes/1000?seed=7&chunk_size=3", {}, 200, OCTETS,
     noise(7, 1000)),
    ("a stream of nothing", "GET", "/stream-bytes/0", {}, 200, OCTETS, b""),
    ("HEAD of a stream", "HEAD", "/stream-bytes/9", {}, 200, {"Transfer-Encoding": "chunked"}, b""),

    ("the alphabet", "GET", "/range/1024", {}, 200,
     {**OCTETS, "ETag": '"range1024"', "Accept-Ranges": "bytes", "Content-Length": "1024"},
     alphabet(0, 1023)),
    ("a range", "GET", "/range/1024", PART, 206,
     {"ETag": '"range1024"', "Content-Range": "bytes 10-35/1024"}, alphabet(10, 35)),
    ("from a byte on", "GET", "/range/30", {"Range": "bytes=27-"}, 206,
     {"Content-Range": "bytes 27-29/30"}, b"bcd"),
    ("the last bytes", "GET", "/range/30", {"Range": "bytes=-2"}, 206,
     {"Content-Range": "bytes 28-29/30"}, b"cd"),
    ("more than there is", "GET", "/range/30", {"Range": "bytes=28-99"}, 206,
     {"Content-Range": "bytes 28-29/30"}, b"cd"),
    ("behind the end", "GET", "/range/30", {"Range": "bytes=30-"}, 416,
     {"Content-Range": "bytes */30"}, None),
    ("no range at all", "GET", "/range/30", {"Range": "bytes=9-3"}, 200, {}, alphabet(0, 29)),
    ("If-Range that holds", "GET", "/range/30", {**PART, "If-Range": '"range30"'}, 206, {},
     alphabet(10, 29)),
    ("If-Range of another", "GET", "/range/30", {**PART, "If-Range": '"range31"'}, 200, {},
     alphabet(0, 29)),
    ("not modified", "GET", "/range/30", {"If-None-Match": '"range30"'}, 304,
     {"ETag": '"range30"'}, b""),
    ("precondition failed", "GET", "/range/30", {"If-Match": '"range31"'}, 412, {}, None),
    ("HEAD of a range", "HEAD", "/range/30", PART, 200, {"Content-Length": "30"}, b""),
    ("the longest range", "GET", f"/range/{MIB}", {"Range": "bytes=-3"}, 206,
     {"Content-Range": f"bytes {MIB - 3}-{MIB - 1}/{MIB}"}, alphabet(MIB - 3, MIB - 1)),

    ("base64", "GET", "/base64/SFRUUEJJTiBpcyBhd2Vzb21l", {}, 200, TEXT, b"HTTPBIN is awesome"),
    ("with padding", "GET", "/base64/SGVsbG8=", {}, 200, TEXT, b"Hello"),
    ("without padding", "GET", "/base64/SGVsbG8", {}, 200, TEXT, b"Hello"),
    ("of base64url", "GET", "/base64/w7_Dvj4-", {}, 200, TEXT, "ÿþ>>".encode()),
    ("of base64", "GET", "/base64/w7%2FDvj4+", {}, 200, TEXT, "ÿþ>>".encode()),
    ("a script is text", "GET", "/base64/" + quote(base64.b64encode(b"<script>alert(1)</script>")),
     {}, 200, {**TEXT, "X-Content-Type-Options": "nosniff"}, b"<script>alert(1)</script>"),
    ("what is no text", "GET", "/base64/_wA", {}, 200, OCTETS, b"\xff\x00"),

    ("a drip", "GET", "/drip?duration=0.2", {}, 200, {**OCTETS, "Content-Length": "10"}, 10 * b"*"),
    ("many drops", "GET", "/drip?duration=0.2&numbytes=1000000", {}, 200, {}, 1000000 * b"*"),
    ("a drip at once", "GET", "/drip?duration=0&numbytes=5", {}, 200, {}, 5 * b"*"),
    ("a time with its unit", "GET", "/drip?duration=100ms&delay=0.1s&numbytes=2", {}, 200, {}, b"**"),
    ("another status", "GET", "/drip?duration=0&code=503", {}, 503, {}, 10 * b"*"),
    ("a status without a body", "GET", "/drip?duration=0&code=204", {}, 204,
     {"Content-Length": None}, b""),
    ("HEAD of a drip", "HEAD", "/drip?duration=50", {}, 200, {"Content-Length": "10"}, b""),

    ("no method for it", "POST", "/bytes/1", {}, 405, {"Allow": "GET, HEAD, OPTIONS"}, None),
]


@CLIENTS
@pytest.mark.parametrize(
    "method, target, fields, status, told, body", [row[1:] for row in ASKED],
    ids=[row[0] for row in ASKED])
def test_answers(server, ask, method, target, fields, status, told, body):
    answer = ask(method, f"{server.url}/test{target}", fields)
    assert answer.status == status
    for name, value in told.items():
        assert answer.get(name) == value, name
    assert body is None or answer.body == body


WRONG = {
    "the number of bytes": [
        "/bytes/x", "/bytes/-1", "/bytes/1.5", "/bytes/0x10", "/bytes/1e3", "/bytes/%201",
        f"/bytes/{10 * MIB + 1}", "/bytes/99999999999999999999", "/stream-bytes/-1",
        f"/stream-bytes/{10 * MIB + 1}", "/range/0", f"/range/{MIB + 1}", "/range/x",
    ],
    "the seed": [
        "/bytes/1?seed=x", "/bytes/1?seed=-1", "/bytes/1?seed=", f"/bytes/1?seed={WORD + 1}",
        "/stream-bytes/1?seed=1.0",
    ],
    "the chunk_size": [
        *(f"/stream-bytes/1?chunk_size={size}" for size in ("0", "-1", "x", "", "65537")),
        "/stream-bytes/131073?chunk_size=1", "/stream-bytes/10485760?chunk_size=79",
    ],
    "base64": [
        "/base64/A", "/base64/AAAAA", "/base64/A===", "/base64/AB%20C", "/base64/AA=A",
        "/base64/SGVsbG9=", "/base64/%C3%BC%C3%BC",
    ],
    "the duration and the delay": [
        "/drip?duration=x", "/drip?duration=-1", "/drip?duration=", "/drip?delay=61",
        "/drip?duration=40&delay=20.001", "/drip?delay=1e1", "/drip?duration=1.5ms",
        "/drip?duration=s", "/drip?duration=ms", "/drip?duration=1m", "/drip?duration=60001ms",
    ],
    "the numbytes": [
        f"/drip?numbytes={count}" for count in ("0", "-1", "x", "", str(10 * MIB + 1))
    ],
    "the code": [f"/drip?code={code}" for code in ("199", "600", "x", "", "-200", "101")],
}


@pytest.mark.parametrize("says, target", [(says, each) for says in WRONG for each in WRONG[says]])
def test_what_is_refused(server, says, target):
    answer = server.get("/test" + target)
    assert answer.status == 400
    assert says.encode() in answer.body and b"must" in answer.body
    server.wait_log(rf'" 400 .*{says} .*"$')


def test_paths_that_there_are_not(server):
    for target in ("/bytes", "/bytes/", "/bytes/1/2", "/range", "/base64", "/base64/a/b", "/drip/1"):
        assert server.get("/test" + target).status == 404


# ---- /bytes, /stream-bytes

# Of 10 MiB by the seed 1.
WRITTEN_DOWN = "26a85014bf9d4c3a6345c9b00d75a8f0dec9bb4cc3ea066999a8341119faf740"


def test_without_a_seed_they_are_others_each_time(server):
    for target in ("/test/bytes/32", "/test/stream-bytes/32"):
        assert len({server.get(target).body for _ in range(20)}) == 20


def test_as_many_as_there_may_be(server):
    """The same as ever: who has written down a hash finds it again in later versions."""
    body = server.get(f"/test/bytes/{10 * MIB}?seed=1").body
    assert len(body) == 10 * MIB
    assert hashlib.sha256(body).hexdigest() == WRITTEN_DOWN
    assert server.get(f"/test/stream-bytes/{10 * MIB}?seed=1").body == body


def test_the_limit_is_an_option(serve, site):
    server = serve(site, "--endpoints", "--endpoints-bytes=1K")
    for target in ("/bytes/{}", "/stream-bytes/{}", "/range/{}", "/drip?duration=0&numbytes={}"):
        assert len(server.get(target.format(1024)).body) == 1024
        answer = server.get(target.format(1025))
        assert answer.status == 400 and b"--endpoints-bytes" in answer.body


def test_long_bodies_take_no_memory(serve, site, build):
    """They are made as they leave."""
    server = serve(site, "--endpoints", "--endpoints-bytes=1G")
    length = 400 * MIB if build.is_fast else 20 * MIB
    server.get("/bytes/1000000")
    before = high_water(server)
    for target in (f"/bytes/{length}", f"/stream-bytes/{length}?chunk_size=65536"):
        with server.dial(seconds=300) as peer:
            peer.send(request(target))
            peer.head()
            left = length
            while left > 0:
                left -= len(peer.take(min(left, MIB)))
    if build.is_fast:
        assert high_water(server) - before < 2 * 1024


@pytest.mark.parametrize("size", [1, 1000, 65535, 65536])
def test_chunks_are_as_long_as_was_asked(server, size):
    """RFC 9112 §7.1"""
    count = 5 * size + size // 2
    with server.dial() as peer:
        peer.send(request(f"/test/stream-bytes/{count}?chunk_size={size}"))
        peer.head()
        lengths = []
        while data := chunk(peer):
            lengths.append(len(data))
    assert lengths == 5 * [size] + ([size // 2] if size > 1 else [])


@pytest.mark.parametrize("target", ["131072?chunk_size=1", "10485760?chunk_size=80"])
def test_as_many_chunks_as_there_may_be(server, target):
    """Each costs the server a turn: ten million of them would be half a minute of a processor."""
    with server.dial() as peer:
        peer.send(request(f"/test/stream-bytes/{target}"))
        assert peer.head().status == 200


def test_chunks_where_nobody_says(server):
    with server.dial() as peer:
        peer.send(request("/test/stream-bytes/10241"))
        peer.head()
        assert [len(chunk(peer)) for _ in range(3)] == [10240, 1, 0]


# ---- /range


@CLIENTS
def test_several_ranges(server, ask):
    """RFC 9110 §14.6"""
    answer = ask("GET", f"{server.url}/test/range/1000", {"Range": "bytes=0-1,500-501"})
    assert answer.status == 206
    assert answer["Content-Type"].startswith("multipart/byteranges; boundary=")
    assert re.findall(rb"Content-Range: ([^\r]+)\r\n\r\n(..)\r\n", answer.body) == [
        (b"bytes 0-1/1000", b"ab"), (b"bytes 500-501/1000", alphabet(500, 501))]


def test_ranges_of_all_are_of_one_text(serve, site, build):
    """However many ask for however much, there is a MiB of it."""
    server = serve(site, "--endpoints")
    server.get("/range/1")
    before = high_water(server)
    peers = [server.dial(receive_buffer=4096, seconds=60) for _ in range(100)]
    for peer in peers:
        peer.send(request(f"/range/{MIB}"))
        peer.head()
    grown = high_water(server) - before
    for peer in peers[:3]:
        assert peer.take(MIB) == alphabet(0, MIB - 1)
    for peer in peers:
        peer.close()
    if build.is_fast:
        assert grown < 100 * (80 if server.is_secure else 30)


# ---- /drip


def arrivals(peer, count):
    """When each byte of a body came."""
    came = []
    for _ in range(count):
        peer.take(1)
        came.append(time.monotonic())
    return came


def test_a_drip_is_even(server):
    """The first drop with the head, the last at the end."""
    with server.dial() as peer:
        began = time.monotonic()
        peer.send(request("/test/drip?duration=1.2&numbytes=7"))
        peer.head()
        headed = time.monotonic()
        came = arrivals(peer, 7)
    assert headed - began < 0.2 * server.patience
    for i, at in enumerate(came):
        assert -0.02 < at - headed - 0.2 * i < 0.15 * server.patience, i


def test_a_drip_as_it_is_where_nobody_says(server):
    with server.dial() as peer:
        began = time.monotonic()
        assert peer.ask("/test/drip").body == 10 * b"*"
        assert 1.95 < time.monotonic() - began < 2.5 * server.patience


def test_a_delay_is_before_the_head(server):
    with server.dial() as peer:
        began = time.monotonic()
        peer.send(request("/test/drip?duration=0.5&delay=0.7&numbytes=2"))
        peer.head()
        headed = time.monotonic()
        came = arrivals(peer, 2)
    assert 0.65 < headed - began < 1 * server.patience
    assert came[0] - headed < 0.2 * server.patience
    assert 0.45 < came[1] - headed < 0.8 * server.patience


def test_who_was_held_up_gets_what_is_due(server):
    """A slow client is no reason to take longer."""
    with server.dial(receive_buffer=4096) as peer:
        began = time.monotonic()
        peer.send(request("/test/drip?duration=1&numbytes=3000000"))
        time.sleep(1)
        assert peer.answer().body == 3000000 * b"*"
        assert time.monotonic() - began < 3 * server.patience


def test_the_longest_time_is_an_option(serve, site):
    server = serve(site, "--endpoints", "--endpoints-time=1s")
    began = time.monotonic()
    assert server.get("/drip").status == 200  # which would be two
    assert time.monotonic() - began < 1.8 * server.patience
    assert server.get("/drip?duration=0.6&delay=0.5").status == 400
    assert server.get("/drip?duration=0.1&delay=0.9").status == 200


@pytest.mark.parametrize("target, begins", [
    ("/test/drip?duration=50&numbytes=3", True),
    ("/test/drip?delay=50", False),
    ("/test/bytes/10485760", True),
    ("/test/stream-bytes/10485760", True),
])
def test_who_leaves_is_missed_at_once(server, target, begins):
    with server.dial(receive_buffer=4096) as peer:
        peer.send(request(target) * 8)  # the kernel may take one of 1 MiB whole, but not all of them
        if begins:
            peer.head()
        else:
            server.wait_read(peer)
            time.sleep(0.1)
    server.wait_log(rf'"GET {re.escape(target)} HTTP/1.1" .*"the client [^"]+"$', 5)


def test_a_drip_does_not_hold_up_the_end(serve, site):
    """It comes to its own at once."""
    server = serve(site, "--endpoints", "--drain=20s")
    with server.dial() as peer, server.dial() as late:
        peer.send(request("/drip?duration=50&numbytes=300000"))
        late.send(request("/drip?duration=50&delay=9&numbytes=3"))
        answer = peer.head()
        server.wait_read(late)
        began = time.monotonic()
        server.signal()
        assert peer.body(answer, "GET") == 300000 * b"*"
        assert late.answer().body == b"***"
        assert server.wait_exit() == 0
        assert time.monotonic() - began < 5 * server.patience

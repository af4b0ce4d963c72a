"""HTTP beside HTTPS: sent on, sent back, or told in words that it came to the wrong door."""

import re
import time

import pytest

from dialogue import Dialogue, request
from program import eventually


@pytest.fixture
def both(serve_tls, site, authority):
    """Gives a server that listens on both ports."""

    def start(*options):
        pairs = [authority.issue("localhost", "127.0.0.1")]
        return serve_tls(site, *options, pairs=pairs, only=False)

    return start


def by_http(server, host, target="/", version="HTTP/1.1", method="GET", port=None):
    """An answer to a request with just this Host (None: without)."""
    line = f"{method} {target} {version}\r\n" + (f"Host: {host}\r\n" if host is not None else "")
    with server.dial((server.host, port or server.http_port), tls=False) as peer:
        peer.send(line.encode() + b"\r\n")
        return peer.answer(method)


# ---- sent on ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host, location",
    [
        ("example.test", "https://example.test/"),
        ("example.test:", "https://example.test/"),
        ("localhost:{http}", "https://localhost:{https}/"),
        ("example.test:{http}", "https://example.test:{https}/"),
        ("127.0.0.1:{http}", "https://127.0.0.1:{https}/"),
        ("[::1]:{http}", "https://[::1]:{https}/"),
        ("[::1]", "https://[::1]/"),
        ("EXAMPLE.test", "https://EXAMPLE.test/"),
        ("example.test:9999", None),
    ],
)
def test_where_a_request_is_sent(both, host, location):
    """RFC 9110 §15.4.9: the port as the client sees it, or nothing at all."""
    server = both("--http-redirect")
    ports = {"http": server.http_port, "https": server.https_port}
    answer = by_http(server, host.format(**ports))
    if location is None:
        assert answer.status == 400 and "Location" not in answer
    else:
        assert answer.status == 308
        assert answer["Location"].lower() == location.format(**ports).lower()


def test_the_port_that_clients_know(both):
    """Behind a mapping of ports; 443 need not be named."""
    server = both("--http-redirect", "--public-https-port=8444")
    assert by_http(server, "example.test:8080")["Location"] == "https://example.test:8444/"
    assert by_http(server, "example.test")["Location"] == "https://example.test/"
    own = by_http(server, f"example.test:{server.http_port}")["Location"]
    assert own in (f"https://example.test:{server.https_port}/", "https://example.test:8444/")
    server = both("--http-redirect", "--public-https-port=443")
    assert by_http(server, "example.test:8080")["Location"] == "https://example.test/"


@pytest.mark.parametrize(
    "target, path",
    [
        ("/", "/"),
        ("/a/b.html?c=d&e=%2F", "/a/b.html?c=d&e=%2F"),
        ("/?", "/?"),
        ("/a%20b", "/a%20b"),
        ("/gr%C3%BCn", "/gr%C3%BCn"),
        ("/?q=http://x/", "/?q=http://x/"),
        ("http://example.test/absolute?x", "/absolute?x"),
    ],
)
def test_path_and_query_are_kept(both, target, path):
    answer = by_http(both("--http-redirect"), "example.test", target)
    assert (answer.status, answer["Location"]) == (308, f"https://example.test{path}")


@pytest.mark.parametrize(
    "target",
    ["//evil.test", "//evil.test/%2e%2e", "/\\evil.test", "/%5cevil.test", "/.//evil.test",
     "http://evil.test/x", "/%2f%2fevil.test", "/@evil.test", "/%0d%0aSet-Cookie:%20a=b"],
)
def test_nobody_is_sent_elsewhere(both, target):
    """The host is the one that was asked for, whatever the path looks like."""
    answer = by_http(both("--http-redirect"), "example.test", target)
    assert "Set-Cookie" not in answer
    if answer.status == 400:
        return
    assert answer.status == 308
    host = "evil.test" if target.startswith("http:") else "example.test"  # RFC 9112 §3.2.2
    assert re.match(rf"https://{host}/", answer["Location"]), answer["Location"]
    assert re.fullmatch(r"[!-~]+", answer["Location"])


@pytest.mark.parametrize(
    "host, version",
    [(None, "HTTP/1.0"), (None, "HTTP/1.1"), ("", "HTTP/1.1"), ("a b", "HTTP/1.1"),
     ("evil.test/x", "HTTP/1.1"), ("user@evil.test", "HTTP/1.1"), ("a:b", "HTTP/1.1"),
     ("a:99999", "HTTP/1.1"), ("[::1", "HTTP/1.1")],
)
def test_without_a_host_there_is_nowhere_to_go(both, host, version):
    answer = by_http(both("--http-redirect"), host, version=version)
    assert answer.status == 400 and "Location" not in answer


def test_every_request_is_sent_on(both, site):
    """Whatever the method and whatever is there: 308 keeps the method (RFC 9110 §15.4.9)."""
    server = both("--http-redirect")
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
        for target in ("/", "/nothing", "/.env"):
            answer = by_http(server, "example.test", target, method=method)
            assert answer.status == 308, (method, target, str(answer))
    with server.dial(tls=False) as peer:
        answer = peer.ask("/form", "POST", {"X": "y"}, b"name=ann")
        assert answer.status == 308 and answer["Location"] == "https://wherry.test/form"
        assert answer.closes, "here nothing more is to be had"
        peer.expect_end()
    assert server.get().status == 200


def test_without_the_option_both_serve(both, site):
    server = both()
    assert server.get(tls=False).body == server.get(tls=True).body


def test_only_https(serve_tls, site):
    server = serve_tls(site)
    assert server.http_port is None and "http://" not in server.log
    assert server.get().status == 200


# ---- never without ---------------------------------------------------------------------------


@pytest.mark.parametrize("time, seconds", [("365d", 31536000), ("2h", 7200), ("1s", 1)])
def test_hsts(both, time, seconds):
    """RFC 6797 §7.1, §7.2: by HTTPS in every answer, by HTTP in none."""
    server = both(f"--hsts={time}")
    with server.dial() as peer:
        etag = peer.ask()["ETag"]
        answers = [peer.ask(), peer.ask("/nothing"), peer.ask("/", "HEAD"), peer.ask("/", "POST"),
                   peer.ask(fields={"If-None-Match": etag})]
    assert [answer.status for answer in answers] == [200, 404, 200, 405, 304]
    for answer in answers:
        assert answer["Strict-Transport-Security"] == f"max-age={seconds}", str(answer)
    assert "Strict-Transport-Security" not in server.get(tls=False)


def test_hsts_is_not_sent_by_itself(both):
    assert "Strict-Transport-Security" not in both().get()


def test_hsts_in_a_redirect(both):
    server = both("--http-redirect", "--hsts=1h")
    assert "Strict-Transport-Security" not in by_http(server, "example.test")


# ---- the wrong door --------------------------------------------------------------------------


def test_http_at_the_door_of_https(both):
    """Decided by the first byte: an answer in words, as it was asked."""
    server = both()
    answer = by_http(server, "localhost", port=server.https_port)
    assert answer.status == 400 and answer.closes
    assert re.search(b"https|HTTPS|TLS", answer.body), answer.body
    server.wait_log(r' 400 .*"[^"]*(HTTPS|https|TLS)[^"]*"')
    assert server.get().status == 200


@pytest.mark.parametrize("said", [b"GET / HTTP/1.0\r\n\r\n", b"POST / HTTP/1.1\r\nHost: a\r\n"
                                  b"Content-Length: 5\r\n\r\nhello", b"nonsense\r\n\r\n",
                                  b"\x80\x2e\x01\x00\x02" + bytes(100) + b"\r\n\r\n",
                                  b"SSH-2.0-x\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
def test_anything_else_at_the_door_of_https(both, said):
    server = both("--head-timeout=500ms")
    with server.dial((server.host, server.https_port), tls=False) as peer:
        peer.send(said)
        answer = peer.answer()
        assert answer.status in (400, 501, 505, 408) and answer.closes
        peer.expect_end()
    assert server.get().status == 200


def test_http_at_the_door_of_https_is_sent_on(both):
    server = both("--http-redirect")
    answer = by_http(server, f"localhost:{server.https_port}", "/a?b", port=server.https_port)
    assert answer.status == 308
    assert answer["Location"] == f"https://localhost:{server.https_port}/a?b"
    answer = by_http(server, None, version="HTTP/1.0", port=server.https_port)
    assert answer.status == 400


def test_nothing_is_served_there_in_the_clear(both, site):
    (site / "secret.html").write_text("secret")
    for options in ((), ("--http-redirect",)):
        server = both(*options)
        with server.dial((server.host, server.https_port), tls=False) as peer:
            peer.send(request("/secret.html") * 3)
            assert b"secret</" not in (rest := peer.rest()) and b"200 OK" not in rest


def test_http_in_one_byte_pieces_at_the_door_of_https(both):
    server = both()
    with server.dial((server.host, server.https_port), tls=False) as peer:
        for byte in b"GET / HTTP/1.1\r\nHost: a\r\n\r\n":
            peer.send(bytes([byte]))
            server.wait_read(peer)
        assert peer.answer().status == 400
        peer.expect_end()


HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(32)) + b"\x20" + bytes(300)


def test_tls_at_the_door_of_http(serve, site):
    """Refused at once, not when the time for a head is over; and named, for who reads the log."""
    server = serve(site, "--head-timeout=60s")
    started = time.monotonic()
    with Dialogue(("127.0.0.1", server.http_port), 10 * server.patience) as peer:
        peer.send(HELLO[:5])
        while peer.socket.recv(1 << 16):
            pass
    assert time.monotonic() - started < 2 * server.patience
    server.wait_log(r' 400 .*"[^"]*TLS[^"]*"$')
    assert server.get().status == 200


def test_a_real_client_at_the_door_of_http(both):
    server = both()
    with pytest.raises(OSError):
        server.dial((server.host, server.http_port), tls=True)
    server.wait_log(r' 400 .*"[^"]*TLS[^"]*"')


def test_tls_at_the_door_of_a_local_socket(serve, site, tmp_path):
    server = serve(site, f"--unix={tmp_path}/socket", "--head-timeout=60s")
    with server.dial(str(tmp_path / "socket")) as peer:
        peer.send(HELLO)
        while peer.socket.recv(1 << 16):
            pass
    eventually(lambda: "TLS" in server.log, 5 * server.patience, "the log")


@pytest.mark.parametrize(
    "options, is_told",
    [
        (["--tls-client-ca={ca}"], True),
        (["--tls-client-ca={ca}", "--tls-client=optional"], False),
        (["--tls-client-ca={ca}", "--http-redirect"], False),
        (["--tls-client-ca={ca}", "--http-port=off"], False),
        ([], False),
    ],
)
def test_an_open_door_beside_a_guarded_one_is_told(both, authority, options, is_told):
    server = both(*[option.format(ca=authority.cert) for option in options])
    server.stop()
    assert ("HTTP lets in who shows no certificate" in server.said) == is_told


def test_an_asterisk_is_no_page(both):
    """RFC 9112 §3.2.4: it stands for the server, and must not become a part of its name."""
    server = both("--http-redirect")
    answer = by_http(server, "localhost", "*", method="OPTIONS")
    assert answer.status == 308 and answer["Location"] == "https://localhost"

"""--admin-listen: /healthz and /readyz, for those who run the server; and what they see of its end."""

import re
import socket
import time
from contextlib import ExitStack

import pytest

from dialogue import Dialogue
from program import eventually
from test_listen import need_ipv6
from test_options import assert_mistake, wherry  # noqa: F401
from test_shutdown import LARGE, large, start_download  # noqa: F401


@pytest.fixture
def run(serve, site):
    """Starts a server with an admin's listener, and gives both: the server and how to ask there."""

    def run(*options, place="localhost:0", root=site, **more):
        server = serve(root, f"--admin-listen={place}", *options, **more)
        url = server.wait_log(r"^its health: (\S+), /healthz and /readyz$")[1].decode()
        return server, Admin(server, url)

    return run


class Admin:
    def __init__(self, server, url):
        self.server, self.url = server, url
        scheme, _, place = url.partition("://")
        if place:
            assert scheme == "http"
            host, _, port = place.rpartition(":")
            host = "127.0.0.1" if host == "localhost" else host.strip("[]")
            self.address = (host, int(port))
        else:
            self.address = url.removeprefix("http+unix:")

    def dial(self):
        return Dialogue(self.address, 10 * self.server.patience)

    def ask(self, target, method="GET", **more):
        with self.dial() as peer:
            return peer.ask(target, method, **more)

    def status(self, target):
        return self.ask(target).status


def check_answer(answer, status, text):
    assert (answer.status, answer.body.decode()) == (status, text)
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["Cache-Control"] == "no-store"


def test_it_lives_and_is_ready(run):
    server, admin = run()
    check_answer(admin.ask("/healthz"), 200, "it lives\n")
    check_answer(admin.ask("/readyz"), 200, "it is ready\n")
    check_answer(admin.ask("/readyz?verbose"), 200, "it is ready\n")
    with admin.dial() as peer:  # one connection for several
        for _ in range(3):
            assert peer.ask("/healthz").status == 200


def test_head_has_the_fields_and_nothing_else(run):
    """RFC 9110 §9.3.2"""
    _, admin = run()
    with admin.dial() as peer:
        answer = peer.ask("/healthz", "HEAD")
        assert (answer.status, answer.body, answer["Content-Length"]) == (200, b"", "9")
        assert peer.ask("/readyz").status == 200


@pytest.mark.parametrize("target", ["/", "/index.html", "/healthz/", "/healthz/x", "/readyz%2F", "/x"])
def test_there_is_nothing_else(run, site, target):
    (site / "404.html").write_text("the site's own")
    _, admin = run()
    check_answer(admin.ask(target), 404, "there are /healthz and /readyz\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods(run, method):
    """RFC 9110 §15.5.6"""
    _, admin = run()
    answer = admin.ask("/readyz", method, body=b"x" if method in ("POST", "PUT") else b"")
    assert (answer.status, answer["Allow"]) == (405, "GET, HEAD")
    assert admin.ask("*", "OPTIONS").status == 404


def test_a_request_that_is_none_has_no_page_of_the_site(run, site):
    (site / "50x.html").write_text("the site's own")
    _, admin = run()
    with admin.dial() as peer:
        peer.send(b"GET /healthz HTTP/9.9\r\n\r\n")
        answer = peer.answer()
    assert answer.status == 505 and b"the site's own" not in answer.body


def test_visitors_know_nothing_of_it(run):
    server, _ = run()
    for path in ("/healthz", "/readyz"):
        assert server.get(path).status == 404


def test_it_is_in_no_log(run):
    server, admin = run("--log-level=debug")
    assert admin.status("/healthz") == 200 and admin.status("/x") == 404
    with admin.dial() as peer:
        peer.send(b"nonsense\r\n\r\n")
        peer.answer()
    server.get("/marked")
    server.wait_log('"GET /marked ')
    server.stop()
    assert server.log.count("HTTP/1.1") == 1 and "nonsense" not in server.log
    assert "GET" not in server.said


def test_its_announcement_is_no_url_of_the_site(run):
    server, admin = run()
    assert not re.search(rf"^\s*{re.escape(admin.url)}$", server.log, re.MULTILINE)


def test_without_it_there_is_none(serve, site):
    server = serve(site)
    server.stop()
    assert "health" not in server.log


# ---- where


def test_at_an_ipv6_address(run):
    need_ipv6()
    _, admin = run(place="[::1]:0")
    assert admin.url.startswith("http://[::1]:")
    assert admin.status("/healthz") == 200


def test_at_both_loopbacks(run):
    need_ipv6()
    server, admin = run(place="localhost:0")
    with Dialogue(("::1", admin.address[1]), 10) as peer:
        assert peer.ask("/healthz").status == 200


def test_at_every_address(run):
    _, admin = run(place="*:0")
    assert admin.status("/healthz") == 200


def test_at_a_socket(run, tmp_path):
    place = tmp_path / "admin.sock"
    server, admin = run(place=place)
    assert admin.url == f"http+unix:{place}"
    assert admin.status("/readyz") == 200
    server.stop()
    assert not place.exists()


def test_a_port_that_is_taken(wherry):  # noqa: F811
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert_mistake(wherry("--http-port=0", f"--admin-listen=127.0.0.1:{port}"), 111,
                       f"cannot listen on 127.0.0.1 port {port}: Address already in use; stop what "
                       "runs there or choose another port")


def test_where_http_is_sent_to_https(run, tmp_path):
    _, admin = run("--tls", "--http-port=0", "--https-port=0", "--http-redirect",
                   f"--cert-dir={tmp_path / 'certs'}")
    check_answer(admin.ask("/healthz"), 200, "it lives\n")


# ---- when


def test_it_is_never_full(run):
    server, admin = run("--connections-max=1")
    with server.dial() as busy:
        busy.send(b"GET / HTTP/1.1\r\n")
        server.wait_read(busy)
        with admin.dial() as one, admin.dial() as other:
            assert one.ask("/readyz").status == other.ask("/readyz").status == 200
        busy.send(b"Host: a\r\n\r\n")
        assert busy.answer().status == 200


@pytest.mark.plain("who is turned away at the door has shaken no hands, and cannot be told")
def test_those_who_are_turned_away_do_not_keep_it_from_answering(run):
    """Each holds a slot for as long as it does not close."""
    server, admin = run("--connections-max=1")
    with server.dial() as busy, ExitStack() as turned_away:
        busy.send(b"GET / HTTP/1.1\r\n")
        server.wait_read(busy)
        for _ in range(150):
            turned_away.enter_context(server.dial())
        for _ in range(3):
            assert admin.status("/healthz") == 200


def test_it_is_open_until_the_drain_has_ended(run, large):  # noqa: F811
    server, admin = run(root=large)
    peer, begun = start_download(server)
    with peer:
        server.signal()
        eventually(lambda: admin.status("/readyz") == 503, 10 * server.patience, "no longer ready")
        server.wait_error("stopping")
        with pytest.raises(ConnectionRefusedError):
            server.dial()
        check_answer(admin.ask("/readyz"), 503, "it was asked to stop\n")
        check_answer(admin.ask("/healthz"), 200, "it lives\n")
        assert begun + peer.take(LARGE - len(begun)) == (large / "large.bin").read_bytes()
    assert server.wait_exit() == 0
    with pytest.raises(OSError):
        admin.dial()


def test_who_asks_it_does_not_keep_it_from_ending(run):
    """Also one that never finishes its question."""
    server, admin = run("--drain=60s", "--head-timeout=60s")
    with admin.dial() as peer:
        peer.send(b"GET /healthz HTTP/1.1\r\n")
        server.wait_read(peer)
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < 5 * server.patience


def test_newcomers_get_in_during_the_delay(run):
    server, admin = run("--drain-delay=60s", "--drain=1s")
    with server.dial() as before:
        assert before.ask().status == 200
        server.signal()
        eventually(lambda: admin.status("/readyz") == 503, 10 * server.patience, "no longer ready")
        assert admin.status("/healthz") == 200
        assert not before.ask().closes
    answer = server.get()
    assert answer.status == 200 and not answer.closes
    server.wait_error("leaving delay_ms=60000")
    assert "stopping" not in server.said
    server.signal()  # the second ends the delay
    assert server.wait_exit(10) == 0
    server.wait_error("stopping")


def test_the_delay_has_an_end_and_the_drain_begins_behind_it(run, large):  # noqa: F811
    server, _ = run("--drain-delay=600ms", "--drain=900ms", root=large)
    peer, _ = start_download(server)
    with peer:
        started = time.monotonic()
        server.signal()
        server.wait_error("stopping")
        delayed = time.monotonic() - started
        server.wait_exit()
        took = time.monotonic() - started
    assert 0.55 <= delayed <= 0.6 + 1.0 * server.patience, f"{delayed:.2f} s"
    assert 1.4 <= took <= 1.5 + 2.0 * server.patience, f"{took:.2f} s"


def test_a_third_signal_ends_at_once(run, large):  # noqa: F811
    server, _ = run("--drain-delay=60s", "--drain=60s", root=large)
    peer, _ = start_download(server)
    with peer:
        server.signal()
        server.wait_error("leaving")
        server.signal()
        server.wait_error("stopping")
        server.signal()
        assert server.wait_exit(5) == 128 + 15
    server.process.returncode = 0  # it has ended as it should

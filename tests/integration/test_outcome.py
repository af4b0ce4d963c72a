"""The endpoints that answer with the status a caller wants, as httpbin and go-httpbin have them, and
redirects, which lead nowhere else."""

import collections
import json
from urllib.parse import quote

import pytest
import requests

from clients import CLIENTS


@pytest.fixture(scope="module")
def server(serve_all, tmp_path_factory):
    return serve_all(tmp_path_factory.mktemp("site"), "--endpoints=/t",
                     "--redirect-to=https://other.example", "--redirect-to=http://[::1]:81")


# ---- /status/{codes}

STATUSES = [200, 201, 202, 203, 204, 205, 206, 226, 299, 300, 301, 302, 303, 304, 305, 307, 308, 399,
            400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417,
            418, 421, 422, 425, 426, 428, 429, 431, 451, 499, 500, 501, 502, 503, 504, 505, 511, 599]

# RFC 9110: what has to be there beside the status, or should.
BESIDE = {
    206: ("Content-Range", "bytes 0-0/1"),
    301: ("Location", "/t/redirect/1"),
    302: ("Location", "/t/redirect/1"),
    303: ("Location", "/t/redirect/1"),
    307: ("Location", "/t/redirect/1"),
    308: ("Location", "/t/redirect/1"),
    401: ("WWW-Authenticate", 'Basic realm="Fake Realm"'),
    405: ("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
    407: ("Proxy-Authenticate", 'Basic realm="Fake Realm"'),
    416: ("Content-Range", "bytes */0"),
}
BODIES = {206: b"*", 418: b"A teapot brews no coffee.\n"}


@pytest.mark.parametrize("status", STATUSES)
def test_any_status(server, status):
    answer = server.get(f"/t/status/{status}")
    assert answer.status == status and answer["Cache-Control"] == "no-store"
    beside = BESIDE.get(status, (None, None))
    for name, _ in BESIDE.values():
        assert answer.get(name) == (beside[1] if name == beside[0] else None)
    if status == 406:
        assert "image/webp" in json.loads(answer.body)["accept"]
    else:
        assert answer.body == BODIES.get(status, b"")


@CLIENTS
@pytest.mark.parametrize("method, status, phrase", [
    ("GET", 200, "OK"), ("HEAD", 200, "OK"), ("POST", 201, "Created"), ("PUT", 204, "No Content"),
    ("DELETE", 410, "Gone"), ("PATCH", 429, "Too Many Requests"), ("GET", 304, "Not Modified"),
    ("POST", 503, "Service Unavailable"), ("GET", 418, "I'm a Teapot"), ("HEAD", 404, "Not Found"),
    ("POST", 303, "See Other"), ("GET", 205, "Reset Content"), ("GET", 502, "Bad Gateway"),
])
def test_any_method(server, ask, method, status, phrase):
    body = b"x=y" if method in ("POST", "PUT", "PATCH") else None
    answer = ask(method, f"{server.url}/t/status/{status}", (), body)
    assert (answer.status, answer.phrase) == (status, phrase)


def test_the_connection_goes_on(server):
    """Behind an answer without a body comes the next one."""
    with server.dial() as peer:
        for status in (204, 304, 205, 404, 500, 302, 200):
            assert peer.ask(f"/t/status/{status}").status == status


def test_a_list_gives_each_by_its_share(server):
    with server.dial() as peer:
        got = collections.Counter(
            peer.ask("/t/status/200:3,503:1,404:0").status for _ in range(400))
    assert set(got) == {200, 503}
    assert 220 < got[200] < 360  # 300 on average; beyond is less likely than one in 10^9
    with server.dial() as peer:
        got = {peer.ask("/t/status/201,202").status for _ in range(60)}
    assert got == {201, 202}


@pytest.mark.parametrize("codes", ["0", "99", "100", "199", "600", "1000", "abc", "-200", "200,", ",200",
                                   "200:x", "200:-1", "200:0", "200:1:2", "200;500", "2e2", "200.0"])
def test_no_such_status(server, codes):
    answer = server.get(f"/t/status/{codes}")
    assert answer.status == 400 and b"from 200 to 599" in answer.body


def test_the_pages_of_the_site_are_not_used(serve, site):
    """It is the answer that was asked for, and not an error."""
    (site / "404.html").write_text("not here")
    assert serve(site, "--endpoints").get("/status/404").body == b""


# ---- /redirect/{n} and the like


@CLIENTS
@pytest.mark.parametrize("kind", ["redirect", "relative-redirect", "absolute-redirect"])
def test_redirects_end_at_get(server, ask, kind):
    for count in (1, 2, 5):
        answer = ask("GET", f"{server.url}/t/{kind}/{count}?a=b", follow=True)
        assert answer.status == 200
        assert json.loads(answer.body)["url"] == f"{server.url}/t/get"


@pytest.mark.parametrize("target, location", [
    ("/redirect/1", "/t/get"),
    ("/redirect/3", "/t/relative-redirect/2"),
    ("/redirect/3?absolute=true", "{own}/t/absolute-redirect/2"),
    ("/redirect/1?absolute=True", "{own}/t/get"),
    ("/redirect/3?absolute=no", "/t/relative-redirect/2"),
    ("/relative-redirect/1", "/t/get"),
    ("/relative-redirect/100", "/t/relative-redirect/99"),
    ("/absolute-redirect/1", "{own}/t/get"),
    ("/absolute-redirect/100", "{own}/t/absolute-redirect/99"),
])
def test_where_each_leads(server, target, location):
    """Absolute ones lead to whom the client asked, and HTTPS stays HTTPS."""
    answer = server.get(f"/t{target}")
    assert answer.status == 302 and answer.body == b"" and answer["Cache-Control"] == "no-store"
    assert answer["Location"] == location.format(own=f"{server.scheme}://wherry.test")


def test_a_hundred_of_them(server):
    session = requests.Session()
    session.max_redirects = 101
    answer = session.get(f"{server.url}/t/redirect/100", timeout=60)
    assert answer.status_code == 200 and len(answer.history) == 100
    with pytest.raises(requests.TooManyRedirects):
        requests.get(f"{server.url}/t/redirect/50", timeout=60)


def test_without_a_host_it_leads_to_a_path(server):
    """RFC 9112 §3.2: HTTP/1.0 may leave it open."""
    with server.dial() as peer:
        peer.send(b"GET /t/absolute-redirect/2 HTTP/1.0\r\n\r\n")
        assert peer.answer()["Location"] == "/t/absolute-redirect/1"


@pytest.mark.parametrize("kind", ["redirect", "relative-redirect", "absolute-redirect"])
@pytest.mark.parametrize("count", ["0", "101", "-1", "x", "1.5", "99999999999999999999", "%201"])
def test_no_such_number(server, kind, count):
    answer = server.get(f"/t/{kind}/{count}")
    assert answer.status == 400 and "Location" not in answer and b"from 1 to 100" in answer.body


# ---- /redirect-to


@CLIENTS
@pytest.mark.parametrize("url", ["get", "/t/get", "../t/get", "{own}/t/get", "{OWN}/t/get"])
def test_redirects_to_what_is_here(server, ask, url):
    url = url.format(own=server.url, OWN=server.url.replace("http", "HTTP", 1))
    target = f"{server.url}/t/redirect-to?url={quote(url, safe='')}"
    answer = ask("GET", target)
    assert answer.status == 302 and answer["Location"] == url
    answer = ask("GET", target, follow=True)
    assert json.loads(answer.body)["url"].lower() == f"{server.url}/t/get".lower()


@CLIENTS
def test_the_method_is_kept_where_it_has_to_be(server, ask):
    """RFC 9110 §15.4.8"""
    url = f"{server.url}/t/redirect-to?url=post&status_code=307"
    answer = ask("POST", url, {"Content-Type": "text/plain"}, b"again", follow=True)
    assert answer.status == 200 and json.loads(answer.body)["data"] == "again"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("code, status", [("", 302), ("&status_code=300", 300), ("&status_code=301", 301),
                                          ("&status_code=303", 303), ("&status_code=308", 308),
                                          ("&status_code=399", 399)])
def test_methods_and_statuses(server, method, code, status):
    answer = server.get(f"/t/redirect-to?url=/x{code}", method)
    assert answer.status == status and answer["Location"] == "/x"
    assert answer.body == b"" and answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("code", ["200", "299", "400", "x", "", "-302", "1e2", "99999999999999999999"])
def test_no_such_status_of_a_redirect(server, code):
    answer = server.get(f"/t/redirect-to?url=/x&status_code={code}")
    assert answer.status == 400 and "Location" not in answer


@pytest.mark.parametrize("url", ["https://other.example", "https://other.example/a?b#c",
                                 "https://other.example:443/", "http://[::1]:81/x"])
def test_what_an_option_allows(server, url):
    answer = server.get(f"/t/redirect-to?url={quote(url, safe='')}")
    assert answer.status == 302 and answer["Location"] == url


@pytest.mark.parametrize("url", [
    "", "https://evil.example/", "http://other.example/", "https://other.example:444/", "//evil.example/",
    "///evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "\t//evil.example",
    " //evil.example", "http:evil.example", "http:/evil.example", "http:///evil.example",
    "javascript:alert(1)", "data:text/html,x", "https://other.example@evil.example/",
    "https://other.example:443@evil.example/", "https://a@other.example/", "https://other.example\\@evil.example",
    "https://other.example.evil.example/", "/x\r\nSet-Cookie: a=b", "/x\0", "/caf\u00e9", "//wherry.test/x",
    "https://wherry.test:9/", "/" + "x" * 7000 + "\n",
])
def test_nothing_leads_away(server, url):
    answer = server.get(f"/t/redirect-to?url={quote(url, safe='')}")
    assert answer.status == 400 and "Location" not in answer and "Set-Cookie" not in answer
    assert server.get("/t/redirect-to").status == 400


def test_a_scheme_of_ours_that_is_not_asked_by(server):
    """What is asked by HTTP has no other origin by HTTPS, and the other way round."""
    other = "http" if server.is_secure else "https"
    assert server.get(f"/t/redirect-to?url={server.scheme}%3A//wherry.test/").status == 302
    assert server.get(f"/t/redirect-to?url={other}%3A//wherry.test/").status == 400


def test_two_urls_are_not_two_chances(server):
    """The first counts, and it is the one that is checked."""
    assert server.get("/t/redirect-to?url=//evil.example&url=/x").status == 400
    assert server.get("/t/redirect-to?url=/x&url=//evil.example")["Location"] == "/x"


# ---- /unstable


@CLIENTS
@pytest.mark.parametrize("query, status", [("failure_rate=0", 200), ("failure_rate=1", 500),
                                           ("failure_rate=1.0&seed=1", 500), ("failure_rate=0.0&seed=1", 200)])
def test_always_or_never(server, ask, query, status):
    for _ in range(5):
        answer = ask("GET", f"{server.url}/t/unstable?{query}")
        assert answer.status == status and answer.body == b""
        assert answer["Content-Type"] == "text/plain" and answer["Cache-Control"] == "no-store"


def outcomes(server, query, count=300):
    with server.dial() as peer:
        return [peer.ask(f"/t/unstable?{query}").status for _ in range(count)]


def test_as_often_as_is_wanted(server):
    """Beyond these bounds is less likely than one in 10^9."""
    for query, least, most in (("", 98, 202), ("failure_rate=0.5", 98, 202), ("failure_rate=0.1", 5, 75)):
        got = collections.Counter(outcomes(server, query))
        assert set(got) == {200, 500} and least < got[500] < most, (query, got)


def test_a_seed_is_always_the_same(server):
    """Whoever has written one into a test may count on it."""
    statuses = {seed: set(outcomes(server, f"seed={seed}", 5)) for seed in range(8)}
    assert all(len(each) == 1 for each in statuses.values())
    assert [status for each in statuses.values() for status in each] == SEEDED


# splitmix64: its first number of each seed, modulo a million, is under 500,000 or not.
def first_number(seed):
    z = (seed + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    return z ^ z >> 31


SEEDED = [500 if first_number(seed) % 1_000_000 < 500_000 else 200 for seed in range(8)]


@pytest.mark.parametrize("query", ["failure_rate=2", "failure_rate=1.000001", "failure_rate=-1", "failure_rate=x",
                                   "failure_rate=.5", "failure_rate=nan", "seed=x", "seed=-1", "seed=1.5",
                                   "seed=18446744073709551616"])
def test_no_such_rate_or_seed(server, query):
    assert server.get(f"/t/unstable?{query}").status == 400


@pytest.mark.parametrize("target", ["/redirect/1", "/relative-redirect/1", "/absolute-redirect/1", "/unstable"])
def test_methods(server, target):
    assert server.get(f"/t{target}", "POST", (), b"x").status == 405

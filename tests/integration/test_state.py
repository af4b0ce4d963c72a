"""The endpoints of what a client keeps and shows again, as httpbin has them: cookies, a password, entity
tags, and what a cache may keep."""

import email.utils
import json
import re
import time

import httpx
import pytest
import requests

from clients import CLIENTS


@pytest.fixture(scope="module")
def server(serve_all, tmp_path_factory):
    return serve_all(tmp_path_factory.mktemp("site"), "--endpoints=/t")


def cookies_of(answer):
    return [value for name, value in answer.fields if name.lower() == "set-cookie"]


# ---- /cookies


@CLIENTS
@pytest.mark.parametrize("field, shown", [
    (None, {}),
    ("a=b", {"a": "b"}),
    ("a=b; c=d", {"a": "b", "c": "d"}),
    ('a="quoted"; b=; c', {"a": "quoted", "b": ""}),
    ("a=first; a=second", {"a": "first"}),
])
def test_cookies_are_shown(server, ask, field, shown):
    answer = ask("GET", f"{server.url}/t/cookies", {"Cookie": field} if field else {})
    assert answer.status == 200 and json.loads(answer.body) == {"cookies": shown}
    assert answer["Cache-Control"] == "no-store"


@CLIENTS
@pytest.mark.parametrize("target, names", [
    ("/cookies/set?flavour=oat&size=1", [("flavour", "oat"), ("size", "1")]),
    ("/cookies/set?empty=", [("empty", "")]),
    ("/cookies/set/flavour/oat", [("flavour", "oat")]),
    ("/cookies/set/a.b/%7Bx%7D", [("a.b", "{x}")]),
    ("/cookies/set", []),
])
def test_cookies_are_set(server, ask, target, names):
    answer = ask("GET", f"{server.url}/t{target}")
    assert answer.status == 302 and answer["Location"] == "/t/cookies"
    assert answer["Cache-Control"] == "no-store" and answer.body == b""
    secure = "; Secure" if server.is_secure else ""
    assert cookies_of(answer) == [
        f"{name}={value}; Path=/t{secure}; HttpOnly; SameSite=Lax" for name, value in names]


@CLIENTS
def test_cookies_come_back(server, ask):
    answer = ask("GET", f"{server.url}/t/cookies/set?flavour=oat&size=1", follow=True)
    assert json.loads(answer.body) == {"cookies": {"flavour": "oat", "size": "1"}}


@pytest.mark.parametrize("session", [requests.Session, lambda: httpx.Client(follow_redirects=True)],
                         ids=["requests", "httpx"])
def test_a_session(server, session):
    """Set, shown elsewhere too, deleted; and never sent to the site, which is not below the prefix."""
    with session() as client:
        assert client.get(f"{server.url}/t/cookies/set/flavour/oat").json() == {
            "cookies": {"flavour": "oat"}}
        assert client.get(f"{server.url}/t/redirect/2").json()["headers"]["Cookie"] == "flavour=oat"
        assert "Cookie" not in client.get(f"{server.url}/index.html").request.headers
        assert client.get(f"{server.url}/t/cookies/delete?flavour").json() == {"cookies": {}}
        assert not list(client.cookies)


def test_without_a_prefix_they_are_for_all_paths(serve, site):
    answer = serve(site, "--endpoints").get("/cookies/set?a=b")
    assert answer["Location"] == "/cookies" and "; Path=/;" in answer["Set-Cookie"]


def test_deleted_is_expired(server):
    answer = server.get("/t/cookies/delete?a&b=c")
    assert answer.status == 302 and answer["Location"] == "/t/cookies"
    for cookie, name in zip(cookies_of(answer), "ab", strict=True):
        assert cookie.startswith(f"{name}=; Path=/t; Expires=Thu, 01 Jan 1970 00:00:00 GMT; ")


@pytest.mark.parametrize("query", [
    "a=b%3bc", "a=b%20c", "a=%22b%22", "a=b,c", "a=b%5Cc", "a=%00", "a=%0d%0aX:%20y", "a=caf%C3%A9",
    "a%20b=c", "a%3db=c", "=b", "%00=b", "ok=1&a=b%3bc", "a=" + "x" * 4096,
    "a=" + "x" * 3900 + "&b=" + "x" * 3900 + "&c=" + "x" * 200,
], ids=lambda query: query[:24])
def test_what_can_be_no_cookie(server, query):
    answer = server.get(f"/t/cookies/set?{query}")
    assert answer.status == 400 and b"a cookie has a token for its name" in answer.body
    assert not cookies_of(answer)


@pytest.mark.parametrize("target", ["a%20b/c", "a/b%20c", "a/b%3Bc", "a/caf%C3%A9", "a/b%2Cc"])
def test_what_can_be_none_in_a_path(server, target):
    answer = server.get(f"/t/cookies/set/{target}")
    assert answer.status == 400 and not cookies_of(answer)


@pytest.mark.parametrize("target", ["/cookies/set?a=b", "/cookies/set/a/b", "/cookies/delete?a"])
def test_pages_of_others_may_not_set_any(server, target):
    """Cookies know no ports: what one of them has set is sent to all that the host serves."""
    answer = server.get(f"/t{target}", fields={"Sec-Fetch-Site": "cross-site"})
    assert answer.status == 403 and not cookies_of(answer)
    for site in ("none", "same-origin", "same-site"):
        assert server.get(f"/t{target}", fields={"Sec-Fetch-Site": site}).status == 302


# ---- /basic-auth/{user}/{password}


def credentials(user, password):
    return {"Authorization": requests.auth._basic_auth_str(user, password)}


@CLIENTS
@pytest.mark.parametrize("target, fields, status, user", [
    ("ann/secret", credentials("ann", "secret"), 200, "ann"),
    ("a%20b/p%3Aq%2Fr", credentials("a b", "p:q/r"), 200, "a b"),
    ("caf%C3%A9/x", credentials("caf\u00e9".encode(), "x"), 200, "caf\u00e9"),
    ("ann/secret", {}, 401, None),
    ("ann/secret", credentials("ann", "secre"), 401, None),
    ("ann/secret", credentials("ann", "secrets"), 401, None),
    ("ann/secret", credentials("ann", "Secret"), 401, None),
    ("ann/secret", credentials("bob", "secret"), 401, None),
    ("ann/secret", {"Authorization": "Basic !"}, 401, None),
    ("ann/secret", {"Authorization": "Bearer YW5uOnNlY3JldA=="}, 401, None),
])
def test_a_password(server, ask, target, fields, status, user):
    """RFC 7617; RFC 9110 §15.5.2: a 401 has a challenge."""
    answer = ask("GET", f"{server.url}/t/basic-auth/{target}", fields)
    assert answer.status == status and answer["Cache-Control"] == "no-store"
    if user:
        assert json.loads(answer.body) == {"authenticated": True, "user": user}
    else:
        assert answer["WWW-Authenticate"] == 'Basic realm="Fake Realm"' and answer.body == b""


def test_libraries_log_in(server):
    url = f"{server.url}/t/basic-auth/ann/secret"
    assert requests.get(url, auth=("ann", "secret"), timeout=60).json()["authenticated"] is True
    assert httpx.get(url, auth=("ann", "secret")).json()["authenticated"] is True
    assert requests.get(url, auth=("ann", "x"), timeout=60).status_code == 401


@pytest.mark.parametrize("target", ["/basic-auth/a", "/basic-auth/a/", "/basic-auth/a/b/c"])
def test_both_are_needed(server, target):
    assert server.get(f"/t{target}").status == 404


# ---- /etag/{etag}


@CLIENTS
@pytest.mark.parametrize("part, tag, fields, status", [
    ("v1", '"v1"', {}, 200),
    ("%22v1%22", '"v1"', {}, 200),
    ("W%2F%22v1%22", 'W/"v1"', {}, 200),
    ("v1", '"v1"', {"If-None-Match": '"v1"'}, 304),
    ("v1", '"v1"', {"If-None-Match": 'W/"v1"'}, 304),
    ("v1", '"v1"', {"If-None-Match": '"v0", "v1"'}, 304),
    ("v1", '"v1"', {"If-None-Match": "*"}, 304),
    ("v1", '"v1"', {"If-None-Match": '"v2"'}, 200),
    ("W%2F%22v1%22", 'W/"v1"', {"If-None-Match": '"v1"'}, 304),
    ("v1", '"v1"', {"If-Match": '"v1"'}, 200),
    ("v1", '"v1"', {"If-Match": "*"}, 200),
    ("v1", None, {"If-Match": '"v2"'}, 412),
    ("W%2F%22v1%22", None, {"If-Match": 'W/"v1"'}, 412),
    ("v1", None, {"If-Match": '"v2"', "If-None-Match": '"v1"'}, 412),
])
def test_an_entity_tag(server, ask, part, tag, fields, status):
    """RFC 9110 §8.8.3, §13.1.1, §13.1.2, §13.2.2.  What the clients accept makes no other tag of it."""
    answer = ask("GET", f"{server.url}/t/etag/{part}", fields)
    assert answer.status == status
    assert answer.get("ETag") == tag
    if status == 200:
        assert json.loads(answer.body)["url"] == f"{server.url}/t/etag/{part}"


def test_it_stays_the_same_where_it_could_be_compressed(server):
    answer = server.get("/t/etag/v1", fields={"Accept-Encoding": "gzip, br", "X-Long": "x" * 4000})
    assert answer["ETag"] == '"v1"' and "Content-Encoding" not in answer


@pytest.mark.parametrize("part", ["a%20b", "a%22b", "%22a", "a%22", "W%2F%22", "%22a%22,%22b%22"])
def test_what_is_no_entity_tag(server, part):
    answer = server.get(f"/t/etag/{part}")
    assert answer.status == 400 and "ETag" not in answer


# ---- /cache


@CLIENTS
def test_a_version_to_ask_about(server, ask):
    first = ask("GET", f"{server.url}/t/cache")
    assert first.status == 200 and re.fullmatch(r'"[0-9a-f]{16}"', first["ETag"])
    assert json.loads(first.body)["url"] == f"{server.url}/t/cache"
    at = email.utils.parsedate_to_datetime(first["Last-Modified"]).timestamp()
    assert abs(time.time() - at) < 10 * server.patience
    assert ask("GET", f"{server.url}/t/cache")["ETag"] != first["ETag"]


@CLIENTS
@pytest.mark.parametrize("fields, tag", [
    ({"If-None-Match": '"anything"'}, '"anything"'),
    ({"If-None-Match": 'W/"a", "b"'}, 'W/"a"'),
    ({"If-None-Match": "*"}, None),
    ({"If-Modified-Since": "Sun, 06 Nov 1994 08:49:37 GMT"}, None),
    ({"If-Modified-Since": "whenever"}, None),
])
def test_every_version_is_the_right_one(server, ask, fields, tag):
    """As httpbin has it.  RFC 9110 §15.4.5: with the tag of what the client has."""
    answer = ask("GET", f"{server.url}/t/cache", fields)
    assert answer.status == 304 and answer.body == b"" and answer.get("ETag") == tag


@CLIENTS
@pytest.mark.parametrize("seconds", ["0", "60", "2147483647"])
def test_what_may_be_kept(server, ask, seconds):
    answer = ask("GET", f"{server.url}/t/cache/{seconds}")
    assert answer.status == 200 and answer["Cache-Control"] == f"public, max-age={seconds}"
    assert json.loads(answer.body)["url"] == f"{server.url}/t/cache/{seconds}"


@pytest.mark.parametrize("target", ["/etag/v1", "/cache", "/cache/60"])
def test_what_is_kept_tells_no_secret(server, target):
    """A cache gives it to whoever asks next: a page of another origin, which may read what comes without
    cookies, would read the cookies of an answer that came with them."""
    secrets = {"Cookie": "id=secret", "Authorization": "Basic secret", "Proxy-Authorization": "secret"}
    answer = server.get(f"/t{target}", fields={**secrets, "X-Own": "told"})
    assert answer.status == 200 and b"secret" not in answer.body
    assert json.loads(answer.body)["headers"] == {"Host": "wherry.test", "X-Own": "told"}


@pytest.mark.parametrize("seconds", ["x", "-1", "1.5", "2147483648", "%201", "99999999999999999999"])
def test_no_such_age(server, seconds):
    answer = server.get(f"/t/cache/{seconds}")
    assert answer.status == 400 and "max-age" not in answer.get("Cache-Control", "")


# ---- methods


@pytest.mark.parametrize("target", ["/cookies", "/cookies/set", "/cookies/delete", "/basic-auth/a/b",
                                    "/etag/v1", "/cache", "/cache/1"])
def test_methods(server, target):
    assert server.get(f"/t{target}", "POST", (), b"x").status == 405
    get, head = server.get(f"/t{target}"), server.get(f"/t{target}", "HEAD")
    assert head.status == get.status and head.body == b""

"""What holds for all endpoints: the page that lists them, CORS, and that a caller's words are never
script.  What each of them answers is in the files of their groups."""

import html
import re
from pathlib import Path

import pytest

from browser import Browser
from clients import CLIENTS

DOC = Path(__file__).resolve().parents[2] / "docs" / "endpoints.md"


@pytest.fixture
def server(serve, site, folder):
    return serve(site, "--endpoints=/test", f"--files-dir={folder}")


def rows_of(page):
    """(methods, pattern, example, phrase) of each endpoint on the page."""
    rows = re.findall(
        r'<tr><td><small>([A-Z ]+)</small> (?:<a href="([^"]+)">)?<code>([^<]+)</code>(?:</a>)?'
        r"(?:<wbr><small><code>[^<]+</code></small>)?<td>([^\n]+)\n",
        page,
    )
    return [
        (methods.split(), html.unescape(pattern), html.unescape(example), html.unescape(says))
        for methods, example, pattern, says in rows
    ]


@pytest.fixture
def rows(server):
    return rows_of(server.get("/test/").body.decode())


# ---- the page


@CLIENTS
def test_where_the_page_is(server, ask):
    for target in ("/test", "/test/"):
        answer = ask("GET", server.url + target)
        assert answer.status == 200 and answer["Content-Type"] == "text/html; charset=utf-8"
        assert b"<h1>Endpoints to try clients with</h1>" in answer.body


def test_where_it_is_without_a_prefix(serve, site):
    """The root is the site's."""
    server = serve(site, "--endpoints")
    assert b"Endpoints to try clients with" in server.get("/endpoints").body
    assert b"Endpoints to try clients with" not in server.get("/").body
    assert "/hello" in [row[1] for row in rows_of(server.get("/endpoints").body.decode())]


def test_it_lists_files_only_where_there_are_some(serve, site, rows):
    assert "/test/files/{name}" in [pattern for _, pattern, _, _ in rows]
    assert b"/files" not in serve(site, "--endpoints=/test").get("/test").body


def test_the_document_lists_the_same(serve, site, folder):
    """docs/endpoints.md, which scripts/make-endpoints writes."""
    server = serve(site, "--endpoints", f"--files-dir={folder}")
    rows = rows_of(server.get("/endpoints").body.decode())
    told = re.findall(r"^\| `([^`]+)` ([A-Z ]+) \|(?: `([^`]+)`)? \| (.+) \|$", DOC.read_text(), re.M)
    assert [(pattern, methods.split(), example, says)
            for pattern, methods, example, says in told] == [
        (pattern, methods, example, says) for methods, pattern, example, says in rows]


def test_the_manual_names_all_of_them(rows):
    manual = (DOC.parent / "wherry.8").read_text().replace("\\-", "-")
    section = manual.split(".Sh ENDPOINTS")[1].split(".Sh ")[0]
    for _, pattern, _, _ in rows:
        path = re.match(r"/test(/[^{*]*[^{*/])", pattern)[1]
        assert re.search(rf"{path}(?![a-z-])", section), pattern


def test_each_example_fits_its_pattern_and_is_answered(server, rows):
    """Nothing is listed that is not there.  What is put there first, or breaks on purpose, is tried in
    the files of its group."""
    assert len(rows) == len({pattern for _, pattern, _, _ in rows})
    for methods, pattern, example, says in rows:
        assert says.endswith(".") and says[0].isupper(), says
        if not example:
            assert "GET" not in methods
            continue
        assert example.startswith("/test/")
        shape = re.sub(r"\\{[^/]*?\\}", "[^/]+", re.escape(pattern)).replace(r"\*", ".*")
        assert re.fullmatch(shape, example.split("?")[0]), (pattern, example)
        allowed = server.get(example.split("?")[0], "OPTIONS")["Allow"]
        assert set(methods) <= set(allowed.split(", ")), example


def test_a_person_uses_it(server, build, tmp_path):
    """In Chromium: it is laid out by its own style, and its links lead to the answers."""
    trusted = server.authority if server.is_secure else None
    with Browser(tmp_path / "profile", build.patience, trusted) as browser:
        browser.open(f"{server.url}/test/")
        assert browser.run("document.title") == "Endpoints of this wherry"
        assert browser.run("getComputedStyle(document.querySelector('table')).borderCollapse") \
            == "collapse"
        assert browser.run("document.querySelectorAll('td a').length") > 3
        browser.open(browser.run("document.querySelector('td a[href*=hello]').href"))
        assert browser.run("document.body.innerText") == '{"message":"Hello, Ann!"}'
        assert browser.complaints() == []


# ---- CORS (Fetch, §3.2)

ASKED = {
    "Origin": "https://example.com",
    "Access-Control-Request-Method": "PUT",
    "Access-Control-Request-Headers": "authorization, x-own",
}


def test_any_origin_may_ask_all_of_them(server, rows):
    for methods, pattern, example, _ in rows:
        target = (example or pattern).split("?")[0]
        answer = server.get(target, "OPTIONS", fields=ASKED)
        assert answer.status == 204
        if pattern.startswith("/test/files/"):
            continue
        assert answer["Access-Control-Allow-Origin"] == "*"
        assert set(methods) <= set(answer["Access-Control-Allow-Methods"].split(", "))
        assert answer["Access-Control-Allow-Headers"] == "authorization, x-own"
        assert answer["Access-Control-Max-Age"] == "3600"
        assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.parametrize("target, method, status", [
    ("/test/hello", "GET", 200),
    ("/test/hello", "HEAD", 200),
    ("/test/hello", "POST", 405),
    ("/test/hello?name=%ff", "GET", 400),
    ("/test/sleep/x", "GET", 400),
    ("/test", "GET", 200),
])
def test_any_origin_may_read_every_answer(server, target, method, status):
    """Whoever may not read a 400 cannot tell it from a network that is down."""
    answer = server.get(target, method, fields={"Origin": "https://example.com"})
    assert answer.status == status
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Access-Control-Expose-Headers"] == "*"


def test_no_other_origin_may_touch_the_files(server):
    """A page in somebody's browser must not write into a folder of his."""
    server.get("/test/files/a", "PUT", body=b"x")
    for method, status in (("GET", 200), ("OPTIONS", 204), ("DELETE", 403)):
        answer = server.get("/test/files/a", method, fields=ASKED)
        assert answer.status == status
        assert not [name for name, _ in answer.fields if name.startswith("Access-Control")]
        assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert server.get("/test/files/a").body == b"x"


@pytest.mark.parametrize("fields", [
    {"Origin": "https://example.com"},
    {"Origin": "null"},
    {"Origin": "http://wherry.test.example.com"},
    {"Origin": "http://wherry.test:81"},
    {"Origin": "ftp://wherry.test"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://wherry.test"},
], ids=str)
def test_no_form_of_another_origin_writes_a_file(server, folder, fields):
    """No preflight comes before what a form can post (Fetch §2.2.2)."""
    for method in ("POST", "PUT"):
        answer = server.get("/test/files/a", method, {"Content-Type": "text/plain", **fields}, b"x")
        assert answer.status == 403
    server.wait_log(r'" 403 .*"a page of another origin may not change the files"')
    assert not list(folder.iterdir())


@pytest.mark.parametrize("fields", [
    {"Origin": "http://wherry.test"},
    {"Origin": "https://wherry.test"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://in.front.of.us"},
    {"Sec-Fetch-Site": "none"},
], ids=str)
def test_pages_of_ours_write_files(server, fields):
    """Also where somebody in front of us takes off TLS, or has us called otherwise."""
    assert server.get("/test/files/a", "POST", fields, b"x").status == 201
    assert server.get("/test/files/a", "DELETE", fields).status == 204


def test_the_site_is_no_endpoint(server):
    for target in ("/", "/missing"):
        answer = server.get(target, fields=ASKED)
        assert "Access-Control-Allow-Origin" not in answer


def test_a_field_that_is_asked_for_and_is_none(server):
    """What does not fit into a field costs the answer, and not the server."""
    answer = server.get("/test/hello", "OPTIONS",
                        fields={**ASKED, "Access-Control-Request-Headers": "x" * 6000})
    assert answer.status == 204 and len(answer["Access-Control-Allow-Headers"]) == 6000


# ---- safety


def test_no_answer_is_script(server):
    for target in ("/test/echo/<script>alert(1)</script>".replace("/s", "%2Fs"), "/test/hello"):
        answer = server.get(target)
        assert answer.status == 200
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Security-Policy"].startswith("default-src 'none';")
        assert answer["Content-Security-Policy"].endswith("sandbox")


def test_error_pages_of_the_site_keep_their_looks(serve, site):
    """They have nothing of a caller's in them, and may have pictures."""
    (site / "404.html").write_text("<h1>not here</h1><img src=/a.png>")
    (site / "files").mkdir()
    server = serve(site, "--endpoints=/test", f"--files-dir={site / 'files'}")
    answer = server.get("/test/files/missing")
    assert answer.status == 404 and b"not here" in answer.body
    assert "Content-Security-Policy" not in answer


# ---- the options


def test_times_end_at_the_cap(serve, site):
    server = serve(site, "--endpoints=/test", "--endpoints-time=2s")
    assert server.get("/test/sleep/2.001").status == 400
    server.wait_log(r'"GET /test/sleep/2.001 HTTP/1.1" 400 .*no longer than --endpoints-time"$')

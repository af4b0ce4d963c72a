"""Endpoints that give a thing of a kind: pages, documents, pictures, and answers in a coding."""

import gzip
import json
import subprocess
import unicodedata
import zlib
from xml.etree import ElementTree

import pytest

from browser import Browser
from clients import CLIENTS
from tools import need


@pytest.fixture(scope="module")
def server(serve_all, tmp_path_factory):
    site = tmp_path_factory.mktemp("site")
    (site / "index.html").write_text("<!doctype html><link rel=icon href=data:,>\n")
    return serve_all(site, "--endpoints=/test")


PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"

# target, type, how it begins
SAMPLES = [
    ("/html", "text/html; charset=utf-8", b"<!doctype html>"),
    ("/json", "application/json", b"{"),
    ("/xml", "application/xml", b"<?xml "),
    ("/encoding/utf8", "text/html; charset=utf-8", b"<!doctype html>"),
    ("/image/png", "image/png", PNG),
    ("/image/jpeg", "image/jpeg", JPEG),
    ("/image/svg", "image/svg+xml", b"<svg "),
    ("/image", "image/png", PNG),
]
EACH = pytest.mark.parametrize("target, kind, beginning", SAMPLES)


@CLIENTS
@EACH
def test_answers(server, ask, target, kind, beginning):
    answer = ask("GET", f"{server.url}/test{target}")
    assert answer.status == 200 and answer["Content-Type"] == kind
    assert answer.body.startswith(beginning)
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "script" not in answer["Content-Security-Policy"]


@EACH
def test_it_is_the_same_each_time(serve, site, server, target, kind, beginning):
    """So its tag is, too, wherever the program runs; and it comes once."""
    with server.dial() as peer:
        answer = peer.ask("/test" + target)
        again = peer.ask("/test" + target, fields={"If-None-Match": answer["ETag"]})
        assert again.status == 304 and again["ETag"] == answer["ETag"]
        assert again.get("Vary") == answer.get("Vary")
        head = peer.ask("/test" + target, "HEAD")
        assert head["Content-Length"] == str(len(answer.body))
        part = peer.ask("/test" + target, fields={"Range": "bytes=2-5"})
        assert part.status == 206 and part.body == answer.body[2:6]
        assert peer.ask("/test" + target, "POST").status == 405
    other = serve(site, "--endpoints").get(target)
    assert (other["ETag"], other.body) == (answer["ETag"], answer.body)


def test_each_has_a_tag_of_its_own(server):
    tags = {server.get("/test" + target)["ETag"] for target, _, _ in SAMPLES}
    assert len(tags) == len(SAMPLES) - 1  # /image is /image/png here


# ---- documents


def test_html(server):
    body = server.get("/test/html").body.decode()
    assert "<h1>Herman Melville - Moby-Dick</h1>" in body and "Call me Ishmael." in body


def test_json(server):
    """The members and values that tests written against httpbin look for."""
    assert json.loads(server.get("/test/json").body) == {
        "slideshow": {
            "author": "Yours Truly",
            "date": "date of publication",
            "slides": [
                {"title": "Wake up to WonderWidgets!", "type": "all"},
                {
                    "items": [
                        "Why <em>WonderWidgets</em> are great",
                        "Who <em>buys</em> WonderWidgets",
                    ],
                    "title": "Overview",
                    "type": "all",
                },
            ],
            "title": "Sample Slide Show",
        }
    }


def test_xml(server):
    root = ElementTree.fromstring(server.get("/test/xml").body)
    assert root.tag == "slideshow" and root.attrib == {
        "title": "Sample Slide Show",
        "date": "Date of publication",
        "author": "Yours Truly",
    }
    assert [slide.findtext("title") for slide in root] == ["Wake up to WonderWidgets!", "Overview"]
    assert len(root[1].findall("item")) == 3


def test_utf8(server):
    """Letters of one to four bytes, of many scripts, from left and from right."""
    text = server.get("/test/encoding/utf8").body.decode("utf-8")
    assert {len(letter.encode()) for letter in text} == {1, 2, 3, 4}
    scripts = {unicodedata.name(letter).split()[0] for letter in text if letter.isalpha()}
    assert scripts >= {"LATIN", "GREEK", "CYRILLIC", "HEBREW", "ARABIC", "DEVANAGARI", "THAI", "CJK",
                       "KATAKANA", "HANGUL", "ETHIOPIC", "GEORGIAN", "ARMENIAN", "KHMER"}
    assert {unicodedata.bidirectional(letter) for letter in text} >= {"L", "R", "AL"}


# ---- pictures


def test_pictures_are_small(server):
    for kind in ("png", "jpeg", "svg"):
        assert len(server.get(f"/test/image/{kind}").body) <= 4096


def test_there_is_no_other_kind(server):
    for kind in ("webp", "gif", "PNG", ""):
        assert server.get(f"/test/image/{kind}x").status == 404


# Accept -> the type that comes; None: 406 (RFC 9110 §12.5.1)
ACCEPTED = [
    ("image/png", "image/png"),
    ("image/jpeg", "image/jpeg"),
    ("image/svg+xml", "image/svg+xml"),
    ("IMAGE/JPEG", "image/jpeg"),
    ("image/*", "image/png"),
    ("*/*", "image/png"),
    ("image/png;q=0.5, image/jpeg", "image/jpeg"),
    ("image/png;q=0, image/*", "image/jpeg"),
    ("image/*;q=0.9, image/svg+xml;q=0.8, */*;q=0.1", "image/png"),
    ("image/svg+xml, image/*", "image/svg+xml"),
    ("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "image/svg+xml"),
    ("text/html, */*;q=0.1", "image/png"),
    ("image/webp", None),
    ("text/html", None),
    ("image/png;q=0", None),
    ("*/*;q=0", None),
]


@CLIENTS
@pytest.mark.parametrize("accept, kind", ACCEPTED)
def test_the_image_that_is_accepted(server, ask, accept, kind):
    answer = ask("GET", f"{server.url}/test/image", {"Accept": accept})
    assert "Accept" in answer["Vary"].replace(",", " ").split()
    if kind:
        assert answer.status == 200 and answer["Content-Type"] == kind
    else:
        assert answer.status == 406 and b"PNG" in answer.body


def test_accept_in_several_lines(server):
    """RFC 9110 §5.3"""
    fields = [("Accept", "image/png;q=0.3"), ("Accept", "image/jpeg;q=0.4")]
    assert server.get("/test/image", fields=fields)["Content-Type"] == "image/jpeg"


def test_a_browser_shows_them(server, site, build, tmp_path):
    """The same picture three times, and the one that it would rather have; and the page as text."""
    (site / "favicon.ico").write_bytes(b"")
    look = """(async () => {
        const seen = [];
        for (const target of %s) {
            const picture = new Image();
            picture.src = '/test' + target;
            await picture.decode();
            const canvas = document.createElement('canvas');
            canvas.width = picture.naturalWidth;
            canvas.height = picture.naturalHeight;
            const context = canvas.getContext('2d', {willReadFrequently: true});
            context.drawImage(picture, 0, 0);
            const at = (x, y) => [...context.getImageData(x, y, 1, 1).data];
            seen.push([canvas.width, canvas.height, at(5, 5), at(60, 40), at(60, 72), at(5, 85)]);
        }
        return seen;
    })()""" % ["/image/svg", "/image/png", "/image/jpeg", "/image"]
    trusted = server.authority if server.is_secure else None
    with Browser(tmp_path / "profile", build.patience, trusted) as browser:
        browser.open(server.url)
        browser.listen()
        first, *others = browser.run(look)
        assert first[:2] == [120, 90]
        assert len({tuple(colour) for colour in first[2:]}) == 4  # sky, sail, hull and water
        for other in others:
            assert other[:2] == [120, 90]
            for seen, wanted in zip(other[2:], first[2:]):
                assert all(abs(a - b) < 24 for a, b in zip(seen, wanted)), (other, first)
        browser.open(f"{server.url}/test/image/svg")
        assert browser.run("document.documentElement.getAttribute('aria-label')") == \
            "A wherry under sail"
        browser.open(f"{server.url}/test/encoding/utf8")
        assert "船 (Chinese)" in browser.run("document.body.innerText")
        assert browser.complaints() == []


# ---- codings


def decode(answer):
    """By programs that others wrote."""
    decoders = {
        "gzip": gzip.decompress,
        "deflate": zlib.decompress,  # the zlib format (RFC 9110 §8.4.1.2)
        "br": lambda body: subprocess.run(
            [need("brotli", "brotli"), "-dc"], input=body, capture_output=True, check=True
        ).stdout,
    }
    return json.loads(decoders[answer["Content-Encoding"]](answer.body))


CODED = [("/gzip", "gzip", "gzipped"), ("/deflate", "deflate", "deflated"), ("/brotli", "br", "brotli")]


@CLIENTS
@pytest.mark.parametrize("target, coding, member", CODED)
def test_a_client_decodes_it(server, ask, target, coding, member):
    """Who has no brotli gets it all the same."""
    answer = ask("GET", f"{server.url}/test{target}", {"X-Own": "1"})
    assert answer.status == 200 and answer["Content-Type"] == "application/json"
    shown = json.loads(answer.body) if answer.body.startswith(b"{") else decode(answer)
    assert shown[member] is True and shown["method"] == "GET"
    assert shown["headers"]["X-Own"] == "1" and shown["origin"]
    assert set(shown) == {member, "method", "headers", "origin"}


@pytest.mark.parametrize("target, coding, member", CODED)
@pytest.mark.parametrize("accepted", [None, "", "identity", "*;q=0", "gzip", "br", "deflate, gzip, br"])
def test_it_is_coded_whatever_is_accepted(server, target, coding, member, accepted):
    """Once, that is."""
    fields = {} if accepted is None else {"Accept-Encoding": accepted}
    answer = server.get("/test" + target, fields=fields)
    assert answer["Content-Encoding"] == coding and "Vary" not in answer
    assert decode(answer)[member] is True
    assert answer["Cache-Control"] == "no-store"
    assert server.get("/test" + target, "HEAD", fields)["Content-Encoding"] == coding


@pytest.mark.parametrize("target, coding, member", CODED)
def test_a_request_of_any_length(server, target, coding, member):
    """As long as a head may be, of bytes that take six in JSON."""
    fields = {f"X-{i}": "\x80" * 1000 for i in range(14)}
    headers = decode(server.get("/test" + target, fields=fields))["headers"]
    assert headers["X-13"] == "\x80" * 1000

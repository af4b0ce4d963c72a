"""Clients that nobody here wrote."""

import hashlib
import http.client
import random
import re
import subprocess
import urllib.error
import urllib.request

import pytest

from browser import Browser
from dialogue import request
from tools import need

LARGE = 5 << 20


@pytest.fixture
def server(serve, site):
    (site / "large.bin").write_bytes(random.Random(1).randbytes(LARGE))
    (site / "a b.txt").write_text("a space")
    (site / "404.html").write_text("<!doctype html><title>lost</title><p>lost at sea")
    return serve(site)


def run(*command, **more):
    """What a command prints; it must be content."""
    done = subprocess.run([str(word) for word in command], capture_output=True, timeout=300, **more)
    assert done.returncode == 0, done.stderr.decode(errors="replace") + done.stdout.decode(
        errors="replace"
    )
    return done.stdout.decode(errors="replace")


# ---- curl ------------------------------------------------------------------------------------


def curl(*words):
    return run(need("curl", "curl"), "-sS", "--max-time", "60", *words)


def test_curl(server, site, tmp_path):
    assert curl(f"{server.url}/") == (site / "index.html").read_text()
    assert "HTTP/1.1 200 OK" in curl("-I", f"{server.url}/large.bin")
    curl("-f", "-o", tmp_path / "got", f"{server.url}/large.bin")
    assert (tmp_path / "got").read_bytes() == (site / "large.bin").read_bytes()


def test_curl_follows_redirects(server, site):
    (site / "blog").mkdir()
    (site / "blog" / "index.html").write_text("the blog")
    assert curl("-L", f"{server.url}/blog") == "the blog"


def test_curl_resumes(server, site, tmp_path):
    whole = (site / "large.bin").read_bytes()
    (tmp_path / "got").write_bytes(whole[:1_234_567])
    curl("-f", "-C", "-", "-o", tmp_path / "got", f"{server.url}/large.bin")
    assert (tmp_path / "got").read_bytes() == whole
    server.wait_log(rf'"GET /large.bin HTTP/1.1" 206 {LARGE - 1_234_567} ')


def test_curl_revalidates(server, tmp_path):
    tag, got = tmp_path / "tag", tmp_path / "got"
    for status in ("200", "304"):
        assert (
            curl(
                "-w",
                "%{http_code}",
                "-o",
                got,
                "--etag-save",
                tag,
                "--etag-compare",
                tag,
                f"{server.url}/large.bin",
            )
            == status
        )
    assert curl(
        "-w", "%{http_code}", "-o", tmp_path / "other", "-z", got, f"{server.url}/large.bin"
    ) in ("200", "304")


def test_curl_posts_and_is_told(server, tmp_path):
    """More than it may, with and without waiting for a 100; the answer is not lost."""
    (tmp_path / "body").write_bytes(b"x" * (3 << 20))
    for expect in ("Expect: 100-continue", "Expect:"):
        assert (
            curl(
                "-w",
                "%{http_code}",
                "-o",
                tmp_path / "got",
                "-H",
                expect,
                "--data-binary",
                f"@{tmp_path}/body",
                f"{server.url}/",
            )
            == "413"
        )
    assert (
        curl("-w", "%{http_code}", "-o", tmp_path / "got", "-d", "a=1", f"{server.url}/") == "405"
    )


def test_curl_asks_many_things_at_once(server, site):
    """Eight connections at a time, kept and used again."""
    for i in range(200):
        (site / f"{i}.txt").write_text(f"{i}\n")
    told = curl("-Z", "--parallel-max", "8", "-f", f"{server.url}/[0-199].txt")
    assert sorted(map(int, told.split())) == list(range(200))


def test_curl_of_old(server, site):
    assert curl("-0", f"{server.url}/") == (site / "index.html").read_text()


# ---- wget ------------------------------------------------------------------------------------


def test_wget_continues(server, site, tmp_path):
    whole = (site / "large.bin").read_bytes()
    (tmp_path / "large.bin").write_bytes(whole[:2_000_000])
    run(
        need("wget", "wget"),
        "-nv",
        "--tries=1",
        "--timeout=60",
        "--continue",
        f"{server.url}/large.bin",
        cwd=tmp_path,
    )
    assert (tmp_path / "large.bin").read_bytes() == whole
    server.wait_log(rf'"GET /large.bin HTTP/1.1" 206 {LARGE - 2_000_000} ')

    # There is nothing left to fetch: 416, which wget takes for "done".
    run(
        need("wget", "wget"),
        "-nv",
        "--tries=1",
        "--timeout=60",
        "--continue",
        f"{server.url}/large.bin",
        cwd=tmp_path,
    )
    assert (tmp_path / "large.bin").read_bytes() == whole


# ---- ab --------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [["-k"], []], ids=["kept connections", "new connections"])
def test_ab(server, build, keep):
    """HTTP/1.0, with and without keep-alive: nothing fails, and -k really keeps."""
    count = 5000 if build.is_fast else 500
    told = run(need("ab", "apache2-utils"), "-q", *keep, "-n", count, "-c", 20, f"{server.url}/")
    assert re.search(rf"Complete requests:\s+{count}\n", told), told
    assert re.search(r"Failed requests:\s+0\n", told) and "Non-2xx" not in told, told
    if keep:
        assert re.search(rf"Keep-Alive requests:\s+{count}\n", told), told


# ---- Python ----------------------------------------------------------------------------------


def test_http_client(server, site):
    kind = http.client.HTTPSConnection if server.is_secure else http.client.HTTPConnection
    connection = kind(server.host, server.port, timeout=60)
    for _ in range(3):
        connection.request("GET", "/large.bin")
        answer = connection.getresponse()
        assert answer.status == 200 and answer.read() == (site / "large.bin").read_bytes()
        connection.request("HEAD", "/large.bin")
        answer = connection.getresponse()
        assert answer.length == 0 and answer.headers["Content-Length"] == str(LARGE)
        answer.read()
        connection.request("GET", "/a%20b.txt", headers={"Range": "bytes=2-"})
        assert connection.getresponse().read() == b"space"
    connection.close()


def test_urllib(server, site):
    with urllib.request.urlopen(f"{server.url}/large.bin", timeout=60) as answer:
        assert (
            hashlib.sha256(answer.read()).digest()
            == hashlib.sha256((site / "large.bin").read_bytes()).digest()
        )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{server.url}/nothing", timeout=60)
    assert caught.value.code == 404 and b"lost at sea" in caught.value.read()


# ---- a thousand requests in one write --------------------------------------------------------


def test_pipelining(server, site):
    """RFC 9112 §9.3.2: all answered, in order."""
    for i in range(10):
        (site / f"{i}.txt").write_text(f"page {i}")
    with server.dial() as peer:
        peer.send(b"".join(request(f"/{i % 10}.txt") for i in range(1000)))
        for i in range(1000):
            answer = peer.answer()
            assert answer.status == 200 and answer.body == f"page {i % 10}".encode()
        assert peer.ask().status == 200


def test_pipelining_of_what_does_not_fit(server, site):
    """Answers larger than any buffer, to a client that reads late."""
    whole = (site / "large.bin").read_bytes()
    with server.dial(seconds=60, receive_buffer=64 * 1024) as peer:
        peer.send(b"".join(request("/large.bin") + request("/") for _ in range(5)))
        for _ in range(5):
            assert peer.answer().body == whole
            assert b"home" in peer.answer().body


# ---- Chromium --------------------------------------------------------------------------------


@pytest.fixture
def browser(server, build, tmp_path):
    trusted = server.authority if server.is_secure else None
    with Browser(tmp_path / "profile", build.patience, trusted) as browser:
        yield browser


def test_chromium_shows_a_page(server, site, browser):
    (site / "index.html").write_text(
        "<!doctype html><title>home</title><link rel=stylesheet href=/style.css>"
        "<p id=p>styled</p><img src=/wave.svg><script src=/script.js></script>"
    )
    (site / "style.css").write_text("#p { color: rgb(1, 2, 3) }")
    (site / "script.js").write_text("document.title = 'scripted'")
    (site / "wave.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"/>'
    )
    browser.open(f"{server.url}/")
    assert browser.run("document.title") == "scripted"
    assert browser.run("getComputedStyle(p).color") == "rgb(1, 2, 3)"
    assert browser.run("document.images[0].naturalWidth") == 40

    # Asked for again, it is the same, and need not be sent again.
    browser.open(f"{server.url}/?again")
    browser.call("Page.reload")
    server.wait_log(r'"GET /style.css HTTP/1.1" 304 ', 30)


def test_chromium_shows_the_404_page(server, browser):
    browser.open(f"{server.url}/nothing/here")
    assert browser.run("document.title") == "lost"
    assert browser.run("fetch('/nothing').then(answer => answer.status)") == 404


CLIPS = {".webm": "video/webm", ".mp4": "video/mp4"}


def test_chromium_seeks_in_a_clip(serve, public, browser):
    """By a range: nobody wants to wait for all that lies before."""
    clips = sorted(path for path in public.rglob("*") if path.suffix in CLIPS)
    assert clips, "there is no clip in public/"
    server = serve(public)
    for clip in clips:
        target = f"/{clip.relative_to(public)}"
        browser.open(f"{server.url}/")
        seeked = browser.run(
            """
            new Promise((done, fail) => {
                const video = document.createElement('video');
                video.muted = true;
                video.preload = 'auto';
                video.onerror = () => fail(new Error(video.error.message));
                video.onloadedmetadata = () => { video.currentTime = video.duration * 0.8; };
                video.onseeked = () => done([video.currentTime / video.duration, video.readyState]);
                video.src = '%s';
                document.body.append(video);
            })"""
            % target
        )
        assert abs(seeked[0] - 0.8) < 0.05 and seeked[1] >= 2
        server.wait_log(rf'"GET {re.escape(target)} HTTP/1.1" 206 ', 30)

"""--endpoints: the small resources beside the site, asked by clients that nobody here wrote."""

import contextlib
import gzip
import json
import os
import random
import re
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import requests

from clients import CLIENTS, ask_requests
from crowd import Crowd
from dialogue import request
from program import Wherry, eventually
from test_load import best_of, is_quick, visit
from tools import mount, need, need_root, unmount

GIB = 1 << 30
MIB = 1 << 20


@pytest.fixture
def server(serve, site, folder):
    return serve(site, "--endpoints", f"--files-dir={folder}")


def told(ask, url, fields=()):
    """(status, type, body) of an answer."""
    answer = ask("GET", url, fields)
    return answer.status, answer["Content-Type"], answer.body


# ---- /hello


@CLIENTS
def test_hello(server, ask):
    assert told(ask, f"{server.url}/hello") == (
        200,
        "application/json",
        b'{"message":"Hello, World!"}',
    )
    assert told(ask, f"{server.url}/hello?name=Ann") == (
        200,
        "application/json",
        b'{"message":"Hello, Ann!"}',
    )


@pytest.mark.parametrize("name", [
    "Ann Lee", "M\u00fcller", "\U0001f600", 'say "hi"', "back\\slash", "a&b=c", "a+b", "<script>",
    "line\nbreak", "tab\tbell\x07", "nul\0inside", "\u2028",
    pytest.param("x" * 2000, id="long"),
])
def test_hello_greets_anyone(server, name):
    status, kind, body = told(ask_requests, f"{server.url}/hello?other=1&name={quote(name, safe='')}")
    assert (status, kind) == (200, "application/json")
    assert json.loads(body) == {"message": f"Hello, {name}!"}
    assert not re.search(rb"[\x00-\x1f]", body)


def test_hello_reads_a_form(server):
    """A "+" is a space (WHATWG URL §5.1); who gives no name or an empty one is the world."""
    assert json.loads(server.get("/hello?name=Ann+Lee").body) == {"message": "Hello, Ann Lee!"}
    for target in ("/hello?name=", "/hello?", "/hello?other=Ann"):
        assert json.loads(server.get(target).body) == {"message": "Hello, World!"}
    assert server.get("/hello?name=%ff").status == 400
    server.wait_log(r'"GET /hello\?name=%ff HTTP/1.1" 400 .*"the name is not UTF-8"$')


def test_methods(server):
    """RFC 9110 §9.3.2, §10.2.1"""
    answer = server.get("/hello", "HEAD")
    assert answer.status == 200 and answer.body == b"" and answer["Content-Length"] == "27"
    answer = server.get("/hello", "POST", (), b"x")
    assert answer.status == 405 and "GET" in answer["Allow"]


# ---- /echo/{text}


@CLIENTS
@pytest.mark.parametrize("text", ["abc", "a b", "caf\u00e9", "100%", "a/b?c#d",
                                  pytest.param("x" * 3000, id="long")])
def test_echo(server, ask, text):
    status, kind, body = told(ask, f"{server.url}/echo/{quote(text, safe='')}")
    assert (status, kind, body.decode()) == (200, "text/plain", text)


@pytest.mark.parametrize("text", ["a", "abc", pytest.param("x" * 5000, id="long")])
def test_echo_is_compressed_however_short(server, text):
    answer = server.get(f"/echo/{text}", fields={"Accept-Encoding": "gzip"})
    assert answer.status == 200 and answer["Content-Encoding"] == "gzip"
    assert int(answer["Content-Length"]) == len(answer.body)
    assert gzip.decompress(answer.body).decode() == text
    assert "Accept-Encoding" in answer["Vary"]
    answer = server.get(f"/echo/{text}", fields={"Accept-Encoding": "br, gzip;q=0.5"})
    assert answer["Content-Encoding"] == "gzip"
    for accepted in ((), {"Accept-Encoding": "identity"}, {"Accept-Encoding": "invented"},
                     {"Accept-Encoding": "gzip;q=0"}):
        answer = server.get(f"/echo/{text}", fields=accepted)
        assert answer.body.decode() == text and "Content-Encoding" not in answer
        assert answer["Content-Length"] == str(len(text))


def test_echo_needs_one_text(server):
    for target in ("/echo", "/echo/", "/echo/a/b"):
        assert server.get(target).status == 404


# ---- /user-agent


@CLIENTS
def test_user_agent(server, ask):
    assert told(ask, f"{server.url}/user-agent", [("User-Agent", "foobar/1.2.3")]) == (
        200,
        "text/plain",
        b"foobar/1.2.3",
    )


def test_user_agent_is_exactly_the_value(server):
    for value in ("a", "Mozilla/5.0 (X11;  two  blanks)", "caf\xe9", "x" * 4000):
        with server.dial() as peer:
            peer.send(b"GET /user-agent HTTP/1.1\r\nHost: a\r\nUser-Agent: \t" +
                      value.encode("latin-1") + b" \r\n\r\n")
            assert peer.answer().body == value.encode("latin-1")
    with server.dial() as peer:
        peer.send(b"GET /user-agent HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = peer.answer()
        assert answer.status == 200 and answer.body == b""


# ---- /sleep


def test_sleep(server):
    for target, least, most in (("/sleep/0", 0, 1), ("/sleep/0.25", 0.25, 1.2), ("/sleep/1", 1, 2)):
        began = time.monotonic()
        answer = server.get(target)
        assert answer.status == 200 and answer["Content-Type"] == "text/plain"
        assert least <= time.monotonic() - began < most * server.patience


def test_sleep_is_five_seconds_where_nobody_says(server):
    began = time.monotonic()
    assert server.get("/sleep").status == 200
    assert 5 <= time.monotonic() - began < 6 * server.patience


@pytest.mark.parametrize("seconds", ["x", "-1", "+1", "1.", ".5", "1.2.3", "1e3", "30.001", "31",
                                     "99999999999999999999", "%201", "1,5", "0x1"])
def test_sleep_for_no_time_at_all(server, seconds):
    answer = server.get(f"/sleep/{seconds}")
    assert answer.status == 400
    assert b"seconds from 0 to 30" in answer.body
    server.wait_log(r'" 400 .*"the time to sleep must be seconds from 0 to 30, as in 1.5, ')


def test_others_are_served_while_some_sleep(server, build):
    """200 at once, each for a second; the site is quick meanwhile, and they are done within five."""
    count = 200 if build.is_fast else 40

    def attempt():
        with Crowd("at-once", server, count, "/sleep/1") as sleepers:
            assert sleepers.hear()["ready"] == count
            visited = visit(server, 3)
            slept = sleepers.hear()
        assert slept["statuses"] == {"200": count}
        return visited, slept

    visited, slept = best_of(
        5, attempt, lambda result: is_quick(result[0]) and result[1]["seconds"] <= 5
    )
    if build.is_fast:
        assert is_quick(visited), visited
        assert slept["seconds"] <= 5, slept


# ---- /files/{name}


def some_bytes(count, seed=1):
    return random.Random(seed).randbytes(count)


def by_curl(method, url, data=None):
    words = ["-T", "-"] if method == "PUT" else ["--data-binary", "@-"]
    words = words if data is not None else []
    run = subprocess.run(
        [need("curl", "curl"), "-sS", "-X", method, "-w", "\n%{http_code}", *words, url],
        input=data,
        capture_output=True,
        timeout=60,
        check=True,
    )
    body, status = run.stdout.rsplit(b"\n", 1)
    return int(status), body


def by_requests(method, url, data=None):
    answer = requests.request(method, url, data=data, timeout=60)
    return answer.status_code, answer.content


def by_httpx(method, url, data=None):
    answer = httpx.request(method, url, content=data, timeout=60)
    return answer.status_code, answer.content


@pytest.mark.parametrize("call", [by_curl, by_requests, by_httpx])
@pytest.mark.parametrize("size", [0, 1, 100_000, 3 * MIB])
def test_a_file_comes_and_goes(server, folder, call, size):
    url, first, second = f"{server.url}/files/a.bin", some_bytes(size), some_bytes(size, 2)
    assert call("GET", url)[0] == 404
    assert call("PUT", url, first)[0] == 201
    assert (folder / "a.bin").read_bytes() == first and call("GET", url) == (200, first)
    assert call("PUT", url, second)[0] == 204       # RFC 9110 §9.3.4: it was there before
    assert call("GET", url) == (200, second)
    assert call("POST", url, first)[0] == 201
    assert (folder / "a.bin").read_bytes() == first
    assert call("DELETE", url)[0] == 204
    assert call("DELETE", url)[0] == 404
    assert os.listdir(folder) == []


def test_where_a_file_is(serve, site, folder):
    """RFC 9110 §10.2.2"""
    server = serve(site, "--endpoints=/a/test-1", f"--files-dir={folder}")
    for name in ("a.txt", "a b", "caf\u00e9", "100%", "a?b#c"):
        target = f"/a/test-1/files/{quote(name, safe='')}"
        answer = server.get(target, "POST", (), b"x")
        assert answer.status == 201 and answer.body == b""
        assert (folder / name).read_bytes() == b"x"
        answer = server.get(answer["Location"])
        assert answer.status == 200 and answer.body == b"x"
    assert server.get("/files/a.txt").status == 404
    assert server.get("/a/test-1/hello").status == 200 and server.get("/hello").status == 404


def test_a_file_is_served_as_one(server, folder):
    """RFC 9110 §8.8, §13.1.2, §14.2"""
    (folder / "a.html").write_bytes(some_bytes(10_000))
    answer = server.get("/files/a.html")
    assert answer["Content-Type"] == "application/octet-stream"
    tag, date = answer["ETag"], answer["Last-Modified"]
    assert server.get("/files/a.html", fields={"If-None-Match": tag}).status == 304
    assert server.get("/files/a.html", fields={"If-Modified-Since": date}).status == 304
    answer = server.get("/files/a.html", fields={"Range": "bytes=100-199"})
    assert answer.status == 206 and answer.body == some_bytes(10_000)[100:200]
    answer = server.get("/files/a.html", "HEAD")
    assert answer["Content-Length"] == "10000" and answer["ETag"] == tag
    server.get("/files/a.html", "PUT", (), some_bytes(10_000, 2))
    assert server.get("/files/a.html")["ETag"] != tag


def test_who_depends_on_a_version(server, folder):
    """RFC 9110 §13.1.1, §13.1.2, §13.1.4"""
    def put(body, **fields):
        named = {name.replace("_", "-"): value for name, value in fields.items()}
        return server.get("/files/a", "PUT", named, body).status

    assert put(b"1", If_Match="*") == 412           # there is nothing
    assert put(b"1", If_Match='"x"') == 412
    assert os.listdir(folder) == []
    assert put(b"1", If_None_Match="*") == 201
    assert put(b"2", If_None_Match="*") == 412
    tag = server.get("/files/a")["ETag"]
    assert put(b"2", If_Match='"x"') == 412
    assert put(b"2", If_None_Match=tag) == 412
    assert put(b"2", If_Unmodified_Since="Sun, 06 Nov 1994 08:49:37 GMT") == 412
    assert (folder / "a").read_bytes() == b"1"
    assert put(b"2", If_Match=f'"x", {tag}') == 204
    assert put(b"3", If_Match=tag) == 412           # that is another one now
    assert server.get("/files/a", "DELETE", {"If-Match": tag}).status == 412
    assert (folder / "a").read_bytes() == b"2"
    assert server.get("/files/a", "DELETE", {"If-Match": "*"}).status == 204


def test_no_upload_is_lost_to_another_that_had_not_seen_it(server, folder, build):
    """Many count in one file, each from what it has read."""
    (folder / "a").write_text("0")
    each, clients = (20, 6) if build.is_fast else (5, 3)

    def count():
        with server.dial() as peer:
            for _ in range(each):
                status = 412
                while status == 412:
                    seen = peer.ask("/files/a")
                    body = str(int(seen.body) + 1).encode()
                    status = peer.ask("/files/a", "PUT", {"If-Match": seen["ETag"]}, body).status
                assert status == 204

    threads = [threading.Thread(target=count) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (folder / "a").read_text() == str(each * clients)


@pytest.mark.parametrize("name", ["..%2fout.txt", "%2e%2e%2fout.txt", "sub%2fa.txt", "..%2f..%2fetc",
                                  ".hidden", ".%77herry", "%2fetc%2fpasswd",
                                  pytest.param("x" * 256, id="long")])
def test_names_that_no_file_is_given(server, folder, name):
    (folder.parent / "out.txt").write_text("out")
    (folder / "sub").mkdir()
    (folder / "sub" / "a.txt").write_text("below")
    (folder / ".hidden").write_text("hidden")
    assert server.get(f"/files/{name}").status == 404
    assert server.get(f"/files/{name}", "DELETE").status == 404
    for method in ("PUT", "POST"):
        assert server.get(f"/files/{name}", method, (), b"mine").status == 400
    assert (folder.parent / "out.txt").read_text() == "out"
    assert (folder / "sub" / "a.txt").read_text() == "below"
    assert sorted(os.listdir(folder)) == [".hidden", "sub"]


def test_only_regular_files(server, folder):
    """A link, a folder, a FIFO, a socket: not there to be read, not ours to be replaced."""
    outside = folder.parent / "outside.txt"
    outside.write_text("outside")
    (folder / "link").symlink_to(outside)
    (folder / "loose").symlink_to("nowhere")
    (folder / "sub").mkdir()
    os.mkfifo(folder / "fifo")
    before = sorted(os.listdir(folder))
    for name in before:
        assert server.get(f"/files/{name}").status == 404
        assert server.get(f"/files/{name}", "DELETE").status == 404
        assert server.get(f"/files/{name}", "PUT", (), b"mine").status == 409
    assert sorted(os.listdir(folder)) == before and outside.read_text() == "outside"


def test_the_largest_file(serve, site, folder):
    """RFC 9110 §15.5.14, known beforehand and not."""
    server = serve(site, "--endpoints", f"--files-dir={folder}", "--files-max=2M", "--body-max=1K")
    assert server.get("/files/a", "PUT", (), some_bytes(2 * MIB)).status == 201
    with server.dial() as peer:
        peer.send(request("/files/b", "PUT", {"Content-Length": 2 * MIB + 1}))
        answer = peer.answer()
        assert answer.status == 413 and answer.closes
    with server.dial() as peer, contextlib.suppress(ConnectionError):
        peer.send(request("/files/b", "PUT", {"Transfer-Encoding": "chunked"}))
        for _ in range(33):
            peer.send(b"10000\r\n" + bytes(65536) + b"\r\n")
        assert peer.answer().status == 413
    assert os.listdir(folder) == ["a"]


def test_a_client_that_waits_is_told_before(server, folder):
    """RFC 9110 §10.1.1: a refusal spares the upload."""
    with server.dial() as peer:
        fields = {"Expect": "100-continue", "Content-Length": 5}
        peer.send(request("/files/.no", "PUT", fields))
        assert peer.answer().status == 400
    with server.dial() as peer:
        peer.send(request("/files/yes", "PUT", fields))
        assert peer.answer().status == 100
        peer.send(b"hello")
        assert peer.answer().status == 201
    assert os.listdir(folder) == ["yes"]


def test_a_part_is_not_taken_for_the_whole(server, folder):
    """RFC 9110 §14.5"""
    (folder / "a").write_text("the old one")
    answer = server.get("/files/a", "PUT", {"Content-Range": "bytes 4-6/11"}, b"new")
    assert answer.status == 400 and (folder / "a").read_text() == "the old one"


def test_an_upload_that_is_given_up_leaves_nothing(server, folder):
    (folder / "a").write_text("old")
    with server.dial() as peer:
        peer.send(request("/files/a", "PUT", {"Content-Length": 4 * MIB}) + bytes(2 * MIB))
    eventually(lambda: "PUT /files/a" in server.log, 10 * server.patience, "the end of it")
    assert os.listdir(folder) == ["a"] and (folder / "a").read_text() == "old"


def test_a_disk_that_is_full(serve, site, folder):
    """RFC 4918 §11.5: 507, and nothing is left behind."""
    need_root()
    if not mount("tmpfs", folder, "-o", "size=2m"):
        pytest.skip("no file system can be mounted here")
    try:
        server = serve(site, "--endpoints", f"--files-dir={folder}")
        assert server.get("/files/old", "PUT", (), some_bytes(MIB)).status == 201
        free = os.statvfs(folder).f_bfree
        for method, name in (("PUT", "new"), ("PUT", "old"), ("POST", "new")):
            with server.dial() as peer, contextlib.suppress(ConnectionError):
                peer.send(request(f"/files/{name}", method, {"Content-Length": 3 * MIB}))
                with contextlib.suppress(OSError):
                    peer.send(bytes(3 * MIB))
                assert peer.answer().status == 507
        eventually(lambda: os.statvfs(folder).f_bfree == free, 5 * server.patience, "room again")
        assert os.listdir(folder) == ["old"]
        assert server.get("/files/old").body == some_bytes(MIB)
        assert server.get("/files/old", "DELETE").status == 204
        assert server.get("/files/new", "PUT", (), some_bytes(MIB)).status == 201
        server.stop()
    finally:
        unmount(folder)


def test_a_folder_that_may_not_be_written_to(build):
    need_root()
    somebody = [need("setpriv", "util-linux"), "--reuid=65534", "--clear-groups"]
    with tempfile.TemporaryDirectory() as made:     # where somebody else may go, too
        site, folder = Path(made, "site"), Path(made, "files")
        for shown in (site, folder):
            shown.mkdir(mode=0o755)
        Path(made).chmod(0o755)
        (folder / "a").write_text("old")
        server = Wherry(shutil.copy(build.program, made), site, "--http-port=0", "--endpoints",
                        f"--files-dir={folder}", "--cert-dir=", secure=False, before=somebody,
                        patience=build.patience)
        try:
            assert server.get("/files/a").body == b"old"
            assert server.get("/files/a", "PUT", (), b"new").status == 500
            assert server.get("/files/a", "DELETE").status == 403
            server.stop()
        finally:
            server.kill()


def test_the_site_never_serves_that_folder(serve, site):
    """Not even when it lies in the root, by whatever name."""
    folder = site / "uploads"
    folder.mkdir()
    (site / "link").symlink_to("uploads")
    server = serve(site, "--endpoints", f"--files-dir={folder}")
    assert server.get("/files/a.html", "PUT", (), b"<script>").status == 201
    for target in ("/uploads/a.html", "/uploads/a", "/uploads/", "/uploads", "/link/a.html"):
        assert server.get(target).status == 404
    assert server.get("/files/a.html").body == b"<script>"
    assert server.get("/").status == 200


# ---- how much, and how safely


def high_water(server):
    """KiB of memory that it has taken at most."""
    status = open(f"/proc/{server.pid}/status").read()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])


def test_a_large_upload_takes_no_memory(server, build, folder):
    """A GiB."""
    size = GIB if build.is_fast else 64 * MIB
    piece = some_bytes(MIB)
    server.get("/files/small", "PUT", (), piece)
    before = high_water(server)
    with server.dial(seconds=300) as peer:
        peer.send(request("/files/large", "PUT", {"Content-Length": size}))
        for _ in range(size // MIB):
            peer.send(piece)
        assert peer.answer().status == 201
    assert (folder / "large").stat().st_size == size
    if build.is_fast:
        assert high_water(server) - before < 4 * 1024
    (folder / "large").unlink()


def put_versions(server, acknowledged, size):
    """Version after version of one file, until the server goes away."""
    with contextlib.suppress(OSError, AssertionError), server.dial() as peer:
        for version in range(1, 250):
            answer = peer.ask("/files/a", "PUT", (), bytes([version]) * size)
            if answer.status not in (201, 204):
                return
            acknowledged.append(version)


def test_killed_at_any_moment_it_leaves_the_old_file_or_the_new_one(build, over, site, folder):
    dice, size = random.Random(1), MIB
    authority = over.is_tls and over.cert_dir / "ca.pem"
    for _ in range(12):
        server = Wherry(build.program, site, *over.words(True), "--endpoints",
                        f"--files-dir={folder}", secure=over.is_tls or None, authority=authority,
                        patience=build.patience)
        acknowledged = [0]
        (folder / "a").write_bytes(bytes(size))
        writer = threading.Thread(target=put_versions, args=(server, acknowledged, size))
        writer.start()
        time.sleep(dice.uniform(0.01, 0.4) * build.patience)
        server.kill()
        writer.join()
        content = (folder / "a").read_bytes()
        assert len(content) == size and len(set(content)) == 1
        assert content[0] in (acknowledged[-1], acknowledged[-1] + 1)
        assert [name for name in os.listdir(folder) if not name.startswith(".wherry-")] == ["a"]


# ---- off, unless they are asked for


def test_they_are_off_by_default(serve, site):
    server = serve(site)
    for target in ("/hello", "/echo/a", "/user-agent", "/sleep/0", "/files/a"):
        assert server.get(target).status == 404


def test_without_a_folder_there_are_no_files(serve, site):
    server = serve(site, "--endpoints")
    assert server.get("/hello").status == 200
    assert server.get("/files/a").status == 404
    assert server.get("/files/a", "PUT", (), b"x").status in (404, 405)


def test_the_rest_is_the_site(server, site):
    (site / "page.html").write_text("a page")
    assert server.get("/page").body == b"a page"
    assert server.get("/").status == 200

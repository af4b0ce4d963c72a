"""What CI asks of it: to say when it listens and where, to wait for others, to end with a status that
means something; and docs/ci.md, whose blocks are typed here as far as they need no engine (the others:
tests/container/test_ci.py)."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import stat
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from dialogue import request
from program import clean_environment, eventually
from tools import mount, need, need_unshare, unmount

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "ci.md"


def run(program, *words, cwd=None, before=(), seconds=60, **environment):
    """Runs it until it ends by itself."""
    return subprocess.run([*before, str(program), *map(str, words)], cwd=cwd, text=True,
                          env=clean_environment(environment), stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=seconds)


@contextlib.contextmanager
def started(program, *words, **more):
    """While it runs; then it is told to end, and must end well."""
    with subprocess.Popen([str(program), *map(str, words)], stdin=subprocess.DEVNULL,
                          env=clean_environment({}), **more) as process:
        try:
            yield process
            process.terminate()
            assert process.wait(60) == 0
        finally:
            process.kill()


def shown(path, seconds=30):
    """What the ready file says as soon as it is there."""
    eventually(path.exists, seconds, f"{path} to be there")
    return path.read_text()


# ---- the greeting


@pytest.mark.parametrize("log", ["off", "common", "combined", "json"])
def test_one_word_stands_in_the_first_line(serve, site, log):
    """A waiter for a log line need not know the format."""
    server = serve(site, f"--access-log={log}")
    assert "carries" in server.log.splitlines()[0]


def packets(program, *words):
    """A pipe that keeps the program's writes apart (O_DIRECT, pipe(2)), and what is read from it."""
    reading, writing = os.pipe2(os.O_DIRECT)
    with started(program, *words, stdout=writing) as process:
        os.close(writing)
        with open(reading, "rb", buffering=0) as pipe:
            yield process, pipe


@pytest.mark.parametrize("log", ["combined", "json"])
def test_the_greeting_is_one_write_once_it_listens(build, site, log):
    """Nothing comes before it, nothing of it waits in a buffer, and whoever has read it can come."""
    for process, pipe in packets(build.program, "--http-port=0", f"--access-log={log}", site):
        greeting = pipe.read(65536).decode()
        port = int(re.search(r"http://localhost:(\d+)", greeting)[1])
        socket.create_connection(("127.0.0.1", port), 10).close()
        assert greeting.startswith("wherry " if log == "combined" else "{")
        assert greeting.endswith("\n") and str(site) in greeting.splitlines()[0]


# ---- the file


@pytest.fixture
def ready(tmp_path):
    return tmp_path / "ready.json"


MEMBERS = ["time", "carries", "version", "pid", "urls", "http", "https", "admin", "endpoints",
           "bad_tls", "authority", "sha256"]


def test_the_file_holds_all_there_is_to_know(serve, site, ready, tmp_path):
    unix, admin = tmp_path / "w.sock", tmp_path / "admin.sock"
    server = serve(site, "--tls", "--https-port=0", f"--cert-dir={tmp_path / 'certs'}",
                   f"--unix={unix}", f"--admin-listen={admin}", "--endpoints=/test",
                   f"--ready-file={ready}", secure=False)
    told = json.loads(shown(ready))
    assert list(told) == MEMBERS
    assert told["carries"] == str(site)
    assert told["http"] == f"http://localhost:{server.http_port}"
    assert told["https"] == f"https://localhost:{server.https_port}"
    assert told["urls"] == [told["http"], told["https"], f"http+unix:{unix}"]
    assert told["admin"] == f"http+unix:{admin}"
    assert told["endpoints"] == f"{told['http']}/test"
    assert told["authority"] == str(tmp_path / "certs" / "ca.pem")
    assert told["sha256"] in server.log
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["time"])
    assert f"wherry {told['version']} carries " in server.log
    if not server.inside:
        assert told["pid"] == server.pid


def test_what_there_is_not_is_null(serve, site, ready):
    server = serve(site, f"--ready-file={ready}")
    told = json.loads(shown(ready))
    assert told["admin"] is told["endpoints"] is None
    assert told["https"] is told["authority"] is told["sha256"] is None
    assert told["http"] == f"http://localhost:{server.port}"


def test_endpoints_of_https_alone(serve, site, ready, tmp_path):
    server = serve(site, "--tls-only", "--https-port=0", "--cert-dir=", "--endpoints",
                   f"--ready-file={ready}", secure=True)
    told = json.loads(shown(ready))
    assert told["http"] is told["authority"] is None
    assert told["endpoints"] == told["https"] == f"https://localhost:{server.https_port}"


def test_with_json_the_file_is_the_greeting(serve, site, ready):
    server = serve(site, "--access-log=json", f"--ready-file={ready}")
    assert shown(ready) == server.log.splitlines(keepends=True)[0]


def test_it_is_there_when_the_greeting_is_and_gone_at_the_end(serve, site, ready):
    server = serve(site, f"--ready-file={ready}")
    assert ready.exists()
    server.stop()
    assert not ready.exists()
    assert list(ready.parent.glob(".wherry-*")) == []


def test_it_is_gone_when_the_end_begins(serve, site, ready):
    """Who still gets in, or is still answered, does not make it ready."""
    server = serve(site, "--drain-delay=60s", f"--ready-file={ready}")
    server.signal()
    eventually(lambda: not ready.exists(), 10, "it to be gone")
    assert server.get().status == 200
    server.signal()
    assert server.wait_exit(10) == 0


def test_it_is_gone_while_the_last_are_answered(serve, site, ready):
    server = serve(site, "--endpoints", "--drain=60s", f"--ready-file={ready}")
    with server.dial() as peer:
        question = request("/post", "POST", body=b"whole")
        peer.send(question[:-1])
        server.signal()
        eventually(lambda: not ready.exists(), 10, "it to be gone")
        peer.send(question[-1:])
        assert peer.answer().status == 200
    assert server.wait_exit(10) == 0


def test_who_sees_it_can_read_all_of_it_and_come(build, site, ready):
    """Twenty starts, under the eyes of somebody who looks without a pause."""
    for _ in range(20):
        with started(build.program, "--http-port=0", "--access-log=off", f"--ready-file={ready}",
                     site, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
            until = time.monotonic() + 30
            while True:
                with contextlib.suppress(FileNotFoundError):
                    told = json.loads(ready.read_text())
                    break
                assert time.monotonic() < until
            port = int(told["http"].rpartition(":")[2])
            socket.create_connection(("127.0.0.1", port), 10).close()
        assert not ready.exists()


STALE = '{"time":"2026-01-01T00:00:00Z","carries":"/x","http":"http://localhost:1"}\n'


def test_one_of_an_earlier_run_is_replaced(serve, site, ready):
    ready.write_text(STALE)
    serve(site, f"--ready-file={ready}")
    assert json.loads(shown(ready))["carries"] == str(site)


def test_one_of_an_earlier_run_is_gone_before_it_listens(build, site, ready):
    """So it is when it can't listen at all."""
    ready.write_text(STALE)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run(build.program, f"--http-port={taken.getsockname()[1]}",
                   f"--ready-file={ready}", site)
    assert done.returncode == 111 and "carries" not in done.stdout
    assert not ready.exists()


def test_an_empty_one_is_as_good_as_none(serve, site, ready):
    """As mktemp makes it."""
    ready.touch()
    serve(site, f"--ready-file={ready}")
    eventually(lambda: ready.read_text(), 10, "it to be written")


def test_anothers_is_left_alone(serve, site, ready):
    server = serve(site, f"--ready-file={ready}")
    ready.unlink()
    ready.write_text("somebody else's")
    server.stop()
    assert ready.read_text() == "somebody else's"


def test_its_mode_is_what_the_umask_leaves(build, site, ready):
    for mask, mode in ((0o022, 0o644), (0o077, 0o600)):
        with started(build.program, "--http-port=0", f"--ready-file={ready}", site, umask=mask,
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
            shown(ready)
            assert stat.S_IMODE(ready.stat().st_mode) == mode


def refused(build, site, path, why, *words, code=111, **more):
    """It does not start, says just this, and has not begun to."""
    done = run(build.program, "--http-port=0", f"--ready-file={path}", *words, site, **more)
    assert (done.returncode, done.stderr, done.stdout) == (code, f"wherry: {why}\n", "")


def of(path):
    return f'the file "{path}" (--ready-file)'


@pytest.mark.parametrize("words", [[], ["--check"]])
def test_what_it_must_not_be(build, site, tmp_path, words):
    page, fifo, link = tmp_path / "page.html", tmp_path / "fifo", tmp_path / "link"
    page.write_text("<!doctype html>\n")
    os.mkfifo(fifo)
    link.symlink_to(page)
    for path in (fifo, link, site, "/dev/stdout", "/dev/full"):
        refused(build, site, path, f"{of(path)} is no regular file; remove it, or name another", *words)
    refused(build, site, page, f"{of(page)} is there already, and none that wherry has written; "
            "remove it, or name another", *words)
    assert page.read_text() == "<!doctype html>\n" and link.is_symlink() and fifo.is_fifo()
    path = tmp_path / "none" / "ready"
    refused(build, site, path, f"cannot write {of(path)}: No such file or directory", *words)
    refused(build, site, "ready/", '--ready-file is "ready/"; it must be the path of a file '
            "(see wherry --help)", *words, code=100)


def test_a_folder_that_may_not_be_written_to(build, site, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o555)
    weak = [need("setpriv", "util-linux"), "--bounding-set=-all", "--inh-caps=-all"]
    done = run(build.program, "--http-port=0", f"--ready-file={folder / 'r'}", site,
               before=weak if os.geteuid() == 0 else [])
    assert (done.returncode, done.stdout) == (111, "")
    assert done.stderr.startswith(f"wherry: cannot write {of(folder / 'r')}: Permission denied; ")
    assert "mode is 0555" in done.stderr


@contextlib.contextmanager
def mounted(folder, *options):
    """A file system of its own."""
    folder.mkdir()
    if not mount("tmpfs", folder, "-o", *options):
        pytest.skip("nothing may be mounted here")
    try:
        yield folder
    finally:
        unmount(folder)


def test_a_read_only_file_system(build, site, tmp_path):
    with mounted(tmp_path / "read-only", "ro") as folder:
        path = folder / "ready.json"
        for words in ([], ["--check"]):
            refused(build, site, path, f"cannot write {of(path)}: Read-only file system; in a "
                    "container, mount a folder for it that can be written to", *words)


def test_a_file_that_is_mounted_itself(build, site, tmp_path):
    """As `docker run -v file:file` does it: such a name cannot be given to another file."""
    path = tmp_path / "ready.json"
    path.touch()
    before = need_unshare("--mount")
    done = run("sh", "-c", 'mount --bind "$1" "$1" && shift && exec "$@"', "sh", path, build.program,
               "--http-port=0", f"--ready-file={path}", site, before=before)
    assert (done.returncode, done.stdout) == (111, "")
    assert done.stderr == (f"wherry: cannot remove {of(path)}: Device or resource busy; mount the "
                           "folder that it is in, not the file\n")


def test_a_full_disk(build, site, tmp_path):
    with mounted(tmp_path / "full", "size=4k") as folder:
        path = folder / "ready.json"
        (folder / "filler").write_bytes(b"x" * 4096)
        refused(build, site, path, f"cannot write {of(path)}: No space left on device")
        assert os.listdir(folder) == ["filler"]


# ---- --wait


@pytest.fixture
def wait(build):
    """Waits, and gives its exit status, what it said and how long that took."""

    def wait(url, *words, before=()):
        since = time.monotonic()
        done = run(build.program, "--wait", url, *words, before=before)
        assert done.stdout == ""
        return done.returncode, done.stderr, time.monotonic() - since

    return wait


@pytest.fixture
def in_vain(wait, build):
    """Waits for nothing: what it says was met."""

    def in_vain(url, within="300ms", seconds=0.3, **more):
        code, said, took = wait(url, "--within", within, **more)
        start = f"wherry: {url} is not ready after {within}: "
        assert code == 1 and said.startswith(start) and said.count("\n") == 1, said
        assert seconds <= took < seconds + 3 * build.patience, f"{took:.2f} s"
        return said[len(start):-1]

    return in_vain


@contextlib.contextmanager
def answering(*answers, port=0, tls=None, family=socket.AF_INET, each=None):
    """A server that gives these answers, one a connection, the last one again and again; what it was
    asked is in the list."""
    asked = []

    def serve():
        count = 0
        while True:
            try:
                peer, _ = door.accept()
                with peer:
                    peer.settimeout(5)
                    if tls:
                        peer = tls.wrap_socket(peer, server_side=True)
                    asked.append(peer.recv(65536).decode())
                    answer = answers[min(count, len(answers) - 1)]
                    for piece in answer if isinstance(answer, list) else [answer]:
                        if each:
                            each(peer)
                        peer.sendall(piece.encode())
                    count += 1
                    with contextlib.suppress(OSError):
                        peer.shutdown(socket.SHUT_RDWR)
            except (ConnectionError, TimeoutError, ssl.SSLError):
                continue
            except OSError:
                return

    host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    door = socket.create_server((host, port), family=family)
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield door.getsockname()[1], asked
    finally:
        with contextlib.suppress(OSError):
            door.shutdown(socket.SHUT_RDWR)
        door.close()


def status(code, more=""):
    return f"HTTP/1.1 {code} Whatever\r\n{more}Content-Length: 0\r\n\r\n"


def test_wait_is_content_at_once(wait, serve, site):
    server = serve(site)
    for host in ("localhost", "127.0.0.1"):
        code, said, took = wait(f"{server.scheme}://{host}:{server.port}/")
        assert (code, said) == (0, "") and took < 5
    server.wait_log(r'"GET / HTTP/1\.1" 200 .* "wherry/\S+" ')


@pytest.mark.parametrize("code", [200, 204, 301, 308, 399])
def test_wait_takes_200_to_399(wait, code):
    with answering(status(code, "Location: http://192.0.2.1/\r\n")) as (port, _):
        assert wait(f"http://127.0.0.1:{port}/")[:2] == (0, "")


@pytest.mark.parametrize("code", [400, 401, 404, 500, 503])
def test_wait_asks_again_after_all_others(in_vain, code):
    with answering(status(code)) as (port, asked):
        assert in_vain(f"http://127.0.0.1:{port}/") == f"it answered {code}"
        assert len(asked) >= 2


def test_wait_asks_until_the_answer_changes(wait):
    with answering(status(503), status(404), status(200)) as (port, asked):
        code, said, took = wait(f"http://127.0.0.1:{port}/")
        assert (code, said) == (0, "") and took >= 0.2
        assert len(asked) == 3


def test_wait_passes_over_interim_answers(wait, in_vain):
    """RFC 9110 §15.2: they say nothing yet."""
    early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    with answering([early, early, status(503)], [early, status(200)]) as (port, asked):
        assert wait(f"http://127.0.0.1:{port}/")[:2] == (0, "")
        assert len(asked) == 2


def test_wait_asks_as_the_url_says(wait):
    """RFC 9110 §7.2: Host is the authority as it is there; the fragment stays at home."""
    with answering(status(200)) as (port, asked):
        authority = f"127.0.0.1:{port}"
        for written, target in (("", "/"), ("/", "/"), ("/a/b?c=d%20e#f", "/a/b?c=d%20e"), ("?q", "/?q")):
            assert wait(f"http://{authority}{written}")[0] == 0
            head = asked.pop().split("\r\n")
            assert head[0] == f"GET {target} HTTP/1.1"
            assert f"Host: {authority}" in head and "Connection: close" in head


def test_wait_for_nobody(in_vain):
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    assert in_vain(f"http://127.0.0.1:{port}/") == "connection refused"
    assert in_vain(f"http://localhost:{port}/x") in ("connection refused", "no way leads there from here")
    assert in_vain(f"https://127.0.0.1:{port}", within="1s", seconds=1) == "connection refused"


def test_wait_for_whoever_hangs_up(in_vain):
    def reset(peer):
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        raise ConnectionResetError

    with answering("") as (port, _):
        assert in_vain(f"http://127.0.0.1:{port}/") == "it hung up without an answer"
    with answering("x", each=reset) as (port, _):
        assert in_vain(f"http://127.0.0.1:{port}/") == "it hung up without an answer"


def test_wait_for_whoever_says_something_else(in_vain):
    with answering("220 mail.test ESMTP\r\n") as (port, _):
        assert in_vain(f"http://127.0.0.1:{port}/") == "what it answered is not HTTP"


def test_wait_for_whoever_says_nothing(in_vain):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert in_vain(f"http://127.0.0.1:{port}/") == "it did not answer in time"
        assert in_vain(f"https://127.0.0.1:{port}/") == "it did not answer in time"


def test_wait_for_one_that_comes_late(build, wait, site, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    waiting = subprocess.Popen([build.program, "--wait", f"http://localhost:{port}/"])
    time.sleep(0.5)
    assert waiting.poll() is None
    with started(build.program, f"--http-port={port}", site, stdout=subprocess.DEVNULL,
                 stderr=subprocess.DEVNULL):
        assert waiting.wait(10 * build.patience) == 0


def test_wait_by_ipv6(wait):
    try:
        with answering(status(200), family=socket.AF_INET6) as (port, asked):
            assert wait(f"http://[::1]:{port}/")[0] == 0
            assert f"Host: [::1]:{port}" in asked[0]
            # Nobody is at the other address of this name.
            assert wait(f"http://localhost:{port}/", "--within=5s")[0] == 0
    except OSError:
        pytest.skip("this test needs IPv6 on the loopback interface")


def test_wait_by_a_socket_in_the_file_system(wait, in_vain, serve, site, tmp_path):
    """As wherry announces it."""
    path = tmp_path / "a b.sock"
    assert in_vain(f"http+unix:{path}") == "no such file or directory"
    serve(site, f"--unix={path}")
    assert wait(f"http+unix:{path}")[:2] == (0, "")


def test_wait_believes_any_certificate(wait, in_vain, serve, site, tmp_path, authority):
    """Also one for another name that nobody has signed; the handshake is all that counts."""
    server = serve(site, "--tls", "--https-port=0", f"--cert-dir={tmp_path / 'certs'}", secure=True,
                   authority=tmp_path / "certs" / "ca.pem")
    for host in ("127.0.0.1", "localhost"):
        assert wait(f"https://{host}:{server.https_port}/")[:2] == (0, "")
    assert in_vain(f"https://127.0.0.1:{server.https_port}/none") == "it answered 404"
    pair = authority.issue("a.test")
    other = serve(site, *pair.options, "--https-port=0", secure=True, authority=authority.cert)
    assert wait(f"https://localhost:{other.https_port}/")[:2] == (0, "")


def test_wait_by_the_wrong_scheme(in_vain, serve, site, tmp_path):
    server = serve(site, "--tls", "--https-port=0", f"--cert-dir={tmp_path / 'certs'}", secure=True,
                   authority=tmp_path / "certs" / "ca.pem")
    assert "answered" not in in_vain(f"https://127.0.0.1:{server.http_port}/")
    assert in_vain(f"http://127.0.0.1:{server.https_port}/") != ""


def test_wait_for_one_that_wants_a_certificate(in_vain, serve, site, authority):
    pair = authority.issue("localhost")
    server = serve(site, *pair.options, "--https-port=0", f"--tls-client-ca={authority.cert}",
                   secure=True, authority=authority.cert)
    assert in_vain(f"https://127.0.0.1:{server.https_port}/") == "it wants a client's certificate"


@pytest.mark.parametrize("url", ["", "localhost:8080", "ftp://a/", "http://", "http://a:0/",
                                 "http://me@a/", "http://a/ b", "http://a/\r\nX:y", "http+unix:"])
def test_wait_for_what_is_no_url(build, url):
    done = run(build.program, f"--wait={url}")
    assert (done.returncode, done.stdout) == (100, "")
    assert re.fullmatch(r'wherry: --wait is ".*"; it must be the URL of a server, such as '
                        r"http://localhost:8080/ or https://\[::1\]:8443/a\?b "
                        r"\(see wherry --help\)\n", done.stderr)


@pytest.mark.parametrize("words, said", [
    (["--wait=http://a/", "--tls"], "--wait is http://a/, but --tls is yes; who waits does nothing else"),
    (["--wait=http://a/", "public"],
     "--wait is http://a/, but --root is public; who waits does nothing else"),
    (["--within=5s"], "--within is 5s, but --wait is not given; it says how long to"),
    (["--wait=http://a/", "--within=1ms"], '--within is "1ms"; it must be a time from 10ms to 24h, in '
     "seconds or with ms, s, m, h or d, as in 30s"),
])
def test_who_waits_does_nothing_else(build, words, said):
    done = run(build.program, *words)
    assert (done.returncode, done.stderr) == (100, f"wherry: {said} (see wherry --help)\n")


def test_wait_reads_nothing_but_its_command_line(build):
    with answering(status(200)) as (port, _):
        done = run(build.program, "--wait", f"http://127.0.0.1:{port}/", WHERRY_HTTP_PORT="x",
                   WHERRY_CONFIG="/nowhere")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_wait_ends_by_a_signal(build, number):
    """The same as process 1 of a container, which has no default actions."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with subprocess.Popen([build.program, "--wait", url], stderr=subprocess.PIPE) as waiting:
            silent.settimeout(30)
            silent.accept()[0].close()
            waiting.send_signal(number)
            assert waiting.wait(30) == 128 + number


# ---- names


DNS = """
import socket, struct, sys
known = dict(word.split('=') for word in sys.argv[1:])
door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
door.bind(('127.0.0.1', 53))
print('ready', flush=True)
count = 0
while True:
    question, peer = door.recvfrom(4096)
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1:at + 1 + question[at]].decode())
        at += 1 + question[at]
    kind = struct.unpack('>H', question[at + 1:at + 3])[0]
    address = known.get('.'.join(labels).lower())
    family = socket.AF_INET6 if ':' in (address or '') else socket.AF_INET
    body = question[12:at + 5]
    answers, code = b'', 0 if address else 3
    if address and kind == (28 if family == socket.AF_INET6 else 1):
        data = socket.inet_pton(family, address)
        answers = struct.pack('>HHHIH', 0xc00c, kind, 1, 0, len(data)) + data
    head = question[:2] + struct.pack('>HHHHH', 0x8180 | code, 1, bool(answers), 0, 0)
    door.sendto(head + body + answers, peer)
"""

SILENT = """
import socket, time
door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
door.bind(('127.0.0.1', 53))
print('ready', flush=True)
time.sleep(60)
"""

# In a network and a file system of its own: with a name server, or not, and the settings given.
ALONE = """
set -e
ip link set lo up
printf '%s\\n' "$HOSTS" > "$1/hosts"; mount --bind "$1/hosts" /etc/hosts
printf '%s\\n' "$RESOLV" > "$1/resolv"; mount --bind "$1/resolv" /etc/resolv.conf
shift
if [ "$KNOWN" ]; then
    : > "$TOLD"
    "$PYTHON" -c "$DNS" $KNOWN > "$TOLD" &
    server=$!
    until grep -q ready "$TOLD"; do sleep 0.05; done
fi
"$PYTHON" -m http.server --bind "$BIND" 8000 > /dev/null 2>&1 &
web=$!
status=0
"$@" || status=$?
kill $web ${server:-}
exit $status
"""


@pytest.fixture
def alone(build, tmp_path):
    """Waits for a name where nobody is but a name server that knows these."""
    words = need_unshare("--mount", "--net")
    need("ip", "iproute2")

    def alone(url, *words_behind, known="", hosts="127.0.0.1 localhost",
              resolv="nameserver 127.0.0.1", bind="127.0.0.1", server=DNS):
        environment = {"PYTHON": sys.executable, "DNS": server, "KNOWN": known, "HOSTS": hosts,
                       "RESOLV": resolv, "TOLD": str(tmp_path / "told"), "BIND": bind}
        since = time.monotonic()
        done = run("sh", "-c", ALONE, "sh", tmp_path, build.program, "--wait", url, *words_behind,
                   before=words, **environment)
        return done.returncode, done.stderr, time.monotonic() - since

    return alone


def test_wait_asks_a_name_server(alone):
    assert alone("http://web:8000/", known="web=127.0.0.1")[:2] == (0, "")


def test_wait_asks_it_for_ipv6_too(alone):
    assert alone("http://web:8000/", known="web=::1", bind="::1")[:2] == (0, "")


def test_wait_looks_where_a_short_name_may_be_meant(alone):
    """resolv.conf(5): "search", as in a cluster."""
    assert alone("http://web:8000/", known="web.default.svc=127.0.0.1",
                 resolv="search svc default.svc\nnameserver 127.0.0.1")[:2] == (0, "")


def test_wait_reads_hosts(alone):
    """As for what `docker run --add-host` names; nobody has to be asked."""
    assert alone("http://web:8000/", hosts="# names\n127.0.0.1\tlocalhost web # here")[:2] == (0, "")


def test_wait_for_a_name_that_nobody_knows(alone):
    code, said, _ = alone("http://web:8000/", "--within=500ms", known="other=127.0.0.1")
    assert (code, said) == (1, "wherry: http://web:8000/ is not ready after 500ms: no such host\n")


@pytest.mark.parametrize("resolv, why", [
    ("nameserver 127.0.0.1", "nobody listens there"),
    ("nameserver 192.0.2.1", "no way leads there"),
])
def test_wait_where_no_name_server_answers(alone, build, resolv, why):
    """The resolver has patience of its own, which is not ours."""
    code, said, took = alone("http://web:8000/", "--within=700ms", resolv=resolv)
    assert (code, said) == (1, "wherry: http://web:8000/ is not ready after 700ms: no name server "
                               "answers\n"), why
    assert took < 0.7 + 3 * build.patience


def test_wait_where_a_name_server_says_nothing(build, alone):
    """One that hears and is silent would hold the resolver for seconds."""
    code, said, took = alone("http://web:8000/", "--within=500ms", known="web=127.0.0.1", server=SILENT)
    assert (code, said) == (1, "wherry: http://web:8000/ is not ready after 500ms: no name server "
                               "answers\n")
    assert took < 0.5 + 3 * build.patience


def test_wait_names_the_server_in_the_handshake(build, authority, tmp_path, site):
    """RFC 6066 §3: a name, never an address."""
    seen = []
    pair = authority.issue("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    context.sni_callback = lambda sock, name, context: seen.append(name)
    with answering(status(200), tls=context) as (port, _):
        for host in ("localhost", "127.0.0.1"):
            assert run(build.program, "--wait", f"https://{host}:{port}/", "--within=5s").returncode == 0
    assert seen == ["localhost", None]


# ---- exit statuses


def documented(text, pattern):
    return {found.replace("\\", "") for found in re.findall(pattern, text, re.MULTILINE)}


def test_the_exit_statuses_are_those_of_the_program():
    """Of enum exit_code, of the manual, and of docs/ci.md; 128+n is the system's way to say it."""
    enum = re.search(r"enum exit_code \{(.*?)\};", (ROOT / "src/main/options.h").read_text(), re.DOTALL)
    codes = set(re.findall(r"CODE_\w+ *= (\d+)", enum[1])) | {"128+n"}
    manual = (ROOT / "docs/wherry.8").read_text().split(".Sh EXIT STATUS")[1].split(".Sh ")[0]
    page = PAGE.read_text().split("## Exit status")[1].split("\n## ")[0]
    assert documented(manual, r"^\.It (\S+)$") == codes
    assert documented(page, r"^\| (\d\S*) \|") == codes


# How each is brought about; what else is, is in test_options.py and test_shutdown.py.
def test_each_exit_status_is_what_it_says(build, site, tmp_path):
    def ends(*words, **more):
        return run(build.program, *words, **more).returncode

    assert ends("--version") == 0
    assert ends("--healthcheck", "--http-port=1") == 1
    assert ends("--wait=http://127.0.0.1:1/", "--within=100ms") == 1
    assert ends("--no-such-option") == 100
    assert ends("--check", WHERRY_HTTP_PORT="x") == 102
    (tmp_path / "w.conf").write_text("nonsense")
    assert ends("--check", f"--config={tmp_path / 'w.conf'}") == 102
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert ends(f"--http-port={taken.getsockname()[1]}", site) == 111
    assert ends("--http-port=0", tmp_path / "nowhere") == 111


# ---- docs/ci.md


def section(title):
    """The fenced blocks of a section: (language, text)."""
    text = PAGE.read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def type_it(build, text, cwd, strict=True, **environment):
    """Types a block, where `wherry` is the program under test."""
    tools = cwd / "tools"
    tools.mkdir(exist_ok=True)
    link = tools / "wherry"
    if not link.exists():
        link.symlink_to(build.program)
    environment["PATH"] = f"{tools}:{os.environ['PATH']}"
    return run("bash", *(["-e"] if strict else []), "-c", text, cwd=cwd, seconds=120, **environment)


def test_the_page_starts_it_in_a_shell(build, tmp_path, site):
    need("jq", "jq"), need("curl", "curl")
    (language, text), _ = section("In a shell")
    assert language == "sh"
    done = type_it(build, text, site, TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert '{"message":"Hello, CI!"}' in done.stdout and "<title>home" in done.stdout
    eventually(lambda: not list(tmp_path.glob("tmp.*/ready.json")), 10, "it to be gone")


def test_the_page_ends_where_it_cannot_start(build, tmp_path):
    """ "kill -0 ends the script when wherry could not start; it has said why"."""
    (_, text), _ = section("In a shell")
    done = type_it(build, text.replace("--tls ", "--tls --root nowhere "), tmp_path,
                   TMPDIR=str(tmp_path))
    assert done.returncode != 0 and "nowhere" in done.stderr and "Hello" not in done.stdout


def test_the_page_waits(build, tmp_path, serve, site):
    _, (language, text) = section("In a shell")
    server = serve(site)
    url = f"{server.scheme}://localhost:{server.port}/"
    assert language == "sh" and "http://localhost:8080/" in text
    done = type_it(build, text.replace("http://localhost:8080/", url), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_page_has_a_fixture(build, tmp_path):
    ((language, text),) = section("In pytest")
    assert language == "python"
    (tmp_path / "test_page.py").write_text(text)
    done = type_it(build, f"{sys.executable} -m pytest -q -p no:cacheprovider test_page.py", tmp_path)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr


def test_the_page_trusts(build, tmp_path, serve, site):
    """Each client, which would refuse the server without; certutil's database has it then."""
    need("certutil", "libnss3-tools"), need("curl", "curl")
    node = shutil.which("node")
    ((language, text),) = section("Whom to trust")
    assert language == "sh" and text.count("8443") == 4
    server = serve(site, "--tls", "--https-port=0", f"--cert-dir={tmp_path / 'certs'}", secure=True,
                   authority=tmp_path / "certs" / "ca.pem")
    home = tmp_path / "home"
    home.mkdir()
    text = text.replace("8443", str(server.https_port)).replace("python3", sys.executable)
    lines = text.splitlines() if node else [line for line in text.splitlines() if "node " not in line]
    done = type_it(build, "\n".join(lines), tmp_path, HOME=str(home))
    assert done.returncode == 0, done.stderr
    for line in lines[1:5]:
        distrusting = re.sub(r"\S*=ca.pem |--cacert ca.pem ", "", line)
        if "localhost" in line:
            assert type_it(build, distrusting, tmp_path, HOME=str(home)).returncode != 0, distrusting
    listed = subprocess.run(["certutil", "-d", f"sql:{home}/.pki/nssdb", "-L"], text=True,
                            capture_output=True, check=True)
    assert re.search(r"^wherry +C,,", listed.stdout, re.MULTILINE)


def test_the_page_lists_the_members():
    text = PAGE.read_text().split("The members of the object")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(MEMBERS)


def test_the_page_names_endpoints_that_there_are(serve, site):
    server = serve(site, "--endpoints=/test")
    targets = re.findall(r"`(/[^`]*)`", PAGE.read_text().split("## What to ask")[1])
    targets = [target for target in targets if target not in ("/", "/test")]
    assert len(targets) >= 4
    for target in targets:
        assert server.get(f"/test{target}", "OPTIONS").status == 204, target


# Every section with blocks, and which file of tests types them.
HERE = {"In a shell", "In pytest", "Whom to trust"}
IN_CONTAINER = {"GitHub Actions", "GitLab", "docker-compose", "Testcontainers"}


def test_no_block_of_the_page_is_left_out():
    with_blocks = {part.split("\n", 1)[0] for part in PAGE.read_text().split("\n## ")[1:]
                   if "```" in part}
    assert with_blocks == HERE | IN_CONTAINER
    other = (ROOT / "tests/container/test_ci.py").read_text()
    assert all(f'"{title}"' in other for title in IN_CONTAINER)

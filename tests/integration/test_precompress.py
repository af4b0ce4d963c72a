"""wherry --precompress: codings of a site's files beside them, whole or not at all."""

import fcntl
import os
import pty
import random
import re
import resource
import shutil
import signal
import stat
import struct
import subprocess
import tempfile
import termios
import threading
import time
from pathlib import Path

import pytest

from tools import mount, need, need_root, unmount

SUMMARY = re.compile(r"(?P<files>\d+) files? looked at"
                     r"(?:, (?P<made>\d+) made smaller \([\d.]+ \w+ to [\d.]+ \w+ by br, "
                     r"[\d.]+ \w+ by gzip\))?"
                     r"(?:, (?P<fresh>\d+) up to date)?(?:, (?P<unworthy>\d+) not worth it)?"
                     r"(?:, (?P<failed>\d+) failed)?(?:, (?P<left>\d+) left for another time)?\n")


def text(length, seed=1):
    """Words in no order: they get smaller, by about three quarters."""
    chance = random.Random(seed)
    words = ["<div class=", "function", "return ", "</p>\n", "length", "{\n", "}\n", " = ", "boat"]
    parts, so_far = [], 0
    while so_far < length:
        parts.append(chance.choice(words) + str(chance.randrange(1000)) + " ")
        so_far += len(parts[-1])
    return "".join(parts)[:length].encode()


@pytest.fixture
def site(tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    return site


@pytest.fixture
def wherry(build):
    """The command, and a way to run it until it ends."""

    def run(site, *options, before=(), **more):
        more.setdefault("stderr", subprocess.PIPE)
        return subprocess.run([*before, build.program, "--precompress", *options, site],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              timeout=60 * build.patience, **more)

    return run


def counts(run, code=0):
    """What it says of itself, as numbers."""
    assert run.returncode == code, run.stderr
    matched = SUMMARY.fullmatch(run.stdout)
    assert matched, run.stdout
    return {name: int(number) for name, number in matched.groupdict().items() if number}


def decoded(path):
    program = {".gz": ["gzip", "-dc"], ".br": ["brotli", "-dc"]}[path.suffix]
    return subprocess.run([need(program[0], program[0]), *program[1:], path],
                          capture_output=True, check=True).stdout


def codings(site):
    return sorted(path for path in site.rglob("*") if path.suffix in (".gz", ".br"))


def assert_whole(site, after_kill=False):
    """Each coding decodes to its original, and nothing else has been left."""
    for path in codings(site):
        assert decoded(path) == path.with_suffix("").read_bytes(), path
    dotted = [path.name for path in site.rglob(".*")]
    if after_kill:      # a file system without nameless files may keep what has no name yet
        dotted = [name for name in dotted if not name.startswith(".wherry-")]
    assert dotted == []


def state(site):
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in site.rglob("*")}


# ---- what it makes


def test_codings_lie_beside_the_files_and_decode_to_them(wherry, site):
    (site / "index.html").write_bytes(text(20000))
    (site / "a b").mkdir()
    (site / "a b" / "r\u00e9sum\u00e9.css").write_bytes(text(3000))
    (site / "data").write_bytes(b"plain words\n" * 100)
    (site / "photo.jpg").write_bytes(os.urandom(3000))
    (site / "tiny.html").write_bytes(b"tiny")
    (site / ".env").write_bytes(text(3000))
    run = wherry(site)
    assert run.stderr == ""
    assert counts(run) == {"files": 5, "made": 3, "unworthy": 2}
    assert [path.name for path in codings(site)] == [
        "r\u00e9sum\u00e9.css.br", "r\u00e9sum\u00e9.css.gz", "data.br", "data.gz",
        "index.html.br", "index.html.gz"]
    assert_whole_but(site, ".env")
    assert (site / "index.html.br").stat().st_mtime_ns == (site / "index.html").stat().st_mtime_ns


def assert_whole_but(site, name):
    content = (site / name).read_bytes()
    (site / name).unlink()
    assert_whole(site)
    (site / name).write_bytes(content)


def test_the_server_sends_them(wherry, serve, site):
    (site / "index.html").write_bytes(text(20000))
    counts(wherry(site))
    server = serve(site)
    for coding, ending in (("br", ".br"), ("gzip", ".gz")):
        run = subprocess.run([need("curl", "curl"), "-s", "-H", f"Accept-Encoding: {coding}", "-D-",
                              f"http://127.0.0.1:{server.http_port}/"], capture_output=True)
        head, _, body = run.stdout.partition(b"\r\n\r\n")
        assert f"content-encoding: {coding}".encode() in head.lower()
        assert body == (site / f"index.html{ending}").read_bytes()


def test_the_second_time_there_is_nothing_to_do(wherry, site):
    for i in range(5):
        (site / f"{i}.html").write_bytes(text(3000, i))
    assert counts(wherry(site))["made"] == 5
    before = state(site)
    assert counts(wherry(site)) == {"files": 5, "fresh": 5}
    assert state(site) == before


def test_an_edited_file_is_done_again(wherry, site):
    for i in range(3):
        (site / f"{i}.html").write_bytes(text(3000, i))
        os.utime(site / f"{i}.html", (10**9, 10**9))
    counts(wherry(site))
    (site / "1.html").write_bytes(text(4000, 9))
    assert counts(wherry(site)) == {"files": 3, "made": 1, "fresh": 2}
    assert_whole(site)
    # Another text of the same age, as a tool leaves it that sets every mtime to one date.
    (site / "2.html").write_bytes(text(3000, 7))
    os.utime(site / "2.html", (10**9, 10**9))
    assert counts(wherry(site)) == {"files": 3, "made": 1, "fresh": 2}
    assert_whole(site)


def test_the_rules_of_the_site_hold(wherry, site):
    (site / "a.html").write_bytes(text(3000))
    (site / "drafts").mkdir()
    (site / "drafts" / "b.html").write_bytes(text(3000))
    (site / "c.odd").write_bytes(text(3000))
    (site / "key.txt").write_bytes(b"key = 1\n" * 100)
    types = site.parent / "types"
    types.write_text("video/mp4 odd\n")
    config = site / "key.txt"
    config.write_text("compress = no\ncompress-max = 1K\n" + "# remark\n" * 100)
    run = wherry(site, "--compress-except=/drafts/*", f"--mime-types={types}", f"--config={config}")
    assert counts(run) == {"files": 3, "made": 1, "unworthy": 2}
    assert [path.name for path in codings(site)] == ["a.html.br", "a.html.gz"]


def test_a_root_that_is_not_there(wherry, site):
    run = wherry(site / "nowhere")
    assert (run.stdout, run.returncode) == ("", 111)
    assert run.stderr == f'wherry: cannot open the folder "{site}/nowhere": ' \
                         "No such file or directory\n"


def test_it_is_for_the_command_line_only(build, site):
    run = subprocess.run([build.program, "--check", site], capture_output=True, text=True,
                         env={**os.environ, "WHERRY_PRECOMPRESS": "yes"})
    assert codings(site) == []
    assert "WHERRY_PRECOMPRESS" in run.stderr


# ---- what goes wrong


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 256 KiB."""
    need_root()
    folder = tmp_path / "disk"
    folder.mkdir()
    if not mount("tmpfs", folder, "-o", "size=256k"):
        pytest.skip("no file system may be mounted here")
    yield folder
    unmount(folder)


def test_a_full_disk_leaves_nothing_half(wherry, small_disk):
    (small_disk / "page.html").write_bytes(text(100_000))
    (small_disk / "small.html").write_bytes(text(3000))
    (small_disk / "filler.jpg").write_bytes(bytes(130_000))
    before = state(small_disk)
    run = wherry(small_disk)
    assert counts(run, 111)["failed"] == 1
    assert re.fullmatch(r'wherry: cannot write "page\.html\.(gz|br)": No space left on device\n',
                        run.stderr)
    assert_whole(small_disk)
    assert before.items() <= state(small_disk).items()
    (small_disk / "filler.jpg").unlink()
    assert counts(wherry(small_disk))["made"] >= 1
    assert len(codings(small_disk)) == 4
    assert_whole(small_disk)


def test_what_is_there_survives_a_full_disk(wherry, small_disk):
    page = small_disk / "page.html"
    page.write_bytes(text(80_000))
    os.utime(page, (10**9, 10**9))
    counts(wherry(small_disk))
    os.utime(page)
    (small_disk / "filler.jpg").write_bytes(bytes(256 * 1024 - 136 * 1024))
    before = state(small_disk)
    counts(wherry(small_disk), 111)
    assert_whole(small_disk)
    assert state(small_disk)[small_disk / "page.html.gz"] == before[small_disk / "page.html.gz"]


def test_a_disk_that_is_read_only(wherry, small_disk):
    (small_disk / "a.html").write_bytes(text(3000))
    (small_disk / "b.html").write_bytes(text(3000))
    subprocess.run([need("mount", "mount"), "-o", "remount,ro", small_disk], check=True)
    run = wherry(small_disk)
    assert counts(run, 111) == {"files": 2, "failed": 2}
    assert re.fullmatch(r'(wherry: cannot write "[ab]\.html\.\w\w": Read-only file system\n){2}',
                        run.stderr)


def test_a_limit_of_size_is_no_signal(wherry, site):
    (site / "large.html").write_bytes(text(200_000))
    (site / "small.html").write_bytes(text(3000))
    run = wherry(site, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)))
    assert counts(run, 111) == {"files": 2, "made": 1, "failed": 1}
    assert re.search(r'cannot write "large\.html\.\w\w": File too large', run.stderr)
    assert [path.name for path in codings(site)] == ["small.html.br", "small.html.gz"]
    assert_whole(site)


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root reads all")
def test_what_is_forbidden_is_said_and_the_rest_goes_on(build, wherry):
    somebody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] \
        if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as folder:       # where somebody else may go, too
        os.chmod(folder, 0o755)
        site = Path(folder, "site")
        for name in ("site", "site/locked", "site/shut"):
            Path(folder, name).mkdir()
        for name in ("locked/a.html", "open.html", "secret.html", "shut/b.html"):
            (site / name).write_bytes(text(3000))
        for path in (site, *site.rglob("*")):
            if os.geteuid() == 0:
                os.chown(path, 65534, 65534)
        os.chmod(site / "locked", 0o555)
        os.chmod(site / "shut", 0o000)
        os.chmod(site / "secret.html", 0o000)
        program = shutil.copy(build.program, folder)
        run = subprocess.run([*somebody, program, "--precompress", "--cert-dir=", site],
                             capture_output=True, text=True, timeout=60)
        said = sorted(run.stderr.splitlines())
        assert counts(run, 111) == {"files": 3, "made": 1, "failed": 3}
        assert said[0] == 'wherry: cannot read "secret.html": Permission denied'
        assert said[1] == 'wherry: cannot read "shut": Permission denied'
        assert re.fullmatch(r'wherry: cannot write "locked/a\.html\.\w\w": Permission denied', said[2])
        assert [path.name for path in codings(site)] == ["open.html.br", "open.html.gz"]
        os.chmod(site / "shut", 0o755)


def test_a_file_that_changes_all_the_time_is_told(wherry, site):
    (site / "log.txt").write_bytes(text(4_000_000))
    (site / "page.html").write_bytes(text(3000))
    is_over = threading.Event()

    def write():
        with open(site / "log.txt", "ab") as log:
            while not is_over.wait(0.002):
                log.write(b"more\n")
                log.flush()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        run = wherry(site)
    finally:
        is_over.set()
        writer.join()
    assert run.stderr == 'wherry: "log.txt" changes while it is read\n'
    assert counts(run, 111) == {"files": 2, "made": 1, "failed": 1}
    assert [path.name for path in codings(site)] == ["page.html.br", "page.html.gz"]


# ---- being stopped


@pytest.fixture
def long_site(site):
    """Work for some seconds."""
    for i in range(12):
        (site / f"{i}.js").write_bytes(text(800_000, i))
    return site


def begin(build, site):
    """Starts, and waits until the first coding is there."""
    process = subprocess.Popen([build.program, "--precompress", site], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 20 * build.patience
    while not codings(site) and time.monotonic() < until:
        time.sleep(0.01)
    assert process.poll() is None, process.communicate()
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_it_and_nothing_is_left_half(build, long_site, number):
    process = begin(build, long_site)
    process.send_signal(number)
    begun = time.monotonic()
    out, err = process.communicate(timeout=30 * build.patience)
    assert time.monotonic() - begun < 3 * build.patience
    assert (process.returncode, err) == (128 + number, "")
    assert re.search(r", \d+ left for another time\n$", out)
    assert_whole(long_site)


def test_a_kill_leaves_nothing_half(build, wherry, long_site):
    process = begin(build, long_site)
    for _ in range(3):
        time.sleep(random.uniform(0, 0.3))
        process.kill()
        process.communicate()
        assert_whole(long_site, after_kill=True)
        process = subprocess.Popen([build.program, "--precompress", long_site],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.kill()
    process.communicate()
    assert_whole(long_site, after_kill=True)


# ---- on a terminal


def on_a_terminal(build, site, columns, **environment):
    """What the terminal was sent, and the run."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([build.program, "--precompress", site], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=theirs, text=True,
                               env={**os.environ, "TERM": "xterm", **environment})
    os.close(theirs)
    sent = b""
    try:
        while came := os.read(ours, 4096):
            sent += came
    except OSError:     # how Linux says that nobody holds the other end
        pass
    os.close(ours)
    process.stdout_text = process.communicate(timeout=60)[0]
    return sent.decode(), process


def test_a_terminal_gets_a_bar(build, site):
    for i in range(4):
        (site / f"{i}.js").write_bytes(text(300_000, i))
    begun = time.monotonic()
    sent, process = on_a_terminal(build, site, 60)
    took = time.monotonic() - begun
    assert process.returncode == 0 and SUMMARY.fullmatch(process.stdout_text)
    drawn = re.findall(r"\r( *\d+% \[#* *\] \d of 4 files)\x1b\[K", sent)
    assert drawn[0] == "   0% [" + " " * 38 + "] 0 of 4 files"
    assert drawn[-1] == " 100% [" + "#" * 38 + "] 4 of 4 files"
    assert {len(line) for line in drawn} == {59}
    assert len(drawn) <= took * 10 + 4 + 2      # and one whenever a thread ends
    assert sent.endswith("\r\x1b[K")            # and then it is gone
    assert re.sub(r"\r[^\r]*\x1b\[K", "", sent) == ""


def test_a_narrow_one_gets_what_fits(build, site):
    (site / "a.js").write_bytes(text(30_000))
    for columns in (8, 20, 25):
        for path in codings(site):
            path.unlink()
        sent, process = on_a_terminal(build, site, columns)
        assert process.returncode == 0
        assert all(len(line) < columns for line in re.findall(r"\r([^\r\x1b]*)", sent))


def test_a_failure_is_not_drawn_over(build, site):
    (site / "a.js").write_bytes(text(30_000))
    (site / "a.js.gz").mkdir()
    sent, process = on_a_terminal(build, site, 80)
    assert process.returncode == 111
    assert "\r\x1b[Kwherry: cannot write \"a.js.gz\": Is a directory\r\n" in sent


@pytest.mark.parametrize("terminal", ["dumb", ""])
def test_a_terminal_that_can_not_gets_none(build, site, terminal):
    (site / "a.js").write_bytes(text(30_000))
    assert on_a_terminal(build, site, 80, TERM=terminal)[0] == ""


def test_a_pipe_gets_none(wherry, site):
    (site / "a.js").write_bytes(text(300_000))
    run = wherry(site, env={**os.environ, "TERM": "xterm"})
    assert (counts(run)["made"], run.stderr) == (1, "")


def test_the_mode_is_that_of_the_file(wherry, site):
    (site / "a.js").write_bytes(text(3000))
    os.chmod(site / "a.js", 0o640)
    counts(wherry(site, umask=0o077))
    assert stat.S_IMODE((site / "a.js.br").stat().st_mode) == 0o640

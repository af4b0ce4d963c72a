"""Pages in the coding that a client would rather have: found beside them, or made once."""

import gzip
import os
import random
import re
import subprocess
import threading
import time
import uuid
import zlib
from pathlib import Path

import pytest

from browser import Browser
from dialogue import Cut
from program import eventually
from test_static import write
from tools import need

KIB, MIB = 1 << 10, 1 << 20
OLD = 1_600_000_000
SUFFIXES = {"gzip": ".gz", "br": ".br", "zstd": ".zst"}
PROGRAMS = {"gzip": "gzip", "br": "brotli", "zstd": "zstd"}


def program(coding, *words, data):
    command = [need(PROGRAMS[coding], PROGRAMS[coding]), *words]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def decode(coding, body):
    return program(coding, "-dc", data=body) if coding else body


def encode(coding, data):
    return program(coding, "-c", data=data)


def text(size, seed=1):
    """Words, as a page has them."""
    chance = random.Random(seed)
    words = ["".join(chance.choices("etaoinshrdlu", k=chance.randint(1, 9))) for _ in range(2000)]
    return " ".join(chance.choices(words, k=size // 5)).encode()[:size]


def accepting(codings):
    return [("Accept-Encoding", codings)]


def get(server, target, codings):
    return server.get(target, fields=accepting(codings))


def get_coded(server, target, coding):
    """As soon as it is made."""

    def coded():
        answer = get(server, target, coding)
        assert answer.status == 200
        return answer.get("Content-Encoding") == coding and answer

    return eventually(coded, 60 * server.patience, f"{target} as {coding}")


# ---- what is sent ----------------------------------------------------------------------------

PAGES = {
    "page.html": b"<!doctype html><title>x</title>" + text(40 * KIB),
    "style.css": b"a { color: red }\n" * 99,
    "code.js": text(300 * KIB, 2),
    "data.json": b'{"a": [' + b"1, " * 5000 + b"2]}",
    "wave.svg": b"<svg xmlns='http://www.w3.org/2000/svg'>" + b"<g/>" * 500 + b"</svg>",
    "feed.xml": b"<?xml version='1.0'?><feed>" + b"<item/>" * 900 + b"</feed>",
    "plain.txt": text(256, 3),
    "notes": text(4 * KIB, 4),
    "large.js": text(MIB, 5),
}


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_each_page_decodes_to_its_bytes(serve, site, coding):
    for name, data in PAGES.items():
        write(site, name, data, OLD)
    server = serve(site)
    for name, data in PAGES.items():
        answer = get_coded(server, f"/{name}", coding)
        assert len(answer.body) < len(data)
        assert decode(coding, answer.body) == data
        if coding == "gzip":
            assert gzip.decompress(answer.body) == data


@pytest.mark.parametrize("coding", SUFFIXES)
def test_each_file_beside_a_page_is_sent_as_it_is(serve, site, coding):
    """Whatever its type, and however small."""
    for name, data in {**PAGES, "tiny.txt": b"tiny", "noise.bin": os.urandom(999)}.items():
        write(site, name, data, OLD)
        write(site, name + SUFFIXES[coding], encode(coding, data), OLD)
    server = serve(site)
    for name in [*PAGES, "tiny.txt", "noise.bin"]:
        answer = get(server, f"/{name}", coding)
        assert answer["Content-Encoding"] == coding
        assert answer.body == (site / (name + SUFFIXES[coding])).read_bytes()
        assert decode(coding, answer.body) == (site / name).read_bytes()


def test_a_folder_and_a_clean_name_are_coded_too(serve, site):
    write(site, "docs/index.html", PAGES["page.html"], OLD)
    write(site, "about.html", PAGES["page.html"], OLD)
    server = serve(site)
    for target in ("/docs/", "/about"):
        assert decode("br", get_coded(server, target, "br").body) == PAGES["page.html"]


def test_what_is_sent_plain(serve, site):
    write(site, "small.txt", b"a" * 255, OLD)
    write(site, "noise.txt", os.urandom(9999), OLD)
    write(site, "archive.zip", bytes(9999), OLD)
    server = serve(site)
    for target in ("/small.txt", "/noise.txt", "/archive.zip", "/nothing"):
        for _ in range(3):
            assert "Content-Encoding" not in get(server, target, "gzip, br, zstd")


# RFC 9110 §12.5.3
ASKED = [
    ("gzip, deflate, br, zstd", "br"),
    ("gzip", "gzip"),
    ("GZip", "gzip"),
    ("x-gzip", "gzip"),
    ("br;q=0.5, gzip", "gzip"),
    ("br;q=0.001, gzip;q=0.002", "gzip"),
    ("br;q=0, *", "gzip"),
    ("*", "br"),
    ("identity", None),
    ("identity;q=0.5, gzip;q=0.4", None),
    ("br;q=0, gzip;q=0", None),
    ("deflate, compress, zstd", None),
    ("", None),
    (None, None),
    ("identity;q=0, br", "br"),
    ("*;q=0, gzip", "gzip"),
]


def test_what_is_asked_for_is_sent(serve, site):
    write(site, "page.html", PAGES["page.html"], OLD)
    server = serve(site)
    get_coded(server, "/page.html", "gzip")
    get_coded(server, "/page.html", "br")
    for asked, coding in ASKED:
        answer = server.get("/page.html", fields=accepting(asked) if asked is not None else [])
        assert (asked, answer.get("Content-Encoding")) == (asked, coding)
        assert answer["Vary"] == "Accept-Encoding"


def test_several_lines_are_one_list(serve, site):
    """RFC 9110 §5.3"""
    write(site, "page.html", PAGES["page.html"], OLD)
    server = serve(site)
    get_coded(server, "/page.html", "gzip")
    get_coded(server, "/page.html", "br")
    lists = [
        (["gzip", "br"], "br"),
        (["br", "gzip"], "br"),
        (["br", "br;q=0, gzip"], "gzip"),
    ]
    for lines, coding in lists:
        fields = [("Accept-Encoding", line) for line in lines]
        assert server.get("/page.html", fields=fields)["Content-Encoding"] == coding


# ---- 406 -------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", ["identity;q=0, zstd", "*;q=0", "identity;q=0"])
def test_406_when_nothing_fits(serve, site, asked):
    """RFC 9110 §15.5.7"""
    write(site, "page.html", PAGES["page.html"], OLD)
    server = serve(site)
    for _ in range(2):
        answer = get(server, "/page.html", asked)
        assert (answer.status, answer["Vary"]) == (406, "Accept-Encoding")


def test_who_refuses_the_plain_bytes_waits_for_others(serve, site):
    """Also who comes second, when the coding is in work already."""
    write(site, "large.js", PAGES["large.js"], OLD)
    server = serve(site)
    answers = []

    def ask():
        answers.append(server.get("/large.js", fields=accepting("identity;q=0, br"), seconds=60))

    crowd = [threading.Thread(target=ask) for _ in range(3)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    for answer in answers:
        # A machine may be too slow for this; it says so then, and when to come again.
        assert answer.status == 200 or answer["Retry-After"]
        if answer.status == 200:
            assert decode("br", answer.body) == PAGES["large.js"]
    get_coded(server, "/large.js", "br")


def test_nothing_is_sent_to_who_refuses_all_there_is(serve, site):
    write(site, "noise.txt", os.urandom(9999), OLD)
    server = serve(site)

    def is_refused():
        answer = get(server, "/noise.txt", "identity;q=0, br, gzip")
        assert answer.status == 406 or answer["Retry-After"]  # one of them is in work still
        assert answer["Vary"] == "Accept-Encoding"
        return answer.status == 406

    eventually(is_refused, 60 * server.patience, "406")
    assert get(server, "/noise.txt", "br, gzip").status == 200


# ---- waiting ---------------------------------------------------------------------------------


def test_nobody_waits_for_a_coding(serve, build, site):
    write(site, "large.js", PAGES["large.js"], OLD)
    server = serve(site)
    server.get("/")
    begun = time.monotonic()
    answer = get(server, "/large.js", "br")
    took = time.monotonic() - begun
    assert answer.status == 200
    if build.is_fast and "Content-Encoding" not in answer:
        assert took < 1.0
    assert decode("br", get_coded(server, "/large.js", "br").body) == PAGES["large.js"]


def test_it_is_made_once_however_many_ask(serve, site):
    """What they get is the plain page or that one coding; test_coder.c counts the makings."""
    write(site, "a.js", text(600 * KIB, 7), OLD)
    server = serve(site)

    def ask():
        for _ in range(20):
            get(server, "/a.js", "br")

    crowd = [threading.Thread(target=ask) for _ in range(16)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    answer = get_coded(server, "/a.js", "br")
    tags = {get(server, "/a.js", "br")["ETag"] for _ in range(20)}
    assert tags == {answer["ETag"]}


# ---- files beside pages ----------------------------------------------------------------------


def test_a_file_beside_is_served_while_it_is_not_older(serve, site):
    write(site, "page.html", PAGES["page.html"], OLD)
    write(site, "page.html.zst", encode("zstd", PAGES["page.html"]), OLD - 1)
    server = serve(site)
    assert "Content-Encoding" not in get(server, "/page.html", "zstd")
    os.utime(site / "page.html.zst", (OLD, OLD))
    seconds = 10 * server.patience
    eventually(lambda: "Content-Encoding" in get(server, "/page.html", "zstd"), seconds, "found")
    os.utime(site / "page.html", (OLD + 1, OLD + 1))
    eventually(lambda: "Content-Encoding" not in get(server, "/page.html", "zstd"), seconds, "old")


def test_files_beside_come_and_go(serve, site):
    write(site, "page.html", PAGES["page.html"], OLD)
    server = serve(site)
    made = get_coded(server, "/page.html", "br")
    beside, seconds = encode("br", PAGES["page.html"] + b"<!-- beside -->"), 10 * server.patience
    path = write(site, "page.html.br", beside)
    eventually(lambda: get(server, "/page.html", "br").body == beside, seconds, "it is found")
    other = encode("br", PAGES["page.html"] + b"<!-- another -->")
    write(site, "page.html.br", other)
    eventually(lambda: get(server, "/page.html", "br").body == other, seconds, "it is renewed")
    os.unlink(path)
    # What is made is the page again, and never what lay beside it.
    eventually(lambda: get(server, "/page.html", "br").body == made.body, seconds, "it is gone")


def oddities():
    def fifo(path):
        os.mkfifo(path)

    def folder(path):
        os.mkdir(path)

    def outside(path):
        os.symlink("/etc/passwd", path)

    def dangling(path):
        os.symlink("nowhere", path)

    def loop(path):
        os.symlink(path.name, path)

    def empty(path):
        path.write_bytes(b"")

    return [fifo, folder, outside, dangling, loop, empty]


@pytest.mark.parametrize("put", oddities(), ids=lambda put: put.__name__)
def test_what_is_no_file_is_not_beside(serve, site, put):
    write(site, "page.html", PAGES["page.html"], OLD)
    put(site / "page.html.zst")
    put(site / "page.html.br")
    server = serve(site)
    assert "Content-Encoding" not in get(server, "/page.html", "zstd")
    assert decode("br", get_coded(server, "/page.html", "br").body) == PAGES["page.html"]


def test_a_link_within_the_site_is_followed(serve, site):
    write(site, "page.html", PAGES["page.html"], OLD)
    write(site, "elsewhere/x", encode("zstd", PAGES["page.html"]))
    os.symlink("elsewhere/x", site / "page.html.zst")
    answer = get(serve(site), "/page.html", "zstd")
    assert decode(answer["Content-Encoding"], answer.body) == PAGES["page.html"]


def test_a_file_that_may_not_be_read_is_passed_over(serve, site):
    write(site, "page.html", PAGES["page.html"], OLD)
    os.chmod(write(site, "page.html.zst", encode("zstd", PAGES["page.html"])), 0)
    answer = get(serve(site), "/page.html", "zstd, gzip;q=0.5")
    assert answer.status == 200
    assert decode(answer.get("Content-Encoding"), answer.body) == PAGES["page.html"]


def test_names_as_long_as_can_be(serve, site):
    """There is no place for an ending behind it."""
    name = "n" * 250 + ".html"
    write(site, name, PAGES["page.html"], OLD)
    server = serve(site)
    assert decode("br", get_coded(server, f"/{name}", "br").body) == PAGES["page.html"]


def test_the_same_bytes_by_another_name_have_their_own_type(serve, site):
    """A path comes to mean another file of the same bytes: its coding has that file's type."""
    write(site, "thing.html", PAGES["plain.txt"], OLD)
    server = serve(site)
    assert get_coded(server, "/thing", "br")["Content-Type"].startswith("text/html")
    write(site, "thing", PAGES["plain.txt"], OLD)
    eventually(
        lambda: get_coded(server, "/thing", "br")["Content-Type"].startswith("text/plain"),
        10 * server.patience,
        "the coding has the type of the other file",
    )


# ---- pages that change -----------------------------------------------------------------------


def version_of(body):
    return re.match(rb"version (\d+) ", body)[1]


@pytest.mark.parametrize("size", [8 * KIB, 400 * KIB], ids=["small", "large"])
@pytest.mark.parametrize("replace", [True, False], ids=["replaced", "overwritten"])
def test_a_page_edited_under_load_is_never_a_stale_coding(serve, site, size, replace):
    """One tag is one version, whatever the coding; and what comes in a coding is a whole one."""
    tail, tags, wrong = text(size, 9), {}, []
    lock, done = threading.Lock(), threading.Event()

    def put(version):
        data = b"version %d " % version + tail
        if replace:
            path = write(site, f".{uuid.uuid4().hex}", data)
            os.rename(path, site / "page.txt")
        else:
            write(site, "page.txt", data)

    put(0)
    server = serve(site)

    def ask(codings):
        while not done.is_set():
            try:
                answer = get(server, "/page.txt", codings)
            except Cut:
                continue  # overwritten while it was sent
            coding = answer.get("Content-Encoding")
            if answer.status in (500, 503) or not (replace or coding):
                continue  # overwritten whenever it was read; docs/decisions/0005
            data = gunzip(answer.body) if coding == "gzip" else decode(coding, answer.body)
            with lock:
                if tags.setdefault(answer["ETag"], data) != data:
                    wrong.append((answer["ETag"], data[:30], tags[answer["ETag"]][:30]))
                if replace and not data.endswith(tail):
                    wrong.append((answer["ETag"], data[:30], "not whole"))

    crowd = [threading.Thread(target=ask, args=(codings,)) for codings in
             ("br", "gzip", "gzip", "gzip", "identity")]
    for thread in crowd:
        thread.start()
    for version in range(1, 40):
        put(version)
        time.sleep(0.05)
    done.set()
    for thread in crowd:
        thread.join()
    assert not wrong, wrong[:3]

    def is_last(coding):
        try:
            answer = get(server, "/page.txt", coding)
        except Cut:
            return False  # the descriptor is of before the last writing, for a moment
        if answer.get("Content-Encoding") != coding:
            return False
        return version_of(decode(coding, answer.body)) == b"39"

    for coding in ("gzip", "br"):
        eventually(lambda: is_last(coding), 60 * server.patience, f"the last version as {coding}")


def gunzip(body):
    return zlib.decompress(body, 31)


# ---- bounds ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [["--cache-size=0"], ["--cache-files=1"], ["--cache-files=2"], ["--cache-size=60K"]],
    ids=" ".join,
)
def test_a_cache_at_its_limit_loses_nothing(serve, site, options):
    for number in range(12):
        write(site, f"{number}.txt", text(20 * KIB, number), OLD)
    server = serve(site, *options)
    for turn in range(3):
        for number in range(12):
            answer = get(server, f"/{number}.txt", "br, gzip")
            assert answer.status == 200
            body = decode(answer.get("Content-Encoding"), answer.body)
            assert body == text(20 * KIB, number)


def test_a_cache_of_nothing_makes_nothing(serve, site):
    write(site, "page.html", PAGES["page.html"], OLD)
    server = serve(site, "--cache-size=0")
    for _ in range(5):
        assert "Content-Encoding" not in get(server, "/page.html", "br")


def test_switched_off(serve, site):
    write(site, "page.html", PAGES["page.html"], OLD)
    write(site, "page.html.gz", gzip.compress(PAGES["page.html"]), OLD)
    server = serve(site, "--no-compress")
    for _ in range(2):
        answer = get(server, "/page.html", "gzip, br")
        assert "Content-Encoding" not in answer and "Vary" not in answer


def test_from_and_up_to_which_size(serve, site):
    for size in (999, 1000, 2000, 2001):
        write(site, f"{size}.txt", b"a" * size, OLD)
    server = serve(site, "--compress-min=1000", "--compress-max=2000")
    get_coded(server, "/1000.txt", "br")
    get_coded(server, "/2000.txt", "br")
    for size in (999, 2001):
        answer = get(server, f"/{size}.txt", "br")
        assert "Content-Encoding" not in answer and "Vary" not in answer


def test_excepted_by_path_and_by_type(serve, site):
    for name in ("account.html", "drafts/a.txt", "a.txt", "a.css", "b.html"):
        write(site, name, b"a" * 2000, OLD)
        write(site, name + ".zst", encode("zstd", b"a" * 2000), OLD)
    server = serve(
        site,
        "--compress-except=/account.html",
        "--compress-except=/drafts/*",
        "--compress-except=text/css",
    )
    for target in ("/account.html", "/account", "/drafts/a.txt", "/a.css"):
        answer = get(server, target, "br, gzip, zstd")
        assert "Content-Encoding" not in answer and "Vary" not in answer
    for target in ("/a.txt", "/b.html"):
        assert get(server, target, "zstd")["Content-Encoding"] == "zstd"
        get_coded(server, target, "br")


# ---- little memory ---------------------------------------------------------------------------


@pytest.mark.parametrize("memory", ["1", "1M", "6M"])
def test_little_memory_for_coding(serve, site, memory):
    """At a lower effort, or as gzip only, or not at all: the page comes."""
    write(site, "page.html", PAGES["page.html"], OLD)
    server = serve(site, f"--compress-memory={memory}")
    if memory != "1":
        get_coded(server, "/page.html", "gzip")
    for _ in range(20):
        answer = get(server, "/page.html", "br, gzip")
        coding = answer.get("Content-Encoding")
        assert decode(coding, answer.body) == PAGES["page.html"]


@pytest.fixture
def small_group():
    """Words that run a command in a control group with 24 MB of memory."""
    group = Path("/sys/fs/cgroup/memory") / f"wherry-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(24 * MIB))
    except OSError as error:
        pytest.skip(f"no control group for memory can be made here: {error}")
    yield ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh"]
    group.rmdir()


def test_a_container_of_24_mb(serve, build, site, small_group):
    if build.has_sanitizer:
        pytest.skip("a sanitizer needs more than that for itself")
    for name, data in PAGES.items():
        write(site, name, data, OLD)
    server = serve(site, before=small_group)
    for name, data in PAGES.items():
        assert decode("gzip", get_coded(server, f"/{name}", "gzip").body) == data
        answer = get(server, f"/{name}", "br, gzip")
        assert decode(answer.get("Content-Encoding"), answer.body) == data
    server.stop()


# ---- clients that nobody here wrote ----------------------------------------------------------


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_curl(serve, site, coding):
    write(site, "page.html", PAGES["page.html"], OLD)
    server = serve(site)
    get_coded(server, "/page.html", coding)
    command = [need("curl", "curl"), "-sSi", "--compressed", "-H", f"Accept-Encoding: {coding}"]
    done = subprocess.run([*command, f"{server.url}/page.html"], capture_output=True, check=True)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    assert f"Content-Encoding: {coding}\r\n".encode() in head + b"\r\n"
    assert body == PAGES["page.html"]


def test_chromium(serve, build, site, tmp_path):
    script = b"document.title = 'scripted'; //" + text(20 * KIB)
    write(site, "script.js", script, OLD)
    write(site, "style.css", b"#p { color: rgb(1, 2, 3) }" + b" " * 2000, OLD)
    write(site, "index.html", b"<!doctype html><link rel=stylesheet href=/style.css><p id=p>x"
          b"<script src=/script.js></script>" + b" " * 2000, OLD)
    server = serve(site)
    for target in ("/", "/script.js", "/style.css"):
        get_coded(server, target, "gzip")
        get_coded(server, target, "br")
    trusted = server.authority if server.is_secure else None
    with Browser(tmp_path / "profile", build.patience, trusted) as browser:
        browser.open(f"{server.url}/")
        assert browser.run("document.title") == "scripted"
        assert browser.run("getComputedStyle(p).color") == "rgb(1, 2, 3)"
        coded = browser.run("performance.getEntriesByName(location.origin + '/script.js')"
                            ".map(each => each.encodedBodySize < each.decodedBodySize)")
        assert coded == [True]

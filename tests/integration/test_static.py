"""Files as a website: what a path means, what is never served, and files that change."""

import os
import re
import socket
import time
from email.utils import formatdate
from urllib.parse import quote

import pytest

from dialogue import Cut, request
from program import eventually
from tools import mount, need, need_root, unmount

MIB = 1 << 20


def write(root, name, content, modified=None):
    """A file beneath the root; `name` may be bytes."""
    path = os.path.join(os.fsencode(root), os.fsencode(name))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    if modified is not None:
        os.utime(path, (modified, modified))
    return path


def same_fields(answer, *but):
    return sorted(pair for pair in answer.fields if pair[0].lower() not in ("date", *but))


# ---- names -----------------------------------------------------------------------------------

ODD_NAMES = [
    b"100%.txt",
    b"%41.txt",
    b"#1.txt",
    b"what?.txt",
    b"a b.txt",
    b" .txt",
    b'"quoted".txt',
    b"it's.txt",
    b"back\\slash.txt",
    b"semi;colon.txt",
    b"a&b=c+d.txt",
    b"<b>.txt",
    b"~tilde.txt",
    b"*.txt",
    b":colon.txt",
    b"gr\xc3\xbcn.txt",
    b"\xe2\x82\xac.txt",
    b"\xff\xfe.txt",
    b"a..b.txt",
    b"-rf",
    b"CON",
    b"a" * 255,
]


@pytest.mark.parametrize("name", ODD_NAMES, ids=repr)
def test_a_file_of_any_name_is_served(serve, site, name):
    write(site, name, b"this one")
    answer = serve(site).get("/" + quote(name))
    assert (answer.status, answer.body) == (200, b"this one")


def test_a_name_with_a_line_break_is_refused(serve, site):
    """An escaped control byte has no place in a path, nor in a log (DESIGN, Strictness)."""
    write(site, b"new\nline.txt", b"this one")
    server = serve(site)
    assert server.get("/new%0Aline.txt").status == 400
    assert server.get("/new%0Dline.txt").status == 400
    assert server.get().status == 200


def test_a_name_too_long_for_any_file_is_not_found(serve, site):
    assert serve(site).get("/" + "a" * 256).status == 404


def test_deep_trees(serve, site):
    deep = "/".join(["d"] * 500)
    write(site, deep + "/leaf.txt", "deep down")
    write(site, deep + "/index.html", "the index of the deep")
    server = serve(site)
    assert server.get(f"/{deep}")["Location"] == f"/{deep}/"
    assert server.get(f"/{deep}/leaf.txt").body == b"deep down"
    # Longer than any path the kernel takes, shorter than any target we take.
    assert server.get("/" + "/".join(["d"] * 3000)).status == 404


def test_case_matters(serve, site):
    assert serve(site).get("/INDEX.html").status == 404


# ---- indexes, redirects, clean names ---------------------------------------------------------


def test_a_folder_is_its_index(serve, site):
    write(site, "blog/index.html", "the index")
    server = serve(site)
    assert server.get("/blog/").body == b"the index"
    answer = server.get("/blog?a=1&b=//x")
    assert (answer.status, answer["Location"]) == (301, "/blog/?a=1&b=//x")


def test_another_index(serve, site):
    write(site, "home.htm", "another")
    assert serve(site, "--index=home.htm").get("/").body == b"another"


def test_no_index(serve, site):
    server = serve(site, "--index=")
    assert server.get("/").status == 404
    assert server.get("/index.html").status == 200


@pytest.mark.parametrize(
    "target, location",
    [
        ("//evil.test", "/evil.test/"),
        ("///evil.test", "/evil.test/"),
        ("/.//evil.test", "/evil.test/"),
        ("/%2e/%2e/evil.test?/../x", "/evil.test/?/../x"),
        ("/x/..//evil.test", "/evil.test/"),
        ("/%5Cback", "/%5Cback/"),
        ("/\\back", "/%5Cback/"),
        ("/a%20b%3F%23%25", "/a%20b%3F%23%25/"),
        ("/%22%3Cb%3E", "/%22%3Cb%3E/"),
        ("/gr%C3%BCn", "/gr%C3%BCn/"),
        ("/%FF", "/%FF/"),
        ("http://elsewhere.test/evil.test", "/evil.test/"),
    ],
)
def test_a_redirect_stays_on_this_host(serve, site, target, location):
    """Relative to the origin, escaped, and never "//host" or "/\\host"."""
    for name in (b"evil.test", b"\\back", b"a b?#%", b'"<b>', b"gr\xc3\xbcn", b"\xff"):
        write(site, name + b"/index.html", "x")
    answer = serve(site).get(target)
    assert (answer.status, answer["Location"]) == (301, location)


def test_clean_names(serve, site):
    write(site, "about.html", "about")
    write(site, "both.html", "a page")
    write(site, "both/index.html", "a folder")
    write(site, "plain", "no ending")
    write(site, "plain.html", "with an ending")
    server = serve(site)
    assert server.get("/about").body == b"about"
    assert server.get("/about").get("Content-Type") == "text/html; charset=utf-8"

    answer = server.get("/about/?x=//y")
    assert (answer.status, answer["Location"]) == (301, "/about?x=//y")
    assert server.get("/nothing/").status == 404

    assert server.get("/both/").body == b"a folder"
    assert server.get("/plain").body == b"no ending"
    assert server.get("/index").status in (200, 301)


def test_clean_names_can_be_declined(serve, site):
    write(site, "about.html", "about")
    server = serve(site, "--clean-urls=no")
    assert server.get("/about").status == 404
    assert server.get("/about/").status == 404
    assert server.get("/about.html").body == b"about"


# ---- the site's own error pages --------------------------------------------------------------


def test_own_404_page(serve, site):
    write(site, "404.html", "<p>lost at sea")
    server = serve(site)
    for target in ("/nothing", "/nothing/at/all", "/.secret", "/blog%2Fx"):
        answer = server.get(target)
        assert (answer.status, answer.body) == (404, b"<p>lost at sea")
        assert answer["Content-Type"] == "text/html; charset=utf-8"
    head = server.get("/nothing", "HEAD")
    assert same_fields(head) == same_fields(server.get("/nothing"))
    assert "ETag" not in head and "Last-Modified" not in head

    # Conditions and ranges are about what was asked for, which is not there (RFC 9110 §13.2.1).
    assert server.get("/nothing", fields={"Range": "bytes=0-3", "If-None-Match": "*"}).status == 404


def test_404_page_is_noticed_when_it_changes(serve, site):
    server = serve(site)
    assert b"lost" not in server.get("/nothing").body
    write(site, "404.html", "lost once")
    assert eventually(lambda: server.get("/nothing").body == b"lost once", 3, "the new page")
    write(site, "404.html", "lost twice")
    time.sleep(0.15)
    assert server.get("/nothing").body == b"lost twice"


def test_plain_error_pages(serve, site):
    """Without own ones: short, readable, and with the reason."""
    server = serve(site)
    answer = server.get("/nothing")
    assert answer["Content-Type"].startswith("text/html") and b"404 Not Found" in answer.body
    with server.dial() as peer:
        peer.send(b"GET / HTTP/1.1\r\n\r\n")
        answer = peer.answer()
    assert answer.status == 400 and b"no Host" in answer.body and len(answer.body) < 2000


# ---- what is never served --------------------------------------------------------------------


def test_dotfiles(serve, site):
    write(site, ".env", "secret")
    write(site, ".git/config", "secret")
    write(site, "blog/.hidden/page.html", "secret")
    write(site, ".well-known/acme-challenge/token", "public")
    write(site, ".well-known/.hidden", "secret")
    server = serve(site)
    for target in (
        "/.env",
        "/%2eenv",
        "/.git/config",
        "/.git/",
        "/.git",
        "/blog/.hidden/page.html",
        "/blog/.hidden/page",
        "/.well-known/.hidden",
        "/./.env",
        "/x/../.env",
    ):
        answer = server.get(target)
        assert answer.status == 404 and b"secret" not in answer.body, target
    assert server.get("/.well-known/acme-challenge/token").body == b"public"


@pytest.mark.parametrize(
    "target",
    [
        "/../outside.txt",
        "/%2e%2e/outside.txt",
        "/.%2e/outside.txt",
        "/x/../../outside.txt",
        "/..%2foutside.txt",
        "/..%5coutside.txt",
        "/..\\outside.txt",
        "/%2e%2e%2foutside.txt",
        "/....//outside.txt",
        "/..;/outside.txt",
        "/%252e%252e/outside.txt",
        "/..%c0%afoutside.txt",
        "/..%00/outside.txt",
        "//../outside.txt",
        "/%2f..%2f..%2foutside.txt",
        "/proc/self/environ",
        "/etc/passwd",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
    ],
)
def test_there_is_no_way_out(serve, site, target):
    write(site.parent, "outside.txt", "outside")
    server = serve(site)
    answer = server.get(target)
    assert (
        answer.status in (400, 404)
        and b"outside" not in answer.body
        and b"root:" not in answer.body
    )
    assert server.get().status == 200


def test_links_beneath_the_root(serve, site):
    write(site, "real/page.html", "the page")
    os.symlink("real/page.html", site / "link.html")
    os.symlink("real", site / "folder")
    os.symlink("link.html", site / "twice.html")
    os.symlink("../link.html", site / "real" / "back.html")
    server = serve(site)
    for target in ("/link.html", "/folder/page.html", "/twice.html", "/real/back.html", "/link"):
        assert server.get(target).body == b"the page", target


def test_links_out_of_the_root(serve, site):
    outside = write(site.parent, "outside/page.html", "outside")
    os.symlink("../outside/page.html", site / "up.html")
    os.symlink(outside, site / "absolute.html")
    os.symlink("../outside", site / "folder")
    os.symlink("..", site / "parent")
    os.symlink("/", site / "everything")
    os.symlink("/proc/self/root", site / "magic")
    os.symlink("loop.html", site / "loop.html")
    os.symlink("nowhere", site / "dangling.html")
    server = serve(site)
    for target in (
        "/up.html",
        "/absolute.html",
        "/folder/page.html",
        "/folder/",
        "/folder",
        "/parent/outside/page.html",
        "/everything/etc/passwd",
        "/magic/etc/passwd",
        "/loop.html",
        "/dangling.html",
        "/up",
        "/parent/site/index.html",
    ):
        answer = server.get(target)
        assert answer.status == 404 and b"outside" not in answer.body, target


def test_links_none(serve, site):
    write(site, "real/page.html", "the page")
    os.symlink("real/page.html", site / "link.html")
    os.symlink("real", site / "folder")
    os.symlink("real/page.html", site / "404.html")
    server = serve(site, "--links=none")
    assert server.get("/real/page.html").body == b"the page"
    for target in ("/link.html", "/folder/page.html", "/folder/", "/link"):
        answer = server.get(target)
        assert answer.status == 404 and answer.body != b"the page", target


def test_config_map(serve, site):
    """Kubernetes mounts a volume so: names lead through ..data, which is replaced as a whole."""
    (site / "index.html").unlink()
    write(site, "..2026_01/index.html", "January")
    write(site, "..2026_02/index.html", "February")
    os.symlink("..2026_01", site / "..data")
    os.symlink("..data/index.html", site / "index.html")
    server = serve(site)
    assert server.get("/").body == b"January"
    os.symlink("..2026_02", site / "..data_tmp")
    os.rename(site / "..data_tmp", site / "..data")
    time.sleep(0.15)
    assert server.get("/").body == b"February"
    assert server.get("/..data/index.html").status == 404


def test_configuration_inside_the_root(serve, site):
    config = write(site, "wherry.ini", "cache-control = no-store\n")
    write(site, "page.html", "x")
    os.link(config, site / "copy.txt")
    os.symlink("wherry.ini", site / "link.txt")
    server = serve(site, f"--config={os.fsdecode(config)}")
    assert server.get("/page.html")["Cache-Control"] == "no-store"
    for target in ("/wherry.ini", "/copy.txt", "/link.txt", "/wherry%2Eini"):
        answer = server.get(target)
        assert answer.status == 404 and b"no-store" not in answer.body, target


# ---- what cannot be served -------------------------------------------------------------------


def check_refused(server, target):
    """At once, and the log says whose it is."""
    started = time.monotonic()
    answer = server.get(target)
    assert answer.status == 403, str(answer)
    assert time.monotonic() - started < 2 * server.patience
    server.wait_error(rf'path="[^"]*{target[1:]}".* owner=\d+:\d+ mode=0?\d{{3,4}}')
    assert server.get().status == 200


def test_a_fifo_is_refused(serve, site):
    os.mkfifo(site / "fifo.txt")
    check_refused(serve(site), "/fifo.txt")


def test_a_fifo_that_somebody_fills_is_not_read(serve, site):
    os.mkfifo(site / "fifo.txt")
    fifo = os.open(site / "fifo.txt", os.O_RDWR)
    try:
        os.write(fifo, b"drink me")
        check_refused(serve(site), "/fifo.txt")
        assert os.read(fifo, 100) == b"drink me"
    finally:
        os.close(fifo)


def test_a_socket_is_refused(serve, site):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(site / "socket.txt"))
        check_refused(serve(site), "/socket.txt")


def test_a_device_is_refused(serve, site):
    need_root()
    os.mknod(site / "zero.txt", 0o020666, os.makedev(1, 5))
    check_refused(serve(site), "/zero.txt")


def powerless():
    """Words that take from root what makes modes mean nothing."""
    if os.geteuid() != 0:
        return []
    return [
        need("setpriv", "util-linux"),
        "--bounding-set=-dac_override,-dac_read_search",
        "--inh-caps=-all",
    ]


def test_an_unreadable_file_is_refused(serve, site):
    write(site, "private.txt", "private")
    os.chmod(site / "private.txt", 0)
    server = serve(site, before=powerless())
    check_refused(server, "/private.txt")
    server.wait_error(rf"owner={os.geteuid()}:{os.getegid()} mode=0000")
    os.chmod(site / "private.txt", 0o644)
    eventually(lambda: server.get("/private.txt").body == b"private", 3, "to be readable again")


def test_an_unreadable_folder_is_refused(serve, site):
    write(site, "private/page.txt", "private")
    os.chmod(site / "private", 0)
    try:
        server = serve(site, before=powerless())
        assert server.get("/private/page.txt").status == 403
        assert server.get("/private/").status == 403
        assert server.get().status == 200
    finally:
        os.chmod(site / "private", 0o755)


# ---- types -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, kind",
    [
        ("a.html", "text/html; charset=utf-8"),
        ("a.htm", "text/html; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.md", "text/markdown; charset=utf-8"),
        ("a.csv", "text/csv; charset=utf-8"),
        ("A.HTML", "text/html; charset=utf-8"),
        ("a.tar.gz", "application/gzip"),
        ("a.zip", "application/zip"),
        ("a.pdf", "application/pdf"),
        ("a.wasm", "application/wasm"),
        ("a.png", "image/png"),
        ("a.jpg", "image/jpeg"),
        ("a.jpeg", "image/jpeg"),
        ("a.gif", "image/gif"),
        ("a.webp", "image/webp"),
        ("a.avif", "image/avif"),
        ("a.woff2", "font/woff2"),
        ("a.mp4", "video/mp4"),
        ("a.webm", "video/webm"),
        ("a.mp3", "audio/mpeg"),
        ("a.ogg", "audio/ogg"),
        ("a.unheard-of", "text/plain; charset=utf-8"),
        ("none", "text/plain; charset=utf-8"),
    ],
)
def test_types(serve, site, name, kind):
    write(site, name, "x")
    answer = serve(site).get("/" + name)
    assert answer["Content-Type"] == kind
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "name, kind",
    [
        ("a.svg", "image/svg\\+xml"),
        ("a.json", "application/json"),
        ("a.xml", "(application|text)/xml"),
        ("feed.atom", "application/atom\\+xml"),
        ("a.ico", "image/(x-icon|vnd.microsoft.icon)"),
        ("site.webmanifest", "application/manifest\\+json"),
    ],
)
def test_types_that_are_text_by_another_name(serve, site, name, kind):
    """Whether they name a charset is a matter of taste; these say theirs themselves."""
    write(site, name, "x")
    assert re.match(kind, serve(site).get("/" + name)["Content-Type"])


@pytest.mark.parametrize(
    "content, charset",
    [
        (b"plain ASCII", "; charset=utf-8"),
        ("grün, €, 🚣".encode(), "; charset=utf-8"),
        ("grün".encode("latin-1"), ""),
        (b"overlong \xc0\xaf", ""),
        (b"a surrogate \xed\xa0\x80", ""),
        (b"beyond \xf4\x90\x80\x80", ""),
        ("at the end €".encode()[:-1], ""),
        (b"a" * 65535 + "€".encode(), "; charset=utf-8"),
        (b"a" * 200000 + b"\xff", ""),
    ],
    ids=lambda value: repr(value[-20:]),
)
def test_a_charset_is_named_only_when_it_is_true(serve, site, content, charset):
    write(site, "page.html", content)
    assert serve(site).get("/page.html")["Content-Type"] == "text/html" + charset


# ---- validators ------------------------------------------------------------------------------


def test_the_tag_is_made_from_the_content(serve, tmp_path):
    """Replicas built at other times agree (DESIGN)."""
    tags = []
    for folder, modified in (("one", 1_000_000_000), ("two", 1_500_000_000), ("three", 0)):
        root = tmp_path / folder
        write(root, "small.txt", "the same", modified)
        write(root, "large.bin", b"x" * MIB, modified)
        write(root, "other.txt", folder, modified)
        server = serve(root)
        tags.append([server.get(target)["ETag"] for target in ("/small.txt", "/large.bin")])
        assert server.get("/other.txt")["ETag"] not in tags[-1]
        assert not server.get("/small.txt")["ETag"].startswith("W/")
    assert tags[0] == tags[1] == tags[2]
    assert tags[0][0] != tags[0][1]


def test_a_file_too_large_to_be_read_for_its_tag(serve, site):
    """Over 16 MiB, size and time must do; touching it makes another version."""
    path = write(site, "huge.bin", b"")
    os.truncate(path, 17 * MIB)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    server = serve(site)
    first = server.get("/huge.bin", "HEAD")
    assert first["Content-Length"] == str(17 * MIB) and "ETag" in first
    os.utime(path, (1_000_000_001, 1_000_000_001))
    time.sleep(0.15)
    assert server.get("/huge.bin", "HEAD")["ETag"] != first["ETag"]


def test_the_fields_of_a_304(serve, site):
    """RFC 9110 §15.4.5"""
    write(site, "page.html", "a page", 1_000_000_000)
    server = serve(site, "--cache-control=max-age=60")
    whole = server.get("/page.html")
    for fields in (
        {"If-None-Match": whole["ETag"]},
        {"If-Modified-Since": whole["Last-Modified"]},
        {"If-None-Match": f'"x", W/{whole["ETag"]}'},
    ):
        answer = server.get("/page.html", fields=fields)
        assert answer.status == 304
        for name in ("ETag", "Cache-Control"):
            assert answer[name] == whole[name]
        for name in ("Content-Type", "Content-Length", "Content-Encoding", "Content-Range"):
            assert name not in answer


def test_last_modified_is_never_in_the_future(serve, site):
    """RFC 9110 §8.8.2.1"""
    write(site, "page.html", "a page", time.time() + 100_000)
    before = time.time()
    answer = serve(site).get("/page.html")
    assert answer.get("Last-Modified") in (
        None,
        *(formatdate(before + i, usegmt=True) for i in range(-1, 30)),
    )


def test_head_says_what_get_says(serve, site):
    """RFC 9110 §9.3.2"""
    write(site, "digits.txt", "0123456789")
    write(site, "large.bin", b"x" * (MIB + 1))
    write(site, "blog/index.html", "blog")
    tag = None
    server = serve(site)
    for target in ("/", "/digits.txt", "/large.bin", "/blog", "/blog/", "/nothing", "/.secret"):
        get, head = server.get(target), server.get(target, "HEAD")
        assert get.status == head.status and same_fields(get) == same_fields(head), target
        tag = get.get("ETag", tag)
    fields = {"If-None-Match": server.get("/digits.txt")["ETag"]}
    get, head = server.get("/digits.txt", fields=fields), server.get("/digits.txt", "HEAD", fields)
    assert get.status == head.status == 304 and same_fields(get) == same_fields(head)


def test_cache_control(serve, site):
    assert serve(site).get("/")["Cache-Control"] == "no-cache"
    assert (
        serve(site, "--cache-control=public, max-age=3600").get("/")["Cache-Control"]
        == "public, max-age=3600"
    )
    assert "Cache-Control" not in serve(site, "--cache-control=").get("/")


# ---- ranges ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "size", [1000, 300_000, 3 * MIB], ids=["in memory", "in a file", "in pieces"]
)
def test_ranges_of_any_file(serve, site, size):
    content = bytes(i * 7 % 251 for i in range(size))
    write(site, "data.bin", content)
    server = serve(site)
    tag = server.get("/data.bin", "HEAD")["ETag"]
    with server.dial() as peer:
        for first, last in (
            (0, 0),
            (0, size - 1),
            (1, 99),
            (size - 1, size - 1),
            (size // 2, size - 2),
        ):
            answer = peer.ask("/data.bin", fields={"Range": f"bytes={first}-{last}"})
            assert answer.status == 206 and answer.body == content[first : last + 1]
            assert (
                answer["Content-Range"] == f"bytes {first}-{last}/{size}" and answer["ETag"] == tag
            )
        answer = peer.ask("/data.bin", fields={"Range": "bytes=-100", "If-Range": tag})
        assert answer.status == 206 and answer.body == content[-100:]
        answer = peer.ask("/data.bin", fields={"Range": f"bytes={size}-"})
        assert answer.status == 416 and answer["Content-Range"] == f"bytes */{size}"
        answer = peer.ask("/data.bin", fields={"Range": "bytes=0-9", "If-Range": '"gone"'})
        assert answer.status == 200 and answer.body == content


def test_a_file_over_4_gib(serve, site):
    size, middle = 5 << 30, 4 << 30
    path = write(site, "huge.bin", b"")
    os.truncate(path, size)
    with open(path, "r+b") as file:
        file.seek(middle - 4)
        file.write(b"BEFOREAFTER")
        file.seek(size - 3)
        file.write(b"END")
    server = serve(site)
    assert server.get("/huge.bin", "HEAD")["Content-Length"] == str(size)
    with server.dial() as peer:
        for ask, content, where in (
            ("-3", b"END", f"{size - 3}-{size - 1}"),
            (f"{size - 5}-", b"\0\0END", f"{size - 5}-{size - 1}"),
            (f"{middle - 4}-{middle + 6}", b"BEFOREAFTER", f"{middle - 4}-{middle + 6}"),
        ):
            answer = peer.ask("/huge.bin", fields={"Range": f"bytes={ask}"})
            assert answer.status == 206 and answer.body == content
            assert answer["Content-Range"] == f"bytes {where}/{size}"
        assert peer.ask("/huge.bin", fields={"Range": f"bytes={size}-"}).status == 416
        peer.send(request("/huge.bin"))
        answer = peer.head()
        assert answer["Content-Length"] == str(size)
        assert peer.take(MIB) == bytes(MIB)


# ---- files that change -----------------------------------------------------------------------


def test_an_edited_page_shows_at_once(serve, site):
    """In place and by rename, small and large; 150 ms after the change it must be there."""
    server = serve(site)
    for name in ("page.html", "large.bin"):
        for turn, content in enumerate(
            (b"one", b"two", b"three" * 50_000, b"four!" * 50_000, b"five")
        ):
            path = write(site, name if turn % 2 else name + ".new", content)
            if turn % 2 == 0:
                os.rename(path, site / name)
            time.sleep(0.15)
            assert server.get("/" + name).body == content
        (site / name).unlink()
        time.sleep(0.15)
        assert server.get("/" + name).status == 404


@pytest.fixture
def coarse(site):
    """A folder in a file system whose clock ticks slowly.  Newer kernels give most file systems a
    finer one, but not this kind; where it may not be mounted, any will do."""
    folder = site / "coarse"
    folder.mkdir()
    is_mounted = mount("ramfs", folder)
    yield folder
    if is_mounted:
        unmount(folder)


def test_two_writes_within_one_tick_of_the_clock(serve, coarse):
    """They leave the same size and times, so the time alone does not tell (DESIGN)."""
    server = serve(coarse)
    path = coarse / "page.html"
    for _ in range(300):
        path.write_bytes(b"one")
        first = path.stat()
        assert server.get("/page.html").status == 200
        path.write_bytes(b"two")
        second = path.stat()
        if (first.st_mtime_ns, first.st_ctime_ns) == (second.st_mtime_ns, second.st_ctime_ns):
            break
        time.sleep(0.11)  # so that the next look is at the disk again
    time.sleep(0.15)
    assert server.get("/page.html").body == b"two"


def test_a_file_that_appears(serve, site):
    server = serve(site)
    assert server.get("/later.html").status == 404
    write(site, "later.html", "here")
    time.sleep(0.15)
    assert server.get("/later.html").body == b"here"


def start_download(server, target, first=64 * 1024):
    """A peer that has read the head and a little, and now waits."""
    peer = server.dial(receive_buffer=64 * 1024)
    peer.send(request(target))
    answer = peer.head()
    assert answer.status == 200
    return peer, int(answer["Content-Length"]), peer.take(first)


def test_a_file_that_shrinks_while_it_is_sent(serve, site):
    path = write(site, "large.bin", b"a" * (32 * MIB))
    server = serve(site)
    peer, length, begun = start_download(server, "/large.bin")
    with peer:
        os.truncate(path, MIB)
        with pytest.raises((Cut, ConnectionResetError)):
            peer.take(length - len(begun))
    server.wait_log(r'"GET /large.bin HTTP/1.1" 200 \d+ .*"[^"-][^"]+"$')
    assert server.get().status == 200


def test_a_file_that_changes_while_it_is_sent(serve, site):
    """A mix of two versions is never passed off as whole."""
    path = write(site, "large.bin", b"a" * (32 * MIB))
    server = serve(site)
    peer, length, begun = start_download(server, "/large.bin")
    with peer:
        with open(path, "r+b") as file:
            file.write(b"b" * length)
        with pytest.raises((Cut, ConnectionResetError)):
            peer.take(length - len(begun))
    time.sleep(0.15)
    assert server.get("/large.bin").body == b"b" * length


def test_a_file_that_is_replaced_while_it_is_sent(serve, site):
    """Who has begun with the old version gets all of it; who comes later the new one."""
    write(site, "large.bin", b"a" * (32 * MIB))
    server = serve(site)
    peer, length, begun = start_download(server, "/large.bin")
    with peer:
        os.rename(write(site, "large.new", b"b" * MIB), site / "large.bin")
        assert begun + peer.take(length - len(begun)) == b"a" * length
        time.sleep(0.15)
        assert peer.ask("/large.bin").body == b"b" * MIB


def test_a_file_that_is_deleted_while_it_is_sent(serve, site):
    path = write(site, "large.bin", b"a" * (32 * MIB))
    server = serve(site)
    peer, length, begun = start_download(server, "/large.bin")
    with peer:
        os.unlink(path)
        assert begun + peer.take(length - len(begun)) == b"a" * length


def test_a_file_that_changes_all_the_time(serve, site):
    """Whatever is sent as whole is one version, and its tag is that version's."""
    versions = [bytes([65 + i]) * (300_000 + i) for i in range(8)]
    path = write(site, "busy.bin", versions[0])
    server = serve(site)
    seen, rounds = {}, 0
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        with open(path, "r+b") as file:
            version = versions[rounds % len(versions)]
            file.write(version)
            file.truncate(len(version))
        rounds += 1
        try:
            answer = server.get("/busy.bin")
        except (Cut, ConnectionResetError):
            continue
        assert answer.status == 200 and answer.body in versions
        assert seen.setdefault(answer["ETag"], answer.body) == answer.body
    assert rounds > 20


# ---- a root that changes ---------------------------------------------------------------------


def test_a_root_that_is_moved_away_and_replaced(serve, tmp_path):
    write(tmp_path / "site", "index.html", "old")
    write(tmp_path / "site", "gone.html", "old")
    server = serve(tmp_path / "site")
    assert server.get("/").body == b"old" and server.get("/gone.html").status == 200
    write(tmp_path / "next", "index.html", "new")
    os.rename(tmp_path / "site", tmp_path / "before")
    os.rename(tmp_path / "next", tmp_path / "site")
    eventually(lambda: server.get("/").body == b"new", 3 * server.patience, "the new root")
    assert server.get("/gone.html").status == 404


def test_a_root_behind_a_link_that_is_swapped(serve, tmp_path):
    """As deployments do: releases, and a link to the current one."""
    for release in ("1", "2", "3"):
        write(tmp_path / "releases" / release, "index.html", release)
    os.symlink("releases/1", tmp_path / "current")
    server = serve(tmp_path / "current")
    assert server.get("/").body == b"1"
    for release in ("2", "3"):
        os.symlink(f"releases/{release}", tmp_path / "new")
        os.rename(tmp_path / "new", tmp_path / "current")
        eventually(
            lambda: server.get("/").body == release.encode(), 3 * server.patience, "the new release"
        )


def test_a_root_that_is_gone_and_comes_back(serve, tmp_path):
    write(tmp_path / "site", "index.html", "first")
    server = serve(tmp_path / "site")
    assert server.get("/").body == b"first"
    os.rename(tmp_path / "site", tmp_path / "away")
    (tmp_path / "away" / "index.html").unlink()
    eventually(lambda: server.get("/").status == 404, 3 * server.patience, "nothing to be there")
    write(tmp_path / "site", "index.html", "second")
    eventually(lambda: server.get("/").body == b"second", 3 * server.patience, "the second root")


# ---- many files ------------------------------------------------------------------------------


def test_more_files_than_the_cache_holds(serve, site):
    for i in range(60):
        write(site, f"{i}.txt", f"small {i}")
        write(site, f"{i}.bin", bytes([i]) * 80_000)
    server = serve(site, "--cache-files=8", "--cache-size=100K")
    with server.dial() as peer:
        for _ in range(2):
            for i in range(60):
                assert peer.ask(f"/{i}.txt").body == f"small {i}".encode()
                assert peer.ask(f"/{i}.bin").body == bytes([i]) * 80_000
    assert len(os.listdir(f"/proc/{server.pid}/fd")) < 60


def test_the_root_may_be_relative(serve, site):
    assert serve("site", cwd=site.parent).get("/").status == 200
    assert serve(".", cwd=site).get("/").status == 200
    assert serve(None, cwd=site).get("/").status == 200

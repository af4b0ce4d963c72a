"""The right type: what a file is said to be, by its name, by its bytes, and to a browser."""

import re
import shutil
import subprocess
import threading
import time

import pytest

import kinds
from browser import Browser
from kinds import BYTES, KINDS, PLAIN, SINCE_5_46

# ---- what a file is --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def every_kind(serve_all, tmp_path_factory):
    """A server with a file of every kind, with its ending, with one nobody knows, and without."""
    root = tmp_path_factory.mktemp("kinds")
    for ending, (content, _, _) in KINDS.items():
        for name in (f"file.{ending}", f"FILE.{ending.upper()}", f"{ending}.unheard-of", ending):
            (root / name).write_bytes(content)
    return serve_all(root, "--clean-urls=no")


@pytest.mark.parametrize("ending", KINDS)
def test_a_known_ending_decides(every_kind, ending):
    for name in (f"file.{ending}", f"FILE.{ending.upper()}"):
        answer = every_kind.get(f"/{name}")
        assert (answer["Content-Type"], answer.body) == (KINDS[ending][1], KINDS[ending][0])
        assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("ending", KINDS)
def test_without_one_the_bytes_decide(every_kind, ending):
    _, by_name, by_bytes = KINDS[ending]
    allowed = {by_bytes or by_name, SINCE_5_46.get(ending, by_bytes or by_name)}
    for name in (ending, f"{ending}.unheard-of"):
        assert every_kind.get(f"/{name}")["Content-Type"] in allowed


def test_html_by_another_name_stays_what_it_is_called(serve, site):
    """And browsers are told to believe it."""
    server = serve(site)
    for ending in ("png", "txt", "json", "css", "svg", "pdf", "bin", "md"):
        (site / f"page.{ending}").write_text("<!doctype html><script>alert(1)</script>")
        answer = server.get(f"/page.{ending}")
        assert (
            "html" not in answer["Content-Type"] and answer["X-Content-Type-Options"] == "nosniff"
        )


def test_text_that_mentions_html_is_no_page(serve, site):
    """libmagic would say that it is."""
    for number, text in enumerate(
        ("Use <html> and <script>alert(1)</script>.\n", "x\n<!doctype html>\n<head>\n", "a <title>")
    ):
        (site / f"README{number}").write_text(text)
        assert serve(site).get(f"/README{number}")["Content-Type"] == PLAIN


def test_a_large_file_has_its_type_too(serve, site):
    """More than is kept in memory, and more than is read for its tag."""
    for name, size in (("large", 1 << 20), ("huge", 17 << 20)):
        content = b"<!doctype html><title>x</title>" + "grün ".encode() * (size // 6)
        (site / name).write_bytes(content)
        (site / f"{name}.css").write_bytes(content)
        (site / f"{name}-latin").write_bytes(content.decode().encode("latin-1") * 2)
        (site / f"{name}-png").write_bytes(KINDS["png"][0] + bytes(size))
    server = serve(site)
    for name in ("large", "huge"):
        for target, kind in (
            (name, "text/html; charset=utf-8"),
            (f"{name}.css", "text/css; charset=utf-8"),
            (f"{name}-latin", "text/html"),
            (f"{name}-png", "image/png"),
        ):
            assert server.get(f"/{target}", "HEAD")["Content-Type"] == kind, target


def test_the_type_follows_the_file(serve, site):
    """A new version may be of another kind."""
    server = serve(site)
    for content, kind in (
        (KINDS["png"][0], "image/png"),
        (b"<!doctype html>x", "text/html; charset=utf-8"),
        (b"text", PLAIN),
        (KINDS["png"][0], "image/png"),
    ):
        (site / "thing").write_bytes(content)
        time.sleep(0.15)
        assert server.get("/thing")["Content-Type"] == kind


def test_typescript_and_streams(serve, site):
    """They share an ending, and a stream is never text."""
    server = serve(site)
    (site / "a.ts").write_text("export const a: number = 1;\n")
    (site / "b.ts").write_bytes(KINDS["ts"][0])
    (site / "a.mts").write_text("export {};\n")
    assert server.get("/a.ts")["Content-Type"] == PLAIN
    assert server.get("/b.ts")["Content-Type"] == "video/mp2t"
    assert server.get("/a.mts")["Content-Type"] == PLAIN


# ---- charsets --------------------------------------------------------------------------------

GERMAN = "Grüße aus Köln: früh übt sich, wer später größere Flüsse überqueren möchte."
RUSSIAN = "Привет из Москвы: кто рано встаёт, тому бог подаёт, говорили в старину."
JAPANESE = "日本語の文章です。川の上を小さな船がゆっくりと進んでいきます。空は青い。"
KOREAN = "한국어 문장입니다. 작은 배가 강 위를 천천히 지나갑니다. 하늘이 푸릅니다."
CHINESE = "这是一段中文文字。小船在河上慢慢地走。天空是蓝色的，风也很轻。"

# label -> what is written in it, what is put in front, and what is said about it when it does not
# declare it itself: a charset, or nothing
ENCODINGS = {
    "utf-8": ("utf-8", GERMAN + RUSSIAN + JAPANESE, b"", "utf-8"),
    "utf-8 with a mark": ("utf-8", GERMAN + CHINESE, b"\xef\xbb\xbf", "utf-8"),
    "utf-16le": ("utf-16-le", GERMAN + RUSSIAN, b"\xff\xfe", "utf-16"),
    "utf-16be": ("utf-16-be", GERMAN + RUSSIAN, b"\xfe\xff", "utf-16"),
    "iso-8859-1": ("iso-8859-1", GERMAN, b"", ""),
    "windows-1252": ("windows-1252", GERMAN + " „So“ – 5 €", b"", ""),
    "windows-1251": ("windows-1251", RUSSIAN, b"", ""),
    "shift_jis": ("shift_jis", JAPANESE, b"", ""),
    "euc-kr": ("euc-kr", KOREAN, b"", ""),
    "gb18030": ("gb18030", CHINESE, b"", ""),
}
DECLARED = {
    "html": '<!doctype html><meta charset="{}"><p>{}</p>',
    "pragma.html": '<!doctype html><meta http-equiv=Content-Type content="text/html; charset={}"><p>{}',
    "xml": '<?xml version="1.0" encoding="{}"?>\n<a>{}</a>',
    "svg": '<?xml version="1.0" encoding="{}"?>\n<svg xmlns="http://www.w3.org/2000/svg"><text>{}</text></svg>',
    "css": '@charset "{}"; body::before {{ content: "{}" }}',
}
UNDECLARED = {
    "txt": "{}\n",
    "html": "<!doctype html><p>{}</p>",
    "js": "document.title = '{}';",
    "css": 'body::before {{ content: "{}" }}',
    "csv": "a,{}\n",
}


def label_of(name):
    return name.partition(" ")[0]


def charset_of(answer):
    return answer["Content-Type"].partition("; charset=")[2]


@pytest.mark.parametrize("name", ENCODINGS)
def test_text_that_declares_its_charset(serve, site, name):
    """It counts: we say the same, or nothing.  A byte order mark counts more, for browsers too."""
    codec, text, mark, undeclared = ENCODINGS[name]
    server = serve(site, "--clean-urls=no")
    for ending, form in DECLARED.items():
        content = mark + form.format(label_of(name), text).encode(codec)
        for target in (f"page.{ending}", f"{ending}-page"):
            (site / target).write_bytes(content)
            assert charset_of(server.get(f"/{target}")) == undeclared, target


@pytest.mark.parametrize("name", ENCODINGS)
def test_text_that_does_not(serve, site, name):
    """UTF-8 is called so; what could be Latin-1 or something else is left to the browser."""
    codec, text, mark, charset = ENCODINGS[name]
    server = serve(site, "--clean-urls=no")
    for ending, form in UNDECLARED.items():
        for target in (f"page.{ending}", f"{ending}-page"):
            (site / target).write_bytes(mark + form.format(text).encode(codec))
            assert charset_of(server.get(f"/{target}")) == charset, target


@pytest.mark.parametrize("label", ["iso-8859-1", "windows-1251", "shift_jis", "utf-16", "nonsense"])
def test_a_declaration_is_never_contradicted(serve, site, label):
    """Whatever the bytes look like."""
    server = serve(site, "--clean-urls=no")
    for text in ("only ASCII", GERMAN):
        for ending, form in DECLARED.items():
            (site / f"page.{ending}").write_text(form.format(label, text))
            time.sleep(0.11)
            assert charset_of(server.get(f"/page.{ending}")) == ""


# ---- --mime-types ----------------------------------------------------------------------------


def test_own_types(serve, site, tmp_path):
    """They add and override; /etc/mime.types has that form."""
    (tmp_path / "types").write_text(
        "# ours\ntext/x-recipe\t recipe dish\n\nimage/x-odd  png # odd\ntext/html tpl\n"
    )
    for name in ("a.recipe", "a.DISH", "a.png", "a.tpl", "a.gif"):
        (site / name).write_bytes(b"text")
    server = serve(site, f"--mime-types={tmp_path / 'types'}")
    for name, kind in (
        ("a.recipe", "text/x-recipe; charset=utf-8"),
        ("a.DISH", "text/x-recipe; charset=utf-8"),
        ("a.png", "image/x-odd"),
        ("a.tpl", "text/html; charset=utf-8"),
        ("a.gif", "image/gif"),
    ):
        assert server.get(f"/{name}")["Content-Type"] == kind


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("text/plain txt\nhtml\n", r'types:2: "html" is no media type such as text/plain'),
        ("text/plain tar.gz\n", r'types:1: "tar.gz" is no ending such as txt'),
        (None, r'cannot read the types in ".*types": No such file or directory'),
    ],
)
def test_own_types_that_cannot_be_read(build, site, tmp_path, text, sentence):
    """One sentence, with the line; --check says it too."""
    if text is not None:
        (tmp_path / "types").write_text(text)
    for more in ([], ["--check"]):
        words = [build.program, f"--mime-types={tmp_path / 'types'}", *more, site]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert done.returncode == 111 and done.stderr.count("\n") == 1
        assert re.search(sentence, done.stderr), done.stderr


# ---- libmagic --------------------------------------------------------------------------------


def resident_kib(server):
    with open(f"/proc/{server.pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])


def has_database(server):
    with open(f"/proc/{server.pid}/maps") as maps:
        return "magic" in re.sub(r"libmagic\.so\S*", "", maps.read())


def test_the_database_is_loaded_when_it_is_needed(serve, site):
    """Not at the start, and not for what a name tells."""
    for ending, (content, _, _) in KINDS.items():
        (site / f"file.{ending}").write_bytes(content)
    (site / "page").write_bytes(KINDS["html"][0])
    server = serve(site)
    for ending in KINDS:
        assert server.get(f"/file.{ending}").status == 200
    assert not has_database(server)
    before = resident_kib(server)
    assert server.get("/page")["Content-Type"] == "text/html; charset=utf-8"
    assert has_database(server)
    assert resident_kib(server) - before < 32 * 1024 or server.patience > 1


def test_without_a_database(serve, site):
    """It is said once, and names and text will do."""
    (site / "page").write_bytes(KINDS["html"][0])
    (site / "text").write_text("grün")
    (site / "picture").write_bytes(KINDS["png"][0])
    (site / "picture.png").write_bytes(KINDS["png"][0])
    server = serve(site, environment={"MAGIC": "/nothing/magic"})
    for _ in range(2):
        for name, kind in (
            ("page", "text/html; charset=utf-8"),
            ("text", PLAIN),
            ("picture", BYTES),
            ("picture.png", "image/png"),
        ):
            assert server.get(f"/{name}")["Content-Type"] == kind
    assert server.err.wait(rb" warn cannot tell types from bytes", 5)
    assert server.err.bytes.count(b"cannot tell types") == 1


def test_files_made_to_trouble_libmagic(serve, site, build):
    """Many at once; meanwhile what is known is answered as ever."""
    baits = [b"\n", b"\n\n\n\t", b"\r\n", b" ", b"\t", b"{", b'{"a":', b"<", b"ID3\3\0\0\0\0\0\n"]
    for number in range(60):
        (site / f"bait{number}").write_bytes((baits[number % len(baits)] * 65536)[:65536])
    server = serve(site)
    slowest, answers = [], []

    def ask(numbers):
        for number in numbers:
            began = time.monotonic()
            answers.append(server.get(f"/bait{number}"))
            slowest.append(time.monotonic() - began)

    threads = [threading.Thread(target=ask, args=(range(i, 60, 6),)) for i in range(6)]
    for thread in threads:
        thread.start()
    assert server.get("/").status == 200
    for thread in threads:
        thread.join()
    assert len(answers) == 60 and all(each.status == 200 for each in answers)
    assert {each["Content-Type"] for each in answers} <= {PLAIN, BYTES, "audio/mpeg"}
    assert max(slowest) < server.patience or not build.is_fast


# ---- Chromium --------------------------------------------------------------------------------


@pytest.fixture
def browser(build, over, tmp_path):
    trusted = over.cert_dir / "ca.pem" if over.is_tls else None
    return lambda: Browser(tmp_path / "profile", build.patience, trusted)


SAMPLE = """<!doctype html>
<meta charset=utf-8><title>sample</title>
<link rel=icon href=icon><link rel=manifest href=site.webmanifest>
<link rel=stylesheet href=style.css>
<p id=styled>AAA</p>
<img id=svg src=drawing.svg><img id=png src=picture.png><img id=webp src=picture.webp>
<img id=avif src=picture.avif><img id=ico src=picture.ico><img id=bmp src=picture.bmp>
<img id=sniffed src=picture>
<video id=video muted preload=auto src=clip.webm><track default src=clip.vtt></video>
<audio id=audio preload=auto src=sound.wav></audio>
<script src=classic.js></script>
<script type=module>
    import { one } from "./module.mjs";
    import { two } from "./module.js";
    const { instance } = await WebAssembly.instantiateStreaming(fetch("module.wasm"));
    const data = await (await fetch("data.json")).json();
    window.modules = [one, two, instance.exports.answer(), data.grün];
</script>"""
STYLE = """@font-face { font-family: Plain; src: url(font.ttf) }
@font-face { font-family: Packed; src: url(font.woff) }
#styled { font: 50px/1 Packed, Plain; color: rgb(1, 2, 3); display: inline-block }
#styled::after { content: "AA"; font-family: Plain }"""


def make_sample(site, public):
    shutil.copy(next(public.rglob("*.webm")), site / "clip.webm")
    for name, content in {
        "index.html": SAMPLE,
        "style.css": STYLE,
        "site.webmanifest": '{"name": "sample"}',
        "classic.js": "window.classic = 'grün';",
        "module.mjs": "export const one = 1;",
        "module.js": "export const two = 2;",
        "data.json": '{"grün": "€"}',
        "clip.vtt": "WEBVTT\n\n00:00.000 --> 00:05.000\ngrün\n",
        "drawing.svg": kinds.SVG,
        "module.wasm": kinds.WASM,
        "font.ttf": kinds.ttf(),
        "font.woff": kinds.woff(),
        "icon": KINDS["ico"][0],
        "picture": KINDS["png"][0],
        "sound.wav": KINDS["wav"][0],
        **{f"picture.{kind}": KINDS[kind][0] for kind in ("png", "webp", "avif", "ico", "bmp")},
    }.items():
        (site / name).write_bytes(content if isinstance(content, bytes) else content.encode())


WHEN_READY = """
new Promise(done => {
    const look = () => window.modules && document.fonts.status == 'loaded' && video.readyState >= 2
        && audio.readyState >= 1 && [...document.images].every(each => each.complete)
        && video.textTracks[0].cues?.length ? done() : setTimeout(look, 20);
    look();
})"""


def test_chromium_shows_all_of_a_page(serve, site, public, browser):
    make_sample(site, public)
    server = serve(site)
    with browser() as tab:
        tab.listen()
        tab.open(f"{server.url}/")
        tab.run(WHEN_READY)
        assert (
            tab.run("[...document.images].filter(each => !each.naturalWidth).map(x => x.id)") == []
        )
        assert tab.run("getComputedStyle(styled).color") == "rgb(1, 2, 3)"
        assert tab.run("[...document.fonts].map(each => each.status)") == ["loaded", "loaded"]
        assert tab.run("styled.offsetWidth") == 250
        assert tab.run("modules") == [1, 2, 42, "€"]
        assert tab.run("classic") == "grün"
        assert tab.run("video.videoWidth") > 0 and tab.run("audio.duration") > 0
        assert tab.run("video.textTracks[0].cues[0].text") == "grün"
        assert tab.complaints() == []


def test_chromium_shows_a_page_without_an_ending(serve, site, browser):
    (site / "page").write_text("<!doctype html><title>grün</title>shown")
    (site / "README").write_text("plain <b>text</b>\n")
    (site / "page.txt").write_text("<!doctype html><title>no page</title>")
    server = serve(site)
    with browser() as tab:
        tab.open(f"{server.url}/page")
        assert tab.run("document.title") == "grün"
        for target, text in (
            ("README", "plain <b>text</b>\n"),
            ("page.txt", "<!doctype html><title>no page</title>"),
        ):
            tab.open(f"{server.url}/{target}")
            assert tab.run("document.contentType") == "text/plain"
            assert tab.run("document.body.innerText") == text


READ = {
    "txt": "document.body.innerText.trim()",
    "html": "document.querySelector('p').innerText",
    "pragma.html": "document.querySelector('p').innerText",
    # It shows XML as a page of its own, in which it keeps the text.
    "xml": "document.getElementById('webkit-xml-viewer-source-xml').textContent",
    "svg": "document.documentElement.textContent",
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_chromium_reads_every_charset(serve, site, browser, name):
    """Declared or not: nobody sees mojibake.  (For what is not, it knows languages.)"""
    codec, text, mark, _ = ENCODINGS[name]
    for ending, form in DECLARED.items():
        (site / f"declared.{ending}").write_bytes(
            mark + form.format(label_of(name), text).encode(codec)
        )
    for ending, form in UNDECLARED.items():
        (site / f"silent.{ending}").write_bytes(mark + form.format(text).encode(codec))
    (site / "silent").write_bytes(mark + text.encode(codec))
    server = serve(site, "--clean-urls=no")
    with browser() as tab:
        for target in (
            "declared.html",
            "declared.pragma.html",
            "declared.xml",
            "declared.svg",
            "silent.html",
            "silent.txt",
            "silent",
        ):
            tab.open(f"{server.url}/{target}")
            shown = tab.run(READ[target.partition(".")[2] or "txt"])
            assert shown == text, (target, tab.run("document.characterSet"))
        (site / "styled.html").write_text("<!doctype html><link rel=stylesheet href=declared.css>")
        tab.open(f"{server.url}/styled.html")
        shown = tab.run("getComputedStyle(document.body, '::before').content")
        assert shown == f'"{text}"'

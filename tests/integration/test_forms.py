"""What a handler reads of a request, as clients send it that nobody here wrote: curl, Python's requests and
httpx, and Chromium.  The answers of tests/peers/asker.c are compared with what was handed to the client, and
with what Python's own reader of MIME makes of the same bytes."""

import email.parser
import email.policy
import json
import random
import subprocess
import urllib.parse

import httpx
import pytest
import requests

from asker import File, form_of
from browser import Browser
from tools import need

LARGE = random.Random(7).randbytes(700_000)
TRICKY = b"\r\n--\r\n--boundary\r\n\r\n--boundary--\r\n\0\xff"


@pytest.fixture(scope="module")
def asker(build, serve_all, tmp_path_factory):
    return serve_all(tmp_path_factory.mktemp("spool"), program=build.peer("asker"))


@pytest.fixture
def verify(asker):
    """Whom clients trust."""
    return str(asker.authority) if asker.is_secure else True


def post(asker, body, content_type):
    """The form that asker finds in this body."""
    answer = asker.get("/form", "POST", {"Content-Type": content_type}, body)
    assert answer.status == 200, answer
    return form_of(answer.body)


def read_by_python(body, content_type):
    """Pairs of name and content, and file names, as the standard library reads them."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    parts = message.get_payload() if message.is_multipart() else []
    return [
        (
            part.get_param("name", header="Content-Disposition"),
            part.get_param("filename", header="Content-Disposition"),
            part.get_payload(decode=True),
        )
        for part in parts
    ]


# ---- bodies that clients make ----------------------------------------------------------------

VALUES = {"a": "1", "empty": "", "long": 5000 * "x", "ü": "grün & blau=1+2%", "lines": "one\r\ntwo"}
FILES = {
    "text": ("a.txt", b"hello\n", "text/plain"),
    "none": ("none.bin", b"", "application/octet-stream"),
    "tricky": ("b.bin", TRICKY, "application/x-tricky"),
    "large": ("large.bin", LARGE, "application/octet-stream"),
}


def expected(values, files):
    return (
        [(name.encode(), value.encode()) for name, value in values.items()],
        [
            File(name.encode(), file_name.encode(), kind.encode(), content)
            for name, (file_name, content, kind) in files.items()
        ],
    )


def check(form, values, files=()):
    """In memory, or, with the large file, where the body was spooled to."""
    assert form.problem is None
    assert (form.values, form.files) == expected(dict(values), dict(files))
    assert form.spooled == (len(files) if "large" in files else 0)


def curl(asker, *words, cwd=None):
    command = [need("curl", "curl"), "--silent", "--show-error", "--fail"]
    if asker.is_secure:
        command += ["--cacert", str(asker.authority)]
    done = subprocess.run(
        [*command, *words, f"{asker.url}/form"], cwd=cwd, stdout=subprocess.PIPE, check=True
    )
    return form_of(done.stdout)


def test_curl_with_parts(asker, tmp_path):
    """curl -F; it asks to go on before it sends the large one (RFC 9110 §10.1.1)."""
    words = []
    for name, value in VALUES.items():
        words += ["--form-string", f"{name}={value}"]
    for name, (file_name, content, kind) in FILES.items():
        (tmp_path / file_name).write_bytes(content)
        words += ["-F", f"{name}=@{file_name};type={kind}"]
    check(curl(asker, *words, cwd=tmp_path), VALUES, FILES)


@pytest.mark.parametrize("words", [[], ["--form-escape"]])
def test_curl_with_odd_names(asker, tmp_path, words):
    """Quotes as percent escapes, as browsers send them, or behind backslashes, as curl did before."""
    (tmp_path / "file").write_bytes(b"x")
    form = curl(asker, *words, "-F", 'a"b=@file;filename="q\\"u\\\\o;t=e.txt"', cwd=tmp_path)
    assert form.files == [File(b'a"b', b'q"u\\o;t=e.txt', b"text/plain", b"x")]


def test_curl_without_parts(asker):
    words = []
    for name, value in VALUES.items():
        words += ["--data-urlencode", f"{urllib.parse.quote(name)}={value}"]
    check(curl(asker, *words), VALUES)


def test_requests_with_parts(asker, verify):
    answer = requests.post(f"{asker.url}/form", data=VALUES, files=FILES, verify=verify)
    check(form_of(answer.content), VALUES, FILES)


def test_requests_without_parts(asker, verify):
    answer = requests.post(f"{asker.url}/form", data=VALUES, verify=verify)
    check(form_of(answer.content), VALUES)


def test_httpx_with_parts(asker, verify):
    answer = httpx.post(f"{asker.url}/form", data=VALUES, files=FILES, verify=verify)
    check(form_of(answer.content), VALUES, FILES)


def test_httpx_in_chunks(asker, verify):
    """RFC 9112 §7.1: nobody says how long it will be."""
    made = httpx.Request("POST", asker.url, data=VALUES, files=FILES)
    body = made.read()
    answer = httpx.post(
        f"{asker.url}/form",
        content=(body[at : at + 10_007] for at in range(0, len(body), 10_007)),
        headers={"Content-Type": made.headers["Content-Type"]},
        verify=verify,
    )
    check(form_of(answer.content), VALUES, FILES)


def test_httpx_without_parts(asker, verify):
    check(form_of(httpx.post(f"{asker.url}/form", data=VALUES, verify=verify).content), VALUES)


@pytest.mark.parametrize("name", ['q"uote', "back\\slash", "ü.txt", "semi;colon=", "per%22cent", "a b"])
@pytest.mark.parametrize("client", [requests, httpx], ids=["requests", "httpx"])
def test_odd_names(asker, verify, client, name):
    """What these two send is what was meant, but for what looks like an escape and is none."""
    answer = client.post(
        f"{asker.url}/form", files={name: (name, b"x", "a/b")}, verify=verify
    )
    meant = name.replace("%22", '"').encode()
    assert form_of(answer.content).files == [File(meant, meant, b"a/b", b"x")]


# ---- a browser -------------------------------------------------------------------------------

SCRIPT = """
(async () => {
    const form = new FormData();
    for (const [name, value] of VALUES) form.append(name, value);
    for (const [name, file_name, type, bytes] of FILES)
        form.append(name, new File([new Uint8Array(bytes)], file_name, {type}));
    const answer = await fetch('/form', {method: 'POST', body: KIND});
    return await answer.text();
})()
"""


def fetch(browser, values, files=(), kind="form"):
    script = SCRIPT.replace("VALUES", json.dumps(values)).replace("KIND", kind)
    script = script.replace("FILES", json.dumps([[*each[:3], list(each[3])] for each in files]))
    return form_of(browser.run(script))


@pytest.fixture(scope="module")
def browser(asker, build, tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    with Browser(folder, build.patience, asker.is_secure and asker.authority) as browser:
        browser.open(asker.url.replace("127.0.0.1", "localhost") + "/")
        yield browser


def test_browser_with_parts(browser):
    values = [["a", "1"], ["b", ""], ["a", "2"], ["ü", "grün\r\nblau"], ['q"\r\nx', "%22"]]
    files = [
        ["f", "a.txt", "text/plain", b"hello"],
        ["f", 'q"uote\\.txt', "", TRICKY],
        ["empty", "", "", b""],
    ]
    form = fetch(browser, values, files)
    assert form.problem is None
    assert form.values == [(name.encode(), value.encode()) for name, value in values]
    octets = b"application/octet-stream"
    assert form.files == [
        File(b"f", b"a.txt", b"text/plain", b"hello"),
        File(b"f", b'q"uote\\.txt', octets, TRICKY),
        File(b"empty", b"", octets, b""),
    ]


def test_browser_without_parts(browser):
    values = [["a", "1"], ["b", ""], ["a", "2"], ["ü&=", "grün + blau\r\n%41"]]
    form = fetch(browser, values, kind="new URLSearchParams(form)")
    assert form.problem is None
    assert form.values == [(name.encode(), value.encode()) for name, value in values]


def test_browser_with_nothing(browser):
    form = fetch(browser, [])
    assert form.problem is None and not form.fields


def test_browser_sends_a_form_of_a_page(browser):
    """As a person does, who has chosen no file."""
    script = """
    (async () => {
        document.body.innerHTML = '<iframe name=into></iframe><form method=post action=/form target=into'
            + ' enctype="multipart/form-data"><input name=a value=1><input type=file name=f></form>';
        const into = document.querySelector('iframe');
        const loaded = new Promise(done => into.onload = done);
        document.querySelector('form').submit();
        await loaded;
        return into.contentDocument.body.textContent;
    })()
    """
    form = form_of(browser.run(script))
    assert form.values == [(b"a", b"1")]
    assert form.files == [File(b"f", b"", b"application/octet-stream", b"")]


def test_browser_keeps_cookies(browser):
    """RFC 6265 §5.4: what is set comes back, and only HttpOnly ones are hidden from scripts."""
    seen = browser.run(
        """
        (async () => {
            await fetch('/set-cookie?name=shown&value=1&scripts=1&max_age=600');
            await fetch('/set-cookie?name=hidden&value=a%3Db');
            const asked = async name => (await (await fetch('/asked?cookie=' + name)).json()).cookie;
            const before = [document.cookie, await asked('shown'), await asked('hidden')];
            await fetch('/set-cookie?name=shown&value=&scripts=1&max_age=-1');
            return [...before, document.cookie, await asked('shown')];
        })()
        """
    )
    assert seen == ["shown=1", "1", "a=b", "", None]


# ---- beside Python's own reader --------------------------------------------------------------


def some_body(seed):
    """A form in parts, with all that is allowed between them."""
    dice = random.Random(seed)
    boundary = dice.choice(["B", "----=_Part_1.2", "a b:c", "'()+_,-./:=?"])
    parts = []
    for number in range(dice.randrange(6)):
        content = dice.choice([b"", b"1", b"\r\n", b"--", TRICKY, dice.randbytes(3000)])
        file_name = dice.choice([None, "a.txt", "b;c.txt"])
        shown = f'; filename="{file_name}"' if file_name else ""
        head = dice.choice(["Content-Type: a/b\r\n", "content-type: text/plain\r\nX-A: b\r\n", ""])
        parts.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="n{number}"{shown}\r\n'
            f"{head}\r\n".encode() + content + b"\r\n"
        )
    preamble = dice.choice([b"", b"preamble\r\n", b"\r\n"])
    epilogue = dice.choice([b"", b"\r\n", b"\r\nepilogue\r\n"])
    body = preamble + b"".join(parts) + f"--{boundary}--".encode() + epilogue
    return body, f'multipart/form-data; boundary="{boundary}"'


@pytest.mark.parametrize("seed", range(40))
def test_forms_in_parts_as_python_reads_them(asker, seed):
    """RFC 2046 §5.1.1"""
    body, content_type = some_body(seed)
    form = post(asker, body, content_type)
    assert form.problem is None
    theirs = read_by_python(body, content_type)
    assert form.values == [
        (name.encode(), content) for name, file_name, content in theirs if file_name is None
    ]
    assert [(each.name, each.file_name, each.content) for each in form.files] == [
        (name.encode(), file_name.encode(), content)
        for name, file_name, content in theirs
        if file_name is not None
    ]


@pytest.mark.parametrize("seed", range(40))
def test_queries_and_plain_forms_as_python_reads_them(asker, seed):
    """WHATWG URL §5.1"""
    dice = random.Random(seed)
    text = "".join(dice.choice("ab=&+%41%zz%") for _ in range(dice.randrange(60)))
    theirs = urllib.parse.parse_qsl(text, keep_blank_values=True, encoding="latin-1")
    theirs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in theirs]
    form = post(asker, text.encode(), "application/x-www-form-urlencoded")
    assert form.problem is None and form.values == theirs
    told = json.loads(asker.get(f"/asked?{text}").body)
    assert [(name.encode("latin-1"), value.encode("latin-1")) for name, value in told["query"]] == theirs


# ---- limits ----------------------------------------------------------------------------------


def test_more_than_is_taken_is_said(asker):
    form = post(asker, 1001 * b"a&", "application/x-www-form-urlencoded")
    assert form.problem == "the form has more than is taken here" and not form.fields
    part = b"--B\r\nContent-Disposition: form-data; name=a\r\n\r\n%s\r\n"
    form = post(asker, part % (65537 * b"x") + b"--B--", "multipart/form-data; boundary=B")
    assert form.problem == "a value of the form is longer than is taken here" and not form.fields
    form = post(asker, 101 * (part % b"x") + b"--B--", "multipart/form-data; boundary=B")
    assert form.problem == "the form has more parts than are taken here" and not form.fields


# ---- cookies, and who asks -------------------------------------------------------------------


def asked(asker, target="/asked", fields=(), **options):
    answer = asker.get(target, fields=fields, **options)
    assert answer.status == 200, answer
    return json.loads(answer.body)


def test_fields_in_their_order(asker):
    told = asked(asker, fields=[("X-A", "1"), ("x-a", "\xfc"), ("X-B", "")])
    assert told["fields"][-3:] == [["X-A", "1"], ["x-a", "\xfc"], ["X-B", ""]]


def test_cookies_of_a_client(asker, verify):
    with requests.Session() as session:
        session.get(f"{asker.url}/set-cookie?name=a&value=1", verify=verify)
        session.get(f"{asker.url}/set-cookie?name=b&value=2&path=/other", verify=verify)
        told = [
            session.get(f"{asker.url}/asked?cookie={name}", verify=verify).json()["cookie"]
            for name in "abc"
        ]
        assert told == ["1", None, None]


def test_how_cookies_are_set(asker):
    """RFC 6265 §4.1.1"""
    secure = "; Secure" if asker.is_secure else ""
    answer = asker.get("/set-cookie?name=a&value=1")
    assert answer["Set-Cookie"] == f"a=1; Path=/{secure}; HttpOnly; SameSite=Lax"
    answer = asker.get("/set-cookie?name=a&value=1&path=/x&max_age=60&scripts=1&sites=1")
    assert answer["Set-Cookie"] == "a=1; Path=/x; Max-Age=60; Secure; SameSite=None"


@pytest.mark.parametrize("value", ["1%3B%20Domain=x", "a,b", "%0d%0aX-Forged:%20y", "%22", "a%20b"])
def test_what_cannot_stand_in_a_cookie(asker, value):
    answer = asker.get(f"/set-cookie?name=a&value={value}")
    assert answer.status == 500 and "Set-Cookie" not in answer and "X-Forged" not in answer


def test_who_asks(asker):
    with asker.dial() as peer:
        port = peer.socket.getsockname()[1]
        told = json.loads(peer.ask("/asked").body)
    assert (told["peer"], told["port"]) == ("127.0.0.1", port)


@pytest.mark.plain("about a connection that is not secured")
def test_nothing_is_known_of_tls_without_it(asker):
    assert asked(asker)["tls"] is None

"""The endpoints that show a request, with the members and values of httpbin, asked by clients that
nobody here wrote."""

import base64
import json
import socket
import time
import uuid
from urllib.parse import unquote

import httpx
import pytest
import requests

from clients import CLIENTS
from dialogue import request
from test_limits import memory_bytes

MIB = 1 << 20


@pytest.fixture(scope="module")
def server(serve_all, tmp_path_factory):
    return serve_all(tmp_path_factory.mktemp("site"), "--endpoints=/t", "--endpoints-time=2s")


def shown(answer):
    assert answer.status == 200, answer
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "no-store"
    return json.loads(answer.body)


def data_of(member):
    """The bytes of what is shown as a data URL (RFC 2397)."""
    head, _, text = member.partition(",")
    assert head == "data:application/octet-stream;base64"
    return base64.b64decode(text, validate=True)


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
PARTS = {"Content-Type": "multipart/form-data; boundary=xx"}


def multipart(*parts):
    """Parts of (what stands in Content-Disposition, more lines, bytes)."""
    pieces = []
    for disposition, lines, content in parts:
        head = f"--xx\r\nContent-Disposition: form-data; {disposition}\r\n{lines}\r\n"
        pieces.append(head.encode() + content + b"\r\n")
    return b"".join(pieces) + b"--xx--\r\n"


# id: (method, target, fields, body, what is shown at least)
REQUESTS = {
    "get": ("GET", "/get", {}, None, {"args": {}}),
    "get-args": ("GET", "/get?a=1&b=x+y%21&c", {}, None, {"args": {"a": "1", "b": "x y!", "c": ""}}),
    "get-same-name": ("GET", "/get?a=1&b=2&a=3&a=", {}, None, {"args": {"a": ["1", "3", ""], "b": "2"}}),
    "get-unicode": ("GET", "/get?na%C3%AFve=%F0%9F%9B%B6", {}, None, {"args": {"na\u00efve": "\U0001f6f6"}}),
    "get-latin1": ("GET", "/get?a=%ff", {}, None, {"args": {"a": "\u00ff"}}),
    "get-nul": ("GET", "/get?a%00b=c%00d", {}, None, {"args": {"a\0b": "c\0d"}}),
    "post-nothing": ("POST", "/post", {}, None,
                     {"args": {}, "data": "", "files": {}, "form": {}, "json": None}),
    "post-text": ("POST", "/post?x=y", {"Content-Type": "text/plain"}, "caf\u00e9\n\t\"\\".encode(),
                  {"args": {"x": "y"}, "data": "caf\u00e9\n\t\"\\", "form": {}, "json": None}),
    "post-no-type": ("POST", "/post", {}, b"a=1", {"data": "a=1", "form": {}}),
    "post-form": ("POST", "/post", FORM, b"a=1&b=x+y%21&a=2",
                  {"data": "", "form": {"a": ["1", "2"], "b": "x y!"}, "files": {}, "json": None}),
    "post-form-charset": ("POST", "/post", {"Content-Type": "Application/X-WWW-Form-Urlencoded; charset=utf-8"},
                          b"a=%C3%A9", {"data": "", "form": {"a": "\u00e9"}}),
    "post-form-latin1": ("POST", "/post", FORM, b"a=%E9", {"form": {"a": "\u00e9"}}),
    "post-json": ("POST", "/post", JSON, b'{"a": [1, 2.5, null], "b": "\\u00e9"}',
                  {"data": '{"a": [1, 2.5, null], "b": "\\u00e9"}',
                   "json": {"a": [1, 2.5, None], "b": "\u00e9"}}),
    "post-json-by-another-name": ("POST", "/post", {"Content-Type": "text/plain"}, b" [1] ",
                                  {"data": " [1] ", "json": [1]}),
    "post-json-digits": ("POST", "/post", JSON, b"123456789012345678901234567890",
                         {"json": 123456789012345678901234567890}),
    "post-json-deep": ("POST", "/post", JSON, b"[" * 513 + b"]" * 513, {"json": None}),
    "post-no-json": ("POST", "/post", JSON, b'{"a": 1', {"data": '{"a": 1', "json": None}),
    "post-control-bytes": ("POST", "/post", {}, bytes(range(0, 128)),
                           {"data": bytes(range(0, 128)).decode(), "json": None}),
    "post-bytes": ("POST", "/post", {}, b"\xff\x00\xfe",
                   {"data": "data:application/octet-stream;base64,/wD+", "json": None}),
    "post-one-byte": ("POST", "/post", {}, b"\xff", {"data": "data:application/octet-stream;base64,/w=="}),
    "post-files": ("POST", "/post", PARTS, multipart(
        ('name="a"', "", b"1"),
        ('name="f"; filename="f.txt"', "Content-Type: text/plain\r\n", b"hello\n"),
        ('name="g"; filename="g.bin"', "Content-Type: image/png\r\n", b"\xff\x01"),
        ('name="h"; filename="h.bin"', "", b"\xfe"),
        ('name="f"; filename="again.txt"', "", b"once more"),
        ('name="a"', "", b"2")),
        {"data": "", "form": {"a": ["1", "2"]}, "json": None,
         "files": {"f": ["hello\n", "once more"], "g": "data:image/png;base64,/wE=",
                   "h": "data:application/octet-stream;base64,/g=="}}),
    "put": ("PUT", "/put", JSON, b"true", {"data": "true", "json": True}),
    "patch": ("PATCH", "/patch", FORM, b"a=1", {"form": {"a": "1"}}),
    "delete": ("DELETE", "/delete", {}, b"x", {"data": "x"}),
    "delete-nothing": ("DELETE", "/delete", {}, None, {"data": "", "form": {}}),
    "anything-get": ("GET", "/anything", {}, None, {"method": "GET", "data": ""}),
    "anything-post": ("POST", "/anything", FORM, b"a=1", {"method": "POST", "form": {"a": "1"}}),
    "anything-put": ("PUT", "/anything/a/b", {}, b"x", {"method": "PUT", "data": "x"}),
    "anything-patch": ("PATCH", "/anything/", {}, b"x", {"method": "PATCH", "data": "x"}),
    "anything-delete": ("DELETE", "/anything/%7ex?y", {}, None, {"method": "DELETE", "args": {"y": ""}}),
    "delay": ("GET", "/delay/0", {}, None, {"method": "GET", "data": ""}),
    "delay-post": ("POST", "/delay/0.01", FORM, b"a=1", {"method": "POST", "form": {"a": "1"}}),
    "delay-put": ("PUT", "/delay/0.01", JSON, b"1", {"method": "PUT", "json": 1}),
}


@CLIENTS
@pytest.mark.parametrize("name", REQUESTS)
def test_what_came_is_shown(server, ask, name):
    method, target, fields, body, expected = REQUESTS[name]
    url = f"{server.url}/t{target}"
    answer = shown(ask(method, url, {**fields, "X-One": "1"}, body))
    members = {"args", "headers", "origin", "url"}
    if method != "GET" or "method" in expected:
        members |= {"data", "files", "form", "json"}
    if "method" in expected:
        members.add("method")
    assert set(answer) == members
    assert {name: answer[name] for name in expected} == expected
    assert answer["origin"] == "127.0.0.1"
    assert answer["headers"]["X-One"] == "1"
    assert answer["headers"]["Host"] == url.split("/")[2]
    assert unquote(answer["url"], "latin-1") == unquote(url, "latin-1")  # clients write it anew


def test_the_url_is_shown_as_it_was_sent(server):
    for target in ("/t/get?", "/t/anything//a/./b/../c?x=%41", "/t/anything/%63?a=[b]"):
        assert shown(server.get(target))["url"] == f"{server.scheme}://wherry.test{target}"
    with server.dial() as peer:
        peer.send(b"GET http://other.example:81/t/get?a HTTP/1.1\r\nHost: wherry.test\r\n\r\n")
        assert shown(peer.answer())["url"] == f"{server.scheme}://other.example:81/t/get?a"


def test_without_a_host_it_is_the_target(server):
    """RFC 9112 §3.2: HTTP/1.0 may leave it open."""
    with server.dial() as peer:
        peer.send(b"GET /t/get?a HTTP/1.0\r\n\r\n")
        assert json.loads(peer.answer().body)["url"] == "/t/get?a"


def test_fields_of_the_same_name_are_one(server):
    """RFC 9110 §5.3, but cookies (RFC 9113 §8.2.3)."""
    with server.dial() as peer:
        peer.send(b"GET /t/headers HTTP/1.1\r\nhost: wherry.test\r\nx-ONE: 1\r\nAccept-language: de\r\n"
                  b"X-One: 2\r\nx-one: \r\nCOOKIE: a=b\r\nCookie: c=d\r\nX-Bytes: caf\xe9\r\n"
                  b"X-Text: caf\xc3\xa9\r\n\r\n")
        assert shown(peer.answer()) == {"headers": {
            "Host": "wherry.test", "X-One": "1, 2, ", "Accept-Language": "de", "Cookie": "a=b; c=d",
            "X-Bytes": "caf\u00e9", "X-Text": "caf\u00e9",
        }}


@CLIENTS
def test_headers_ip_and_uuid(server, ask):
    fields = shown(ask("GET", f"{server.url}/t/headers", {"x-mine": "yes", "X-Other": ""}))["headers"]
    assert fields["X-Mine"] == "yes" and fields["X-Other"] == "" and "User-Agent" in fields
    assert shown(ask("GET", f"{server.url}/t/ip")) == {"origin": "127.0.0.1"}
    first, second = (shown(ask("GET", f"{server.url}/t/uuid"))["uuid"] for _ in range(2))
    assert first != second
    for text in (first, second):
        assert str(uuid.UUID(text)) == text
        assert uuid.UUID(text).version == 4 and uuid.UUID(text).variant == uuid.RFC_4122


def test_an_address_of_the_other_family(serve, site):
    if server := _try_v6(serve, site):
        assert shown(server.get("/ip", address=("::1", server.port))) == {"origin": "::1"}


def _try_v6(serve, site):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("there is no IPv6 here")
    server = serve(site, "--endpoints", "--address=::1")
    return server


# ---- methods, HEAD


@pytest.mark.parametrize("target, allowed", [
    ("/t/get", "GET"), ("/t/post", "POST"), ("/t/put", "PUT"), ("/t/patch", "PATCH"),
    ("/t/delete", "DELETE"), ("/t/headers", "GET"), ("/t/ip", "GET"), ("/t/uuid", "GET"),
    ("/t/stream/1", "GET"),
])
def test_each_has_its_methods(server, target, allowed):
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        answer = server.get(target, method)
        assert answer.status == (200 if method == allowed else 405)
        if answer.status == 405:
            assert allowed in answer["Allow"].split(", ")


@CLIENTS
def test_head_is_get_without_the_body(server, ask):
    for target in ("/t/get", "/t/anything", "/t/headers", "/t/delay/0", "/t/stream/3", "/t/uuid"):
        answer = ask("HEAD", server.url + target)
        assert answer.status == 200 and answer.body == b""
        assert answer["Content-Type"] == "application/json"


# ---- bodies, however they come


@pytest.fixture(params=["memory", "file"])
def keeper(request, serve, site, tmp_path):
    """Bodies are in memory, or in a file."""
    spool = tmp_path / "spool"
    spool.mkdir()
    words = ["--body-memory=0", f"--spool-dir={spool}"] if request.param == "file" else []
    return serve(site, "--endpoints", *words)


LONG = {
    "text": ("x\u00e9" * (MIB // 3)).encode()[: MIB // 3 * 3],
    "ascii": b"x" * MIB,
    "quotes": b'"' * MIB,
    "control": b"\x01" * MIB,
}


@pytest.mark.parametrize("name", LONG)
def test_a_long_body(keeper, name):
    """Every byte of 1 MiB comes back, whatever it is in JSON."""
    body = LONG[name]
    answer = shown(keeper.get("/post", "POST", (), body))
    assert answer["data"] == body.decode() and answer["json"] is None


def test_a_long_body_of_bytes(keeper):
    body = bytes(range(256)) * (MIB // 256)
    answer = shown(keeper.get("/anything", "POST", (), body))
    assert data_of(answer["data"]) == body and answer["json"] is None
    for cut in (1, 2, 3, 1535, 1536, 1537):
        assert data_of(shown(keeper.get("/put", "PUT", (), body[cut:]))["data"]) == body[cut:]


def test_a_long_body_of_json(keeper):
    value = {"list": [1] * 300_000, "text": "\u00e9\"\\\n" * 1000}
    body = json.dumps(value).encode()
    answer = shown(keeper.get("/post", "POST", {"Content-Type": "application/json"}, body))
    assert answer["json"] == value and answer["data"] == body.decode()


def test_a_short_body_has_a_length_and_a_long_one_comes_in_pieces(keeper):
    assert "Content-Length" in keeper.get("/post", "POST", (), b"x" * 100)
    assert keeper.get("/post", "POST", (), b"x" * 100_000)["Transfer-Encoding"] == "chunked"


def test_a_long_form(keeper):
    values = {f"n{i}": "\u00e9" * (i % 200) for i in range(999)}
    body = "&".join(f"{name}={value}" for name, value in values.items()).encode()
    assert shown(keeper.get("/post", "POST", FORM, body))["form"] == values


def test_a_form_of_one_name(keeper):
    body = "&".join(f"a={i}" for i in range(1000)).encode()
    assert shown(keeper.get("/post", "POST", FORM, body))["form"] == {"a": [str(i) for i in range(1000)]}


def test_a_form_with_long_files(keeper):
    text, picture = b"line\n" * 50_000, bytes(range(256)) * 1000
    body = multipart(
        ('name="first"', "", b"1"),
        ('name="text"; filename="a.txt"', "Content-Type: text/plain\r\n", text),
        ('name="picture"; filename="a.png"', "Content-Type: image/png\r\n", picture),
        ('name="caf\u00e9"', "", "\u00e9".encode() * 1000),
    )
    answer = shown(keeper.get("/post", "POST", PARTS, body))
    assert answer["files"]["text"] == text.decode()
    assert answer["files"]["picture"] == "data:image/png;base64," + base64.b64encode(picture).decode()
    assert answer["form"] == {"first": "1", "caf\u00e9": "\u00e9" * 1000} and answer["data"] == ""


def test_chunks_are_a_body_too(keeper):
    with keeper.dial() as peer:
        peer.send(b"POST /anything HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                  b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        assert shown(peer.answer())["data"] == "abcde"


def test_libraries_send_their_own_forms(server):
    """As a client's tests do it against httpbin."""
    files = {"file": ("name.txt", b"content", "text/plain")}
    answer = requests.post(f"{server.url}/t/post", files=files, data={"a": "b"}, timeout=60).json()
    assert answer["files"] == {"file": "content"} and answer["form"] == {"a": "b"}
    answer = httpx.post(f"{server.url}/t/post", files=files, data={"a": "b"}).json()
    assert answer["files"] == {"file": "content"} and answer["form"] == {"a": "b"}
    assert requests.post(f"{server.url}/t/post", json={"a": 1}, timeout=60).json()["json"] == {"a": 1}
    answer = requests.post(f"{server.url}/t/post", data={"a": ["b", "c"]}, timeout=60).json()
    assert answer["form"] == {"a": ["b", "c"]}
    assert requests.get(f"{server.url}/t/get", params={"a": ["b", "c"]}, timeout=60).json()["args"] == {
        "a": ["b", "c"]}


# ---- limits


@pytest.mark.parametrize("target", ["/post", "/anything", "/anything/x", "/delay/0"])
def test_more_than_a_mib_is_refused(serve, site, target):
    server = serve(site, "--endpoints")
    assert server.get(target, "POST", (), b"x" * MIB).status == 200
    with server.dial() as peer:  # at once, when it is announced
        peer.send(f"POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {MIB + 1}\r\n\r\n".encode())
        assert peer.answer().status == 413
    with server.dial() as peer:
        peer.send(f"POST {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        peer.send(b"%x\r\n" % (MIB + 1) + b"x" * (MIB + 1))
        assert peer.answer().status == 413


def test_the_option_may_allow_less(serve, site):
    server = serve(site, "--endpoints", "--endpoints-bytes=1K")
    assert server.get("/post", "POST", (), b"x" * 1024).status == 200
    assert server.get("/post", "POST", (), b"x" * 1025).status == 413


def test_a_form_that_is_none_is_refused(server):
    for fields, body in ((PARTS, b"--yy--\r\n"), (PARTS, b"--xx\r\n"), (FORM, b"a&" * 1001)):
        answer = server.get("/t/post", "POST", fields, body)
        assert answer.status == 400 and b"The reason: " in answer.body


def test_nobody_waits_behind_those_who_sleep(serve, site):
    """Reading a body takes moments; all who may sleep at once do."""
    server = serve(site, "--endpoints", "--workers-max=4")
    sleepers = [server.dial() for _ in range(8)]
    for peer in sleepers:
        peer.send(request("/sleep/8"))
        server.wait_read(peer)
    began = time.monotonic()
    for target in ("/post", "/anything", "/delay/0.1"):
        assert json.loads(server.get(target, "POST", body=b"x").body)["data"] == "x"
    assert time.monotonic() - began < 1.5 * server.patience
    for peer in sleepers:
        peer.close()


def test_many_that_take_their_time_cost_little(serve, site, build):
    """64 of them, each with 1 MiB of body that is 7 MiB of JSON, and none of them reads: an answer is no
    copy of what it shows."""
    server = serve(site, "--endpoints", "--connections-max=200")
    warm = [server.dial() for _ in range(64)]
    for peer in warm:
        assert peer.ask("/get").status == 200
    before = memory_bytes(server.pid)
    for peer in warm:
        peer.send(request("/post", "POST", (), b"\x01" * MIB))
    heads = [peer.head() for peer in warm]
    assert [answer.status for answer in heads] == [200] * 64
    grown = memory_bytes(server.pid) - before
    answer = json.loads(warm[5].body(heads[5], "POST"))
    assert answer["data"] == "\x01" * MIB
    for peer in warm:
        peer.close()
    if not build.has_sanitizer:
        assert grown < 64 * 1.5 * MIB, f"{grown / MIB:.0f} MiB"


def test_who_leaves_while_it_is_sent_does_no_harm(server):
    for _ in range(20):
        with server.dial(receive_buffer=4096) as peer:
            peer.send(request("/t/post", "POST", (), b"\x01" * MIB))
            assert peer.head().status == 200
    assert server.get("/t/get").status == 200


# ---- /delay/{seconds}


@CLIENTS
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_an_answer_that_comes_later(server, ask, method):
    began = time.monotonic()
    body = None if method in ("GET", "DELETE") else b"x"
    answer = shown(ask(method, f"{server.url}/t/delay/0.25", (), body))
    assert 0.25 <= time.monotonic() - began
    assert answer["method"] == method and answer["data"] == (body or b"").decode()


@pytest.mark.parametrize("seconds", ["x", "-1", "+1", "1.", ".5", "1.2.3", "1e3", "nan", "2.001", "3", "%201",
                                     "99999999999999999999"])
def test_no_such_time(server, seconds):
    for method, body in (("GET", b""), ("POST", b"x")):
        answer = server.get(f"/t/delay/{seconds}", method, (), body)
        assert answer.status == 400 and b"no longer than --endpoints-time" in answer.body


def test_who_waits_holds_no_worker(serve, site):
    """More wait than there are workers, with a body each, and others are served."""
    server = serve(site, "--endpoints", "--workers=2", "--workers-max=2", "--endpoints-time=30s")
    waiting = [server.dial() for _ in range(20)]
    for peer in waiting:
        peer.send(request("/delay/20", "POST", (), b"x"))
    time.sleep(0.2)
    began = time.monotonic()
    assert shown(server.get("/post", "POST", (), b"y"))["data"] == "y"
    assert time.monotonic() - began < 5 * server.patience
    for peer in waiting:
        peer.close()


# ---- /stream/{n}


@CLIENTS
@pytest.mark.parametrize("count, lines", [("0", 0), ("1", 1), ("20", 20), ("100", 100), ("101", 100),
                                          ("18446744073709551615", 100)])
def test_lines_of_json(server, ask, count, lines):
    url = f"{server.url}/t/stream/{count}?a=b"
    answer = ask("GET", url, {"X-One": "1"})
    assert answer.status == 200 and answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "no-store"
    values = [json.loads(line) for line in answer.body.splitlines()]
    assert [value["id"] for value in values] == list(range(lines))
    for value in values:
        assert set(value) == {"args", "headers", "id", "origin", "url"}
        assert (value["args"], value["url"], value["headers"]["X-One"]) == ({"a": "b"}, url, "1")


@pytest.mark.parametrize("count", ["x", "-1", "1.5", "%201", "18446744073709551616", "0x1"])
def test_no_such_number_of_lines(server, count):
    assert server.get(f"/t/stream/{count}").status == 400


def test_lines_longer_than_a_piece(serve, site):
    """A head of 200 KB, and so are the lines."""
    server = serve(site, "--endpoints", "--head-max=1M")
    value = '"' * 100_000
    answer = server.get("/stream/3", fields={"X-Long": value})
    lines = [json.loads(line) for line in answer.body.splitlines()]
    assert [(line["id"], line["headers"]["X-Long"]) for line in lines] == [(i, value) for i in range(3)]


# ---- /response-headers


@CLIENTS
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_fields_that_are_asked_for(server, ask, method):
    url = f"{server.url}/t/response-headers?X-One=1&freeform=&Retry-After=120&X-Two=a+b&Vary=X-One"
    answer = ask(method, url)
    assert (answer["X-One"], answer["freeform"], answer["Retry-After"], answer["X-Two"]) == (
        "1", "", "120", "a b")
    assert shown(answer) == {"Content-Type": "application/json", "X-One": "1", "freeform": "",
                             "Retry-After": "120", "X-Two": "a b", "Vary": "X-One"}


def test_the_same_field_twice(server):
    answer = server.get("/t/response-headers?X-A=1&X-A=2")
    assert [value for name, value in answer.fields if name == "X-A"] == ["1", "2"]
    assert shown(answer)["X-A"] == ["1", "2"]


def test_a_type_that_is_harmless(server):
    answer = server.get("/t/response-headers?Content-Type=text/plain;charset%3Dutf-8&Cache-Control=max-age%3D9")
    assert (answer["Content-Type"], answer["Cache-Control"]) == ("text/plain;charset=utf-8", "max-age=9")
    assert json.loads(answer.body)["Content-Type"] == "text/plain;charset=utf-8"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_tag_that_is_asked_for_counts(server):
    """RFC 9110 §13.1.2"""
    target = "/t/response-headers?ETag=%22v1%22"
    assert server.get(target)["ETag"] == '"v1"'
    assert server.get(target, fields={"If-None-Match": '"v1"'}).status == 304


@pytest.mark.parametrize("query", [
    "Set-Cookie=a%3Db", "set-cookie=a", "Location=https://example.com", "Refresh=0", "Link=%3C/x%3E",
    "Content-Type=text/html", "Content-Type=text/plain&content-type=text/html",
    "Content-Type=text/plain&Content-Type=text/plain", "ETag=%22a%22&etag=%22b%22",
    "Last-Modified=a&Last-Modified=b", "Content-Security-Policy=x",
    "Clear-Site-Data=%22*%22", "Strict-Transport-Security=max-age%3D1", "Alt-Svc=x", "NEL=x",
    "Access-Control-Allow-Credentials=true", "Service-Worker-Allowed=/", "Content-Encoding=gzip",
    "Content-Length=0", "Transfer-Encoding=chunked", "Connection=close", "Date=x",
    "Content-Disposition=attachment", "X-Content-Type-Options=x", "X-Accel-Redirect=/x",
    "X-A=a%0d%0aSet-Cookie:%20a%3Db", "X%0d%0aA=b", "X:=b", "X+A=b", "=b", "X-A=%00", "ETag=v1",
])
def test_fields_that_are_refused(server, query):
    """Not one of them is sent, not even those before it, and the reason is said."""
    answer = server.get(f"/t/response-headers?X-First=1&{query}")
    assert answer.status == 400 and b"The reason: " in answer.body
    assert "X-First" not in answer and "Set-Cookie" not in answer and "Location" not in answer
    assert answer["Content-Type"] == "text/html; charset=utf-8"


def test_as_many_fields_as_there_is_room_for(serve, site):
    server = serve(site, "--endpoints", "--head-max=64K", "--target-max=32K")
    fits = "&".join(f"X-{i}=" + "x" * 50 for i in range(130))
    assert server.get(f"/response-headers?{fits}").status == 200
    assert server.get(f"/response-headers?{fits}&{fits}").status == 400

#!/usr/bin/python3
"""seed - writes what the fuzzer begins with: an input a file, one folder for each target.

    seed.py FOLDER

Most are the dialogues of tests/cases; the rest is written here.  What stands before the bytes of
the peer, the choices, is what each target in this folder reads first.
"""

import hashlib
import re
import shutil
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from cases import Say, all_cases  # noqa: E402

# Where to cut (struct cuts): the first piece, then three lengths less one, in turn.
AT_ONCE = bytes(5)
BYTE_BY_BYTE = b"\x01\x00\x00\x00\x00"
IN_PIECES = b"\x07\x00\x0c\x1f\x02"
CUTS = [AT_ONCE, BYTE_BY_BYTE, IN_PIECES]

LONG = 5000         # bytes; longer dialogues are about limits that targets set lower

ROUTES = ["/", "/digits.txt", "/echo", "/drop/it", "/late/", "/refused", "/broken", "/nowhere"]

DATES = """Sun, 06 Nov 1994 08:49:37 GMT
Sunday, 06-Nov-94 08:49:37 GMT
Sun Nov  6 08:49:37 1994
Sun Nov 06 08:49:37 1994
Thu, 29 Feb 2024 23:59:60 GMT
Tuesday, 29-Feb-00 00:00:00 GMT
Fri, 31 Dec 9999 23:59:59 GMT
Fri, 31 Dec 9999 23:59:60 GMT
Sat, 01 Jan 0000 00:00:00 GMT
Friday, 31-Dec-99 23:59:59 GMT
Wed, 31 Apr 2024 00:00:00 GMT
Sun, 06 Nov 1994 24:00:00 GMT""".splitlines()

CHUNKED = [
    b"0\r\n\r\n",
    b"5\r\nhello\r\n0\r\n\r\nGET",
    b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
    b"00A\r\n0123456789\r\n0\r\n\r\n",
    b"5;a=b;c=\"d;e\"\r\nhello\r\n000;f\r\n\r\n",
    b"5 \t;a\r\nhello\r\n0\r\n\r\n",
    b"0\r\nA: b\r\nC:\t\xc3\xbc\r\n\r\n",
    b"7fffffffffffffff\r\nhello",
    b"8000000000000000\r\n",
    b"5\nhello", b"5 \r\nhello", b"4\r\nhello\r\n", b"0\r\nA : b\r\n\r\n", b"5;\x01\r\n",
    b"1;" + 1100 * b"a" + b"\r\na\r\n0\r\n\r\n",
    b"0\r\n" + 90 * (b"A: " + 90 * b"b" + b"\r\n") + b"\r\n",
]

TARGETS = [
    "/", "/a/b.html?q=1", "/a//b/./c/../d/", "/%2e%2e/", "/a%2fb", "/%2F%2Fetc", "/a%00",
    "/..", "/a/..", "/a/../..", "/%61%C3%BC%25", "/a%zz", "/a%2", "/[x]{y}|^\"", "/?", "/a?%",
    "/%ff\xfc", "//a", "///", "/.", "/a/.", "/a/b/..", "/.a/..b/...", "http://host/a?b",
    "http://host", "HTTPS://[::1]:8080/x", "http://host:99999/", "http://user@host/", "http://?a",
    "*", "/a#b", "host:80", "", "/a%20b%3Fc%23d",
]

ADDRESSES = ["::", "::1", "1:2:3:4:5:6:7:8", "1::8", "::ffff:192.0.2.1", "1:2:3:4:5:6:192.0.2.1",
             "fe80::1:2", "::1::", "1:2:3:4:5:6:7", "12345::", "::192.0.2.256", ":1", "1:",
             "1::2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:192.0.2.1", "1::192.0.2.1:2"]

RANGES = [
    "bytes=0-499", "bytes=500-999", "bytes=-500", "bytes=9500-", "bytes=0-0,-1", "BYTES=0-0",
    "bytes=500-600,601-999", "bytes=500-700,601-999", "bytes= , 0-1 ,\t5-9,", "bytes=5-2",
    "bytes=-0", "bytes=", "bytes=0-1,x", "lines=0-4", "bytes=18446744073709551615-",
    "bytes=0-18446744073709551616", "bytes=-99999999999999999999", "bytes=9999999999999999999999-",
    "bytes=0-0,200-300,900-", "bytes=900-,0-0,100-150", "bytes=" + ",".join(16 * ["0-0"]),
    "bytes=" + ",".join(17 * ["0-0"]), "bytes=0-127,255-300", "bytes=0-127,256-300",
]

FIELDS = [
    ("close", "X-A", ["Host: a", "connection: keep-alive, Close", "X-a: 1", "X-A: 2"]),
    ("gzip", "accept-encoding", ["Accept-Encoding: gzip;q=1.0, identity; q=0.5, *;q=0"]),
    ("a", "expect", ["Expect:", "EXPECT: a", "If-Match: \"a,b\", W/\"c\\\"\", a", "Range:\t x \t"]),
    ("b", "", ["Content-Length: 1", "Content-Length: 2", "Transfer-Encoding: chunked", ": x"]),
    (",", "x", ["a", "a b: c", " a: b", "a : b", "a:\x01", "a:\xfc", "If-None-Match: ,,\"\\\", b"]),
    ("", "y", 103 * ["y:z"]),
    ("v", "user-agent", [f"{name}: v" for name in (
        "Host", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Referer", "User-Agent",
        "If-None-Match", "Content-Length", "Transfer-Encoding", "Date", "Etag", "Hose", "Rangf")]),
]

# Lines of Accept-Encoding.
WISHES = [
    "gzip, deflate, br, zstd", "gzip, deflate, br", "identity", "", "*", "identity;q=1, *;q=0",
    "compress;q=0.5, gzip;q=1.0", "gzip;q=1.0, identity; q=0.5, *;q=0", "x-gzip;q=0.7,GZIP;Q=0.3",
    "identity;q=0", "*;q=0", "*;q=0.000, identity;q=0.001", "gzip;q=1.001, br;q=.5, zstd;q=1.",
    "gzip\nbr;q=0.5\nidentity;q=0", "\n", "\"gzip, br\nzstd", ",gzip \t;\t q=0.125,, br;q=0.,",
    "gzip;q=1;q=0", "gzip br", "gzip;q=0,5", "identity;q=x, *;q=", "gzip;q=0.0000, *",
    "gzip;q=1.001, br;q=2, *;q=0.5", "gzip;q=0.1234, br;q=1.0000",
    "gzip," + ",".join(31 * ["a"]), "gzip\n" + ",".join(32 * ["br"]), ",".join(300 * ["a"]),
]

CONDITIONS = [
    (0, 3, 0, '"a"', ['If-None-Match: "a"']),
    (0, 3, 0, 'W/"a"', ['If-None-Match: "b", W/"a" , "c"']),
    (1, 3, 0, '"a"', ['If-None-Match: *', 'If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT']),
    (3, 3, 0, '"a"', ['If-Match: "b"', 'If-Match: "a"']),
    (3, 3, 0, 'W/"a"', ['If-Match: W/"a"']),
    (2, 1, 0, '"a"', ['If-Match: "\xfc,",,"a" x, "a"']),
    (0, 2, 251, '', ['If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT']),
    (0, 2, 1, '', ['If-Unmodified-Since: Sun Nov  6 08:49:37 1994']),
    (2, 2, 0, '', ['If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT']),
    (0, 2, 0, '', 2 * ['If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT']),
    (0, 2, 0, '', ['If-Range: Sun, 06 Nov 1994 08:49:37 GMT', 'Range: bytes=0-1']),
    (0, 2, 251, '', ['If-Range: Sun, 06 Nov 1994 08:49:32 GMT', 'Range: bytes=0-1']),
    (0, 3, 0, '"a"', ['If-Range: "a"']),
    (0, 3, 0, '"a"', ['If-Range: W/"a"', 'If-Range: "a"']),
    (6, 3, 0, '"a"', ['If-None-Match: "a"', 'If-Match: *']),
]

FILES = [
    "", "[wherry]\nroot = public\nhttp-port = 8081\n", "; a comment\n\n[wherry]\naddress=*\n",
    "http-port = off\nunix = /tmp/wherry.sock\n", "http-port = off\n", "workers = 8\nworkers-max = 4\n",
    "workers = 100\n", "head-max = 2K\ntarget-max = 4K\n", "cache-size = 64M\ndrain = 1.5s\n",
    "root = \"a ;b\\\"\\\\\\x41\"\n", "root = \"a\n", "root = \"a \\x3bb\"\n", "root = a ; comment\n",
    "roto = x\n", "root\n",
    "[other]\nroot = x\n", "root = x\nroot = y\n", "access-log = json\nlog-level = debug\n",
    "clean-urls = maybe\n", "idle-timeout = 5\n", "config = x\n", "index = a/b\n", "root = a\0b\n",
    "cache-control = \"public, max-age=60\"\r\nlinks = all\r\n", "[wherry\n", "root = " + 8300 * "x",
    " = x\n", "unix = \"\"\n", "body-max=18446744073709551616\n", "\xef\xbb\xbf[wherry]\nroot=x\n",
]


URLENCODED = [
    "", "a=1", "a=1&b=2&a=3", "a", "a=", "=1", "=", "&&a=1&&b=2&", "a=1=2", "a+b=+1+", "%61=%2B%26%3d",
    "a=%ff%C3%BC%00", "a=%2541", "a=%zz%4&%=%%34", "a=1;b=2", "q=caf%C3%A9+cr%C3%A8me&page=2",
]

JSON_TEXTS = [
    '{"a": [1, {"b": null}], "c": "d"}', " true ", "[]", "{}", "-0.5e+10", "0", "[false,1E-3]",
    r'"\"\\\/\b\f\n\r\t\u00aF\ud83d\udef6"', '{"a":1,"a":2}', "[1,]", "01", "1.", "nul", r'"\u12"', "[1}",
    '{"a"}', "NaN", "1e400", r'"\ud800"', r'{"\u0000":1}', 513 * "[" + 513 * "]", 512 * "[" + 512 * "]",
]

# Names and values to be set; then the field that comes, which is the path, too.
COOKIES = [
    ("SID", "31d4d96e407aad42", "SID=31d4d96e407aad42; lang=en-US"), ("a", "", "a=; b = \"1\" ;;c"),
    ("a b", "1", "/ a"), ("a", "1;2", "a;=1;b=c=d"), ("__Host-id", "!#$%&'()*+-./:<=>?@[]^_`{|}~", "/x y"),
    ("a", "\"1\"", "a=\"1; b=2\""), ("", "1", ""), ("a", "\xfc", "a=\xfc, \\; \tb\t=\t1\t"),
    ("a", 4095 * "x", "/"), ("a", 4096 * "x", "/" + 100 * "y" + ";"),
]

# Types ("" is one with the boundary B) and bodies of forms.
A_VALUE = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"
A_FILE = ("--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\\\"%22.txt\"\r\n"
          "Content-Type: text/plain\r\n\r\nhello\r\n--Bye\n\r\r\n--\r\n")
FORMS = [
    ("", A_VALUE + "--B--\r\n"), ("", A_VALUE + A_FILE.replace("--Bye", "--A") + "--B--"),
    ("", A_FILE + "--B--\r\n"), ("", "--B--\r\n"), ("", "preamble\r\n" + A_VALUE + "--B-- \r\nepilogue"),
    ("", "--B\r\n\r\n--B--"), ("", "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n--B--"),
    ("", "--B\r\nContent-Disposition: form-data; name=a; filename*=UTF-8''b; filename=\"c\\\"\r\n\r\n\r\n--B--"),
    ("", "--B\r\nContent-Disposition: form-data; name=\"\\\\\"; ; x=y\r\n"
         "Content-Transfer-Encoding: 8bit\r\n\r\n\r\n--B--"),
    ("", "--B\r\nContent-Disposition: form-data; name=\"a\r\n\r\n\r\n--B--"),
    ("", "--B\nContent-Disposition: form-data; name=a\n\n\n--B--"),
    ("", 101 * A_VALUE + "--B--"), ("", A_VALUE.replace("1", 65537 * "1") + "--B--"),
    ("", "--B\r\n" + 101 * "a:\r\n" + "Content-Disposition: form-data; name=a\r\n\r\n\r\n--B--"),
    ("", "--B\r\nContent-Disposition: form-data; name=a\r\nX:" + 4100 * "y" + "\r\n\r\n\r\n--B--"),
    ("multipart/form-data; charset=x; boundary=\"a\\b\"", "--ab\r\n\r\n--ab--"),
    ("multipart/form-data; boundary=----WebKitFormBoundary1A",
     "------WebKitFormBoundary1A\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"
     "------WebKitFormBoundary1A--\r\n"),
    ("a; boundary=" + 70 * "b", "--" + 70 * "b" + "--"), ("a; boundary=" + 71 * "b", "--b--"),
    ("a; boundary=\"a \"", ""), ("a; boundary=a; boundary=a", "--a--"), ("a;b", ""), ("a", "--a--"),
]


def said(case):
    """What the client says in a dialogue, and whether it ends its side then."""
    says = [step for step in case.steps if isinstance(step, Say)]
    return (b"".join(step.bytes(lambda _: '"digits"') for step in says),
            any(step.half_close for step in says))


def dialogues():
    for case in all_cases():
        bytes_, half_close = said(case)
        if len(bytes_) <= LONG:
            yield bytes_, half_close


def pipelines():
    """Requests for the routes of fuzz_connection.c, one behind the other."""
    host = "Host: wherry.test\r\n"
    body = "Content-Length: 5\r\n\r\nhello"
    chunked = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    yield "".join(f"GET {path} HTTP/1.1\r\n{host}\r\n" for path in ROUTES)
    yield "".join(f"HEAD {path} HTTP/1.1\r\n{host}\r\n" for path in ROUTES)
    yield "".join(f"POST {path} HTTP/1.1\r\n{host}{body}" for path in ROUTES)
    yield "".join(f"POST {path} HTTP/1.1\r\n{host}{chunked}" for path in ROUTES)
    yield f"POST /echo HTTP/1.1\r\n{host}Expect: 100-continue\r\n{body}" * 2
    yield f"POST / HTTP/1.1\r\n{host}Expect: 100-continue\r\n{body}GET / HTTP/1.1\r\n{host}\r\n"
    yield f"POST /echo HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n" + 40 * "8\r\n12345678\r\n"
    yield f"POST /echo HTTP/1.1\r\n{host}Content-Length: 257\r\n\r\n" + 257 * "x"
    for path in "/", "/digits.txt":
        yield "".join(f"GET {path} HTTP/1.1\r\n{host}Range: {field}\r\n\r\n"
                      for field in ("bytes=0-9", "bytes=-10", "bytes=0-0,500-501,900-", "bytes=5000-"))
        yield (f'GET {path} HTTP/1.1\r\n{host}If-None-Match: "digits"\r\n\r\n'
               f'GET {path} HTTP/1.1\r\n{host}If-Match: "other"\r\n\r\n')
    for path in "/stream/a", "/stream/length":
        for wish in "", "Accept-Encoding: gzip\r\n", "Accept-Encoding: br\r\n", 'If-None-Match: "poured"\r\n':
            yield 3 * f"GET {path} HTTP/1.1\r\n{host}{wish}\r\n" + f"HEAD {path} HTTP/1.1\r\n{host}{wish}\r\n"
            yield f"GET {path} HTTP/1.0\r\nConnection: keep-alive\r\n{wish}\r\n" * 2
    yield f"GET /echo?{'a' * 520} HTTP/1.1\r\n{host}\r\n"
    yield f"GET / HTTP/1.1\r\n{host}X: {'a' * 1100}\r\n\r\n"
    yield 140 * "GET /a HTTP/1.1\r\nHost:\r\n\r\n"      # more than two turns may serve
    yield 400 * "GET /a HTTP/1.1\r\nHost:\r\n\r\n"      # more than the input holds at once
    yield 3 * "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + "GET /echo HTTP/1.0\r\n\r\n"


def request_seeds():
    for number, (bytes_, _) in enumerate(dialogues()):
        yield b"\x80\x40" + CUTS[number % 3] + bytes_
    for limits in b"\x00\x01", b"\x01\x00", b"\x02\x02":
        yield limits + BYTE_BY_BYTE + (
            b"GET /some/where HTTP/1.1\r\nHost: a\r\nX: " + 40 * b"y" + b"\r\n\r\n")
    for bytes_ in 95, 96, 97:       # around the limit of a head
        head = b"GET / HTTP/1.1\r\nHost: a\r\nX: "
        yield b"\x02\x02" + BYTE_BY_BYTE + head.ljust(bytes_ - 4, b"y") + b"\r\n\r\n"
    for bytes_ in 16, 17, 18:       # of a target
        yield b"\x80\x02" + BYTE_BY_BYTE + b"GET /".ljust(4 + bytes_, b"a") + b" HTTP/1.0\r\n\r\n"


def chunked_seeds():
    for number, bytes_ in enumerate(CHUNKED):
        yield CUTS[number % 3] + bytes_
    for bytes_, _ in dialogues():
        head, _, body = bytes_.partition(b"\r\n\r\n")
        if b"chunked" in head:
            yield IN_PIECES + body


def target_seeds():
    for target in TARGETS + ADDRESSES:
        yield b"G" + target.encode("latin-1")
    yield b"O*"
    for bytes_, _ in dialogues():
        words = bytes_.split(b"\r\n")[0].split(b" ")
        if len(words) > 2:
            yield b"G" + words[1]


def fields_seeds():
    for wanted, name, lines in FIELDS:
        yield "\n".join([wanted, name, *lines]).encode("latin-1")
    for bytes_, _ in dialogues():
        head = bytes_.partition(b"\r\n\r\n")[0]
        yield b"\n".join([b"close", b"connection", *head.split(b"\r\n")[1:]])


def range_seeds():
    for field in RANGES:
        for shift, length in (0, 10000), (54, 2 ** 64 - 1), (0, 0), (0, 2 ** 64 - 1):
            yield bytes([shift]) + struct.pack("<Q", length) + field.encode()
    for bytes_, _ in dialogues():
        for value in re.findall(rb"\nRange: (.*)\r\n", bytes_):
            yield b"\x00" + struct.pack("<Q", 11) + value


def negotiate_seeds():
    for number, lines in enumerate(WISHES):
        for available in 0x0f, 0x03, number % 16:
            yield bytes([available]) + lines.encode()
    for bytes_, _ in dialogues():
        for value in re.findall(rb"\nAccept-Encoding: (.*)\r\n", bytes_):
            yield b"\x0f" + value


def date_seeds():
    for text in DATES:
        for now in 784111777, 253402300799, -62167219200, 951782400:
            moment = b"\x00" + struct.pack("<q", now)
            yield 2 * moment + text.encode()


def conditional_seeds():
    for method, has, age, tag, lines in CONDITIONS:
        yield bytes([method, has, age]) + "\n".join([tag, *lines]).encode("latin-1")
    for bytes_, _ in dialogues():
        lines = [line for line in bytes_.split(b"\r\n") if line.startswith(b"If-")]
        if lines:
            yield b"\x00\x03\x00" + b"\n".join([b'"digits"', *lines])


def ini_seeds():
    for text in FILES:
        yield text.encode("latin-1")


def urlencoded_seeds():
    for text in URLENCODED:
        yield text.encode()
    for bytes_, _ in dialogues():
        yield bytes_.split(b" ")[1].partition(b"?")[2] if b" " in bytes_ else b""


def json_text_seeds():
    for text in JSON_TEXTS:
        yield text.encode()


def cookie_seeds():
    for number, (name, value, field) in enumerate(COOKIES):
        for choices, age in (number, 0), (8 + number % 8, 3600), (8, -1), (number % 8, 2 ** 63 - 1):
            yield (bytes([choices]) + struct.pack("<q", age) +
                   "\n".join([name, value, field]).encode("latin-1"))


def formdata_seeds():
    for number, (type_, body) in enumerate(FORMS):
        for cuts in {AT_ONCE, CUTS[number % 3]}:
            yield cuts + f"{type_}\n{body}".encode("latin-1")


def connection_seeds():
    said_ = [(text.encode(), False) for text in pipelines()] + list(dialogues())
    for number, (bytes_, half_close) in enumerate(said_):
        ending = 0 if half_close else 2
        yield bytes([ending, 64, 0]) + CUTS[number % 3] + CUTS[number // 3 % 3] + bytes_
    for number, text in enumerate(pipelines()):
        choices = number * 16 % 256 | number % 16
        for how in (choices, 64, 0), (choices, number, 0), (choices, 64, 1 + number):
            yield bytes(how) + IN_PIECES + BYTE_BY_BYTE + text.encode()


# A ClientHello of OpenSSL 3.0 that asks for fuzz.test, as it comes to the port for TLS.
CLIENT_HELLO = bytes.fromhex("""
    1603010200010001fc0303c3f6b7cf9a56455fad781506a34cb7bb2f33256cf5562df8df2409893040270520
    90d76e4ca65918068fd589f6ba06e12abebaab058f3da256feb748cd482ee4490010130213031301c02cc030
    c02bc02f00ff010001a30000000e000c00000966757a7a2e74657374000b000403000102000a00160014001d
    0017001e0019001801000101010201030104002300000010000b000908687474702f312e3100160000001700
    00000d002a0028040305030603080708080809080a080b080408050806040105010601030303010302040205
    020602002b00050403040303002d00020101003300260024001d00201aa2fc79be03cc0ec09192c1275ec071
    93aaa1dbbeae8c28885655b47bfd7b75001500e9000000000000000000000000000000000000000000000000
    0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
    0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
    0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
    0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
    000000000000000000000000000000000000000000000000000000000000000000
""")


def tls_seeds():
    # Sealed, raw, raw behind a handshake, damaged; each is said, half closed, silent, gone.
    texts = [text.encode() for text in pipelines()]
    for number, text in enumerate(texts):
        choices = (number * 52 & 0xf0) | number << 2 & 0x0c
        yield bytes([choices, 0]) + AT_ONCE + AT_ONCE + AT_ONCE + text
        yield bytes([choices ^ 0x10, 0]) + IN_PIECES + BYTE_BY_BYTE + IN_PIECES + text
        yield bytes([choices | 0x20, 0]) + BYTE_BY_BYTE + AT_ONCE + BYTE_BY_BYTE + text
    for choices in range(0, 256, 16):
        yield bytes([choices, 0]) + AT_ONCE + AT_ONCE + IN_PIECES + texts[0]
    for number, text in enumerate(texts[:4]):
        for at in 0, 3, 5, 9, 40, 200, 300, 400, 500:
            yield (bytes([3 | number << 4 & 0x10, 1 << number]) + struct.pack("<H", at) +
                   AT_ONCE + IN_PIECES + AT_ONCE + text)
    for ending in range(4):
        for cuts in CUTS:
            for raw in CLIENT_HELLO, CLIENT_HELLO[:100], texts[0], b"\x16", b"\x16\x03\x01\x00\x05hello":
                yield bytes([1 | ending << 2, 0]) + AT_ONCE + cuts + AT_ONCE + raw
            for raw in (b"\x17\x03\x03\x00\x20" + 32 * b"x", b"\x15\x03\x03\x00\x02\x01\x00",
                        b"\x14\x03\x03\x00\x01\x01", CLIENT_HELLO):
                yield bytes([2 | ending << 2, 0]) + AT_ONCE + cuts + AT_ONCE + raw


SEEDS = {name.removesuffix("_seeds"): make for name, make in list(globals().items())
         if name.endswith("_seeds")}


def main():
    for target, make in SEEDS.items():
        folder = Path(sys.argv[1]) / f"fuzz_{target}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for seed in make():
            (folder / hashlib.sha1(seed).hexdigest()).write_bytes(seed)


if __name__ == "__main__":
    main()

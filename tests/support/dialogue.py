"""One side of an HTTP/1.1 conversation: sends any bytes, reads answers strictly.

A client library forgives what a server gets wrong; this reader does not.  Whatever is not an
answer as RFC 9112 writes it raises Malformed, so every test that reads one also proves that.
"""

import re
import socket
import time
from dataclasses import dataclass, field

from secure import Secure

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) ([\t !-~]*)\Z")
FIELD_LINE = re.compile(
    rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?\Z"
)
DATE = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d "
    r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT\Z"
)
CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+)\Z")

# Fields that make no sense twice.
ONCE = {
    "content-length",
    "content-type",
    "content-range",
    "date",
    "etag",
    "last-modified",
    "location",
    "allow",
    "connection",
    "cache-control",
    "retry-after",
    "accept-ranges",
}


class Malformed(AssertionError):
    """What came is not an HTTP/1.1 answer."""


class Cut(AssertionError):
    """The connection ended inside an answer, or before one."""


@dataclass
class Answer:
    status: int
    phrase: str
    fields: list = field(default_factory=list)  # (name, value), in the order they came
    body: bytes = b""

    def get(self, name, otherwise=None):
        """The value of a field, whatever the name's case."""
        values = [value for each, value in self.fields if each.lower() == name.lower()]
        return ", ".join(values) if values else otherwise

    def __getitem__(self, name):
        value = self.get(name)
        assert value is not None, f"no {name} in {self}"
        return value

    def __contains__(self, name):
        return self.get(name) is not None

    @property
    def closes(self):
        return "close" in self.get("Connection", "").lower()

    def __str__(self):
        fields = "; ".join(f"{name}: {value}" for name, value in self.fields)
        return f"{self.status} [{fields}] {self.body[:200]!r}"


class Dialogue:
    """A connection.  `seconds` is how long to wait for anything before giving up.  With `tls` (an
    ssl.SSLContext) it is a secure one, to whom is called `name`, and its ends are those of TLS:
    whoever says no goodbye has cut it.  `socket` is always that of TCP."""

    def __init__(
        self, address, seconds=10.0, receive_buffer=None, tls=None, name=None, session=None
    ):
        family = (
            socket.AF_UNIX
            if isinstance(address, str)
            else socket.AF_INET6
            if ":" in address[0]
            else socket.AF_INET
        )
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(seconds)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.unread = b""
        self.stream = self.socket
        try:
            self.socket.connect(address)
            if tls:
                self.stream = Secure(self.socket, tls, name or address[0], session)
                self.stream.handshake()
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stream.close()
        self.socket.close()

    @property
    def tls(self):
        """What was agreed on: an ssl.SSLObject; None where nothing is secret."""
        return self.stream.tls if isinstance(self.stream, Secure) else None

    # ---- speaking

    def send(self, data):
        self.stream.sendall(data)

    def send_singly(self, data):
        """One byte a call, and a moment for the other side to see each."""
        for at in range(len(data)):
            self.stream.sendall(data[at : at + 1])
            time.sleep(0)

    def half_close(self):
        self.stream.shutdown(socket.SHUT_WR)

    def ask(self, target="/", method="GET", fields=(), body=b""):
        """A whole request and its answer.  `fields` may be a dict."""
        self.send(request(target, method, fields, body))
        return self.answer(method)

    # ---- listening

    def fill(self):
        """More bytes, or False at the end."""
        came = self.stream.recv(1 << 16)
        self.unread += came
        return bool(came)

    def line(self):
        while b"\r\n" not in self.unread:
            if len(self.unread) > 1 << 16:
                raise Malformed(f"a line without end: {self.unread[:80]!r}")
            if not self.fill():
                raise Cut(f"the connection ended inside a line: {self.unread[:200]!r}")
        line, _, self.unread = self.unread.partition(b"\r\n")
        return line

    def take(self, count):
        pieces, have = [self.unread[:count]], min(count, len(self.unread))
        self.unread = self.unread[count:]
        while have < count:
            piece = self.stream.recv(min(1 << 20, count - have))
            if not piece:
                raise Cut(f"the connection ended {count - have} bytes early of {count}")
            pieces.append(piece)
            have += len(piece)
        return b"".join(pieces)

    def head(self):
        """An answer without its body, which stays unread."""
        matched = STATUS_LINE.match(self.line())
        if not matched:
            raise Malformed("no status line")
        answer = Answer(int(matched[1]), matched[2].decode())
        while line := self.line():
            matched = FIELD_LINE.match(line)
            if not matched:
                raise Malformed(f"no field line: {line!r}")
            answer.fields.append((matched[1].decode(), (matched[2] or b"").decode("latin-1")))
        check_fields(answer)
        return answer

    def answer(self, method="GET"):
        answer = self.head()
        answer.body = self.body(answer, method)
        return answer

    def body(self, answer, method):
        """RFC 9112 §6.3, as a client reads it."""
        if answer.status < 200 or answer.status in (204, 304) or method == "HEAD":
            return b""
        if "Transfer-Encoding" in answer:
            return self.chunks()
        if "Content-Length" in answer:
            return self.take(int(answer["Content-Length"]))
        if not answer.closes:
            raise Malformed(f"nothing says how long the body is: {answer}")
        return self.rest()

    def chunks(self):
        pieces = []
        while size := int(self.line(), 16):
            pieces.append(self.take(size))
            if self.take(2) != b"\r\n":
                raise Malformed("no line end behind a chunk")
        while self.line():
            pass
        return b"".join(pieces)

    def rest(self):
        """Everything up to the end of the connection."""
        while self.fill():
            pass
        rest, self.unread = self.unread, b""
        return rest

    def expect_end(self):
        """Nothing comes any more, and the end is a clean one."""
        try:
            rest = self.rest()
            if self.tls:
                rest += self.stream.behind_goodbye()
        except socket.timeout:
            raise AssertionError("the connection stays open") from None
        except ConnectionResetError as reset:
            raise AssertionError(f"the connection was cut: {reset}") from None
        assert rest == b"", f"bytes behind the last answer: {rest[:200]!r}"


def check_fields(answer):
    """What must be true of the fields of any answer."""
    names = [name.lower() for name, _ in answer.fields]
    for name in ONCE:
        if names.count(name) > 1:
            raise Malformed(f"{name} came twice: {answer}")
    if "content-length" in names and not answer["Content-Length"].isdecimal():
        raise Malformed(f"no length: {answer}")
    if "content-length" in names and "transfer-encoding" in names:
        raise Malformed(f"both a length and a transfer coding: {answer}")
    if answer.status < 200 or answer.status == 204:  # RFC 9110 §8.6
        if "content-length" in names or "transfer-encoding" in names:
            raise Malformed(f"the length of a body that cannot be: {answer}")
    if answer.status >= 200 and not DATE.match(answer.get("Date", "")):  # RFC 9110 §6.6.1
        raise Malformed(f"no date: {answer}")
    if answer.status == 405 and "allow" not in names:  # RFC 9110 §15.5.6
        raise Malformed(f"405 without Allow: {answer}")
    if answer.status in (206, 416):
        check_range(answer)


def check_range(answer):
    """RFC 9110 §14.4, §15.3.7"""
    matched = CONTENT_RANGE.match(answer.get("Content-Range", ""))
    if not matched or (matched[1] is None) != (answer.status == 416):
        raise Malformed(f"no range: {answer}")
    if answer.status == 206:
        first, last, length = (int(number) for number in matched.groups())
        if not first <= last < length or int(answer["Content-Length"]) != last - first + 1:
            raise Malformed(f"a range that cannot be: {answer}")


def request(target="/", method="GET", fields=(), body=b""):
    """The bytes of an ordinary request."""
    if isinstance(target, str):
        target = target.encode()
    if isinstance(fields, dict):
        fields = fields.items()
    lines = [method.encode() + b" " + target + b" HTTP/1.1", b"Host: wherry.test"]
    lines += [f"{name}: {value}".encode("latin-1") for name, value in fields]
    if body:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body

"""Asks a server one request of the corpus, and says in a line what it answered.

Only what a client would notice is in that line: status, which bytes came, what became of the
connection, and the few fields that carry meaning.  Not the words of an error page, nor the value
of an entity tag.
"""

import re
import socket

from dialogue import Answer, Cut, Dialogue, Malformed, check_fields
from site_folder import FILES, PROBE, SECRET, type_of

# What any request of ours is followed by, to see whether the connection goes on.
PROBE_REQUEST = f"GET /{PROBE} HTTP/1.1\r\nHost: wherry.test\r\n\r\n".encode()
STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: (.*))?\Z")
CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)\Z")
BOUNDARY = re.compile(r'multipart/byteranges; *boundary="?([^"]+)"?\Z')
ANSWERS_MAX = 8
PARTS_NAMED = 4


class Bare(Exception):
    """An answer without a head, as in HTTP/0.9."""


class Patient(Dialogue):
    """Reads what other servers say, who need not be strict."""

    def next(self, method):
        """The next answer.  None at the end of the connection."""
        try:
            if not self.unread and not self.fill():
                return None
        except ConnectionError:
            return None
        if not (b"HTTP/".startswith(self.unread[:5]) or self.unread.startswith(b"HTTP/")):
            raise Bare
        answer = self.head()
        answer.body = self.body(answer, method)
        return answer

    def head(self):
        line = self.line()
        matched = STATUS_LINE.match(line)
        if not matched:
            raise Malformed("no status line")
        answer = Answer(int(matched[1]), (matched[2] or b"").decode("latin-1"))
        answer.is_1_0 = line.startswith(b"HTTP/1.0")
        while line := self.line():
            name, _, value = line.decode("latin-1").partition(":")
            answer.fields.append((name, value.strip(" \t")))
        return answer

    def body(self, answer, method):
        try:
            return super().body(answer, method)
        except Malformed:       # no length and not said to close: HTTP/1.0's way
            return self.rest()

    def rest(self):
        try:
            return super().rest()
        except (ConnectionError, socket.timeout):
            rest, self.unread = self.unread, b""
            return rest


class Hearing:
    """One request, and what came of it."""

    def __init__(self, address, silence, is_strict=False):
        self.address = address
        self.silence = silence      # seconds after which a server is taken to wait for more
        self.is_strict = is_strict  # its answers must be in order down to the last field

    def hear(self, request, etag):
        """The answers, in words."""
        text, self.then = request.bytes(etag)
        self.methods = list(request.methods)
        self.is_probed = self.is_half_closed = False
        with Patient(self.address, self.silence) as self.peer:
            self.say(text)
            if request.half_closes:
                self.half_close()
            return " then ".join(self.answers()) or "no answer"

    def say(self, text):
        try:
            self.peer.send(text)
        except (ConnectionError, socket.timeout):
            pass                    # it has heard enough; its answer is still to be read

    def half_close(self):
        self.is_half_closed = True
        try:
            self.peer.half_close()
        except OSError:
            pass

    def answers(self):
        heard = []
        while len(heard) < ANSWERS_MAX:
            try:
                method = self.methods[0] if self.methods else "GET"
                answer = self.next(method)
            except Bare:
                return [*heard, f"bare {name_bytes(self.peer.rest())}, closed"]
            except Cut:
                return [*heard, "cut off"]
            if answer is None:
                return close_last(heard) if not self.is_half_closed else heard
            if answer.status < 200:
                heard.append(str(answer.status))
                self.continue_saying()
                continue
            if self.methods:
                self.methods.pop(0)
            if answer.body == FILES[PROBE] and self.is_probed:
                return heard
            heard.append(describe(answer, method))
            if self.is_strict and not BOUNDARY.match(answer.get("Content-Type", "")):
                check_fields(answer)        # which knows of no parts
            if closes(answer):
                rest = self.peer.rest()
                return [*close_last(heard), *(["more bytes"] if rest else [])]
            if not self.is_probed and not self.is_half_closed:
                self.is_probed = True
                self.say(PROBE_REQUEST)
        return heard

    def next(self, method):
        """A server that says nothing waits for more: gives it what there is, then the end."""
        for _ in range(3):
            try:
                return self.peer.next(method)
            except socket.timeout:
                if self.then:
                    self.continue_saying()
                elif not self.is_half_closed:
                    self.half_close()
                else:
                    break
        return None

    def continue_saying(self):
        if self.then:
            self.say(self.then)
            self.then = b""


def closes(answer):
    options = answer.get("Connection", "").lower()
    return "close" in options or (answer.is_1_0 and "keep-alive" not in options)


def close_last(heard):
    return [*heard[:-1], heard[-1] + ", closed"] if heard else []


# ---- in words

def describe(answer, method):
    words = [str(answer.status), *details(answer, method), *flaws(answer, method)]
    return " ".join(word for word in words if word)


def details(answer, method):
    if method == "HEAD" and BOUNDARY.match(answer.get("Content-Type", "")):
        yield "in parts"            # whose length is a matter of the boundary's
    elif answer.status in (200, 206) and method == "HEAD":
        yield from (answer.get("Content-Range"), f"({answer.get('Content-Length', 'no')} bytes)")
    elif answer.status == 206:
        yield name_parts(answer)
    elif answer.status == 200 and method != "OPTIONS":
        yield name_bytes(answer.body)
    elif answer.status == 416:
        yield answer.get("Content-Range")
    elif 300 <= answer.status < 400 and "Location" in answer:
        yield "to " + re.sub(r"^https?://[^/]*", "", answer["Location"])
    if "Allow" in answer:
        allowed = sorted(name for name in re.split(r", *", answer["Allow"]) if name)
        yield f"allowing {' '.join(allowed) or 'nothing'}"


def name_bytes(body):
    """A body in words: which file it is, or what kind of thing."""
    for name, content in FILES.items():
        if body == content:
            return name if body else "nothing"
    if body == SECRET:
        return "what lies outside"
    if re.match(rb"[A-Z]+ .* HTTP/1\.1\r\n", body):
        return "the request"
    return "a page of its own" if b"<" in body else "other bytes"


def name_parts(answer):
    """The ranges in a 206, if each has the bytes that it should have."""
    matched = BOUNDARY.match(answer.get("Content-Type", ""))
    if not matched:
        return name_part(answer.get("Content-Range", "no Content-Range"), answer.body)
    _, *parts, end = answer.body.split(b"--" + matched[1].encode())
    if end not in (b"--\r\n", b"--"):
        return "parts without an end"
    parts = [read_part(part) for part in parts]
    wrong = [part for part in parts if not re.fullmatch(r"\d+-\d+/\d+", part)]
    return "in parts: " + ", ".join(parts if len(parts) <= PARTS_NAMED else
                                    wrong or [f"{len(parts)} of them"])


def read_part(part):
    head, _, body = part.partition(b"\r\n\r\n")
    matched = re.search(rb"(?im)^Content-Range: (.*?)\r?$", head)
    return name_part(matched[1].decode() if matched else "no Content-Range",
                     body.removesuffix(b"\r\n")).removeprefix("bytes ")


def name_part(content_range, body):
    matched = CONTENT_RANGE.match(content_range)
    if not matched:
        return content_range
    first, last, length = map(int, matched.groups())
    wholes = [content for content in FILES.values() if len(content) == length]
    is_right = any(body == whole[first:last + 1] for whole in wholes)
    return content_range if is_right else f"{content_range} with other bytes"


def flaws(answer, method):
    """Fields that a success should have."""
    if answer.status in (200, 206) and method in ("GET", "HEAD"):
        yield name_type(answer)
    if answer.status in (200, 206, 304) and method in ("GET", "HEAD"):
        etag = answer.get("ETag")
        yield "no ETag" if not etag else "weak ETag" if etag.startswith("W/") else ""
    if answer.status in (200, 206) and method in ("GET", "HEAD") and "Last-Modified" not in answer:
        yield "no Last-Modified"
    if answer.status == 401 and "WWW-Authenticate" not in answer:
        yield "no challenge"


def name_type(answer):
    """The type, where it is not the one that the file's name stands for."""
    kind = answer.get("Content-Type", "no type").partition(";")[0]
    names = [name for name, content in FILES.items() if content == answer.body]
    expected = type_of(names[0]) if names and answer.body else None
    if kind == expected or kind in ("multipart/byteranges",) or not names or not answer.body:
        return ""
    return f"as {kind}"

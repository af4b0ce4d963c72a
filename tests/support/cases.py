"""Reads tests/cases/*.md; tests/cases/README.md says how they are written."""

import os
import re
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "cases"
MODIFIED = parsedate_to_datetime("Sun, 06 Nov 1994 08:49:37 GMT").timestamp()

BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ESCAPE = re.compile(rb"\\(?:([rnt\\])|x([0-9a-f]{2})|\*(\d+)\{([^}]*)\}|etag\{([^}]*)\})")
STATUS = re.compile(r"(\d{3})( to HEAD)?(?:, then (closed|ended))?\Z|(ended)\Z")


@dataclass
class Say:
    """Bytes to send, still with their escapes."""

    text: bytes
    half_close: bool = False
    in_one_piece: bool = False

    def bytes(self, etag_of):
        return unescape(self.text, etag_of)


@dataclass
class Hear:
    """An answer, and what becomes of the connection: "stays", "closed" or "ended"."""

    status: int | None
    to_head: bool
    then: str
    why: str | None = None
    logged: str | None = None
    body: bytes | None = None
    body_has: bytes | None = None
    fields: list = field(default_factory=list)  # (name, value); "*" is any, None is none


@dataclass
class Case:
    title: str
    file: str
    steps: list = field(default_factory=list)

    def can_be_cut(self):
        """Worth saying byte by byte: not very long, and allowed."""
        said = [step for step in self.steps if isinstance(step, Say)]
        return (
            not any(step.in_one_piece for step in said)
            and sum(len(step.bytes(lambda _: "")) for step in said) < 4000
        )


def no_etag(target):
    raise ValueError(f"no entity tag of {target} here")


def unescape(text, etag_of=no_etag):
    def replace(matched):
        simple, byte, times, repeated, target = matched.groups()
        if simple:
            return {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"\\": b"\\"}[simple]
        if byte:
            return bytes([int(byte, 16)])
        if times:
            return int(times) * unescape(repeated, etag_of)
        return etag_of(target.decode()).encode()

    return ESCAPE.sub(replace, text)


def join_lines(text):
    """Ends every line in CRLF, but for those that end in an odd backslash."""
    joined = b""
    for line in text.encode().split(b"\n")[:-1]:
        backslashes = len(line) - len(line.rstrip(b"\\"))
        joined += line[:-1] if backslashes % 2 else line + b"\r\n"
    return joined


def read_expectation(text):
    first, *others = text.splitlines()
    matched = STATUS.match(first)
    if not matched:
        raise ValueError(f"no status: {first!r}")
    hear = Hear(
        status=int(matched[1]) if matched[1] else None,
        to_head=bool(matched[2]),
        then=matched[3] or matched[4] or "stays",
    )
    for line in others:
        if line.startswith("no "):
            hear.fields.append((line[3:], None))
            continue
        name, separator, value = line.partition(": ")
        if not separator:
            raise ValueError(f"no expectation: {line!r}")
        if name == "why":
            hear.why = value
        elif name == "logged":
            hear.logged = value
        elif name == "body":
            hear.body = unescape(value.encode())
        elif name == "body has":
            hear.body_has = unescape(value.encode())
        else:
            hear.fields.append((name, value))
    return hear


def read_case(title, file, text):
    case = Case(title, file)
    for kind, rest, content in BLOCK.findall(text):
        if kind == "http":
            if rest not in ("", ", then half-close", ", in one piece"):
                raise ValueError(f"{file}: {title}: {rest!r}")
            case.steps.append(
                Say(
                    join_lines(content),
                    half_close=rest.endswith("half-close"),
                    in_one_piece=rest.endswith("in one piece"),
                )
            )
        elif kind == "expect":
            case.steps.append(read_expectation(content))
    if not any(isinstance(step, Hear) for step in case.steps):
        raise ValueError(f"{file}: {title}: nothing is expected")
    return case


def all_cases():
    cases = []
    for path in sorted(FOLDER.glob("*.md")):
        if path.name == "README.md":
            continue
        _, *parts = re.split(r"^## (.*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        cases += [read_case(title, path.stem, text) for title, text in zip(parts[::2], parts[1::2])]
    return cases


def make_site(root):
    """The files that tests/cases/README.md shows."""
    for kind, name, content in BLOCK.findall((FOLDER / "README.md").read_text(encoding="utf-8")):
        if kind == "file":
            path = root / name.strip()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
            os.utime(path, (MODIFIED, MODIFIED))

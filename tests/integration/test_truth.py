"""The coding columns of the table of truth: what an answer says of each coding of a page."""

import gzip
import subprocess
from dataclasses import dataclass

import pytest

from program import eventually
from test_static import write
from tools import need

PAGE = b"<!doctype html><title>truth</title>" + b"<p>Of one page there are many codings.\n" * 400
OLD = 1_600_000_000
PROGRAMS = {"gzip": "gzip", "br": "brotli", "zstd": "zstd"}


def with_program(*words):
    return lambda data: subprocess.run(words, input=data, capture_output=True, check=True).stdout


@dataclass
class Column:
    """A coding, and where it comes from."""

    name: str
    accept: str | None  # Accept-Encoding; None: no such field
    coding: str | None  # Content-Encoding; None: no such field
    ending: str | None = None  # of the file beside the page; None: there is none
    package: str | None = None  # of the program that decodes it

    @property
    def path(self):
        return f"{self.name.replace(' ', '-')}.html"

    @property
    def fields(self):
        return [("Accept-Encoding", self.accept)] if self.accept is not None else []

    def decode(self, body):
        if self.coding is None:
            return body
        program = PROGRAMS[self.coding]
        return with_program(need(program, program), "-dc")(body)

    def encode(self):
        """The page, at an effort that is not ours."""
        if self.coding == "gzip":
            return gzip.compress(PAGE, 1, mtime=0)
        program = PROGRAMS[self.coding]
        return with_program(need(program, program), "-1", "-c")(PAGE)


COLUMNS = [
    Column("unasked", None, None),
    Column("identity", "identity", None),
    Column("empty", "", None),
    Column("unknown", "compress, sdch", None),
    Column("made gzip", "gzip", "gzip"),
    Column("made br", "gzip, br", "br"),
    Column("beside gzip", "gzip", "gzip", ".gz"),
    Column("beside br", "gzip, br", "br", ".br"),
    Column("beside zstd", "zstd", "zstd", ".zst"),
]

# Which fields an answer has: those of the selected coding ("tag", "coding", "length", "part"), of no
# part of it ("none"), of the page of a refusal ("page"), or none at all (None).
ROWS = {
    "200": dict(etag="tag", coding="coding", length="length", range=None),
    "206": dict(etag="tag", coding="coding", length="part", range="part"),
    "304": dict(etag="tag", coding=None, length=None, range=None),
    "412": dict(etag=None, coding=None, length="page", range=None),
    "416": dict(etag=None, coding=None, length="page", range="none"),
}
FIRST, LAST = 5, 24


@dataclass
class Known:
    """What a GET without conditions has shown of a column."""

    tag: str
    body: bytes


@pytest.fixture(scope="module")
def server(serve_all, tmp_path_factory):
    root = tmp_path_factory.mktemp("site")
    for column in COLUMNS:
        write(root, column.path, PAGE, OLD)
        if column.ending:
            write(root, column.path + column.ending, column.encode(), OLD)
    return serve_all(root)


@pytest.fixture(scope="module")
def known(server):
    """As soon as all codings are made."""
    known = {}
    for column in COLUMNS:
        answer = eventually(
            lambda: (got := server.get("/" + column.path, fields=column.fields))
            and got.get("Content-Encoding") == column.coding
            and got,
            30 * server.patience,
            f"{column.name} to be made",
        )
        known[column.name] = Known(answer["ETag"], answer.body)
    return known


def wanted(row, known):
    """The fields that make it that row."""
    return {
        "200": [],
        "206": [("Range", f"bytes={FIRST}-{LAST}")],
        "304": [("If-None-Match", known.tag)],
        "412": [("If-Match", '"another"')],
        "416": [("Range", f"bytes={len(known.body)}-")],
    }[row]


def promised(row, method):
    """RFC 9110 §14.2: a range counts for GET only."""
    return "200" if method == "HEAD" and row in ("206", "416") else row


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_table_of_truth(server, known, method, row, column):
    known = known[column.name]
    fields = column.fields + wanted(row, known)
    answer = server.get("/" + column.path, method, fields)
    row = promised(row, method)
    truth, length = ROWS[row], len(known.body)

    assert answer.status == int(row)
    assert answer["Vary"] == "Accept-Encoding"
    assert answer.get("ETag") == (known.tag if truth["etag"] else None)
    assert answer.get("Content-Encoding") == (column.coding if truth["coding"] else None)
    assert answer.get("Content-Range") == {
        None: None,
        "part": f"bytes {FIRST}-{LAST}/{length}",
        "none": f"bytes */{length}",
    }[truth["range"]]
    lengths = {None: None, "length": str(length), "part": str(LAST - FIRST + 1)}
    if truth["length"] != "page":
        assert answer.get("Content-Length") == lengths[truth["length"]]
    if method == "GET" and row in ("200", "206"):
        assert answer.body == (known.body if row == "200" else known.body[FIRST : LAST + 1])


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_each_body_is_the_page(known, column):
    assert column.decode(known[column.name].body) == PAGE


def test_each_coding_has_a_strong_tag_of_its_own(known):
    """RFC 9110 §8.8.3.3"""
    tags = {}
    for column in COLUMNS:
        tags.setdefault(known[column.name].tag, set()).add(known[column.name].body)
    assert all(tag.startswith('"') for tag in tags)
    assert all(len(bodies) == 1 for bodies in tags.values())
    assert len(tags) == 1 + sum(column.coding is not None for column in COLUMNS)


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_a_tag_of_another_coding_is_another(server, known, column):
    """RFC 9110 §8.8.3.3, §13.1.5: nor do ranges of two codings go together."""
    for other in COLUMNS:
        tag = known[other.name].tag
        same = tag == known[column.name].tag
        got = server.get("/" + column.path, fields=[*column.fields, ("If-None-Match", tag)])
        assert got.status == (304 if same else 200)
        part = [*column.fields, ("Range", "bytes=0-1"), ("If-Range", tag)]
        assert server.get("/" + column.path, fields=part).status == (206 if same else 200)


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_ranges_reassemble(server, known, column):
    body, pieces = known[column.name].body, b""
    step = len(body) // 7 + 1
    for first in range(0, len(body), step):
        part = [*column.fields, ("Range", f"bytes={first}-{first + step - 1}")]
        answer = server.get("/" + column.path, fields=[*part, ("If-Range", known[column.name].tag)])
        assert answer.status == 206
        pieces += answer.body
    assert pieces == body
    assert column.decode(pieces) == PAGE


def test_a_page_that_cannot_be_smaller_does_not_vary(serve, site):
    """RFC 9110 §12.5.5: its coding could not have been another one."""
    write(site, "tiny.txt", "tiny", OLD)
    answer = serve(site).get("/tiny.txt", fields=[("Accept-Encoding", "br")])
    assert "Vary" not in answer and "Content-Encoding" not in answer

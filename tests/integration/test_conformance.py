"""docs/conformance.md: everything that it names is there."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parent.parent.parent
PAGE = HOME / "docs" / "conformance.md"
FOLDERS = {".md": "tests/cases", ".c": "tests/unit", ".py": "tests/integration"}

ROW = re.compile(r"^\| (RFC \d{4}|WHATWG URL) §([\d.]+) \|(.*)\|$")
FILE = re.compile(r"^[\w-]+(/[\w-]+)*\.(c|h|md|py)$")
NAME = re.compile(r'`([^`]+)`|"([^"]+)"')
MARK = re.compile(r"(RFC \d{4}|WHATWG URL) §(\d+(?:\.\d+)*)")


@dataclass
class Row:
    line: int
    rfc: str
    section: str
    verdict: str
    reason: str
    code: str
    test: str

    @property
    def mark(self):
        return f"{self.rfc} §{self.section}"

    def __str__(self):
        return f"line {self.line}: {self.mark}"


def rows_of(page):
    rows = []
    for number, line in enumerate(page.splitlines(), 1):
        if matched := ROW.match(line):
            rfc, section, rest = matched.groups()
            _, verdict, code, test = (cell.strip() for cell in re.split(r"(?<!\\)\|", rest))
            verdict, _, reason = verdict.partition(": ")
            rows.append(Row(number, rfc, section, verdict, reason, code, test))
    return rows


ROWS = rows_of(PAGE.read_text(encoding="utf-8"))


def names_in(cell):
    """What a cell names: pairs of a file and something in it.  A file without a name is a mistake."""
    pairs, file = [], None
    for code, title in NAME.findall(cell):
        if FILE.match(code):
            file = code
            pairs.append((file, None))
            continue
        assert file, f"no file before {code or title}"
        if pairs[-1] == (file, None):
            pairs.pop()
        pairs.append((file, code or title))
    for file, name in pairs:
        assert name, f"{file} is named, and nothing in it"
    return pairs


def has_function(text, name):
    """Something of that name is defined there: a function, a table, a test."""
    return re.search(rf"^(?:def |\w[^;\n]*\b){re.escape(name)}\b *[\(\[]", text, re.MULTILINE)


def has_promise(text, title):
    """A dialogue of that title, or a named case of a table."""
    return f"\n## {title}\n" in text or f'"{title}"' in text


def check_name(path, name):
    text = (HOME / path).read_text(encoding="utf-8")
    assert has_function(text, name) or has_promise(text, name), f"{path} has no {name}"


def each(verdicts):
    rows = [row for row in ROWS if row.verdict in verdicts]
    return pytest.mark.parametrize("row", rows, ids=str)


def section_key(section):
    return [int(part) for part in section.split(".")]


def test_the_page_has_rows():
    assert len(ROWS) > 200
    assert {row.verdict for row in ROWS} <= {"kept", "declined", "not applicable", "open"}


@each({"kept"})
def test_what_is_kept_has_code_and_a_test(row):
    assert row.code and row.test and not row.reason


@each({"declined", "not applicable", "open"})
def test_what_is_not_kept_has_a_reason(row):
    assert row.reason


@each({"declined", "open"})
def test_where_it_would_be_kept_is_named(row):
    assert row.code


@each({"kept", "declined", "not applicable", "open"})
def test_what_is_named_is_there(row):
    for file, name in names_in(row.code):
        check_name(Path("src") / file, name)
    for file, name in names_in(row.test):
        check_name(Path(FOLDERS[Path(file).suffix]) / file, name)


def test_rows_stand_in_the_order_of_the_rfc():
    for rfc in {row.rfc for row in ROWS}:
        sections = [section_key(row.section) for row in ROWS if row.rfc == rfc]
        assert sections == sorted(sections), rfc


def marks_in(folder, endings):
    """The sections that files refer to, and where."""
    for path in sorted((HOME / folder).rglob("*")):
        if path.suffix in endings and path.is_file():
            for rfc, section in MARK.findall(path.read_text(encoding="utf-8")):
                yield path.relative_to(HOME), rfc, section


def test_each_mark_has_a_row():
    """A section named in the code or by a test is on the page, or a chapter of it is."""
    covered = {row.rfc for row in ROWS}
    known = {(row.rfc, row.section) for row in ROWS}
    chapters = {(rfc, section.rsplit(".", count)[0]) for rfc, section in known
                for count in range(section.count(".") + 1)}
    missing = [f"{path}: {rfc} §{section}"
               for folder in ("src", "include", "tests/cases", "tests/unit", "tests/integration")
               for path, rfc, section in marks_in(folder, {".c", ".h", ".md", ".py"})
               if rfc in covered and (rfc, section) not in chapters]
    assert not missing, "\n".join(missing)

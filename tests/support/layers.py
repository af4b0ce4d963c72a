#!/usr/bin/python3
"""layers - prints which folder of src/ includes which, and refuses what points up or sideways.

    layers.py src

It also watches the doors: each foreign library comes in through one file, the site's files are
opened in one file, and http/ knows no descriptor, no clock and no heap.  A finding is one line,
`file:line: sentence`; with findings the exit status is 1.

This reads text, it does not compile: comments and string literals are put aside, conditionals
are not evaluated, so an include under #if counts.
"""

import fnmatch
import pathlib
import posixpath
import re
import sys

# From the top down.  For each folder, the folders it may include; wherry.h is the contract.
ALLOWED = {
    "main": ["server", "site", "endpoints", "net", "http", "base", "wherry.h"],
    "server": ["net", "coding", "http", "base", "wherry.h"],
    "site": ["coding", "http", "base", "wherry.h"],
    "endpoints": ["coding", "http", "base", "wherry.h"],
    "net": ["base"],
    "coding": ["http", "base"],
    "http": ["base"],
    "base": [],
}

# header, as a pattern -> the only files that may include it
HEADER_DOORS = {
    "openssl/*": "net/tls*.c",
    "magic.h": "site/sniff.c",
    "zlib.h": "coding/*.c",
    "brotli/*": "coding/*.c",
    "ini.h": "main/*",
    "jansson.h": "endpoints/json.h",
    "xxhash.h": "site/representation.c",
    "resolv.h": "main/lookup.c",
    "arpa/nameser.h": "main/lookup.c",
}

# Headers that would give http/ a descriptor, a clock or a heap.
HTTP_GOES_WITHOUT = ["unistd.h", "fcntl.h", "sys/*", "time.h", "stdlib.h", "stdio.h"]

# words, found outside comments and strings -> where they are refused, and what to say
WORD_DOORS = [
    (
        # A method of a struct may be called open; the functions that take a path may not.
        re.compile(r"(?<![\w.>])(?:open|openat2?|creat|fopen|freopen|opendir)\s*\("
                   r"|\b(?:SYS|__NR)_open(?:at2?)?\b"),
        "site/*", "site/root.c",
        "a path of the site is opened in site/root.c only",
    ),
    (
        re.compile(r"(?<![\w.>])(?:malloc|calloc|realloc|reallocarray|free|strn?dup)\s*\("),
        "http/*", None,
        "http has no heap: it reads into slices and writes into a buf or arena it is given",
    ),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
COMMENT = re.compile(r'//[^\n]*|/\*.*?\*/|("(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')', re.DOTALL)
STRING = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'')


def blank(text):
    """The same number of lines with nothing on them, so that line numbers stay true."""
    return re.sub(r"[^\n]", " ", text)


def without_comments(text):
    return COMMENT.sub(lambda found: found[1] or blank(found[0]), text)


def without_strings(text):
    return STRING.sub(lambda found: blank(found[0]), text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


class File:
    """One source file: its name below src/, its includes, and its code without prose."""

    def __init__(self, src, path):
        text = without_comments(path.read_text(encoding="utf-8"))
        self.shown = str(path)
        self.name = path.relative_to(src).as_posix()
        self.folder = self.name.split("/")[0]
        self.code = without_strings(text)
        self.includes = [
            (line_of(text, found.start(2)), found[1] == '"', found[2])
            for found in INCLUDE.finditer(text)
        ]

    def target(self, quoted, header):
        """The folder of ours that an include reaches, "wherry.h", or None for the system's."""
        if posixpath.basename(header) == "wherry.h":
            return "wherry.h"
        if quoted and (header.startswith(".") or "/" not in header):
            header = posixpath.join(posixpath.dirname(self.name), header)
        parts = posixpath.normpath(header).removeprefix("src/").split("/")
        if parts[0] in ALLOWED or quoted:
            return parts[0]
        return None


def arrow_findings(file):
    allowed = ALLOWED[file.folder]
    for line, quoted, header in file.includes:
        target = file.target(quoted, header)
        if target not in (None, file.folder, *allowed):
            may = ", ".join(allowed) if allowed else "none of the other folders"
            yield line, f"{file.folder} includes {header}; it may include {may}"


def header_findings(file):
    for line, _, header in file.includes:
        for pattern, door in HEADER_DOORS.items():
            if fnmatch.fnmatchcase(header, pattern) and not fnmatch.fnmatchcase(file.name, door):
                yield line, f"<{header}> comes in through {door} only"
        if file.folder == "http" and any(
            fnmatch.fnmatchcase(header, pattern) for pattern in HTTP_GOES_WITHOUT
        ):
            yield line, f"http includes <{header}>, but it has no descriptor, no clock and no heap"


def word_findings(file):
    for words, where, door, sentence in WORD_DOORS:
        if fnmatch.fnmatchcase(file.name, where) and file.name != door:
            for found in words.finditer(file.code):
                yield line_of(file.code, found.start()), sentence


def findings(files):
    for file in files:
        if file.folder not in ALLOWED:
            yield f"{file.shown}:1: {file.folder} is not one of the folders of src/"
            continue
        for rule in (arrow_findings, header_findings, word_findings):
            for line, sentence in rule(file):
                yield f"{file.shown}:{line}: {sentence}"


def graph(files):
    """One line per folder, from the top down: what it includes, and in how many files."""
    for folder, allowed in ALLOWED.items():
        mine = [file for file in files if file.folder == folder]
        reached = [
            {file.target(quoted, header) for _, quoted, header in file.includes} for file in mine
        ]
        counts = [(target, sum(target in targets for targets in reached)) for target in allowed]
        arrows = ", ".join(f"{target} ({count})" for target, count in counts if count)
        yield f"{folder + '/':10} {len(mine):3} files {' -> ' + arrows if arrows else ''}".rstrip()


def main(src):
    src = pathlib.Path(src)
    files = [File(src, path) for path in sorted(src.rglob("*.[ch]"))]
    if not files:
        sys.exit(f"layers: there are no C files in {src}")
    print("\n".join(graph(files)))
    found = list(findings(files))
    if found:
        print("\n".join(found), file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) == 2 else "src")

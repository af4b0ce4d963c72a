"""Reads and writes docs/differences.md.

A section of that page is a cause.  It has prose, written by people, and then the differences it
accounts for, written by rewrite.py:

    - wherry `400, closed`, nginx `200 digits.txt`:
      a slash in a field name · a comma in a field name

Servers that are not named answer as wherry does.
"""

import re
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

from compare import US

PAGE = Path(__file__).resolve().parents[2] / "docs" / "differences.md"
UNEXPLAINED = "Not explained yet"
PEERS = ("nginx", "lighttpd", "Apache")
WIDTH = 110

VERSIONS = re.compile(r"(nginx|lighttpd|Apache) (\d[\d.]*\d)")
HEADING = re.compile(r"^## (.*)$", re.MULTILINE)
ENTRY = re.compile(r"^- ((?:\w+ `[^`]*`(?:, )?)+):\n((?:  .*\n?)+)", re.MULTILINE)
ANSWER = re.compile(r"(\w+) `([^`]*)`")


@dataclass
class Section:
    title: str
    prose: str
    listed: dict = field(default_factory=dict)      # title of a request -> {server: answer}


class Page:
    def __init__(self, text):
        intro, *parts = HEADING.split(text)
        self.intro = intro.rstrip("\n")
        self.versions = dict(VERSIONS.findall(intro))
        self.sections = [read_section(title, body) for title, body in zip(parts[::2], parts[1::2])]

    @classmethod
    def load(cls):
        return cls(PAGE.read_text(encoding="utf-8"))

    def answers(self, title):
        """What the page says that each server answers; None if the request is not on it."""
        for section in self.sections:
            if title in section.listed:
                return section.listed[title]
        return None

    @property
    def titles(self):
        return [title for section in self.sections for title in section.listed]

    def section(self, title):
        """The section with this title, made if there is none."""
        for section in self.sections:
            if section.title == title:
                return section
        self.sections.append(Section(title, ""))
        return self.sections[-1]

    def write(self):
        blocks = [self.intro]
        for section in self.sections:
            blocks.append(f"## {section.title}")
            if section.prose:
                blocks.append(section.prose)
            if section.listed:
                blocks.append("\n".join(write_entries(section.listed)))
        return "\n\n".join(blocks) + "\n"


def read_section(title, body):
    section = Section(title, ENTRY.sub("", body).strip("\n"))
    for said, titles in ENTRY.findall(body):
        answers = dict(ANSWER.findall(said))
        ours = answers[US]
        for each in " ".join(titles.split()).split(" · "):
            section.listed[each] = {US: ours, **{name: answers.get(name, ours) for name in PEERS}}
    return section


def write_entries(listed):
    """The same answers stand together."""
    together = {}
    for title, answers in listed.items():
        together.setdefault(tuple(answers[name] for name in (US, *PEERS)), []).append(title)
    for (ours, *others), titles in together.items():
        said = [(US, ours), *((n, other) for n, other in zip(PEERS, others) if other != ours)]
        yield "- " + ", ".join(f"{name} `{answer}`" for name, answer in said) + ":"
        yield textwrap.fill(" · ".join(titles), WIDTH, initial_indent="  ",
                            subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)

"""Every request of tests/differential, to wherry and to three servers that the Web runs on.

Where wherry differs from any of them, docs/differences.md says so, and which section of an RFC
decides it; and it says nothing that is not so.
"""

import re
import sys
import warnings

import pytest

from conftest import TESTS

sys.path.insert(0, str(TESTS / "differential"))

from compare import US, compare, missing_peers, peer_versions  # noqa: E402
from corpus import all_requests  # noqa: E402
from page import PEERS, UNEXPLAINED, Page  # noqa: E402
from tools import lacking  # noqa: E402

REWRITE = "tests/differential/rewrite.py writes the lists anew"


@pytest.fixture(scope="module")
def page():
    return Page.load()


@pytest.fixture(scope="module")
def answers(build, serve_all):
    missing = missing_peers()
    if missing:
        lacking(f"{', '.join(missing)} not installed: scripts/setup --test")
    return compare(serve_all, build.patience)


def known(page):
    """The servers of which the page speaks.  Another version may well answer otherwise."""
    versions = peer_versions()
    others = [name for name in PEERS if versions[name] != page.versions[name]]
    if others:
        warnings.warn("not compared, because docs/differences.md is about another version: " +
                      ", ".join(f"{name} {versions[name]}" for name in others))
    return [name for name in PEERS if name not in others]


def in_words(answers, names):
    return ", ".join(f"{name} `{answers[name]}`" for name in names)


def test_each_difference_is_listed_and_no_other(answers, page):
    names = [US, *known(page)]
    wrong = []
    for title, heard in answers.items():
        listed = page.answers(title) or dict.fromkeys(names, heard[US])
        if any(listed[name] != heard[name] for name in names):
            wrong.append(f"{title}\n    the page: {in_words(listed, names)}"
                         f"\n    answered: {in_words(heard, names)}")
    assert not wrong, f"{len(wrong)} of {len(answers)} ({REWRITE}):\n" + "\n".join(wrong)


def test_the_page_names_requests_that_there_are(page):
    titles = {request.title for request in all_requests()}
    assert [title for title in page.titles if title not in titles] == []
    assert len(page.titles) == len(set(page.titles))


def test_each_cause_is_explained(page):
    for section in page.sections:
        assert section.title != UNEXPLAINED, f"explain {', '.join(section.listed)}"
        assert re.search(r"RFC\s\d{4}\s§", section.prose), f"{section.title}: no section decides"
        assert section.listed, f"{section.title}: no difference left"


def test_titles_are_names():
    """Each is the name of one request, and can stand in the page's lists."""
    titles = [request.title for request in all_requests()]
    assert len(titles) == len(set(titles)) >= 500
    assert [title for title in titles if " · " in title or title.split() != title.split(" ")] == []


def test_each_request_has_its_section():
    for request in all_requests():
        assert re.fullmatch(r"\d{4} §[\dA-C.]+", request.rfc), request.title

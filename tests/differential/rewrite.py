#!/usr/bin/python3
"""Writes the lists in docs/differences.md anew, from what the servers answer now.

    tests/differential/rewrite.py [PROGRAM]     (default: build/release/wherry)

Prose is kept, and each request stays beneath its cause.  What is new goes under "Not explained
yet", which the test refuses: move it, and say which section of the RFC decides it.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

from compare import compare, differ, peer_versions  # noqa: E402
from page import PAGE, UNEXPLAINED, VERSIONS, Page  # noqa: E402
from program import Wherry  # noqa: E402


def rewrite(page, answers):
    for section in page.sections:
        section.listed = {title: answers[title] for title in answers
                          if title in section.listed and differ(answers[title])}
    listed = set(page.titles)
    new = {title: each for title, each in answers.items() if differ(each) and title not in listed}
    if new:
        page.section(UNEXPLAINED).listed.update(new)
    versions = peer_versions()
    page.intro = VERSIONS.sub(lambda found: f"{found[1]} {versions[found[1]]}", page.intro)
    return page.write()


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else HERE.parents[1] / "build/release/wherry"
    answers = compare(lambda root, *options: Wherry(program, root, "--http-port=0", *options), 1.0)
    PAGE.write_text(rewrite(Page.load(), answers), encoding="utf-8")


if __name__ == "__main__":
    main()

"""The dialogues of tests/cases, held with the real program (tests/cases/README.md)."""

import json
import re

import pytest

from cases import Say, all_cases, make_site

CASES = all_cases()
WITHOUT_TLS = pytest.mark.plain("it is about what comes without TLS")


def each(cases):
    return pytest.mark.parametrize(
        "case",
        [
            pytest.param(case, marks=WITHOUT_TLS) if "without TLS" in case.title else case
            for case in cases
        ],
        ids=lambda case: f"{case.file}: {case.title}",
    )


@pytest.fixture(scope="module")
def server(serve_all, tmp_path_factory):
    root = tmp_path_factory.mktemp("cases") / "site"
    root.mkdir()
    make_site(root)
    return serve_all(root, "--access-log=json")


@pytest.fixture(scope="module")
def etag_of(server):
    """The entity tag of a target, asked for once."""
    known = {}

    def ask(target):
        if target not in known:
            known[target] = server.get(target)["ETag"]
        return known[target]

    return ask


def check_answer(hear, answer):
    assert answer.status == hear.status, str(answer)
    if hear.then != "ended":
        assert answer.closes == (hear.then == "closed"), str(answer)
    for name, value in hear.fields:
        if value == "*":
            assert name in answer, str(answer)
        else:
            assert answer.get(name) == value, str(answer)
    if hear.body is not None:
        assert answer.body == hear.body
    if hear.body_has is not None:
        assert hear.body_has in answer.body, str(answer)


def play(case, server, etag_of, send):
    """Says and hears it all.  Gives the reasons that the log must have, as patterns."""
    reasons = []
    with server.dial() as peer:
        for step in case.steps:
            if isinstance(step, Say):
                send(peer, step.bytes(etag_of))
                if step.half_close:
                    peer.half_close()
                continue
            if step.status is not None:
                answer = peer.answer("HEAD" if step.to_head else "GET")
                check_answer(step, answer)
            if reason := step.why or step.logged:
                reasons.append(re.escape(json.dumps(reason)))
            if step.then != "stays":
                peer.expect_end()
        if step.then == "stays":
            assert peer.ask("/").status == 200
    return reasons


def check(case, server, etag_of, send):
    seen = len(server.out.bytes)
    for reason in play(case, server, etag_of, send):
        server.wait_log(f'"why": ?{reason}', since=seen)


@each(CASES)
def test_said_at_once(case, server, etag_of):
    check(case, server, etag_of, lambda peer, text: peer.send(text))


@each(case for case in CASES if case.can_be_cut())
def test_said_byte_by_byte(case, server, etag_of):
    check(case, server, etag_of, lambda peer, text: peer.send_singly(text))


def test_titles_are_names():
    """Each is the name of one case."""
    titles = [(case.file, case.title) for case in CASES]
    assert len(titles) == len(set(titles)) > 150

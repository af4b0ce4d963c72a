"""What makes the image, as far as it can be tried without an engine."""

import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# what is promised -> the rules, and which of their lines stay: those that end in a dot
RULES = {
    "behind a type nothing is read": """
        0 string A one .
        !:mime image/a .
        >4 byte 1 two
        >>5 byte 2 three
        !:mime image/b""",
    "the way down to a type stays": """
        0 string A one .
        >4 byte 1 two .
        >>5 byte 2 three .
        !:mime image/a .
        >>6 byte 3 four
        >7 byte 1 five""",
    "a rule without a type keeps others from saying one": """
        0 string A one .
        >4 byte 1 two""",
    "which it does by its first description": """
        0 string A .
        >4 byte 1 two .
        >>5 byte 2 three
        >6 byte 1 .
        >>7 byte 2 four .
        >8 byte 1""",
    "a default depends on what stands before it": """
        0 string A one .
        >4 byte 1 two .
        >>5 byte 2 three
        >4 default x four .
        !:mime image/a .
        >6 byte 1 five""",
    "an offset from the end may end a rule": """
        0 string A one .
        >-4 byte 1 two .
        >4 byte 1 three""",
    "what looks further on stays": """
        0 string A one .
        >4 indirect x two .""",
    "a named rule stays while it is used for a type": """
        0 string A one .
        >4 use typed .
        >4 use \\^other .
        >4 use plain
        0 name typed .
        >0 use deeper .
        0 name deeper .
        >0 byte 1 two .
        !:mime image/a .
        0 name other .
        >0 byte 1 three .
        !:mime image/b .
        0 name plain
        >0 byte 1 four""",
    "or for the only description": """
        0 string A .
        >4 use plain .
        0 name plain .
        >0 byte 1 two .""",
    "a strength is the whole rule's": """
        0 string A one .
        >4 byte 1 two
        !:strength + 15 .""",
    "a blank in a value ends no value": """
        0 string A\\ B one .
        >4 byte 1 two""",
}


def trimmed(tmp_path, text):
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "file").write_text(text)
    subprocess.run([ROOT / "image" / "trim-magic", tmp_path / "rules", tmp_path / "kept"], check=True)
    return (tmp_path / "kept" / "file").read_text().splitlines()


@pytest.mark.parametrize("promise", RULES)
def test_rules_that_have_no_say_are_left_out(tmp_path, promise):
    lines = [line.strip() for line in RULES[promise].strip().split("\n")]
    text = "# a comment\n\n" + "".join(line.removesuffix(" .") + "\n" for line in lines)
    kept = [line.removesuffix(" .") for line in lines if line.endswith(" .")]
    assert sorted(trimmed(tmp_path, text)) == sorted(kept)


def test_the_image_has_the_version_of_the_program():
    versions = {
        name: re.search(r"^(?:ARG )?VERSION *:?= *(\S+)$", (ROOT / name).read_text(), re.M)[1]
        for name in ("Makefile", "Dockerfile")
    }
    assert len(set(versions.values())) == 1, versions

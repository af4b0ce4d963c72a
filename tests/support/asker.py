"""What tests/peers/asker.c answers, read: texts as bytes."""

import json
from dataclasses import dataclass


def bytes_of(text):
    """Each character was a byte."""
    return None if text is None else text.encode("latin-1")


@dataclass
class File:
    name: bytes
    file_name: bytes
    type: bytes | None
    content: bytes


@dataclass
class Form:
    values: list  # pairs
    files: list
    problem: str | None
    spooled: int  # how many files are still where the body was spooled to

    @property
    def fields(self):
        """Names and contents, values first."""
        return self.values + [(each.name, each.content) for each in self.files]


def form_of(answer):
    """Of the body of an answer to POST /form."""
    told = json.loads(answer)
    return Form(
        [(bytes_of(name), bytes_of(value)) for name, value in told["values"]],
        [
            File(*(bytes_of(each[key]) for key in ("name", "file_name", "type", "content")))
            for each in told["files"]
        ],
        told["problem"],
        sum(each["is_spooled"] for each in told["files"]),
    )

"""The requests of the differential test, as tests/differential/requests/*.py write them down.

Each of those files has one list, REQUESTS, made with the words defined here.  Strings are Latin-1:
one character is one byte.  `<etag>` in a request stands for the entity tag that the server being
asked gives /digits.txt, and `<opaque>` for the same without its quotes.
"""

import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "requests"

MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT"      # of every file that is served
HOST = "Host: wherry.test"


@dataclass(frozen=True)
class Request:
    title: str
    rfc: str                    # the section that is asked about: "9110 §14.2"
    text: bytes
    then: bytes = b""           # said when the server has said 100, or nothing
    half_closes: bool = False   # and nothing more will come
    methods: tuple = ()         # of the requests in `text`, in their order; GET goes without saying
    theme: str = ""

    def bytes(self, etag):
        return fill_in(self.text, etag), fill_in(self.then, etag)


def fill_in(text, etag):
    return text.replace(b"<etag>", etag).replace(b"<opaque>", etag.strip(b'"'))


def say(title, rfc, text, then="", **more):
    """These very bytes."""
    method = text.lstrip("\r\n").partition(" ")[0]
    more.setdefault("methods", (method,))
    return Request(title, rfc, text.encode("latin-1"), then.encode("latin-1"), **more)


def ask(title, rfc, target="/digits.txt", *lines, method="GET", version="HTTP/1.1", host=HOST,
        body="", **more):
    """An ordinary request but for what is said.  A host of None is no Host line."""
    lines = [f"{method} {target} {version}", *([host] if host is not None else []), *lines]
    return say(title, rfc, "".join(f"{line}\r\n" for line in lines) + "\r\n" + body, **more)


def read(path):
    spec = importlib.util.spec_from_file_location(f"requests_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [replace(request, theme=path.stem) for request in module.REQUESTS]


def all_requests():
    return [request for path in sorted(FOLDER.glob("*.py")) for request in read(path)]

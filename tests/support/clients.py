"""Three clients that nobody here wrote, asked in one way: curl, Python's requests, and httpx.

    @CLIENTS
    def test_hello(server, ask):
        answer = ask("GET", f"{server.url}/hello")
        assert answer.status == 200 and answer.body == b"..."

An answer is a dialogue.Answer: the last one where redirects are followed, with its body decoded.
`follow` keeps cookies on the way, too.  Whom they trust over TLS is in the environment (conftest.py).
"""

import subprocess
import tempfile
from pathlib import Path

import httpx
import pytest
import requests

from dialogue import Answer
from tools import need

SECONDS = 60


def read_head(text):
    """The last of the heads that curl wrote down; trailers stand behind it."""
    parts = text.decode("latin-1").rstrip("\r\n").split("\r\n\r\n")
    head = [part for part in parts if part.startswith("HTTP/")][-1]
    first, *lines = head.split("\r\n")
    fields = [tuple(part.strip() for part in line.split(":", 1)) for line in lines]
    _, status, phrase = (first + " ").split(" ", 2)
    return int(status), phrase.strip(), fields


def ask_curl(method, url, fields=(), body=None, follow=False):
    words = ["--head"] if method == "HEAD" else ["-X", method]
    for name, value in dict(fields).items():
        words += ["-H", f"{name}: {value}" if value else f"{name};"]
    if body is not None:
        words += ["--data-binary", "@-"]
        if "content-type" not in (name.lower() for name in dict(fields)):
            words += ["-H", "Content-Type:"]  # it would call everything a form
    if follow:
        words += ["--location", "--cookie", ""]
    with tempfile.TemporaryDirectory() as folder:
        head, got = Path(folder, "head"), Path(folder, "body")
        got.write_bytes(b"")
        subprocess.run(
            [need("curl", "curl"), "-sS", "--http1.1", "--path-as-is", "--globoff", "--compressed",
             "-D", head, "-o", "/dev/null" if method == "HEAD" else got, *words, url],
            input=body or b"", capture_output=True, timeout=SECONDS, check=True,
        )
        return Answer(*read_head(head.read_bytes()), got.read_bytes())


def ask_requests(method, url, fields=(), body=None, follow=False):
    answer = requests.request(
        method, url, headers=dict(fields), data=body, allow_redirects=follow, timeout=SECONDS
    )
    fields = list(answer.raw.headers.items())
    return Answer(answer.status_code, answer.reason, fields, answer.content)


def ask_httpx(method, url, fields=(), body=None, follow=False):
    with httpx.Client(follow_redirects=follow, timeout=SECONDS) as client:
        answer = client.request(method, url, headers=dict(fields), content=body)
    return Answer(
        answer.status_code, answer.reason_phrase, answer.headers.multi_items(), answer.content
    )


CLIENTS = pytest.mark.parametrize(
    "ask", [ask_curl, ask_requests, ask_httpx], ids=["curl", "requests", "httpx"]
)

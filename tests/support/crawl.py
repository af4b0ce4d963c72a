"""Walks a site as a search engine does, and compares what comes with what lies on the disk."""

import html
import re
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

ATTRIBUTE = re.compile(
    rb"<[a-z][^<>]*?\s(?:href|src|poster|data|srcset)\s*=\s*"
    rb"""(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""",
    re.IGNORECASE,
)
CSS_URL = re.compile(rb"""url\(\s*(?:"([^"]*)"|'([^']*)'|([^\s"')]+))\s*\)""")


class Crawl:
    """The result of a walk: `pages` came as they lie on the disk, by path; `lost` links lead
    nowhere, and to nothing on the disk either; `wrong` is what must not be."""

    def __init__(self, server, root):
        self.server, self.root = server, root
        self.pages, self.lost, self.redirects, self.wrong = {}, set(), {}, []
        self.seen, self.waiting = set(), []

    def run(self, *starts):
        self.waiting += starts
        self.seen.update(starts)
        with self.server.dial(seconds=30) as peer:
            while self.waiting:
                self.visit(peer, self.waiting.pop())
        return self

    def file_of(self, path):
        """Where on the disk this path should come from; None when there is nothing.  Written
        down here once more, from the documentation and not from the code."""
        name = unquote_to_bytes(path).decode("utf-8", "surrogateescape").strip("/")
        if any(part.startswith(".") and part != ".well-known" for part in name.split("/")):
            return None
        places = (
            [name + "/index.html"]
            if path.endswith("/")
            else [name, name + "/index.html", name + ".html"]
        )
        return next(
            (file for place in places if (file := self.root / place.lstrip("/")).is_file()), None
        )

    def visit(self, peer, path):
        answer = peer.ask(path)
        file = self.file_of(path)
        if answer.status == 301:
            self.redirects[path] = answer["Location"]
            self.follow(path, [answer["Location"].encode()])
        elif answer.status == 404 and file is None:
            self.lost.add(path)
        elif answer.status != 200 or file is None:
            self.wrong.append(f"{path}: {answer.status}, and on the disk there is {file}")
        elif answer.body != file.read_bytes():
            self.wrong.append(f"{path}: not what is in {file}")
        else:
            self.pages[path] = file
            self.follow(path, links_in(answer))

    def follow(self, path, links):
        for link in links:
            text = html.unescape(link.decode("utf-8", "replace")).strip()
            try:
                parts = urlsplit(urljoin("http://here" + path, text))
            except ValueError:
                continue
            target = "".join(
                char if " " < char < "\x7f" else "".join(f"%{byte:02X}" for byte in char.encode())
                for char in parts.path or "/"
            )
            if parts.scheme == "http" and parts.netloc == "here" and target not in self.seen:
                self.seen.add(target)
                self.waiting.append(target)

    def files_not_seen(self):
        """Paths of files on the disk to which no link led."""
        seen = set(self.pages.values())
        for file in sorted(self.root.rglob("*")):
            parts = file.relative_to(self.root).parts
            if (
                file.is_file()
                and file not in seen
                and not any(part.startswith(".") for part in parts)
            ):
                yield "/" + "/".join(parts)


def links_in(answer):
    """What a page or a style sheet refers to, as it is written there."""
    kind = answer.get("Content-Type", "").partition(";")[0]
    pattern = {"text/html": ATTRIBUTE, "text/css": CSS_URL}.get(kind)
    if not pattern:
        return
    for groups in pattern.findall(answer.body):
        value = next(filter(None, groups), b"")
        if b", " in value:  # a set of pictures, each with its size
            yield from (each.split()[0] for each in value.split(b", ") if each.strip())
        else:
            yield value

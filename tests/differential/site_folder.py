"""The folder that all servers serve."""

import os
from email.utils import parsedate_to_datetime

from corpus import MODIFIED

DIGITS = b"0123456789" * 10

FILES = {
    "index.html": b"<!doctype html><title>home</title>\n",
    "about.html": b"<!doctype html><title>about</title>\n",
    "style.css": b"body { margin: 0 }\n",
    "script.js": b"'use strict';\n",
    "data.json": b"{}\n",
    "boat.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>\n",
    "digits.txt": DIGITS,
    "empty.txt": b"",
    "large.bin": bytes(range(256)) * 1024,
    "plain": b"a name without an ending\n",
    "UPPER.TXT": b"capitals\n",
    "two.dots.txt": b"two dots\n",
    "...": b"three dots\n",
    "with space.txt": b"a space\n",
    "plus+sign.txt": b"a plus\n",
    "per%cent.txt": b"a percent sign\n",
    "per%41cent.txt": b"what looks like an escape\n",
    "semi;colon.txt": b"a semicolon\n",
    "comma,name.txt": b"a comma\n",
    "mark?.txt": b"a question mark\n",
    "hash#.txt": b"a hash\n",
    "back\\slash.txt": b"a backslash\n",
    "colon:name.txt": b"a colon\n",
    "tilde~name.txt": b"a tilde\n",
    "quote'name.txt": b"a quote\n",
    "braces{}[]|^.txt": b"what browsers leave\n",
    "\u00fcber.txt": b"a letter of two bytes\n",
    ".hidden": b"a secret\n",
    ".htaccess": b"# nothing\n",
    ".git/config": b"[core]\n",
    ".well-known/security.txt": b"Contact: mailto:a@wherry.test\n",
    "posts/index.html": b"<!doctype html><title>posts</title>\n",
    "posts/first.html": b"<!doctype html><title>first</title>\n",
    "posts/deep/down/page.html": b"<!doctype html><title>down</title>\n",
    "bare/page.txt": b"in a folder without an index\n",
    "twin.html": b"<!doctype html><title>twin, the page</title>\n",
    "twin/index.html": b"<!doctype html><title>twin, the folder</title>\n",
    "a b/index.html": b"<!doctype html><title>a folder with a space</title>\n",
    "probe.txt": b"the connection goes on\n",
}
LINKS = {
    "inner-link.txt": "digits.txt",
    "inner-folder": "posts",
    "outer-link.txt": "../secret.txt",
    "dangling.txt": "nowhere.txt",
    "loop.txt": "loop.txt",
}
TYPES = {
    "html": "text/html", "css": "text/css", "js": "text/javascript", "json": "application/json",
    "svg": "image/svg+xml", "txt": "text/plain", "bin": "application/octet-stream",
}
PROBE = "probe.txt"             # asked for to see whether a connection goes on
SECRET = b"not of the site\n"   # beside the root


def type_of(name):
    """The type that a name has by its ending; None where it has none."""
    return TYPES.get(name.rpartition("/")[2].rpartition(".")[2].lower())


def make_site(folder):
    """Gives the root, beneath `folder`.  Anybody may read it."""
    root = folder / "site"
    modified = parsedate_to_datetime(MODIFIED).timestamp()
    for name, content in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o644)
        os.utime(path, (modified, modified))
    (folder / "secret.txt").write_bytes(SECRET)
    for name, target in LINKS.items():
        (root / name).symlink_to(target)
    for path in [root, *(each for each in root.rglob("*") if each.is_dir())]:
        path.chmod(0o755)
    return root

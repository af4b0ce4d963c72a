"""Sites that nobody here wrote: every link is followed, every byte compared with the disk."""

import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from crawl import Crawl
from tools import lacking, need

PYTHON_DOC = Path("/usr/share/doc/python3-doc/html")


def check(server, root, starts=("/",)):
    """Walks the links, then asks for what no link led to: everything must come, and be the same."""
    crawl = Crawl(server, root).run(*starts)
    assert not crawl.wrong, crawl.wrong[:10]
    linked = len(crawl.pages)
    crawl.run(*(quote(path) for path in crawl.files_not_seen()))
    assert not crawl.wrong, crawl.wrong[:10]
    assert not list(crawl.files_not_seen())
    return crawl, linked


def test_the_own_site(serve, public):
    """All its links lead somewhere, but for those that say they do not, to show the 404 page."""
    crawl, _ = check(serve(public), public)
    assert all("nowhere" in path or "nothing" in path for path in crawl.lost), crawl.lost
    assert crawl.pages["/"] == public / "index.html"


def test_the_manual_of_python(serve, tmp_path):
    """A thousand pages made by Sphinx."""
    if not (PYTHON_DOC / "index.html").exists():
        lacking("the manual of Python is missing: apt-get install python3-doc")
    # Debian replaces two scripts by links to packages of their own.  They lead out of the
    # folder, so we would refuse them, and rightly; the copy has the files instead.
    root = tmp_path / "manual"
    shutil.copytree(PYTHON_DOC.resolve(), root, ignore_dangling_symlinks=True)
    crawl, linked = check(serve(root), root)
    assert linked > 400
    assert "/library/asyncio-task.html" in crawl.pages


# ---- hugo ------------------------------------------------------------------------------------

LAYOUTS = {
    "_default/baseof.html": """<!doctype html>
<html lang="{{ .Site.LanguageCode }}"><meta charset="utf-8"><title>{{ .Title }}</title>
<link rel="stylesheet" href="{{ "css/site.css" | relURL }}">
{{ range .AlternativeOutputFormats }}<link rel="alternate" type="{{ .MediaType.Type }}" href="{{ .RelPermalink }}">{{ end }}
<nav><a href="{{ "/" | relURL }}">home</a>{{ range .Site.Sections }} <a href="{{ .RelPermalink }}">{{ .Title }}</a>{{ end }}
<a href="{{ "tags/" | relURL }}">tags</a> <a href="{{ "moods/" | relURL }}">moods</a></nav>
{{ block "main" . }}{{ end }}</html>
""",
    "_default/single.html": """{{ define "main" }}<h1>{{ .Title }}</h1>{{ .Content }}
{{ range slice "tags" "moods" }}{{ range $.GetTerms . }}<a href="{{ .RelPermalink }}">{{ .LinkTitle }}</a> {{ end }}{{ end }}
{{ range .Resources }}<img src="{{ .RelPermalink }}">{{ end }}
{{ with .PrevInSection }}<a href="{{ .RelPermalink }}">before</a>{{ end }}
{{ with .NextInSection }}<a href="{{ .RelPermalink }}">after</a>{{ end }}{{ end }}
""",
    "_default/list.html": """{{ define "main" }}<h1>{{ .Title }}</h1>
{{ $pages := .Paginate .Pages 7 }}{{ range $pages.Pages }}<p><a href="{{ .RelPermalink }}">{{ .Title }}</a>{{ end }}
{{ range $pages.Pagers }}<a href="{{ .URL }}">{{ .PageNumber }}</a> {{ end }}{{ end }}
""",
    "404.html": "<!doctype html><title>lost</title><h1>not here</h1>\n",
}

CONFIG = """baseURL = "/"
languageCode = "en"
title = "The log of a ferry"
disableKinds = []
[taxonomies]
tag = "tags"
mood = "moods"
"""

PAGE = """---
title: "{title}"
date: 2026-01-{day:02d}
tags: ["{tag}", "every page"]
moods: ["{mood}"]
---
The page of number {number}, on a *{mood}* day. See [another]({{{{< relref "{other}" >}}}}).
"""

TAGS = ["river", "fog & mist", "C++", "grün", "50% off", "rope"]
MOODS = ["calm", "wild", "quiet sea"]


def write(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_sources(root):
    """A hundred and forty pages in three sections, some with pictures of their own."""
    write(root, "config.toml", CONFIG)
    for name, text in LAYOUTS.items():
        write(root / "layouts", name, text)
    write(
        root / "static",
        "css/site.css",
        'body { background: url("../wave.svg") } @import url(more.css);\n',
    )
    write(root / "static", "css/more.css", "h1 { background: url('/wave.svg') }\n")
    write(root / "static", "wave.svg", '<svg xmlns="http://www.w3.org/2000/svg"/>\n')
    write(root / "static", "robots.txt", "User-agent: *\n")
    for section in ("log", "ports", "log/deep/er"):
        write(root / "content", f"{section}/_index.md", f"---\ntitle: {section}\n---\n")
    numbers = range(140)
    names = [
        f"ports/port-{number}.md"
        if number % 4 == 0
        else f"log/deep/er/Überfahrt {number}.md"
        if number % 4 == 1
        else f"log/day-{number}/index.md"
        for number in numbers
    ]
    for number, name in zip(numbers, names):
        write(
            root / "content",
            name,
            PAGE.format(
                title=f"Day {number} & more",
                day=number % 28 + 1,
                tag=TAGS[number % len(TAGS)],
                mood=MOODS[number % len(MOODS)],
                number=number,
                other="/" + names[number - 1],
            ),
        )
        if name.endswith("/index.md"):
            write(root / "content", name.replace("index.md", "a sketch.svg"), "<svg/>\n")


@pytest.mark.parametrize("ugly", [False, True], ids=["folders", "files"])
def test_a_site_built_with_hugo(serve, tmp_path, ugly):
    """Sections, taxonomies, pagination and feeds; with a folder for each page, and with a file."""
    hugo = need("hugo", "hugo")
    sources, root = tmp_path / "sources", tmp_path / "site"
    write_sources(sources)
    built = subprocess.run(
        [hugo, "--source", sources, "--destination", root, "--cacheDir", tmp_path / "cache"],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "HUGO_UGLYURLS": str(ugly).lower()},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    server = serve(root)
    crawl, linked = check(server, root)
    assert not crawl.lost, sorted(crawl.lost)[:10]
    assert linked > 140
    assert server.get("/nothing").body == (root / "404.html").read_bytes()
    assert server.get("/index.xml").status == 200

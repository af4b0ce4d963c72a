"""The include graph points down, and each foreign library has one door."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAYERS = ROOT / "tests" / "support" / "layers.py"


def layers(src):
    return subprocess.run(
        [sys.executable, LAYERS, src], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def tree(tmp_path):
    """Writes small source trees: tree({"net/a.c": "..."}) runs layers.py on one."""

    def run(files):
        for name, text in files.items():
            path = tmp_path / "src" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return layers(tmp_path / "src")

    return run


def test_our_own_tree_keeps_the_rules():
    result = layers(ROOT / "src")

    assert result.stderr == ""
    assert result.returncode == 0


def test_the_graph_shows_each_arrow_and_how_many_files_draw_it(tree):
    result = tree({
        "base/str.h": "",
        "http/date.h": '#include "base/str.h"\n',
        "http/date.c": '#include "http/date.h"\n#include "base/str.h"\n',
        "site/site.c": '#include <wherry.h>\n#include "http/date.h"\n',
    })

    assert result.returncode == 0
    assert result.stdout.splitlines() == [
        "main/        0 files",
        "server/      0 files",
        "site/        1 files  -> http (1), wherry.h (1)",
        "endpoints/   0 files",
        "net/         0 files",
        "coding/      0 files",
        "http/        2 files  -> base (2)",
        "base/        1 files",
    ]


@pytest.mark.parametrize("name, line", [
    ("base/log.c", '#include "net/queue.h"'),
    ("base/log.c", '#include "http/date.h"'),
    ("base/log.c", "#include <wherry.h>"),
    ("net/plain.c", '#include "http/field.h"'),
    ("net/plain.c", '#include "server/worker.h"'),
    ("net/plain.c", '#include "../http/field.h"'),
    ("net/plain.c", '#include "src/http/field.h"'),
    ("net/plain.c", "#  include <http/field.h>"),
    ("http/head.c", '#include "net/transport.h"'),
    ("http/head.c", '#include "site/root.h"'),
    ("http/head.c", '#include "wherry.h"'),
    ("server/router.c", '#include "site/site.h"'),
    ("server/router.c", '#include "main/options.h"'),
    ("server/router.c", '#include "tests/support/tight.h"'),
    ("site/site.c", '#include "server/response.h"'),
    ("site/site.c", '#include "net/transport.h"'),
    ("site/site.c", '#include "endpoints/endpoints.h"'),
    ("endpoints/say.c", '#include "site/site.h"'),
    ("endpoints/say.c", '#include "server/exchange.h"'),
    ("endpoints/say.c", '#include "net/transport.h"'),
])
def test_an_arrow_up_or_sideways_is_refused(tree, name, line):
    result = tree({name: f"\n{line}\n"})

    assert result.returncode == 1
    assert f"{name}:2: {name.split('/')[0]} includes " in result.stderr


@pytest.mark.parametrize("name, line", [
    ("net/plain.c", "#include <openssl/ssl.h>"),
    ("main/main.c", "#include <openssl/ssl.h>"),
    ("site/coding.c", "#include <magic.h>"),
    ("site/mime.c", "#include <zlib.h>"),
    ("server/server.c", "#include <ini.h>"),
    ("site/cache.c", "#include <xxhash.h>"),
])
def test_a_foreign_library_has_one_door(tree, name, line):
    result = tree({name: f"/* why */\n\n{line}\n"})

    assert result.returncode == 1
    assert f"{name}:3: <" in result.stderr
    assert "comes in through" in result.stderr


@pytest.mark.parametrize("name, line", [
    ("net/tls.c", "#include <openssl/ssl.h>"),
    ("net/tls_reload.c", "#include <openssl/ssl.h>"),
    ("site/sniff.c", "#include <magic.h>"),
    ("coding/encode.c", "#include <zlib.h>"),
    ("main/options.c", "#include <ini.h>"),
    ("site/representation.c", "#include <xxhash.h>"),
])
def test_and_the_door_is_open(tree, name, line):
    assert tree({name: f"{line}\n"}).returncode == 0


@pytest.mark.parametrize("code", [
    "return open(name, O_RDONLY);",
    "return openat(dir, name, O_RDONLY);",
    "return openat2 (dir, name, &how, sizeof how);",
    "return (int)syscall(SYS_openat2, dir, name, &how, sizeof how);",
    'FILE *file = fopen(name, "r");',
    "DIR *dir = opendir(name);",
])
def test_a_path_of_the_site_is_opened_in_one_file(tree, code):
    assert tree({"site/root.c": f"{code}\n"}).returncode == 0

    result = tree({"site/listing.c": f"{code}\n"})
    assert result.returncode == 1
    assert "site/listing.c:1: a path of the site is opened in site/root.c only" in result.stderr


@pytest.mark.parametrize("header", [
    "unistd.h", "fcntl.h", "sys/stat.h", "time.h", "stdlib.h", "stdio.h",
])
def test_http_has_no_descriptor_and_no_clock(tree, header):
    result = tree({"http/date.c": f"#include <{header}>\n"})

    assert result.returncode == 1
    assert f"http/date.c:1: http includes <{header}>" in result.stderr


@pytest.mark.parametrize("call", ["malloc(1)", "calloc (1, 1)", "realloc(p, 2)", "free(p)"])
def test_http_has_no_heap(tree, call):
    result = tree({"http/field.c": f"void f(void *p)\n{{\n    {call};\n}}\n"})

    assert result.returncode == 1
    assert "http/field.c:3: http has no heap" in result.stderr


def test_words_in_comments_strings_and_longer_names_are_innocent(tree):
    result = tree({
        "site/site.c": '/* root_open() calls\n * open() */\nconst char *s = "open(";\n'
                       "int n = root_open(r) + door->open(d) + fdopendir(f);  // open(\n",
        "http/field.c": '// #include <stdio.h>\n/*\n#include "net/queue.h"\n*/\n'
                        "void g(void) { arena_free(a); }\n",
    })

    assert result.stderr == ""
    assert result.returncode == 0


def test_a_folder_nobody_drew_is_refused(tree):
    result = tree({"util/misc.c": ""})

    assert result.returncode == 1
    assert "util/misc.c:1: util is not one of the folders of src/" in result.stderr


def test_a_tree_without_files_is_a_mistake_not_a_success(tmp_path):
    assert layers(tmp_path).returncode == 1

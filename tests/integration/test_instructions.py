"""How many instructions a request costs, so that no change makes it dearer unnoticed.

Time is a poor judge on a busy machine; instructions are the same every time, to about one in a
hundred.  Callgrind counts those of the program itself, not the kernel's.  Each kind of request is
counted twice, COUNT times and twice COUNT times, and the difference is what the requests cost:
starting and stopping cancel out.  What else may happen meanwhile (the housekeeper's tick, a worker
that is woken for nothing) only adds, so the least of TRIES stands.

The requests go round over some connections, because the answer is out before a worker is done with
its connection: the next request there would sometimes meet it, and sometimes not.  A connection for
each request is not among the kinds for the same reason: whether its first bytes are there when it
is taken in is a matter of luck, and of one instruction in ten.

Callgrind of Debian 12 knows no openat2, so a file that is missing is looked for in the slower way
here (site/root.c): that count is to be compared with itself alone.

When a count has grown for a good reason, or shrunk:

    make && /usr/bin/python3 tests/integration/test_instructions.py
"""

import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

from program import Wherry  # noqa: E402

BASELINE = HERE / "instructions.json"
UPDATE = f"/usr/bin/python3 {Path(__file__).relative_to(HERE.parent.parent)}"

COUNT = 300             # requests
CONNECTIONS = 8         # they go round over
TRIES = 3
MARGIN = 0.08           # more than that above the baseline is a failure
PATIENCE = 10.0         # callgrind is slow


# ---- what is asked ---------------------------------------------------------------------------

def asks(target, status, method="GET", **fields):
    """A kind of request: `times` of it, round over connections that stay open."""
    fields = {name.replace("_", "-"): value for name, value in fields.items()}

    def ask(server, peers, times):
        for turn in range(times):
            answer = peers[turn % len(peers)].ask(target, method, fields)
            assert answer.status == status, str(answer)
    return ask


def asks_again(server, peers, times):
    """The page that the client has."""
    etag = peers[0].ask("/page.html")["ETag"]
    asks("/page.html", 304, If_None_Match=etag)(server, peers, times)


KINDS = {
    "page": asks("/page.html", 200),                            # 1 KiB, from memory
    "head": asks("/page.html", 200, method="HEAD"),
    "not-modified": asks_again,
    "range": asks("/page.html", 206, Range="bytes=100-299"),
    "file": asks("/file.bin", 200),                             # 300 KiB, by sendfile
    "missing": asks("/none.html", 404),
}


# ---- counting --------------------------------------------------------------------------------

def make_site(root):
    root.mkdir()
    for name, size in (("page.html", 1024), ("file.bin", 300 * 1024)):
        (root / name).write_bytes(b"x" * size)
    return root


def count_run(program, root, ask, times):
    """Instructions of one life of the program with so many requests in it."""
    with tempfile.NamedTemporaryFile() as counts:
        server = Wherry(program, root, "--http-port=0", "--address=127.0.0.1", "--workers=2",
                        patience=PATIENCE,
                        before=("valgrind", "--tool=callgrind", f"--callgrind-out-file={counts.name}"))
        try:
            peers = [server.dial() for _ in range(CONNECTIONS)]
            ask(server, peers, times)
            for peer in peers:
                peer.close()
            server.stop()
        finally:
            server.kill()
        return int(re.search(rb"^totals: (\d+)$", counts.read(), re.MULTILINE)[1])


def count_kind(program, root, kind):
    """Instructions per request."""
    once, twice = (min(count_run(program, root, KINDS[kind], times) for _ in range(TRIES))
                   for times in (COUNT, 2 * COUNT))
    return round((twice - once) / COUNT)


def compiler_of(program):
    """What made it: "x86_64 gcc 12".  Compilers leave their name in the program; gcc also stands
    there when only the start-up files of the C library come from it."""
    told = subprocess.run(["readelf", "-p", ".comment", program], capture_output=True, text=True,
                          check=True).stdout
    for name, pattern in (("clang", r"clang version (\d+)"), ("gcc", r"GCC: \(.*\) (\d+)\.")):
        if found := re.search(pattern, told):
            return f"{platform.machine()} {name} {found[1]}"
    return f"{platform.machine()}, compiler unknown"


# ---- the promise -----------------------------------------------------------------------------

@pytest.fixture(scope="module")
def baseline(build):
    if build.name != "release":
        pytest.skip("instructions are counted in the release build")
    if not shutil.which("valgrind"):
        pytest.skip("there is no valgrind here")
    known, compiler = json.loads(BASELINE.read_text()), compiler_of(build.program)
    if compiler not in known:
        pytest.skip(f"there are no counts for {compiler} yet; to make them: {UPDATE}")
    return known[compiler]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make_site(tmp_path_factory.mktemp("instructions") / "site")


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_costs_no_more_than_it_did(build, baseline, root, kind):
    now, before = count_kind(build.program, root, kind), baseline[kind]
    change = (now - before) / before
    said = f"{kind}: {now} instructions, {change:+.1%} against {before}; if that is meant: {UPDATE}"
    assert change <= MARGIN, said
    if change < -MARGIN:
        warnings.warn(said)


# ---- a new baseline --------------------------------------------------------------------------

def update(program):
    """Counts all kinds and writes them down for the compiler that made the program."""
    known, compiler = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}, compiler_of(program)
    before, counts = known.get(compiler, {}), {}

    print(compiler)
    with tempfile.TemporaryDirectory() as folder:
        root = make_site(Path(folder) / "site")
        for kind in KINDS:
            counts[kind] = count_kind(program, root, kind)
            print(f"  {kind:16}{before.get(kind, '-'):>8}  now {counts[kind]:>8}")
    known[compiler] = counts
    BASELINE.write_text(json.dumps(known, indent=4, sort_keys=True) + "\n")


if __name__ == "__main__":
    update(Path(sys.argv[1] if sys.argv[1:] else "build/release/wherry"))

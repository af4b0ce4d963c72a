"""What all integration tests share: the real binary, on a free port, serving a temporary folder."""

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "support"))

from program import Wherry  # noqa: E402

# How much longer things may take under a sanitizer, on a busy machine.
PATIENCE = {"asan": 4.0, "tsan": 6.0, "debug": 2.0}


class Build:
    """One build of the program: where it is, and how fast it can be expected to be."""

    def __init__(self, folder):
        self.folder = folder.resolve()
        self.name = folder.name
        self.program = self.folder / "wherry"
        self.patience = PATIENCE.get(self.name, 1.0)
        self.is_fast = self.name == "release"  # promises about time are kept by this one
        self.has_sanitizer = self.name in ("asan", "tsan")

    def peer(self, name):
        """A server made for tests, from tests/peers/."""
        return self.folder / "tests" / "peers" / name


def pytest_addoption(parser):
    parser.addoption(
        "--build",
        default="build/release",
        type=Path,
        metavar="DIR",
        help="the folder with the program to test (default: build/release)",
    )


@pytest.fixture(scope="session")
def build(request):
    build = Build(request.config.getoption("--build"))
    if not build.program.exists():
        pytest.exit(f"{build.program} is not there: make BUILD={build.name}", returncode=2)
    return build


def serving(build):
    """Gives `serve(root, *options)`, and stops what it started: each must end well."""
    started = []

    def serve(root, *options, program=None, **more):
        if program is None:
            options = ("--http-port=0", *options)
        server = Wherry(program or build.program, root, *options, patience=build.patience, **more)
        started.append(server)
        return server

    yield serve
    try:
        for server in started:
            server.stop()
    finally:
        for server in started:
            server.kill()


@pytest.fixture
def serve(build):
    yield from serving(build)


@pytest.fixture(scope="module")
def serve_all(build):
    """As `serve`, for servers that all tests of a file share."""
    yield from serving(build)


@pytest.fixture
def site(tmp_path):
    """A folder to be served, with a page."""
    root = tmp_path / "site"
    root.mkdir()
    (root / "index.html").write_text("<!doctype html><title>home</title>\n")
    return root


@pytest.fixture
def public():
    """The site that comes with wherry."""
    return TESTS.parent / "public"

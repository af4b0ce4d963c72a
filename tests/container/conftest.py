"""What the tests of the image share: the image, and containers of it that are gone afterwards."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "support"))

import container  # noqa: E402
from minted import Authority  # noqa: E402
from tools import lacking  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--image", default="wherry:latest", metavar="NAME", help="the image to test")


def pytest_configure(config):
    config.figures = {}


def pytest_terminal_summary(terminalreporter, config):
    """What was measured, as lines of a table for the README."""
    if config.figures:
        terminalreporter.write_sep("-", "measured")
        terminalreporter.write_line("| what | measured | at most |\n|---|--:|--:|")
        for what, (measured, limit) in config.figures.items():
            terminalreporter.write_line(f"| {what} | {measured} | {limit} |")


@pytest.fixture(scope="session", autouse=True)
def image(request):
    """The image's name.  Whatever a test makes of it and leaves behind does not stay."""
    name = request.config.getoption("--image")
    if why := container.missing(name):
        lacking(why)
    yield name
    container.sweep()


@pytest.fixture
def figure(request):
    """Notes what was measured, for the end, and holds it to its limit."""

    def note(what, measured, limit=None, unit=""):
        shown = f"{measured:.1f} {unit}"
        most = f"{limit:g} {unit}" if limit is not None else ""
        request.config.figures[what] = (shown, most)
        assert limit is None or measured <= limit, f"{what}: {shown}, at most {most}"

    return note


def starting(image):
    started = []

    def start(*arguments, wait=True, options=(), image=image):
        running = container.Container(image, *arguments, options=options)
        started.append(running)
        return running.wait_ready() if wait else running

    yield start
    for running in started:
        running.remove()


@pytest.fixture
def start(image):
    """Gives `start(*arguments, options=...)`, which starts a container."""
    yield from starting(image)


@pytest.fixture(scope="module")
def start_all(image):
    """As `start`, for containers that all tests of a file share."""
    yield from starting(image)


@pytest.fixture(scope="module")
def plain(start_all):
    """One that was told nothing."""
    return start_all()


@pytest.fixture
def volume():
    """A named volume."""
    name = container.make_name()
    container.docker("volume", "create", "--label", container.LABEL, name)
    return name


@pytest.fixture
def public():
    """The site that comes with wherry."""
    return TESTS.parent / "public"


@pytest.fixture
def shared():
    """A folder that any user of a container may look into: pytest's own are for us alone."""
    with tempfile.TemporaryDirectory(prefix="wherry-container-") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture
def site(shared):
    """A folder to be mounted, with a page."""
    root = shared / "site"
    root.mkdir()
    (root / "index.html").write_text("<!doctype html><title>home</title>\n")
    return root


@pytest.fixture
def authority(tmp_path):
    """Signs certificates for tests."""
    return Authority(tmp_path / "minted")

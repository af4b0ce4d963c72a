"""What all integration tests share: the real binary, on a free port, serving a temporary folder.

With --tls they all talk TLS to it, with a certificate that it makes itself: whatever HTTP promises
holds there, too.  The few tests that say @pytest.mark.plain(why) are skipped then.

With --image they run that container image instead of the binary, each server in a container of its
own; NOT_IN_IMAGE says which cannot, and why."""

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "support"))

import container  # noqa: E402
from installed import Installed  # noqa: E402
from minted import Authority  # noqa: E402
from program import Wherry, stopping  # noqa: E402

# These open no connection, or make all of theirs themselves, so that a run over TLS says nothing new.
SAME_OVER_TLS = {
    "test_bad_tls.py",
    "test_ci.py",
    "test_conformance.py",
    "test_differential.py",
    "test_healthcheck.py",
    "test_instructions.py",
    "test_layers.py",
    "test_library.py",
    "test_options.py",
    "test_precompress.py",
    "test_small.py",
    "test_todo.py",
}

# What says nothing of an image, or cannot be done to one: a file, or a test of a file, and why.
HAS_OTHER_STDIO = "docker's client stands between the program and what it writes to"
HAS_OTHER_RIGHTS = "what is taken from its caller is taken from docker's client"
HAS_OTHER_HOUSE = "what is mounted or named for it alone is not there for the engine"
HAS_OTHER_PROGRAM = "its program is not in the image"
NOT_IN_IMAGE = {
    "test_breaker.py": HAS_OTHER_PROGRAM,
    "test_ci.py::test_the_greeting_is_one_write_once_it_listens": HAS_OTHER_STDIO,
    "test_ci.py::test_who_sees_it_can_read_all_of_it_and_come": HAS_OTHER_STDIO,
    "test_ci.py::test_its_mode_is_what_the_umask_leaves": HAS_OTHER_RIGHTS,
    "test_ci.py::test_a_folder_that_may_not_be_written_to": HAS_OTHER_RIGHTS,
    "test_ci.py::test_a_read_only_file_system": HAS_OTHER_HOUSE,
    "test_ci.py::test_a_file_that_is_mounted_itself": HAS_OTHER_HOUSE,
    "test_ci.py::test_a_full_disk": HAS_OTHER_HOUSE,
    "test_ci.py::test_the_page_has_a_fixture": HAS_OTHER_HOUSE,
    "test_ci.py::test_wait_asks_a_name_server": HAS_OTHER_HOUSE,
    "test_ci.py::test_wait_asks_it_for_ipv6_too": HAS_OTHER_HOUSE,
    "test_ci.py::test_wait_looks_where_a_short_name_may_be_meant": HAS_OTHER_HOUSE,
    "test_ci.py::test_wait_reads_hosts": HAS_OTHER_HOUSE,
    "test_ci.py::test_wait_for_a_name_that_nobody_knows": HAS_OTHER_HOUSE,
    "test_ci.py::test_wait_where_no_name_server_answers": HAS_OTHER_HOUSE,
    "test_ci.py::test_wait_where_a_name_server_says_nothing": HAS_OTHER_HOUSE,
    "test_conformance.py": "compares the documents with the sources",
    "test_endpoints.py::test_a_folder_that_may_not_be_written_to": HAS_OTHER_RIGHTS,
    "test_forms.py": HAS_OTHER_PROGRAM,
    "test_handlers.py": HAS_OTHER_PROGRAM,
    "test_image.py": "reads the scripts that make the image",
    "test_instructions.py": "counts the instructions of the binary under valgrind",
    "test_layers.py": "reads the sources",
    "test_library.py": "builds programs with the library, which is not in the image",
    "test_log.py::test_a_stdout_that_nobody_reads": HAS_OTHER_STDIO,
    "test_log.py::test_a_stdout_that_is_read_late": HAS_OTHER_STDIO,
    "test_log.py::test_a_stdout_that_is_closed": HAS_OTHER_STDIO,
    "test_log.py::test_a_stderr_that_nobody_reads": HAS_OTHER_STDIO,
    "test_options.py::test_an_answer_that_nobody_can_read_is_a_failure": HAS_OTHER_STDIO,
    "test_options.py::test_a_root_that_may_not_be_read": HAS_OTHER_RIGHTS,
    "test_options.py::test_a_root_of_somebody_else": HAS_OTHER_RIGHTS,
    "test_precompress.py::test_a_limit_of_size_is_no_signal": HAS_OTHER_RIGHTS,
    "test_precompress.py::test_what_is_forbidden_is_said_and_the_rest_goes_on": HAS_OTHER_RIGHTS,
    "test_precompress.py::test_a_terminal_gets_a_bar": HAS_OTHER_STDIO,
    "test_precompress.py::test_a_failure_is_not_drawn_over": HAS_OTHER_STDIO,
    "test_small.py::test_it_answers_soon": "the engine's start counts: tests/container measures without",
    "test_streams.py": HAS_OTHER_PROGRAM,
    "test_tls_certificates.py::test_a_file_that_may_not_be_read": HAS_OTHER_RIGHTS,
    "test_tls_facts.py": HAS_OTHER_PROGRAM,
    "test_todo.py": "builds a program with the library, which is not in the image",
    "test_uploads.py": HAS_OTHER_PROGRAM,
}

# How much longer things may take under a sanitizer, and in an image, which is asked over TCP and over TLS
# at the same time.
PATIENCE = {"asan": 4.0, "tsan": 6.0, "debug": 2.0, "image": 2.0}


class Build:
    """One build of the program: where it is, and how fast it can be expected to be."""

    def __init__(self, folder):
        self.folder = folder.resolve()
        self.name = folder.name
        self.program = self.folder / "wherry"
        self.patience = PATIENCE.get(self.name, 1.0)
        self.is_fast = self.name in ("release", "image")  # these keep promises about time
        self.has_sanitizer = self.name in ("asan", "tsan")

    def peer(self, name):
        """A server made for tests, from tests/peers/."""
        return self.folder / "tests" / "peers" / name


@dataclass
class Over:
    """What tests talk to the server over."""

    cert_dir: Path | None = None  # where it keeps its certificate; None: plain TCP

    @property
    def is_tls(self):
        return self.cert_dir is not None

    def words(self, wait):
        """Options for the server.  Where it cannot tell its ports, it has only one."""
        if not self.is_tls:
            return ["--http-port=0"]
        which = "--tls" if wait else "--tls-only"
        return ["--http-port=0", which, "--https-port=0", f"--cert-dir={self.cert_dir}"]


def pytest_addoption(parser):
    parser.addoption(
        "--build",
        default="build/release",
        type=Path,
        metavar="DIR",
        help="the folder with the program to test (default: build/release)",
    )
    parser.addoption("--tls", action="store_true", help="talk TLS to the program")
    parser.addoption("--image", metavar="NAME", help="run this image instead of a build")


def pytest_configure(config):
    config.addinivalue_line("markers", "plain(why): not run over TLS, and why")
    if config.getoption("--image"):
        run_image(config, config.getoption("--image"))


def run_image(config, image):
    """Puts a program that runs the image in the place of a build.  It sees the repository, and the
    folder in which tests make theirs."""
    if why := container.missing(image):
        pytest.exit(why, returncode=2)
    for name in NOT_IN_IMAGE:
        file, _, test = name.partition("::")
        assert f"def {test}" in (TESTS / "integration" / file).read_text(), f"there is no {name}"
    folder = Path(tempfile.mkdtemp(prefix="wherry-image-"))
    folder.chmod(0o755)  # other servers, to compare with, are other users
    tempfile.tempdir = str(folder)
    config.add_cleanup(container.sweep)
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    config.option.basetemp = config.option.basetemp or folder / "tests"
    (folder / "image").mkdir()
    container.write_program(folder / "image" / "wherry", image, TESTS.parent, folder)
    config.option.build = folder / "image"
    Wherry.place = container.Inside


def pytest_ignore_collect(collection_path, config):
    name = collection_path.name
    if config.getoption("--tls") and (name in SAME_OVER_TLS or name.startswith("test_tls_")):
        return True
    return True if config.getoption("--image") and name in NOT_IN_IMAGE else None


def pytest_terminal_summary(terminalreporter, config):
    if config.getoption("--image"):
        for name, why in sorted(NOT_IN_IMAGE.items()):
            terminalreporter.write_line(f"not in an image: {name}: {why}")


def pytest_runtest_setup(item):
    mark = item.get_closest_marker("plain")
    if mark and item.config.getoption("--tls"):
        pytest.skip(*mark.args)
    if item.config.getoption("--image"):
        why = NOT_IN_IMAGE.get(f"{item.path.name}::{item.originalname}")
        if why:
            pytest.skip(why)


@pytest.fixture(scope="session")
def build(request):
    build = Build(request.config.getoption("--build"))
    if not build.program.exists():
        pytest.exit(f"{build.program} is not there: make BUILD={build.name}", returncode=2)
    return build


@pytest.fixture(scope="session")
def over(request, tmp_path_factory):
    """What tests talk over; clients that nobody here wrote are told whom to trust, too."""
    if not request.config.getoption("--tls"):
        yield Over()
        return
    folder = tmp_path_factory.mktemp("over-tls")
    over = Over(folder / "certs")
    authority, wgetrc = over.cert_dir / "ca.pem", folder / "wgetrc"
    wgetrc.write_text(f"ca_certificate = {authority}\n")
    patched = pytest.MonkeyPatch()
    patched.setenv("SSL_CERT_FILE", str(authority))
    patched.setenv("CURL_CA_BUNDLE", str(authority))
    patched.setenv("REQUESTS_CA_BUNDLE", str(authority))
    patched.setenv("WGETRC", str(wgetrc))
    yield over
    patched.undo()


def skip_outside(build, program, before):
    """What is not of the image, and what would be done to docker's client in its stead."""
    if program not in (None, build.program):
        pytest.skip("it starts another program than the image's")
    if before and before[0] != "env":
        pytest.skip(f"{before[0]} cannot put the image in its place: tests/container does")


def serving(build, over):
    """Gives `serve(root, *options)`, and stops what it started: each must end well."""
    with stopping() as started:
        def serve(root, *options, program=None, **more):
            if Wherry.place:
                skip_outside(build, program, more.get("before"))
            if program is None:
                options = (*over.words(more.get("wait", True)), *options)
                more.setdefault("secure", over.is_tls or None)
                more.setdefault("authority", over.is_tls and over.cert_dir / "ca.pem")
            elif over.is_tls and program != build.program:
                more.setdefault("environment", {}).setdefault("PEER_CERT_DIR", str(over.cert_dir))
                more.setdefault("secure", True)
                more.setdefault("authority", over.cert_dir / "ca.pem")
                if b"PEER_CERT_DIR" not in program.read_bytes():
                    pytest.skip(f"{program.name} speaks no TLS")
            server = Wherry(program or build.program, root, *options, patience=build.patience, **more)
            started.append(server)
            return server

        yield serve


@pytest.fixture
def serve(build, over):
    yield from serving(build, over)


@pytest.fixture(scope="module")
def serve_all(build, over):
    """As `serve`, for servers that all tests of a file share."""
    yield from serving(build, over)


@pytest.fixture
def authority(tmp_path):
    """Signs certificates for tests, and is trusted by their clients."""
    return Authority(tmp_path / "minted")


@pytest.fixture
def serve_tls(serve, authority, tmp_path):
    """As `serve`, by HTTPS alone: with these pairs of certificate and key, which that authority has
    signed, or with one that the server makes itself."""

    def serve_tls(root, *options, pairs=(), only=True, **more):
        given = [word for pair in pairs for word in pair.options]
        trusted = authority.cert if pairs else None
        words = ["--tls-only" if only else "--tls", "--https-port=0", *given]
        more.setdefault("authority", trusted)
        return serve(
            root, *words, f"--cert-dir={tmp_path / 'certs'}", *options, secure=True, **more
        )

    return serve_tls


@pytest.fixture(scope="session")
def installed(build, tmp_path_factory):
    """The library, as `make install` leaves it."""
    return Installed(build, tmp_path_factory.mktemp("installed") / "usr")


@pytest.fixture
def site(tmp_path):
    """A folder to be served, with a page."""
    root = tmp_path / "site"
    root.mkdir()
    (root / "index.html").write_text("<!doctype html><title>home</title>\n")
    return root


@pytest.fixture
def folder(tmp_path):
    """A folder for uploads."""
    made = tmp_path / "files"
    made.mkdir()
    return made


@pytest.fixture
def public():
    """The site that comes with wherry."""
    return TESTS.parent / "public"

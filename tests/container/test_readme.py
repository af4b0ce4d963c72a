"""What README.md tells a newcomer to type is typed, command by command, in its order.

In a house of its own: a clone of the repository, a home with a blog, a network without anybody
(so that ports 8080 and 8443 are free), and /etc and /usr/local on which can be written without a
trace on this machine.  Each command of each sh block is a test; COMMANDS says what becomes of it.
One that no line of COMMANDS matches fails, and so does a line that no command matches."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from container import LABEL, RUN, docker, write_docker
from minted import Authority
from program import Output, eventually
from tools import lacking, need, need_root

ROOT = Path(__file__).resolve().parent.parent.parent
BLOG, HOME_PAGE = "<!doctype html><title>my blog</title>\n", "<title>"
HTTP, HTTPS = "http://localhost:8080/", "https://localhost:8443/"


def fenced_blocks(text):
    """(language, lines) of every fenced block."""
    for found in re.finditer(r"^```(\S*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield found[1], found[2].splitlines()


def commands_of(lines):
    """The commands of a block: a line each, but for those that end in a backslash."""
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]


BLOCKS = list(fenced_blocks((ROOT / "README.md").read_text()))
TYPED = [line for language, lines in BLOCKS if language == "sh" for line in commands_of(lines)]


# ---- the house -----------------------------------------------------------------------------------

# Run as root in namespaces of its own.  The loopback interface comes up, and what is written to
# /etc and /usr/local goes to memory.
MOVE_IN = """
set -e
ip link set lo up
mount -t tmpfs none "$1"
for folder in etc usr/local; do
    mkdir -p "$1/$folder/upper" "$1/$folder/work"
    mount -t overlay -o "lowerdir=/$folder,upperdir=$1/$folder/upper,workdir=$1/$folder/work" \\
        none "/$folder"
done
echo in
exec cat
"""

SUDO = """\
#!/bin/sh
# Who is root already needs no sudo.
exec "$@"
"""

# Of our environment, what would tell others whom to trust or us what to serve.
NOT_INHERITED = re.compile(r"WHERRY_|SSL_CERT|CURL_CA|REQUESTS_CA|XDG_|MAKE|MFLAGS|CI$")


class House:
    """Where the newcomer is."""

    def __init__(self, folder, image):
        self.image = image
        self.home, self.clone = folder / "home", folder / "wherry"
        self.memory, self.tools = folder / "memory", folder / "tools"
        for each in (self.home, self.memory, self.tools):
            each.mkdir()
        self.fill()
        self.environment = {name: value for name, value in os.environ.items()
                            if not NOT_INHERITED.match(name)}
        self.environment |= {"HOME": str(self.home), "COMPOSE_PROJECT_NAME": f"{RUN}-readme",
                             "PATH": f"{self.tools}:{os.environ['PATH']}:/usr/sbin:/sbin"}
        need("ip", "iproute2")
        self.holder = subprocess.Popen(
            [need("unshare", "util-linux"), "--mount", "--net", "sh", "-c", MOVE_IN, "sh",
             self.memory], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.out, self.err = Output(self.holder.stdout), Output(self.holder.stderr)
        if not self.out.wait("^in$", 10):
            lacking(f"no namespaces can be had here: {self.err.bytes.decode()}")

    def fill(self):
        """A clone, with what is not committed yet; and what a newcomer would have."""
        subprocess.run(["git", "clone", "--quiet", ROOT, self.clone], check=True)
        tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True,
                                 capture_output=True, text=True).stdout
        for name in filter(None, tracked.split("\0")):
            if (ROOT / name).is_file():
                (self.clone / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, self.clone / name)
        for blog in (self.home / "blog", self.clone / "site"):
            blog.mkdir()
            (blog / "index.html").write_text(BLOG)
        pair = Authority(self.home / "authority").issue("localhost")
        shutil.copy(pair.cert, self.clone / "fullchain.pem")
        shutil.copy(pair.key, self.clone / "privkey.pem")
        (self.clone / "wherry.ini").write_text(f"http-port = 9000\nroot = {self.home}/blog\n")
        (self.tools / "sudo").write_text(SUDO)
        (self.tools / "sudo").chmod(0o755)
        write_docker(self.tools / "docker", self.image)

    def enter(self, *command, **more):
        """Starts a command in the house."""
        words = ["nsenter", f"--target={self.holder.pid}", "--mount", "--net",
                 f"--wd={self.clone}", *command]
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env=self.environment,
                                start_new_session=True, **more)

    def run(self, *command, seconds=600):
        with self.enter(*command) as process:
            out, err = process.communicate(timeout=seconds)
        assert process.returncode == 0, f"{process.returncode}: {out.decode()}{err.decode()}"
        return out.decode()

    def leave(self):
        self.holder.stdin.close()
        self.holder.wait(10)


@pytest.fixture(scope="module")
def house(image):
    need_root()
    with tempfile.TemporaryDirectory(prefix="wherry-readme-") as folder:
        os.chmod(folder, 0o755)
        house = House(Path(folder), image)
        yield house
        house.leave()


# ---- what becomes of a command -------------------------------------------------------------------


def left_out(why):
    """It is not typed here, and that is said."""
    return lambda house, command: pytest.skip(why)


def runs(*expected, seconds=600):
    """It ends by itself, content, and says all of this."""

    def try_it(house, command):
        said = house.run("sh", "-c", command, seconds=seconds)
        for each in expected:
            assert each in said, said

    return try_it


# As in an interactive shell: Ctrl-C is for what runs in it, whose exit status is the last word.
UNINTERRUPTED = "trap : INT\n"


def serves(*urls, page=BLOG, trusted=False, seconds=300, inside=True):
    """It serves until it is interrupted, as with Ctrl-C, and then ends well.  The page is there at
    each address; `trusted`: nothing warns.  From `inside` the house, or from this machine."""

    def try_it(house, command):
        if not inside:
            need_free(urls)
        with serving(house, command, seconds):
            for url in urls:
                eventually(lambda: page in fetch(house, url, trusted, inside), 20, f"{url}")

    return try_it


def answers(server, expected):
    """It asks what another command of the page serves, and is told this."""

    def try_it(house, command):
        with serving(house, server, 20):
            runs(expected)(house, command)

    return try_it


def uploads(server, name):
    """README.md is sent there, and kept."""

    def try_it(house, command):
        answers(server, "")(house, command)
        assert (house.clone / name).read_bytes() == (house.clone / "README.md").read_bytes()

    return try_it


@contextlib.contextmanager
def serving(house, command, seconds):
    """While it serves; then it is interrupted."""
    process = house.enter("sh", "-c", UNINTERRUPTED + command)
    out, err = Output(process.stdout), Output(process.stderr)
    try:
        assert out.wait("^ *https?://|^wherry", seconds), f"{out.bytes}{err.bytes}"
        yield
        os.killpg(process.pid, signal.SIGINT)
        status = process.wait(20)
        # make says so when what it ran was interrupted; all others end as if nothing was.
        assert status == 0 or command.startswith("make"), f"{status}: {err.bytes}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def fetch(house, url, trusted, inside):
    """What is at an address; nothing when nobody is there."""
    words = ["curl", "-sSL", "--max-time", "10", *([] if trusted else ["--insecure"]), url]
    if not inside:
        return subprocess.run(words, capture_output=True, text=True).stdout
    with house.enter(*words) as process:
        return process.communicate(timeout=20)[0].decode()


def need_free(urls):
    """Ports of this machine, which a command names and we cannot choose."""
    for url in urls:
        port = int(re.search(r":(\d+)", url)[1])
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("0.0.0.0", port))
            except OSError as failure:
                lacking(f"a command of README.md needs port {port} of this machine: {failure}")


HELLO, ENDPOINTS = f"{HTTP}hello", "wherry --endpoints --files-dir uploads public"

# The beginning of a command, as a pattern -> what becomes of it.  The first that matches counts.
COMMANDS = {
    r"make run": serves(HTTP, page=HOME_PAGE),
    r"make test": left_out("it is what this is a part of"),
    r"build/release/wherry ~/blog": serves(HTTP),
    r"build/release/wherry --help": runs("Usage: wherry"),
    r"sudo make install": runs(),
    r"wherry --tls ~/blog": serves(HTTP, HTTPS),
    r"wherry --print-ca > ca.pem": runs(),
    r"sudo install .*ca.pem.*update-ca-certificates": runs(),
    r"wherry --tls-cert fullchain.pem": serves(HTTP),
    r"wherry --http-port 9000": serves("http://localhost:9000/"),
    r"WHERRY_HTTP_PORT=9000 wherry": serves("http://localhost:9000/"),
    r"wherry --config wherry.ini": serves("http://localhost:9000/"),
    r"make docker": runs("unpacked", "compressed", seconds=1800),
    r"docker run -p 8080:8080 -p 8443:8443 wherry":
        serves(HTTP, HTTPS, page="wherry is running", inside=False),
    r'docker run .*-v "\$PWD/site:/site:ro" wherry$': serves(HTTP, HTTPS, inside=False),
    r"cc -o hello examples/hello.c": runs(),
    r"./hello": serves(HELLO, page="Hello, World!\n"),
    r"mkdir -p uploads": runs(),
    ENDPOINTS: serves(HELLO, page='{"message":"Hello, World!"}'),
    r"curl 'localhost:8080/anything": answers(ENDPOINTS, '"args":{"a":"1"}'),
    r"curl -i localhost:8080/status/503": answers(ENDPOINTS, "503 Service Unavailable"),
    r"curl -L localhost:8080/redirect/3": answers(ENDPOINTS, "/get"),
    r"curl 'localhost:8080/hello": answers(ENDPOINTS, '{"message":"Hello, Ann!"}'),
    r"curl --compressed localhost:8080/echo/abc": answers(ENDPOINTS, "abc"),
    r"curl -A me/1.0": answers(ENDPOINTS, "me/1.0"),
    r"curl localhost:8080/sleep": answers(ENDPOINTS, "slept 1.5 s"),
    r"curl -T README.md": uploads(ENDPOINTS, "uploads/readme"),
}


def row_for(command):
    return next((pattern for pattern in COMMANDS if re.match(pattern, command)), None)


@pytest.mark.parametrize("command", TYPED)
def test_a_newcomer_types(house, command):
    row = row_for(command)
    assert row, "README.md has a new command: tell COMMANDS in this file how it is tried"
    COMMANDS[row](house, command)


def test_what_was_trusted_warns_no_more(house):
    """README: "Trust it once, and nothing warns again"."""
    serves(HTTPS, trusted=True)(house, "wherry --tls ~/blog")


def test_an_image_of_ones_own(house, image, start):
    """The block in the language of a Dockerfile, with the site beside it."""
    (lines,) = [lines for language, lines in BLOCKS if language == "dockerfile"]
    own = f"{RUN}-own"
    (house.clone / "Dockerfile.own").write_text("\n".join(lines).replace("FROM wherry", f"FROM {image}"))
    docker("build", "--quiet", f"--label={LABEL}", f"--tag={own}",
           f"--file={house.clone}/Dockerfile.own", house.clone)
    running = start(image=own)
    assert running.get().body.decode() == BLOG


def test_no_line_of_the_table_is_left_over():
    used = {row_for(command) for command in TYPED}
    assert not [pattern for pattern in COMMANDS if pattern not in used]


def test_blocks_that_are_typed_are_called_sh():
    assert {language for language, _ in BLOCKS} <= {"sh", "", "c", "dockerfile"}

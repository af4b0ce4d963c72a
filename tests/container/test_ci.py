"""The image in CI: how others wait for it, and it for others; and the blocks of docs/ci.md that need an
engine (the others: tests/integration/test_ci.py).

Nothing of GitHub or GitLab runs here.  Their files are read as they are, services are started with the
words of `docker run` that their runners use, and what the steps say is typed.  Testcontainers is not in
Debian: where it is not installed, its examples meet a stand-in that does by docker what the few calls in
them promise.  So what is proven is that the examples are whole and that wherry does its part."""

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from container import LABEL, RUN, docker, make_name, write_docker
from program import eventually
from test_readme import need_free
from tools import lacking, need

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "ci.md"

HELLO = '{"message":"Hello, CI!"}'


@pytest.fixture
def network():
    """A network of its own.  Its containers are gone by its end, where a test takes it before `start`."""
    name = make_name()
    docker("network", "create", "--label", LABEL, name)
    yield name
    docker("network", "rm", name, fails=True)


@pytest.fixture
def once(image):
    """Runs the image until it ends, and gives what became of it."""

    def once(*arguments, options=()):
        return docker("run", "--rm", "--label", LABEL, *options, image, *arguments, fails=True)

    return once


# ---- --wait, by the names of containers


def test_another_container_waits_for_it(network, start, once):
    start(options=[f"--network={network}", "--network-alias=web"])
    for url in ("http://web:8080/", "https://web:8443/"):
        done = once("--wait", url, options=[f"--network={network}"])
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_it_waits_for_a_name_that_is_not_there_yet(network, start):
    waiting = start("--wait", "http://web:8080/", wait=False, options=[f"--network={network}"])
    time.sleep(1)
    assert waiting.state["Running"], waiting.said
    start(options=[f"--network={network}", "--network-alias=web"])
    assert waiting.wait_exit() == 0 and waiting.said == ""


def test_it_says_what_it_has_met(network, once):
    done = once("--wait", "http://web:8080/", "--within", "500ms", options=[f"--network={network}"])
    assert done.returncode == 1
    assert re.fullmatch("wherry: http://web:8080/ is not ready after 500ms: "
                        "(no such host|no name server answers)\n", done.stderr), done.stderr


def test_it_reads_the_names_that_the_engine_was_given(once):
    done = once("--wait", "http://web:1/", "--within=300ms", options=["--add-host=web:127.0.0.1"])
    assert (done.returncode, done.stderr) == (
        1, "wherry: http://web:1/ is not ready after 300ms: connection refused\n")


def test_who_waits_as_process_1_can_be_stopped(start):
    waiting = start("--wait", "http://192.0.2.1/", wait=False)
    eventually(lambda: waiting.state["Running"], 10, "it to run")
    began = time.monotonic()
    docker("stop", "--time=10", waiting.name)
    assert waiting.wait_exit() == 143 and time.monotonic() - began < 5


# ---- --ready-file


def test_the_file_is_seen_from_outside(start, shared):
    shared.chmod(0o777)  # for user 65532
    running = start("--ready-file=/run/wherry/ready.json", "--endpoints=/test",
                    options=["--read-only", f"--volume={shared}:/run/wherry"])
    told = json.loads((shared / "ready.json").read_text())
    assert told["carries"] == "/site" and told["pid"] == 1
    assert told["http"].endswith(":8080") and told["https"].endswith(":8443")
    assert told["endpoints"] == f"{told['http']}/test"
    running.stop()
    assert os.listdir(shared) == []


def test_without_a_place_to_write_to_it_says_what_would_help(once):
    done = once("--ready-file=/certs/ready.json", options=["--read-only"])
    assert (done.returncode, done.stdout) == (111, "")
    assert done.stderr == (
        'wherry: cannot write the file "/certs/ready.json" (--ready-file): Read-only file system; in a '
        "container, mount a folder for it that can be written to\n")


def test_ports_that_the_kernel_chooses(start):
    """The greeting is one line to match, and has what was bound."""
    running = start("--http-port=0", "--https-port=0", "--access-log=json")
    told = json.loads(running.out.wait(r"^\{.*\}$", 5)[0])
    port = int(told["http"].rpartition(":")[2])
    assert port != 0 and running.get(at=(running.address, port)).status == 200


# ---- exit statuses


@pytest.mark.parametrize("status, arguments, options", [
    (0, ["--version"], []),
    (1, ["--healthcheck"], []),
    (1, ["--wait=http://127.0.0.1:1/", "--within=100ms"], []),
    (100, ["--no-such-option"], []),
    (102, [], ["--env=WHERRY_HTTP_PORT=x"]),
    (111, ["--root=/nowhere"], []),
])
def test_each_exit_status(once, status, arguments, options):
    assert once(*arguments, options=options).returncode == status


# ---- the page


def section(title):
    """The fenced blocks of a section: (language, text)."""
    text = PAGE.read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def parsed(text):
    if not importlib.util.find_spec("yaml"):
        lacking("PyYAML is missing: apt-get install python3-yaml")
    import yaml

    return yaml.safe_load(text)


@pytest.fixture
def type_it(image, tmp_path):
    """Types lines where `docker run wherry` runs the image that is tested."""
    tools = tmp_path / "tools"
    tools.mkdir()
    write_docker(tools / "docker", image)

    def type_it(text, cwd=tmp_path, shell="bash", **environment):
        path = f"{tools}:{os.environ['PATH']}"
        done = subprocess.run([shell, "-e", "-c", text], cwd=cwd, stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=600,
                              env=os.environ | {"PATH": path} | environment)
        assert done.returncode == 0, f"{done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout

    return type_it


@pytest.fixture(scope="module")
def curl_image(image):
    """An image with a shell and curl in the place of curlimages/curl: that of docker-compose.yml's check."""
    name = f"{RUN}-curl"
    docker("build", "--quiet", "--network=host", f"--label={LABEL}", f"--tag={name}",
           ROOT / "image" / "check", seconds=600)
    return name


def environment_of(service):
    return [f"--env={name}={value}" for name, value in service.get("env", {}).items()]


def steps_of(text):
    (job,) = parsed(text)["jobs"].values()
    return job.get("services", {}), [step["run"] for step in job["steps"] if "run" in step]


def test_github_with_a_service(start, type_it, tmp_path):
    """As its runner does it: docker create with env, ports and options, and no arguments; the steps begin
    when it is healthy, each in a bash of its own."""
    (_, text), _ = section("GitHub Actions")
    services, steps = steps_of(text)
    ((name, service),) = services.items()
    assert service["image"] == name == "wherry" and "command" not in service
    need_free([f"//localhost:{port.split(':')[0]}" for port in service["ports"]])
    words = [f"--publish={port}" for port in service["ports"]]
    running = start(options=[*environment_of(service), *words, *shlex.split(service["options"])])
    running.wait_health("healthy", 30)
    said = [type_it(step.replace("${{ job.services.wherry.id }}", running.name),
                    RUNNER_TEMP=str(tmp_path)) for step in steps]
    assert len(steps) == 3 and said[0] == said[2] == HELLO
    assert "${{" not in "".join(steps).replace("${{ job.services.wherry.id }}", "")


def test_github_with_a_step(type_it, shared):
    _, (_, text) = section("GitHub Actions")
    services, steps = steps_of(text)
    assert not services and len(steps) == 3
    need_free(["//localhost:8080"])
    (shared / "README.md").write_text("read me\n")
    try:
        said = [type_it(step, cwd=shared) for step in steps]
    finally:
        docker("rm", "--force", "--volumes", "peer", fails=True)
    assert said[1:] == ["", "read me\n"]


def test_gitlab(network, start, curl_image):
    """As its runner does it: a service by its alias in a network of the job's, and the script in one shell
    of the job's image."""
    ((_, text),) = section("GitLab")
    (job,) = parsed(text).values()
    (service,) = job["services"]
    assert service["name"] == "wherry" and job["image"]["entrypoint"] == [""]
    start(*service["command"], options=[f"--network={network}", f"--network-alias={service['alias']}"])
    said = docker("run", "--rm", "--label", LABEL, f"--network={network}", "--entrypoint=", curl_image,
                  "sh", "-e", "-c", "\n".join(job["script"]))
    assert said == 2 * HELLO


def test_docker_compose(image, curl_image, type_it, tmp_path):
    need("docker-compose", "docker-compose")
    (_, text), (language, commands) = section("docker-compose")
    assert language == "sh"
    images = {"wherry": image, "my-app": image, "curlimages/curl": curl_image}
    assert set(re.findall(r"image: (\S+)", text)) == set(images)
    text = re.sub(r"image: (\S+)", lambda found: f"image: {images[found[1]]}", text)
    folder = tmp_path / "compose"
    folder.mkdir()
    (folder / "docker-compose.yml").write_text(text)
    project = {"COMPOSE_PROJECT_NAME": f"{RUN}-ci"}
    try:
        assert HELLO in type_it(commands, cwd=folder, **project)
    finally:
        type_it("docker-compose down --volumes --timeout 5", cwd=folder, **project)
    assert not docker("volume", "ls", "--quiet", f"--filter=name={RUN}-ci").strip()


# ---- Testcontainers

# What its calls promise, by docker; each name and signature as the library has it.
PYTHON_STAND_IN = {
    "testcontainers/__init__.py": "",
    "testcontainers/core/__init__.py": "",
    "testcontainers/core/wait_strategies.py": '''\
class LogMessageWaitStrategy:
    def __init__(self, message):
        self.message = message
''',
    "testcontainers/core/container.py": '''\
import collections, re, shlex, subprocess, time

ExecResult = collections.namedtuple("ExecResult", "exit_code output")


def docker(*words):
    return subprocess.run(["docker", *words], check=True, capture_output=True).stdout


class DockerContainer:
    def __init__(self, image):
        self.image, self.command, self.ports, self.strategy = image, "", [], None

    def with_command(self, command):
        self.command = command
        return self

    def with_exposed_ports(self, *ports):
        self.ports += ports
        return self

    def waiting_for(self, strategy):
        self.strategy = strategy
        return self

    def __enter__(self):
        published = [f"--publish={port}" for port in self.ports]
        self.id = docker("run", "--detach", *published, self.image,
                         *shlex.split(self.command)).decode().strip()
        until = time.monotonic() + 30
        while not re.search(self.strategy.message, docker("logs", self.id).decode()):
            assert time.monotonic() < until
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        docker("rm", "--force", "--volumes", self.id)

    def get_container_host_ip(self):
        return "localhost"

    def get_exposed_port(self, port):
        return int(docker("port", self.id, str(port)).decode().splitlines()[0].rpartition(":")[2])

    def exec(self, command):
        return ExecResult(0, docker("exec", self.id, *shlex.split(command)))
''',
}

JAVASCRIPT_STAND_IN = {
    "node_modules/testcontainers/package.json": '{"type": "module", "main": "index.js"}\n',
    "node_modules/testcontainers/index.js": """\
import { execFileSync } from "node:child_process";

const docker = (...words) => execFileSync("docker", words.map(String), { encoding: "utf8" }).trim();

export const Wait = { forLogMessage: (message) => message };

export class GenericContainer {
  constructor(image) { Object.assign(this, { image, command: [], ports: [] }); }
  withCommand(command) { this.command = command; return this; }
  withExposedPorts(...ports) { this.ports.push(...ports); return this; }
  withWaitStrategy(message) { this.message = message; return this; }
  async start() {
    const published = this.ports.map((port) => `--publish=${port}`);
    const id = docker("run", "--detach", ...published, this.image, ...this.command);
    for (let tries = 0; !docker("logs", id).includes(this.message); tries++) {
      if (tries > 300) throw new Error("it does not start");
      await new Promise((wake) => setTimeout(wake, 100));
    }
    return {
      getHost: () => "localhost",
      getMappedPort: (port) => Number(docker("port", id, port).split("\\n")[0].split(":").pop()),
      stop: async () => { docker("rm", "--force", "--volumes", id); },
    };
  }
}
""",
}


def write_all(files, folder):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_testcontainers_in_python(type_it, tmp_path):
    """By the library where Python has it, else by a stand-in of a few lines."""
    (language, text), _ = section("Testcontainers")
    assert language == "python"
    if not importlib.util.find_spec("testcontainers"):
        write_all(PYTHON_STAND_IN, tmp_path)
    (tmp_path / "test_page.py").write_text(text)
    assert "1 passed" in type_it(
        f"{shlex.quote(sys.executable)} -m pytest -q -p no:cacheprovider test_page.py",
        PYTHONPATH=str(tmp_path))


def test_testcontainers_in_javascript(type_it, tmp_path):
    """By a stand-in of a few lines."""
    _, (language, text) = section("Testcontainers")
    need("node", "nodejs")
    assert language == "js"
    write_all(JAVASCRIPT_STAND_IN, tmp_path)
    (tmp_path / "page.test.mjs").write_text(text)
    assert re.search(r"^# pass 1$", type_it("node --test --test-reporter=tap page.test.mjs"),
                     re.MULTILINE)

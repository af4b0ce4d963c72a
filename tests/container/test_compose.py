"""docker-compose.yml: a site by `docker-compose up`, and the peer of somebody's tests."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from container import RUN, Container, docker
from tools import need

ROOT = Path(__file__).resolve().parent.parent.parent
PROJECT = f"{RUN}-compose"


@pytest.fixture(scope="module")
def compose(image, tmp_path_factory):
    """Runs docker-compose with our file, but with the image that is tested."""
    text = (ROOT / "docker-compose.yml").read_text()
    assert re.search(r"^ +image: wherry$", text, re.MULTILINE)
    file = tmp_path_factory.mktemp("compose") / "docker-compose.yml"
    file.write_text(re.sub(r"^( +image: )wherry$", rf"\g<1>{image}", text, flags=re.MULTILINE))

    environment = os.environ | {"HTTP_PORT": "127.0.0.1:0", "HTTPS_PORT": "127.0.0.1:0"}

    def run(*words):
        command = [need("docker-compose", "docker-compose"), "--project-name", PROJECT,
                   "--project-directory", ROOT, "--file", file, *words]
        done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=600, env=environment)
        assert done.returncode == 0, f"{done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout

    yield run
    run("--profile", "test", "down", "--volumes", "--rmi", "local", "--timeout", "5")


@pytest.fixture(scope="module")
def up(compose):
    """The container that is there after docker-compose up: one, because who is for tests waits for
    its profile."""
    compose("up", "--detach", "--no-build")
    (name,) = compose("ps", "--quiet").split()
    return Running(name)


class Running(Container):
    """A container that somebody else has started."""

    def __init__(self, name):
        self.name, self.image = name, docker("inspect", "--format", "{{.Config.Image}}", name).strip()
        self.listen()


def test_it_serves_public(up, public):
    page = (public / "index.html").read_bytes()
    assert up.wait_ready().get(at=up.published(8080)).body == page
    assert up.get(at=up.published(8443), tls=up.trusted).body == page


def test_it_is_healthy(up):
    up.wait_health("healthy", 60)


def test_it_is_as_safe_as_can_be(up):
    """What costs nothing is set: it may not write to its own file system, and has no powers."""
    told = docker("inspect", "--format", "{{json .HostConfig}}", up.name)
    assert '"ReadonlyRootfs":true' in told and '"CapDrop":["ALL"]' in told
    assert "no-new-privileges" in told


def test_the_job_of_the_profile_for_tests(compose, up):
    """It waits until the server is healthy, asks it, and is content."""
    compose("--profile", "test", "build", "check")
    said = compose("--profile", "test", "up", "--no-build", "--exit-code-from", "check")
    assert "exited with code 0" in said

"""What is in the image, and what is not: read from its layers, and tried from within."""

import gzip
import hashlib
import io
import json
import os
import re
import stat
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import container
from container import docker, inspect
from tools import need_root

ROOT = Path(__file__).resolve().parent.parent.parent
WRITABLE = "certs"  # the one folder that is
MIB = 1e6  # of the limits, as Docker counts


@dataclass
class Layers:
    """The layers of an image, as they are sent to a registry but for the compression."""

    config: dict
    blobs: list

    @property
    def unpacked(self):
        return sum(member.size for member in self.members)

    @property
    def packed(self):
        """As docker packs them: gzip, at its usual level."""
        return sum(len(gzip.compress(blob, 6)) for blob in self.blobs)

    def content(self, path):
        """The bytes of a file."""
        for blob in reversed(self.blobs):
            with tarfile.open(fileobj=io.BytesIO(blob)) as layer:
                for member in layer.getmembers():
                    if member.name.strip("./") == path.strip("/"):
                        return layer.extractfile(member).read()
        raise AssertionError(f"no {path} in the image")

    @property
    def members(self):
        """What is in the file system at the end: the last word of each name counts."""
        last = {}
        for blob in self.blobs:
            with tarfile.open(fileobj=io.BytesIO(blob)) as layer:
                for member in layer.getmembers():
                    assert not os.path.basename(member.name).startswith(".wh."), "it is built twice"
                    last[member.name.strip("./")] = member
        return list(last.values())


@pytest.fixture(scope="module")
def layers(image, tmp_path_factory):
    saved = tmp_path_factory.mktemp("saved") / "image.tar"
    docker("save", "--output", saved, image)
    with tarfile.open(saved) as archive:
        read = lambda name: archive.extractfile(name).read()  # noqa: E731
        manifest = json.loads(read("manifest.json"))[0]
        return Layers(json.loads(read(manifest["Config"])), [read(n) for n in manifest["Layers"]])


# ---- read ----------------------------------------------------------------------------------------


def test_sizes(layers, figure):
    figure("the image, unpacked", layers.unpacked / MIB, 10.5, "MB")
    figure("the image, compressed", layers.packed / MIB, 4.5, "MB")


def test_no_other_program(layers):
    """No shell, nothing that could become one: the only file that runs is the program."""
    runs = [m.name for m in layers.members if m.isfile() and m.mode & 0o111]
    entry = layers.config["config"]["Entrypoint"][0]
    assert [f"/{name.strip('./')}" for name in runs] == [entry]


def test_nothing_gives_rights(layers):
    for member in layers.members:
        assert not member.mode & (stat.S_ISUID | stat.S_ISGID), member.name
        assert not member.pax_headers.get("SCHILY.xattr.security.capability"), member.name
        assert not (member.isdev() or member.isfifo()), member.name


def user_of(layers):
    user, _, group = layers.config["config"]["User"].partition(":")
    return int(user), int(group or 0)


def test_the_user_is_a_number_and_not_root(layers):
    """A number, so that Kubernetes can see that it is not root (runAsNonRoot)."""
    user, group = user_of(layers)
    assert user > 0 and group > 0


def test_nothing_is_writable_but_the_folder_for_certificates(layers):
    user, group = user_of(layers)
    for member in layers.members:
        if member.name.strip("./") == WRITABLE or member.issym():
            continue
        assert not member.mode & 0o002, member.name
        assert not (member.uid == user and member.mode & 0o200), member.name
        assert not (member.gid == group and member.mode & 0o020), member.name


def test_no_key_is_in_it(layers):
    """Each container makes its own."""
    for blob in layers.blobs:
        with tarfile.open(fileobj=io.BytesIO(blob)) as layer:
            for member in layer.getmembers():
                assert not member.name.endswith((".pem", ".key", ".crt")), member.name


def test_how_it_is_run(layers):
    config = layers.config["config"]
    assert len(config["Entrypoint"]) == 1
    assert config.get("StopSignal") == "SIGTERM"
    assert {"8080/tcp", "8443/tcp"} <= set(config["ExposedPorts"])
    assert list(config.get("Volumes") or {}) in ([], [f"/{WRITABLE}"])
    assert config["Healthcheck"]["Test"][0] == "CMD", "there is no shell for CMD-SHELL"


def test_labels(layers, plain):
    """The version is the program's, the revision the commit that it was made from."""
    labels = layers.config["config"]["Labels"]
    version = labels["org.opencontainers.image.version"]
    assert plain.run("--version").split() == ["wherry", version]
    assert re.fullmatch(r"[0-9a-f]{40}", labels["org.opencontainers.image.revision"])
    for name in ("title", "description", "licenses"):
        assert labels.get(f"org.opencontainers.image.{name}"), name


def test_nothing_in_its_environment_is_secret_or_strange(layers):
    names = {word.partition("=")[0] for word in layers.config["config"]["Env"]}
    assert all(name == "PATH" or name.startswith("WHERRY_") for name in names), names


# ---- tried ---------------------------------------------------------------------------------------

# Becomes the user in the file system of a process, and tells where it can make a file and which
# files it can open for writing.  What the engine mounts (/proc, /sys, /dev) is the engine's.
TRY = """
import os, sys
pid, user, group = map(int, sys.argv[1:])
os.chroot(f"/proc/{pid}/root")
os.chdir("/")
os.setgroups([])
os.setgid(group)
os.setuid(user)
for folder, folders, files in os.walk("/"):
    if folder == "/":
        folders[:] = [each for each in folders if each not in ("proc", "sys", "dev")]
    try:
        os.close(os.open(os.path.join(folder, ".tried"), os.O_CREAT | os.O_WRONLY, 0o600))
        os.unlink(os.path.join(folder, ".tried"))
        print(folder)
    except OSError:
        pass
    for name in files:
        try:
            os.close(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_NONBLOCK))
            print(os.path.join(folder, name))
        except OSError:
            pass
"""


def try_writing(running, user, group):
    need_root()
    words = [sys.executable, "-c", TRY, running.pid, user, group]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_only_the_folder_for_certificates_can_be_written_to(plain, layers):
    written = try_writing(plain, *user_of(layers))
    assert f"/{WRITABLE}" in written, "it cannot keep its certificates"
    assert all(path == f"/{WRITABLE}" or path.startswith(f"/{WRITABLE}/") for path in written)


def test_nothing_at_all_can_be_written_to(start, layers):
    running = start(options=["--read-only", f"--tmpfs=/{WRITABLE}:ro"])
    assert try_writing(running, *user_of(layers)) == []


@pytest.mark.parametrize("name", ["sh", "/bin/sh", "bash", "/bin/busybox", "ls", "ld.so"])
def test_no_shell_can_be_had(plain, name):
    tried = docker("exec", plain.name, name, fails=True)
    assert tried.returncode in (126, 127), tried.stdout + tried.stderr


def test_it_is_static(plain):
    """It needs no library, and looks for none."""
    maps = open(f"/proc/{plain.pid}/maps").read()
    assert ".so" not in maps


# ---- the same again ------------------------------------------------------------------------------

# In the stage of the Dockerfile that builds, with its tools and libraries, but in another folder.
BUILD_IN = """
set -e
mkdir -p "$(dirname "$1")" && cp -r /wherry "$1" && cd "$1"
rm -rf build
make -s -j"$(nproc)" BUILD=static build/static/wherry >&2
install -s build/static/wherry built
sha256sum built
"""


def test_the_same_sources_make_the_same_program(image, layers):
    """In two folders, at two times: whoever builds a commit can tell whether an image was made of
    it."""
    stage = f"{container.RUN}-build"
    docker("build", "--quiet", "--network=host", "--target=build", f"--label={container.LABEL}",
           f"--tag={stage}", ROOT, seconds=1200, env={**os.environ, "DOCKER_BUILDKIT": "1"})
    sums = {docker("run", "--rm", f"--label={container.LABEL}", "--network=none", stage,
                   "sh", "-c", BUILD_IN, "sh", folder, seconds=600).split()[0]
            for folder in ("/a", "/another/folder/of/another/length")}
    (entry,) = layers.config["config"]["Entrypoint"]
    assert sums == {hashlib.sha256(layers.content(entry)).hexdigest()}

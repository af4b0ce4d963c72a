"""Containers for tests, by Debian's docker.

Whatever a run of tests makes there bears its label, so that all of it can be found and removed at
the end, also after a failure (`sweep`), and has a name of its own, so that runs do not meet.
"""

import functools
import itertools
import json
import os
import secrets
import shutil
import ssl
import subprocess
import time

from dialogue import Dialogue
from program import Output, eventually

RUN = f"wherry-test-{secrets.token_hex(4)}"
LABEL = f"org.wherry.test={RUN}"

# The client that made the image, as the Makefile says; else Debian's, whichever PATH finds first.
DOCKER = os.environ.get("DOCKER") or shutil.which(
    "docker", path=f"/usr/bin:{os.environ.get('PATH', '')}") or "docker"


class Refused(AssertionError):
    """The engine did not do what it was told."""


def docker(*words, fails=False, seconds=120, **more):
    """What a command of docker prints; it must be content, unless it `fails`: then the whole of what
    became of it."""
    command = [DOCKER, *map(str, words)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=seconds, **more)
    if fails:
        return done
    if done.returncode != 0:
        raise Refused(f"{' '.join(command)}: {done.returncode}\n{done.stderr}{done.stdout}")
    return done.stdout


def missing(image):
    """Why this image cannot be run; None when it can."""
    try:
        docker("version", "--format", "{{.Server.Version}}")
    except (FileNotFoundError, Refused) as failure:
        return f"there is no engine to run containers: scripts/setup --docker ({failure})"
    if docker("image", "inspect", image, fails=True).returncode != 0:
        return f"there is no image {image}: make docker"
    return None


def inspect(name, kind="container"):
    return json.loads(docker(kind, "inspect", name))[0]


def sweep():
    """Removes what this run has made, as far as it is still there."""
    def made(kind, *words):
        return docker(kind, "ls", "--quiet", *words, "--filter", f"label={LABEL}").split()

    for kind, listing, removal in (("container", ["--all"], ["--force", "--volumes"]),
                                   ("volume", [], ["--force"]), ("network", [], []),
                                   ("image", [], ["--force"])):
        if names := made(kind, *listing):
            docker(kind, "rm", *removal, *set(names))


# ---- the program as an image ---------------------------------------------------------------------

# A program like any other: where it is, what it is told, its environment and its signals are the
# caller's; only its file system is the image's, and of ours it sees what tests made and where they
# are.  `exec`, so that whoever started this knows the container's name: its own process is in it.
PROGRAM = """\
#!/bin/sh
# {image}, as if it were the program in it.  Written by tests/support/container.py.
# shellcheck disable=SC2046  # a list of names is meant
exec {docker} run --rm --network host --name {run}-$$ --label {label} --user {user} \\
    {mounts} --workdir "$PWD" {unset} \\
    $(env | sed -n 's/^\\([A-Za-z_][A-Za-z_0-9]*\\)=.*/--env=\\1/p') {image} "$@"
"""


def settings_of(image):
    """The names of the settings that an image has in its environment."""
    given = inspect(image, "image")["Config"]["Env"] or []
    return [word.partition("=")[0] for word in given if word.startswith("WHERRY_")]


def write_program(path, image, *folders):
    """Writes a program that runs the image and sees these folders where they are.  What the image
    is set to is put aside: these tests say themselves what they want."""
    words = {
        "docker": DOCKER, "image": image, "run": RUN, "label": LABEL,
        "user": f"{os.getuid()}:{os.getgid()}",
        "mounts": " ".join(f"--volume '{folder}:{folder}'" for folder in folders),
        "unset": " ".join(f"--env={name}" for name in settings_of(image)),
    }
    path.write_text(PROGRAM.format(**words))
    path.chmod(0o755)


# Debian's docker, but what it makes is found and removed at the end, and wherry is the image that is
# tested.
MARKED_DOCKER = """\
#!/bin/sh
for word; do
    shift
    case $word in
    wherry | wherry:latest) set -- "$@" {image} ;;
    *) set -- "$@" "$word" ;;
    esac
done
case $1 in
run) shift; exec {docker} run --label {label} "$@" ;;
*) exec {docker} "$@" ;;
esac
"""


def write_docker(path, image):
    """Writes that, for people who say `docker run wherry`."""
    path.write_text(MARKED_DOCKER.format(docker=DOCKER, label=LABEL, image=image))
    path.chmod(0o755)


class Inside:
    """The server behind such a program, whose process is docker's client."""

    def __init__(self, client):
        self.name = f"{RUN}-{client.pid}"

    @property
    def pid(self):
        """Its process, as this machine knows it."""
        return inspect(self.name)["State"]["Pid"]

    def signal(self, number):
        """As to a process: to one that has just ended it means nothing."""
        docker("kill", f"--signal={int(number)}", self.name, fails=True)

    def kill(self):
        docker("rm", "--force", "--volumes", self.name, fails=True)


# ---- containers ----------------------------------------------------------------------------------

numbers = itertools.count(1)

# A client that talks TLS to whoever is there.
ANYBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
ANYBODY.check_hostname, ANYBODY.verify_mode = False, ssl.CERT_NONE


def make_name():
    return f"{RUN}-c{next(numbers)}"


class Container:
    """A running container, and what it says, as it comes.  `options` are those of docker run."""

    def __init__(self, image, *arguments, options=()):
        self.name = make_name()
        self.image = image
        docker("run", "--detach", "--name", self.name, "--label", LABEL, *options, image, *arguments)
        self.listen()

    def listen(self):
        """Hears what it says from now on; again after it was started again."""
        self.speech = subprocess.Popen(
            [DOCKER, "logs", "--follow", self.name], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.out, self.err = Output(self.speech.stdout), Output(self.speech.stderr)

    @property
    def log(self):
        return self.out.bytes.decode(errors="backslashreplace")

    @property
    def said(self):
        return self.err.bytes.decode(errors="backslashreplace")

    def wait_ready(self, seconds=10.0):
        """Until it says that it serves."""
        assert self.out.wait(r"\bcarries\b", seconds), f"did not start: {self.said}"
        return self

    # ---- what the engine knows of it

    @property
    def state(self):
        return inspect(self.name)["State"]

    @property
    def pid(self):
        return self.state["Pid"]

    @property
    def health(self):
        return self.state["Health"]["Status"]

    @property
    def address(self):
        """Its own, in the first network that it is in; ours, where it has none of its own."""
        networks = inspect(self.name)["NetworkSettings"]["Networks"].values()
        return next((net["IPAddress"] for net in networks if net["IPAddress"]), "127.0.0.1")

    def published(self, port):
        """Where a port of it can be reached on this machine: (address, port)."""
        binding = inspect(self.name)["NetworkSettings"]["Ports"][f"{port}/tcp"][0]
        return binding["HostIp"], int(binding["HostPort"])

    def wait_health(self, wanted, seconds):
        """Until it is healthy, or unhealthy; the seconds that took."""
        started = time.monotonic()
        eventually(lambda: self.health == wanted, seconds, f"{wanted}: {self.state}")
        return time.monotonic() - started

    # ---- talking to it

    def run(self, *words, **more):
        """Runs the program in it once more."""
        program = inspect(self.image, "image")["Config"]["Entrypoint"][0]
        return docker("exec", self.name, program, *words, **more)

    @functools.cached_property
    def trusted(self):
        """What a client has to know to trust the certificate that it has made."""
        return ssl.create_default_context(cadata=self.run("--print-ca"))

    def dial(self, tls=False, at=None, **options):
        """A connection, to its own address unless `at` another.  `tls`: whether, or the context; one
        that asks nobody, because what it made itself it may not have been able to keep."""
        if tls is True:
            tls = ANYBODY
        at = at or (self.address, 8443 if tls else 8080)
        return Dialogue(at, tls=tls or None, name="localhost", **options)

    def get(self, target="/", method="GET", fields=(), **options):
        with self.dial(**options) as peer:
            return peer.ask(target, method, fields)

    # ---- the end

    def signal(self, number):
        """To its first process, from outside: the engine takes no notice."""
        os.kill(self.pid, number)

    def wait_exit(self, seconds=20.0):
        """Its exit status, and all that it has said."""
        status = int(docker("wait", self.name, seconds=seconds))
        self.speech.wait(10)
        for output in (self.out, self.err):
            output.thread.join(10)
        return status

    def stop(self, grace=10):
        """As `docker stop` does, and all must be well; the seconds that took."""
        started = time.monotonic()
        docker("stop", "--time", grace, self.name)
        took = time.monotonic() - started
        assert self.wait_exit() == 0, self.said
        return took

    def remove(self):
        docker("rm", "--force", "--volumes", self.name, fails=True)
        self.speech.kill()
        self.speech.wait()

"""nginx, lighttpd and Apache as children of ours, on free ports of the loopback.

Each runs in the foreground, as a single process, with the configuration in servers/, and as
somebody with few rights when we are root.
"""

import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

from site_folder import TYPES

FOLDER = Path(__file__).resolve().parent / "servers"
NOBODY = 65534
# Where Debian puts programs that not everybody has on PATH.
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


class Peer:
    """Another web server.  What differs between them is in the tables below."""

    def __init__(self, name):
        self.name = name
        self.program = shutil.which(PROGRAMS[name], path=PATH)
        self.process = None
        self.port = None
        self.run = None

    @property
    def is_installed(self):
        return self.program is not None

    @property
    def version(self):
        """The first number in what it says of itself."""
        said = subprocess.run([self.program, "-v"], capture_output=True, text=True, check=False)
        return re.search(r"\d+(\.\d+)+", said.stdout + said.stderr)[0]

    @property
    def address(self):
        return "127.0.0.1", self.port

    def start(self, root, folder):
        """A port that is free now may be taken a moment later; then another one is tried."""
        self.run = folder / self.name
        self.run.mkdir()
        if os.geteuid() == 0:
            os.chown(self.run, NOBODY, NOBODY)
        for _ in range(5):
            self.port = free_port()
            self.launch(root)
            if self.is_ready():
                return
            self.stop()
        log = self.run / "error.log"
        raise AssertionError(f"{self.name} does not start: {self.said.read_text()}"
                             f"{log.read_text() if log.exists() else ''}")

    def launch(self, root):
        path = self.run / "server.conf"
        path.write_text(configuration(self.name, root, self.run, self.port))
        with open(self.said, "wb") as said:
            self.process = subprocess.Popen(
                [self.program, *ARGUMENTS[self.name](path)], cwd=self.run, stdout=said, stderr=said,
                stdin=subprocess.DEVNULL, **few_rights())

    @property
    def said(self):
        return self.run / "said"

    def is_ready(self):
        """It takes connections, and it is still there: so they are not somebody else's."""
        until = time.monotonic() + 20
        while self.process.poll() is None and time.monotonic() < until:
            with socket.socket() as peer:
                if peer.connect_ex(self.address) == 0:
                    time.sleep(0.1)
                    return self.process.poll() is None
            time.sleep(0.02)
        return False

    def stop(self):
        if not self.process:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


# The names that docs/differences.md uses, in its order.
PROGRAMS = {"nginx": "nginx", "lighttpd": "lighttpd", "Apache": "apache2"}
ARGUMENTS = {
    "nginx": lambda path: ["-c", path, "-e", path.with_name("error.log")],
    "lighttpd": lambda path: ["-D", "-f", path],
    "Apache": lambda path: ["-X", "-f", path],
}
TYPE_LINES = {
    "nginx": "        {type} {ending};",
    "lighttpd": '    ".{ending}" => "{type}",',
    "Apache": "AddType {type} .{ending}",
}


def configuration(name, root, run, port):
    lines = [TYPE_LINES[name].format(type=kind, ending=ending) for ending, kind in TYPES.items()]
    text = (FOLDER / f"{name.lower()}.conf").read_text()
    for word, value in {"ROOT": root, "RUN": run, "PORT": port, "TYPES": "\n".join(lines)}.items():
        text = text.replace(f"@{word}@", str(value))
    return text


def few_rights():
    """For Popen: somebody who owns nothing, if we can be somebody else at all."""
    if os.geteuid() != 0:
        return {}
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []}


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]

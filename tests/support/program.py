"""The program under test, as a child of ours: started on a free port, listened to, stopped.

What it prints is collected by threads, so that its pipes never fill.  Stopping it asserts that
it ended well: exit status 0, and not a word from a sanitizer.
"""

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

from dialogue import Dialogue
from secure import trusting

URL = r'(?:^\s*|")%s://([^\s"]+):(\d+)(?:\s*$|")'
REPORT = re.compile(
    rb"(Address|Leak|Thread|UndefinedBehavior)Sanitizer|runtime error:|Assertion.*failed"
)


class Output:
    """What a child writes to one pipe, collected as it comes."""

    def __init__(self, pipe):
        self.bytes = b""
        self.more = threading.Condition()
        self.ended = False
        self.thread = threading.Thread(target=self.collect, args=(pipe,), daemon=True)
        self.thread.start()

    def collect(self, pipe):
        with pipe:
            while came := os.read(pipe.fileno(), 1 << 16):
                with self.more:
                    self.bytes += came
                    self.more.notify_all()
        with self.more:
            self.ended = True
            self.more.notify_all()

    def wait(self, pattern, seconds, since=0):
        """The first match of a pattern (bytes or str, lines apart) behind the first `since`
        bytes; None when it never comes."""
        if isinstance(pattern, str):
            pattern = pattern.encode()
        compiled = re.compile(pattern, re.MULTILINE)
        until = time.monotonic() + seconds
        with self.more:
            while not (matched := compiled.search(self.bytes, since)):
                left = until - time.monotonic()
                if left <= 0 or self.ended:
                    return None
                self.more.wait(left)
        return matched


class Wherry:
    """A running server.

    `patience` multiplies every limit of time: sanitizers are slow.  `stdout` and `stderr` may be
    file descriptors of the caller's, which are then not read here.  `before` are words to put
    before the command, such as `unshare --net`; `behind` comes behind the root.

    `port` is where tests talk to it: the one for HTTP, or for HTTPS when `secure` (None: when
    there is no other).  `authority` is the file that clients trust then; without, the one that
    the server makes in its --cert-dir.

    `place` is where the program runs when its process is only a client that has it run elsewhere:
    from that process it makes what knows its pid, and can signal and kill it (container.Inside)."""

    place = None

    def __init__(
        self,
        program,
        root,
        *options,
        patience=1.0,
        environment=None,
        before=(),
        behind=(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=None,
        wait=True,
        secure=None,
        authority=None,
    ):
        self.patience = patience
        self.secure, self.given_authority = secure, authority
        self.command = [*before, str(program), *options]
        if root is not None:
            self.command.append(str(root))
        self.command += behind
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=cwd,
            env=clean_environment(environment or {}),
        )
        self.inside = self.place and self.place(self.process)
        self.out = Output(self.process.stdout) if self.process.stdout else None
        self.err = Output(self.process.stderr) if self.process.stderr else None
        self.http_port = self.https_port = None
        self.host = "127.0.0.1"
        if wait and self.out:
            self.wait_ready()

    def option(self, name):
        """The value that was given to it on the command line last; None when there is none."""
        values = [
            word.partition("=")[2] for word in self.command if word.startswith(f"--{name}=")
        ]
        return values[-1] if values else None

    @property
    def schemes(self):
        """What it is to listen for."""
        words = set(self.command)
        if "--tls-only" in words:
            return ["https"]
        plain = [] if self.option("http-port") == "off" else ["http"]
        return [*plain, "https"] if "--tls" in words or self.secure else plain

    def wait_ready(self):
        """Until it says where it listens."""
        for scheme in self.schemes:
            matched = self.out.wait(URL % scheme, 10 * self.patience)
            if not matched:
                self.kill()
                said = self.err.bytes if self.err else b""
                raise AssertionError(
                    f"{self.command} did not start: {said.decode(errors='replace')}"
                )
            host = matched[1].decode()
            setattr(self, f"{scheme}_port", int(matched[2]))
            if host.startswith("["):
                self.host = host.strip("[]")
        self.wait_threads()

    def wait_threads(self):
        """It listens before its threads run; whoever counts them, or descriptors, wants all of them: its
        own, the log's, and two workers.  Behind another command, or in a container, nobody can tell."""
        until = time.monotonic() + 0.5 * self.patience
        while not self.inside and self.threads() < 4 and time.monotonic() < until:
            time.sleep(0.001)

    # ---- talking to it

    @property
    def pid(self):
        return (self.inside or self.process).pid

    @property
    def is_secure(self):
        """Tests talk TLS to it."""
        return self.schemes == ["https"] if self.secure is None else self.secure

    @property
    def scheme(self):
        return "https" if self.is_secure else "http"

    @property
    def port(self):
        return self.https_port if self.is_secure else self.http_port

    @port.setter
    def port(self, number):
        setattr(self, f"{self.scheme}_port", number)

    @property
    def url(self):
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def authority(self):
        """The file with the certificate that clients trust."""
        return self.given_authority or Path(self.option("cert-dir")) / "ca.pem"

    def dial(self, address=None, seconds=10.0, tls=None, **options):
        """A new connection.  `tls`: whether, or the context for it; a local socket has none."""
        if tls is None:
            tls = self.is_secure and not isinstance(address, str)
        if tls is True:
            tls = trusting(self.authority)
        port = self.https_port if tls else self.http_port
        return Dialogue(
            address or (self.host, port), seconds * self.patience, tls=tls or None, **options
        )

    def get(self, target="/", method="GET", fields=(), body=b"", **options):
        """One request over a connection of its own."""
        with self.dial(**options) as peer:
            return peer.ask(target, method, fields, body)

    def has_read(self, peer):
        """It has taken all that this peer sent (the row of its socket in /proc/net/tcp)."""
        ends = (peer.socket.getpeername()[1], peer.socket.getsockname()[1])
        for line in open(f"/proc/{self.pid}/net/tcp").read().splitlines()[1:]:
            local, remote, _, queues = line.split()[1:5]
            if (int(local[-4:], 16), int(remote[-4:], 16)) == ends:
                return queues.endswith(":00000000")
        return False

    def wait_read(self, peer):
        eventually(lambda: self.has_read(peer), 10 * self.patience, "what was sent to be read")

    @property
    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    # ---- what it says

    def wait_log(self, pattern, seconds=10.0, since=0):
        """A match in the access log; fails when it does not come."""
        matched = self.out.wait(pattern, seconds * self.patience, since)
        assert matched, f"not logged: {pattern!r} in\n{self.log}"
        return matched

    def wait_error(self, pattern, seconds=10.0):
        """A match on stderr; fails when it does not come."""
        matched = self.err.wait(pattern, seconds * self.patience)
        assert matched, f"not said: {pattern!r} in\n{self.said}"
        return matched

    @property
    def log(self):
        return self.out.bytes.decode(errors="backslashreplace")

    @property
    def said(self):
        return self.err.bytes.decode(errors="backslashreplace") if self.err else ""

    def threads(self):
        try:
            return len(os.listdir(f"/proc/{self.pid}/task"))
        except FileNotFoundError:  # it has ended
            return 0

    # ---- the end

    @property
    def is_running(self):
        return self.process.poll() is None

    def signal(self, number=signal.SIGTERM):
        if self.inside:
            self.inside.signal(number)
        else:
            self.process.send_signal(number)

    def wait_exit(self, seconds=20.0):
        """Its exit status; fails when it does not end."""
        try:
            status = self.process.wait(seconds * self.patience)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running after {seconds} s:\n{self.said}") from None
        for output in (self.out, self.err):
            if output:
                output.thread.join(5 * self.patience)
        return status

    def stop(self):
        """SIGTERM, and all must be well.  More than once is the same as once."""
        if self.is_running:
            self.signal(signal.SIGTERM)
        status = self.wait_exit()
        self.check_reports()
        assert status == 0, f"exit status {status}:\n{self.said}"

    def kill(self):
        """The last resort: no questions asked."""
        if self.is_running and self.inside:
            self.inside.kill()
        if self.is_running:
            self.process.kill()
        self.process.wait()

    def check_reports(self):
        assert not self.err or not REPORT.search(self.err.bytes), self.said


@contextlib.contextmanager
def stopping():
    """A list for the programs that a fixture starts: at its end each must stop well, and none is left."""
    started = []
    yield started
    try:
        for server in started:
            server.stop()
    finally:
        for server in started:
            server.kill()


def clean_environment(more):
    """Ours, without what could be an option, and with strict sanitizers."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("WHERRY_")
    }
    environment.setdefault("ASAN_OPTIONS", "detect_leaks=1:detect_stack_use_after_return=1")
    environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    environment.setdefault("TSAN_OPTIONS", "second_deadlock_stack=1")
    environment.update(more)
    return environment


def eventually(holds, seconds, what):
    """Polls until holds() is true and gives its value; fails with `what` when it never is."""
    until = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < until, f"not within {seconds} s: {what}"
        time.sleep(0.01)
    return value

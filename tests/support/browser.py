"""A headless Chromium, driven over a pair of pipes (the DevTools protocol: JSON, ended by NUL).

Pipes need no port, no driver program and no library.  A page is judged by running JavaScript in
it, as its own scripts would run."""

import fcntl
import json
import os
import select
import subprocess
import time

from tools import need

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-pipe",
]


def high(fd):
    """The same descriptor by a number that no redirection of ours uses."""
    copy = fcntl.fcntl(fd, fcntl.F_DUPFD, 20)
    os.close(fd)
    return copy


def trust(authority, home):
    """Whoever lives there trusts that authority from now on."""
    store = home / ".pki" / "nssdb"
    store.mkdir(parents=True)
    certutil = [need("certutil", "libnss3-tools"), "-d", f"sql:{store}"]
    subprocess.run([*certutil, "-N", "--empty-password"], check=True)
    words = ["-A", "-n", "authority", "-t", "C,,", "-i", str(authority)]
    subprocess.run([*certutil, *words], check=True)


class Browser:
    """A browser with one tab, as a context; `folder` is an empty one for its profile.  It trusts
    one authority more than usual, if there is one."""

    def __init__(self, folder, patience=1.0, authority=None):
        self.seconds = 60 * patience
        if authority:
            trust(authority, folder)
        command = [need("chromium", "chromium"), *FLAGS, f"--user-data-dir={folder}", "about:blank"]
        its_input, self.writing = os.pipe()
        self.reading, its_output = os.pipe()
        its_input, its_output = high(its_input), high(its_output)
        # It reads descriptor 3 and writes 4.
        self.process = subprocess.Popen(
            [
                "/bin/bash",
                "-c",
                f'exec 3<&{its_input} 4>&{its_output}; exec "$@"',
                "bash",
                *command,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(its_input, its_output),
            env={**os.environ, "HOME": str(folder)},
        )
        os.close(its_input)
        os.close(its_output)
        self.unread, self.number, self.session = b"", 0, None
        self.heard = []
        try:
            self.attach()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.call("Browser.close", browser=True)
            self.process.wait(10)
        except (OSError, AssertionError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self.reading)
        os.close(self.writing)

    # ---- the protocol

    def message(self, until):
        while b"\0" not in self.unread:
            left = until - time.monotonic()
            assert (
                left > 0 and select.select([self.reading], [], [], left)[0]
            ), "the browser is silent"
            came = os.read(self.reading, 1 << 16)
            assert came, "the browser went away"
            self.unread += came
        message, _, self.unread = self.unread.partition(b"\0")
        return json.loads(message)

    def call(self, method, browser=False, **parameters):
        """One command and its result; events in between are kept for complaints()."""
        self.number += 1
        command = {"id": self.number, "method": method, "params": parameters}
        if self.session and not browser:
            command["sessionId"] = self.session
        os.write(self.writing, json.dumps(command).encode() + b"\0")
        until = time.monotonic() + self.seconds
        while (message := self.message(until)).get("id") != self.number:
            self.heard.append(message)
        assert "error" not in message, message
        return message["result"]

    def attach(self):
        """To its first tab."""
        until = time.monotonic() + self.seconds
        pages = []
        while not pages:
            assert time.monotonic() < until, "the browser opens no tab"
            targets = self.call("Target.getTargets", browser=True)["targetInfos"]
            pages = [each["targetId"] for each in targets if each["type"] == "page"]
        attached = self.call("Target.attachToTarget", browser=True, targetId=pages[0], flatten=True)
        self.session = attached["sessionId"]

    # ---- what tests do with it

    def open(self, url):
        """Loads a page, with all that it needs."""
        gone = self.call("Page.navigate", url=url)
        assert "errorText" not in gone, f"{url}: {gone['errorText']}"
        until = time.monotonic() + self.seconds
        while not self.run("document.readyState == 'complete' && location.href != 'about:blank'"):
            assert time.monotonic() < until, f"{url} is never complete"
            time.sleep(0.02)  # a page in a sandbox has no events to wait for

    def run(self, script):
        """The value of a JavaScript expression in the page; a promise is waited for."""
        result = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def listen(self):
        """From here on, to what it complains about."""
        self.call("Log.enable")
        self.call("Runtime.enable")

    def complaints(self):
        """What its console has in red or yellow so far, and what its scripts threw."""
        self.run("0")
        return [
            message["params"]
            for message in self.heard
            if message["method"] == "Runtime.exceptionThrown"
            or message["method"] == "Log.entryAdded"
            and message["params"]["entry"]["level"] in ("error", "warning")
            or message["method"] == "Runtime.consoleAPICalled"
            and message["params"]["type"] in ("error", "warning", "assert")
        ]

"""Many clients at once, in a process of their own, so that their work does not distort what
another process measures.

As a program it plays one part and speaks lines of JSON on stdout: {"ready": ...} once all its
connections stand, and a result at the end.  It ends when its stdin does.

    crowd.py heads   URL COUNT          each sends a byte of a head a second
    crowd.py readers URL COUNT TARGET   each asks once, and reads a byte a second
    crowd.py at-once URL COUNT TARGET   all ask at the same time; tells how long it took
    crowd.py idle    URL COUNT TARGET   each asks once, and stays
    crowd.py waiters URL COUNT TARGET...  each asks for one of these, and reads whatever comes whenever it
                                        comes; ready when all have a head; tells how many of them are
                                        still there once it is sent a line
    crowd.py visitor URL SECONDS TARGET asks every 20 ms, each time over a new connection; tells
                                        how long each answer took

An https URL is trusted when the environment says so (SSL_CERT_FILE).
"""

import json
import os
import selectors
import socket
import ssl
import subprocess
import sys
import time
from urllib.parse import urlsplit


class Crowd:
    """Such a process, as a context."""

    def __init__(self, part, server, *arguments):
        trusted = {"SSL_CERT_FILE": str(server.authority)} if server.is_secure else {}
        self.process = subprocess.Popen(
            [sys.executable, __file__, part, server.url, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **trusted},
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.kill()
        self.process.wait()

    def ask(self):
        """What it tells when it is sent a line."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.hear()

    def hear(self):
        """Its next line."""
        line = self.process.stdout.readline()
        assert line, "the crowd went away"
        return json.loads(line)


def tell(**what):
    print(json.dumps(what), flush=True)


def request(target, host, more=""):
    return f"GET {target} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n".encode()


class Place:
    """Where they go, as the URL says."""

    def __init__(self, url):
        parts = urlsplit(url)
        self.host, self.address = parts.hostname, (parts.hostname, parts.port)
        self.tls = ssl.create_default_context() if parts.scheme == "https" else None


def connect(place, receive_buffer=None):
    peer = socket.socket(socket.AF_INET6 if ":" in place.host else socket.AF_INET)
    if receive_buffer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    peer.settimeout(60)
    peer.connect(place.address)
    return place.tls.wrap_socket(peer, server_hostname=place.host) if place.tls else peer


def stdin_ended(selector):
    """Waits a little; true when nobody wants us any more."""
    selector.register(sys.stdin, selectors.EVENT_READ)
    return lambda seconds: any(key.fileobj is sys.stdin for key, _ in selector.select(seconds))


def each_second(peers, act):
    """Goes round all peers once a second, evenly, until stdin ends."""
    ended = stdin_ended(selectors.DefaultSelector())
    alive = list(peers)
    while True:
        started, left = time.monotonic(), []
        for at, peer in enumerate(alive):
            due = started + at / max(len(alive), 1)
            if at % 20 == 0 and ended(max(0, due - time.monotonic())):
                return
            if act(peer):
                left.append(peer)
        alive = left
        if ended(max(0, started + 1 - time.monotonic())):
            return


def heads(place, count):
    head = b"GET / HTTP/1.1\r\nHost: slow.test\r\nX-Slow: " + 1000 * b"s"
    sent = {}

    def send_one(peer):
        at = sent[peer] = sent.get(peer, -1) + 1
        try:
            return peer.send(head[at : at + 1]) == 1
        except OSError:
            return False

    peers = [connect(place) for _ in range(count)]
    tell(ready=len(peers))
    each_second(peers, send_one)


def readers(place, count, target):
    def read_one(peer):
        try:
            return bool(peer.recv(1))
        except OSError:
            return False

    peers = [connect(place, receive_buffer=4096) for _ in range(count)]
    for peer in peers:
        peer.sendall(request(target, place.host))
        peer.recv(1)
    tell(ready=len(peers))
    each_second(peers, read_one)


def read_answer(peer):
    """The status, once the whole answer has come; it must have a length."""
    data = b""
    while b"\r\n\r\n" not in data:
        came = peer.recv(65536)
        if not came:
            raise OSError("no answer")
        data += came
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    while len(body) < length:
        came = peer.recv(65536)
        if not came:
            raise OSError("half an answer")
        body += came
    return int(head.split()[1])


def at_once(place, count, target):
    selector = selectors.DefaultSelector()
    peers = [connect(place) for _ in range(count)]
    tell(ready=len(peers))
    started = time.monotonic()
    for peer in peers:
        peer.sendall(request(target, place.host))
        selector.register(peer, selectors.EVENT_READ)
    statuses = {}
    while selector.get_map():
        for key, _ in selector.select():
            selector.unregister(key.fileobj)
            status = read_answer(key.fileobj)
            statuses[status] = statuses.get(status, 0) + 1
    tell(seconds=time.monotonic() - started, statuses=statuses)
    sys.stdin.read()


def idle(place, count, target):
    peers = [connect(place) for _ in range(count)]
    for peer in peers:
        peer.sendall(request(target, place.host))
    statuses = [read_answer(peer) for peer in peers]
    tell(ready=len(peers), fine=statuses.count(200))
    sys.stdin.read()


def swallow(peer):
    """Whatever has come; false when that was the end."""
    try:
        while data := peer.recv(65536):
            del data
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        pass
    return False


def waiters(place, count, *targets):
    selector, gone = selectors.DefaultSelector(), 0
    peers = [connect(place) for _ in range(count)]
    for at, peer in enumerate(peers):
        peer.sendall(request(targets[at % len(targets)], place.host))
    for peer in peers:
        assert peer.recv(12) == b"HTTP/1.1 200"
        peer.setblocking(False)
        gone += not swallow(peer)
        selector.register(peer, selectors.EVENT_READ)
    tell(ready=len(peers))
    selector.register(sys.stdin, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is sys.stdin:
                if not sys.stdin.readline():
                    return
                tell(waiting=count - gone)
            elif not swallow(key.fileobj):
                selector.unregister(key.fileobj)
                gone += 1


def visitor(place, seconds, target):
    """An answer that is late makes the next question late; its delay counts for both."""
    took, every = [], 0.020
    asking = request(target, place.host, "Connection: close\r\n")
    began = time.monotonic()
    for turn in range(int(seconds / every)):
        due = began + turn * every
        early = due - time.monotonic()
        if early > 0:
            time.sleep(early)
        started = time.monotonic() if early > 0 else due
        with connect(place) as peer:
            peer.sendall(asking)
            status = read_answer(peer)
        took.append(time.monotonic() - started)
        if status != 200:
            raise SystemExit(f"the visitor got {status}")
    took.sort()
    tell(asked=len(took), p50=took[len(took) // 2], p99=took[int(len(took) * 0.99)], worst=took[-1])


def main():
    part, url, number, *target = sys.argv[1:]
    parts = {
        "heads": heads,
        "readers": readers,
        "at-once": at_once,
        "idle": idle,
        "waiters": waiters,
        "visitor": visitor,
    }
    parts[part](Place(url), float(number) if part == "visitor" else int(number), *target)


if __name__ == "__main__":
    main()

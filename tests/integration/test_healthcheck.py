"""wherry --healthcheck: how a container asks its server whether it is well."""

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

from program import clean_environment, eventually
from tools import has_ipv6, need, need_unshare

LIMIT_S = 3.0


@pytest.fixture
def copied(build, tmp_path):
    """A copy of the program, by a name of its own: whatever else runs meanwhile is another one."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return Path(shutil.copy(build.program, folder / f"wherry-{os.getpid()}"))


@pytest.fixture
def start(copied, serve, site):
    """Starts a server from the copy, on any port when none is named."""

    def start(*options, ports=True, **more):
        words = ["--http-port=0"] if ports else []
        return serve(site, *words, *options, program=copied, **more)

    return start


@pytest.fixture
def check(copied, build):
    """Runs the check, and gives its line; it must end with 0 or with 1, in time, and say one line in
    the right place."""

    def check(*options, is_well, before=(), environment=None, cwd="/", program=copied):
        started = time.monotonic()
        run = subprocess.run([*before, program, "--healthcheck", *options], cwd=cwd, text=True,
                             env=clean_environment(environment or {}), stdin=subprocess.DEVNULL,
                             capture_output=True, timeout=60)
        took = time.monotonic() - started
        line = run.stdout + run.stderr
        assert run.returncode == (0 if is_well else 1), line
        assert line.count("\n") == 1 and line.startswith("healthy: " if is_well else "unhealthy: ")
        assert (run.stderr if is_well else run.stdout) == ""
        assert took < LIMIT_S + 1.0 * build.patience, f"{took:.2f} s"
        return line.partition(": ")[2].rstrip("\n")

    return check


def of(server, scheme, port, host="127.0.0.1"):
    return rf"{scheme}://{re.escape(host)}:{port} "


def check_silent(server):
    """Stopped; and nobody was told of any of this."""
    server.stop()
    assert "OPTIONS" not in server.log and "wherry-healthcheck" not in server.log, server.log
    assert '" 4' not in server.log and '" 5' not in server.log, server.log
    assert "handshake" not in server.said, server.said


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as held:
        return held.getsockname()[1]


# ---- whom it asks


def test_it_asks_the_server_that_runs_here(start, check):
    server = start()
    said = check(is_well=True)
    assert re.search(of(server, "http", server.port) + r"answered 204 in \d+ ms", said)
    if has_ipv6():
        assert re.search(of(server, "http", server.port, "[::1]") + "answered 204", said)
    check_silent(server)


@pytest.mark.parametrize("log", ["common", "combined", "json"])
def test_it_is_no_news(start, check, log):
    server = start(f"--access-log={log}", "--log-level=debug")
    for _ in range(3):
        check(is_well=True)
    check_silent(server)


def test_it_is_asked_as_its_command_line_says(start, check, free_port):
    server = start("--address=127.0.0.2", f"--http-port={free_port}", ports=False, wait=False)
    eventually(lambda: b"127.0.0.2" in server.out.bytes, 10, "the announcement")
    said = check(is_well=True, environment={"WHERRY_HTTP_PORT": "1", "WHERRY_ADDRESS": "::1"})
    assert said.startswith(f"http://127.0.0.2:{free_port} answered 204")
    assert ";" not in said
    check_silent(server)


def test_it_is_asked_as_its_environment_says(start, check, free_port):
    server = start(ports=False, wait=False, environment={"WHERRY_HTTP_PORT": str(free_port),
                                                         "WHERRY_ADDRESS": "*"})
    eventually(lambda: b"http://" in server.out.bytes, 10, "the announcement")
    assert check(is_well=True).startswith(f"http://127.0.0.1:{free_port} answered 204")
    check_silent(server)


def test_it_is_asked_as_its_file_says(start, check, free_port, tmp_path):
    """Whose path is a relative one, as that of the socket in it."""
    (tmp_path / "w.conf").write_text(f"http-port = {free_port}\nunix = here.sock\n")
    server = start("--config=w.conf", ports=False, wait=False, cwd=tmp_path)
    eventually(lambda: b"http+unix" in server.out.bytes, 10, "the announcement")
    said = check(is_well=True)
    assert said.startswith(f"http://127.0.0.1:{free_port} answered 204")
    assert re.search(r"; http\+unix:here\.sock answered 204 in \d+ ms$", said)
    check_silent(server)


def test_mistakes_of_its_own_environment_do_not_matter(start, check):
    start()
    check(is_well=True, environment={"WHERRY_HTTP_PORT": "x", "WHERRY_CONFIG": "/not/there"})


def test_a_local_socket_alone(start, check, tmp_path):
    server = start("--http-port=off", f"--unix={tmp_path / 's'}", ports=False, wait=False)
    eventually((tmp_path / "s").exists, 10, "the socket")
    assert re.fullmatch(rf"http\+unix:{tmp_path}/s answered 204 in \d+ ms", check(is_well=True))
    check_silent(server)


def test_a_redirecting_server(start, check, tmp_path):
    """RFC 9110 §9.3.7: OPTIONS * too comes by HTTPS only."""
    server = start("--tls", "--https-port=0", "--http-port=0", "--http-redirect",
                   f"--cert-dir={tmp_path / 'certs'}", ports=False, secure=False)
    said = check(is_well=True)
    assert re.search(of(server, "http", server.http_port) + "answered 308", said)
    assert re.search(of(server, "https", server.https_port) + "answered 204", said)
    check_silent(server)


def test_https_alone(start, check, tmp_path):
    server = start("--tls-only", "--https-port=0", f"--cert-dir={tmp_path / 'certs'}",
                   ports=False, secure=True)
    said = check(is_well=True)
    assert re.search(of(server, "https", server.https_port) + "answered 204", said)
    assert "http://" not in said
    check_silent(server)


def test_clients_that_have_to_show_a_certificate(start, check, tmp_path, authority):
    server = start("--tls-only", "--https-port=0", f"--cert-dir={tmp_path / 'certs'}",
                   f"--tls-client-ca={authority.cert}", ports=False, secure=True)
    assert re.search(of(server, "https", server.https_port) + "asked for a client's certificate",
                     check(is_well=True))
    check_silent(server)


def test_clients_that_may_show_a_certificate(start, check, tmp_path, authority):
    server = start("--tls-only", "--https-port=0", f"--cert-dir={tmp_path / 'certs'}",
                   f"--tls-client-ca={authority.cert}", "--tls-client=optional", ports=False,
                   secure=True)
    assert re.search(of(server, "https", server.https_port) + "answered 204", check(is_well=True))
    check_silent(server)


def test_a_server_that_is_held_up_is_not_well(start, check):
    server = start()
    server.signal(signal.SIGSTOP)
    try:
        started = time.monotonic()
        assert check(is_well=False).endswith(" has not answered within 3000 ms")
        assert time.monotonic() - started > LIMIT_S - 0.1
    finally:
        server.signal(signal.SIGCONT)


def test_nobody_there(check):
    assert check(is_well=False) == "no wherry is running here"


def test_who_has_another_errand_is_no_server(start, check, copied, tmp_path):
    start()
    held, given = os.pipe()
    # It waits for room in the pipe that it has to tell its answer to.
    os.set_blocking(given, False)
    while True:
        try:
            os.write(given, b"x" * 4096)
        except BlockingIOError:
            break
    os.set_blocking(given, True)
    other = subprocess.Popen([copied, "--help"], stdout=given)
    try:
        eventually(lambda: state(other.pid) == "S", 10, "it to wait")
        check(is_well=True)
    finally:
        os.close(held)
        os.close(given)
        other.kill()
        other.wait()


def state(pid):
    """Of a process, in one letter: S, it sleeps."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def test_of_two_it_has_to_be_told_which(start, check):
    one, other = start(), start()
    assert check(is_well=False) == ("more than one wherry is running here; say which by the options "
                                    "that it has, such as --http-port")
    assert check(f"--http-port={one.port}", is_well=True).startswith(
        f"http://127.0.0.1:{one.port} answered 204")
    other.stop()
    check(is_well=True)


def test_who_is_in_another_network_is_not_here(start, check, copied, site):
    words = need_unshare("--net")
    apart = subprocess.Popen([*words, copied, site], stdout=subprocess.PIPE)
    apart.stdout.readline()
    try:
        assert check(is_well=False) == "no wherry is running here"
    finally:
        apart.kill()
        apart.wait()


@pytest.fixture
def others_folder():
    """Where somebody else may go, too."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


def test_a_server_of_another_user(serve, check, copied, free_port, others_folder):
    """Whose environment, folder and descriptors one may not see; only its words."""
    if os.getuid() != 0:
        pytest.skip("this test needs to be two users, so root")
    need("setpriv", "util-linux")
    program = Path(shutil.copy(copied, others_folder))
    he, she = (["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
               for uid in (65532, 65533))
    server = serve(others_folder, f"--http-port={free_port}", program=program, before=he)
    assert check(is_well=True, before=she, program=program).startswith(
        f"http://127.0.0.1:{free_port} answered 204")
    server.stop()
    server = serve(others_folder, "--http-port=0", program=program, before=he)
    assert check(is_well=False, before=she, program=program) == \
        "the port that the server has found for itself cannot be seen"
    check(is_well=True, before=he, program=program)


def test_options_that_have_become_wrong_are_told(start, check, tmp_path):
    conf = tmp_path / "w.conf"
    conf.write_text("drain = 2s\n")
    server = start("--config=w.conf", cwd=tmp_path)
    conf.write_text("drain = 2 s\n")
    assert re.fullmatch(rf"process {server.pid} runs with options that are wrong by now: "
                        r'w\.conf:1: drain is "2 s"; .*', check(is_well=False))


def test_a_mistake_on_its_own_command_line_is_no_other_status(check):
    assert check("--http-prot=1", is_well=False) == ("--http-prot is not an option; did you mean "
                                                     "--http-port? (see wherry --help)")
    assert check("--http-port=0", is_well=False).startswith("port 0 is any free one; ")


def test_the_listener_for_admins_is_not_asked(start, check, tmp_path):
    """Nor taken for another one, where all ports are the kernel's choice."""
    server = start("--admin-listen=localhost:0", "--tls", "--https-port=0",
                   f"--cert-dir={tmp_path / 'certs'}", secure=False)
    admin = server.wait_log(r"^its health: http://localhost:(\d+), ")[1].decode()
    said = check(is_well=True)
    assert f":{admin} " not in said
    assert re.search(of(server, "http", server.http_port) + "answered 204", said)
    assert re.search(of(server, "https", server.https_port) + "answered 204", said)
    check_silent(server)


def test_bad_certificates_are_not_asked_for(start, check, tmp_path):
    """Nor is one of their ports taken for another, where all are the kernel's choice."""
    server = start("--admin-listen=localhost:0", "--tls", "--https-port=0", "--bad-tls-port=0",
                   f"--cert-dir={tmp_path / 'certs'}", secure=False)
    said = check(is_well=True)
    assert re.search(of(server, "http", server.http_port) + "answered 204", said)
    assert re.search(of(server, "https", server.https_port) + "answered 204", said)
    for port in re.findall(r"^  [a-z-]+ +https://localhost:(\d+)$", server.log, re.MULTILINE):
        assert f":{port} " not in said
    check_silent(server)


# ---- what counts as an answer


class Impostor:
    """A listener that does what it is told with whoever comes: anything that has a port."""

    def __init__(self, act):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.heard = b""
        self.act, self.ended = act, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            peer = self.listener.accept()[0]
            with peer:
                self.act(self, peer)
        except OSError:
            pass

    def close(self):
        self.ended.set()
        self.listener.close()
        self.thread.join(5)


@pytest.fixture
def pose():
    posing = []

    def pose(act):
        posing.append(Impostor(act))
        return posing[-1]

    yield pose
    for each in posing:
        each.close()


def says(answer):
    def act(self, peer):
        while b"\r\n\r\n" not in self.heard:
            self.heard += peer.recv(1000)
        peer.sendall(answer)

    return act


def ask(check, impostor, is_well):
    return check("--address=127.0.0.1", f"--http-port={impostor.port}", is_well=is_well)


ANSWERS = [
    (b"HTTP/1.1 204 No Content\r\n\r\n", True, r"answered 204 in \d+ ms"),
    (b"HTTP/1.1 404 \r\n\r\n", True, r"answered 404 in \d+ ms"),
    (b"HTTP/1.1 499 x\r\n\r\n", True, r"answered 499 in \d+ ms"),
    (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", True, r"has no room for one more \(503\) in .*"),
    (b"HTTP/1.1 500 Internal Server Error\r\n\r\n", False, r"answered 500"),
    (b"SSH-2.0-OpenSSH_9.2\r\n", False, r'answered "SSH-2.0-OpenSSH_9.2\\x0d", which is not HTTP'),
    (b"HTTP/1.1 204", False, r"does not answer: it hung up in the middle of a line"),
    (b"x" * 5000, False, r'answered "x+\.\.\.", which is not HTTP'),
    (b"", True, r"has no room for one more in \d+ ms"),
]


@pytest.mark.parametrize("answer, is_well, sentence", ANSWERS, ids=range(len(ANSWERS)))
def test_answers(check, pose, answer, is_well, sentence):
    impostor = pose(says(answer))
    said = ask(check, impostor, is_well)
    assert re.fullmatch(of(impostor, "http", impostor.port) + sentence, said), said
    assert impostor.heard == (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n"
                              b"User-Agent: wherry-healthcheck\r\nConnection: close\r\n\r\n")


def test_trickled_bytes_do_not_move_the_limit(check, pose):
    def act(self, peer):
        for byte in b"HTTP/1.1 204 " + b"x" * 500:
            peer.send(bytes([byte]))
            if self.ended.wait(0.05):
                break

    assert ask(check, pose(act), False).endswith("has not answered within 3000 ms")


def test_nobody_at_that_port(check, free_port):
    assert check(f"--http-port={free_port}", is_well=False) == \
        f"http://127.0.0.1:{free_port} does not answer: Connection refused"


def test_an_address_of_another_host(check):
    assert check("--address=192.0.2.1", "--http-port=81", is_well=False)


def ask_tls(check, impostor, is_well):
    return check("--tls-only", "--address=127.0.0.1", f"--https-port={impostor.port}",
                 is_well=is_well)


def test_who_speaks_no_tls_where_it_should_is_not_well(check, pose):
    assert re.search(r"does not answer: \w+", ask_tls(
        check, pose(lambda self, peer: peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")), False))


def test_a_handshake_that_does_not_go_on(check, pose):
    assert ask_tls(check, pose(lambda self, peer: self.ended.wait(20)), False).endswith(
        "has not answered within 3000 ms")


def test_a_handshake_that_is_cut(check, pose):
    """Unlike one that was never begun."""
    assert ask_tls(check, pose(lambda self, peer: peer.sendall(b"\x16\x03\x03\x00\x50\x02")),
                   False).endswith("does not answer: it hung up without an answer")
    assert "has no room for one more" in ask_tls(
        check, pose(lambda self, peer: peer.recv(5000)), True)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("kind", ["ec", "rsa1024"])
def test_a_certificate_is_wanted_in_every_version(check, pose, authority, version, kind):
    """And whatever key the server has: RFC 5246 §7.4.6, RFC 8446 §4.4.2.4."""
    pair = authority.issue("somewhere.else.test", key=kind)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(pair.cert, pair.key)
    context.load_verify_locations(authority.cert)
    context.verify_mode = ssl.CERT_REQUIRED
    names = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    def act(_self, peer):
        context.wrap_socket(peer, server_side=True).recv(1000)

    assert "asked for a client's certificate" in ask_tls(check, pose(act), True)
    assert names == ["healthcheck.wherry.invalid"]


# ---- when there is no room


def test_a_server_that_is_full_is_well(start, check):
    """A restart would only take more from those who are in."""
    server = start("--connections-max=1")
    with server.dial() as busy:
        busy.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
        server.wait_read(busy)
        assert "has no room for one more" in check(is_well=True)
        busy.send(b"\r\n")
        assert busy.answer().status == 200


# ---- who else cannot hide


def test_others_do_not_hide_behind_its_name(start):
    server = start()
    agent = [("User-Agent", "wherry-healthcheck")]
    server.get("/", fields=agent)
    server.wait_log(r'"GET / HTTP/1\.1" 200 ')
    server.get("/", method="OPTIONS", fields=agent)
    server.wait_log(r'"OPTIONS / HTTP/1\.1" 204 ')
    server.get("*", method="OPTIONS")
    server.wait_log(r'"OPTIONS \* HTTP/1\.1" 204 ')
    server.get("*", method="OPTIONS", fields=[("User-Agent", "wherry-healthcheck/2")])
    server.wait_log(r'"OPTIONS \* HTTP/1\.1" 204 .*healthcheck/2')


def test_handshakes_of_others_are_told(start, tmp_path, authority):
    server = start("--tls-only", "--https-port=0", f"--cert-dir={tmp_path / 'certs'}",
                   f"--tls-client-ca={authority.cert}", ports=False, secure=True)

    def shake(name, *words):
        where = f"127.0.0.1:{server.https_port}"
        subprocess.run(["openssl", "s_client", "-connect", where, "-servername", name, *words],
                       input="", capture_output=True, text=True, timeout=60)

    shake("localhost")
    server.wait_error("peer did not return a certificate")
    said = len(server.err.bytes)
    shake("healthcheck.wherry.invalid", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    assert server.err.wait("the TLS handshake failed", 10, said)

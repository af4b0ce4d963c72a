"""Certificates that clients are to refuse (--bad-tls-port): each client sees its fault and no other,
and with the very same settings takes the good one."""

import contextlib
import json
import re
import socket
import ssl
import subprocess
from dataclasses import dataclass

import httpx
import pytest

from browser import Browser
from dialogue import request
from tools import need, need_ipv6

# X509_V_ERR_... (x509_vfy.h)
NOT_YET_VALID, HAS_EXPIRED = 9, 10
SELF_SIGNED_IN_CHAIN = 19
HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH = 62, 64
EE_KEY_TOO_SMALL = 66


@dataclass
class Fault:
    name: str
    curl: str  # what it says, behind its number
    code: int  # OpenSSL's, for a name
    chromium: str
    code_of_address: int | None = None

    def code_for(self, host):
        return self.code if host == "localhost" else self.code_of_address or self.code


FAULTS = [
    Fault("expired", "certificate has expired", HAS_EXPIRED, "ERR_CERT_DATE_INVALID"),
    Fault("not-yet-valid", "certificate is not yet valid", NOT_YET_VALID, "ERR_CERT_DATE_INVALID"),
    Fault("wrong-name", "no alternative certificate subject name matches target",
          HOSTNAME_MISMATCH, "ERR_CERT_COMMON_NAME_INVALID", IP_ADDRESS_MISMATCH),
    Fault("unknown-authority", "self-signed certificate in certificate chain", SELF_SIGNED_IN_CHAIN,
          "ERR_CERT_AUTHORITY_INVALID"),
    Fault("weak-key", "EE certificate key too weak", EE_KEY_TOO_SMALL, "ERR_CERT_WEAK_KEY"),
]
EACH = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
VERSIONS = {"TLSv1.2": ["--tlsv1.2", "--tls-max", "1.2"], "TLSv1.3": ["--tlsv1.3"]}


@pytest.fixture(params=["localhost", "127.0.0.1", "::1"])
def host(request):
    if request.param == "::1":
        need_ipv6()
    return request.param


def url(host, port):
    return f"https://{f'[{host}]' if ':' in host else host}:{port}/"


def listed(server):
    """The port of each fault, in the order in which the greeting has them."""
    lines = re.findall(r"^  ([a-z-]+) +https://localhost:(\d+)$", server.log, re.MULTILINE)
    return {name: int(port) for name, port in lines}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    root = tmp_path_factory.mktemp("site")
    (root / "index.html").write_text("<!doctype html><title>home</title>\n")
    return root


@pytest.fixture(scope="module")
def server(serve_all, page, tmp_path_factory):
    """With a good certificate beside the five."""
    certs = tmp_path_factory.mktemp("bad") / "certs"
    return serve_all(page, "--tls-only", "--https-port=0", "--bad-tls-port=0", "--hsts=1d",
                     f"--cert-dir={certs}", secure=True)


@pytest.fixture(scope="module")
def ports(server):
    server.out.wait(r"^  weak-key +https", 10 * server.patience)
    return listed(server)


# ---- what is told


def test_the_greeting_lists_them(ports):
    assert list(ports) == [fault.name for fault in FAULTS]
    assert len(set(ports.values())) == len(FAULTS)


def test_the_greeting_in_json_has_them(serve, page, tmp_path):
    certs = f"--cert-dir={tmp_path / 'certs'}"
    server = serve(page, "--access-log=json", "--bad-tls-port=0", certs)
    line = json.loads(server.wait_log(r"^\{.*\}$")[0])
    assert list(line["bad_tls"]) == [fault.name for fault in FAULTS]
    for at in line["bad_tls"].values():
        assert re.fullmatch(r"https://localhost:\d+", at) and at not in line["urls"]
    assert line["authority"] == str(tmp_path / "certs" / "ca.pem"), "whom to trust is told"


def test_without_the_option_there_are_none(serve, page, tmp_path):
    server = serve(page, "--access-log=json", f"--cert-dir={tmp_path / 'certs'}")
    line = json.loads(server.wait_log(r"^\{.*\}$")[0])
    assert line["bad_tls"] is None


# ---- curl


def curl(*words):
    return subprocess.run([need("curl", "curl"), "-sS", "--max-time", "60", *map(str, words)],
                          capture_output=True, text=True, timeout=120)


@EACH
def test_curl(server, ports, page, host, fault):
    trusting = ["--cacert", server.authority]
    good = curl(*trusting, url(host, server.port))
    assert (good.returncode, good.stdout) == (0, (page / "index.html").read_text()), good.stderr
    bad = curl(*trusting, url(host, ports[fault.name]))
    assert (bad.returncode, bad.stdout) == (60, "")
    assert fault.curl in bad.stderr


@EACH
@pytest.mark.parametrize("version", VERSIONS)
def test_curl_that_does_not_care(server, ports, page, host, fault, version):
    done = curl("-k", *VERSIONS[version], url(host, ports[fault.name]))
    assert (done.returncode, done.stdout) == (0, (page / "index.html").read_text()), done.stderr


# ---- Python


def verify_code(failure):
    """OpenSSL's number, wherever in the causes of a failure it is."""
    while failure is not None:
        if isinstance(failure, ssl.SSLCertVerificationError):
            return failure.verify_code
        failure = failure.__cause__ or failure.__context__
    return None


def shake(context, host, port):
    with socket.create_connection((host, port), 30) as plain:
        with context.wrap_socket(plain, server_hostname=host) as secure:
            secure.sendall(request("/"))
            return secure.recv(1 << 16).startswith(b"HTTP/1.1 200 ")


@EACH
def test_the_ssl_module(server, ports, host, fault):
    context = ssl.create_default_context(cafile=server.authority)
    assert shake(context, host, server.port)
    with pytest.raises(ssl.SSLCertVerificationError) as refused:
        shake(context, host, ports[fault.name])
    assert refused.value.verify_code == fault.code_for(host)


@EACH
def test_what_the_ssl_module_takes_at_other_levels(server, ports, fault):
    """At level 1, which is OpenSSL's own and Node's, a key of 768 bits is too weak still; and it is
    the only fault that a lower one can mend."""
    for level, is_taken in (("1", False), ("0", fault.name == "weak-key")):
        context = ssl.create_default_context(cafile=server.authority)
        context.set_ciphers(f"DEFAULT:@SECLEVEL={level}")
        if is_taken:
            assert shake(context, "localhost", ports[fault.name])
            continue
        with pytest.raises(ssl.SSLCertVerificationError) as refused:
            shake(context, "localhost", ports[fault.name])
        assert refused.value.verify_code == fault.code


@EACH
def test_httpx(server, ports, page, host, fault):
    context = ssl.create_default_context(cafile=server.authority)
    with httpx.Client(verify=context, trust_env=False) as client:
        good = client.get(url(host, server.port))
        assert (good.status_code, good.text) == (200, (page / "index.html").read_text())
        with pytest.raises(httpx.ConnectError) as refused:
            client.get(url(host, ports[fault.name]))
    assert verify_code(refused.value) == fault.code_for(host)
    with httpx.Client(verify=False, trust_env=False) as client:
        assert client.get(url(host, ports[fault.name])).text == good.text


# ---- Chromium


@pytest.fixture(scope="module")
def chromium(server, tmp_path_factory, build):
    folder = tmp_path_factory.mktemp("profile")
    with Browser(folder, build.patience, server.authority) as browser:
        yield browser


@EACH
def test_chromium(server, ports, chromium, host, fault):
    chromium.open(url(host, server.port))
    assert chromium.run("document.title") == "home"
    gone = chromium.call("Page.navigate", url=url(host, ports[fault.name]))
    assert gone.get("errorText") == f"net::{fault.chromium}"


# ---- every handshake shows the certificate


@EACH
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_session_goes_round_it(server, ports, fault, version):
    """RFC 8446 §4.6.1, RFC 5077: who resumes one is shown no certificate.  The good port's opens none
    of these, and these give none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version

    def visit(port, session=None):
        with socket.create_connection(("localhost", port), 30) as plain:
            with context.wrap_socket(plain, server_hostname="localhost", session=session) as secure:
                secure.sendall(request("/"))
                assert secure.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
                return secure.session, secure.session_reused

    session, _ = visit(server.port)
    assert session.has_ticket and visit(server.port, session)[1], "the good one takes it up"
    own, is_resumed = visit(ports[fault.name], session)
    assert not is_resumed
    assert not own or not own.has_ticket
    assert not visit(ports[fault.name], own)[1]


# ---- what is behind it is the site, by the same rules


@EACH
def test_nothing_is_pinned_there(server, ports, fault):
    """RFC 6797 §8.4"""
    def fields(*words):
        return curl("-I", "--cacert", server.authority, *words).stdout.lower()

    assert "\nstrict-transport-security: max-age=86400" in fields(url("localhost", server.port))
    answered = fields("-k", url("localhost", ports[fault.name]))
    assert answered.startswith("http/1.1 200 ") and "strict-transport" not in answered


def test_nobody_is_redirected_there(serve, page, tmp_path):
    server = serve(page, "--tls", "--https-port=0", "--http-redirect", "--bad-tls-port=0",
                   f"--cert-dir={tmp_path / 'certs'}", secure=False)
    sent = curl("-o", "/dev/null", "-w", "%{redirect_url}", f"http://localhost:{server.http_port}/a")
    assert sent.stdout == f"https://localhost:{server.https_port}/a"
    for port in listed(server).values():
        done = curl("-w", "%{http_code} %{redirect_url}", f"http://localhost:{port}/")
        assert done.stdout.endswith("400 "), "plain HTTP gets an answer that it can read"
        assert "plain HTTP was spoken to the port for HTTPS" in done.stdout


def test_clients_prove_themselves_there_too(serve, page, tmp_path, authority):
    pair = authority.issue("ann", client=True)
    server = serve(page, "--tls-only", "--https-port=0", "--bad-tls-port=0",
                   f"--tls-client-ca={authority.cert}", f"--cert-dir={tmp_path / 'certs'}", secure=True)
    for port in (server.port, *listed(server).values()):
        assert curl("-k", url("localhost", port)).returncode != 0
        shown = curl("-k", "--cert", pair.cert, "--key", pair.key, url("localhost", port))
        assert shown.stdout == (page / "index.html").read_text(), shown.stderr


def test_beside_plain_http_alone(serve, page, tmp_path):
    certs = tmp_path / "certs"
    server = serve(page, "--bad-tls-port=0", f"--cert-dir={certs}", secure=False)
    assert server.get().status == 200
    for fault, port in zip(FAULTS, listed(server).values(), strict=True):
        assert fault.curl in curl("--cacert", certs / "ca.pem", url("localhost", port)).stderr
        assert curl("-k", url("localhost", port)).returncode == 0


def test_beside_a_certificate_that_was_given(serve_tls, build, page, tmp_path, authority):
    """The authority is that of --cert-dir, which the greeting names and --print-ca prints."""
    pair = authority.issue("localhost", "127.0.0.1")
    server = serve_tls(page, "--bad-tls-port=0", pairs=[pair])
    own = tmp_path / "certs" / "ca.pem"
    server.wait_log(rf"^their authority: {re.escape(str(own))}, SHA-256 (\w\w:)+\w\w$")
    assert "The certificate is wherry's own" not in server.log
    assert curl("--cacert", authority.cert, url("localhost", server.port)).returncode == 0
    for fault, port in zip(FAULTS, listed(server).values(), strict=True):
        assert fault.curl in curl("--cacert", own, url("localhost", port)).stderr
    words = [*pair.options, "--bad-tls-port=0", f"--cert-dir={own.parent}", "--print-ca"]
    printed = subprocess.run([build.program, *words], capture_output=True, text=True, timeout=60)
    assert printed.stdout == own.read_text(), printed.stderr


def test_a_name_that_was_asked_for_is_in_them(serve, page, tmp_path):
    """Also without --tls: the bad ones need it."""
    certs = tmp_path / "certs"
    server = serve(page, "--bad-tls-port=0", "--tls-name=box.lan", f"--cert-dir={certs}", secure=False)
    for fault, port in zip(FAULTS, listed(server).values(), strict=True):
        done = curl("--cacert", certs / "ca.pem", "--connect-to", f"box.lan:{port}:localhost:{port}",
                    url("box.lan", port))
        assert done.returncode == 60 and fault.curl in done.stderr


def test_a_restart_keeps_the_authority(serve, page, tmp_path):
    certs = tmp_path / "certs"
    words = ["--bad-tls-port=0", f"--cert-dir={certs}"]
    serve(page, *words, secure=False).stop()
    before = (certs / "ca.pem").read_bytes()
    server = serve(page, *words, secure=False)
    assert (certs / "ca.pem").read_bytes() == before
    assert sorted(path.name for path in certs.iterdir()) == [
        ".lock", "ca-key.pem", "ca.pem", "cert.pem", "key.pem"], "no bad one is kept"
    port = listed(server)["expired"]
    assert FAULTS[0].curl in curl("--cacert", certs / "ca.pem", url("localhost", port)).stderr


# ---- what is logged


@EACH
def test_a_refusal_is_no_warning(serve, page, tmp_path, fault):
    certs = tmp_path / "certs"
    server = serve(page, "--bad-tls-port=0", f"--cert-dir={certs}", secure=False)
    curl("--cacert", certs / "ca.pem", url("127.0.0.1", listed(server)[fault.name]))
    if fault.name == "wrong-name":  # curl leaves after the handshake
        assert " the TLS handshake failed" not in server.said
    else:
        server.wait_error(rf" info the TLS handshake failed peer=127.0.0.1 fault={fault.name} why=")
    server.stop()
    assert not re.search(r"^\S+ (warn|error) ", server.said, re.MULTILINE), server.said


# ---- the ports


def five_free():
    """The first of five in a row that nobody has, with the sockets that have shown it closed."""
    for first in range(21000, 32000, 10):
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for port in range(first, first + 5):
                taken = held.enter_context(socket.socket())
                taken.bind(("127.0.0.1", port))
            return first
    raise AssertionError("no five ports are free")


def test_they_are_in_a_row(serve, page, tmp_path):
    first = five_free()
    server = serve(page, f"--bad-tls-port={first}", f"--cert-dir={tmp_path / 'certs'}", secure=False)
    assert listed(server) == {fault.name: first + i for i, fault in enumerate(FAULTS)}


def run(build, *words):
    return subprocess.run([build.program, "--http-port=0", *words], capture_output=True, text=True,
                          timeout=60)


@pytest.mark.parametrize("at", [0, 2, 4])
def test_one_of_them_is_taken(build, page, tmp_path, at):
    first = five_free()
    with socket.socket() as other:
        other.bind(("127.0.0.1", first + at))
        other.listen()
        done = run(build, f"--bad-tls-port={first}", f"--cert-dir={tmp_path / 'certs'}", str(page))
    assert (done.returncode, done.stdout) == (111, "")
    assert done.stderr == (
        f"wherry: cannot listen on localhost port {first + at}: Address already in use; stop what runs"
        " there or choose another port\n")


@pytest.mark.parametrize("port", [9000, 9004])
@pytest.mark.parametrize("option", ["http-port", "https-port"])
def test_another_option_has_one_of_them(build, page, option, port):
    done = run(build, "--tls", "--bad-tls-port=9000", f"--{option}={port}", str(page))
    assert (done.returncode, done.stdout) == (100, "")
    assert done.stderr == (
        f"wherry: --bad-tls-port is 9000, but --{option} is {port}; it takes five ports from there on,"
        " which must be others (see wherry --help)\n")


def test_the_last_port_there_is(build, page):
    done = run(build, "--bad-tls-port=65532", str(page))
    assert done.returncode == 100 and "--bad-tls-port" in done.stderr


def test_who_cannot_sign_does_not_start(build, serve, page, tmp_path):
    """The folder is mounted without the authority's key, or it is somebody else's."""
    certs = tmp_path / "certs"
    serve(page, "--tls", "--https-port=0", f"--cert-dir={certs}", secure=False).stop()
    (certs / "ca-key.pem").unlink()
    (certs / "ca-key.pem").mkdir()  # what is no file can't be read, by root neither
    done = run(build, "--bad-tls-port=0", f"--cert-dir={certs}", str(page))
    assert (done.returncode, done.stdout) == (111, "")
    assert done.stderr == (
        'wherry: cannot make the certificate for "expired": the key of the authority that has to sign it'
        " (ca-key.pem) cannot be read\n")

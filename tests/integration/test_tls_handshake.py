"""What is agreed on before the first request: versions, ciphers, names, sessions, and who the
client is.  Asked by `openssl s_client`, which nobody here wrote."""

import contextlib
import json
import re
import signal
import socket
import ssl
import stat
import subprocess

import pytest

from dialogue import request
from minted import Authority
from program import eventually
from s_client import s_client
from secure import Secure, trusting

VERSIONS = {"-tls1_2": "TLSv1.2", "-tls1_3": "TLSv1.3"}
each_version = pytest.mark.parametrize("version", VERSIONS)


@pytest.fixture
def server(serve_tls, site, authority):
    return serve_tls(site, pairs=[authority.issue("localhost", "127.0.0.1", "::1")])


# ---- versions and ciphers --------------------------------------------------------------------


@each_version
def test_versions(server, version):
    told = s_client(server, version, "-verify_return_error")
    assert told.has_shaken and told.protocol == VERSIONS[version], told.text
    assert "Verify return code: 0 (ok)" in told.text


def test_the_newest_is_taken(server):
    assert s_client(server).protocol == "TLSv1.3"


@pytest.mark.parametrize("version", ["-tls1_1", "-tls1"])
def test_old_versions_are_refused(server, version):
    """RFC 8996 §2"""
    told = s_client(server, version, "-cipher", "DEFAULT@SECLEVEL=0")
    assert not told.has_shaken and "alert protocol version" in told.text, told.text
    server.wait_error(r'handshake failed peer=\S+ why="[^"]*(protocol|version)[^"]*"')


def test_the_oldest_version_can_be_set(serve_tls, site, authority):
    server = serve_tls(site, "--tls-min=1.3", pairs=[authority.issue("localhost")])
    assert s_client(server, "-tls1_3").has_shaken
    told = s_client(server, "-tls1_2")
    assert not told.has_shaken and "alert protocol version" in told.text, told.text


STRONG = ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"]
WEAK = [
    "AES128-SHA",
    "AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-RSA-AES256-SHA384",
    "DHE-RSA-AES128-GCM-SHA256",
    "AES256-CCM",
    "aNULL",
]


@pytest.mark.parametrize("key", ["rsa", "ec"])
def test_strong_ciphers(serve_tls, site, authority, key):
    """Forward secrecy and authenticated encryption, whatever the key."""
    server = serve_tls(site, pairs=[authority.issue("localhost", key=key)])
    kind = {"rsa": "RSA", "ec": "ECDSA"}[key]
    for cipher in STRONG:
        told = s_client(server, "-tls1_2", "-cipher", f"ECDHE-{kind}-{cipher}")
        assert told.has_shaken and told.cipher == f"ECDHE-{kind}-{cipher}", told.text


@pytest.mark.parametrize("cipher", WEAK)
def test_weak_ciphers_are_refused(serve_tls, site, authority, cipher):
    """RFC 9325 §4.1, §4.2"""
    server = serve_tls(site, pairs=[authority.issue("localhost", key="rsa")])
    told = s_client(server, "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")
    assert not told.has_shaken and "alert handshake failure" in told.text, told.text


@pytest.mark.parametrize("group, name", [("X25519", "X25519"), ("P-256", "ECDH, prime256v1")])
@each_version
def test_groups(serve_tls, site, authority, version, group, name):
    """The key is no elliptic one, whose curve the client would have to know, too."""
    server = serve_tls(site, pairs=[authority.issue("localhost", key="rsa")])
    told = s_client(server, version, "-groups", group)
    # The key is the Server's for OpenSSL 3.0, and the Peer's for 3.5.
    assert told.has_shaken and f" Temp Key: {name}" in told.text, told.text


def test_the_preferred_group(server):
    """A client that guesses another one is asked to try again (RFC 8446 §4.1.4)."""
    told = s_client(server, "-groups", "P-256:X25519")
    assert told.has_shaken, told.text


def test_no_compression(server):
    """RFC 9325 §3.3"""
    told = s_client(server, "-tls1_2", "-comp")
    assert told.has_shaken and "Compression: NONE" in told.text, told.text


def test_no_early_data(server, tmp_path):
    """RFC 8446 §8: it could be played back."""
    early = tmp_path / "early"
    early.write_bytes(b"GET /early HTTP/1.1\r\nHost: localhost\r\n\r\n")
    session = tmp_path / "session"
    first = s_client(server, "-tls1_3", "-sess_out", session)
    assert "Max Early Data: 0" in first.text, first.text
    again = s_client(server, "-tls1_3", "-sess_in", session, "-early_data", early)
    assert again.is_reused and "Early data was not sent" in again.text, again.text
    assert "/early" not in server.log


def test_no_renegotiation(server):
    """RFC 9325 §3.5: asked for in 1.2, it is refused, and the server goes on."""
    done = s_client_commands(server, "-tls1_2", say=b"R\n")
    assert "RENEGOTIATING" in done and "no renegotiation" in done, done
    assert server.get().status == 200


def s_client_commands(server, *words, say):
    """With the letters that are commands to s_client: what it prints until it ends by itself."""
    process = subprocess.Popen(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{server.https_port}", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        process.stdin.write(say)
        process.stdin.flush()
        return process.communicate(timeout=20 * server.patience)[0].decode(errors="replace")
    finally:
        process.kill()
        process.wait()


# ---- sessions --------------------------------------------------------------------------------


@each_version
def test_a_session_is_resumed(server, tmp_path, version):
    """RFC 5077, RFC 8446 §2.2"""
    session = tmp_path / "session"
    assert not s_client(server, version, "-sess_out", session).is_reused
    for _ in range(2):
        told = s_client(server, version, "-sess_in", session, "-sess_out", session)
        assert told.is_reused and told.protocol == VERSIONS[version], told.text


@each_version
def test_a_session_outlives_a_reload(serve_tls, site, authority, tmp_path, version):
    folder, session = tmp_path / "pair", tmp_path / "session"
    pair = authority.issue("localhost", into=folder)
    server = serve_tls(site, pairs=[pair])
    s_client(server, version, "-sess_out", session)
    renewed = authority.issue("localhost", into=folder)
    server.signal(signal.SIGHUP)
    wait_serial(server, renewed.serial)
    assert s_client(server, version, "-sess_in", session).is_reused


def wait_serial(server, serial, name="localhost"):
    eventually(
        lambda: s_client(server, name=name).serial == serial,
        10 * server.patience,
        "the new certificate",
    )


@pytest.fixture
def named(serve_tls, site, authority):
    """A server with several names."""
    return serve_tls(
        site,
        pairs=[
            authority.issue("localhost", "first.test"),
            authority.issue("second.test", "other.second.test"),
            authority.issue("*.wild.test"),
        ],
    )


@pytest.mark.parametrize(
    "before, after",
    [
        ("first.test", "second.test"),
        ("second.test", "other.second.test"),
        ("a.wild.test", "b.wild.test"),
        ("second.test", ""),
        ("", "second.test"),
    ],
)
@each_version
def test_a_session_is_resumed_under_its_own_name_only(named, tmp_path, version, before, after):
    """RFC 6066 §3, RFC 8446 §4.2.11: what was shown for one name says nothing about another."""
    session = tmp_path / "session"
    s_client(named, version, "-sess_out", session, name=before)
    assert not s_client(named, version, "-sess_in", session, name=after).is_reused
    assert s_client(named, version, "-sess_in", session, name=before).is_reused


@each_version
def test_a_session_ends_when_the_name_is_no_longer_ours(
    serve_tls, site, authority, tmp_path, version
):
    folder, session = tmp_path / "pair", tmp_path / "session"
    server = serve_tls(site, pairs=[authority.issue("mine.test", into=folder)])
    s_client(server, version, "-sess_out", session, name="mine.test")
    assert s_client(server, version, "-sess_in", session, name="mine.test").is_reused
    other = authority.issue("other.test", into=folder)
    server.signal(signal.SIGHUP)
    wait_serial(server, other.serial)
    assert not s_client(server, version, "-sess_in", session, name="mine.test").is_reused


def test_a_session_of_another_server(serve_tls, site, authority, tmp_path):
    """Its ticket is noise here: a whole handshake, and no complaint."""
    session, pair = tmp_path / "session", authority.issue("localhost")
    first, second = (serve_tls(site, pairs=[pair]) for _ in range(2))
    for version in VERSIONS:
        s_client(first, version, "-sess_out", session)
        assert not s_client(second, version, "-sess_in", session).is_reused


# ---- names -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked, shown",
    [
        ("first.test", "localhost"),
        ("second.test", "second.test"),
        ("SECOND.test", "second.test"),
        ("other.second.test", "second.test"),
        ("a.wild.test", "*.wild.test"),
        ("exact.wild.test", "exact.wild.test"),
        ("a.b.wild.test", "localhost"),
        ("wild.test", "localhost"),
        ("unknown.test", "localhost"),
        ("", "localhost"),
    ],
)
@each_version
def test_the_certificate_fits_the_name(serve_tls, site, authority, version, asked, shown):
    """RFC 6066 §3, RFC 6125 §6.4.3: the exact one before a wildcard, the first for who is not
    known."""
    names = [
        ("localhost", "first.test"),
        ("second.test", "other.second.test"),
        ("*.wild.test",),
        ("exact.wild.test",),
    ]
    pairs = {each[0]: authority.issue(*each) for each in names}
    server = serve_tls(site, pairs=pairs.values())
    told = s_client(server, version, name=asked)
    assert told.has_shaken and told.serial == pairs[shown].serial, told.text


def test_keys_of_several_kinds_under_several_names(serve_tls, site, authority):
    pairs = {key: authority.issue(f"{key}.test", key=key) for key in ("rsa", "ec", "ed25519")}
    server = serve_tls(site, pairs=pairs.values())
    for key, pair in pairs.items():
        for version in VERSIONS:
            told = s_client(server, version, "-verify_return_error", name=f"{key}.test")
            assert told.has_shaken and told.serial == pair.serial, told.text


def test_the_chain_is_sent(serve_tls, site, authority):
    """RFC 8446 §4.4.2: a client knows the authority, and none of those in between."""
    middle = Authority(authority.folder, "in the middle", above=authority)
    lower = Authority(authority.folder, "further down", key="rsa", above=middle)
    server = serve_tls(site, pairs=[lower.issue("localhost", "127.0.0.1")])
    for version in VERSIONS:
        told = s_client(server, version, "-verify_return_error", "-showcerts")
        assert told.has_shaken and told.text.count("BEGIN CERTIFICATE") in (3, 4), told.text
    assert server.get().status == 200


# ---- protocols -------------------------------------------------------------------------------


@each_version
def test_alpn(server, version):
    """RFC 7301 §3.2"""
    for offered in ("http/1.1", "h2,http/1.1", "foo,http/1.1"):
        told = s_client(server, version, "-alpn", offered)
        assert told.has_shaken and told.alpn == "http/1.1", told.text
    assert "No ALPN negotiated" in s_client(server, version).text


@each_version
def test_alpn_of_old(server, version):
    """HTTP/1.0 is spoken here, and `curl -0` offers nothing else."""
    told = s_client(server, version, "-alpn", "http/1.0")
    assert told.has_shaken and told.alpn == "http/1.0", told.text
    told = s_client(server, version, "-alpn", "http/1.0,http/1.1")
    assert told.has_shaken and told.alpn == "http/1.1", told.text


@pytest.mark.parametrize("offered", ["h2", "foo", "h2,foo", "HTTP/1.1"])
@each_version
def test_no_protocol_in_common(server, version, offered):
    """RFC 7301 §3.2: an alert, for what is a mix-up of protocols (RFC 9325 §3.8)."""
    told = s_client(server, version, "-alpn", offered)
    assert not told.has_shaken and "alert no application protocol" in told.text, told.text
    server.wait_error(r'handshake failed peer=127\.0\.0\.1 why="[^"]+"')


# ---- who the client is -----------------------------------------------------------------------


@pytest.fixture
def clients(tmp_path):
    return Authority(tmp_path / "clients", "who signs for clients")


def as_client(pair):
    return ["-cert", pair.cert, "-key", pair.key]


def person(authority, **more):
    return authority.issue(client=True, common_name="ann", organization="Ferries & Co", **more)


@pytest.fixture
def asking(serve_tls, site, authority, clients):
    """Gives a server that asks for certificates of clients."""

    def ask(*options, **more):
        return serve_tls(
            site,
            f"--tls-client-ca={clients.cert}",
            *options,
            pairs=[authority.issue("localhost", "127.0.0.1")],
            **more,
        )

    return ask


@pytest.mark.parametrize("key", ["ec", "rsa", "ed25519"])
@each_version
def test_a_client_that_is_known(asking, clients, version, key):
    server = asking()
    told = s_client(server, version, *as_client(person(clients, key=key)))
    assert told.has_shaken, told.text
    assert "who signs for clients" in told.text, "clients are told who is trusted"
    server.wait_log(r'^127\.0\.0\.1 - \S*CN=ann\S* \[.*"GET / HTTP/1\.1" 200')


@each_version
def test_a_client_without_a_certificate(asking, version):
    server = asking()
    told = s_client(server, version)
    assert not told.has_shaken, told.text
    expected = "certificate required" if version == "-tls1_3" else "handshake failure"
    assert expected in told.text, told.text
    server.wait_error(r'handshake failed peer=\S+ why="[^"]*certificate[^"]*"')
    optional = asking("--tls-client=optional")
    assert s_client(optional, version).has_shaken


@pytest.mark.parametrize("policy", ["required", "optional"])
@each_version
def test_a_client_that_nobody_knows(asking, tmp_path, version, policy):
    """Optional means that none may be shown, not that any may."""
    server = asking(f"--tls-client={policy}")
    strangers = Authority(tmp_path / "strangers", "who signs for clients")  # the same name, too
    told = s_client(server, version, *as_client(person(strangers)))
    assert not told.has_shaken, told.text
    assert re.search("alert (unknown ca|decrypt error|bad certificate)", told.text), told.text
    server.wait_error(r'handshake failed peer=\S+ why="[^"]*certificate[^"]*"')


@each_version
def test_a_client_whose_certificate_has_expired(asking, clients, version):
    told = s_client(asking(), version, *as_client(person(clients, begins=-9, ends=-1)))
    assert not told.has_shaken and "alert certificate expired" in told.text, told.text


@each_version
def test_a_client_that_shows_what_is_for_servers(asking, clients, version):
    told = s_client(asking(), version, *as_client(clients.issue("localhost")))
    assert not told.has_shaken and "alert" in told.text, told.text


def test_the_subject_is_logged(asking, clients):
    """RFC 4514; in the place that other servers have for the name of a user, as one word."""
    for form in ("common", "combined"):
        server = asking(f"--access-log={form}", "--tls-client=optional")
        assert s_client(server, *as_client(person(clients))).has_shaken
        server.wait_log(r'^127\.0\.0\.1 - O=Ferries\\x20&\\x20Co,CN=ann \[.*"GET / HTTP/1\.1" 200 ')
        seen = len(server.out.bytes)
        assert s_client(server).has_shaken
        server.wait_log(r'^127\.0\.0\.1 - - \[.*"GET / HTTP/1\.1" 200 ', since=seen)


def test_the_subject_is_logged_as_json(asking, clients):
    server = asking("--access-log=json", "--tls-client=optional")
    assert s_client(server, *as_client(person(clients))).has_shaken
    line = json.loads(server.wait_log(r'^\{.*"status":.*\}$')[0])
    assert "O=Ferries & Co,CN=ann" in line.values(), line


@pytest.mark.parametrize("form", ["combined", "json"])
def test_a_subject_cannot_forge_a_line(asking, clients, form):
    server = asking(f"--access-log={form}")
    nasty = 'a" 200 \n127.0.0.1 - - forged \x1b[2J\\'
    pair = clients.issue(client=True, common_name=nasty)
    assert s_client(server, *as_client(pair)).has_shaken
    server.wait_log("forged.*GET|GET.*forged")
    lines = server.out.bytes.split(b"\n")
    assert not [line for line in lines if line.startswith(b"127.0.0.1 - - forged")]
    assert all(re.fullmatch(rb"[ -~]*", line) for line in lines), lines


@each_version
def test_a_known_client_is_known_again(asking, clients, tmp_path, version):
    """A resumed session remembers who it is, and the log says so."""
    server, session = asking(), tmp_path / "session"
    s_client(server, version, "-sess_out", session, *as_client(person(clients)))
    seen = len(server.out.bytes)
    assert s_client(server, version, "-sess_in", session).is_reused
    server.wait_log("ann", since=seen)


@pytest.mark.parametrize("name", ["another authority", "who signs for clients"])
@each_version
def test_a_session_ends_with_the_authority_that_knew_the_client(
    asking, clients, tmp_path, version, name
):
    """Also when the next one goes by the same name: it is the key that signs."""
    server, session = asking(), tmp_path / "session"
    s_client(server, version, "-sess_out", session, *as_client(person(clients)))
    assert s_client(server, version, "-sess_in", session).is_reused
    other = Authority(tmp_path / "others", name)
    clients.cert.write_bytes(other.pem)
    server.signal(signal.SIGHUP)
    eventually(
        lambda: s_client(server, version, *as_client(person(other))).has_shaken,
        10 * server.patience,
        "the new authority",
    )
    assert not s_client(server, version, "-sess_in", session).has_shaken


# ---- secrets ---------------------------------------------------------------------------------


def test_the_key_log(serve_tls, site, authority, tmp_path):
    log = tmp_path / "keys.log"
    server = serve_tls(site, f"--tls-key-log={log}", pairs=[authority.issue("localhost")])
    assert s_client(server, "-tls1_3").has_shaken and s_client(server, "-tls1_2").has_shaken
    text = log.read_text()
    assert re.search(r"^CLIENT_TRAFFIC_SECRET_0 [0-9a-f]{64} [0-9a-f]+$", text, re.MULTILINE)
    assert re.search(r"^CLIENT_RANDOM [0-9a-f]{64} [0-9a-f]{96}$", text, re.MULTILINE)
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_no_key_log_unless_asked_for(serve_tls, site, authority, tmp_path):
    """Not even when the environment asks for one, as browsers are asked."""
    log = tmp_path / "keys.log"
    pair = authority.issue("localhost")
    server = serve_tls(site, pairs=[pair], environment={"SSLKEYLOGFILE": str(log)})
    assert s_client(server).has_shaken and not log.exists()


# ---- a client of our own ---------------------------------------------------------------------


def test_sessions_of_one_client_context(server):
    """As browsers do: many connections, all but the first resumed, also at the same time."""
    context = trusting(server.authority)
    with server.dial(tls=context, name="localhost") as peer:
        assert peer.ask().status == 200 and not peer.tls.session_reused
        session = peer.tls.session
    for _ in range(5):
        with server.dial(tls=context, name="localhost", session=session) as peer:
            assert peer.ask().status == 200 and peer.tls.session_reused
            session = peer.tls.session


def test_an_untrusting_client_is_told_of(server):
    """Its alert is in the log: that is what an owner looks for when a browser complains."""
    with pytest.raises(ssl.SSLCertVerificationError):
        server.dial(tls=ssl.create_default_context(), name="localhost")
    server.wait_error(r'handshake failed peer=\S+ why="[^"]*unknown ca[^"]*"')


class Together(Secure):
    """Says its request in one packet with the last message of the handshake, and what else."""

    def say(self, data, goodbye=False):
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        self.flush()
        self.fetch()
        while not self.is_done():
            self.fetch()
        self.tls.write(data)
        if goodbye:
            with contextlib.suppress(ssl.SSLWantReadError):
                self.tls.unwrap()
        self.flush()

    def is_done(self):
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            self.flush()
            return False
        return True


def together(server, version):
    context = ssl.create_default_context(cafile=server.authority)
    context.minimum_version = context.maximum_version = version
    peer = server.dial((server.host, server.https_port), tls=False)
    peer.stream = Together(peer.socket, context, "localhost")
    return peer


each_by_hand = pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"]
)


@each_by_hand
def test_a_request_right_behind_the_handshake(server, version):
    """What OpenSSL has read already, nobody announces any more."""
    for count in (1, 3, 100):
        with together(server, version) as peer:
            peer.stream.say(request("/") * count)
            for _ in range(count):
                assert peer.answer().status == 200


@each_by_hand
def test_a_whole_visit_in_two_packets(server, version):
    """A hello; then the end of the handshake, a request and the goodbye."""
    for _ in range(10):
        with together(server, version) as peer:
            peer.stream.say(request("/"), goodbye=True)
            with contextlib.suppress(OSError):  # it may have been answered already
                peer.socket.shutdown(socket.SHUT_WR)
            assert peer.answer().status == 200
            peer.expect_end()


@each_by_hand
def test_who_is_refused_is_told_why(asking, version):
    """Although the request that nobody will read is on its way."""
    server = asking()
    for _ in range(10):
        with together(server, version) as peer:
            with pytest.raises(ssl.SSLError, match="(?i)certificate.required|handshake.failure"):
                peer.stream.say(request("/") * 3)
                peer.answer()
    assert "GET" not in server.log

"""The certificate: given, in every form that people have, or made by the server and kept."""

import datetime
import os
import re
import shutil
import socket
import stat
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID

from minted import PEM, Authority
from program import eventually
from s_client import s_client
from tools import need

LOOPBACKS = {"127.0.0.1", "::1"}
KEPT = {"ca.pem": 0o644, "ca-key.pem": 0o600, "cert.pem": 0o644, "key.pem": 0o600}


# ---- given -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key, form",
    [
        ("rsa", "pkcs8"),
        ("rsa", "pkcs1"),
        ("rsa3072", "pkcs8"),
        ("ec", "pkcs8"),
        ("ec", "sec1"),
        ("ec384", "sec1"),
        ("ed25519", "pkcs8"),
    ],
)
def test_keys_of_every_kind(serve_tls, site, authority, key, form):
    pair = authority.issue("localhost", "127.0.0.1", key=key, form=form)
    server = serve_tls(site, pairs=[pair])
    assert server.get().status == 200
    for version in ("-tls1_2", "-tls1_3"):
        told = s_client(server, version, "-verify_return_error")
        assert told.has_shaken and told.serial == pair.serial, told.text


@pytest.mark.parametrize(
    "key, form, ending",
    [
        ("rsa", "pkcs8", "\n"),
        ("rsa", "pkcs1", "\n"),
        ("ec", "sec1", "\n"),
        ("ed25519", "pkcs8", "\n"),
        ("ec", "pkcs8", ""),
        ("ec", "pkcs8", "\r\n"),
        ("ec", "pkcs8", "\nand another line\n"),
    ],
)
def test_an_encrypted_key(serve_tls, site, authority, tmp_path, key, form, ending):
    pair = authority.issue("localhost", "127.0.0.1", key=key, form=form, password="grün & blau")
    (tmp_path / "password").write_bytes(b"gr\xc3\xbcn & blau" + ending.encode())
    server = serve_tls(site, f"--tls-key-password-file={tmp_path}/password", pairs=[pair])
    assert server.get().status == 200


def test_certificate_and_key_in_one_file(serve_tls, site, authority, tmp_path):
    """The key in front or behind, and remarks in between."""
    pair = authority.issue("localhost", "127.0.0.1")
    for name, parts in {"cert first": (pair.cert, pair.key), "key first": (pair.key, pair.cert)}.items():
        both = tmp_path / name
        both.write_bytes(b"# a remark\n".join(part.read_bytes() for part in parts))
        server = serve_tls(site, f"--tls-cert={both}", f"--tls-key={both}", authority=authority.cert)
        assert server.get().status == 200


def test_a_given_certificate_leaves_no_folder(serve_tls, site, authority, tmp_path):
    server = serve_tls(site, pairs=[authority.issue("localhost", "127.0.0.1")])
    assert server.get().status == 200 and not (tmp_path / "certs").exists()


# ---- mistakes --------------------------------------------------------------------------------


@pytest.fixture
def wherry(build, site, tmp_path):
    """Runs the program until it ends by itself; it must: one sentence, and its exit code."""

    def run(*words, before=(), **variables):
        environment = {n: v for n, v in os.environ.items() if not n.startswith("WHERRY_")}
        environment.update({"HOME": str(tmp_path / "home")}, **variables)
        environment.pop("XDG_STATE_HOME", None)
        options = [] if "--print-ca" in words else ["--http-port=0", "--https-port=0"]
        return subprocess.run(
            [*before, str(build.program), *options, *map(str, words), str(site)],
            capture_output=True,
            text=True,
            timeout=30 * build.patience,
            stdin=subprocess.DEVNULL,
            env=environment,
        )

    return run


def check_mistake(run, *words, code=111):
    """One sentence, which names what is meant."""
    assert run.returncode == code, (run.returncode, run.stderr)
    assert re.fullmatch(r"wherry: [^\n]+\n", run.stderr), run.stderr
    assert "error:" not in run.stderr and "routines" not in run.stderr, run.stderr
    for word in words:
        assert re.search(str(word), run.stderr), (word, run.stderr)
    assert run.stdout == ""


def test_a_file_that_is_not_there(wherry, authority, tmp_path):
    pair, missing = authority.issue("localhost"), tmp_path / "missing.pem"
    check_mistake(wherry(f"--tls-cert={missing}", f"--tls-key={pair.key}"),
                  "certificate", missing, "No such file")
    check_mistake(wherry(f"--tls-cert={pair.cert}", f"--tls-key={missing}"),
                  "key", missing, "No such file")


def test_a_key_of_another_certificate(wherry, authority):
    one, other = authority.issue("localhost"), authority.issue("localhost")
    check_mistake(wherry(f"--tls-cert={one.cert}", f"--tls-key={other.key}"),
                  one.cert, other.key, "does not belong")


def test_a_chain_in_the_wrong_order(wherry, authority):
    middle = Authority(authority.folder, "in the middle", above=authority)
    pair = middle.issue("localhost")
    leaf = pair.leaf.public_bytes(PEM)
    pair.cert.write_bytes(middle.pem + leaf)
    check_mistake(wherry(*pair.options), pair.cert, "first")


def test_garbage(wherry, authority, tmp_path):
    pair = authority.issue("localhost")
    for name, content in {
        "empty.pem": b"",
        "text.pem": b"this is no certificate\n",
        "binary.pem": bytes(range(256)) * 40,
        "der.pem": pair.leaf.public_bytes(PEM)[:-60],
        "damaged.pem": pair.cert.read_bytes().replace(b"MII", b"AAA"),
    }.items():
        (tmp_path / name).write_bytes(content)
        check_mistake(wherry(f"--tls-cert={tmp_path / name}", f"--tls-key={pair.key}"), name)
        check_mistake(wherry(f"--tls-cert={pair.cert}", f"--tls-key={tmp_path / name}"), name)


def test_swapped_files(wherry, authority):
    """The commonest mistake of all."""
    pair = authority.issue("localhost")
    check_mistake(wherry(f"--tls-cert={pair.key}", f"--tls-key={pair.cert}"), "certificate|key")


def test_an_expired_certificate(wherry, authority):
    pair = authority.issue("localhost", begins=-9, ends=-1)
    check_mistake(wherry(*pair.options), pair.cert, r"expired on \d{4}-\d\d-\d\d")
    pair = authority.issue("localhost", begins=2)
    check_mistake(wherry(*pair.options), pair.cert, r"not valid before \d{4}-\d\d-\d\d")


def test_a_short_key(wherry, authority):
    """RFC 9325 §4.4"""
    check_mistake(wherry(*authority.issue("localhost", key="rsa1024").options), "1024", "2048")


def test_passwords(wherry, authority, tmp_path):
    pair = authority.issue("localhost", password="right")
    (tmp_path / "wrong").write_text("wrong\n")
    (tmp_path / "empty").write_text("")
    check_mistake(wherry(*pair.options), pair.key, "encrypted", "--tls-key-password-file")
    for name in ("wrong", "empty", "missing"):
        check_mistake(
            wherry(*pair.options, f"--tls-key-password-file={tmp_path / name}"), tmp_path / name
        )


def test_a_file_that_may_not_be_read(wherry, authority):
    """It says whose it is, and who we are."""
    pair = authority.issue("localhost")
    os.chmod(pair.key, 0)
    before = []
    if os.geteuid() == 0:
        drop = "--bounding-set=-dac_override,-dac_read_search"
        before = [need("setpriv", "util-linux"), drop, "--inh-caps=-all"]
    run = wherry(*pair.options, before=before)
    check_mistake(run, pair.key, "Permission denied", rf"belongs to uid {os.geteuid()}, as which", "0000")


def test_a_fifo_is_not_waited_for(wherry, authority, tmp_path):
    pair = authority.issue("localhost")
    os.mkfifo(tmp_path / "fifo")
    check_mistake(wherry(f"--tls-cert={tmp_path}/fifo", f"--tls-key={pair.key}"), "fifo")


def test_the_authorities_of_clients(wherry, authority, tmp_path):
    pair = authority.issue("localhost")
    (tmp_path / "garbage").write_text("no certificate")
    for name in ("garbage", "missing"):
        check_mistake(wherry(*pair.options, f"--tls-client-ca={tmp_path / name}"), tmp_path / name)


def test_a_cert_without_its_key(wherry, authority):
    one, two = authority.issue("localhost"), authority.issue("localhost")
    check_mistake(wherry(f"--tls-cert={one.cert}"), "--tls-cert", "--tls-key", code=100)
    check_mistake(wherry(*one.options, f"--tls-cert={two.cert}"), "--tls-cert", code=100)


def test_the_second_pair_is_checked_too(wherry, authority, tmp_path):
    pair = authority.issue("localhost")
    run = wherry(*pair.options, f"--tls-cert={tmp_path}/none", f"--tls-key={pair.key}")
    check_mistake(run, tmp_path / "none")


@pytest.mark.parametrize("word", ["--https-port=x", "--https-port=65536", "--tls-min=1.1",
                                  "--tls-client=perhaps", "--hsts=never", "--tls-name=a b",
                                  "--tls-name=-", "--handshake-timeout=0",
                                  "--public-https-port=0"])
def test_values_that_make_no_sense(wherry, word):
    name = word.partition("=")[0]
    check_mistake(wherry("--tls", word), name, code=100)
    variable = "WHERRY_" + name[2:].replace("-", "_").upper()
    if value := word.partition("=")[2]:
        check_mistake(wherry("--tls", **{variable: value}), variable, code=102)


def test_a_port_that_is_taken(wherry):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        check_mistake(wherry("--tls", f"--https-port={port}"), f"port {port}", "in use")


def test_a_key_log_that_cannot_be_written(wherry, authority, tmp_path):
    pair = authority.issue("localhost")
    check_mistake(wherry(*pair.options, f"--tls-key-log={tmp_path}/none/keys"), "none/keys")


# ---- made by ourselves -----------------------------------------------------------------------


def now():
    """In UTC, without saying so, as certificates have it."""
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


def names_of(certificate):
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(names.get_values_for_type(x509.DNSName)), {
        str(address) for address in names.get_values_for_type(x509.IPAddress)
    }


def read_certificates(path):
    pems = re.findall(
        b"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", path.read_bytes(), re.DOTALL
    )
    return [x509.load_pem_x509_certificate(pem) for pem in pems]


def fingerprint(certificate):
    return ":".join(f"{byte:02X}" for byte in certificate.fingerprint(hashes.SHA256()))


def test_the_first_command_works(serve_tls, site, tmp_path):
    """Nothing is given, and nothing was there: https, with what the client can check."""
    server = serve_tls(site)
    assert server.get().status == 200
    folder = tmp_path / "certs"
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.glob("*.pem")} == KEPT
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_certificate_that_it_makes(serve_tls, site, tmp_path):
    serve_tls(site, "--tls-name=wherry.test", "--tls-name=*.wild.test", "--tls-name=192.0.2.7")
    leaf, above = read_certificates(tmp_path / "certs" / "cert.pem")
    assert above == read_certificates(tmp_path / "certs" / "ca.pem")[0]
    assert isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)
    assert leaf.public_key().curve.name == "secp256r1"
    dns, addresses = names_of(leaf)
    assert dns >= {"localhost", "wherry.test", "*.wild.test"}
    assert dns <= {"localhost", "wherry.test", "*.wild.test", socket.gethostname(), socket.getfqdn(),
                   socket.gethostname() + ".local"}
    assert addresses == LOOPBACKS | {"192.0.2.7"}
    lasts = leaf.not_valid_after - leaf.not_valid_before
    assert lasts <= datetime.timedelta(days=397), "browsers take no more"
    age = now() - leaf.not_valid_before
    assert datetime.timedelta(minutes=59) < age < datetime.timedelta(minutes=70), "backdated an hour"
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]
    basic = leaf.extensions.get_extension_for_class(x509.BasicConstraints)
    assert not basic.value.ca and leaf.serial_number.bit_length() > 60


def test_the_authority_that_it_makes(serve_tls, site, tmp_path):
    """Whoever trusts it trusts it with these names and nothing else (RFC 5280 §4.2.1.10)."""
    serve_tls(site, "--tls-name=wherry.test")
    (authority,) = read_certificates(tmp_path / "certs" / "ca.pem")
    basic = authority.extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical and basic.value.ca and basic.value.path_length == 0
    usage = authority.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical and usage.value.key_cert_sign
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    permitted = constraints.value.permitted_subtrees
    assert {name.value for name in permitted if isinstance(name, x509.DNSName)} >= {
        "localhost", "wherry.test",
    }
    addresses = {name.value for name in permitted if isinstance(name, x509.IPAddress)}
    assert {str(address.network_address) for address in addresses} == LOOPBACKS
    assert all(address.num_addresses == 1 for address in addresses)


def forge(folder, name, into):
    """What somebody with the authority's key could sign."""
    signer = load_pem_private_key((folder / "ca-key.pem").read_bytes(), None)
    (authority,) = read_certificates(folder / "ca.pem")
    key = ec.generate_private_key(ec.SECP256R1())
    forged = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now() - datetime.timedelta(hours=1))
        .not_valid_after(now() + datetime.timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    into.write_bytes(forged.public_bytes(PEM))
    return into


def test_the_authority_is_good_for_nothing_else(serve_tls, site, tmp_path):
    serve_tls(site, "--tls-name=wherry.test")
    folder = tmp_path / "certs"
    for name, status in (("bank.test", 2), ("evil-wherry.test", 2), ("wherry.test", 0)):
        forged = forge(folder, name, tmp_path / "forged.pem")
        command = ["openssl", "verify", "-CAfile", folder / "ca.pem", forged]
        assert subprocess.run(command, capture_output=True).returncode == status, name


def test_it_says_how_to_trust_it(serve_tls, site, tmp_path):
    """The file, its fingerprint, and a line for each system; the second time it need not."""
    server = serve_tls(site)
    (authority,) = read_certificates(tmp_path / "certs" / "ca.pem")
    told = eventually(
        lambda: fingerprint(authority) in server.log + server.said and server.log + server.said,
        10 * server.patience,
        "the fingerprint",
    )
    assert str(tmp_path / "certs" / "ca.pem") in told
    for word in ("update-ca-certificates", "trust anchor", "add-trusted-cert", "certutil -addstore",
                 "Firefox"):
        assert word in told, word
    server.stop()
    again = serve_tls(site)
    eventually(lambda: fingerprint(authority) in again.log, 5 * again.patience, "it, once more")
    again.stop()
    assert "update-ca-certificates" not in again.log, "who trusts it need not be told how"


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.pem")}


def test_a_restart_keeps_everything(serve_tls, site, tmp_path):
    serve_tls(site).stop()
    before = files_of(tmp_path / "certs")
    assert len(before) == 4
    again = serve_tls(site)
    assert again.get().status == 200 and files_of(tmp_path / "certs") == before
    told = s_client(again)
    assert told.certificate == read_certificates(tmp_path / "certs" / "cert.pem")[0]


def test_a_new_name_makes_a_new_authority(serve_tls, site, tmp_path):
    """And says so: whoever trusted the one before does not trust this one."""
    serve_tls(site).stop()
    (before,) = read_certificates(tmp_path / "certs" / "ca.pem")
    second = serve_tls(site, "--tls-name=new.test")
    (after,) = read_certificates(tmp_path / "certs" / "ca.pem")
    assert after != before
    assert s_client(second, "-verify_return_error", name="new.test").has_shaken
    second.wait_log("another authority than before")
    second.stop()
    third = serve_tls(site, "--tls-name=new.test")
    assert third.get().status == 200
    assert read_certificates(tmp_path / "certs" / "ca.pem") == [after]


@pytest.mark.parametrize("lost", sorted(KEPT))
def test_a_file_that_was_lost_is_made_again(serve_tls, site, tmp_path, lost):
    serve_tls(site).stop()
    before = files_of(tmp_path / "certs")
    (tmp_path / "certs" / lost).unlink()
    server = serve_tls(site)
    assert server.get().status == 200
    after = files_of(tmp_path / "certs")
    assert set(after) == set(before)
    if lost in ("cert.pem", "key.pem"):
        assert after["ca.pem"] == before["ca.pem"], "the authority is trusted, and stays"


@pytest.mark.parametrize("damaged", sorted(KEPT))
@pytest.mark.parametrize("content", [b"", b"garbage\n", b"-----BEGIN CERTIFICATE-----\nMII\n"], ids=repr)
def test_a_damaged_file_is_no_reason_to_fail(serve_tls, site, tmp_path, damaged, content):
    serve_tls(site).stop()
    (tmp_path / "certs" / damaged).write_bytes(content)
    assert serve_tls(site).get().status == 200


def test_files_of_another_pair(serve_tls, site, tmp_path):
    """As a half-restored backup leaves them."""
    serve_tls(site).stop()
    shutil.move(tmp_path / "certs", tmp_path / "other")
    serve_tls(site).stop()
    for name in ("key.pem", "ca-key.pem"):
        shutil.copy(tmp_path / "other" / name, tmp_path / "certs" / name)
    assert serve_tls(site).get().status == 200


def test_a_certificate_that_ends_soon_is_renewed(serve_tls, site, tmp_path):
    """By the same authority, at the latest when the server starts."""
    serve_tls(site).stop()
    folder = tmp_path / "certs"
    (authority,) = read_certificates(folder / "ca.pem")
    leaf = read_certificates(folder / "cert.pem")[0]
    shorten(folder, leaf, days=3)
    server = serve_tls(site)
    renewed = read_certificates(folder / "cert.pem")[0]
    assert read_certificates(folder / "ca.pem") == [authority]
    left = renewed.not_valid_after - now()
    assert left > datetime.timedelta(days=300)
    assert server.get().status == 200 and s_client(server).certificate == renewed


def shorten(folder, leaf, days):
    """The same certificate, with few days left."""
    signer = load_pem_private_key((folder / "ca-key.pem").read_bytes(), None)
    builder = (
        x509.CertificateBuilder()
        .subject_name(leaf.subject)
        .issuer_name(leaf.issuer)
        .public_key(leaf.public_key())
        .serial_number(9)
        .not_valid_before(leaf.not_valid_before)
        .not_valid_after(now() + datetime.timedelta(days=days))
    )
    for extension in leaf.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    short = builder.sign(signer, hashes.SHA256())
    (folder / "cert.pem").write_bytes(
        short.public_bytes(PEM) + (folder / "ca.pem").read_bytes()
    )


def unwritable(tmp_path):
    """A folder that cannot be made, whoever we are."""
    (tmp_path / "file").write_text("a file is no folder")
    return tmp_path / "file" / "certs"


def test_where_nothing_can_be_kept(serve_tls, wherry, site, tmp_path):
    """It says so, and serves all the same, from memory; --print-ca cannot help then."""
    folder = unwritable(tmp_path)
    server = serve_tls(site, f"--cert-dir={folder}")
    assert answers_whoever_it_is(server)
    server.wait_error(rf"in memory only: .*{folder}.*Not a directory")
    run = wherry("--print-ca", f"--cert-dir={folder}")
    check_mistake(run, "in memory only", folder)


def test_a_folder_of_somebody_else(serve_tls, site, tmp_path):
    """The owner and we are named: that is what has to be set right."""
    if os.geteuid() != 0:
        pytest.skip("this test needs root: run it with sudo, or in a container")
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o755)
    os.chown(folder, 12345, 12345)
    drop = "--bounding-set=-dac_override,-dac_read_search,-fowner"
    words = [need("setpriv", "util-linux"), drop, "--inh-caps=-all"]
    server = serve_tls(site, f"--cert-dir={folder}", before=words)
    assert answers_whoever_it_is(server) and not list(folder.glob("*.pem"))
    server.wait_error(rf"in memory only: .*{folder}.*: Permission denied; it belongs to uid 12345 "
                      r"\(mode 0755\) and wherry runs as uid 0 without its usual rights: .*"
                      r"--user 12345:12345\) or give it to uid 0")


def test_no_home(serve, site):
    """Nowhere to keep it, and nobody to ask: it serves."""
    nobody = ["env", "-u", "HOME", "-u", "XDG_STATE_HOME"]
    server = serve(site, "--tls-only", "--https-port=0", secure=True, before=nobody)
    assert answers_whoever_it_is(server)


def answers_whoever_it_is(server):
    """By TLS, to a client that does not ask whom it talks to."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.https_port}", "-ign_eof"]
    done = subprocess.run(
        command, input=b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        capture_output=True, timeout=20 * server.patience,
    )
    return b"HTTP/1.1 200 OK" in done.stdout


@pytest.mark.parametrize("variable, folder", [("XDG_STATE_HOME", "wherry"),
                                              ("HOME", ".local/state/wherry")])
def test_where_it_is_kept(serve, site, tmp_path, variable, folder):
    environment = {"HOME": "/nonexistent", variable: str(tmp_path / "here")}
    before = ["env", "-u", "XDG_STATE_HOME"] if variable == "HOME" else []
    server = serve(site, "--tls-only", "--https-port=0", secure=True, environment=environment,
                   before=before, authority=tmp_path / "here" / folder / "ca.pem")
    assert server.get().status == 200
    assert set(files_of(tmp_path / "here" / folder)) == set(KEPT)


def test_print_ca(serve_tls, wherry, site, tmp_path):
    """The same, before it has served and after; and nothing else on stdout."""
    run = wherry("--print-ca", f"--cert-dir={tmp_path}/certs")
    assert run.returncode == 0, run.stderr
    server = serve_tls(site)
    assert run.stdout == (tmp_path / "certs" / "ca.pem").read_text()
    assert run.stdout.startswith("-----BEGIN CERTIFICATE-----\n")
    again = wherry("--print-ca", f"--cert-dir={tmp_path}/certs")
    assert (again.returncode, again.stdout) == (0, run.stdout)
    assert server.get().status == 200


def test_two_servers_at_the_same_time(serve_tls, site, tmp_path):
    """On one empty folder: both serve, and one authority vouches for both."""
    for turn in range(5):
        folder = tmp_path / f"shared-{turn}"
        servers = [
            serve_tls(site, f"--cert-dir={folder}", wait=False, authority=folder / "ca.pem")
            for _ in range(4)
        ]
        for server in servers:
            server.wait_ready()
        for server in servers:
            told = s_client(server, "-verify_return_error")
            assert told.has_shaken, told.text
            assert told.certificate == read_certificates(folder / "cert.pem")[0]
            server.stop()
        assert {path.name for path in folder.glob("*.pem")} == set(KEPT)


def test_nothing_else_is_left_in_the_folder(serve_tls, site, tmp_path):
    """No half-written file has a name that anybody could take for a whole one."""
    serve_tls(site).stop()
    names = {path.name for path in (tmp_path / "certs").iterdir()}
    assert set(KEPT) <= names and len(names - set(KEPT)) <= 1, names  # a lock


# ---- what is never served --------------------------------------------------------------------


def test_keys_inside_the_root_are_not_served(serve, tmp_path):
    """The folder of certificates, and given ones, with ROOT=. around them."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "index.html").write_text("home")
    authority = Authority(root / "given")
    pair = authority.issue("localhost", "127.0.0.1", password="open sesame")
    (root / "given" / "password.txt").write_text("open sesame\n")
    (root / "given" / "page.html").write_text("a page beside them")
    os.link(pair.key, root / "copy.html")
    os.symlink("given/" + pair.key.name, root / "link.html")
    own = serve(".", "--tls", "--https-port=0", "--cert-dir=certs", cwd=root)
    given = serve(".", "--tls", "--https-port=0", *pair.options,
                  "--tls-key-password-file=given/password.txt", cwd=root)
    for name in KEPT:
        assert (root / "certs" / name).exists()
        assert own.get(f"/certs/{name}").status == 404, name
    for target in ("key.pem", "%6bey.pem", "./key.pem", "", "key", "ca-key.pem/"):
        assert own.get(f"/certs/{target}").status == 404, target
    for target in (f"/given/{pair.cert.name}", f"/given/{pair.key.name}", "/given/password.txt",
                   "/copy.html", "/link.html"):
        answer = given.get(target)
        assert answer.status == 404 and b"PRIVATE" not in answer.body, target
    assert given.get("/given/page.html").body == b"a page beside them"
    assert own.get("/").status == 200


@pytest.mark.parametrize("address, is_named", [("127.0.0.2", True), ("0.0.0.0", False)])
def test_the_address_that_it_listens_on_is_a_name(serve_tls, site, tmp_path, address, is_named):
    """Its own URL is one that the certificate is good for."""
    serve_tls(site, f"--address={address}").stop()
    leaf = x509.load_pem_x509_certificate((tmp_path / "certs" / "cert.pem").read_bytes())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert (address in map(str, names.get_values_for_type(x509.IPAddress))) == is_named

"""What auditors say: testssl.sh and sslscan, of a certificate that was given and of one that the
server has made itself."""

import json
import re
import subprocess

import pytest

from minted import Authority
from tools import need

# Of what testssl.sh calls medium or worse, what is no fault of ours: an authority made for tests or
# for one machine has no place that says what it has revoked; BREACH and the security fields are
# matters of the site.
EXCUSED = re.compile(r"cert_revocation|BREACH|security_headers|X-.*|HSTS.*|overall_grade|grade_cap.*")
BAD = ("MEDIUM", "HIGH", "CRITICAL", "FATAL")

# A scan that has come to its end has something to say about each of these.
ASKED = {
    "SSLv2", "SSLv3", "TLS1", "TLS1_1", "TLS1_2", "TLS1_3", "ALPN", "cert_chain_of_trust",
    "cert_trust", "cert_signatureAlgorithm", "cert_subjectAltName", "cert_validityPeriod",
    "cipherlist_NULL", "cipherlist_aNULL", "cipherlist_EXPORT", "cipherlist_LOW", "heartbleed",
    "CCS", "ticketbleed", "ROBOT", "secure_renego", "secure_client_renego", "CRIME_TLS",
    "POODLE_SSL", "fallback_SCSV", "SWEET32", "FREAK", "DROWN", "LOGJAM", "BEAST", "LUCKY13", "RC4",
}


@pytest.fixture(scope="module")
def servers(build, serve_all, tmp_path_factory):
    """By name: with a certificate of its own, and with given ones of both kinds of keys."""
    if not build.is_fast:
        pytest.skip("auditors look at what is agreed on: once, in the release build")
    folder = tmp_path_factory.mktemp("audit")
    site = folder / "site"
    site.mkdir()
    (site / "index.html").write_text("<!doctype html><title>home</title>\n")
    above = Authority(folder / "minted", "an authority", key="rsa")
    authority = Authority(folder / "minted", "in the middle", key="rsa", above=above)
    servers = {
        "own": serve_all(site, "--tls-only", "--https-port=0", f"--cert-dir={folder}/certs")
    }
    for key in ("rsa", "ec"):
        pair = authority.issue("localhost", key=key)
        servers[key] = serve_all(
            site, "--tls-only", "--https-port=0", *pair.options, authority=above.cert
        )
    return servers


@pytest.fixture(scope="module")
def findings(servers, tmp_path_factory):
    """What testssl.sh has found, by the name of the server.  It waits more than it works, so that
    all are looked at together."""
    program, folder = need("testssl", "testssl.sh"), tmp_path_factory.mktemp("testssl")
    scans = {}
    for name in ("own", "rsa"):
        words = [
            "-p", "-s", "-f", "-P", "-S", "-h", "-U", "--warnings=batch", "--color=0", "--quiet", "--nodns=none", "--ip=127.0.0.1",
            f"--add-ca={servers[name].authority}", f"--jsonfile={folder}/{name}.json",
            f"https://localhost:{servers[name].https_port}/",
        ]
        with open(folder / f"{name}.txt", "w") as out:
            scans[name] = subprocess.Popen(
                [program, *words], stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder
            )
    try:
        for name, scan in scans.items():
            scan.wait(400)
            assert (folder / f"{name}.json").exists(), (folder / f"{name}.txt").read_text()
    finally:
        for scan in scans.values():
            scan.kill()
            scan.wait()
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in scans}


@pytest.mark.parametrize("name", ["own", "rsa"])
def test_testssl(findings, name):
    found = findings[name]
    assert ASKED <= {each["id"].split(" ")[0] for each in found}, "the scan is not complete"
    bad = [
        f"{each['severity']}: {each['id']}: {each['finding']}"
        for each in found
        if each["severity"] in BAD and not EXCUSED.fullmatch(each["id"].split(" ")[0])
    ]
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize("name", ["own", "rsa", "ec"])
def test_sslscan(servers, name):
    """It judges by colours: red and yellow are bad."""
    server = servers[name]
    done = subprocess.run(
        [need("sslscan", "sslscan"), "--ocsp", f"localhost:{server.https_port}"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    told = re.sub(r"\x1b\[[\d;]*m", "", done.stdout)
    assert done.returncode == 0, told
    for version in ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"):
        assert re.search(rf"^{version} +disabled$", told, re.MULTILINE), told
    for version in ("TLSv1.2", "TLSv1.3"):
        assert re.search(rf"^{version} +enabled$", told, re.MULTILINE), told
        assert f"{version} not vulnerable to heartbleed" in told
    assert "Session renegotiation not supported" in told
    assert "Server supports TLS Fallback SCSV" in told
    ciphers = re.findall(r"^(?:Preferred|Accepted) +\S+ +(\d+) bits +(\S+)", told, re.MULTILINE)
    assert len(ciphers) >= 5
    for bits, cipher in ciphers:
        assert int(bits) >= 128 and re.match(
            r"TLS_(AES|CHACHA20)|ECDHE-\w+-(AES\d+-GCM|CHACHA20)", cipher
        ), cipher
    bad = [
        line
        for line in done.stdout.splitlines()
        if re.search(r"\x1b\[3[13]m", line) and not re.search("compression|zlib", line)
    ]
    assert not bad, bad  # (it says of itself, in red, that it cannot ask for compression)

"""What a handler learns of TLS (wherry_tls), by tests/peers/asker.c."""

import json

import pytest

from minted import Authority
from s_client import s_client

ASK = b"GET /asked HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture
def asker(build, serve, authority, tmp_path):
    folder = tmp_path / "certs"
    return serve(
        tmp_path,
        program=build.peer("asker"),
        environment={"PEER_CERT_DIR": str(folder), "PEER_CLIENT_CA": str(authority.cert)},
        secure=True,
        authority=folder / "ca.pem",
    )


def facts(asker, *words, **more):
    """What was told of TLS, and what s_client says of it."""
    told = s_client(asker, *words, say=ASK, **more)
    assert told.has_shaken, told.text
    line = next(line for line in told.text.splitlines() if line.startswith('{"fields"'))
    return json.loads(line)["tls"], told


CIPHERS = {"-tls1_2": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "-tls1_3": "TLS_AES_128_GCM_SHA256"}
VERSIONS = {"-tls1_2": "TLSv1.2", "-tls1_3": "TLSv1.3"}
each_version = pytest.mark.parametrize("version", VERSIONS)


@each_version
def test_version_and_cipher(asker, version):
    words = ["-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"] if version == "-tls1_2" else []
    tls, _ = facts(asker, version, *words)
    assert tls == {
        "version": VERSIONS[version],
        "cipher": CIPHERS[version],
        "alpn": None,
        "server_name": "localhost",
        "client": None,
        "is_resumed": False,
    }


@each_version
@pytest.mark.parametrize("name", ["localhost", "other.test", ""])
def test_the_name_that_was_asked_for(asker, version, name):
    """RFC 6066 §3: also one that is not ours."""
    tls, _ = facts(asker, version, name=name)
    assert tls["server_name"] == (name or None)


@each_version
@pytest.mark.parametrize("offered, agreed", [("h2,http/1.1", "http/1.1"), ("http/1.0", "http/1.0")])
def test_the_protocol(asker, version, offered, agreed):
    """RFC 7301 §3.2"""
    tls, told = facts(asker, version, "-alpn", offered)
    assert tls["alpn"] == agreed == told.alpn


@each_version
def test_a_client_with_a_certificate(asker, authority, version):
    client = authority.issue(common_name="ann", organization="Example, Inc.", client=True)
    words = ["-cert", client.cert, "-key", client.key]
    tls, _ = facts(asker, version, *words)
    assert tls["client"] == "O=Example\\, Inc.,CN=ann"


def test_a_client_of_another_authority_is_not_told(asker, tmp_path):
    other = Authority(tmp_path / "other").issue(common_name="ann", client=True)
    told = s_client(asker, "-tls1_2", "-cert", other.cert, "-key", other.key, say=ASK)
    assert not told.has_shaken


@each_version
def test_a_session_that_is_resumed(asker, authority, tmp_path, version):
    """All that was known is known again (RFC 8446 §2.2)."""
    client = authority.issue(common_name="ann", client=True)
    words = [version, "-alpn", "http/1.1", "-cert", client.cert, "-key", client.key]
    session = tmp_path / "session"
    first, _ = facts(asker, *words, "-sess_out", session)
    again, told = facts(asker, *words, "-sess_in", session)
    assert told.is_reused and not first["is_resumed"] and again["is_resumed"]
    assert {**again, "is_resumed": False} == first

"""The endpoint /tls: what TLS says of the connection, as the program tells it and as its clients know it."""

import json
import ssl
import subprocess

import httpx
import pytest

from s_client import s_client
from tools import need

ASK = b"GET /tls HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture
def server(serve_tls, site, authority):
    return serve_tls(site, "--endpoints", f"--tls-client-ca={authority.cert}", "--tls-client=optional",
                     only=False)


def facts(server, *words, **more):
    told = s_client(server, *words, say=ASK, **more)
    assert told.has_shaken, told.text
    line = next(line for line in told.text.splitlines() if line.startswith('{"tls"'))
    return json.JSONDecoder().raw_decode(line)[0], told  # s_client has more to say behind it


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_version_cipher_and_name(server, version):
    run = subprocess.run(
        [need("curl", "curl"), "-sS", "--http1.1", f"--tlsv{version}", "--tls-max", version,
         "--ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384", "--tls13-ciphers", "TLS_AES_256_GCM_SHA384",
         "--cacert", server.authority, f"https://localhost:{server.https_port}/tls"],
        capture_output=True, check=True,
    )
    ciphers = {"1.2": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "1.3": "TLS_AES_256_GCM_SHA384"}
    assert json.loads(run.stdout) == {
        "tls": True,
        "version": f"TLSv{version}",
        "cipher": ciphers[version],
        "alpn": "http/1.1",
        "server_name": "localhost",
        "resumed": False,
        "client": None,
    }


def test_without_any_of_that(server):
    """RFC 6066 §3, RFC 7301: a client that asks for no name and agrees on no protocol."""
    tls, _ = facts(server, "-tls1_2", name="")
    assert tls["alpn"] is None and tls["server_name"] is None


def test_a_client_with_a_certificate(server, authority):
    client = authority.issue(common_name="ann", organization="Example, Inc.", client=True)
    context = ssl.create_default_context(cafile=str(server.authority))
    context.load_cert_chain(client.cert, client.key)
    run = httpx.get(f"https://localhost:{server.https_port}/tls", verify=context)
    assert run.json()["client"] == "O=Example\\, Inc.,CN=ann"


def test_a_session_that_is_resumed(server, tmp_path):
    """RFC 8446 §2.2"""
    words, session = ["-tls1_3", "-alpn", "http/1.1"], tmp_path / "session"
    first, _ = facts(server, *words, "-sess_out", session)
    again, told = facts(server, *words, "-sess_in", session)
    assert told.is_reused and again == {**first, "resumed": True} and not first["resumed"]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_in_the_clear(server, method):
    answer = server.get("/tls", method, tls=False)
    assert answer.status == 200 and answer.body == b'{"tls":false}'
    assert answer["Cache-Control"] == "no-store" and answer["Access-Control-Allow-Origin"] == "*"

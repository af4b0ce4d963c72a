"""Clients that nobody here wrote, once they trust the authority that the server has made."""

import re
import ssl
import subprocess
import urllib.request

import pytest

from browser import Browser
from tools import has_ipv6, need, need_ipv6


@pytest.fixture
def server(serve_tls, site):
    """With a certificate that it has made itself."""
    (site / "large.bin").write_bytes(bytes(range(256)) * 8192)
    return serve_tls(site)


HOSTS = ["localhost", "127.0.0.1", "[::1]"]


@pytest.fixture(params=HOSTS)
def url(request, server):
    if request.param == "[::1]":
        need_ipv6()
    return f"https://{request.param}:{server.https_port}"


def run(*command, cwd=None):
    return subprocess.run(
        [str(word) for word in command], capture_output=True, timeout=120, cwd=cwd
    )


def test_curl(server, site, url, tmp_path):
    curl = [need("curl", "curl"), "-sS", "--max-time", "60"]
    done = run(*curl, "--cacert", server.authority, f"{url}/")
    assert done.returncode == 0 and done.stdout == (site / "index.html").read_bytes(), done.stderr
    done = run(*curl, "--cacert", server.authority, "-o", tmp_path / "got", f"{url}/large.bin",
               f"{url}/large.bin", "-o", tmp_path / "again")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "again").read_bytes() == (site / "large.bin").read_bytes()
    assert run(*curl, f"{url}/").returncode == 60, "nobody trusts it unasked"


@pytest.mark.parametrize("version", ["--tlsv1.2 --tls-max 1.2", "--tlsv1.3"])
def test_curl_in_each_version(server, site, version):
    done = run(need("curl", "curl"), "-sS", *version.split(), "--cacert", server.authority,
               "-w", "%{http_version} %{ssl_verify_result}", "-o", "/dev/null", server.url)
    assert done.returncode == 0 and done.stdout == b"1.1 0", done.stderr


def test_curl_that_would_rather_speak_http_2(server):
    """It offers both, and takes what there is."""
    done = run(need("curl", "curl"), "-sS", "--http2", "--cacert", server.authority,
               "-w", "%{http_version}", "-o", "/dev/null", server.url)
    assert (done.returncode, done.stdout) == (0, b"1.1"), done.stderr


def test_curl_asks_many_things_at_once(server, site):
    for i in range(100):
        (site / f"{i}.txt").write_text(f"{i}\n")
    done = run(need("curl", "curl"), "-sS", "-f", "-Z", "--parallel-max", "8", "--cacert",
               server.authority, f"{server.url}/[0-99].txt")
    assert sorted(map(int, done.stdout.split())) == list(range(100)), done.stderr


def test_python(server, site, url):
    context = ssl.create_default_context(cafile=server.authority)
    with urllib.request.urlopen(f"{url}/large.bin", context=context, timeout=60) as answer:
        assert answer.read() == (site / "large.bin").read_bytes()
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(f"{url}/", context=ssl.create_default_context(), timeout=60)


def test_wget(server, site, url, tmp_path):
    """Debian's speaks TLS by GnuTLS, which nobody else here does."""
    wget = [need("wget", "wget"), "-nv", "--tries=1", "--timeout=60"]
    done = run(*wget, f"--ca-certificate={server.authority}", f"{url}/large.bin", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "large.bin").read_bytes() == (site / "large.bin").read_bytes()
    assert run(*wget, f"{url}/", cwd=tmp_path).returncode == 5, "nobody trusts it unasked"


def test_names_that_are_asked_for(serve_tls, site):
    server = serve_tls(site, "--tls-name=wherry.test", "--tls-name=*.wild.test")
    for name, status in (("wherry.test", 0), ("any.wild.test", 0), ("other.test", 60)):
        done = run(need("curl", "curl"), "-sS", "--cacert", server.authority,
                   "--resolve", f"{name}:{server.https_port}:127.0.0.1",
                   f"https://{name}:{server.https_port}/")
        assert done.returncode == status, (name, done.stderr)


# ---- Chromium --------------------------------------------------------------------------------

PAGE = """<!doctype html><title>home</title><link rel=stylesheet href=/style.css>
<p id=p>styled<img src=/wave.svg><script src=/script.js></script>"""


@pytest.fixture
def page(site):
    (site / "index.html").write_text(PAGE)
    (site / "style.css").write_text("#p { color: rgb(1, 2, 3) }")
    (site / "script.js").write_text("document.title = 'scripted'")
    (site / "wave.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"/>'
    )


def open_without_warning(browser, url):
    """Chromium leaves an address with a warning for a page of its own."""
    browser.open(url)
    assert browser.run("location.href") == url
    assert browser.run("isSecureContext") is True
    assert browser.run("document.title") == "scripted"
    assert browser.run("getComputedStyle(p).color") == "rgb(1, 2, 3)"
    assert browser.run("document.images[0].naturalWidth") == 40


def test_chromium(server, page, build, tmp_path):
    """Who trusts the authority sees the page, by every name of ours, and no warning; and again when
    the server has been started anew."""
    with Browser(tmp_path / "profile", build.patience, server.authority) as browser:
        for host in HOSTS if has_ipv6() else HOSTS[:2]:
            open_without_warning(browser, f"https://{host}:{server.https_port}/")
        browser.call("Page.reload")
        assert browser.run("fetch('/nothing').then(answer => answer.status)") == 404


def test_chromium_comes_back(serve_tls, page, site, build, tmp_path):
    first = serve_tls(site)
    with Browser(tmp_path / "profile", build.patience, first.authority) as browser:
        open_without_warning(browser, f"https://localhost:{first.https_port}/")
        first.stop()
        second = serve_tls(site, f"--https-port={first.https_port}")
        open_without_warning(browser, f"https://localhost:{second.https_port}/")


def test_chromium_that_does_not_trust(server, page, build, tmp_path):
    """Else the tests above would prove nothing."""
    with Browser(tmp_path / "profile", build.patience) as browser:
        with pytest.raises(AssertionError, match="ERR_CERT_AUTHORITY_INVALID"):
            browser.open(f"https://localhost:{server.https_port}/")


def test_chromium_is_sent_on(serve_tls, page, site, build, tmp_path):
    """From http to https, and there it stays."""
    server = serve_tls(site, "--http-redirect", only=False)
    with Browser(tmp_path / "profile", build.patience, server.authority) as browser:
        browser.open(f"http://localhost:{server.http_port}/")
        assert re.match(rf"https://localhost:{server.https_port}/", browser.run("location.href"))
        assert browser.run("document.title") == "scripted"

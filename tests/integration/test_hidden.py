"""Nothing of ours is ever served: no key, no certificate, no configuration, wherever they lie."""

import os
import ssl
import subprocess
import time

import pytest

from program import Wherry, eventually, stopping

KEPT = ("ca.pem", "ca-key.pem", "cert.pem", "key.pem")
PAGE = "<!doctype html><title>home</title>\n"


@pytest.fixture
def here(tmp_path):
    """A folder that is served as "." with all that is ours inside."""
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "page.html").write_text(PAGE)
    return tmp_path


@pytest.fixture
def serve_here(build, here):
    with stopping() as started:
        def start(*options, **more):
            server = Wherry(build.program, ".", "--http-port=0", "--https-port=0", *map(str, options),
                            cwd=here, secure=False, patience=build.patience, **more)
            started.append(server)
            return server

        yield start


def statuses(server, names):
    return {name: server.get(f"/{name}").status for name in names}


def all_missing(server, names):
    assert statuses(server, names) == dict.fromkeys(names, 404)


def make_pair(folder, name, days=2):
    """A certificate that signs itself, and its key."""
    cert, key = folder / f"{name}.pem", folder / f"{name}-key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-addext",
                    f"subjectAltName=DNS:{name}", "-days", str(days), "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    return cert, key


def serial(server):
    port = int(server.out.wait(r"^  https://localhost:(\d+)$", 10 * server.patience)[1])
    return ssl.get_server_certificate(("127.0.0.1", port))


# ---- what wherry makes


def test_what_it_keeps_in_the_folder_it_serves(serve_here, here):
    server = serve_here("--tls", "--cert-dir=certs", "--log-level=debug")
    assert server.get("/").status == 200
    for name in KEPT:
        assert (here / "certs" / name).exists()
    all_missing(server, [f"certs/{name}" for name in KEPT])
    all_missing(server, ["certs", "certs/", "certs/../certs/key.pem", "sub/..%2fcerts/key.pem",
                         "certs/%6bey.pem", "CERTS/key.pem"])
    for name in os.listdir(here / "certs"):         # a lock, or whatever else is there
        assert server.get(f"/certs/{name}").status == 404


def test_what_comes_later_into_that_folder(serve_here, here):
    server = serve_here("--tls", "--cert-dir=certs")
    (here / "certs" / "index.html").write_text(PAGE)
    (here / "certs" / "key.pem.new").write_text("half a key")
    (here / "certs" / "more").mkdir()
    (here / "certs" / "more" / "old.pem").write_text("old key")
    all_missing(server, ["certs/", "certs/index.html", "certs/index", "certs/key.pem.new",
                         "certs/more/old.pem"])


def test_links_into_that_folder(serve_here, here):
    server = serve_here("--tls", "--cert-dir=certs")
    (here / "to-key").symlink_to("certs/key.pem")
    (here / "to-certs").symlink_to("certs")
    (here / "sub" / "deep").symlink_to("../to-certs")
    os.link(here / "certs" / "ca-key.pem", here / "hard")
    all_missing(server, ["to-key", "to-certs/", "to-certs/ca-key.pem", "sub/deep/key.pem", "hard"])
    assert server.get("/sub/page.html").status == 200


def test_it_is_hidden_without_https_too(serve_here, here):
    (here / "certs").mkdir()
    (here / "certs" / "key.pem").write_text("the key of yesterday")
    server = serve_here("--cert-dir=certs")
    all_missing(server, ["certs/key.pem"])
    assert server.get("/").status == 200


def test_a_folder_beside_changes_nothing(serve_here, here, tmp_path_factory):
    server = serve_here("--tls", "--cert-dir", tmp_path_factory.mktemp("certs"))
    (here / "certs").mkdir()
    (here / "certs" / "key.pem").write_text("a page about keys")
    assert server.get("/certs/key.pem").status == 200


def test_a_root_in_the_folder_of_keys_is_refused(build, here):
    run = subprocess.run([build.program, "--tls", "--cert-dir=.", "--http-port=0", "sub"],
                         cwd=here, capture_output=True, text=True, timeout=60)
    assert (run.stdout, run.returncode) == ("", 111)
    assert run.stderr == ('wherry: the folder "sub" lies in the folder of keys "." (--cert-dir), '
                          "of which nothing is served\n")
    assert not list(here.glob("*.pem"))


# ---- what is given


def test_what_is_given_is_not_served(serve_here, here):
    make_pair(here, "one.test")
    make_pair(here, "two.test")
    make_pair(here, "clients")
    (here / "password").write_text("secret\n")
    (here / "w.conf").write_text("tls-cert = one.test.pem\ntls-cert = two.test.pem\n"
                                 "tls-key = one.test-key.pem\ntls-key = two.test-key.pem\n"
                                 "tls-key-password-file = password\n"
                                 "tls-client-ca = clients.pem\ntls-client = optional\n"
                                 "tls-key-log = secrets.log\n")
    server = serve_here("--config=w.conf")
    assert serial(server) == (here / "one.test.pem").read_text()
    assert (here / "secrets.log").exists()
    all_missing(server, ["w.conf", "one.test.pem", "one.test-key.pem", "two.test.pem",
                         "two.test-key.pem", "password", "clients.pem", "secrets.log"])
    assert server.get("/clients-key.pem").status == 404         # nobody told of it, but it is a key


def test_a_renewed_key_is_never_seen(serve_here, here):
    cert, key = make_pair(here, "one.test")
    server = serve_here("--tls-cert", cert, "--tls-key", key)
    for turn in range(5):
        new_cert, new_key = make_pair(here, f"new{turn}.test")
        assert server.get("/one.test-key.pem").status == 404
        os.rename(key, here / f"old-key{turn}")
        os.rename(new_key, key)
        os.rename(new_cert, cert)
        all_missing(server, ["one.test-key.pem", f"old-key{turn}", "one.test.pem"])
    eventually(lambda: serial(server) == cert.read_text(), 5 * server.patience, "the new one")
    all_missing(server, [f"old-key{turn}" for turn in range(5)])


def test_a_page_that_becomes_a_key_vanishes(serve_here, here):
    """As a link is swapped to a file that was served, and is remembered, until now."""
    (here / "first.conf").write_text("index = index.html\n")
    (here / "second.conf").write_text("drain = 1s\n")
    (here / "live.conf").symlink_to("first.conf")
    server = serve_here("--config=live.conf")
    for _ in range(3):
        assert server.get("/second.conf").status == 200
    all_missing(server, ["first.conf", "live.conf"])
    (here / "next.conf").symlink_to("second.conf")
    os.rename(here / "next.conf", here / "live.conf")
    time.sleep(0.25)                # what is known is not trusted for longer than 200 ms
    all_missing(server, ["second.conf", "live.conf", "first.conf"])


@pytest.mark.parametrize("name", ["key.pem~", "server.key.bak", "old/privkey1.pem", "id", "note.txt"])
def test_a_key_that_no_option_names(serve_here, here, name):
    """Copies, backups and what was before: known by what is in them."""
    path = here / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n")
    server = serve_here()
    assert server.get("/" + name).status == 404
    path.write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    assert server.get("/" + name).status == 200


def test_a_file_with_the_value_of_a_variable(serve_here, here):
    (here / "secret").write_text("31s\n")
    server = serve_here(environment={"WHERRY_DRAIN_FILE": "secret"})
    assert server.get("/").status == 200
    all_missing(server, ["secret"])

"""How it is told what to do, what it says, and what it says when that cannot be done."""

import json
import os
import re

import pytest

from container import docker
from program import eventually

FOREIGN = 12345


# ---- settings ------------------------------------------------------------------------------------


def test_by_environment(start):
    running = start(options=["--env=WHERRY_HTTP_PORT=9080", "--env=WHERRY_CACHE_CONTROL=max-age=77"])
    answer = running.get(at=(running.address, 9080))
    assert answer["Cache-Control"] == "max-age=77"


def test_by_arguments(start):
    """Which win over the environment."""
    running = start("--http-port", "9081", options=["--env=WHERRY_HTTP_PORT=9080"])
    assert running.get(at=(running.address, 9081)).status == 200


def test_by_a_file(start, shared):
    (shared / "wherry.ini").write_text("http-port = 9080\n")
    running = start("--config=/given/wherry.ini", options=[f"--volume={shared}:/given:ro"])
    assert running.get(at=(running.address, 9080)).status == 200


def test_another_root(start, site):
    running = start("/srv", options=[f"--volume={site}:/srv:ro"])
    assert running.get().body == (site / "index.html").read_bytes()


def test_a_secret_in_a_file(start, shared, authority):
    """WHERRY_X_FILE: the value stands in a file, as secrets are mounted; here the name of a key."""
    (shared / "port").write_text("9080\n")
    running = start(options=["--env=WHERRY_HTTP_PORT_FILE=/run/secrets/port",
                             f"--volume={shared}:/run/secrets:ro"])
    assert running.get(at=(running.address, 9080)).status == 200


def test_a_secret_that_is_not_there(start):
    running = start(wait=False, options=["--env=WHERRY_HTTP_PORT_FILE=/run/secrets/nothing"])
    assert running.wait_exit() != 0
    assert running.said.count("\n") == 1
    assert "WHERRY_HTTP_PORT_FILE" in running.said and "/run/secrets/nothing" in running.said


def test_what_is_in_force(image):
    """--print-config says that the image has set it."""
    said = docker("run", "--rm", image, "--print-config")
    for name, value in (("address", "*"), ("cert-dir", "/certs"), ("root", "/site")):
        assert re.search(rf"^{name} += {re.escape(value)} .*# WHERRY_", said, re.MULTILINE), said


def test_a_mistake_is_one_sentence(start):
    running = start("--http-port=eighty", wait=False)
    assert running.wait_exit() == 100
    assert running.said.count("\n") == 1 and "eighty" in running.said and not running.log


# ---- what it says --------------------------------------------------------------------------------


def test_the_logs_are_apart(start, site):
    """The access log is on stdout, errors are on stderr."""
    (site / "private.txt").write_text("private")
    (site / "private.txt").chmod(0)
    running = start(options=[f"--volume={site}:/site:ro"])
    assert running.get("/private.txt").status == 403
    assert running.out.wait(r'"GET /private.txt HTTP/1.1" 403 ', 5)
    assert running.err.wait(r" warn .*private.txt", 5)
    assert "private.txt HTTP" not in running.said and " warn " not in running.log


def test_the_access_log_in_json(start):
    """Line by line, as whoever collects logs wants it: stdout has nothing else."""
    running = start("--access-log=json")
    for target in ('/?"quoted"', "/nothing", "/?\\", "/%00", "/caf\u00e9"):
        running.get(target)
    eventually(lambda: running.log.count('"status"') >= 5, 5, "five lines")
    running.stop()
    first, *lines = (json.loads(line) for line in running.log.splitlines())
    assert first["carries"] == "/site" and len(first["urls"]) == 2
    assert len(lines) == 5
    for line in lines:
        assert isinstance(line["status"], int)


# ---- what it cannot have -------------------------------------------------------------------------


def uid_of(image):
    return docker("image", "inspect", "--format", "{{.Config.User}}", image).partition(":")[0]


def advised_user(running):
    """Who is to be given to --user, as it says."""
    said = running.err.wait(r"--user[ =](\d+(?::\d+)?)", 10)
    assert said, f"no --user in: {running.said}"
    return said[1].decode()


def test_a_site_that_it_may_not_read(start, image, site):
    """It says whose it is, who it is, and who it would have to be; and that does help."""
    chown(site, FOREIGN)
    site.chmod(0o700)
    options = [f"--volume={site}:/site:ro"]
    running = start(wait=False, options=options)
    advised = advised_user(running)
    assert advised == f"{FOREIGN}:{FOREIGN}"
    for word in ("/site", f"uid {FOREIGN}", f"uid {uid_of(image)}"):
        assert word in running.said, running.said
    assert running.wait_exit() == 111
    better = start(options=[*options, f"--user={advised}"])
    assert better.get().body == b"<!doctype html><title>home</title>\n"


def test_a_page_that_it_may_not_read(start, site):
    """A site of which a part is not for it: 403, and the log says whose it is."""
    chown(site, FOREIGN)
    (site / "index.html").chmod(0o600)
    options = [f"--volume={site}:/site:ro"]
    running = start(options=options)
    assert running.get().status == 403
    owner = running.err.wait(r"index.html.* owner=(\d+:\d+) ", 5)[1].decode()
    better = start(options=[*options, f"--user={owner}"])
    assert better.get().status == 200


def test_a_folder_for_certificates_that_it_may_not_write(start, image, shared):
    """It serves all the same, with a certificate that it cannot keep, and says what would help."""
    certs = shared / "certs"
    certs.mkdir()
    chown(certs, FOREIGN)
    options = [f"--volume={certs}:/certs"]
    running = start(options=options)
    assert running.get(tls=True).status == 200
    advised = advised_user(running)
    assert advised == f"{FOREIGN}:{FOREIGN}"
    for word in ("/certs", f"uid {FOREIGN}", f"uid {uid_of(image)}"):
        assert word in running.said, running.said
    assert not list(certs.iterdir())
    better = start(options=[*options, f"--user={advised}"])
    assert better.get(tls=better.trusted).status == 200
    assert (certs / "ca.pem").exists()


def chown(folder, number):
    try:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, number, number)
    except PermissionError:
        pytest.skip("this test needs root, who can give files away")

"""HEALTHCHECK: what the engine is told of the server in it, however that was set up."""

import signal

import pytest

from container import docker, inspect
from tools import need_root

EVERY_SECOND = ["--health-interval=1s", "--health-timeout=1s", "--health-retries=1"]
GIVEN = "/given"  # where certificates are mounted

# what -> settings in the environment, arguments, options of docker
SETTINGS = {
    "as it comes": ({}, [], []),
    "HTTPS alone": ({"WHERRY_TLS_ONLY": "yes"}, [], []),
    "HTTP alone": ({"WHERRY_TLS": "no"}, [], []),
    "a redirect to HTTPS": ({"WHERRY_HTTP_REDIRECT": "yes"}, [], []),
    "ports from its arguments": ({}, ["--http-port=9080", "--https-port", "9443"], []),
    "a port from its arguments, HTTPS alone": ({}, ["--tls-only", "--https-port=9443"], []),
    "ports from the environment": ({"WHERRY_HTTP_PORT": "9080", "WHERRY_TLS": "no"}, [], []),
    "one address": ({"WHERRY_ADDRESS": "127.0.0.1"}, [], []),
    "localhost": ({"WHERRY_ADDRESS": "localhost"}, [], []),
    "a Unix socket alone": (
        {"WHERRY_HTTP_PORT": "off", "WHERRY_TLS": "no", "WHERRY_UNIX": "/certs/wherry.socket"},
        [], []),
    "a read-only file system": ({}, [], ["--read-only"]),
    "no capabilities": ({}, [], ["--cap-drop=ALL", "--security-opt=no-new-privileges"]),
    "somebody": ({}, [], ["--user=12345:12345"]),
    "an init": ({}, [], ["--init"]),
    "an init, and arguments": ({}, ["--http-port=9080"], ["--init"]),
    "no IPv6": ({}, [], ["--sysctl=net.ipv6.conf.all.disable_ipv6=1"]),
}


def start_watched(start, environment, arguments, options):
    words = [f"--env={name}={value}" for name, value in environment.items()]
    return start(*arguments, options=[*EVERY_SECOND, *words, *options])


@pytest.mark.parametrize("what", SETTINGS)
def test_it_is_healthy(start, what):
    running = start_watched(start, *SETTINGS[what])
    running.wait_health("healthy", 4)


def test_within_two_seconds(start, figure):
    """At an interval of a second, which passes before the engine asks for the first time."""
    running = start(options=EVERY_SECOND)
    figure("healthy, at an interval of 1 s, after", running.wait_health("healthy", 4), 2, "s")


def test_where_clients_need_a_certificate(start, shared, authority):
    """The probe has none, and needs none to see that the server is there."""
    pair = authority.issue("localhost")
    for path in (pair.cert, pair.key, authority.cert):
        path.chmod(0o644)
        path.rename(shared / path.name)
    running = start(
        "--tls-only", f"--tls-cert={GIVEN}/{pair.cert.name}", f"--tls-key={GIVEN}/{pair.key.name}",
        f"--tls-client-ca={GIVEN}/{authority.cert.name}",
        options=[*EVERY_SECOND, f"--volume={shared}:{GIVEN}:ro"])
    running.wait_health("healthy", 4)


def test_unhealthy_when_it_hangs(start):
    """Held still, its listeners still take connections in: that is not enough.  (docker pause would
    hold the probe, too.)"""
    need_root()
    running = start(options=EVERY_SECOND)
    running.wait_health("healthy", 4)
    running.signal(signal.SIGSTOP)
    try:
        running.wait_health("unhealthy", 8)
    finally:
        running.signal(signal.SIGCONT)
    running.wait_health("healthy", 8)


def test_the_probe_says_why(start):
    """By hand: a sentence, and an exit status that scripts can use."""
    running = start()
    assert running.run("--healthcheck", fails=True).returncode == 0
    tried = docker("run", "--rm", "--network=none", running.image, "--healthcheck", fails=True)
    assert tried.returncode == 1 and tried.stderr.count("\n") == 1, tried


def test_it_leaves_no_mark(start):
    """A probe every second is no visitor: it is not in the access log."""
    running = start(options=EVERY_SECOND)
    running.wait_health("healthy", 4)
    assert running.get("/?a-visitor").status == 200
    assert running.out.wait(r'"GET /\?a-visitor ', 5)
    assert running.log.count("HTTP/1.1") == 1, running.log


def test_the_interval_is_the_images(image):
    """Not so often that it costs, not so seldom that nobody hears."""
    check = inspect(image, "image")["Config"]["Healthcheck"]
    assert check["Test"][-1] == "--healthcheck"
    assert 5e9 <= check["Interval"] <= 30e9 and 1e9 <= check["Timeout"] <= 10e9

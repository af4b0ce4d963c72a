"""It starts wherever an image may be put: with less and less that it is allowed."""

import re
import shutil
import signal

import pytest

from container import docker
from program import eventually

LIMITS = {
    "read-only": ["--read-only"],
    "without capabilities": ["--cap-drop=ALL"],
    "without new privileges": ["--security-opt=no-new-privileges"],
    "as somebody": ["--user=12345:12345"],
    "as a user without a group": ["--user=12345"],
    "as root without powers": ["--user=0", "--cap-drop=ALL"],
    "without IPv6": ["--sysctl=net.ipv6.conf.all.disable_ipv6=1"],
    "in 24 MiB": ["--memory=24m", "--memory-swap=24m"],
    "with a third of a core": ["--cpus=0.3"],
    "beneath an init": ["--init"],
    "with few descriptors": ["--ulimit=nofile=256:256"],
    "with few processes": ["--pids-limit=64"],
    "without a network": ["--network=none"],
}
TOGETHER = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges",
            "--user=12345:12345", "--sysctl=net.ipv6.conf.all.disable_ipv6=1", "--memory=24m",
            "--memory-swap=24m", "--cpus=0.3", "--pids-limit=64"]


def check_serving(running):
    """A page, by HTTP and HTTPS; nothing was said but what it is."""
    page = running.get()
    assert page.status == 200 and b"<title>" in page.body
    assert running.get(tls=True).body == page.body


@pytest.mark.parametrize("limit", LIMITS)
def test_it_starts(start, limit):
    running = start(options=LIMITS[limit])
    if limit == "without a network":
        assert "unhealthy" != running.health
        running.run("--healthcheck")
    else:
        check_serving(running)
    assert not running.state["OOMKilled"]
    running.stop()


def test_it_starts_with_all_of_them(start):
    running = start(options=TOGETHER)
    check_serving(running)
    assert not re.search(r" error ", running.said), running.said
    running.stop()


def files_of(folder):
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def test_a_whole_site_in_24_mib(start, shared, public):
    """With libmagic, which has a database to read, and both encoders at their best."""
    site = shutil.copytree(public, shared / "site")
    (site / "page").write_text("<!doctype html><title>a page without an ending</title>")
    running = start(options=["--memory=24m", "--memory-swap=24m", f"--volume={site}:/site:ro"])
    for coding in ("identity", "gzip", "br"):
        for tls in (False, True):
            with running.dial(tls=tls) as peer:
                for path in files_of(site):
                    answer = peer.ask(f"/{path.relative_to(site)}",
                                      fields={"Accept-Encoding": coding})
                    assert answer.status == 200, path
    assert running.get("/page")["Content-Type"] == "text/html; charset=utf-8"
    for coding in ("br", "gzip"):
        eventually(lambda: running.get(fields={"Accept-Encoding": coding}).get("Content-Encoding")
                   == coding, 20, f"the page in {coding}")
    assert running.state["Running"] and not running.state["OOMKilled"]
    running.stop()


# ---- what it is there ----------------------------------------------------------------------------


def status_of(pid):
    """Lines of /proc/PID/status: what each says."""
    lines = open(f"/proc/{pid}/status").read().splitlines()
    return {name: value.split() for name, _, value in (line.partition(":") for line in lines)}


def processes(running):
    """Those of the container, as this machine knows them."""
    _, *lines = docker("top", running.name, "-eo", "pid").split()
    return [int(line) for line in lines]


def test_it_is_one_process(plain):
    assert processes(plain) == [plain.pid]
    assert status_of(plain.pid)["NSpid"][-1] == "1"


def test_it_is_not_root(plain):
    """Whoever it is, all four of its user's ids are the same, and not 0; nor is the group."""
    status = status_of(plain.pid)
    for kind in ("Uid", "Gid"):
        assert len(set(status[kind])) == 1 and status[kind][0] != "0"
    assert status["CapEff"] == ["0" * 16]


def test_beneath_an_init(start):
    """Which passes signals on."""
    running = start(options=["--init"])
    assert len(processes(running)) == 2
    running.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_as_process_1_it_hears_signals(start, number):
    """PID 1 has no default actions: what it does not handle it does not even hear."""
    running = start()
    docker("kill", f"--signal={int(number)}", running.name)
    assert running.wait_exit() == 0


def test_it_is_started_again(start):
    """The same container, with what it has made."""
    running = start()
    before = running.run("--print-ca")
    running.stop()
    docker("start", running.name)
    running.listen()
    running.wait_ready()
    assert running.run("--print-ca") == before
    check_serving(running)

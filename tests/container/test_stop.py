"""docker stop: what was begun is finished, and nobody waits for nothing."""

import subprocess
import time

import pytest

from container import DOCKER, docker
from dialogue import request
from program import eventually

LARGE = 16 << 20


@pytest.fixture
def large(site):
    (site / "large.bin").write_bytes(bytes(range(256)) * (LARGE // 256))
    return site


def begin_download(running, tls):
    """A peer in the middle of a large answer, and what it has read."""
    peer = running.dial(tls=tls, receive_buffer=64 * 1024)
    peer.send(request("/large.bin"))
    assert peer.head().status == 200
    return peer, peer.take(100_000)


@pytest.mark.parametrize("options", [[], ["--init"]], ids=["as process 1", "beneath an init"])
def test_it_ends_at_once_when_it_is_idle(start, options, figure):
    running = start(options=options)
    assert running.get().status == 200
    took = running.stop()
    assert took < 1.0, f"{took:.2f} s"
    figure(f"docker stop of an idle container{' ' * bool(options)}{' '.join(options)}", took, 1, "s")


def test_who_stays_connected_does_not_hold_it_up(start):
    running = start()
    with running.dial() as silent, running.dial(tls=True) as secure:
        assert silent.ask().status == 200 and secure.ask().status == 200
        assert running.stop() < 2.0


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_a_slow_download_is_finished(start, large, tls):
    """Within the grace time: it is over before the engine would kill."""
    running = start(options=[f"--volume={large}:/site:ro"])
    peer, begun = begin_download(running, tls)
    with peer, subprocess.Popen([DOCKER, "stop", "--time=10", running.name],
                                stdout=subprocess.DEVNULL) as stopping:
        started, whole = time.monotonic(), LARGE
        eventually(lambda: not accepts(running), 10, "the door to be closed")
        while whole - len(begun) > LARGE // 2:  # for some 2 s
            begun += peer.take(LARGE // 20)
            time.sleep(0.2)
        begun += peer.take(whole - len(begun))
        assert begun == (large / "large.bin").read_bytes()
        assert stopping.wait(10) == 0 and time.monotonic() - started < 9
    assert running.wait_exit() == 0
    assert running.out.wait(rf'"GET /large.bin HTTP/1.1" 200 {LARGE} ', 1)


def accepts(running):
    try:
        running.dial(seconds=1).close()
        return True
    except OSError:
        return False


def test_the_grace_time_of_the_engine_is_longer_than_its_own(start, large):
    """Who takes forever is cut off by wherry, which then ends well, and not by a kill (137)."""
    running = start(options=[f"--volume={large}:/site:ro"])
    peer, _ = begin_download(running, tls=False)
    with peer:
        docker("stop", running.name)
    assert running.wait_exit() == 0, running.said


def test_a_kill_is_survived(start, volume):
    """SIGKILL in the middle: the certificates are whole, and the next one shows the same."""
    options = [f"--volume={volume}:/certs"]
    first = start(options=options)
    authority = first.run("--print-ca")
    docker("kill", first.name)
    assert first.wait_exit() == 137
    assert start(options=options).run("--print-ca") == authority

"""A thousand clients that wait for the next byte of an answer hold no worker and little memory, and the
site is as quick as ever."""

import pytest

from crowd import Crowd
from program import eventually
from test_load import best_of, is_quick, many_descriptors, visit  # noqa: F401
from test_streams import resident_kib

CLIENTS = 1000

# Each has said something once its head is there, and goes on for longer than a test takes.
WAITING = {
    "drip": "/drip?duration=55&numbytes=55",
    "stall": "/stall/55",
    "sse": "/sse?duration=55&count=55",
}


@pytest.fixture
def server(serve, site, build):
    server = serve(site, "--endpoints", "--connections-max=2048")
    for target in ("/", "/drip?duration=0", "/stall/0", "/sse?duration=0"):
        assert server.get(target).status == 200  # all threads and all code are there
    return server


def test_a_thousand_wait_and_pages_are_quick(server, build):
    """In /drip, /stall and /sse together."""
    count, threads = (CLIENTS if build.is_fast else 100), server.threads()

    def attempt():
        with Crowd("waiters", server, count, *WAITING.values()) as crowd:
            assert crowd.hear()["ready"] == count
            visited = visit(server, 4)
            assert crowd.ask()["waiting"] == count
            assert server.threads() == threads
        return visited

    visited = best_of(5, attempt, is_quick)
    print(f"{count} wait: {visited}")
    if build.is_fast:
        assert is_quick(visited), visited


@pytest.mark.parametrize("kind", WAITING)
def test_what_one_that_waits_costs(server, build, kind):
    """In memory, over what an idle connection does."""
    count, before = (CLIENTS if build.is_fast else 50), resident_kib(server)
    with Crowd("waiters", server, count, WAITING[kind]) as crowd:
        assert crowd.hear()["ready"] == count
        each = (resident_kib(server) - before) / count
        assert crowd.ask()["waiting"] == count
    print(f"{kind}: {each:.1f} KiB")
    if build.is_fast:
        assert each < (64 if server.is_secure else 24), each
    eventually(lambda: server.log.count(f'"GET {WAITING[kind]} ') == count, 10 * server.patience,
               "all of them to be missed")

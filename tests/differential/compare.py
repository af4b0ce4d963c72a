"""Starts all servers over one folder, and asks each of them everything."""

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from corpus import all_requests
from dialogue import Dialogue
from hear import Hearing
from servers import PROGRAMS, Peer
from site_folder import make_site

US = "wherry"
# As it comes, but it does not give up before we do, however slow its build.
OPTIONS = ("--access-log=off", "--head-timeout=60s")
THREADS = 8
SILENCE_S = 2.0         # a server that says nothing for so long waits for more


@contextmanager
def public_folder():
    """A temporary folder that a server with few rights can enter, unlike pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="wherry-differential-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def peers_serving(root, folder):
    """The other servers, running."""
    peers = [Peer(name) for name in PROGRAMS]
    try:
        for peer in peers:
            peer.start(root, folder)
        yield peers
    finally:
        for peer in peers:
            peer.stop()


def missing_peers():
    return [name for name in PROGRAMS if not Peer(name).is_installed]


def peer_versions():
    return {name: Peer(name).version for name in PROGRAMS}


def etag_of(address, patience):
    with Dialogue(address, 10 * patience) as peer:
        return peer.ask("/digits.txt")["ETag"].encode("latin-1")


def ask_all(addresses, patience):
    """Gives {title: {server: answer in words}}.  `addresses` is {server: where it listens}; what
    wherry says has to be in order down to the last field besides."""
    answers = {request.title: {} for request in all_requests()}

    def ask(name, etag, request):
        is_ours = name == US        # and perhaps slow
        silence = SILENCE_S * (patience if is_ours else 1)
        hearing = Hearing(addresses[name], silence, is_strict=is_ours)
        answers[request.title][name] = hearing.hear(request, etag)

    with ThreadPoolExecutor(THREADS) as threads:
        asked = []
        for name, address in addresses.items():
            etag = etag_of(address, patience)
            asked += [threads.submit(ask, name, etag, request) for request in all_requests()]
        for each in asked:
            each.result()
    return answers


def compare(serve, patience):
    """The whole of it.  `serve(root, *options)` gives a running wherry."""
    with public_folder() as folder:
        root = make_site(folder)
        with peers_serving(root, folder) as peers:
            ours = serve(root, *OPTIONS)
            addresses = {US: (ours.host, ours.port), **{peer.name: peer.address for peer in peers}}
            answers = ask_all(addresses, patience)
            ours.stop()
            return answers


def differ(answers):
    return len(set(answers.values())) > 1

"""What is sent to a server that keeps it, by the program tests/peers/keeper.c: limits, long bodies, files
that are there whole or not at all."""

import contextlib
import os
import random
import threading
import time
import zlib

import pytest

from dialogue import Cut, request
from program import eventually
from tools import mount, need, unmount

MEMORY = 1 << 20        # of a body, kept in memory
BODY_MAX = 1 << 32
PIECE = 256 << 10       # gathered for a write


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir()
    return folder


@pytest.fixture
def spool(tmp_path):
    spool = tmp_path / "spool"
    spool.mkdir()
    return spool


@pytest.fixture
def start(build, serve, folder, spool):
    def start(*behind, **more):
        return serve(folder, program=build.peer("keeper"), behind=[str(word) for word in behind or (spool, BODY_MAX)],
                     **more)

    return start


@pytest.fixture
def keeper(start):
    return start()


def some_bytes(count, seed=0):
    return random.Random(count + seed).randbytes(count)


def summed(body, where):
    return b"%d %08x %s\n" % (len(body), zlib.crc32(body), where)


def chunked(body, size=50_000):
    return b"".join(
        b"%x\r\n%s\r\n" % (len(body[at : at + size]), body[at : at + size])
        for at in range(0, len(body), size)
    ) + b"0\r\n\r\n"


def put(server, name, body):
    with server.dial() as peer:
        peer.send(request(f"/files/{name}", "PUT", {"Content-Length": len(body)}) + body)
        return peer.answer("PUT")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# ---- limits --------------------------------------------------------------------------------


@pytest.mark.parametrize("expects", [True, False])
@pytest.mark.parametrize("target, length, status", [
    ("/refuse/401", 1 << 20, 401),
    ("/refuse/413", 1 << 20, 413),
    ("/refuse/417", 1 << 20, 417),
    ("/small", 11, 413),
    ("/sum", BODY_MAX + 1, 413),
])
def test_what_is_refused_is_not_awaited(keeper, target, length, status, expects):
    """RFC 9110 §10.1.1, §15.5.14: no 100, and the answer comes before any of the body."""
    fields = {"Content-Length": length}
    if expects:
        fields["Expect"] = "100-continue"
    with keeper.dial() as peer:
        peer.send(request(target, "POST", fields))
        answer = peer.answer()
        assert answer.status == status and answer.closes
        peer.expect_end()


def test_what_is_refused_is_not_read(keeper, spool):
    """A client that sends all the same hears the answer, and nothing of it is kept."""
    body = some_bytes(64 << 10)
    with keeper.dial() as peer:
        peer.send(request("/refuse/401", "POST", {"Content-Length": len(body)}) + body)
        assert peer.answer().status == 401
    assert names(spool) == []
    keeper.wait_log(r'"POST /refuse/401 HTTP/1.1" 401 .*"not so"$')


@pytest.mark.parametrize("target", ["/small", "/sum", "/files/a"])
def test_what_is_welcome_is_invited(keeper, target):
    """RFC 9110 §10.1.1"""
    method = "PUT" if target.startswith("/files") else "POST"
    with keeper.dial() as peer:
        peer.send(request(target, method, {"Expect": "100-continue", "Content-Length": 5}))
        assert peer.answer().status == 100
        peer.send(b"hello")
        assert peer.answer(method).status in (200, 201)


def test_chunks_meet_the_limit_while_they_come(start, spool):
    """RFC 9110 §15.5.14"""
    keeper = start(spool, str(3 << 20))
    for target, limit in (("/small", 10), ("/sum", 3 << 20)):
        with keeper.dial() as peer:
            peer.send(request(target, "POST", {"Transfer-Encoding": "chunked"}))
            with contextlib.suppress(OSError):
                peer.send(chunked(bytes(limit + 1)))
            answer = peer.answer()
            assert answer.status == 413 and answer.closes
    with keeper.dial() as peer:
        peer.send(request("/sum", "POST", {"Transfer-Encoding": "chunked"}) + chunked(bytes(3 << 20)))
        assert peer.answer().status == 200


# ---- long ones -------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, MEMORY, MEMORY + 1, MEMORY + PIECE, 5_000_000])
def test_a_body_is_what_was_sent(keeper, spool, size):
    body = some_bytes(size)
    where = b"file" if size > MEMORY else b"memory"
    with keeper.dial() as peer:
        peer.send(request("/sum", "POST", {"Content-Length": size}) + body)
        assert peer.answer().body == summed(body, where)
        peer.send(request("/sum", "POST", {"Transfer-Encoding": "chunked"}) + chunked(body))
        assert peer.answer().body == summed(body, where)
    assert names(spool) == []


def test_without_a_folder_for_them_they_are_too_long(start):
    keeper = start("", str(BODY_MAX))
    with keeper.dial() as peer:
        peer.send(request("/sum", "POST", {"Content-Length": MEMORY + 1}))
        assert peer.answer().status == 413
    keeper.wait_log(r'"POST /sum HTTP/1.1" 413 .*"the body is longer than is kept in memory"$')


def test_a_folder_that_is_none_is_told_at_once(start, folder):
    keeper = start(folder / "nothing", wait=False)
    assert keeper.wait_exit() == 1
    assert f'cannot write long bodies to the folder "{folder}/nothing": No such file' in keeper.said
    keeper.stop = lambda: None


def peak_kib(server):
    status = open(f"/proc/{server.pid}/status").read()
    return int(status.split("VmHWM:")[1].split()[0])


def test_a_long_upload_takes_little_memory(build, keeper, folder):
    size = 64 << 20 if build.is_fast else 8 << 20
    piece = some_bytes(1 << 20)
    assert put(keeper, "warm", some_bytes(2 << 20)).status == 201
    before = peak_kib(keeper)
    with keeper.dial(seconds=60) as peer:
        peer.send(request("/files/large", "PUT", {"Content-Length": size}))
        for _ in range(size >> 20):
            peer.send(piece)
        assert peer.answer("PUT").status == 201
    if not build.has_sanitizer:
        assert peak_kib(keeper) - before < 4 << 10
    assert (folder / "large").stat().st_size == size
    with open(folder / "large", "rb") as kept:
        assert all(kept.read(1 << 20) == piece for _ in range(size >> 20))


# ---- keeping ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 100_000, 3_000_000])
def test_a_file_is_kept(keeper, folder, size):
    body, other = some_bytes(size), some_bytes(size, 1)
    assert put(keeper, "a.txt", body).status == 201
    assert (folder / "a.txt").read_bytes() == body
    assert put(keeper, "a.txt", other).status == 204
    assert (folder / "a.txt").read_bytes() == other
    assert names(folder) == ["a.txt"]
    assert (folder / "a.txt").stat().st_mode & 0o777 == 0o644 & ~current_umask()


def current_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("name", [".hidden", ".wherry-1", "..%2Fout", "a%2Fb", "%2Fetc", "x" * 256])
def test_a_name_that_is_none(keeper, folder, name):
    assert put(keeper, name, b"text").status in (400, 500)
    assert names(folder) == [] and names(folder.parent) == ["kept", "spool"]


def test_of_several_at_once_one_is_new(keeper, folder):
    bodies = [some_bytes(100_000, seed) for seed in range(8)]
    for attempt in range(10):
        statuses = []
        threads = [
            threading.Thread(
                target=lambda body: statuses.append(put(keeper, f"f{attempt}", body).status),
                args=(body,),
            )
            for body in bodies
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [201] + [204] * 7
        assert (folder / f"f{attempt}").read_bytes() in bodies
    assert len(names(folder)) == 10


def test_who_leaves_in_the_middle_leaves_nothing(keeper, folder, spool):
    descriptors = keeper.descriptors
    for target, method in (("/files/a", "PUT"), ("/sum", "POST")):
        for sent in (0, 1, PIECE, 3 << 20):
            with keeper.dial() as peer:
                peer.send(request(target, method, {"Content-Length": 4 << 20}) + bytes(sent))
    eventually(lambda: keeper.descriptors <= descriptors, 10 * keeper.patience, "all to be closed")
    assert names(folder) == [] and names(spool) == []


def test_who_trickles_is_sent_away(keeper, folder):
    """The time for each 64 KiB; two seconds here."""
    with keeper.dial(seconds=0.05) as peer:
        peer.send(request("/files/a", "PUT", {"Content-Length": 1 << 20}) + bytes(PIECE))
        started = time.monotonic()
        while not peer.unread:
            with contextlib.suppress(TimeoutError):
                peer.send(b"x")
                peer.fill()
            assert time.monotonic() - started < 10 * keeper.patience
        assert time.monotonic() - started > 1.9
        assert peer.answer("PUT").status == 408
    assert names(folder) == []


# ---- the disk --------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if not mount("tmpfs", disk, "-o", "size=1m"):
        pytest.skip("mounting is not permitted here")
    yield disk
    unmount(disk)


@pytest.mark.parametrize("is_announced", [True, False])
def test_a_full_disk(build, serve, small_disk, is_announced):
    """RFC 4918 §11.5; and what is there stays."""
    server = serve(small_disk, program=build.peer("keeper"), behind=[str(small_disk), str(BODY_MAX)])
    assert put(server, "a", b"old").status == 201
    body = bytes(4 << 20)
    for target, method in (("/files/a", "PUT"), ("/sum", "POST")):
        with server.dial() as peer:
            with contextlib.suppress(OSError):
                if is_announced:
                    peer.send(request(target, method, {"Content-Length": len(body)}) + body)
                else:
                    peer.send(request(target, method, {"Transfer-Encoding": "chunked"}) + chunked(body))
            answer = peer.answer(method)
            assert answer.status == 507 and answer.closes
    assert (small_disk / "a").read_bytes() == b"old" and names(small_disk) == ["a"]
    server.wait_log(r'"PUT /files/a HTTP/1.1" 507 .*"there is no room for the body"$')
    assert put(server, "b", bytes(500_000)).status == 201


def test_a_limit_of_size(start):
    """The signal that comes with it ends nobody."""
    server = start(before=(need("prlimit", "util-linux"), "--fsize=1000000"))
    with server.dial() as peer:
        with contextlib.suppress(OSError):
            peer.send(request("/files/a", "PUT", {"Content-Length": 2 << 20}) + bytes(2 << 20))
        assert peer.answer("PUT").status == 507
    assert put(server, "a", bytes(900_000)).status == 201


def test_a_file_system_without_nameless_files(build, serve, tmp_path):
    """ramfs has none."""
    disk = tmp_path / "ram"
    disk.mkdir()
    if not mount("ramfs", disk):
        pytest.skip("mounting is not permitted here")
    try:
        server = serve(disk, program=build.peer("keeper"), behind=[str(disk), str(BODY_MAX)])
        body = some_bytes(2 << 20)
        assert put(server, "a", body).status == 201
        assert put(server, "a", body[1:]).status == 204
        assert (disk / "a").read_bytes() == body[1:]
        with server.dial() as peer:
            peer.send(request("/sum", "POST", {"Content-Length": len(body)}) + body)
            assert peer.answer().body == summed(body, b"file")
        assert names(disk) == ["a"]
        server.stop()
    finally:
        unmount(disk)


# ---- the end ---------------------------------------------------------------------------------


def upload_until_cut(server, versions, seed):
    dice = random.Random(seed)
    with contextlib.suppress(Cut, OSError):
        while True:
            put(server, "page", dice.choice(versions))


def test_killed_at_any_moment(build, start, folder):
    """The old file or the new one, whole; and the next server clears up at its first upload."""
    versions = [bytes([65 + i]) * (200_000 + 100_000 * i) for i in range(5)]
    (folder / "page").write_bytes(versions[0])
    dice = random.Random(7)
    for attempt in range(20 if build.is_fast else 5):
        server = start()
        server.stop = lambda: None
        threads = [
            threading.Thread(target=upload_until_cut, args=(server, versions, 10 * attempt + i))
            for i in range(3)
        ]
        for thread in threads:
            thread.start()
        time.sleep(dice.uniform(0.02, 0.2))
        server.kill()
        for thread in threads:
            thread.join()
        assert (folder / "page").read_bytes() in versions
    (folder / ".wherry-1-2-3").write_bytes(b"left")
    assert put(start(), "page", versions[1]).status == 204
    assert names(folder) == ["page"]

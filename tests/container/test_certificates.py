"""Certificates: those it makes outlive it in a volume, those it is given may change under it."""

from cryptography import x509

from container import docker
from program import eventually
from secure import trusting

NOTICED_S = 5.0


def serial_of(running, trusted):
    with running.dial(tls=trusted) as peer:
        return x509.load_der_x509_certificate(peer.stream.tls.getpeercert(True)).serial_number


def test_its_own_can_be_trusted(start):
    """By what --print-ca says, for the name localhost and nothing else."""
    running = start()
    with running.dial(tls=running.trusted) as peer:
        assert peer.ask().status == 200


def test_its_own_survive(start, volume):
    """The volume is all that is left of the first; whoever trusted it trusts the second, unasked."""
    options = [f"--volume={volume}:/certs"]
    first = start(options=options)
    trusted, said, serial = first.trusted, first.log, serial_of(first, first.trusted)
    assert "signed by a new authority" in said
    first.stop()
    first.remove()
    second = start(options=options)
    assert serial_of(second, trusted) == serial
    assert "new authority" not in second.log


def put(pair, folder):
    """Written over, readable for whoever the container's user is."""
    for path, name in ((pair.cert, "tls.crt"), (pair.key, "tls.key")):
        new = folder / f"{name}.new"
        new.write_bytes(path.read_bytes())
        new.chmod(0o644)
        new.rename(folder / name)


def test_a_mounted_one_that_changes(start, shared, authority):
    """Within seconds, without a restart, and a connection that stands goes on."""
    first, second = (authority.issue("localhost") for _ in range(2))
    put(first, shared)
    running = start("--tls-cert=/given/tls.crt", "--tls-key=/given/tls.key",
                    options=[f"--volume={shared}:/given:ro"])
    trusted, pid = trusting(authority.cert), running.pid
    assert serial_of(running, trusted) == first.serial
    with running.dial(tls=trusted) as standing:
        assert standing.ask().status == 200
        put(second, shared)
        eventually(lambda: serial_of(running, trusted) == second.serial, NOTICED_S, "the new one")
        assert standing.ask().status == 200
    assert running.pid == pid and running.state["Running"]


def test_a_signal_reads_at_once(start, shared, authority):
    """docker kill --signal=HUP"""
    put(authority.issue("localhost"), shared)
    running = start("--tls-cert=/given/tls.crt", "--tls-key=/given/tls.key",
                    options=[f"--volume={shared}:/given:ro"])
    pair = authority.issue("localhost")
    put(pair, shared)
    docker("kill", "--signal=HUP", running.name)
    eventually(lambda: serial_of(running, trusting(authority.cert)) == pair.serial, 2, "the new one")

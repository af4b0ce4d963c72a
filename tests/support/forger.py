"""A client that has shaken hands properly, and then seals whatever it likes.

The handshake is OpenSSL's; its secrets are taken from the key log, and from then on records are
made here: empty ones, ones without end, messages that no honest client sends."""

import ssl

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from secure import Secure

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, DATA = 20, 21, 22, 23
CLIENT_HELLO, KEY_UPDATE = 1, 24
WARNING, FATAL = 1, 2


def expand(secret, label, length):
    """HKDF-Expand-Label without a context (RFC 8446 §7.1)."""
    label = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes([len(label)]) + label + b"\0"
    return HKDFExpand(hashes.SHA256(), length, info).derive(secret)


def prf(secret, seed, length):
    """RFC 5246 §5"""

    def digest(data):
        made = hmac.HMAC(secret, hashes.SHA256())
        made.update(data)
        return made.finalize()

    out, a = b"", seed
    while len(out) < length:
        a = digest(a)
        out += digest(a + seed)
    return out[:length]


class Listening(Secure):
    """Remembers what the server said first: its random is in there."""

    heard = b""

    def fetch(self):
        before = self.incoming.pending
        super().fetch()
        if len(self.heard) < 64:
            came = self.incoming.read()
            assert before == 0
            self.heard += came
            self.incoming.write(came)


class Forger:
    """Takes over what a peer (a Dialogue without TLS) sends; what comes is still read by it."""

    def __init__(self, peer, authority, folder, version):
        self.peer, self.version = peer, version
        log = folder / f"keys-{peer.socket.getsockname()[1]}"
        context = ssl.create_default_context(cafile=str(authority))
        context.keylog_filename = str(log)
        context.minimum_version = context.maximum_version = version
        context.set_ciphers("ECDHE+AESGCM+AES128")
        peer.stream = Listening(peer.socket, context, "localhost")
        peer.stream.handshake()
        assert "AES_128_GCM" in peer.tls.cipher()[0].replace("AES128", "AES_128").replace("-", "_")
        secrets = dict(line.split(" ", 1) for line in log.read_text().splitlines() if line[0] != "#")
        if version == ssl.TLSVersion.TLSv1_3:
            self.use(bytes.fromhex(secrets["CLIENT_TRAFFIC_SECRET_0"].split()[1]))
        else:
            client_random, master = (bytes.fromhex(x) for x in secrets["CLIENT_RANDOM"].split())
            server_random = peer.stream.heard[11:43]
            keys = prf(master, b"key expansion" + server_random + client_random, 40)
            self.key, self.iv, self.sequence = AESGCM(keys[:16]), keys[32:36], 1

    def use(self, secret):
        self.secret, self.sequence = secret, 0
        self.key, self.iv = AESGCM(expand(secret, b"key", 16)), expand(secret, b"iv", 12)

    def seal(self, kind, content=b"", padding=0):
        """A record, as bytes."""
        number, self.sequence = self.sequence.to_bytes(8, "big"), self.sequence + 1
        if self.version == ssl.TLSVersion.TLSv1_3:
            inner = content + bytes([kind]) + bytes(padding)
            head = bytes([DATA, 3, 3]) + (len(inner) + 16).to_bytes(2, "big")
            nonce = bytes(a ^ b for a, b in zip(self.iv, bytes(4) + number))
            return head + self.key.encrypt(nonce, inner, head)
        head = bytes([kind, 3, 3])
        bound = number + head + len(content).to_bytes(2, "big")
        sealed = number + self.key.encrypt(self.iv + number, content, bound)
        return head + len(sealed).to_bytes(2, "big") + sealed

    def key_update(self, asks_for_one):
        """RFC 8446 §4.6.3: with the old key, and then the new one is in use."""
        message = bytes([KEY_UPDATE, 0, 0, 1, int(asks_for_one)])
        record = self.seal(HANDSHAKE, message)
        self.use(expand(self.secret, b"traffic upd", 32))
        return record

    def send(self, record):
        self.peer.socket.sendall(record)

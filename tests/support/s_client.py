"""`openssl s_client`, the client that shows everything: one visit, and what it told."""

import re
import subprocess
from dataclasses import dataclass

from cryptography import x509

from tools import need

ASK = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@dataclass
class Told:
    text: str
    status: int

    def find(self, pattern):
        matched = re.search(pattern, self.text, re.MULTILINE)
        return matched and matched[1]

    @property
    def has_shaken(self):
        """There was a handshake, and an answer over it."""
        return "HTTP/1.1 200 OK" in self.text

    @property
    def version(self):
        return self.find(r"^(?:New|Reused), (TLSv[\d.]+), Cipher")  # of the cipher, in 1.2

    @property
    def protocol(self):
        return self.find(r"^\s*Protocol\s*: (\S+)") or self.version

    @property
    def cipher(self):
        return self.find(r"^(?:New|Reused), \S+, Cipher is (\S+)")

    @property
    def is_reused(self):
        assert self.has_shaken, self.text
        return re.search(r"^Reused, ", self.text, re.MULTILINE) is not None

    @property
    def alpn(self):
        return self.find(r"^ALPN protocol: (\S+)")

    @property
    def certificate(self):
        pem = self.find(r"(-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----)")
        assert pem, self.text
        return x509.load_pem_x509_certificate(pem.encode())

    @property
    def serial(self):
        return self.certificate.serial_number


def s_client(server, *words, say=ASK, name=None, seconds=20):
    """Connects, says something and listens until the server ends it.  `name`: by SNI; "" is none."""
    sni = ["-noservername"] if name == "" else ["-servername", name or "localhost"]
    host = f"[{server.host}]" if ":" in server.host else server.host
    done = subprocess.run(
        [
            need("openssl", "openssl"),
            "s_client",
            "-connect",
            f"{host}:{server.https_port}",
            "-CAfile",
            str(server.authority),
            *sni,
            "-ign_eof",
            *map(str, words),
        ],
        input=say,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=seconds * server.patience,
    )
    return Told(done.stdout.decode(errors="backslashreplace"), done.returncode)

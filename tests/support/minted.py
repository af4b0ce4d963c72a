"""Certificates made for tests: authorities, and what they sign, in every form that people have.

    authority = Authority(folder)
    pair = authority.issue("localhost", key="rsa", form="pkcs1")    # pair.cert, pair.key: files
"""

import datetime
import ipaddress
import itertools
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)
PEM = serialization.Encoding.PEM
FORMS = {
    "pkcs8": serialization.PrivateFormat.PKCS8,
    "pkcs1": serialization.PrivateFormat.TraditionalOpenSSL,  # of an RSA key
    "sec1": serialization.PrivateFormat.TraditionalOpenSSL,  # of an EC key
}
KEYS = {
    "rsa": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "rsa1024": lambda: rsa.generate_private_key(public_exponent=65537, key_size=1024),
    "rsa3072": lambda: rsa.generate_private_key(public_exponent=65537, key_size=3072),
    "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ec384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}
counter = itertools.count(1)


@dataclass
class Pair:
    """A certificate and its key, in files."""

    cert: Path
    key: Path
    serial: int

    @property
    def options(self):
        return [f"--tls-cert={self.cert}", f"--tls-key={self.key}"]

    @property
    def leaf(self):
        return x509.load_pem_x509_certificate(self.cert.read_bytes())


def subject(common_name, organization=None):
    names = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        names.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(names)


def alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def digest_for(key):
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def key_pem(key, form="pkcs8", password=None):
    encryption = (
        serialization.BestAvailableEncryption(password.encode())
        if password
        else serialization.NoEncryption()
    )
    return key.private_bytes(PEM, FORMS[form], encryption)


class Authority:
    """Signs.  Its certificate is in `self.cert`; `above` signs that one, else itself does."""

    def __init__(self, folder, name="an authority", key="ec", above=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name, self.private_key, self.above = subject(name), KEYS[key](), above
        signer = above or self
        now = datetime.datetime.now(datetime.timezone.utc)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(signer.name)
            .public_key(self.private_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + 3650 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self.private_key.public_key()), False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.private_key.public_key()),
                False,
            )
            .add_extension(
                x509.KeyUsage(False, False, False, False, False, True, True, False, False), True
            )
            .sign(signer.private_key, digest_for(signer.private_key))
        )
        self.cert = self.folder / f"authority-{next(counter)}.pem"
        self.cert.write_bytes(self.pem)

    @property
    def pem(self):
        return self.certificate.public_bytes(PEM)

    @property
    def chain(self):
        """The certificates between a leaf of ours and the one that everybody has."""
        return b"" if not self.above else self.pem + self.above.chain

    def issue(
        self,
        *names,
        key="ec",
        form="pkcs8",
        password=None,
        begins=-1,
        ends=90,
        client=False,
        common_name=None,
        organization=None,
        into=None,
    ):
        """A certificate for these names (or none), valid from `begins` to `ends` in days from now.
        Its files are in the folder `into`, or have names of their own."""
        private_key = KEYS[key]()
        now = datetime.datetime.now(datetime.timezone.utc)
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject(common_name or (names[0] if names else "nobody"), organization))
            .issuer_name(self.name)
            .public_key(private_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begins * DAY)
            .not_valid_after(now + ends * DAY)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.private_key.public_key()),
                critical=False,
            )
        )
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([alternative(name) for name in names]), critical=False
            )
        certificate = builder.sign(self.private_key, digest_for(self.private_key))
        folder, number = (into, "") if into else (self.folder, f"-{next(counter)}")
        folder.mkdir(parents=True, exist_ok=True)
        pair = Pair(folder / f"tls{number}.crt", folder / f"tls{number}.key", 0)
        pair.serial = certificate.serial_number
        pair.cert.write_bytes(certificate.public_bytes(PEM) + self.chain)
        pair.key.write_bytes(key_pem(private_key, form, password))
        return pair

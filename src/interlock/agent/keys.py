"""Makes a CA of the agents' own, and certificates of it for the agents and for Interlock.

Needs the library `cryptography`, which the extra ``interlock[agent]`` brings; an agent that runs does not.
"""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from interlock.core.problems import PermanentError, shown
from interlock.host import files

NAMES = ("agent", "tasks.agent", "interlock-agent", "tasks.interlock-agent", "localhost", "127.0.0.1")
"""What an agent's certificate is always for: the swarm's service, each of its tasks, and this machine."""
CA_DAYS = 3650
BACKDATED = timedelta(minutes=5)
"""So that clocks may differ a little."""
LONGEST_NAME = 253


class Made(msgspec.Struct, frozen=True):
    """A certificate and its key, as they are in the folder now."""

    cert: str
    key: str
    expires: str
    """``2027-11-24``."""
    is_new: bool


class _Authority(NamedTuple):
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


class _Purpose(NamedTuple):
    whose: str
    usage: x509.ObjectIdentifier
    names: Sequence[x509.GeneralName]


def make(folder: Path, *, names: Sequence[str], days: int, is_renewal: bool) -> list[Made]:
    """Make what is missing; a renewal makes agent's and client's anew, by the same CA, which comes first in the answer.

    `names` are more host names and addresses of agents. Raises PermanentError for those that are none, and for files
    that cannot be read or written.
    """
    subjects = [_subject(name) for name in dict.fromkeys((*NAMES, *names))]
    files.folder(folder, mode=0o700)
    is_new = not (folder / "ca.pem").exists()
    ca = _new_authority(folder) if is_new else _known_authority(folder)
    made = [_made(folder, "ca", is_new=is_new)]
    for purpose in (
        _Purpose("agent", ExtendedKeyUsageOID.SERVER_AUTH, subjects),
        _Purpose("client", ExtendedKeyUsageOID.CLIENT_AUTH, [x509.DNSName("interlock")]),
    ):
        is_due = is_new or is_renewal or not (folder / f"{purpose.whose}.pem").exists()
        if is_due:
            key = ec.generate_private_key(ec.SECP256R1())
            _write(folder, purpose.whose, _issued(purpose, key, ca, timedelta(days=days)), key)
        made.append(_made(folder, purpose.whose, is_new=is_due))
    return made


def _subject(name: str) -> x509.GeneralName:
    """Raises PermanentError for what is neither an address nor a host name."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        fits = name.isascii() and 0 < len(name) <= LONGEST_NAME and all(c.isalnum() or c in "-._*" for c in name)
    if not fits:
        raise PermanentError(f"{shown(name)} is no host name", fix="write it as node-1.example.com, or 10.0.0.5")
    return x509.DNSName(name)


def _new_authority(folder: Path) -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("interlock agents' CA")
    builder = _begun(name, name, key, timedelta(days=CA_DAYS))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    certificate = builder.add_extension(_signs_certificates(), critical=True).sign(key, hashes.SHA256())
    _write(folder, "ca", certificate, key)
    return _Authority(certificate, key)


def _known_authority(folder: Path) -> _Authority:
    """The last certificate of ca.pem, which is the newer one where there are two."""
    try:
        certificates = x509.load_pem_x509_certificates((folder / "ca.pem").read_bytes())
        key = serialization.load_pem_private_key((folder / "ca-key.pem").read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        reason = getattr(error, "strerror", None) or "no PEM files of a certificate and its key"
        raise PermanentError(
            f"the CA in {shown(str(folder))} cannot be used: {reason}",
            fix="put ca.pem and ca-key.pem back, or name another --dir",
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or certificates[-1].public_key() != key.public_key():
        raise PermanentError(
            f"ca-key.pem in {shown(str(folder))} is not the key of ca.pem",
            fix="put the right one back, or name another --dir",
        )
    return _Authority(certificates[-1], key)


def _issued(purpose: _Purpose, key: ec.EllipticCurvePrivateKey, ca: _Authority, lasts: timedelta) -> x509.Certificate:
    """For one purpose only: the certificate of one agent does not open the others."""
    builder = _begun(_name(f"interlock {purpose.whose}"), ca.certificate.subject, key, lasts)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose.usage]), critical=True)
    builder = builder.add_extension(x509.SubjectAlternativeName(purpose.names), critical=False)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key())
    return builder.add_extension(authority, critical=False).sign(ca.key, hashes.SHA256())


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, lasts: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - BACKDATED)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return builder.not_valid_after(now + lasts).add_extension(identifier, critical=False)


def _signs_certificates() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _write(folder: Path, whose: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    """The key first: with a certificate there is always its key."""
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files.write(folder / f"{whose}-key.pem", pem, mode=0o600)
    files.write(folder / f"{whose}.pem", certificate.public_bytes(serialization.Encoding.PEM), mode=0o600)


def _made(folder: Path, whose: str, *, is_new: bool) -> Made:
    path = folder / f"{whose}.pem"
    try:
        certificate = x509.load_pem_x509_certificates(path.read_bytes())[-1]
    except (OSError, ValueError) as error:
        raise PermanentError(f"{shown(str(path))} is no certificate", fix="remove it, and it will be made") from error
    expires = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
    return Made(str(path), str(folder / f"{whose}-key.pem"), expires, is_new)

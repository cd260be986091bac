"""Whether a certificate and its key can be served, for which names, and until when."""

import contextlib
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

_NOT_PEM = "there is no certificate with its key in it, in PEM form"
"""What OpenSSL means by "PEM lib"."""


_EXPIRED = 10
"""X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL."""
_ROUND_TRIPS = 4
"""A handshake of TLS 1.3 takes two."""


class Facts(msgspec.Struct, frozen=True):
    """What a certificate says of itself."""

    names: tuple[str, ...]
    """Host names and wildcards that it is for, in lower case."""
    expires: datetime

    def covers(self, host: str) -> bool:
        """Whether it is for this host, by name or by a wildcard of its first label (RFC 9525)."""
        return host in self.names or f"*.{host.partition('.')[2]}" in self.names


def facts_of(certificate: Path, key: Path | None = None) -> Facts | str:
    """What it says of itself, by a handshake with ourselves, since Python reads certificates of peers only.

    A text where it cannot be served, or where no client would take it: why.
    """
    if why := fault_of(certificate, key):
        return why
    try:
        told = _shaken_hands(certificate, key)
    except ssl.SSLCertVerificationError as error:
        return "it has expired" if error.verify_code == _EXPIRED else error.verify_message
    except ssl.SSLError as error:
        return str(error.reason or error).lower().replace("_", " ")
    names = tuple(sorted(value.lower() for kind, value in told.get("subjectAltName", ()) if kind == "DNS"))
    return Facts(names, datetime.fromtimestamp(ssl.cert_time_to_seconds(told["notAfter"]), UTC))


def _shaken_hands(certificate: Path, key: Path | None) -> dict[str, Any]:
    """The certificate as a client sees it that trusts it and nobody else. Raises SSLError."""
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(certificate, key)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    theirs.check_hostname = False
    theirs.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    theirs.load_verify_locations(certificate)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client, server = theirs.wrap_bio(back, there), ours.wrap_bio(there, back, server_side=True)
    for side in (client, server) * _ROUND_TRIPS:
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    return client.getpeercert() or {}


def fault_of(certificate: Path, key: Path | None = None) -> str:
    """Why OpenSSL cannot serve with these files, the key in the certificate's own where none is named; "" if it can."""

    def no_password() -> str:
        raise ValueError("its key is encrypted")

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=no_password)
    except ValueError as error:
        return str(error)
    except ssl.SSLError as error:
        return error.reason.lower().replace("_", " ") if error.reason else _NOT_PEM
    except OSError as error:
        return error.strerror or str(error)
    return ""

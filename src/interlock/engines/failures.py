"""What went wrong between us and an engine, and whose move it is.

The first half explains exceptions of the network, the second half answers of the engine. A `PermanentError` needs
somebody to change something; the watcher still tries again, since that somebody may be at work.
"""

import errno
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType

import aiohttp
import msgspec

from interlock.core.problems import InterlockError, PermanentError, TemporaryError, shown
from interlock.engines.address import EngineAddress, Kind, check_socket_file

ENDPOINTS = "/_ping, /version, /info, /events, /containers/json and /containers/ID/json"
"""All that is ever asked for, each with GET."""

_SOCKET_GONE = (
    "start the engine, or name its socket; in a container, mount the directory of the socket rather than the socket: "
    "a socket mounted alone is dead once the engine made a new one"
)
_UNIX_FIXES = MappingProxyType(
    {
        errno.ENOENT: _SOCKET_GONE,
        errno.ECONNREFUSED: _SOCKET_GONE,
        errno.EACCES: "run as root, or add the user to the group that owns the socket (mostly docker)",
        errno.EPERM: "run as root, or add the user to the group that owns the socket (mostly docker)",
    }
)
_NETWORK_FIX = "check the address and the port, and that the engine listens there"
_NO_TLS_FIX = "write http:// if the engine speaks no TLS; else give the CA, certificate and key that it asks for"
_ENDED_TLS_FIX = (
    "if it stays so, give the client certificate that the engine wants: some end the connection without a word"
)
_CERTIFICATE_FIX = "give the CA that signed the engine's certificate, and the host name that the certificate names"

_REFUSALS = MappingProxyType(
    {
        401: "give the client certificate (or the way around the proxy) that lets Interlock in",
        403: f"let the socket proxy (or the authorization plugin) allow GET of {ENDPOINTS}",
        404: "check that this is the address of a Docker engine, without a path of another service",
        405: f"let the socket proxy allow GET of {ENDPOINTS}",
    }
)


@contextmanager
def explained(address: EngineAddress, asking: str) -> Iterator[None]:
    """Turn what the network raises while `asking` into the two kinds of error."""
    try:
        yield
    except (aiohttp.ClientError, OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise explain(error, address, asking) from error


def explain(error: Exception, address: EngineAddress, asking: str) -> InterlockError:
    """The error in our words, with the fix where one is known."""
    if (broken := _tls_error(error)) is not None:
        return _untrusted(broken, address)
    match error:
        case aiohttp.ClientConnectorDNSError():
            return TemporaryError(f"the name {address.host} is not known here", fix=_NETWORK_FIX)
        case aiohttp.ClientConnectorError():
            return _unreachable(error.os_error, address)
        case TimeoutError():
            return TemporaryError(f"no answer to {asking} in time")
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError() | OSError():
            fix = _ENDED_TLS_FIX if address.kind is Kind.HTTPS else ""
            return TemporaryError(f"the connection broke during {asking}", fix=fix)
    return TemporaryError(f"{asking} failed: {shown(str(error) or type(error).__name__)}")


def _tls_error(error: BaseException | None) -> ssl.SSLError | None:
    """The TLS library's own error behind one of aiohttp's, which look like it but lack its fields. An end is none."""
    while error is not None and (isinstance(error, aiohttp.ClientError) or not isinstance(error, ssl.SSLError)):
        error = error.__cause__
    return None if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) else error


def _untrusted(error: ssl.SSLError, address: EngineAddress) -> InterlockError:
    if isinstance(error, ssl.SSLCertVerificationError):
        what = f"the certificate of {address.endpoint} is refused: {error.verify_message}"
        return PermanentError(what, fix=_CERTIFICATE_FIX)
    reason = (error.reason or str(error)).replace("_", " ").lower()
    return PermanentError(f"no TLS with {address.endpoint}: {reason}", fix=_NO_TLS_FIX)


def _unreachable(error: OSError, address: EngineAddress) -> InterlockError:
    reason = (error.strerror or str(error)).lower()
    if address.kind is not Kind.UNIX:
        return TemporaryError(f"cannot connect to {address.endpoint}: {reason}", fix=_NETWORK_FIX)
    try:
        check_socket_file(address.path)
    except PermanentError as wrong_file:
        return wrong_file
    fix = _UNIX_FIXES.get(error.errno or 0, _SOCKET_GONE)
    kind = PermanentError if isinstance(error, PermissionError) else TemporaryError
    return kind(f"cannot open the socket {address.path}: {reason}", fix=fix)


def refusal(status: int, asking: str, body: bytes, *, location: str = "") -> InterlockError:
    """An answer with a status that is not 200, as an error."""
    said = _message(body)
    what = f"the engine answers {status} to {asking}" + (f": {said}" if said else "")
    if "HTTP request to an HTTPS server" in said:
        return PermanentError("the engine speaks TLS only", fix="give its CA, a certificate and a key")
    if status in _REFUSALS:
        return PermanentError(what, fix=_REFUSALS[status])
    if status // 100 == 3:  # noqa: PLR2004 - the class of redirects
        return PermanentError(f"{what}, and points to {shown(location)}", fix="give the address that it points to")
    return TemporaryError(what)


def _message(body: bytes) -> str:
    """What an engine says about an error: JSON of Docker and Podman, bare text of classic Swarm and of proxies."""
    try:
        text = msgspec.json.decode(body, type=_Message).message
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = body.decode("utf-8", "replace")
    return shown(text.strip())


class _Message(msgspec.Struct):
    message: str

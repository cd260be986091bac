"""Whether an agent works, for a container's HEALTHCHECK: without a client's key, and without a line in its log.

Over TLS it is enough that the agent shows a certificate of its CA: then its process listens, and would go on if the
client could show one too. The client goes without a word, as one does that has changed its mind. Whether the engine
answers is another question: no restart of the agent would mend that.
"""

import contextlib
import http.client
import socket
import ssl
from pathlib import Path

from interlock.core.problems import PermanentError, TemporaryError, shown

SECONDS = 5.0
LARGEST_FLIGHT = 64 << 10
"""Bytes of what a server says before it is the client's turn."""


def knock_on_socket(path: Path) -> None:
    """Raises TemporaryError where no agent answers."""
    try:
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as connection:
            connection.settimeout(SECONDS)
            connection.connect(str(path))
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n")
            with contextlib.closing(http.client.HTTPResponse(connection)) as response:
                response.begin()
                status = response.status
    except (OSError, http.client.HTTPException) as error:
        raise _silent(str(path), error) from error
    if status != http.client.OK:
        raise TemporaryError(f"the agent at {shown(str(path))} answers {status}")


def knock_on_port(address: str, ca: str) -> None:
    """Knock at ``HOST:PORT``, or on this machine for ``:PORT``. Raises TemporaryError, PermanentError."""
    host, _, port = address.rpartition(":")
    try:
        context = ssl.create_default_context(cafile=ca)
    except (OSError, ValueError) as error:
        raise PermanentError(f"no CA certificate in {shown(ca)}: {error}", fix="give the agent's --tls-ca") from error
    context.check_hostname = False
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing)
    try:
        with socket.create_connection((host.strip("[]") or "localhost", int(port)), SECONDS) as connection:
            _shake(tls, incoming, outgoing, connection)
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        raise _silent(address, error) from error


def _shake(tls: ssl.SSLObject, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, connection: socket.socket) -> None:
    """The handshake up to where the client would show its certificate. Raises SSLError, OSError."""
    received = 0
    while received < LARGEST_FLIGHT:
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.do_handshake()
            return
        connection.sendall(outgoing.read())
        data = connection.recv(LARGEST_FLIGHT)
        if not data:
            raise ConnectionResetError("it ended the connection")
        received += len(data)
        incoming.write(data)


def _silent(where: str, error: Exception) -> TemporaryError:
    reason = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or str(error)
    return TemporaryError(f"no agent answers at {shown(where)}: {shown(reason)}", fix="look at the log of the agent")

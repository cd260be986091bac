"""Ports that a proxy is to listen on."""

import asyncio
import socket
import time
from collections.abc import Sequence

from interlock.core.problems import PermanentError

POLL_SECONDS = 0.02


async def wait_until_free(ports: Sequence[tuple[str, int]], *, seconds: float) -> None:
    """The same as :func:`check_free`, for ports that somebody may be about to give up.

    Raises:
        PermanentError: one is still taken then.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return check_free(ports)
        except PermanentError:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(POLL_SECONDS)


def check_free(ports: Sequence[tuple[str, int]]) -> None:
    """Refuse ports that another program holds; each with the name of its setting, 0 for none.

    A proxy might share one with that program, and each would get half of the requests; or fail only when it is used.

    Raises:
        PermanentError: one is taken.
    """
    for name, port in ports:
        if not port:
            continue
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))  # noqa: S104 - what the proxy will bind
                probe.listen(1)
            except PermissionError:
                continue  # the proxy may have the capability that we lack; it will say so itself
            except OSError as error:
                raise PermanentError(
                    f"port {port} cannot be used: {error.strerror or error}",
                    fix=f"stop the program that listens there (ss -ltnp 'sport = :{port}'), or set {name}",
                ) from error

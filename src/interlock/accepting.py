"""Accepts connections, and takes its time where the process has no descriptor left for one.

The event loop's own listeners (libuv's) try again at once, for as long as somebody waits to be let in, which takes a
whole processor.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from typing import NoReturn

import structlog

log = structlog.get_logger()

BACKLOG = 128
PAUSE_SECONDS = 0.5
HANDSHAKE_SECONDS = 10.0
EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""What accept(2) says where it is not the client's fault."""


async def accept(
    listener: socket.socket, protocol: Callable[[], asyncio.BaseProtocol], *, tls: ssl.SSLContext | None = None
) -> NoReturn:
    """Let clients in until cancelled; the socket stays its owner's."""
    listener.settimeout(0)
    listener.listen(BACKLOG)
    async with asyncio.TaskGroup() as tasks:
        while True:
            connection = await next_client(listener)
            tasks.create_task(_welcome(connection, protocol, tls))


async def next_client(listener: socket.socket) -> socket.socket:
    """The next who wants in, once there is a descriptor for them; the listener must not block."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            connection, _ = await loop.sock_accept(listener)
        except OSError as error:
            if error.errno in EXHAUSTED:
                await asyncio.sleep(PAUSE_SECONDS)
            elif error.errno != errno.ECONNABORTED:  # a client that has gone again
                raise
        else:
            return connection


async def let_in(
    connection: socket.socket, protocol: Callable[[], asyncio.BaseProtocol], tls: ssl.SSLContext | None
) -> asyncio.Transport:
    """Have a client served, after a handshake where there is TLS. Raises OSError (an SSLError is one) and EOFError."""
    timeout = HANDSHAKE_SECONDS if tls is not None else None
    transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
        protocol, connection, ssl=tls, ssl_handshake_timeout=timeout
    )
    return transport


async def _welcome(
    connection: socket.socket, protocol: Callable[[], asyncio.BaseProtocol], tls: ssl.SSLContext | None
) -> None:
    try:
        await let_in(connection, protocol, tls)
    except Exception as error:  # noqa: BLE001 - whatever a client does costs only its own connection
        log.debug(f"[interlock] a client of the API was not let in: {type(error).__name__}")
        connection.close()

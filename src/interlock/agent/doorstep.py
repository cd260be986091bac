"""Lets clients in: a bounded number, through TLS with certificates as they are now, and none that stays without asking.

The keys and certificates may be replaced at any time; connections that are open go on with the old ones.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from types import MappingProxyType
from typing import NoReturn

from aiohttp import web

from interlock.accepting import let_in, next_client
from interlock.agent.refusals import Refusals
from interlock.core.problems import shown
from interlock.host.tasks import Tasks

MOST = 256
"""Connections at once. An Interlock has one for events and as many as there are inspects under way."""
FIRST_REQUEST_SECONDS = 10.0
"""Within which a new client has to have asked for something."""
PAUSE_SECONDS = 0.5
"""Where all places are taken, before the next look."""
GOODBYE_SECONDS = 1.0
"""For answers under way when the agent stops."""
KEEPALIVE = MappingProxyType({socket.TCP_KEEPIDLE: 30, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 3})
"""Seconds, seconds, probes (tcp(7)): a client whose machine is gone holds its place for a minute."""


class Doorstep:
    """One socket that is listened on; it stays its owner's."""

    def __init__(
        self,
        listener: socket.socket,
        answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        refusals: Refusals,
        *,
        tls: Callable[[], ssl.SSLContext] | None = None,
        first_request_seconds: float = FIRST_REQUEST_SECONDS,
    ) -> None:
        """`tls` gives the context for the next client; without it the socket's file mode is what keeps people out."""
        self._listener = listener
        self._answer = answer
        self._refusals = refusals
        self._tls = tls
        self._first_request_seconds = first_request_seconds
        self._server = web.Server(self._handle, handler_cancellation=True, access_log=None)
        self._tasks = Tasks("agent")
        self._welcoming = 0
        self._silent: set[asyncio.BaseProtocol] = set()
        """Clients that have not asked for anything yet."""

    async def accept(self) -> NoReturn:
        """Until cancelled, when whoever is connected is cut off."""
        self._listener.settimeout(0)
        self._listener.listen(MOST)
        try:
            while True:
                if len(self._server.connections) + self._welcoming >= MOST:
                    await asyncio.sleep(PAUSE_SECONDS)
                    continue
                connection = await next_client(self._listener)
                self._welcoming += 1
                self._tasks.start("welcome", self._welcome(connection))
        finally:
            await self._tasks.stop()
            await self._server.shutdown(GOODBYE_SECONDS)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self._silent.discard(request.protocol)
        return await self._answer(request)

    async def _welcome(self, connection: socket.socket) -> None:
        """Shake hands, and wait for the first request; whatever a client does costs only its own connection.

        A client may ask in the same breath as it arrives, so it counts as silent from before.
        """
        protocol = self._server()
        self._silent.add(protocol)
        try:
            transport = await self._let_in(connection, protocol)
            if transport is not None:
                await asyncio.sleep(self._first_request_seconds)
                if protocol in self._silent:
                    transport.abort()
        finally:
            self._silent.discard(protocol)

    async def _let_in(self, connection: socket.socket, protocol: asyncio.BaseProtocol) -> asyncio.Transport | None:
        """None where that failed, which is told."""
        try:
            client = _told(connection)
            return await self._connected(connection, protocol)
        except (OSError, EOFError) as error:  # an SSLError is an OSError
            connection.close()
            if isinstance(error, ssl.SSLError) and error.reason is not None:
                reason = shown(error.reason.replace("_", " ").lower())
                self._refusals.tell(f"[agent] a client was not let in: {reason}", client=client)
            return None
        finally:
            self._welcoming -= 1

    async def _connected(self, connection: socket.socket, protocol: asyncio.BaseProtocol) -> asyncio.Transport:
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in KEEPALIVE.items():
                connection.setsockopt(socket.IPPROTO_TCP, option, value)
        return await let_in(connection, lambda: protocol, self._tls() if self._tls is not None else None)


def _told(connection: socket.socket) -> str:
    """Where a client comes from."""
    where = connection.getpeername()
    return shown(str(where[0])) if isinstance(where, tuple) else "local"

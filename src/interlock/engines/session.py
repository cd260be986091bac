"""What every client of an engine needs: a session that reaches it, and answers that have an end."""

import aiohttp

from interlock.core.problems import TemporaryError
from interlock.engines.address import EngineAddress, Kind

KEPT_OPEN = 75.0
"""Seconds for which an idle connection is kept: longer than any silence after which the engine is asked for something.

So the inspect that follows an event finds a connection open, and waits for no handshake, which over mutual TLS takes
longer than the answer.
"""


def session_with(address: EngineAddress, *, agent: str, connect_seconds: float) -> aiohttp.ClientSession:
    """A session with an engine, its certificates read anew; `agent` is the header User-Agent.

    No bound on connections: what is asked at once is bounded where it is asked. No timeout of a whole answer either.

    Raises PermanentError for TLS files that cannot be used.
    """
    return aiohttp.ClientSession(
        connector=_connector(address),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": agent},
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_seconds),
    )


async def body_of(response: aiohttp.ClientResponse, *, asked: str, longest: int) -> bytes:
    """All of an answer to what was `asked`. Raises TemporaryError where it has more than `longest` bytes."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > longest:
            raise TemporaryError(f"the answer to {asked} is longer than {longest} bytes")
    return bytes(body)


def _connector(address: EngineAddress) -> aiohttp.BaseConnector:
    if address.kind is Kind.UNIX:
        return aiohttp.UnixConnector(address.path, limit=0, keepalive_timeout=KEPT_OPEN)
    return aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_OPEN, ssl=address.tls_context() or False)

"""The engine behind the agent: asked in the agent's own words, each answer bounded in time and size."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import aiohttp
import msgspec
from yarl import URL

from interlock.engines.address import EngineAddress
from interlock.engines.failures import explained
from interlock.engines.patience import PRODUCTION, Patience
from interlock.engines.session import body_of, session_with
from interlock.version import __version__

LONGEST_ANSWER = 64 << 20
"""Bytes; the inspect documents of ten thousand containers, though only lists are that long."""
AT_ONCE = 32
"""Answers that are under way at the same time; the others wait their turn."""

_AGENT = f"interlock-agent/{__version__}"


class Answer(msgspec.Struct, frozen=True):
    """A whole answer, whatever its status."""

    status: int
    body: bytes
    api: str
    """Header Api-Version, "" where there is none."""


class Upstream:
    """One engine; it may go away and come back at any time. Make it with :meth:`open`."""

    def __init__(self, session: aiohttp.ClientSession, address: EngineAddress, patience: Patience) -> None:
        self._session = session
        self._address = address
        self._patience = patience
        self._turns = asyncio.Semaphore(AT_ONCE)

    @classmethod
    @asynccontextmanager
    async def open(cls, address: EngineAddress, patience: Patience = PRODUCTION) -> AsyncIterator[Self]:
        """Raises PermanentError for TLS files that cannot be used."""
        async with session_with(address, agent=_AGENT, connect_seconds=patience.connect) as session:
            yield cls(session, address, patience)

    async def get(self, target: str) -> Answer:
        """Raises TemporaryError or PermanentError where there is no answer, or too long a one."""
        async with self._turns:
            with explained(self._address, f"GET {target}"):
                async with asyncio.timeout(self._patience.list), await self._ask(target) as response:
                    return await _read(response, f"GET {target}")

    @asynccontextmanager
    async def follow(self, target: str) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer without end, from its head on, whatever its status."""
        with explained(self._address, f"GET {target}"):
            async with asyncio.timeout(self._patience.answer):
                response = await self._ask(target)
        try:
            yield response
        finally:
            response.close()

    async def refused(self, response: aiohttp.ClientResponse) -> Answer:
        """An answer that should have had no end, and has."""
        with explained(self._address, "GET /events"):
            async with asyncio.timeout(self._patience.answer):
                return await _read(response, "GET /events")

    async def chunk(self, response: aiohttp.ClientResponse) -> bytes:
        """The next bytes of an answer without end; none at its end. Silence has no bound: it is normal."""
        with explained(self._address, "GET /events"):
            return await response.content.readany()

    async def _ask(self, target: str) -> aiohttp.ClientResponse:
        url = URL(f"{self._address.base_url}{target}", encoded=True)
        return await self._session.get(url, allow_redirects=False)


async def _read(response: aiohttp.ClientResponse, asked: str) -> Answer:
    """Raises TemporaryError for one that is longer than `LONGEST_ANSWER`."""
    body = await body_of(response, asked=asked, longest=LONGEST_ANSWER)
    return Answer(response.status, body, response.headers.get("Api-Version", ""))

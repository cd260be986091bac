"""One engine for those who only look: observer plugins. Nothing but GET, and every answer bounded."""

import asyncio
import re
from collections.abc import AsyncIterator

from interlock.core.problems import InterlockError, TemporaryError
from interlock.engines.address import EngineAddress
from interlock.engines.client import EngineClient, Stream
from interlock.engines.patience import PRODUCTION, Patience
from interlock.engines.stream import ObjectSplitter

AT_ONCE = 16
"""Answers of one reader that are under way; the others wait their turn."""
MOST_STREAMS = 500
"""Of one reader: the descriptors that they take are Interlock's own, which its proxies need too."""

_PATH = re.compile(r"/[!-~]*")
"""What stands in a request line as it is: nothing in it ends the line."""


class ApiReader:
    """Reads from one engine, in whichever event loop it is called; each call has a connection of its own."""

    def __init__(self, address: EngineAddress, patience: Patience = PRODUCTION) -> None:
        self._address = address
        self._patience = patience
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._streams = 0

    @property
    def name(self) -> str:
        return self._address.name

    async def get(self, path: str) -> bytes:
        """The body of an answer. Raises TemporaryError: there is none, or not with 200."""
        _refuse_unless_path(path)
        async with self._turns:
            try:
                async with EngineClient.connect(self._address, self._patience) as client:
                    return await client.body(path)
            except InterlockError as error:
                raise TemporaryError(error.what) from error

    async def stream(self, path: str) -> AsyncIterator[bytes]:
        """The JSON objects of an endless answer.

        Raises TemporaryError: there is none, or not with 200; it broke off; or too many are open.
        """
        _refuse_unless_path(path)
        if self._streams >= MOST_STREAMS:
            raise TemporaryError(f"{MOST_STREAMS} streams of engine {self.name} are open", fix="close some first")
        self._streams += 1
        try:
            async with EngineClient.connect(self._address, self._patience) as client, client.follow(path) as answer:
                splitter = ObjectSplitter()
                while data := await self._next(client, answer):
                    for found in splitter.feed(data):
                        yield found
        except InterlockError as error:
            raise TemporaryError(error.what) from error
        finally:
            self._streams -= 1

    async def _next(self, client: EngineClient, answer: Stream) -> bytes:
        """What the answer brings next; while it is silent, the engine is asked whether it still lives."""
        while True:
            try:
                async with asyncio.timeout(self._patience.silence):
                    return await answer.read()
            except TimeoutError:
                await client.ping()


def _refuse_unless_path(path: str) -> None:
    if not _PATH.fullmatch(path):
        raise TemporaryError(
            f"{path!r} is no path of the Docker API", fix="begin with / and quote what a path cannot hold"
        )

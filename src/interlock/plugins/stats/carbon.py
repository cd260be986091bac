"""The one connection to Carbon: made again whenever it breaks, with a bounded queue in front of it."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterable
from typing import NoReturn

import structlog

from interlock.plugins.endpoint import Endpoint

log = structlog.get_logger()

MOST_LINES = 100_000
"""Lines that wait while Carbon is away; newer ones push the oldest out."""
LINES_AT_ONCE = 500
SECONDS = 10.0
"""To connect, or for Carbon to take what it was sent."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds between two tries to connect, doubling."""


class Carbon:
    """Sends lines, in order; those that were under way when a connection broke are sent again."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self._arrived = asyncio.Event()
        self._lost = 0

    def send(self, lines: Iterable[str]) -> None:
        """Never blocks."""
        for line in lines:
            self._lost += len(self._lines) == MOST_LINES
            self._lines.append(line)
        self._arrived.set()

    async def run(self) -> NoReturn:
        """Send until cancelled."""
        pause, is_told = FIRST_PAUSE, False
        while True:
            try:
                async with asyncio.timeout(SECONDS):
                    reader, writer = await asyncio.open_connection(self._endpoint.host, self._endpoint.port)
            except (OSError, TimeoutError) as error:
                if not is_told:
                    why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
                    log.warning(f"[stats] carbon at {self._endpoint} cannot be reached; trying again", reason=why)
                is_told = True
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            log.info(f"[stats] connected to carbon at {self._endpoint}", lost=self._lost)
            pause, is_told, self._lost = FIRST_PAUSE, False, 0
            why = await self._write(reader, writer)
            log.warning(f"[stats] the connection to carbon at {self._endpoint} broke", reason=why)
            await asyncio.sleep(FIRST_PAUSE)

    async def _write(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        """Until it breaks; returns why."""
        try:
            while True:
                await self._next_lines(reader)
                batch = [self._lines.popleft() for _ in range(min(LINES_AT_ONCE, len(self._lines)))]
                try:
                    writer.write("".join(batch).encode())
                    async with asyncio.timeout(SECONDS):
                        await writer.drain()
                except (OSError, TimeoutError):
                    self._lines.extendleft(reversed(batch))
                    raise
        except (OSError, TimeoutError) as error:
            return str(error) or type(error).__name__
        finally:
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(SECONDS):
                    await writer.wait_closed()

    async def _next_lines(self, reader: asyncio.StreamReader) -> None:
        """Until there are lines to send. Carbon says nothing, so whatever is read is the end of the connection.

        Raises ConnectionResetError: it has ended.
        """
        while not self._lines:
            self._arrived.clear()
            await self._arrived.wait()
        if reader.at_eof():
            raise ConnectionResetError("carbon closed it")

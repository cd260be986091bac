"""A Carbon of the test's own: the plaintext receiver, as a real TCP server."""

import asyncio

import pytest

from testbed.ports import free_port


class PaperCarbon:
    """Keeps every line that it is sent."""

    def __init__(self):
        self.port = free_port()
        self.lines = []
        self.connections = 0
        self.reads = True
        self._writers = set()
        self._server = None

    async def open(self):
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port, limit=1 << 22)

    @property
    def open_connections(self):
        return len(self._writers)

    def hang_up(self):
        for writer in tuple(self._writers):
            writer.close()

    async def close(self):
        self.hang_up()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @staticmethod
    async def until(true):
        async with asyncio.timeout(60):
            while not true():  # noqa: ASYNC110 - what it waits for has no event of its own
                await asyncio.sleep(0.005)

    async def _take(self, reader, writer):
        self.connections += 1
        self._writers.add(writer)
        try:
            while self.reads and (line := await reader.readline()):
                if line.endswith(b"\n"):
                    self.lines.append(line.decode().strip())
            if not self.reads:
                await writer.wait_closed()
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()


@pytest.fixture
async def carbon():
    carbon = PaperCarbon()
    yield carbon
    await carbon.close()

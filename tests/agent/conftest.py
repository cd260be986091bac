"""An agent before a fake engine, and a client that may send whatever it likes."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from interlock.agent.doorstep import Doorstep
from interlock.agent.refusals import Refusals
from interlock.agent.upstream import Upstream
from interlock.agent.window import SLOW_SECONDS, Window
from interlock.engines.address import EngineAddress
from interlock.engines.patience import Patience
from interlock.host.listening import Listener
from interlock.host.tasks import Tasks
from interlock.testing import FakeEngine

SECONDS = 30.0


class Reply:
    """A whole answer."""

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        status, *headers = head.decode("latin-1").split("\r\n")
        self.status = int(status.split(" ")[1])
        self.headers = {name.lower(): value for name, _, value in (header.partition(": ") for header in headers)}

    @property
    def document(self):
        return json.loads(self.body)


class Client:
    """Asks on a unix socket, in the very bytes of the test."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def send(self, data: bytes) -> Reply:
        """The answer, read to the end of the connection."""
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_unix_connection(str(self.path))
            writer.write(data)
            answer = await reader.read()
            writer.close()
        return Reply(answer)

    async def ask(self, target: str, *, method: str = "GET", headers: str = "") -> Reply:
        return await self.send(
            f"{method} {target} HTTP/1.1\r\nHost: docker\r\n{headers}Connection: close\r\n\r\n".encode()
        )

    @contextlib.asynccontextmanager
    async def stream(self, target: str) -> AsyncIterator[asyncio.StreamReader]:
        """An answer without end, from behind its head on."""
        reader, writer = await asyncio.open_unix_connection(str(self.path))
        writer.write(f"GET {target} HTTP/1.1\r\nHost: docker\r\n\r\n".encode())
        async with asyncio.timeout(SECONDS):
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            while (await reader.readline()).strip():
                pass
        try:
            yield reader
        finally:
            writer.close()


class Bench:
    """The engine, and who asks its agent."""

    def __init__(self, engine: FakeEngine, client: Client, engine_socket: Path) -> None:
        self.engine, self.client, self.engine_socket = engine, client, engine_socket


@pytest.fixture
def slow_seconds() -> float:
    """How long a client may take nothing; a test may have its own."""
    return SLOW_SECONDS


@pytest.fixture
async def away(tmp_path: Path, slow_seconds: float) -> AsyncIterator[Bench]:
    """An agent whose engine has not been started."""
    engine, socket = FakeEngine(), tmp_path / "engine.sock"
    listener = Listener(tmp_path / "agent.sock")
    refusals = Refusals(asyncio.get_running_loop().time)
    tasks = Tasks("test")
    async with Upstream.open(EngineAddress.parse(f"unix://{socket}"), Patience()) as upstream:
        door = Doorstep(listener.socket, Window(upstream, refusals, slow_seconds=slow_seconds).answer, refusals)
        tasks.start("agent", door.accept())
        yield Bench(engine, Client(listener.path), socket)
        await tasks.stop()
    listener.close()


@pytest.fixture
async def bench(away: Bench) -> AsyncIterator[Bench]:
    async with away.engine.serve_unix(away.engine_socket):
        yield away

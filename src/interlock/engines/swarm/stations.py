"""The addresses at which a swarm's nodes are listened to: given by hand, or found by the swarm's own DNS."""

import asyncio
import socket
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NoReturn

import msgspec
import structlog

from interlock.core.events import Event
from interlock.engines.address import EngineAddress, Kind
from interlock.engines.docker import DockerEngine

log = structlog.get_logger()

TASKS = "tasks."
"""How a name begins that stands for all tasks of a service, each with an address of its own (Docker's DNS)."""
LOOK_UP = 2.0
"""Seconds between two look-ups of such a name, and for which one may take."""
KEPT = 60.0
"""Seconds for which an address is still listened to that the DNS no longer tells."""


class Stations:
    """Who is listened to; those behind a name that begins with ``tasks.`` are found again and again."""

    def __init__(self, addresses: Sequence[EngineAddress], *, make: Callable[[EngineAddress], DockerEngine]) -> None:
        self._make = make
        self._names = [address for address in addresses if _is_name_of_all(address)]
        self._listeners: dict[str, DockerEngine] = {}
        self._running: dict[str, asyncio.Task[NoReturn]] = {}
        self._seen_at: dict[str, float] = {}
        """When the DNS last told of those that it tells of."""
        for number, address in enumerate(address for address in addresses if not _is_name_of_all(address)):
            name = address.name if number == 0 else f"{address.name}-{number + 1}"
            self._listeners[name] = make(msgspec.structs.replace(address, name=name))

    def addresses(self) -> list[EngineAddress]:
        """All that are known now."""
        return [listener.address for listener in self._listeners.values()]

    def listeners(self) -> list[DockerEngine]:
        return list(self._listeners.values())

    def items(self) -> Iterator[tuple[str, DockerEngine]]:
        return iter(list(self._listeners.items()))

    async def find(self) -> None:
        """Look the names up once."""
        for address in self._names:
            for ip in await _looked_up(address):
                name = f"{address.name}-{ip}"
                self._seen_at[name] = asyncio.get_running_loop().time()
                if name not in self._listeners:
                    found = msgspec.structs.replace(address, name=name, host=ip, server_name=address.host)
                    self._listeners[name] = self._make(msgspec.structs.replace(found, url=found.base_url))

    async def run(
        self, tasks: asyncio.TaskGroup, *, heard: Callable[[str, Event], None], gone: Callable[[str], None]
    ) -> NoReturn:
        """Listen until cancelled. `heard` gets what each tells; `gone` the names of those that are dropped."""
        while True:
            await self.find()
            for name, listener in self.items():
                if name not in self._running:
                    self._running[name] = tasks.create_task(listener.run(partial(heard, name)), name=f"node {name}")
            for name in self._overdue():
                log.info(f"node {name} is no longer found, so it is not listened to any more")
                self._running.pop(name).cancel()
                del self._listeners[name], self._seen_at[name]
                gone(name)
            await asyncio.sleep(LOOK_UP)

    def _overdue(self) -> list[str]:
        now = asyncio.get_running_loop().time()
        return [name for name, at in self._seen_at.items() if now - at > KEPT]


def _is_name_of_all(address: EngineAddress) -> bool:
    return address.kind is not Kind.UNIX and address.host.startswith(TASKS)


async def _looked_up(address: EngineAddress) -> list[str]:
    """The IP addresses of a name; none where the DNS does not answer in time."""
    try:
        async with asyncio.timeout(LOOK_UP):
            found = await asyncio.get_running_loop().getaddrinfo(
                address.host, address.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
            )
    except OSError as error:  # a TimeoutError is one
        log.debug(f"cannot look up {address.host}", reason=str(error))
        return []
    return sorted({str(where[0]) for *_, where in found})

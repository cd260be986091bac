"""Watches one engine (or classic Swarm manager, or Podman) and tells what it runs."""

import asyncio
from collections.abc import Callable
from typing import NoReturn

import structlog

from interlock.core.events import Event, Listed, Lost, Placed, Recovered, View
from interlock.core.model import Container
from interlock.core.problems import InterlockError, shown
from interlock.engines.address import EngineAddress
from interlock.engines.census import Census
from interlock.engines.client import EngineClient
from interlock.engines.connection import Connection
from interlock.engines.containers import Kept, inspected_container
from interlock.engines.hold import Hold
from interlock.engines.inspections import AT_ONCE
from interlock.engines.lists import Bell
from interlock.engines.outage import Outage
from interlock.engines.patience import PRODUCTION, Patience
from interlock.engines.standpoint import Surroundings, find_view

log = structlog.get_logger()

LONGEST_URL = 300
"""Characters of an engine's address that the log shows; it is the operator's own."""


class DockerEngine:
    """One engine, watched for ever.

    On each connection: agree on a version, find out where we stand (`Placed`), subscribe to events, and only then list
    everything (`Recovered`, `Listed`); so nothing falls between. Then each event leads to one inspect, of the container
    that it is about (see :class:`Reactions`), and every now and then a list shows whether something was missed (see
    :class:`Lists`). A connection that breaks is `Lost`, once, and made again until the end of time.
    """

    def __init__(
        self,
        address: EngineAddress,
        *,
        kept: Kept,
        override_address: str = "",
        patience: Patience = PRODUCTION,
        surroundings: Surroundings | None = None,
    ) -> None:
        """`override_address` is the operator's word for where published ports are reached."""
        self.address = address
        self._kept = kept
        self._override_address = override_address
        self._patience = patience
        self._surroundings = surroundings or Surroundings()
        self._census = Census(engine=address.name, kept=kept)
        self._bell = Bell()
        self._hold = Hold()
        self._good_until: float | None = None
        """When everything was last known to be known; None before the first list."""

    def reconcile(self) -> None:
        """Have everything listed now; an engine out of reach is listed on its return anyway."""
        self._bell.ring("asked for")

    def confirm(self) -> bool:
        """Believe the list that is held, if there is one and it says so again now; whether there was."""
        return self._hold.confirm()

    async def run(self, emit: Callable[[Event], None]) -> NoReturn:
        """Watch until cancelled. `emit` gets every event in order, and must not block."""
        self._warn_of_insecurity()
        outage = Outage(self._patience, is_near=self.address.is_near)
        clock = asyncio.get_running_loop().time
        is_worth_a_line = True
        while True:
            if is_worth_a_line:
                log.debug(f"connecting to swarm on {shown(self.address.url, length=LONGEST_URL)}")
            error = await self._watch(emit, outage)
            is_first = not outage.is_on
            pause = outage.failed(clock())
            is_worth_a_line = outage.is_worth_a_line(clock())
            if is_worth_a_line:
                log.warning(
                    "error receiving events; attempting to reconnect", engine=self.address.name, reason=str(error)
                )
            if is_first:
                emit(Lost(self.address.name, str(error)))
            await asyncio.sleep(pause)

    async def survey(self) -> tuple[Placed, Recovered, Listed]:
        """Look once, at everything. Raises TemporaryError or PermanentError."""
        self._warn_of_insecurity()
        places = asyncio.Semaphore(AT_ONCE)
        async with EngineClient.connect(self.address, self._patience) as client:

            async def inspect(id_: str) -> Container | None:
                async with places:
                    return await self._inspect(client, id_)

            view = await self._view(client)
            entries = await client.containers()
            found = await asyncio.gather(*(inspect(entry.Id) for entry in entries if not entry.is_on_lost_node))
        containers = sorted((one for one in found if one is not None), key=lambda one: one.id)
        name = self.address.name
        return Placed(view), Recovered(name, client.description), Listed(name, tuple(containers), "asked for")

    async def _watch(self, emit: Callable[[Event], None], outage: Outage) -> InterlockError:
        """One connection, from the first request until it breaks; returns what broke it."""
        clock = asyncio.get_running_loop().time
        try:
            async with EngineClient.connect(self.address, self._patience) as client:
                view = await self._view(client)

                def answered() -> None:
                    if self._good_until is not None:
                        log.debug(f"re-connected to Swarm: {shown(self.address.endpoint)}")
                    outage.ended(clock())
                    emit(Recovered(self.address.name, client.description))

                async with client.events() as stream:
                    emit(Placed(view))
                    connection = Connection(
                        client,
                        stream,
                        census=self._census,
                        view=view,
                        emit=emit,
                        patience=self._patience,
                        bell=self._bell,
                        hold=self._hold,
                    )
                    error = await connection.run(since=self._good_until, answered=answered)
                    self._good_until = connection.good_until or self._good_until
                    return error
        except InterlockError as error:
            return error

    async def _view(self, client: EngineClient) -> View:
        async def inspect(id_: str) -> Container | None:
            return await self._inspect(client, id_)

        return await find_view(
            self.address,
            inspect=inspect,
            is_swarm_manager=client.is_swarm_manager,
            surroundings=self._surroundings,
            override_address=self._override_address,
        )

    async def _inspect(self, client: EngineClient, id_: str) -> Container | None:
        document = await client.inspect(id_)
        return None if document is None else inspected_container(document, engine=self.address.name, kept=self._kept)

    def _warn_of_insecurity(self) -> None:
        if self.address.allow_insecure:
            log.warning(
                f"the certificate of {shown(self.address.endpoint)} is not verified: anybody in between can take over"
            )

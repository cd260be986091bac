"""A whole swarm as one engine: what its managers and its nodes say, told as one story."""

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import NoReturn

import msgspec
import structlog

from interlock.core.events import (
    Changed,
    Event,
    GivenUp,
    Listed,
    Lost,
    Placed,
    Recovered,
    Stopping,
    Survived,
    Vanished,
    View,
)
from interlock.core.problems import InterlockError, TemporaryError
from interlock.engines.address import EngineAddress
from interlock.engines.client import EngineClient
from interlock.engines.containers import Kept
from interlock.engines.docker import DockerEngine
from interlock.engines.hold import Hold
from interlock.engines.patience import PRODUCTION, Patience
from interlock.engines.standpoint import Surroundings
from interlock.engines.swarm.containers import SWARM_LABELS
from interlock.engines.swarm.control import PACE, Control, Look, Pace
from interlock.engines.swarm.join import Join, Snapshot
from interlock.engines.swarm.stations import Stations

log = structlog.get_logger()

NOTICE = 0.8
"""Seconds for which a task that a manager wants no more is taken not to have got its SIGTERM yet.

It comes 1.1 to 3.1 s after a manager tells. Where its node is listened to, the node tells when it does.
"""
OPENING = 3.0
"""Seconds that the first list waits for everybody who shall be listened to."""


MANAGERS = ""
"""Stands for all managers among those who may be silent; no address has that name."""


class SwarmEngine:
    """One swarm, watched for ever; it looks like one engine to everybody else.

    Each address is listened to as an engine of its own (:class:`DockerEngine`), which tells of its node's containers at
    once; and those that are managers are asked for the tasks of all nodes (:class:`Control`). :class:`Join` makes one
    story of it. The swarm is `Lost` when nobody answers at all; what nobody tells of while others still answer is
    `GivenUp` after its time.
    """

    def __init__(
        self,
        addresses: Sequence[EngineAddress],
        *,
        kept: Kept,
        override_address: str = "",
        patience: Patience = PRODUCTION,
        surroundings: Surroundings | None = None,
        pace: Pace = PACE,
        keep_lost: float = math.inf,
    ) -> None:
        """The first address gives the swarm its name. Addresses may be those of managers and of any other nodes.

        `keep_lost` is for how many seconds a container is believed in that nobody tells of any more.
        """
        self.address = addresses[0]
        self._kept = msgspec.structs.replace(kept, label_prefixes=(*kept.label_prefixes, *SWARM_LABELS))
        self._override_address = override_address
        self._patience = patience
        self._surroundings = surroundings
        self._pace = pace
        self._hold = Hold()
        self._stations = Stations(addresses, make=self._listener)
        self._join = Join(engine=self.address.name, kept=self._kept)
        self._control: Control | None = None
        self._views: dict[str, View] = {}
        self._view: View | None = None
        self._live: set[str] = set()
        """Nodes that are listened to, by the names of their addresses."""
        self._silent: set[str] = set()
        """Those that did not answer when they were last tried."""
        self._keep_lost = keep_lost
        self._unheard: dict[str, float] = {}
        """Containers that nobody tells of -> since when."""
        self._is_open = False
        """Whether everything has been told since it was last out of reach."""
        self._is_lost = False
        self._description = ""
        self._listed_at = 0.0
        self._emit: Callable[[Event], None] = lambda _: None

    def reconcile(self) -> None:
        """Have everything asked for now."""
        if self._control is not None:
            self._control.look_again()
        for listener in self._stations.listeners():
            listener.reconcile()

    def confirm(self) -> bool:
        """Believe the lists that are held; whether there were any."""
        held = [self._hold.confirm(), *(listener.confirm() for listener in self._stations.listeners())]
        return any(held)

    async def run(self, emit: Callable[[Event], None]) -> NoReturn:
        """Watch until cancelled. `emit` gets every event in order, and must not block."""
        self._emit = emit
        await self._stations.find()  # before anybody is missed
        self._control = Control(
            self._stations.addresses,
            tell=self._told,
            lost=self._lost,
            patience=self._patience,
            pace=self._pace,
            hold=self._hold,
        )
        asyncio.get_running_loop().call_later(OPENING, self._open)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._control.run(), name="swarm control")
            await self._stations.run(tasks, heard=self._heard, gone=self._gone)
        raise AssertionError("the stations end by being cancelled")

    async def survey(self) -> tuple[Placed, Recovered, Listed]:
        """Look once, at everything. Raises TemporaryError or PermanentError when no manager answers."""
        await self._stations.find()
        snapshot, description = await self._look_once()
        for name, listener in self._stations.items():
            try:
                placed, _, listed = await listener.survey()
            except InterlockError as error:
                log.warning(f"cannot ask {name}; the managers' word counts for its tasks", reason=str(error))
                continue
            self._views[name] = placed.view
            self._join.listed(name, listed.containers, "asked for")
        self._join.managed(snapshot, "asked for")
        listed = next(event for event in self._join.everything("asked for") if isinstance(event, Listed))
        return Placed(self._seen()), Recovered(self.address.name, description), listed

    async def _look_once(self) -> tuple[Snapshot, str]:
        error: InterlockError = TemporaryError("no address of the swarm is known")
        for address in self._stations.addresses():
            try:
                async with EngineClient.connect(address, self._patience) as client:
                    snapshot = await Look(client).at_everything(Snapshot())
                    return snapshot, _described(client.description, snapshot)
            except InterlockError as failure:
                error = failure
        raise error

    def _listener(self, address: EngineAddress) -> DockerEngine:
        return DockerEngine(
            address,
            kept=self._kept,
            override_address=self._override_address,
            patience=self._patience,
            surroundings=self._surroundings,
        )

    def _told(self, snapshot: Snapshot, cause: str, description: str) -> None:
        """A manager said how everything is."""
        self._description = _described(description, snapshot)
        self._tell(self._join.managed(snapshot, cause))
        self._hear_again()

    def _lost(self, error: InterlockError) -> None:
        """No manager answers."""
        if self._join.has_manager:
            log.warning(
                f"[interlock] swarm {self.address.name}: no manager answers; its nodes' word goes on", reason=str(error)
            )
        self._join.manager_lost()
        self._hear_no_more()
        self._silent.add(MANAGERS)
        self._check_reach(str(error))

    def _heard(self, name: str, event: Event) -> None:
        """A node told something."""
        match event:
            case Placed(view=view):
                self._views[name] = view
                self._place()
            case Listed(containers=containers, cause=cause):
                if name not in self._live:  # it is back, and may be a manager: what that says is waited for
                    self._silent.discard(MANAGERS)
                self._live.add(name)
                self._tell(self._join.listed(name, containers, cause))
                self._hear_again()
            case Lost(reason=reason):
                self._live.discard(name)
                self._silent.add(name)
                self._tell(self._join.voice_lost(name, "node lost"))
                self._hear_no_more()
                self._check_reach(reason)
            case Changed() | Stopping() | Survived() | Vanished():
                self._tell(self._join.heard(name, event))
                if self._join.awaited and self._control is not None:
                    self._control.look_again()
            case _:
                pass

    def _gone(self, name: str) -> None:
        """A node is not to be listened to any more."""
        self._live.discard(name)
        self._silent.discard(name)
        self._views.pop(name, None)
        self._tell(self._join.voice_dropped(name, "node left"))
        self._hear_no_more()

    def _hear_no_more(self) -> None:
        """Somebody fell silent, so that of some containers nobody may tell any more."""
        now = asyncio.get_running_loop().time()
        fresh = self._join.unheard() - self._unheard.keys()
        self._unheard |= dict.fromkeys(fresh, now)
        if fresh and self._keep_lost < math.inf:
            asyncio.get_running_loop().call_at(now + self._keep_lost, self._lose_faith)

    def _hear_again(self) -> None:
        """Somebody told everything; those of whom he told are believed in again."""
        if not self._unheard:
            return
        before, unheard = self._overdue(), self._join.unheard()
        self._unheard = {id_: since for id_, since in self._unheard.items() if id_ in unheard}
        if self._is_open and self._overdue() != before:
            self._list("heard again")

    def _overdue(self) -> tuple[str, ...]:
        """Whom nobody has told of for too long."""
        until = asyncio.get_running_loop().time() - self._keep_lost
        return tuple(sorted(id_ for id_, since in self._unheard.items() if since <= until))

    def _lose_faith(self) -> None:
        """The time of some may be over."""
        if self._is_open and (overdue := self._overdue()):
            log.warning(
                f"[interlock] swarm {self.address.name}: neither a manager nor their nodes have told of {len(overdue)} "
                f"containers for {self._keep_lost:g} s; they take no more requests where others can"
            )
            self._give_up()

    def _give_up(self) -> None:
        if overdue := self._overdue():
            self._emit(GivenUp(self.address.name, self._keep_lost, overdue))

    def _tell(self, events: Sequence[Event]) -> None:
        if not self._is_open:
            if self._has_heard_everybody():
                self._open()
            return
        for event in events:
            self._emit(event)
            if isinstance(event, Stopping) and event.is_notice:
                asyncio.get_running_loop().call_later(NOTICE, self._end_notice, event.key.id)
        if asyncio.get_running_loop().time() - self._listed_at >= self._patience.reconcile:
            self._list("reconcile")

    def _end_notice(self, id_: str) -> None:
        self._tell(self._join.notice_over(id_))

    def _has_heard_everybody(self) -> bool:
        names = {name for name, _ in self._stations.items()}
        return names <= self._live | self._silent and (self._join.has_manager or MANAGERS in self._silent)

    def _open(self) -> None:
        """Tell everything, once somebody has told us something."""
        if self._is_open or not (self._join.has_manager or self._live):
            return
        self._is_open, self._is_lost = True, False
        self._place()
        self._emit(Recovered(self.address.name, self._description or f"{len(self._live)} nodes of a swarm"))
        self._list("connected")

    def _list(self, cause: str) -> None:
        self._listed_at = asyncio.get_running_loop().time()
        for event in self._join.everything(cause):
            self._emit(event)
        self._give_up()

    def _check_reach(self, reason: str) -> None:
        """The swarm is out of reach when nobody tells anything any more."""
        if self._join.has_manager or self._live:
            if self._has_heard_everybody():
                self._open()
            return
        self._is_open = False
        if not self._is_lost and self._has_heard_everybody():
            self._is_lost = True
            self._emit(Lost(self.address.name, reason))

    def _place(self) -> None:
        view = self._seen()
        if view != self._view:
            self._view = view
            self._emit(Placed(view))

    def _seen(self) -> View:
        """Where we stand. The containers live on many hosts, so that ours is near to none of the others'."""
        own = [view for _, view in sorted(self._views.items()) if view.own_container]
        return View(
            engine=self.address.name,
            own_container=own[0].own_container if own else "",
            own_networks=own[0].own_networks if own else frozenset(),
            node_address=self.address.host,
            override_address=self._override_address,
        )


def _described(description: str, snapshot: Snapshot) -> str:
    count = len(snapshot.nodes)
    return f"{description}, swarm of {count} node{'' if count == 1 else 's'}"

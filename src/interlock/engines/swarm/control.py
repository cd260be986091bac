"""Asks a swarm's managers how everything is, again and again: they have no event for a task that starts or ends.

One manager at a time; when it no longer answers, the next one is asked. Each of them answers for the whole swarm.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import NoReturn
from urllib.parse import quote

import msgspec
import structlog

from interlock.core.problems import InterlockError, TemporaryError
from interlock.engines.address import EngineAddress
from interlock.engines.client import EngineClient, Stream
from interlock.engines.hold import Hold
from interlock.engines.outage import Outage
from interlock.engines.patience import Patience
from interlock.engines.stream import ObjectSplitter
from interlock.engines.swarm.documents import Task, decode_nodes, decode_services, decode_tasks
from interlock.engines.swarm.join import Snapshot, changed

log = structlog.get_logger()

MOST_IDS = 50
"""Tasks that one request asks for by their ids."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How often the managers are asked. All in seconds."""

    quick: float = 0.25
    """Between two looks at the tasks while something goes on."""
    calm: float = 0.5
    """The same while nothing does."""
    lively: float = 10.0
    """For how long something is taken to go on after an event of a service or a node, or a change of a task."""
    share: float = 10.0
    """The pause is at least so many times what the last look took, so that a large swarm is no burden."""
    longest: float = 5.0
    """The pause is never longer, whatever the last look took: one that was slow once says little about the next."""
    rest: float = 5.0
    """Between two looks at services and nodes that no event asked for."""


PACE = Pace()


class Control:
    """Follows whichever manager answers, for ever."""

    def __init__(
        self,
        candidates: Callable[[], Sequence[EngineAddress]],
        *,
        tell: Callable[[Snapshot, str, str], None],
        lost: Callable[[InterlockError], None],
        patience: Patience,
        pace: Pace,
        hold: Hold,
    ) -> None:
        """`tell` gets what is otherwise, with its cause and what answered; `lost` is told when nobody answers."""
        self._candidates = candidates
        self._tell = tell
        self._lost = lost
        self._patience = patience
        self._pace = pace
        self._hold = hold
        self._clock = asyncio.get_running_loop().time
        self._snapshot = Snapshot()
        self._failed = ""
        """URL of the manager that failed last; the others come before it."""
        self._has_answered = False
        self._is_asked = False
        self._pause: asyncio.Timeout | None = None
        """The one under way before the next look."""
        self._rested_at = 0.0
        """When a look is no burden any more, whoever asks for it."""

    def look_again(self) -> None:
        """Have everything asked for as soon as that is no burden."""
        self._is_asked = True
        if self._pause is not None and not self._pause.expired():
            self._pause.reschedule(max(self._rested_at, self._clock()))

    async def run(self) -> NoReturn:
        """Never returns."""
        outage = Outage(self._patience, is_near=False)
        while True:
            error: InterlockError = TemporaryError("no address of the swarm is known")
            self._has_answered = False
            for address in sorted(self._candidates(), key=lambda one: (one.url == self._failed, one.url)):
                error = await self._follow(address, outage)
                self._failed = address.url
                if self._has_answered:
                    break
            pause = outage.failed(self._clock())
            if not self._has_answered:
                if outage.is_worth_a_line(self._clock()):
                    log.warning("no manager of the swarm answers; trying again", reason=str(error))
                self._lost(error)
            await asyncio.sleep(pause)

    async def _follow(self, address: EngineAddress, outage: Outage) -> InterlockError:
        """One manager until it fails, in whatever way; returns how."""
        try:
            async with EngineClient.connect(address, self._patience) as client, client.follow(_EVENTS) as stream:
                look = Look(client)
                self._snapshot = await self._believed(look)
                outage.ended(self._clock())
                self._has_answered = True
                self._tell(self._snapshot, "connected", client.description)
                await self._watch(look, stream, client.description)
        except InterlockError as error:
            return error

    async def _believed(self, look: "Look") -> Snapshot:
        """The first look at a manager; if half of what ran is gone it is held until another one says the same."""
        snapshot = await look.at_everything(self._snapshot)
        if _running(snapshot) * 2 >= _running(self._snapshot):
            return snapshot
        log.warning("a manager tells of less than half of the tasks that ran; it is asked again before it is believed")
        await self._hold.last(self._patience.hold)
        return await look.at_everything(self._snapshot)

    async def _watch(self, look: "Look", stream: Stream, description: str) -> NoReturn:
        """Raises TemporaryError or PermanentError when the manager fails."""
        splitter = ObjectSplitter()
        lively_until, rested_until = self._clock() + self._pace.lively, self._clock() + self._pace.rest
        burden = 0.0
        while True:
            pause = self._pace.quick if self._clock() < lively_until else self._pace.calm
            data = await self._read(stream, burden if self._is_asked else max(pause, burden))
            is_news = bool(data and splitter.feed(data))
            began = self._clock()
            is_due = is_news or self._is_asked or began >= rested_until
            self._is_asked = False  # who asks from now on may mean what is too late for this look
            snapshot = await (look.at_everything if is_due else look.at_tasks)(self._snapshot)
            burden = min((self._clock() - began) * self._pace.share, self._pace.longest)
            self._rested_at = self._clock() + burden
            if is_due:
                rested_until = self._clock() + self._pace.rest
            is_otherwise = _is_otherwise(self._snapshot, snapshot)
            if is_news or is_otherwise:
                lively_until = self._clock() + self._pace.lively
            self._snapshot = snapshot
            if is_due or is_otherwise:
                self._tell(snapshot, "task" if is_otherwise else "reconcile", description)

    async def _read(self, stream: Stream, seconds: float) -> bytes:
        """What the stream brings within so many seconds, or until somebody wants a look.

        Raises TemporaryError when it ends.
        """
        try:
            async with asyncio.timeout(seconds) as self._pause:
                data = await stream.read()
        except TimeoutError:
            return b""
        finally:
            self._pause = None
        if not data:
            raise TemporaryError("the manager ended the event stream")
        return data


class Look:
    """One manager, asked."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client

    async def at_everything(self, before: Snapshot) -> Snapshot:
        """Services, nodes and tasks. Raises TemporaryError or PermanentError."""
        services = decode_services(await self._client.body("/services"))
        nodes = decode_nodes(await self._client.body("/nodes"))
        known = Snapshot({one.ID: one for one in services}, {one.ID: one for one in nodes}, before.tasks)
        return await self.at_tasks(known)

    async def at_tasks(self, before: Snapshot) -> Snapshot:
        """Tasks; and the services again, if one of theirs is new. Raises TemporaryError or PermanentError.

        Only those that shall run are asked for, without their history; those that no longer shall, one by one.
        """
        wanted = await self._tasks("desired-state", ["running"])
        there = {task.ID for task in wanted}
        leaving = sorted(task.ID for task in before.tasks.values() if task.ID not in there)
        for first in range(0, len(leaving), MOST_IDS):
            wanted += await self._tasks("id", leaving[first : first + MOST_IDS])
        tasks = {task.container_id: task for task in wanted if task.container_id and task.is_running}
        if all(task.ServiceID in before.services for task in tasks.values()):
            return Snapshot(before.services, before.nodes, tasks)
        services = decode_services(await self._client.body("/services"))
        return Snapshot({one.ID: one for one in services}, before.nodes, tasks)

    async def _tasks(self, key: str, values: Sequence[str]) -> list[Task]:
        return decode_tasks(await self._client.body(f"/tasks?filters={_filters({key: values})}"))


def _filters(filters: dict[str, Sequence[str]]) -> str:
    return quote(json.dumps(filters, separators=(",", ":")), safe="")


_EVENTS = f"/events?filters={_filters({'type': ['service', 'node']})}"


def _running(snapshot: Snapshot) -> int:
    return sum(task.is_wanted for task in snapshot.tasks.values())


def _is_otherwise(before: Snapshot, now: Snapshot) -> bool:
    is_same = not changed(before.tasks, now.tasks) and not changed(before.services, now.services)
    return not is_same or bool(changed(before.nodes, now.nodes))

"""What follows from an event: what is said at once, and who is looked at."""

import asyncio
import logging
from collections.abc import Callable

import msgspec
import structlog

from interlock.core.events import Changed, Event, Placed, Stopping, Survived, Vanished, View
from interlock.core.model import Container, ContainerKey, Phase
from interlock.core.problems import shown
from interlock.engines.census import Census, Record
from interlock.engines.client import EngineClient
from interlock.engines.containers import inspected_container
from interlock.engines.inspections import Inspections, Outcome
from interlock.engines.notices import Meaning, Notice
from interlock.engines.patience import Patience
from interlock.engines.signals import ends_container
from interlock.engines.standpoint import moved

log = structlog.get_logger()

DEFAULT_STOP_TIMEOUT = 10
"""Seconds that `docker stop` waits for a container that does not say otherwise."""


class Reactions:
    """Hears events, looks at the containers that they speak of, and tells what has become of those.

    An event only says "look again", with one exception: what is told to end, or ended, takes no new request from that
    moment on. `Stopping` is said before any inspect, said again if an inspect still shows that run of the container as
    up, and taken back by `Survived` if it stays up.
    """

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        *,
        client: EngineClient,
        census: Census,
        view: View,
        emit: Callable[[Event], None],
        patience: Patience,
        list_again: Callable[[str], None],
    ) -> None:
        """`list_again` asks for a list of everything, with its cause."""
        self.last_end = float("-inf")
        """When a container was last heard to end; a list soon after may not know it yet."""
        self.unexplained: set[str] = set()
        """Containers that a list showed to have started or ended without a word from the stream."""
        self._client = client
        self._census = census
        self._view = view
        self._emit = emit
        self._patience = patience
        self._list_again = list_again
        self._clock = asyncio.get_running_loop().time
        self._inspections = Inspections(tasks, inspect=self.inspect, report=self._learned, patience=patience)
        self._tasks = tasks
        self._doubts: dict[str, asyncio.Task[None]] = {}
        self._newcomers: dict[str, asyncio.Task[None]] = {}
        """Containers that were created, until they are looked at."""
        self._silently: set[str] = set()
        """Containers that are looked at for a list only: the list tells what was found."""
        for id_, record in census:
            if record.is_ending:  # in the connection before this one; whether it did end must be found out again
                record.is_in_doubt = True
                self._doubt_later(id_, record)

    async def inspect(self, id_: str) -> Container | None:
        document = await self._client.inspect(id_)
        if document is None:
            return None
        return inspected_container(document, engine=self._census.engine, kept=self._census.kept)

    def heard(self, notice: Notice) -> None:
        """Take in one event."""
        _narrate(notice)
        self.unexplained.discard(notice.container)
        self._census.said(notice.container, notice.at)
        match notice.meaning:
            case Meaning.CREATED:
                self._created(notice)
            case Meaning.STARTED:
                self._started(notice)
            case Meaning.SIGNALLED:
                self._signalled(notice)
            case Meaning.DIED:
                self._died(notice)
            case Meaning.STOPPED:
                self._stopped(notice)
            case Meaning.CHANGED:
                self._mark(notice)
            case Meaning.REWIRED:
                self._rewired(notice)
            case Meaning.REMOVED:
                self._removed(notice)
            case Meaning.NODES_CHANGED:
                self._list_again(notice.action)

    async def look_silently(self, ids: list[str], cause: str) -> None:
        """Look at containers for a list, and wait for what is worth waiting for; until `list_told`, say nothing."""
        for id_ in ids:
            if not self._inspections.is_busy(id_):
                self._silently.add(id_)
            record = self._census.record(id_)
            record.is_in_doubt = True
            record.said_at = 0.0
            self._inspections.mark(id_, cause)
        await self._inspections.first_outcomes(ids)

    def lost(self, id_: str) -> None:
        """A container's node is out of the manager's reach: it counts as dead, and nobody can be asked about it."""
        self._inspections.drop(id_)
        record = self._census.get(id_)
        if record is not None and record.container is not None:
            record.container = msgspec.structs.replace(record.container, phase=Phase.DEAD)

    def forget(self, id_: str) -> bool:
        """Let go of all that is known of a container; whether there was anything."""
        self._inspections.drop(id_)
        self._settle_doubt(id_)
        self._is_no_newcomer(id_)
        return self._census.forget(id_) is not None

    def list_told(self) -> None:
        """A list was emitted. What is told to end is said again, since only now the core may know the container."""
        self._silently.clear()
        for id_, record in self._census:
            if record.container is not None and record.ends_with(record.container):
                self._say_stopping(id_, record, "told to end before it was listed")

    def _mark(self, notice: Notice) -> None:
        self._is_no_newcomer(notice.container)
        record = self._census.record(notice.container)
        record.heard_at = self._clock()
        record.said_at = notice.at
        record.is_in_doubt = True
        self._silently.discard(notice.container)
        self._inspections.mark(notice.container, notice.action)

    def _created(self, notice: Notice) -> None:
        """Nothing runs yet; but a list that was asked for before this moment does not know the container.

        Its start, which mostly follows at once, will be looked at. One that never starts (its port is taken, say) is
        looked at a little later, so that somebody who asks for it is not told that it does not exist.
        """
        self._census.record(notice.container).heard_at = self._clock()
        look = self._look_if_idle(notice)
        self._newcomers[notice.container] = self._tasks.create_task(look, name=f"newcomer {notice.container[:12]}")

    async def _look_if_idle(self, notice: Notice) -> None:
        await asyncio.sleep(self._patience.idle)
        del self._newcomers[notice.container]
        self._mark(notice)

    def _is_no_newcomer(self, id_: str) -> None:
        waiting = self._newcomers.pop(id_, None)
        if waiting is not None:
            waiting.cancel()

    def _started(self, notice: Notice) -> None:
        record = self._census.record(notice.container)
        record.is_ending = record.has_died = False
        self._settle_doubt(notice.container)
        self._mark(notice)

    def _signalled(self, notice: Notice) -> None:
        record = self._census.record(notice.container)
        record.heard_at = self._clock()
        if ends_container(notice.signal, record.container.stop_signal if record.container else "SIGTERM"):
            self._ending(notice, record)

    def _died(self, notice: Notice) -> None:
        self.last_end = self._clock()
        record = self._census.record(notice.container)
        record.has_died = True
        if not self._is_known_to_be_down(notice.container, record):
            self._ending(notice, record)
            self._mark(notice)

    def _stopped(self, notice: Notice) -> None:
        """Engine 20.10 says it after ``die``, when it is no news; engine 29 before."""
        self.last_end = self._clock()
        record = self._census.record(notice.container)
        if not record.has_died and not self._is_known_to_be_down(notice.container, record):
            self._mark(notice)

    def _removed(self, notice: Notice) -> None:
        if self.forget(notice.container):
            self._emit(Vanished(self._key(notice.container), notice.action, notice.at))

    def _rewired(self, notice: Notice) -> None:
        """A network was connected or disconnected, which changes addresses, and may change published ports.

        Only of a container that runs: around its start and its end the engine connects and disconnects by itself, and
        an inspect in between would be blocked until the start has ended (engine 20.10).
        """
        record = self._census.get(notice.container)
        if record is not None and record.is_up:
            self._mark(notice)

    def _ending(self, notice: Notice, record: Record) -> None:
        container = record.container
        is_certain = container is not None and container.is_up and not record.is_in_doubt
        record.heard_at = self._clock()
        record.is_ending = True
        record.ending_run = container.started_at if container is not None and is_certain else ""
        self._doubt_later(notice.container, record)
        self._say_stopping(notice.container, record, notice.action)

    def _say_stopping(self, id_: str, record: Record, cause: str) -> None:
        record.announced_run = record.container.started_at if record.container is not None else ""
        self._emit(Stopping(self._key(id_), cause, record.said_at))

    def _doubt_later(self, id_: str, record: Record) -> None:
        """See to it that somebody looks, should it still run well after it was told to end. The first call counts."""
        timeout = record.container.stop_timeout if record.container is not None else DEFAULT_STOP_TIMEOUT
        if id_ not in self._doubts and timeout >= 0:  # -1 means: wait for ever
            doubt = self._doubt(id_, after=timeout + self._patience.survive)
            self._doubts[id_] = self._tasks.create_task(doubt, name=f"doubt {id_[:12]}")

    async def _doubt(self, id_: str, *, after: float) -> None:
        await asyncio.sleep(after)
        del self._doubts[id_]
        record = self._census.get(id_)
        if record is not None and record.is_ending:
            record.is_ending = False
            record.is_in_doubt = True
            record.said_at = 0.0
            self._inspections.mark(id_, "still there long after it was told to end")

    def _settle_doubt(self, id_: str) -> None:
        doubt = self._doubts.pop(id_, None)
        if doubt is not None:
            doubt.cancel()

    def _learned(self, outcome: Outcome) -> None:
        """Tell what an inspect found."""
        container = outcome.container
        if container is None:
            if self.forget(outcome.id):
                self._emit(Vanished(self._key(outcome.id), outcome.cause))
            return
        record = self._census.record(outcome.id)
        differs, record.container = record.container != container, container
        record.is_in_doubt = not outcome.is_final
        if differs:
            record.agreed = None
            self._look_around(container)
        if record.ends_with(container):
            self._tell(record, differs=differs, cause=outcome.cause)
            self._say_stopping(outcome.id, record, outcome.cause)
            return
        record.is_ending = False
        self._settle_doubt(outcome.id)
        survived = container.is_up and record.announced_run == container.started_at
        record.announced_run = ""
        if survived:
            self._emit(Survived(container.key, outcome.cause, record.said_at))
        self._tell(record, differs=differs or survived, cause=outcome.cause)

    def _tell(self, record: Record, *, differs: bool, cause: str) -> None:
        if differs and record.container is not None and record.container.id not in self._silently:
            self._emit(Changed(record.container, cause, record.said_at))

    def _look_around(self, container: Container) -> None:
        """Our own container is on other networks now: other containers have become near, or far."""
        if container.id != self._view.own_container:
            return
        view = moved(self._view, container, is_swarm_manager=self._client.is_swarm_manager)
        if view != self._view:
            self._view = view
            self._emit(Placed(view))

    def _is_known_to_be_down(self, id_: str, record: Record) -> bool:
        is_down = record.container is not None and not record.container.is_up
        return is_down and not self._inspections.is_busy(id_)

    def _key(self, id_: str) -> ContainerKey:
        return ContainerKey(self._census.engine, id_)


def _narrate(notice: Notice) -> None:
    """Not even put together unless somebody reads it: there are thousands a second in a bad minute."""
    if log.is_enabled_for(logging.DEBUG):
        log.debug(
            f"[interlock] event: date={notice.time} type={notice.action} image={shown(notice.image)}"
            f" container={shown(notice.container)}"
        )

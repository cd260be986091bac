"""Lists of everything: when they are due, when they are believed, and what they tell."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import NamedTuple, NoReturn

import structlog

from interlock.core.events import Event, Held, Listed
from interlock.core.problems import PermanentError, TemporaryError
from interlock.engines.census import Census, Record, Verdict
from interlock.engines.client import EngineClient
from interlock.engines.documents import AT_A_STRETCH, Entry
from interlock.engines.hold import Hold
from interlock.engines.patience import Patience
from interlock.engines.reactions import Reactions

log = structlog.get_logger()

_PENDING = "Pending"
"""Status of a node that a classic Swarm manager has not reached yet."""

_POLL = 0.2
"""Seconds between two looks at a classic Swarm manager that still looks for its nodes."""


class Bell:
    """Rings when a list is wanted, with the reason; several rings are one."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._cause = ""

    def ring(self, cause: str) -> None:
        self._cause = cause
        self._rung.set()

    async def heard(self, *, within: float) -> str | None:
        """The cause of the last ring; None when nobody rang `within` so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(within, 0)):
                await self._rung.wait()
        if not self._rung.is_set():
            return None
        self._rung.clear()
        return self._cause


class _Answer(NamedTuple):
    entries: list[Entry]
    asked_at: float


class Lists:
    """Takes lists: at the beginning, when asked, and every now and then.

    A list costs one request; only containers that are new or look different are inspected. What events said since the
    list was asked for beats the list.
    """

    def __init__(
        self,
        *,
        client: EngineClient,
        census: Census,
        reactions: Reactions,
        emit: Callable[[Event], None],
        patience: Patience,
        bell: Bell,
        hold: Hold,
    ) -> None:
        self._client = client
        self._census = census
        self._reactions = reactions
        self._emit = emit
        self._patience = patience
        self._bell = bell
        self._hold = hold
        self._clock = asyncio.get_running_loop().time

    async def run(self, *, since: float | None, answered: Callable[[], None], told: Callable[[], None]) -> NoReturn:
        """Take the first list, call `answered` once it is in hand and `told` after `Listed`, and keep on.

        `since` is when everything was last known; None when nothing ever was.

        Raises TemporaryError when the first list fails, or when the stream proves to be deaf.
        """
        await self._first(since, answered)
        told()
        recheck: float | None = self._patience.recheck  # a container may have died just before
        while True:
            cause = await self._bell.heard(within=self._patience.reconcile if recheck is None else recheck)
            if cause is None and recheck is not None:
                self._refuse_deafness()
                await self._list("verified")
                recheck = None
            else:
                self._reactions.unexplained |= await self._list(cause or "reconcile")
                recheck = self._patience.recheck if self._reactions.unexplained or self._may_lie() else None

    async def _first(self, since: float | None, answered: Callable[[], None]) -> None:
        """The list that a connection begins with; it is let go afterwards, since of 10,000 containers it is 40 MB."""
        answer = await self._believed(is_first=True)
        answered()
        await self._tell(answer, "connected", gap=None if since is None else self._clock() - since)

    async def _list(self, cause: str) -> set[str]:
        """List, as often as it takes: events are followed meanwhile. Returns the surprises in it."""
        failures = 0
        while True:
            try:
                return await self._tell(await self._believed(is_first=False), cause, gap=None)
            except TemporaryError as error:
                failures += 1
                if failures == 1:
                    log.warning("cannot list containers; trying again", engine=self._census.engine, reason=str(error))
            await asyncio.sleep(self._patience.pause(failures, longest=self._patience.lazy_pause))

    async def _believed(self, *, is_first: bool) -> _Answer:
        """A list that may be acted on: one that lost half of what runs is held until a second one says the same.

        A classic Swarm manager that has just started answers with an empty list for some 80 ms, and with a partial one
        until it has reached every node.
        """
        if is_first and self._client.is_swarm_manager:
            await self._until_nodes_are_known()
        answer = await self._asked()
        running = sum(entry.is_up for entry in answer.entries)
        if running * 2 >= self._census.running:
            return answer
        await self._held(running)
        if self._client.is_swarm_manager:
            await self._until_nodes_are_known()
        return await self._asked()

    async def _held(self, running: int) -> None:
        name, seconds = self._census.engine, self._patience.hold
        what = f"the list has {running} of the {self._census.running} containers that ran"
        log.warning(
            f"engine {name}: {what}; it is believed once a second one says so, after {seconds:g} s "
            "or `interlock confirm`"
        )
        self._emit(Held(name, what))
        await self._hold.last(seconds)

    async def _asked(self) -> _Answer:
        asked_at = self._clock()
        return _Answer(await self._client.containers(), asked_at)

    async def _until_nodes_are_known(self) -> None:
        """Wait until a classic Swarm manager knows of each node whether it is healthy, but not for ever."""
        try:
            async with asyncio.timeout(self._patience.settle):
                while not (nodes := await self._client.swarm_nodes()) or _PENDING in nodes:  # noqa: ASYNC110 - no event tells
                    await asyncio.sleep(_POLL)
        except TimeoutError:
            log.warning("the Swarm manager still looks for nodes; going on with those that it has found")
        except PermanentError as error:
            log.debug("cannot ask the Swarm manager for its nodes", reason=str(error))

    async def _tell(self, answer: _Answer, cause: str, *, gap: float | None) -> set[str]:
        """Find out what is new, tell everything, and return the containers that started or ended unheard."""
        looks = await self._compared(answer.entries, gap=gap)
        before = {entry.Id: _run(self._census.get(entry.Id)) for entry in looks}
        surprises = self._dropped(answer)
        await self._reactions.look_silently([entry.Id for entry in looks], cause)
        for entry in looks:
            record = self._census.get(entry.Id)
            if record is not None and not record.is_in_doubt and not _heard(record, answer.asked_at):
                self._census.agree(entry)
                if _run(record) != before[entry.Id] and not _heard(record, answer.asked_at - self._patience.stale):
                    surprises.add(entry.Id)
        self._emit(Listed(self._census.engine, self._census.containers(), cause))
        self._reactions.list_told()
        return set() if self._client.is_swarm_manager and cause.startswith("engine_") else surprises

    async def _compared(self, entries: list[Entry], *, gap: float | None) -> list[Entry]:
        """The entries that ask for an inspect."""
        looks: list[Entry] = []
        for position, entry in enumerate(entries, start=1):
            entry.Labels = self._census.kept.labels(entry.Labels or {})  # the others of 10,000 containers are 30 MB
            match self._census.compare(entry, gap=gap):
                case Verdict.LOOK:
                    looks.append(entry)
                case Verdict.LOST:
                    self._reactions.lost(entry.Id)
                case Verdict.SAME:
                    pass
            if position % AT_A_STRETCH == 0:
                await asyncio.sleep(0)
        return looks

    def _dropped(self, answer: _Answer) -> set[str]:
        """Let go of whom the list does not name. Returns those that no event had spoken of lately."""
        named = {entry.Id for entry in answer.entries}
        unheard: set[str] = set()
        for id_, record in self._census:
            if id_ in named or _heard(record, answer.asked_at):
                continue
            if not _heard(record, answer.asked_at - self._patience.stale):
                unheard.add(id_)
            self._reactions.forget(id_)
        return unheard

    def _may_lie(self) -> bool:
        """Whether a container ended so shortly ago that the list may not know it (engine 20.10)."""
        return self._clock() - self._reactions.last_end < self._patience.stale

    def _refuse_deafness(self) -> None:
        """Raise TemporaryError when a list showed what the stream has not told by now."""
        if self._reactions.unexplained:
            ids = ", ".join(sorted(id_[:12] for id_ in self._reactions.unexplained)[:3])
            raise TemporaryError(f"the event stream is deaf: a list shows news of {ids} that it did not tell")


def _run(record: Record | None) -> tuple[bool, str] | None:
    """Which run of a container is up; events of every engine tell when that changes."""
    if record is None or record.container is None:
        return None
    return (record.container.is_up, record.container.started_at)


def _heard(record: Record, since: float) -> bool:
    return record.heard_at is not None and record.heard_at >= since

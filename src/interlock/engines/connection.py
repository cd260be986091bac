"""One connection to an engine, from the open event stream until it breaks."""

import asyncio
from collections.abc import Callable
from typing import NoReturn

import structlog

from interlock.core.events import Event, View
from interlock.core.problems import InterlockError
from interlock.engines.census import Census
from interlock.engines.client import EngineClient, EventStream
from interlock.engines.hold import Hold
from interlock.engines.lists import Bell, Lists
from interlock.engines.notices import read_notice
from interlock.engines.patience import Patience
from interlock.engines.reactions import Reactions
from interlock.engines.stream import ObjectSplitter

log = structlog.get_logger()


class Connection:
    """Reads events and takes lists side by side; what breaks one ends both."""

    def __init__(
        self,
        client: EngineClient,
        stream: EventStream,
        *,
        census: Census,
        view: View,
        emit: Callable[[Event], None],
        patience: Patience,
        bell: Bell,
        hold: Hold,
    ) -> None:
        self.good_until: float | None = None
        """When everything was last known to be known; None before the first list."""
        self._client = client
        self._stream = stream
        self._census = census
        self._view = view
        self._emit = emit
        self._patience = patience
        self._bell = bell
        self._hold = hold
        self._clock = asyncio.get_running_loop().time

    async def run(self, *, since: float | None, answered: Callable[[], None]) -> InterlockError:
        """Follow the engine until something breaks, and return what.

        `since` is when everything was last known; `answered` is called once a list is in hand.
        """
        broken: list[Exception] = []
        before = _cancellations()
        try:
            async with asyncio.TaskGroup() as tasks:
                reactions = Reactions(
                    tasks,
                    client=self._client,
                    census=self._census,
                    view=self._view,
                    emit=self._emit,
                    patience=self._patience,
                    list_again=self._bell.ring,
                )
                lists = Lists(
                    client=self._client,
                    census=self._census,
                    reactions=reactions,
                    emit=self._emit,
                    patience=self._patience,
                    bell=self._bell,
                    hold=self._hold,
                )
                tasks.create_task(self._read(reactions), name="events")
                # Awaited here, not in a task: Python 3.11 counts a cancellation too many if an error finds nobody here.
                await lists.run(since=since, answered=answered, told=self._told)
        except* InterlockError as group:
            broken += group.exceptions
        if _cancellations() > before:  # which a task group forgets, before Python 3.13, if there is an error too
            raise asyncio.CancelledError
        return next(error for error in broken if isinstance(error, InterlockError))

    def _told(self) -> None:
        self.good_until = self._clock()

    async def _read(self, reactions: Reactions) -> NoReturn:
        """Hand every event to the reactions. A silent stream is put to the test; one that fails it is broken."""
        splitter = ObjectSplitter()
        is_clean = True
        while True:
            data = await self._data()
            if self.good_until is not None:
                self.good_until = self._clock()
            unreadable = sum(not _hear(reactions, thing) for thing in splitter.feed(data))
            if is_clean and (unreadable or splitter.skipped):
                is_clean = False
                log.warning("the event stream holds what is no event; it is skipped", engine=self._census.engine)

    async def _data(self) -> bytes:
        """What the stream brings next; nothing, if it is silent but the engine lives."""
        try:
            async with asyncio.timeout(self._patience.silence):
                return await self._stream.read()
        except TimeoutError:
            await self._client.ping()
            return b""


def _cancellations() -> int:
    """How often this task was told to end."""
    task = asyncio.current_task()
    return task.cancelling() if task is not None else 0


def _hear(reactions: Reactions, thing: bytes) -> bool:
    """Whether it was an event, of whatever meaning."""
    try:
        notice = read_notice(thing)
    except ValueError:
        return False
    if notice is not None:
        reactions.heard(notice)
    return True

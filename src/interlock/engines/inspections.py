"""Inspects: at most one under way for each container, and only a few at once."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import NamedTuple

import structlog

from interlock.core.model import Container
from interlock.core.problems import TemporaryError, shown
from interlock.engines.patience import Patience

log = structlog.get_logger()

AT_ONCE = 8
"""Inspects under way at the same time, slow ones not counted."""


class Outcome(NamedTuple):
    """What a look at a container found."""

    id: str
    container: Container | None
    """None: it does not exist."""
    cause: str
    is_final: bool
    """Whether nothing was heard of it since the inspect began; else another look follows."""


class _Look:
    """One container's turn to be looked at."""

    def __init__(self, cause: str) -> None:
        self.cause = cause
        self.again = asyncio.Event()
        """Set while something has been heard since the inspect under way began."""
        self.first_done = asyncio.Event()
        """Set once the first attempt has an outcome, or takes so long that nobody should wait for it."""
        self.moot = asyncio.Event()
        """Set when the container is gone, so that the outcome is of no interest."""


class Inspections:
    """Looks at containers that something was heard of, as often as needed and no oftener.

    What is heard while an inspect is under way leads to one more after it. Several containers are looked at in
    parallel. One whose inspect fails for the moment is tried again with growing pauses; one whose inspect hangs gives
    up its place among the few, so that neither holds up the others.
    """

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        *,
        inspect: Callable[[str], Awaitable[Container | None]],
        report: Callable[[Outcome], None],
        patience: Patience,
    ) -> None:
        self._tasks = tasks
        self._inspect = inspect
        self._report = report
        self._patience = patience
        self._looks: dict[str, _Look] = {}
        self._failing: set[str] = set()
        self._places = asyncio.Semaphore(AT_ONCE)

    def mark(self, id_: str, cause: str) -> None:
        """Have a look at a container as soon as possible."""
        look = self._looks.get(id_)
        if look is None:
            self._looks[id_] = look = _Look(cause)
            self._tasks.create_task(self._look(id_, look), name=f"inspect {id_[:12]}")
        else:
            look.cause = cause
            look.again.set()

    def drop(self, id_: str) -> None:
        """The container is gone: whatever is under way about it is of no interest."""
        self._failing.discard(id_)
        look = self._looks.pop(id_, None)
        if look is not None:
            for event in (look.moot, look.again, look.first_done):
                event.set()

    def is_busy(self, id_: str) -> bool:
        """Whether a look at it is under way or to come."""
        return id_ in self._looks

    async def first_outcomes(self, ids: Iterable[str]) -> None:
        """Wait until each of these has been looked at once, or has shown that it is not worth waiting for."""
        for look in [self._looks[id_] for id_ in ids if id_ in self._looks]:
            await look.first_done.wait()

    async def _look(self, id_: str, look: _Look) -> None:
        failures = 0
        while not look.moot.is_set():
            look.again.clear()
            cause = look.cause
            try:
                async with self._place(look):
                    container = await self._inspect(id_)
            except TemporaryError as error:
                failures += 1
                self._complain(id_, error)
                look.first_done.set()
                await self._rest(look, failures)
                continue
            failures = 0
            self._failing.discard(id_)
            self._done(id_, look, Outcome(id_, container, cause, is_final=not look.again.is_set()))
            if not look.again.is_set():
                return

    def _complain(self, id_: str, error: TemporaryError) -> None:
        """Log the first failure of a container; as debug while others fail too, as they do when an engine goes down."""
        if id_ in self._failing:
            return
        level = logging.DEBUG if self._failing else logging.WARNING
        self._failing.add(id_)
        log.log(level, f"cannot inspect container {shown(id_[:12])}; trying again", reason=str(error))

    def _done(self, id_: str, look: _Look, outcome: Outcome) -> None:
        if look.moot.is_set():
            return
        if outcome.is_final:
            del self._looks[id_]
        self._report(outcome)
        look.first_done.set()

    @asynccontextmanager
    async def _place(self, look: _Look) -> AsyncIterator[None]:
        """One of the few places, given up early by one that is slow."""
        await self._places.acquire()
        is_held = True

        def give_up() -> None:
            nonlocal is_held
            if is_held:
                is_held = False
                self._places.release()

        def be_slow() -> None:
            give_up()
            look.first_done.set()

        timer = asyncio.get_running_loop().call_later(self._patience.slow, be_slow)
        try:
            yield
        finally:
            timer.cancel()
            give_up()

    async def _rest(self, look: _Look, failures: int) -> None:
        """A growing pause, cut short by news of the container."""
        pause = self._patience.pause(failures, longest=self._patience.longest_retry)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await look.again.wait()

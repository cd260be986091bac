"""Brings the files on disk up to what is served, behind the live changes, with a small share of the CPU at most.

Live changes are served the moment they are made; the files are for whoever starts next.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from interlock.core.problems import InterlockError
from interlock.host.tasks import Tasks

log = structlog.get_logger()

QUIET_SECONDS = 0.5
"""A live change is written to disk this long after it; a change in between does not put it off."""
REST = 40
"""Times the duration of the last writing that the next one waits, so that writing takes 2.5 % of the time at most."""
AFTER_FAILURE_SECONDS = 5.0


class WriteBehind:
    """Has the files written soon, and one writing at a time."""

    def __init__(self, name: str, write: Callable[[], Awaitable[None]], tasks: Tasks) -> None:
        self.turn = asyncio.Lock()
        """Whoever replaces the files holds it."""
        self.is_due = False
        """Whether the files are behind."""
        self._name = name
        self._write = write
        self._tasks = tasks
        self._running = False
        self._rests_until = 0.0

    def soon(self) -> None:
        """Something has changed."""
        self.is_due = True
        if not self._running:
            self._running = True
            self._tasks.start("write", self._work())

    async def _work(self) -> None:
        try:
            while self.is_due:
                await asyncio.sleep(max(QUIET_SECONDS, self._rests_until - time.monotonic()))
                async with self.turn:
                    self.is_due = False
                    await self._write_once()
        finally:
            self._running = False

    async def _write_once(self) -> None:
        began = time.monotonic()
        try:
            await self._write()
        except InterlockError as error:
            self.is_due = True
            self._rests_until = time.monotonic() + AFTER_FAILURE_SECONDS
            log.warning(f"[{self._name}] the configuration on disk is behind: {error}")
        else:
            now = time.monotonic()
            self._rests_until = now + REST * (now - began)

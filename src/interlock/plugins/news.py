"""What an observer has not read yet: a bounded queue between Interlock and a thread that may be slow."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable

from interlock.core.happenings import AnyHappening

MOST_NEWS = 1000
"""Happenings that wait for one observer; the next one pushes the oldest out."""


class News:
    """Posted in one thread, read in another, by one reader after the other."""

    def __init__(self, *, most: int = MOST_NEWS) -> None:
        self.dropped = 0
        """How many were pushed out unread, so far."""
        self._most = most
        self._unread: deque[AnyHappening] = deque()
        self._lock = threading.Lock()
        self._wake: Callable[[], None] = lambda: None

    def post(self, happening: AnyHappening) -> None:
        """Never blocks for longer than the reader takes one out."""
        with self._lock:
            if len(self._unread) >= self._most:
                self._unread.popleft()
                self.dropped += 1
            self._unread.append(happening)
            self._wake()

    async def read(self) -> AsyncIterator[AnyHappening]:
        """What is unread and what will come, for ever; to be called in the loop where it is read."""
        loop, arrived = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(arrived.set)

        while True:
            with self._lock:
                happening = self._unread.popleft() if self._unread else None
                self._wake = (lambda: None) if happening is not None else wake
            if happening is not None:
                yield happening
            else:
                await arrived.wait()
                arrived.clear()

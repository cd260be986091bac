"""Records what comes in, for a replay: all that is known at first, and then every turn and order."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

from interlock.core.problems import TemporaryError
from interlock.core.recording import FORMAT, Ending, Line, Opening, Ordered, Turn, written
from interlock.host import clock
from interlock.host.slices import in_thread
from interlock.reconciler import Reconciler
from interlock.version import __version__

MOST_WAITING = 10_000
"""Lines that wait for whoever writes them down; then the recording ends rather than grow."""
MOST_LISTENERS = 8
HEARTBEAT_SECONDS = 10.0
"""After this long without news an empty line shows that the recording goes on."""
ALL_SETTLED = "9999"
"""Later than any start: who is known to serve, serves in the replay too."""
ENDED = "its listener fell behind"
FULL = "it has reached its size"


class Recorder:
    """Follows one reconciler, for as many listeners as want."""

    def __init__(self, reconciler: Reconciler) -> None:
        self._reconciler = reconciler
        self._listeners = 0

    async def lines(self, limit: int) -> AsyncGenerator[bytes, None]:
        """The lines of a recording that begins now, until nobody wants them any more or they are `limit` bytes.

        Empty ones only show that it goes on. Raises TemporaryError where too many record already.
        """
        if self._listeners >= MOST_LISTENERS:
            raise TemporaryError(f"{MOST_LISTENERS} record already", fix="end one, and try again")
        self._listeners += 1
        waiting: asyncio.Queue[Line] = asyncio.Queue(MOST_WAITING)
        has_lost = asyncio.Event()

        def follow(line: Turn | Ordered) -> None:
            try:
                waiting.put_nowait(line)
            except asyncio.QueueFull:
                has_lost.set()

        leave = self._reconciler.tap(follow)
        try:
            for line in self._opening():
                waiting.put_nowait(line)
            size = 0
            async for text in _texts(waiting, has_lost):
                size += len(text)
                if size > limit:
                    yield written(Ending(at=clock.time(), why=FULL))
                    return
                yield text
            yield written(Ending(at=clock.time(), why=ENDED))
        finally:
            leave()
            self._listeners -= 1

    def _opening(self) -> list[Line]:
        """All that is known now."""
        now, world = clock.time(), self._reconciler.routes.world
        return [
            Opening(
                format=FORMAT,
                version=__version__,
                at=now,
                engines=self._reconciler.engines,
                locality=world.locality,
                awaited=tuple(sorted(self._reconciler.waiting_for)),
            ),
            Ordered(at=now, orders=world.overrides),
            Turn(at=now, settled_before=ALL_SETTLED, events=tuple(world.told())),
        ]


async def _texts(waiting: asyncio.Queue[Line], has_lost: asyncio.Event) -> AsyncIterator[bytes]:
    """Lines as they come, until one was lost."""
    while not (has_lost.is_set() and waiting.empty()):
        line = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                line = await waiting.get()
        yield b"\n" if line is None else await in_thread(written, line)

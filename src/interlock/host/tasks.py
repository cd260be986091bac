"""The only place that creates tasks, so that each has a name and an owner that ends it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

log = structlog.get_logger()

STOP_SECONDS = 5.0
"""How long `stop` waits for cancelled tasks before it names the late ones."""


class Tasks:
    """Owns background tasks. One that ends by an exception is reported, never forgotten."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(
        self,
        name: str,
        work: Coroutine[Any, Any, Any],
        *,
        on_failure: Callable[[BaseException], None] | None = None,
    ) -> asyncio.Task[Any]:
        """Run `work` in the background until it ends or :meth:`stop` cancels it."""

        def ended(task: asyncio.Task[Any]) -> None:
            self._tasks.discard(task)
            if task.cancelled():
                return
            error = task.exception()
            if error is None:
                return
            log.error(f"background task failed: {self.owner}/{name}", error=repr(error), exc_info=error)
            if on_failure is not None:
                on_failure(error)

        task = asyncio.get_running_loop().create_task(work, name=f"{self.owner}/{name}")
        self._tasks.add(task)
        task.add_done_callback(ended)
        return task

    async def stop(self) -> None:
        """Cancel every task and wait for the end of each, at most `STOP_SECONDS`; later ones are named in the log."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=STOP_SECONDS)
        for task in late:
            log.warning(f"background task does not end: {task.get_name()}")

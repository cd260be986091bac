"""Starts a proxy: it is tried until it runs."""

import asyncio
from collections.abc import Callable, Iterable

import structlog

from interlock.core.problems import InterlockError, PermanentError, Problem
from interlock.plugins.guard import Guarded

log = structlog.get_logger()

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds between two tries to start a proxy, doubling."""


async def started(
    proxy: Guarded,
    name: str,
    report: Callable[[str, Iterable[Problem]], None],
    on_failure: Callable[[InterlockError], None] = lambda _: None,
) -> None:
    """Return once it runs. What only the operator can mend is reported, and `on_failure` told of every try."""
    pause, source = FIRST_PAUSE, f"start of {name}"
    while True:
        try:
            await proxy.prepare()
        except InterlockError as error:
            on_failure(error)
            log.warning(f"[{name}] {error}; trying again", pause=f"{pause:g}s")
            if isinstance(error, PermanentError):
                what, fix = f"it cannot run: {error.what}", error.fix or "see the log"
                report(source, [Problem(container="", key=f"plugin {name}", value="", what=what, fix=fix)])
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        else:
            report(source, ())
            return

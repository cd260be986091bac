"""A program's life: waited for when it starts, started again when it ends by itself, and stopped softly."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

import structlog

from interlock.core.problems import InterlockError, PermanentError
from interlock.host.process import Service
from interlock.host.tasks import Tasks

log = structlog.get_logger()

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds before a dead program is started again, doubling."""
STEADY_SECONDS = 10.0
"""A program that lived this long makes the next pause the first one again."""


async def supervise(name: str, ended: Callable[[], Awaitable[str]], restart: Callable[[], Awaitable[None]]) -> None:
    """Never returns. `ended` returns how the program ended, once it has by itself; `restart` starts it."""
    pause = FIRST_PAUSE / 2
    why_not = ""
    while True:
        since = time.monotonic()
        why = why_not or await ended()
        pause = FIRST_PAUSE if time.monotonic() - since > STEADY_SECONDS else min(pause * 2, LONGEST_PAUSE)
        log.error(f"[{name}] proxy ended: {why}; starting it again", pause=f"{pause:g}s")
        await asyncio.sleep(pause)
        try:
            await restart()
            why_not = ""
        except InterlockError as error:
            why_not = "it could not be started"
            log.error(f"[{name}] error starting proxy: {error}")


async def until_it_answers(
    name: str,
    service: Service,
    answers: Coroutine[Any, Any, None],
    failure: Callable[[str], PermanentError],
) -> None:
    """Wait until a program that was just started answers, or has ended; `failure` says what it means that it has.

    Raises what `answers` does, and the failure.
    """
    tasks = Tasks(f"{name}-start")
    ended = tasks.start("wait", service.ended())
    answered = tasks.start("answer", answers)
    try:
        await asyncio.wait({ended, answered}, return_when=asyncio.FIRST_COMPLETED)
        if not answered.done():
            raise failure(ended.result())
        answered.result()
    finally:
        await tasks.stop()


async def stop_softly(name: str, service: Service, signals: Iterable[tuple[signal.Signals, float]]) -> None:
    """Send signals, each with the seconds that the program has after it; kill what is left of it after the last."""
    tasks = Tasks(f"{name}-stop")
    ended = tasks.start("wait", service.ended())
    for number, seconds in signals:
        service.signal(number)
        done, _ = await asyncio.wait({ended}, timeout=seconds)
        if done:
            return
    service.kill_group()
    await tasks.stop()

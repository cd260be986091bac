"""Runs one observer plugin: apart from everybody, behind a queue, and again and again when it fails."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import NoReturn

import msgspec
import structlog
from prometheus_client import CollectorRegistry

from interlock.bulletin import Bulletin
from interlock.core.problems import InterlockError, Problem, Severity, shown
from interlock.core.status import PluginKind, PluginState, PluginStatus
from interlock.host.apart import Apart
from interlock.plugins.contract import ObserverContext, ObserverPlugin
from interlock.plugins.metrics import OwnMetrics
from interlock.plugins.news import News

log = structlog.get_logger()

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
"""Seconds between two tries, doubling."""
STEADY_SECONDS = 60.0
"""After this long without a failure the next pause is the first one again, and the problem is over."""
LOOK_SECONDS = 5.0
"""Between two looks at whether it is steady, and what it missed."""


class Observation:
    """One observer at work."""

    def __init__(
        self,
        plugin: ObserverPlugin,
        context: Callable[[CollectorRegistry], ObserverContext],
        bulletin: Bulletin,
        report: Callable[[str, Iterable[Problem]], None],
    ) -> None:
        """`context` makes what the observer is given for each start; a failure is reported as a problem."""
        self.metrics = OwnMetrics(plugin.name)
        self._plugin = plugin
        self._context = context
        self._report = report
        self._news = News()
        bulletin.subscribe(self._news.post)
        self._status = PluginStatus(
            name=plugin.name, version=plugin.version, kind=PluginKind.OBSERVER, since=time.time()
        )
        self._told_dropped = 0

    @property
    def status(self) -> PluginStatus:
        """How it is now."""
        return msgspec.structs.replace(self._status, dropped=self._news.dropped)

    async def run(self) -> NoReturn:
        """Start it again and again, until cancelled."""
        failures = 0
        while True:
            began = time.monotonic()
            failure = await self._attempt()
            failures = 1 if time.monotonic() - began > STEADY_SECONDS else failures + 1
            pause = min(FIRST_PAUSE * 2 ** min(failures - 1, 16), LONGEST_PAUSE)
            self._note(failure, pause)
            await asyncio.sleep(pause)
            self._change(PluginState.STARTING, restarts=self._status.restarts + 1)

    async def _attempt(self) -> BaseException | None:
        """From a start to the end: what it raised, None if it returned."""
        try:
            context = self._context(self.metrics.anew())
        except InterlockError as error:
            return error

        async def observe() -> None:
            await self._plugin.build(context).run(self._news.read())

        apart = Apart(f"plugin {self._plugin.name}", observe)
        self._change(PluginState.RUNNING)
        try:
            return await self._watched(apart)
        finally:
            await apart.stop()

    async def _watched(self, apart: Apart) -> BaseException | None:
        began = time.monotonic()
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    return await apart.ended()
            except TimeoutError:
                self._tell_dropped()
                if time.monotonic() - began > STEADY_SECONDS:
                    self._report(f"plugin {self._plugin.name}", ())

    def _note(self, failure: BaseException | None, pause: float) -> None:
        """A failure in the log each time, with its traceback at debug; as a problem until it holds."""
        why = "it ended by itself" if failure is None else shown(f"{type(failure).__name__}: {failure}", length=200)
        log.error(f"[interlock] plugin {self._plugin.name} failed: {why}; starting it again", pause=f"{pause:g}s")
        if failure is not None:
            log.debug(f"[interlock] where plugin {self._plugin.name} failed", exc_info=failure)
        self._change(PluginState.RESTARTING, why=why)
        problem = Problem(
            container="",
            key=f"plugin {self._plugin.name}",
            value="",
            what=f"it fails, and is started again after growing pauses: {why}",
            fix="run interlock --debug to see where; mend the plugin, or leave it out",
            severity=Severity.WARNING,
        )
        self._report(f"plugin {self._plugin.name}", [problem])

    def _tell_dropped(self) -> None:
        fresh, self._told_dropped = self._news.dropped - self._told_dropped, self._news.dropped
        if fresh:
            log.warning(f"[interlock] plugin {self._plugin.name} is slow: {fresh} happenings went by unseen")

    def _change(self, state: PluginState, *, why: str = "", restarts: int | None = None) -> None:
        now = self._status
        self._status = msgspec.structs.replace(
            now,
            state=state,
            since=time.time(),
            why=why or now.why,
            restarts=now.restarts if restarts is None else restarts,
        )

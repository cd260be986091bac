"""Measures containers at every multiple of the interval, and counts events as they come."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from typing import NoReturn

import structlog

from interlock.core.happenings import AnyHappening, EventSeen
from interlock.core.model import Container
from interlock.core.problems import PermanentError, shown
from interlock.plugins.contract import ObserverContext
from interlock.plugins.endpoint import Endpoint
from interlock.plugins.measurements import measure
from interlock.plugins.stats.carbon import Carbon
from interlock.plugins.stats.lines import container_lines, event_line
from interlock.plugins.stats.settings import StatsSettings

log = structlog.get_logger()

CARBON_PORT = 2003
OURS = frozenset({"", "list", "look", "order", "probe"})
"""Causes that are no event of an engine."""
MATCHED = 1000
"""Characters of an image's name that the filter sees."""


class Stats:
    """Container statistics for Carbon."""

    def __init__(self, context: ObserverContext) -> None:
        """Raises PermanentError: no address, or what is no regular expression."""
        settings: StatsSettings = context.settings
        if not settings.carbon_address:
            raise PermanentError("stats has nowhere to send to", fix="set STATS_CARBON_ADDRESS, or leave stats out")
        endpoint = Endpoint.parse(settings.carbon_address, port=CARBON_PORT, setting="STATS_CARBON_ADDRESS")
        if not re.fullmatch(r"[\w.:-]+", settings.prefix, re.ASCII):
            raise PermanentError(
                f"the prefix {shown(settings.prefix)} cannot begin a path", fix="set STATS_PREFIX to docker.stats"
            )
        self._context = context
        self._settings = settings
        self._filter = _compiled(settings.image_name_filter)
        self._carbon = Carbon(endpoint)

    async def run(self, news: AsyncIterator[AnyHappening]) -> None:
        log.info(f"[stats] sending stats every {self._settings.interval} seconds")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._carbon.run(), name="stats to carbon")
            tasks.create_task(self._measure_always(), name="stats of containers")
            async for happening in news:
                if isinstance(happening, EventSeen) and happening.cause.action not in OURS:
                    self._carbon.send([event_line(self._settings.prefix, at=int(happening.at))])

    async def _measure_always(self) -> NoReturn:
        while True:
            now = time.time()
            at = (int(now) // self._settings.interval + 1) * self._settings.interval
            await asyncio.sleep(at - now)
            await self._measure(at)

    async def _measure(self, at: int) -> None:
        chosen = [container for container in self._context.containers() if self._is_chosen(container)]
        for container, measurement in await measure(self._context.engines, chosen):
            self._carbon.send(container_lines(self._settings.prefix, container, measurement, at=at))
        log.debug("[stats] measured", containers=len(chosen))

    def _is_chosen(self, container: Container) -> bool:
        return container.is_up and self._filter.search(container.image[:MATCHED]) is not None


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise PermanentError(
            f"the image name filter {shown(pattern)} is no regular expression: {error}",
            fix="set STATS_IMAGE_NAME_FILTER to one, such as ^example/",
        ) from error

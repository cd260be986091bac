"""Measures the chosen containers at every interval, and forgets one as soon as it has gone."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any, NoReturn

import aiohttp
import msgspec
import structlog

from interlock.core.happenings import AnyHappening, EventSeen
from interlock.core.model import ContainerKey
from interlock.core.problems import TemporaryError, shown
from interlock.plugins.beacon.gauges import Gauges, Totals
from interlock.plugins.beacon.outlets import Outlet, outlet_of
from interlock.plugins.beacon.rules import read_rules
from interlock.plugins.beacon.settings import BeaconSettings
from interlock.plugins.contract import EngineReader, ObserverContext
from interlock.plugins.measurements import measure

log = structlog.get_logger()

ENDINGS = frozenset({"die", "destroy"})
"""What an engine says of a container that runs no more."""
PUSH_SECONDS = 10.0


class _Info(msgspec.Struct, frozen=True):
    """``GET /info``."""

    Images: int = 0


class _Volumes(msgspec.Struct, frozen=True):
    """``GET /volumes``."""

    Volumes: list[msgspec.Raw] | None = None


class _Entry(msgspec.Struct, frozen=True):
    """One of ``GET /containers/json``."""

    Id: str
    Labels: dict[str, str] | None = None


class Beacon:
    """Container metrics for Prometheus and InfluxDB."""

    def __init__(self, context: ObserverContext) -> None:
        """Raises PermanentError: a rule, a backend or a URL that cannot be used."""
        settings: BeaconSettings = context.settings
        self._context = context
        self._interval = settings.interval
        self._rules = read_rules(settings.rules, images=settings.images)
        self._outlet = outlet_of(settings)
        self._gauges = Gauges()
        context.metrics.register(self._gauges)
        self._is_reached = True

    async def run(self, news: AsyncIterator[AnyHappening]) -> None:
        if not self._rules:
            log.warning("[beacon] no container is measured, for want of rules", fix="set BEACON_IMAGES=.* for all")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._measure_always(), name="beacon of containers")
            async for happening in news:
                if isinstance(happening, EventSeen) and happening.cause.action in ENDINGS:
                    self._gauges.forget(ContainerKey(happening.cause.engine, happening.cause.container_id))

    async def _measure_always(self) -> NoReturn:
        async with aiohttp.ClientSession() as session:
            while True:
                await self._measure()
                if self._outlet is not None:
                    await self._push(session, self._outlet)
                await asyncio.sleep(self._interval)

    async def _measure(self) -> None:
        containers = self._context.containers()
        labels = await self._labels()
        chosen = [one for one in containers if one.is_up and self._rules.choose(one, labels.get(one.key, one.labels))]
        measured = await measure(self._context.engines, chosen)
        totals = await self._totals(len(containers))
        still_up = {container.key for container in self._context.containers() if container.is_up}
        self._gauges.tell([each for each in measured if each[0].key in still_up], totals)
        log.debug("[beacon] measured", containers=len(measured))

    async def _labels(self) -> Mapping[ContainerKey, Mapping[str, str]]:
        """All labels, which Interlock itself does not keep; nothing where no rule asks for them."""
        found: dict[ContainerKey, Mapping[str, str]] = {}
        for name, engine in self._context.engines.items() if self._rules.label else ():
            try:
                entries = await _read(engine, "/containers/json", list[_Entry])
            except TemporaryError as error:
                log.debug(f"[beacon] labels are not known: {error}")
            else:
                found |= {ContainerKey(name, entry.Id): entry.Labels or {} for entry in entries}
        return found

    async def _totals(self, containers: int) -> Totals | None:
        """Of all engines together; None where one of them does not tell."""
        images = volumes = networks = 0
        for engine in self._context.engines.values():
            try:
                images += (await _read(engine, "/info", _Info)).Images
                volumes += len((await _read(engine, "/volumes", _Volumes)).Volumes or ())
                networks += len(await _read(engine, "/networks", list[msgspec.Raw]))
            except TemporaryError as error:
                log.debug(f"[beacon] totals are not known: {error}")
                return None
        return Totals(containers=containers, images=images, volumes=volumes, networks=networks)

    async def _push(self, session: aiohttp.ClientSession, outlet: Outlet) -> None:
        """Tell it all, and tell the log when it does not listen, and when it does again."""
        try:
            async with asyncio.timeout(PUSH_SECONDS):
                why = await outlet.tell(session, self._gauges, time.time())
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            why = str(error) or type(error).__name__
        if why and self._is_reached:
            log.warning(f"[beacon] the {outlet.name} cannot be told", reason=shown(why))
        elif not why and not self._is_reached:
            log.info(f"[beacon] the {outlet.name} is told again")
        self._is_reached = not why


async def _read(engine: EngineReader, path: str, type_: Any) -> Any:
    """Raises TemporaryError: no answer, or one that is not understood."""
    try:
        return msgspec.json.decode(await engine.get(path), type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TemporaryError(f"{path} of engine {engine.name} is not understood: {shown(str(error))}") from error

"""One look at engines and at what its containers ask for, for commands that do not stay to watch."""

import asyncio
import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec

from interlock.core.dialects import ENVIRONMENT_KEYS, LABEL_PREFIXES
from interlock.core.events import Event, View
from interlock.core.model import Container
from interlock.core.routes import Routes
from interlock.core.world import World
from interlock.engines.address import EngineAddress
from interlock.engines.containers import Kept
from interlock.engines.docker import DockerEngine
from interlock.engines.patience import PRODUCTION, Patience
from interlock.engines.swarm.engine import SwarmEngine
from interlock.settings import EngineSettings

KEPT = Kept(ENVIRONMENT_KEYS, LABEL_PREFIXES)


class Survey(msgspec.Struct, frozen=True):
    """What was seen."""

    view: View
    """Where we stand."""
    description: str
    """What answers: ``Docker 20.10.24, API 1.41``."""
    containers: tuple[Container, ...]
    routes: Routes
    """Who runs by now counts as answering."""


def engine_of(
    engine: EngineSettings,
    *,
    override_address: str = "",
    patience: Patience = PRODUCTION,
    keep_lost: float = math.inf,
) -> DockerEngine | SwarmEngine:
    """Who watches an engine, or a swarm, from its settings. Raises PermanentError.

    What nobody in a swarm tells of any more is given up after `keep_lost` seconds.
    """
    if not engine.is_swarm:
        return DockerEngine(address_of(engine), kept=KEPT, override_address=override_address, patience=patience)
    addresses = [address_of(engine, url) for url in (engine.url, *engine.swarm_nodes)]
    return SwarmEngine(addresses, kept=KEPT, override_address=override_address, patience=patience, keep_lost=keep_lost)


def address_of(engine: EngineSettings, url: str = "") -> EngineAddress:
    """How to speak with an engine (or what else listens at `url`), from its settings. Raises PermanentError."""
    return EngineAddress.parse(
        url or engine.url,
        name=engine.name,
        tls_ca=engine.tls_ca or None,
        tls_cert=engine.tls_cert or None,
        tls_key=engine.tls_key or None,
        allow_insecure=engine.allow_insecure,
    )


async def survey(engine: EngineSettings, *, override_address: str = "") -> Survey:
    """Look once. Raises TemporaryError, PermanentError."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    events = await engine_of(engine, override_address=override_address).survey()
    placed, recovered, listed = events
    routes = routes_after(events, settled_before=now)
    return Survey(placed.view, recovered.description, listed.containers, routes)


async def survey_all(
    engines: Sequence[EngineSettings], *, override_address: str = "", locality: tuple[str, ...] = ()
) -> Routes:
    """What all of them ask for together. Raises TemporaryError, PermanentError."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    docks = [engine_of(each, override_address=override_address) for each in engines]
    seen = await asyncio.gather(*(dock.survey() for dock in docks))
    events = [event for told in seen for event in told]
    world = World(has_several_engines=len(engines) > 1, locality=locality)
    return routes_after(events, settled_before=now, world=world)


def routes_after(events: Iterable[Event], *, settled_before: str = "", world: World | None = None) -> Routes:
    """The routes of a world in which this happened; who has run since `settled_before` counts as answering."""
    routes = Routes(world if world is not None else World())
    for event in events:
        routes.update(routes.world.advance(event, settled_before=settled_before))
    return routes

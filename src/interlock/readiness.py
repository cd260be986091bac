"""How the engines and proxies are, and whether Interlock is ready by that."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator

from interlock.core.status import EngineStatus, ProxyStatus
from interlock.driver import Driver
from interlock.reconciler import Reconciler


def engine_statuses(reconciler: Reconciler) -> tuple[EngineStatus, ...]:
    """Every engine."""
    world, now = reconciler.routes.world, time.monotonic()
    counts = Counter(container.engine for container in world.containers())
    listed = reconciler.listed_at
    return tuple(
        EngineStatus(
            name=name,
            description=reconciler.descriptions.get(name, ""),
            containers=counts[name],
            seconds_since_list=round(now - listed[name], 3) if name in listed else None,
            lost=world.lost_engines.get(name, ""),
            held=world.held_engines.get(name, ""),
        )
        for name in reconciler.engines
    )


def proxy_status(driver: Driver) -> ProxyStatus:
    """A proxy, by its driver."""
    return ProxyStatus(
        name=driver.name,
        version=driver.version,
        ready=driver.served_once.is_set(),
        reloads=driver.reloads,
        error=driver.error,
    )


def not_ready_because(
    engines: Iterable[EngineStatus], proxies: Iterable[ProxyStatus], *, stale_after: float
) -> Iterator[str]:
    """Why Interlock is not ready; after `stale_after` seconds without a list from an engine it is not."""
    for engine in engines:
        why = f": {engine.lost}" if engine.lost else ""
        if engine.seconds_since_list is None:
            yield f"engine {engine.name} has not told yet what it runs{why}"
        elif engine.seconds_since_list > stale_after:
            yield f"engine {engine.name} has told nothing for {engine.seconds_since_list:.0f} s{why}"
    for proxy in proxies:
        if proxy.waited_for and not proxy.ready:
            why = f": {proxy.error}" if proxy.error else ""
            yield f"{proxy.name} does not serve yet what the engines run{why}"

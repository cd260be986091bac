"""``/metrics``: what happened is counted as it happens, all else is looked up when somebody asks."""

import asyncio
import platform
import time
from collections import Counter as Tally
from collections import OrderedDict
from collections.abc import Iterable, Iterator

import msgspec
from aiohttp import web
from prometheus_client import CollectorRegistry, disable_created_metrics, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from interlock.core.happenings import (
    AnyHappening,
    ApplyFailed,
    Cause,
    ContainerDamped,
    EngineLost,
    EventSeen,
    PlanApplied,
    ReloadDone,
)
from interlock.core.problems import Problem, shown
from interlock.core.status import Status
from interlock.web import counted, families
from interlock.web.meters import counter, gauge, histogram, metric
from interlock.web.orders import Orders

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"
"""Content type of what every Prometheus reads."""

REASONS = (
    ("new site", "new-site"),
    ("backends for new sites", "tidy-up"),
    ("options of", "options"),
    ("certificates", "certificates"),
    ("live changes failed", "live-failed"),
)
"""Beginning of a reload's reason -> its class; what begins otherwise is ``other``."""
MOST_REMEMBERED = 4096
"""Events that are remembered until their consequences are served; the oldest are forgotten first."""
MOST_KEYS = 50
"""Keys of problems that are told apart, since a container may call its labels whatever it likes."""
OTHERS = "others"
METRICS: "web.AppKey[Metrics]" = web.AppKey("metrics")
"""Where an application keeps its own."""
FROM_CONTAINERS = frozenset({"Changed", "Stopping", "Survived", "Vanished"})
"""Events that are about one container, and that an engine has told."""


async def page(request: web.Request, orders: Orders) -> web.Response:
    """``GET /metrics``."""
    body = await request.app[METRICS].exposition(orders)
    return web.Response(body=body, headers={"Content-Type": TEXT_FORMAT, "Cache-Control": "no-store"})


class Metrics:
    """Listens to the bulletin, and answers ``/metrics``."""

    def __init__(self, *, limit: int = 1000) -> None:
        """Of each proxy at most `limit` routes and servers are told."""
        disable_created_metrics()  # type: ignore[no-untyped-call] # a series more for each counter, which nobody asks for
        self.registry = CollectorRegistry()
        """Where observer plugins add theirs."""
        self._limit = limit
        self._picture = _Picture(self.registry)
        self._events = counter(families.EVENTS, self.registry)
        self._reconciles = counter(families.RECONCILES, self.registry)
        self._steps = counter(families.STEPS, self.registry)
        self._applied = histogram(families.APPLIED, self.registry)
        self._reloads = counter(families.RELOADS, self.registry)
        self._reloaded = histogram(families.RELOADED, self.registry)
        self._failures = counter(families.FAILURES, self.registry)
        self._traffic = histogram(families.TRAFFIC, self.registry)
        self._refused = gauge(families.REFUSED, self.registry)
        self._losses = counter(families.LOSSES, self.registry)
        self._damped_count = gauge(families.DAMPED, self.registry)
        self._damped: set[str] = set()
        self._unserved: OrderedDict[str, _Unserved] = OrderedDict()

    def hear(self, happening: AnyHappening) -> None:
        """Count it."""
        match happening:
            case EventSeen():
                self._hear_event(happening)
            case PlanApplied(proxy=proxy, steps=steps):
                for step, count in Tally(type(step).__name__ for step in steps).items():
                    self._steps.labels(proxy, step).inc(count)
                self._applied.labels(proxy).observe(happening.seconds)
                self._note_served(happening.causes, proxy, "live", happening.at)
            case ReloadDone(proxy=proxy, reason=reason):
                self._reloads.labels(proxy, reason_class(reason)).inc()
                self._reloaded.labels(proxy).observe(happening.seconds)
                self._refused.labels(proxy).set(len(happening.refused))
                self._note_served(happening.causes, proxy, "reload", happening.at)
            case ApplyFailed(proxy=proxy, reason=reason):
                self._failures.labels(proxy, "reload" if reason else "live").inc()
            case EngineLost(engine=engine):
                self._losses.labels(engine).inc()
            case ContainerDamped(container_id=id_, pause=pause):
                (self._damped.add if pause else self._damped.discard)(id_)
                self._damped_count.set(len(self._damped))
            case _:
                pass

    async def exposition(self, orders: Orders) -> bytes:
        """Everything, in Prometheus' text format. What the proxies count is written in a thread: it may be long."""
        self._picture.status = orders.status()
        traffic = await orders.traffic()
        return generate_latest(self.registry) + await asyncio.to_thread(counted.written, traffic, self._limit)

    def _hear_event(self, seen: EventSeen) -> None:
        self._events.labels(seen.event).inc()
        self._picture.events += 1
        if seen.event == "Listed":
            self._reconciles.labels(seen.cause.engine).inc()
        if seen.touched and seen.event in FROM_CONTAINERS:
            self._unserved[seen.cause.container_id] = _Unserved(seen.cause.at, set())
            self._unserved.move_to_end(seen.cause.container_id)
            if len(self._unserved) > MOST_REMEMBERED:
                self._unserved.popitem(last=False)
        if seen.event == "Vanished" and seen.cause.container_id in self._damped:
            self._damped.remove(seen.cause.container_id)
            self._damped_count.set(len(self._damped))

    def _note_served(self, causes: Iterable[Cause], proxy: str, way: str, at: float) -> None:
        """What an engine told of these containers is served by this proxy now.

        The cause may be a later one, such as an answered probe; the time counts from the engine's event.
        """
        for id_ in {cause.container_id for cause in causes}:
            event = self._unserved.get(id_)
            if event is not None and proxy not in event.served_by:
                event.served_by.add(proxy)
                self._traffic.labels(proxy, way).observe(max(at - event.at, 0.0))


class _Unserved(msgspec.Struct):
    """The last event of a container that changed anything, and the proxies that already serve what follows from it."""

    at: float
    served_by: set[str]


class _Picture(Collector):
    """What is looked up in the status, as it was when somebody asked."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.status: Status | None = None
        self.events = 0
        self._started = time.time()
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        if self.status is None:
            return
        status = self.status
        stale = status.seconds_since_reconcile
        versions = (status.version, platform.python_version())
        yield metric(families.BUILD, [(versions, 1)])
        yield metric(families.STARTED, [((), self._started)])
        yield metric(families.READY, [((), status.ready)])
        yield metric(families.STALE, [((), stale)] if stale is not None else [])
        yield metric(families.REVISION, [((), status.revision)])
        yield metric(families.ROUTES, [((), status.routes)])
        yield metric(families.SERVERS, [((state,), count) for state, count in status.servers.items()])
        yield metric(families.PROBLEMS, list(_problems(status.problems)))
        yield metric(families.ENGINE_UP, [((each.name,), not each.lost) for each in status.engines])
        yield metric(
            families.ENGINE_STALE,
            [((e.name,), e.seconds_since_list) for e in status.engines if e.seconds_since_list is not None],
        )
        yield metric(families.ENGINE_CONTAINERS, [((each.name,), each.containers) for each in status.engines])
        yield metric(families.PROXY_READY, [((each.name,), each.ready) for each in status.proxies])
        yield metric(families.PROXY_FAILING, [((each.name,), bool(each.error)) for each in status.proxies])
        yield metric(families.OLD_EVENTS, [((), self.events)])
        yield metric(families.OLD_UPTIME, [((), time.time() - self._started)])

    def describe(self) -> Iterable[Metric]:
        """Before anybody has looked."""
        return [metric(family, []) for family in families.LOOKED_UP]


def reason_class(reason: str) -> str:
    """What a reload was for, in one word of a closed list; of several things the first.

    >>> reason_class("new site demo.interlock.com and 3 more")
    'new-site'
    """
    return next((name for beginning, name in REASONS if reason.startswith(beginning)), "other")


def _problems(problems: Iterable[Problem]) -> Iterator[tuple[tuple[str, ...], float]]:
    """Keys with the most problems first; those beyond `MOST_KEYS` are one."""
    tally = Tally((shown(problem.key), problem.severity) for problem in problems)
    most = dict(tally.most_common(MOST_KEYS))
    rest = Tally[str]()
    for (_, severity), count in (tally - Tally(most)).items():
        rest[severity] += count
    yield from most.items()
    yield from (((OTHERS, severity), count) for severity, count in rest.items())

"""What the proxies count, as metrics: bounded, since every route and server is a series of its own."""

from collections.abc import Callable, Iterable, Iterator

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from interlock.core.traffic import Counters, ProxyTraffic, RouteTraffic, Traffic
from interlock.web import families
from interlock.web.families import Family
from interlock.web.meters import metric

Labelled = list[tuple[tuple[str, ...], Counters]]

_NUMBERS: tuple[tuple[Family, Family, Callable[[Counters], float | None]], ...] = (
    (families.ROUTE_REQUESTS, families.SERVER_REQUESTS, lambda counters: counters.requests),
    (families.ROUTE_ERRORS, families.SERVER_ERRORS, lambda counters: counters.errors),
    (families.ROUTE_SESSIONS, families.SERVER_SESSIONS, lambda counters: counters.sessions),
    (families.ROUTE_LATENCY, families.SERVER_LATENCY, lambda counters: _seconds(counters.latency)),
)
"""Family of a route's number, that of a server's, and where it is."""


def written(traffic: Traffic, limit: int) -> bytes:
    """In Prometheus' text format; of each proxy at most `limit` routes and servers."""
    registry = CollectorRegistry()
    registry.register(_Counted([_told(each, limit) for each in traffic.proxies]))
    return generate_latest(registry)


class _Told(msgspec.Struct, frozen=True):
    """What is told of one proxy."""

    proxy: str
    routes: Labelled
    servers: Labelled
    left_out: int
    unknown: bool


class _Counted(Collector):
    def __init__(self, told: Iterable[_Told]) -> None:
        self._told = tuple(told)

    def collect(self) -> Iterator[Metric]:
        for of_route, of_server, number in _NUMBERS:
            yield metric(of_route, _values((entry for told in self._told for entry in told.routes), number))
            yield metric(of_server, _values((entry for told in self._told for entry in told.servers), number))
        yield metric(families.LEFT_OUT, [((told.proxy,), told.left_out) for told in self._told])
        yield metric(families.UNCOUNTED, [((told.proxy,), told.unknown) for told in self._told])

    def describe(self) -> Iterable[Metric]:
        return ()


def _told(traffic: ProxyTraffic, limit: int) -> _Told:
    """Whole routes as long as they fit, in the order of their names, so that each scrape tells of the same ones."""
    routes: Labelled = []
    servers: Labelled = []
    left_out = 0
    for route in traffic.routes:
        if len(routes) + len(servers) + _size(route) > limit:
            left_out += _size(route)
            continue
        labels = (traffic.proxy, route.host, route.path)
        routes.append((labels, route.total))
        servers += [((*labels, name), counters) for name, counters in route.servers.items()]
    return _Told(traffic.proxy, routes, servers, left_out, bool(traffic.error))


def _size(route: RouteTraffic) -> int:
    return 1 + len(route.servers)


def _values(
    labelled: Iterable[tuple[tuple[str, ...], Counters]], number: Callable[[Counters], float | None]
) -> Iterator[tuple[tuple[str, ...], float]]:
    for labels, counters in labelled:
        value = number(counters)
        if value is not None:
            yield labels, value


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000

"""Two readings of the meters -> what goes on between them, by route and by server."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from interlock.core.model import Match, ServerState
from interlock.core.status import RouteStatus
from interlock.core.traffic import Counters, ProxyTraffic, RouteCounters, Traffic


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What a route or a server has to do."""

    requests: float = 0.0
    """A second."""
    errors: float = 0.0
    """A second."""
    sessions: int = 0
    """Under way now."""
    latency: int | None = None
    """Milliseconds until an answer begins, lately; the highest of the proxies'; None where none can tell."""


class ServerLoad(msgspec.Struct, frozen=True, kw_only=True):
    """A server, and what it has to do."""

    name: str
    state: ServerState
    container: str
    """Its container's full id."""
    load: Load
    waits: bool = False
    """It stands by: a local server takes the requests."""


class RouteLoad(msgspec.Struct, frozen=True, kw_only=True):
    """A route, and what it and its servers have to do."""

    host: str
    path: str
    load: Load
    servers: tuple[ServerLoad, ...]


class Silent(msgspec.Struct, frozen=True):
    """A proxy that has no numbers."""

    proxy: str
    why: str


class Loads(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is routed, with its load."""

    routes: tuple[RouteLoad, ...]
    """In the order of their matches."""
    silent: tuple[Silent, ...] = ()


def loads(routes: Iterable[RouteStatus], before: Traffic, now: Traffic) -> Loads:
    """What every route that is wanted has to do; a proxy that was not asked twice counts with its gauges only."""
    earlier = {proxy.proxy: proxy for proxy in before.proxies}
    measured = [_measured(earlier.get(proxy.proxy), proxy) for proxy in now.proxies if not proxy.error]
    return Loads(
        routes=tuple(_route(route, measured) for route in routes),
        silent=tuple(Silent(proxy.proxy, proxy.error) for proxy in now.proxies if proxy.error),
    )


Measured = Mapping[tuple[Match, str], Load]
"""By match and server; "" for the whole route."""


def _route(route: RouteStatus, measured: Sequence[Measured]) -> RouteLoad:
    match = Match(route.host, route.path)
    servers = (
        ServerLoad(
            name=server.name,
            state=server.state,
            container=server.container,
            load=_sum(each.get((match, server.name)) for each in measured),
            waits=server.waits,
        )
        for server in route.servers
    )
    whole = _sum(each.get((match, "")) for each in measured)
    return RouteLoad(host=route.host, path=route.path, load=whole, servers=tuple(servers))


def _measured(before: ProxyTraffic | None, now: ProxyTraffic) -> Measured:
    known = _by_match(before) if before is not None else {}
    seconds = now.at - before.at if before is not None else 0.0
    measured = {}
    for match, counters in _by_match(now).items():
        had = known.get(match)
        measured[match, ""] = _load(had.total if had is not None else None, counters.total, seconds)
        for name, server in counters.servers.items():
            measured[match, name] = _load(had.servers.get(name) if had is not None else None, server, seconds)
    return measured


def _by_match(proxy: ProxyTraffic) -> dict[Match, RouteCounters]:
    return {
        Match(route.host, route.path): RouteCounters(total=route.total, servers=route.servers) for route in proxy.routes
    }


def _load(before: Counters | None, now: Counters, seconds: float) -> Load:
    """Counters that fell began anew with the proxy's process; who was not there before has had all of them since."""
    if seconds <= 0:
        return Load(sessions=now.sessions, latency=now.latency)
    began = before is None or now.requests < before.requests or now.errors < before.errors
    had_requests, had_errors = (0, 0) if began or before is None else (before.requests, before.errors)
    return Load(
        requests=(now.requests - had_requests) / seconds,
        errors=(now.errors - had_errors) / seconds,
        sessions=now.sessions,
        latency=now.latency,
    )


def _sum(parts: Iterable[Load | None]) -> Load:
    known = [part for part in parts if part is not None]
    latencies = [part.latency for part in known if part.latency is not None]
    return Load(
        requests=round(sum(part.requests for part in known), 2),
        errors=round(sum(part.errors for part in known), 2),
        sessions=sum(part.sessions for part in known),
        latency=max(latencies, default=None),
    )

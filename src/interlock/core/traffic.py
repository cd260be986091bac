"""What proxies count of the traffic: numbers that only grow until a proxy starts anew, for everybody who only looks."""

from collections.abc import Mapping

import msgspec

from interlock.core.model import Match


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted of a server, or of a whole route.

    Requests and errors only grow, but start at 0 again with a proxy's new process; so a fall means a new start.
    """

    requests: int
    """Given to it: answered, failed, or passed on to another server."""
    errors: int
    """Of those: answered with 5xx, without a sound answer, or passed on."""
    sessions: int
    """Under way now, upgraded connections too."""
    latency: int | None = None
    """Milliseconds until an answer begins, as the proxy averages it lately; None where it cannot tell."""


class RouteCounters(msgspec.Struct, frozen=True, kw_only=True):
    """Of one route."""

    total: Counters
    """Of the whole route: servers that are gone are in it, and what the proxy answered itself for want of a server."""
    servers: Mapping[str, Counters] = {}
    """By the server's name."""


class RouteTraffic(msgspec.Struct, frozen=True, kw_only=True):
    """Of one route, in one proxy, for the API."""

    host: str
    path: str
    total: Counters
    servers: Mapping[str, Counters]


class ProxyTraffic(msgspec.Struct, frozen=True, kw_only=True):
    """What one proxy has counted."""

    proxy: str
    at: float
    """Unix seconds, when it was asked."""
    routes: tuple[RouteTraffic, ...] = ()
    """Sorted; a route that has had no request at all may be absent."""
    error: str = ""
    """Why there are no numbers; "" where there are."""


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """``GET /v1/traffic``."""

    proxies: tuple[ProxyTraffic, ...]


def proxy_traffic(proxy: str, at: float, counted: Mapping[Match, RouteCounters]) -> ProxyTraffic:
    """As the API tells it, sorted."""
    routes = (
        RouteTraffic(host=match.host, path=match.path, total=counters.total, servers=counters.servers)
        for match, counters in sorted(counted.items())
    )
    return ProxyTraffic(proxy=proxy, at=at, routes=tuple(routes))

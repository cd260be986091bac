"""A table of routes as Caddy's JSON, and such JSON as what is served: Caddy gives each object's ``@id`` back."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from math import gcd
from typing import Any

import msgspec

from interlock.core.model import Maintenance, Match, Route, RouteTable, ServerState
from interlock.core.plan import Lead, Served, ServingRoute, shape

HONOURED = frozenset({"rewrite"})
"""Of `Options`; whoever asks for another is told by Interlock that this proxy cannot do it."""
Json = dict[str, Any]


def rendered(table: RouteTable, *, port: int, admin: str) -> Json:
    """The whole configuration. `admin` is the socket by which Caddy is told and asked."""
    server = {"listen": [f":{port}"], "automatic_https": {"disable": True}, "routes": [*_hosts(table), NOT_FOUND]}
    return {
        "admin": {"listen": f"unix/{admin}|0600", "config": {"persist": False}},
        "logging": {"logs": {"default": {"level": "WARN"}}},
        "apps": {"http": {"grace_period": "10s", "servers": {"interlock": server}}},
    }


def served(config: Any) -> Iterator[tuple[Match, ServingRoute]]:
    """What a configuration serves: every route that this module has written into it."""
    for (host, path, its_shape, closed), route in _marked(config, "route"):
        servers = {
            name: Served(endpoint=upstream["dial"], weight=weight, takes_traffic=True)
            for (_, _, name, weight), upstream in _marked(route, "server")
        }
        leads = Maintenance(*closed) if closed else Lead.BACKEND
        yield Match(host, path), ServingRoute(shape=its_shape, leads=leads, servers=servers)


def _hosts(table: RouteTable) -> list[Json]:
    """Wildcards last, and the shallowest of them at the very end."""
    hosts = sorted({match.host for match in table}, key=lambda host: (host.startswith("*."), -host.count("."), host))
    return [_host(host, [table[match] for match in table.of_host(host)]) for host in hosts]


def _host(host: str, routes: list[Route]) -> Json:
    """A host takes all of its requests, so that a wildcard never catches those that none of its paths matches."""
    found = {"host": [host]}
    if host.startswith("*."):
        found = {"header_regexp": {"Host": {"pattern": rf"(?i)^.+\.{re.escape(host[2:])}(:\d+)?$"}}}
    subroutes = [*map(_route, sorted(routes, key=lambda route: -len(route.match.path))), NOT_FOUND]
    return {"match": [found], "handle": [{"handler": "subroute", "routes": subroutes}], "terminal": True}


def _route(route: Route) -> Json:
    (host, path), closed = route.match, route.maintenance
    mark = _mark("route", host, path, shape(route.backend.options), closed and [closed.message, closed.until])
    handlers = [_backend(route)]
    if closed is not None:
        handlers.insert(0, _text(503, f"{closed.message}\n"))  # which answers, so that the backend only waits
    if route.backend.options.rewrite:
        handlers.insert(0, {"handler": "rewrite", "strip_path_prefix": path})
    matcher = {"match": [{"path": [path, f"{path}/*"]}]} if path != "/" else {}
    return {"@id": mark, **matcher, "handle": handlers, "terminal": True}


def _backend(route: Route) -> Json:
    servers = [server for server in route.backend.servers if server.state is ServerState.READY]
    if not servers:
        return _text(503, "no server\n")
    divisor = gcd(*(server.weight for server in servers)) or 1  # Caddy gives each its whole weight at a stretch
    weights = [server.weight // divisor for server in servers]
    marks = [_mark("server", *route.match, server.name, server.weight) for server in servers]
    return {
        "handler": "reverse_proxy",
        "upstreams": [{"@id": mark, "dial": each.endpoint} for mark, each in zip(marks, servers, strict=True)],
        "load_balancing": {"selection_policy": {"policy": "weighted_round_robin", "weights": weights}, "retries": 2},
        "health_checks": {"passive": {"fail_duration": "5s"}},
    }


def _text(status: int, text: str) -> Json:
    """A brace begins one of Caddy's placeholders, unless a backslash says otherwise."""
    return {"handler": "static_response", "status_code": status, "body": text.replace("{", "\\{")}


NOT_FOUND: Json = {"handle": [_text(404, "not found\n")]}


def _mark(kind: str, *values: object) -> str:
    """Caddy takes no quotes in an ``@id``."""
    return f"{kind}.{urlsafe_b64encode(msgspec.json.encode(values)).decode()}"


def _marked(config: Any, kind: str) -> Iterator[tuple[Any, Json]]:
    """Every object of a configuration that was marked as of this kind, with what its mark says."""
    if isinstance(config, dict):
        name, _, values = str(config.get("@id", "")).partition(".")
        if name == kind:
            yield msgspec.json.decode(urlsafe_b64decode(values)), config
    for child in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        yield from _marked(child, kind)

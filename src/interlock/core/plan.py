"""Wanted against serving -> ordered steps, safe to stop after any of them.

The rule: within a route, whoever comes in comes in before anybody goes out, so that the order of the steps never
takes a route's last server. Whatever was done, planning again from what is then served gives the rest of the steps.
"""

import enum
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256

import msgspec

from interlock.core.model import Maintenance, Match, Options, Route, Server, ServerState


class Served(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A server as the proxy reports it."""

    endpoint: str
    weight: int
    takes_traffic: bool
    """Whether it is in rotation; one whose check fails is, but gets nothing until it passes."""
    passes_check: bool = True
    """Whether the proxy's own health check of it passes; true where there is none, or none that is told."""


class Lead(enum.StrEnum):
    """Where requests go that a match takes."""

    BACKEND = "backend"
    NOWHERE = "nowhere"


class ServingRoute(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A backend that the proxy has, and what becomes of the requests for it."""

    shape: str
    """:func:`shape` of the options it was built with; "" for a closed match without a backend."""
    leads: Lead | Maintenance
    """What requests get: the backend, nothing, or the message of a closed host."""
    servers: Mapping[str, Served]


Serving = Mapping[Match, ServingRoute]


class AddRoute(msgspec.Struct, frozen=True, tag_field="step", tag=True):
    """Send a match's requests to its backend, which the proxy has already."""

    match: Match
    replaces: bool = False
    """They are led elsewhere now, and no request may fall between."""


class CloseRoute(msgspec.Struct, frozen=True, tag_field="step", tag=True):
    """Answer a match's requests with a message; it needs no backend."""

    match: Match
    maintenance: Maintenance
    replaces: bool = False
    """They are led elsewhere now, and no request may fall between."""


class RemoveRoute(msgspec.Struct, frozen=True, tag_field="step", tag=True):
    """Answer a match's requests with "not found"."""

    match: Match


class AddServer(msgspec.Struct, frozen=True, tag_field="step", tag=True):
    """Put a new server into rotation."""

    match: Match
    server: Server
    options: Options


class MoveServer(msgspec.Struct, frozen=True, tag_field="step", tag=True):
    """Give a known server another address, and put it into rotation."""

    match: Match
    server: Server
    options: Options


class WeighServer(msgspec.Struct, frozen=True, tag_field="step", tag=True):
    """Change a server's share."""

    match: Match
    name: str
    weight: int


class EnableServer(msgspec.Struct, frozen=True, tag_field="step", tag=True):
    """Put a known server back into rotation."""

    match: Match
    server: Server


class DrainServer(msgspec.Struct, frozen=True, tag_field="step", tag=True):
    """Take a server out of rotation; requests under way finish."""

    match: Match
    name: str


class RemoveServer(msgspec.Struct, frozen=True, tag_field="step", tag=True):
    """Take a server out of rotation and forget it once its last request has ended."""

    match: Match
    name: str


class Reload(msgspec.Struct, frozen=True, tag_field="step", tag=True):
    """Load a new configuration, for what the proxy cannot change while it runs."""

    reason: str


Step = (
    AddRoute
    | CloseRoute
    | RemoveRoute
    | AddServer
    | MoveServer
    | WeighServer
    | EnableServer
    | DrainServer
    | RemoveServer
    | Reload
)


class Plan(msgspec.Struct, frozen=True):
    """What to do, in this order."""

    steps: tuple[Step, ...] = ()
    reload: Reload | None = None
    """Comes last, and may take a while; the steps before it need not wait for it."""


class Abilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a proxy declares it can do."""

    live_servers: bool = True
    """Servers come and go without a reload."""
    honours: frozenset[str] = frozenset()
    """Names of the fields of `Options` that it can serve; the others become problems when asked for."""


EVERYTHING_LIVE = Abilities()


@lru_cache(maxsize=1 << 12)
def shape(options: Options) -> str:
    """A short name for a backend's options; the same text for the same options, always."""
    return sha256(msgspec.json.encode(options)).hexdigest()[:12]


def make_plan(
    wanted: Mapping[Match, Route | None],
    serving: Serving,
    *,
    refused: Mapping[Match, str] | None = None,
    abilities: Abilities = EVERYTHING_LIVE,
) -> Plan:
    """Order the steps that make the proxy serve what is wanted, for the matches in `wanted` only.

    `refused` names shapes that the proxy would not load: they are no reason to reload again, nobody comes in by them,
    and the version of the route that is served, if any, goes on.
    """
    steps: list[Step] = []
    reasons: list[str] = []
    for match in sorted(wanted):
        route, served = wanted[match], serving.get(match)
        if route is None:
            changes, what = list(_leave(match, served)), f"{match} left"
        else:
            is_refused = (refused or {}).get(match) == shape(route.backend.options)
            reason = "" if is_refused else _structure(route, served)
            reasons += [reason] if reason else []
            changes = [*_changes(route, served, is_refused=is_refused), *_lead(route, served)]
            what = f"servers of {match} changed"
        if changes and not abilities.live_servers:
            reasons.append(what)
        else:
            steps += changes
    return Plan(tuple(steps), Reload(_summary(reasons)) if reasons else None)


def _structure(route: Route, served: ServingRoute | None) -> str:
    """Why the proxy must load a new configuration for this route; "" when it need not."""
    if route.maintenance is not None and not route.backend.servers:
        return ""  # nobody would notice, and most likely the containers come back as they were
    if served is None or not served.shape:
        return f"new site {route.match}"
    return f"options of {route.match} changed" if served.shape != shape(route.backend.options) else ""


def _leave(match: Match, served: ServingRoute | None) -> Iterable[Step]:
    if served is None:
        return
    if served.leads is not Lead.NOWHERE:
        yield RemoveRoute(match)
    for name in sorted(served.servers):
        yield RemoveServer(match, name)


def _lead(route: Route, served: ServingRoute | None) -> Iterable[Step]:
    """Where requests should go, if they go elsewhere now; never to a backend that is not there."""
    now = served.leads if served is not None else Lead.NOWHERE
    replaces = now is not Lead.NOWHERE
    if route.maintenance is not None:
        if route.maintenance != now:
            yield CloseRoute(route.match, route.maintenance, replaces)
    elif served is not None and served.shape and now is not Lead.BACKEND:
        yield AddRoute(route.match, replaces)


def _changes(route: Route, served: ServingRoute | None, *, is_refused: bool) -> list[Step]:
    """What changes among the servers of a backend that the proxy has."""
    if served is None or not served.shape:
        return []
    coming, going = _servers(route, served)
    return going if is_refused else coming + going


def _servers(route: Route, served: ServingRoute) -> tuple[list[Step], list[Step]]:
    """Those who come in, and those who go out."""
    wanted = {server.name: server for server in route.backend.servers}
    options = route.backend.options
    coming: list[Step] = []
    going: list[Step] = []
    for name, server in sorted(wanted.items()):
        now = served.servers.get(name)
        if server.state is ServerState.READY:
            coming += _bring_in(route.match, server, options, now)
        elif now is not None and now.takes_traffic and not _may_stay(server, now):
            going.append(DrainServer(route.match, name))
    going += [RemoveServer(route.match, name) for name in sorted(served.servers) if name not in wanted]
    return coming, going


def _may_stay(server: Server, now: Served) -> bool:
    """A server that serves already is not taken out merely because we have not asked it ourselves yet."""
    return server.state is ServerState.PROBING and now.endpoint == server.endpoint


def _bring_in(match: Match, server: Server, options: Options, now: Served | None) -> Iterable[Step]:
    if now is None:
        yield AddServer(match, server, options)
        return
    if now.weight != server.weight:
        yield WeighServer(match, server.name, server.weight)
    if now.endpoint != server.endpoint:
        yield MoveServer(match, server, options)
    elif not now.takes_traffic:
        yield EnableServer(match, server)


def _summary(reasons: list[str]) -> str:
    shown = 3
    more = f" and {len(reasons) - shown} more" if len(reasons) > shown else ""
    return ", ".join(reasons[:shown]) + more

"""Routes that are held as they were: pinned to a revision, or frozen for a while.

What is held is which routes there are, and their options. Servers go on as their containers do: one that stops leaves
the rotation, one that answers comes in. Only a pinned route prefers the containers that it had at its revision.
"""

from collections.abc import Mapping, Sequence

import msgspec

from interlock.core.backends import Claim
from interlock.core.dialects import names
from interlock.core.model import Backend, ContainerKey, Match, Options, Route, Server, ServerState
from interlock.core.problems import PermanentError, Problem, Severity, shown


class Held(msgspec.Struct, frozen=True):
    """One route as it was."""

    options: Options
    containers: frozenset[ContainerKey] | None = None
    """Those that served it; None where any that asks for it may."""


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """What is held, and for how long."""

    routes: Mapping[Match, Held]
    revision: int = 0
    """The one that it is pinned to; 0 for what is only frozen."""
    until: str = ""
    """When it ends by itself, RFC 3339 in UTC; "" for never."""

    def options_of(self, match: Match) -> Options | None:
        """The options that a route is held with; None where it is not held."""
        held = self.routes.get(match)
        return held.options if held is not None else None

    def backend(self, match: Match, now: Backend) -> Backend:
        """What a route leads to, instead of what its containers ask for now; nothing where it is not held."""
        held = self.routes.get(match)
        if held is None:
            return Backend()
        return Backend(options=held.options, servers=_chosen(held, now.servers))

    def problem(self, match: Match, claims: Sequence[Claim]) -> Problem | None:
        """Why a route that containers ask for is not there; None where nobody does that runs."""
        asking = sorted((claim for claim in claims if claim.container.is_up), key=lambda each: each.container.age_order)
        if match in self.routes or not asking:
            return None
        container = asking[0].container
        pinned = f"it is not in revision {self.revision}, and the routes are pinned to that"
        end = f" until {self.until}" if self.until else ""
        return Problem(
            container=container.name,
            container_id=container.id,
            engine=container.engine,
            key="route",
            value=shown(str(match)),
            what=f"{pinned if self.revision else 'it is new, and the routes are frozen'}{end}",
            fix="let it wait, or type `interlock unpin`"
            if self.revision
            else "let it wait, or type `interlock unfreeze`",
            severity=Severity.WARNING,
        )


def frozen(table: Mapping[Match, Route], until: str) -> Hold:
    """Hold these routes and their options."""
    return Hold(routes={match: Held(route.backend.options) for match, route in table.items()}, until=until)


def pinned(table: Mapping[Match, Route], revision: int, until: str) -> Hold:
    """Hold these routes, their options, and the containers that serve them."""
    routes = {
        match: Held(route.backend.options, frozenset(server.container for server in route.backend.servers))
        for match, route in table.items()
    }
    return Hold(routes=routes, revision=revision, until=until)


def _chosen(held: Held, now: tuple[Server, ...]) -> tuple[Server, ...]:
    """The servers of then, while one of them takes traffic; else whoever there is, rather than nobody.

    A route that had no server then gets none.
    """
    if held.containers is None:
        return now
    if not held.containers:
        return ()
    of_then = tuple(server for server in now if server.container in held.containers)
    return of_then if any(server.state is ServerState.READY for server in of_then) else now


class _StoredRoute(msgspec.Struct, frozen=True):
    host: str
    path: str
    options: int
    """Place in the list of all options: many routes have the same."""
    containers: tuple[ContainerKey, ...] | None


class StoredHold(msgspec.Struct, frozen=True, kw_only=True):
    """A hold in a file."""

    revision: int
    until: str
    options: tuple[Options, ...]
    routes: tuple[_StoredRoute, ...]


def stored(hold: Hold) -> StoredHold:
    places: dict[Options, int] = {}
    routes = tuple(
        _StoredRoute(
            match.host,
            match.path,
            places.setdefault(held.options, len(places)),
            None if held.containers is None else tuple(sorted(held.containers)),
        )
        for match, held in sorted(hold.routes.items())
    )
    return StoredHold(revision=hold.revision, until=hold.until, options=tuple(places), routes=routes)


def restored(file: StoredHold) -> Hold:
    """The hold of a file, its names checked like new ones. Raises PermanentError."""
    routes = {}
    for each in file.routes:
        host, path = names.host(each.host).value, names.path(each.path).value
        if host is None or path is None or not 0 <= each.options < len(file.options):
            raise PermanentError(f"it is damaged: {shown(each.host)}{shown(each.path)} is no route")
        containers = None if each.containers is None else frozenset(each.containers)
        routes[Match(host, path)] = Held(file.options[each.options], containers)
    return Hold(routes=routes, revision=file.revision, until=file.until)

"""Steps -> commands: which words HAProxy is given for what the plan orders."""

from collections.abc import Callable

from interlock.core.model import Match, RouteTable
from interlock.core.plan import (
    AddRoute,
    AddServer,
    CloseRoute,
    DrainServer,
    EnableServer,
    MoveServer,
    Reload,
    RemoveRoute,
    RemoveServer,
    Step,
    WeighServer,
)
from interlock.proxies.haproxy import runtime
from interlock.proxies.haproxy.leads import entry_of
from interlock.proxies.haproxy.names import UNKNOWN_BACKEND, map_key
from interlock.proxies.haproxy.runtime import Command


def commands_for(  # noqa: PLR0911 - one return for each kind of step
    step: Step,
    table: RouteTable,
    *,
    backend_ca: str,
    seat_of: Callable[[Match], Match],
    is_leaving: Callable[[Match, str], bool],
) -> list[Command]:
    """The commands for one step.

    `table` tells which other routes a host has; `seat_of` whose backend a match has; `is_leaving` whether a server of
    that name still waits to be deleted, so that a container which comes back under its old name takes its old place.
    """
    match step:
        case AddServer(match=match, server=server, options=options):
            if is_leaving(match, server.name):
                return runtime.move_server(seat_of(match), server)
            return runtime.add_server(seat_of(match), server, options, backend_ca=backend_ca)
        case MoveServer(match=match, server=server):
            return runtime.move_server(seat_of(match), server)
        case WeighServer(match=match, name=name, weight=weight):
            return runtime.weigh_server(seat_of(match), name, weight)
        case EnableServer(match=match, server=server):
            return runtime.enable_server(seat_of(match), server.name)
        case DrainServer(match=match, name=name) | RemoveServer(match=match, name=name):
            return runtime.drain_server(seat_of(match), name)
        case AddRoute() | CloseRoute():
            return _lead(step, table, seat_of(step.match))
        case RemoveRoute(match=match):
            return _mislead(match, table)
        case Reload():
            return []


def _lead(step: AddRoute | CloseRoute, table: RouteTable, seat: Match) -> list[Command]:
    key, root = map_key(step.match), Match(step.match.host)
    entry = entry_of(seat, step.maintenance if isinstance(step, CloseRoute) else None)
    if step.replaces:
        return runtime.replace_route(key, entry)
    commands = runtime.set_route(key, entry)
    if step.match != root and root not in table:
        commands += runtime.set_route(map_key(root), UNKNOWN_BACKEND)
    return commands


def _mislead(match: Match, table: RouteTable) -> list[Command]:
    """A host that keeps other paths keeps a root entry that leads nowhere (see render.routes_entries)."""
    root, siblings = Match(match.host), table.of_host(match.host)
    if match == root and siblings:
        return runtime.set_route(map_key(root), UNKNOWN_BACKEND)
    commands = [runtime.delete_route(map_key(match))]
    if match != root and not siblings:
        commands.append(runtime.delete_route(map_key(root)))
    return commands

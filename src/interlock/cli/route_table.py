"""The route table as people and programs read it."""

from collections.abc import Iterable, Iterator

import msgspec
import typer

from interlock.cli.columns import columns
from interlock.core.backends import waiting_in
from interlock.core.model import CheckKind, HealthCheck, Options, Route, RouteTable, Server, ServerState
from interlock.core.problems import Problem, Severity

HEADER = ("HOST", "PATH", "SERVER", "ADDRESS", "WEIGHT", "STATE")
STANDBY = "stand-by"
"""Shown instead of "ready" of a server that waits while local ones take the requests."""
COLOURS: dict[str, str] = {
    ServerState.READY: "green",
    ServerState.PROBING: "yellow",
    ServerState.STARTING: "yellow",
    ServerState.DRAINING: "yellow",
    ServerState.DOWN: "red",
    STANDBY: "cyan",
    Severity.WARNING: "yellow",
    Severity.ERROR: "red",
}
DEFAULTS = Options()


class ServerLine(msgspec.Struct, frozen=True):
    """A server, as JSON has it."""

    name: str
    address: str
    port: int
    weight: int
    state: ServerState
    container: str
    """Its container's full id."""
    engine: str
    standby: bool
    """It takes requests only while no local server can."""


class RouteLine(msgspec.Struct, frozen=True):
    """A route, as JSON has it."""

    host: str
    path: str
    backend: Options
    servers: list[ServerLine]


class Picture(msgspec.Struct, frozen=True):
    """The whole answer of `interlock routes --json`."""

    routes: list[RouteLine]
    problems: list[Problem]


def state_text(state: ServerState, *, waits: bool) -> str:
    """A server's state as people are told of it."""
    return STANDBY if waits else state


def as_json(table: RouteTable, problems: Iterable[Problem]) -> str:
    """Everything, sorted, so that equal tables give equal text."""
    picture = Picture([_route_line(route) for route in table.values()], sorted(problems))
    return msgspec.json.format(msgspec.json.encode(picture)).decode()


def as_text(table: RouteTable, problems: Iterable[Problem]) -> Iterator[str]:
    """Lines for a terminal: routes with their servers and unusual options, then the problems with their fixes."""
    if not table:
        yield "There are no routes."
    else:
        rows = [HEADER, *(row for route in table.values() for row in _rows(route))]
        for row, line in zip(rows, columns(rows), strict=True):
            yield _coloured(line, row[-1])
    for problem in sorted(problems):
        who = problem.container or "interlock"
        value = f"={problem.value}" if problem.value else ""
        yield ""
        yield f"{_coloured(problem.severity, problem.severity)}: {who}: {problem.key}{value}"
        yield f"  {problem.what}"
        yield f"  fix: {problem.fix}"


def _rows(route: Route) -> Iterator[tuple[str, ...]]:
    """One row a server; host and path stand on the first one only."""
    head, waiting = tuple(route.match), waiting_in(route.backend)
    for server in route.backend.servers:
        state = state_text(server.state, waits=server.name in waiting)
        yield (*head, server.name, server.endpoint, str(server.weight), state)
        head = ("", "")
    if not route.backend.servers:
        yield (*head, "none: the host is known, and answers 503")
    unusual = list(_unusual(route.backend.options))
    if unusual:
        yield ("", "", f"options: {' '.join(unusual)}")


def _unusual(options: Options) -> Iterator[str]:
    for name in Options.__struct_fields__:
        value = getattr(options, name)
        if value != getattr(DEFAULTS, name):
            yield f"{name}={_shown(value)}"


def _shown(value: object) -> str:
    if isinstance(value, HealthCheck):
        http = (value.method, value.uri, value.version, *([value.host] if value.host else []))
        return " ".join((value.kind, *http)) if value.kind is CheckKind.HTTP else value.kind
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _coloured(line: str, word: str) -> str:
    """The line with its last word in the word's colour, if it has one; whoever prints it strips that off a pipe."""
    colour = COLOURS.get(word)
    return line.removesuffix(word) + typer.style(word, fg=colour) if colour else line


def _route_line(route: Route) -> RouteLine:
    return RouteLine(*route.match, route.backend.options, [_server_line(server) for server in route.backend.servers])


def _server_line(server: Server) -> ServerLine:
    engine, id_ = server.container
    return ServerLine(
        server.name, server.address, server.port, server.weight, server.state, id_, engine, server.standby
    )

"""What `interlock top` shows: a table of routes and servers with their load, as high as the terminal."""

import enum
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from interlock.cli.route_table import COLOURS, state_text
from interlock.core.loads import Load, Loads, RouteLoad, ServerLoad
from interlock.core.problems import shown

FRAME = 5
"""Lines around the rows: totals, head of the table, keys, and what became of an order."""
LONGEST_NAME = 120
KEYS = "up/down choose   s sort   d drain   u undrain   q quit"


class Sort(enum.StrEnum):
    """What comes first."""

    NAME = "name"
    RATE = "rate"
    ERRORS = "errors"
    LATENCY = "latency"
    SESSIONS = "sessions"

    @property
    def next(self) -> "Sort":
        every = list(Sort)
        return every[(every.index(self) + 1) % len(every)]


_KEYS: Mapping[Sort, Callable[[Load], float]] = MappingProxyType(
    {
        Sort.NAME: lambda _load: 0,
        Sort.RATE: lambda load: load.requests,
        Sort.ERRORS: lambda load: load.errors,
        Sort.LATENCY: lambda load: load.latency or 0,
        Sort.SESSIONS: lambda load: load.sessions,
    }
)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table."""

    route: RouteLoad
    server: ServerLoad | None = None
    """None for the route itself."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Names it from one look to the next."""
        return self.route.host, self.route.path, self.server.name if self.server is not None else ""

    @property
    def load(self) -> Load:
        return self.server.load if self.server is not None else self.route.load


def rows_of(loads: Loads, sort: Sort) -> list[Row]:
    """Each route, and its servers below it; the highest first, and otherwise in their own order."""
    weight = _KEYS[sort]
    rows = []
    for route in sorted(loads.routes, key=lambda route: -weight(route.load)):
        rows.append(Row(route=route))
        rows += [
            Row(route=route, server=server) for server in sorted(route.servers, key=lambda each: -weight(each.load))
        ]
    return rows


def lines(loads: Loads, sort: Sort) -> RenderableType:
    """All of it, for a file or a pipe."""
    return Group(_totals(loads, sort), _table(rows_of(loads, sort), None), *_silence(loads))


def screen(
    loads: Loads, sort: Sort, *, chosen: tuple[str, str, str] | None, height: int, told: str = ""
) -> RenderableType:
    """As many rows around the chosen one as fit; `told` is what became of the last order."""
    rows = rows_of(loads, sort)
    silence = _silence(loads)
    room = max(height - FRAME - len(silence), 1)
    at = next((position for position, row in enumerate(rows) if row.key == chosen), 0)
    start = min(max(at - room // 2, 0), max(len(rows) - room, 0))
    table = _table(rows[start : start + room], chosen)
    return Group(_totals(loads, sort), table, *silence, Text(KEYS, "dim"), Text(told, "yellow"))


def _totals(loads: Loads, sort: Sort) -> Text:
    requests = sum(route.load.requests for route in loads.routes)
    errors = sum(route.load.errors for route in loads.routes)
    sessions = sum(route.load.sessions for route in loads.routes)
    text = f"{len(loads.routes)} routes   {requests:.1f} req/s   {errors:.1f} err/s   {sessions} sessions"
    return Text(f"{text}   by {sort}", no_wrap=True, overflow="ellipsis")


def _silence(loads: Loads) -> Sequence[Text]:
    return [
        Text(f"{each.proxy}: no numbers: {shown(each.why, length=200)}", "yellow", no_wrap=True, overflow="ellipsis")
        for each in loads.silent
    ]


def _table(rows: Sequence[Row], chosen: tuple[str, str, str] | None) -> Table:
    table = Table(box=None, expand=True, pad_edge=False, padding=(0, 1), header_style="bold")
    table.add_column("ROUTE / SERVER", ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column("STATE", width=8, no_wrap=True)
    for name, width in (("REQ/S", 8), ("ERR/S", 7), ("SESSIONS", 8), ("LATENCY", 9)):
        table.add_column(name, width=width, justify="right", no_wrap=True)
    for row in rows:
        load = row.load
        table.add_row(
            _name(row),
            _state(row),
            f"{load.requests:.1f}",
            Text(f"{load.errors:.1f}", "red" if load.errors else ""),
            str(load.sessions),
            "-" if load.latency is None else f"{load.latency} ms",
            style="reverse" if row.key == chosen else "",
        )
    return table


def _name(row: Row) -> Text:
    if row.server is not None:
        return Text(f"  {shown(row.server.name, length=LONGEST_NAME)}")
    path = "" if row.route.path == "/" else row.route.path
    return Text(shown(row.route.host + path, length=LONGEST_NAME), "bold")


def _state(row: Row) -> Text:
    if row.server is None:
        return Text("")
    state = state_text(row.server.state, waits=row.server.waits)
    return Text(state, COLOURS[state])

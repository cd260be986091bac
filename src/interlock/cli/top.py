"""`interlock top`: what every route and server has to do, live."""

import sys
import time
from typing import Annotated

import msgspec
import typer
from rich.console import Console, RenderableType
from rich.live import Live

from interlock.cli.arguments import AsJson
from interlock.cli.daemon import Daemon, daemon_of
from interlock.cli.durations import seconds_of
from interlock.cli.keys import next_keys, single_keys
from interlock.cli.load_table import Sort, lines, rows_of, screen
from interlock.core.loads import Loads, loads
from interlock.core.problems import InterlockError, shown
from interlock.core.route_changes import KnownRoutes
from interlock.core.traffic import Traffic
from interlock.settings import SettingsError

SHORTEST = 0.5
"""Seconds between two looks; the daemon does not ask its proxies more often."""


def top(
    ctx: typer.Context,
    *,
    sort: Annotated[
        Sort, typer.Option("--sort", metavar="BY", help=f"What comes first: {', '.join(Sort)}.")
    ] = Sort.NAME,
    interval: Annotated[
        str, typer.Option("--interval", metavar="DURATION", help="Time between two looks, at least 0.5s.")
    ] = "2s",
    once: Annotated[bool, typer.Option("--once", help="Print one look and end.")] = False,
    json: AsJson = False,
) -> int:
    """Show what every route and server has to do, live.

    Requests and errors a second, requests under way and latency, from the proxies' own counters. Without a terminal,
    and with --once, one look is printed; with --json each look is a line, until Ctrl-C or, with --once, the first.

    Keys: up and down (or k and j) choose a row, s sorts otherwise, d drains the chosen server's container, u puts it
    back, q ends.

    Exit codes: 0; 1 Interlock does not run.

    Example: interlock top --once --sort rate
    """
    meters = Meters(daemon_of(ctx.obj), _interval(interval))
    try:
        if json:
            _print_looks(meters, once=once)
        elif once or not (sys.stdin.isatty() and sys.stdout.isatty()):
            Console(highlight=False).print(lines(meters.next(), sort))
        else:
            Screen(meters, sort).run()
    except KeyboardInterrupt:
        return 0
    return 0


def _interval(text: str) -> float:
    seconds = seconds_of("--interval", text)
    if seconds < SHORTEST:
        raise SettingsError(f"--interval={shown(text)} is too short", fix=f"use {SHORTEST:g}s or more")
    return seconds


class Meters:
    """The daemon's meters, looked at again and again."""

    def __init__(self, daemon: Daemon, interval: float) -> None:
        self.daemon = daemon
        self.interval = interval
        self._routes = KnownRoutes()
        self._before: Traffic | None = None
        self._looked_at = 0.0

    @property
    def due_in(self) -> float:
        """Seconds until the next look; less than 0 when it is late."""
        return self._looked_at + self.interval - time.monotonic()

    def next(self) -> Loads:
        """Wait until a look is due, and take it."""
        if self._before is None:
            self.look()
        time.sleep(max(self.due_in, 0.0))
        return self.look()

    def look(self) -> Loads:
        """What goes on since the last look; at the first one nothing is known of that."""
        now = self.daemon.traffic()
        self._routes.take(self.daemon.changes(self._routes.at))
        self._looked_at = time.monotonic()
        found = loads(self._routes, self._before if self._before is not None else Traffic(proxies=()), now)
        self._before = now
        return found


class Screen:
    """The whole terminal."""

    def __init__(self, meters: Meters, sort: Sort) -> None:
        self._meters = meters
        self._sort = sort
        self._loads = meters.look()
        self._chosen: tuple[str, str, str] | None = None
        self._told = ""

    def run(self) -> None:
        """Until somebody ends it."""
        console = Console(highlight=False)
        with single_keys(), Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                live.update(self._drawn(console.height), refresh=True)
                for key in next_keys(self._meters.due_in):
                    if key == "q":
                        return
                    self._obey(key)
                if self._meters.due_in <= 0:
                    self._loads = self._meters.look()

    def _drawn(self, height: int) -> RenderableType:
        return screen(self._loads, self._sort, chosen=self._chosen, height=height, told=self._told)

    def _obey(self, key: str) -> None:
        match key:
            case "down" | "j":
                self._step(1)
            case "up" | "k":
                self._step(-1)
            case "s":
                self._sort = self._sort.next
            case "d" | "u":
                self._order(key)

    def _step(self, by: int) -> None:
        keys = [row.key for row in rows_of(self._loads, self._sort)]
        if not keys:
            return
        at = keys.index(self._chosen) + by if self._chosen in keys else 0
        self._chosen = keys[min(max(at, 0), len(keys) - 1)]

    def _order(self, key: str) -> None:
        """Drain or undrain the chosen server's container; what is wrong with that is told below the table."""
        rows = rows_of(self._loads, self._sort)
        server = next((row.server for row in rows if row.key == self._chosen), None)
        if server is None:
            self._told = "choose a server first"
            return
        order, done = (
            (self._meters.daemon.drain, "is out of rotation")
            if key == "d"
            else (self._meters.daemon.undrain, "is back in rotation")
        )
        try:
            receipt = order(server.container)
        except InterlockError as error:
            self._told = str(error)
            return
        self._told = "; ".join(
            [f"{shown(server.name)} {done}", *(shown(each, length=300) for each in receipt.warnings)]
        )
        self._loads = self._meters.look()


def _print_looks(meters: Meters, *, once: bool) -> None:
    while True:
        print(msgspec.json.encode(meters.next()).decode(), flush=True)
        if once:
            return

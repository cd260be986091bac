"""`interlock routes`: what is routed where, of a live engine or of a file, without a daemon."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from interlock.cli.chosen import override_address_of
from interlock.cli.known_plugins import known_plugins
from interlock.cli.route_table import as_json, as_text
from interlock.core.events import Listed, Placed, View
from interlock.core.model import RouteTable
from interlock.core.problems import Problem, shown
from interlock.engines.paper import read_containers
from interlock.host import logs
from interlock.settings import Flags, Settings, SettingsError, load_settings
from interlock.survey import KEPT, routes_after, survey_all

ON_PAPER = "file"
"""Name of the engine that a file stands for."""


def routes(
    ctx: typer.Context,
    *,
    source: Annotated[
        str,
        typer.Option("--from", metavar="FILE", help="Read a JSON list of container documents instead; - is stdin."),
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    override_address: Annotated[
        str,
        typer.Option(
            "--backend-override-address",
            metavar="ADDRESS",
            help="Where published ports are reached (env HAPROXY_PROXY_BACKEND_OVERRIDE_ADDRESS).",
        ),
    ] = "",
) -> None:
    """Show what is routed where, and what cannot be.

    Asks the engine that --swarm-url names, and changes nothing; or reads a file that `docker inspect` wrote. Problems
    follow the table, each with its fix.

    Example: docker inspect $(docker ps -q) | interlock routes --from -
    """
    settings = _settings(ctx.obj)
    logs.configure(debug=settings.debug, log_format=settings.log_format)
    override = override_address or override_address_of(settings)
    table, problems = _of_file(source, override) if source else _of_engines(settings, override)
    colour = False if os.environ.get("NO_COLOR") else None
    for line in [as_json(table, problems)] if json else as_text(table, problems):
        typer.echo(line, color=colour)


def _settings(flags: Flags) -> Settings:
    """The settings with every plugin read, since any may know where published ports are reached."""
    known = known_plugins()
    every = msgspec.structs.replace(flags, plugins=flags.plugins or tuple(known.types))
    return load_settings(every, environ=os.environ, known=known)


def _of_file(path: str, override: str) -> tuple[RouteTable, list[Problem]]:
    containers, problems = read_containers(_read(path), engine=ON_PAPER, kept=KEPT)
    view = View(engine=ON_PAPER, override_address=override, on_paper=True)
    found = routes_after([Placed(view), Listed(ON_PAPER, tuple(containers))])
    return found.table, [*problems, *found.problems]


def _of_engines(settings: Settings, override: str) -> tuple[RouteTable, list[Problem]]:
    """Raises TemporaryError, PermanentError."""
    found = asyncio.run(survey_all(settings.engines, override_address=override, locality=settings.locality))
    return found.table, list(found.problems)


def _read(path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except OSError as error:
        fix = "name a file that `docker inspect` wrote, or - for stdin"
        raise SettingsError(f"--from={shown(path)} cannot be read: {error.strerror}", fix=fix) from None

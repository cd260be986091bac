"""`interlock list-plugins`."""

from collections.abc import Mapping

import msgspec
import typer

from interlock.cli.arguments import AsJson
from interlock.cli.columns import columns
from interlock.cli.daemon import daemon_of
from interlock.core.problems import InterlockError, shown
from interlock.core.status import PluginStatus
from interlock.plugins.registry import Found, find_all

HEADER = ("NAME", "VERSION", "KIND", "STATE", "ORIGIN")
LONGEST_REASON = 300


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the list."""

    name: str
    version: str = ""
    kind: str = "unknown"
    description: str = ""
    url: str = ""
    origin: str
    """The installed package that it comes from, with its version."""
    state: str
    """In the Interlock that runs here: ``running``, ``restarting``, …; ``off`` for one that it does not use."""
    why: str = ""
    """Why it failed last in there; "" when it did not."""
    problem: str | None = None
    """Why it cannot be used."""


def list_plugins(ctx: typer.Context, *, json: AsJson = False) -> None:
    """List the installed plugins.

    Each with its kind, where it comes from, and how it is in the Interlock that runs here. One that cannot be used is
    listed too, with the reason.

    Example: interlock list-plugins --json
    """
    states = _states(ctx)
    plugins = [_listed(found, states.get(found.name)) for found in find_all()]
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(plugins)).decode())
        return
    for line in columns([HEADER, *((p.name, p.version or "-", p.kind, p.state, p.origin) for p in plugins)]):
        typer.echo(line)
    typer.echo("")
    for line in columns([("NAME", "DESCRIPTION"), *((p.name, p.description or "-") for p in plugins)]):
        typer.echo(line)
    for plugin in plugins:
        if reason := plugin.problem or plugin.why:
            typer.echo(f"{plugin.name}: {shown(reason, length=LONGEST_REASON)}")


def _states(ctx: typer.Context) -> Mapping[str, PluginStatus]:
    """Of the enabled ones, by name; none where no Interlock runs (or may be asked)."""
    try:
        return {plugin.name: plugin for plugin in daemon_of(ctx.obj).status().plugins}
    except InterlockError:
        return {}


def _listed(found: Found, status: PluginStatus | None) -> Listed:
    state, why = (status.state.value, status.why) if status is not None else ("off", "")
    if found.plugin is None:
        return Listed(name=found.name, origin=found.origin, state=state, problem=f"cannot be used: {found.problem}")
    plugin = found.plugin
    return Listed(
        name=plugin.name,
        version=plugin.version,
        kind=str(found.kind),
        description=plugin.description,
        url=plugin.url,
        origin=found.origin,
        state=state,
        why=why,
    )

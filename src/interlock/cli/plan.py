"""`interlock plan`: what would change if Interlock were started, or a Compose file deployed."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
import typer

from interlock.cli.arguments import AsJson
from interlock.cli.chosen import chosen_settings, override_address_of
from interlock.cli.complaints import FAILED, complain
from interlock.cli.daemon import SOCKET, Daemon
from interlock.cli.receipts import print_json
from interlock.compose import read_project
from interlock.core.model import RouteTable
from interlock.core.overrides import Overrides, decode
from interlock.core.plan import Step
from interlock.core.problems import InterlockError, PermanentError, Problem, shown
from interlock.host import files, logs
from interlock.outlook import ProxyOutlook, outlook, served_last, told_by, wanted
from interlock.plugins.registry import look_up
from interlock.proxies.contract import Context, Plugin
from interlock.proxies.dryrun import SENTENCES
from interlock.settings import PluginSettings, Settings
from interlock.survey import survey

CHANGES = 2
"""Exit code where something would change."""
ORDERS = "overrides.json"
"""The operator's orders, in the state folder."""
EACH = "HOSTNAME"
"""Stands for the folder of each proxy in a container."""
UNKNOWN = (
    "only a running Interlock knows what {}'s proxies in containers serve, so this is for one that serves nothing yet"
)
MOST_LINES = 400
"""Lines of a diff that are printed; JSON has all."""
LONGEST_LINE = 300
COLOURS = {"+": "green", "-": "red", "@": "cyan"}


class Answer(msgspec.Struct, frozen=True):
    """The whole of it."""

    compared_with: str
    """What is served now, by whose word."""
    proxies: tuple[ProxyOutlook, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()


class Known(NamedTuple):
    """What is served now."""

    by: str
    table: RouteTable | None
    """None where each proxy's last good state tells."""


def plan(
    ctx: typer.Context,
    *,
    file: Annotated[
        str, typer.Option("--file", "-f", metavar="FILE", help="A Compose file, as if it were deployed.")
    ] = "",
    config: Annotated[str, typer.Option("--config", "-c", metavar="FILE", help="TOML file, as for `run`.")] = "",
    json: AsJson = False,
) -> int:
    """Show what would change if Interlock were started now, or a Compose file deployed.

    Looks at the engine once, works out the steps as Interlock would, renders the proxy's configuration, and compares
    both with what the running Interlock serves, or else with what was served last. Touches neither the engine nor the
    proxy, and needs no root. For haproxy where no plugin is named.

    Exit codes: 0 nothing would change; 2 something would; 1 it cannot be told.

    Example: interlock plan --file compose.yaml
    """
    try:
        answer = _answer(chosen_settings(ctx.obj, config=config), file)
    except InterlockError as error:
        complain(error)
        return FAILED
    if json:
        print_json(answer)
    else:
        _print(answer)
    return CHANGES if any(each.steps or each.diff for each in answer.proxies) else 0


def _answer(settings: Settings, file: str) -> Answer:
    """Raises SettingsError, TemporaryError, PermanentError."""
    logs.configure(debug=settings.debug, log_format=settings.log_format)
    return asyncio.run(_look(settings, file))


async def _look(settings: Settings, file: str) -> Answer:
    project = read_project(Path(file), os.environ) if file else None
    address = override_address_of(settings)
    seen = await asyncio.gather(*(survey(each, override_address=address) for each in settings.engines))
    orders, notes = _orders(Path(settings.state_dir) / ORDERS)
    routes = wanted(seen, orders, project, locality=settings.locality)
    known = _known(settings)
    proxies = []
    for chosen in settings.plugins:
        plugin = look_up(chosen.name).plugin
        if isinstance(plugin, Plugin):
            context = _context(settings, plugin, chosen)
            runs = known.table is not None
            before = known.table if known.table is not None else served_last(context.state_dir) or RouteTable()
            if not runs and _is_external(settings, plugin):
                notes.append(UNKNOWN.format(plugin.name))
            proxies.append(await outlook(plugin, context, before=before, now=routes.table, runs=runs))
    problems = (*(project.problems if project is not None else ()), *routes.problems)
    return Answer(known.by, tuple(proxies), problems, tuple(notes))


def _is_external(settings: Settings, plugin: Plugin) -> bool:
    """Whether its proxies run in containers, and none here."""
    return bool(settings.external_dir) and plugin.build_in is not None


def _known(settings: Settings) -> Known:
    try:
        status = Daemon(Path(settings.run_dir) / SOCKET).routes()
    except PermanentError:
        return Known("what was served last", None)
    return Known("the running Interlock", told_by(status))


def _orders(path: Path) -> tuple[Overrides, list[str]]:
    """The operator's orders, which outlive a restart; what may surprise in them."""
    try:
        text = files.read(path)
        orders = decode(text) if text is not None else Overrides()
    except InterlockError as error:
        return Overrides(), [f"the orders in force are not known: {error.what}"]
    held = "an order holds the routes as they are (`interlock status`), so this waits for its end"
    return orders, [held] if orders.hold is not None else []


def _context(settings: Settings, plugin: Plugin, chosen: PluginSettings) -> Context:
    options: Any = chosen.options if chosen.options is not None else plugin.settings()
    if _is_external(settings, plugin):  # each has a folder of its own, called like its container's host
        folder = Path(settings.external_dir) / EACH
        state_dir, run_dir = folder, folder / "run"
    else:
        state_dir, run_dir = Path(settings.state_dir) / plugin.name, Path(settings.run_dir) / plugin.name
    return Context(
        name=plugin.name,
        settings=options,
        state_dir=state_dir,
        run_dir=run_dir,
        look_again=lambda: None,
    )


def _print(answer: Answer) -> None:
    colour = False if os.environ.get("NO_COLOR") else None
    for line in _lines(answer):
        typer.echo(line, color=colour)


def _lines(answer: Answer) -> Iterator[str]:
    for proxy in answer.proxies:
        if not proxy.steps and not proxy.diff:
            yield f"{proxy.proxy}: nothing would change, compared with {answer.compared_with}"
            continue
        yield f"{proxy.proxy}, compared with {answer.compared_with}, would:"
        yield from (f"  {step_text(step)}" for step in proxy.steps)
        if not proxy.steps:
            yield "  take no step: only its files would be written anew"
        yield from _diff_lines(proxy.diff)
    yield from (f"note: {note}" for note in answer.notes)
    for problem in answer.problems:
        yield f"{problem.severity}: {problem.sentence()}"


def step_text(step: Step) -> str:
    return shown(SENTENCES[type(step)].format(step), length=LONGEST_LINE)


def _diff_lines(diff: tuple[str, ...]) -> Iterator[str]:
    for line in diff[:MOST_LINES]:
        safe = shown(line, length=LONGEST_LINE)
        colour = COLOURS.get(line[:1])
        yield typer.style(safe, fg=colour) if colour else safe
    if len(diff) > MOST_LINES:
        yield f"and {len(diff) - MOST_LINES} more lines, which --json prints"

"""`interlock status`: how the running Interlock is."""

from collections.abc import Iterable

import typer

from interlock.cli.arguments import AsJson
from interlock.cli.columns import columns
from interlock.cli.daemon import daemon_of
from interlock.cli.receipts import counted, print_json
from interlock.core.problems import Problem, shown
from interlock.core.status import EngineStatus, OrdersStatus, PluginKind, PluginStatus, ProxyStatus, Status

NOT_READY = 3
"""Exit code of an Interlock that runs but is not ready."""


def status(ctx: typer.Context, *, json: AsJson = False) -> int:
    """Show how the running Interlock is.

    It is ready when every engine has told what it runs, lately, and every proxy serves it. The orders in force and the
    problems of containers follow.

    Exit codes: 0 it is ready; 1 it does not run; 3 it runs, but is not ready.

    Example: interlock status --json
    """
    found = daemon_of(ctx.obj).status()
    if json:
        print_json(found)
    else:
        for line in _lines(found):
            typer.echo(line)
    return 0 if found.ready else NOT_READY


def _lines(found: Status) -> Iterable[str]:
    yield f"interlock {found.version} is {'ready' if found.ready else 'not ready'}"
    yield from (f"  {shown(why, length=500)}" for why in found.not_ready_because)
    yield ""
    yield from columns([("ENGINE", "CONTAINERS", "LISTED", "STATE"), *map(_engine, found.engines)])
    yield ""
    yield from columns([("PROXY", "RELOADS", "STATE"), *map(_proxy, found.proxies)])
    yield ""
    if observers := [_observer(plugin) for plugin in found.plugins if plugin.kind is PluginKind.OBSERVER]:
        yield from columns([("OBSERVER", "RESTARTS", "MISSED", "STATE"), *observers])
        yield ""
    states = ", ".join(f"{count} {state}" for state, count in found.servers.items())
    servers = f"{sum(found.servers.values())} servers{f' ({states})' if states else ''}"
    yield f"{found.routes} routes, {servers}{f'; revision {found.revision}' if found.revision else ''}"
    if found.locality:
        yield f"local first: {', '.join(found.locality)}; {counted(found.standing_by, 'server')} standing by"
    yield from _orders(found.orders)
    yield from _problems(found.problems)


def _engine(engine: EngineStatus) -> tuple[str, ...]:
    listed = "never" if engine.seconds_since_list is None else f"{engine.seconds_since_list:.0f} s ago"
    trouble = f"held: {engine.held}" if engine.held else f"lost: {engine.lost}" if engine.lost else ""
    state = trouble or engine.description or "not heard of yet"
    return engine.name, str(engine.containers), listed, shown(state, length=200)


def _proxy(proxy: ProxyStatus) -> tuple[str, ...]:
    state = f"in trouble: {proxy.error}" if proxy.error else "serves" if proxy.ready else "starts"
    state = state if proxy.ready or proxy.waited_for else f"not waited for; {state}"
    return proxy.name, str(proxy.reloads), shown(state, length=200)


def _observer(plugin: PluginStatus) -> tuple[str, ...]:
    state = f"{plugin.state}: {plugin.why}" if plugin.why else plugin.state
    return plugin.name, str(plugin.restarts), str(plugin.dropped), shown(state, length=200)


def _orders(orders: OrdersStatus) -> Iterable[str]:
    lines = [f"  drained: {shown(name)}" for name in orders.drained]
    lines += [f"  weight {each.weight}: {shown(each.target)}" for each in orders.weights]
    lines += [f"  closed {_end(each.until)}: {host}: {each.message}" for host, each in orders.maintenance.items()]
    if (pin := orders.pin) is not None:
        lines.append(f"  pinned to revision {pin.revision} {_end(pin.until)}: {counted(pin.routes, 'route')}")
    if (freeze := orders.freeze) is not None:
        lines.append(f"  frozen {_end(freeze.until)}: {counted(freeze.routes, 'route')}")
    if lines:
        yield "orders in force:"
        yield from lines


def _end(until: str) -> str:
    return f"until {until}" if until else "until further notice"


def _problems(problems: Iterable[Problem]) -> Iterable[str]:
    sentences = [problem.sentence() for problem in problems]
    if sentences:
        yield f"{len(sentences)} problems:"
        yield from (f"  {sentence}" for sentence in sentences)

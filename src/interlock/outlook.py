"""What would change if Interlock were started now, or if a Compose file were deployed: steps, and other lines of files.

Wanted is what a survey of the engine asks for, serving what the running Interlock tells, or else what was served last;
between them stands the same :func:`interlock.core.plan.make_plan` that the driver asks.
"""

from collections.abc import Iterable, Mapping, Sequence
from difflib import unified_diff
from pathlib import Path

import msgspec

from interlock.compose import Project, containers_of
from interlock.core.events import Listed, Placed
from interlock.core.model import Backend, Container, ContainerKey, Match, Route, RouteTable, Server, ServerState
from interlock.core.overrides import SERVICE_LABEL, Overrides, service_of
from interlock.core.plan import (
    EVERYTHING_LIVE,
    Abilities,
    Lead,
    Served,
    Serving,
    ServingRoute,
    Step,
    make_plan,
    shape,
)
from interlock.core.problems import PermanentError
from interlock.core.routes import Routes
from interlock.core.status import RoutesStatus, ServerStatus
from interlock.core.world import World
from interlock.host import files
from interlock.proxies.contract import Context, Plugin, Preview
from interlock.proxies.serving.sites import LastGood, Site
from interlock.survey import Survey

LAST_GOOD = "last-good.json"
"""What a proxy served last, in its state folder."""
STARTED, LATER = "0", "9"
"""Before and after every time of an engine, which are compared as text: who runs counts as answering."""
_KNOWN = frozenset({ServerState.READY, ServerState.DRAINING})
"""States of servers that the proxy has; a draining one takes no traffic."""


class ProxyOutlook(msgspec.Struct, frozen=True, kw_only=True):
    """What one proxy would be told."""

    proxy: str
    steps: tuple[Step, ...]
    """In their order; a reload is the last."""
    diff: tuple[str, ...]
    """Of its files, as unified diffs; () where they stay as they are."""

    @property
    def changes(self) -> bool:
        return bool(self.steps or self.diff)


def wanted(
    surveys: Sequence[Survey], orders: Overrides, project: Project | None = None, *, locality: tuple[str, ...] = ()
) -> Routes:
    """What the engines' containers ask for, with the operator's orders in force; of a file, as if it were deployed."""
    home = _home_of(project, surveys) if project is not None else None
    routes = Routes(World(has_several_engines=len(surveys) > 1, locality=locality))
    routes.update(*routes.world.order(orders))
    for survey in surveys:
        engine, containers = survey.view.engine, survey.containers
        if project is not None and survey is home:
            containers = deployed(containers, project, engine)
        for event in (Placed(survey.view), Listed(engine, containers)):
            routes.update(routes.world.advance(event, settled_before=LATER))
    return routes


def _home_of(project: Project, surveys: Sequence[Survey]) -> Survey:
    """The engine that a file would be deployed to: the one that has its project, or else the first."""

    def has_it(survey: Survey) -> bool:
        services = (service_of(each) for each in survey.containers)
        return any(service is not None and service.project == project.name for service in services)

    return next(filter(has_it, surveys), surveys[0])


def deployed(containers: Iterable[Container], project: Project, engine: str) -> tuple[Container, ...]:
    """The engine's containers once Compose has brought up a file: those of its project are the file's.

    A network's id, and what an image exposes, are known where a container has them already.
    """
    others, replaced = [], {}
    networks: dict[str, str] = {}
    for each in containers:
        networks |= {place.network: place.network_id for place in each.attachments}
        service = service_of(each)
        if service is not None and service.project == project.name:
            replaced[service.name] = each
        else:
            others.append(each)
    return (*others, *(_as_far_as_known(each, replaced, networks) for each in containers_of(project, engine=engine)))


def _as_far_as_known(paper: Container, replaced: Mapping[str, Container], networks: Mapping[str, str]) -> Container:
    before = replaced.get(paper.labels[SERVICE_LABEL])
    places = (msgspec.structs.replace(each, network_id=networks.get(each.network, "")) for each in paper.attachments)
    exposed = {*paper.exposed, *(before.exposed if before is not None else ())}
    return msgspec.structs.replace(paper, attachments=tuple(places), exposed=tuple(sorted(exposed)), started_at=STARTED)


def told_by(status: RoutesStatus) -> RouteTable:
    """The table of the running Interlock."""
    return RouteTable(
        Route(
            match=Match(each.host, each.path),
            backend=Backend(options=each.backend, servers=tuple(map(_server, each.servers))),
            maintenance=each.maintenance,
        )
        for each in status.routes
    )


def _server(told: ServerStatus) -> Server:
    return Server(
        name=told.name,
        address=told.address,
        port=told.port,
        weight=told.weight,
        state=told.state,
        container=ContainerKey(told.engine, told.container),
        standby=told.standby,
    )


def served_last(state_dir: Path) -> RouteTable | None:
    """The last good state of a proxy; None where there is none. Raises PermanentError where it cannot be read."""
    text = files.read(state_dir / LAST_GOOD)
    if text is None:
        return None
    try:
        good = msgspec.json.decode(text, type=LastGood)
    except msgspec.DecodeError as error:
        raise PermanentError(f"{state_dir / LAST_GOOD} is damaged: {error}", fix="delete it") from error
    return RouteTable(_route(site) for site in good.sites if site.routed)


def _route(site: Site) -> Route:
    backend = Backend(options=site.options, servers=site.servers)
    return Route(match=site.match, backend=backend, maintenance=site.maintenance)


def serving_of(table: RouteTable) -> Serving:
    """What a proxy would say that serves a table."""
    return {
        match: ServingRoute(
            shape=shape(route.backend.options),
            leads=route.maintenance if route.maintenance is not None else Lead.BACKEND,
            servers={server.name: _served(server) for server in route.backend.servers if server.state in _KNOWN},
        )
        for match, route in table.items()
    }


def _served(server: Server) -> Served:
    ready = server.state is ServerState.READY
    return Served(endpoint=server.endpoint, weight=server.weight, takes_traffic=ready)


async def outlook(
    plugin: Plugin, context: Context, *, before: RouteTable, now: RouteTable, runs: bool = True
) -> ProxyOutlook:
    """What a proxy that serves `before` would be told to serve `now`.

    `runs` tells whether an Interlock does; at its start a proxy loads a configuration for whatever is new.

    Raises:
        PermanentError: as the plugin's preview.
        TemporaryError: as the plugin's preview.
    """
    if plugin.preview is None:
        return ProxyOutlook(proxy=plugin.name, steps=_steps(before, now, serving_of(before), EVERYTHING_LIVE), diff=())
    then = await plugin.preview(context, now)
    known = then.on_disk or (await plugin.preview(context, before)).files
    seated = _seated(before, now, then) if runs and before else {}
    serving = {**seated, **serving_of(before)}
    steps = _steps(before, now, serving, Abilities(live_servers=then.live_servers))
    return ProxyOutlook(proxy=plugin.name, steps=steps, diff=tuple(_diff(known, then.files)))


def _seated(before: RouteTable, now: RouteTable, preview: Preview) -> Serving:
    """New routes that take no reload."""
    new = {m: route.backend.options for m, route in now.items() if m not in before and route.maintenance is None}
    seats = preview.seats(new, {match.host for match in before})
    return {match: ServingRoute(shape=shape(new[match]), leads=Lead.NOWHERE, servers={}) for match in seats}


def _steps(before: RouteTable, now: RouteTable, serving: Serving, abilities: Abilities) -> tuple[Step, ...]:
    plan = make_plan({match: now.get(match) for match in {*before, *now}}, serving, abilities=abilities)
    return (*plan.steps, *((plan.reload,) if plan.reload is not None else ()))


def _diff(before: Mapping[str, str], now: Mapping[str, str]) -> Iterable[str]:
    for name in sorted({*before, *now}):
        old, new = before.get(name, "").splitlines(), now.get(name, "").splitlines()
        yield from unified_diff(old, new, f"{name} (now)", f"{name} (then)", lineterm="")

"""What would change if Interlock were started now, or if a Compose file were deployed: steps, and other lines of files.

Wanted is what a survey of the engine asks for, serving what the running Interlock tells, or else what was served last;
between them stands the same :func:`interlock.core.plan.make_plan` that the driver asks.
"""

from collections.abc import Iterable, Mapping
from difflib import unified_diff
from pathlib import Path

import msgspec

from interlock.compose import Project, containers_of
from interlock.core.events import Listed, Placed
from interlock.core.model import Backend, Container, ContainerKey, Match, Route, RouteTable, Server, ServerState
from interlock.core.overrides import SERVICE_LABEL, Overrides, service_of
from interlock.core.plan import Lead, Served, Serving, ServingRoute, Step, make_plan, shape
from interlock.core.problems import PermanentError
from interlock.core.routes import Routes
from interlock.core.status import RoutesStatus, ServerStatus
from interlock.core.world import World
from interlock.host import files
from interlock.proxies.contract import Context, Plugin
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


def wanted(survey: Survey, orders: Overrides, project: Project | None = None) -> Routes:
    """What the engine's containers ask for, with the operator's orders in force; of a file, as if it were deployed."""
    engine = survey.view.engine
    containers = survey.containers if project is None else deployed(survey.containers, project, engine)
    routes = Routes(World())
    routes.update(*routes.world.order(orders))
    for event in (Placed(survey.view), Listed(engine, containers)):
        routes.update(routes.world.advance(event, settled_before=LATER))
    return routes


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


async def outlook(plugin: Plugin, context: Context, *, before: RouteTable, now: RouteTable) -> ProxyOutlook:
    """What a proxy that serves `before` would be told to serve `now`. Raises PermanentError, TemporaryError."""
    asked: dict[Match, Route | None] = {match: now.get(match) for match in {*before, *now}}
    plan = make_plan(asked, serving_of(before))
    steps = (*plan.steps, *((plan.reload,) if plan.reload is not None else ()))
    if plugin.preview is None:
        return ProxyOutlook(proxy=plugin.name, steps=steps, diff=())
    then = await plugin.preview(context, now)
    known = then.on_disk or (await plugin.preview(context, before)).files
    return ProxyOutlook(proxy=plugin.name, steps=steps, diff=tuple(_diff(known, then.files)))


def _diff(before: Mapping[str, str], now: Mapping[str, str]) -> Iterable[str]:
    for name in sorted({*before, *now}):
        old, new = before.get(name, "").splitlines(), now.get(name, "").splitlines()
        yield from unified_diff(old, new, f"{name} (now)", f"{name} (then)", lineterm="")

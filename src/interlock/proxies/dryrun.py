"""A proxy on paper: it serves whatever it is told to, opens no port, and logs each step that it would take.

It keeps the whole contract, so `interlock --plugin dryrun start` shows what would happen, and the tests of everything
above the proxies need no program.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

import msgspec
import structlog

from interlock.core.model import Match, Options, Route, RouteTable, Server, ServerState
from interlock.core.plan import (
    Abilities,
    AddRoute,
    AddServer,
    CloseRoute,
    DrainServer,
    EnableServer,
    Lead,
    MoveServer,
    Reload,
    RemoveRoute,
    RemoveServer,
    Served,
    Serving,
    ServingRoute,
    Step,
    WeighServer,
    shape,
)
from interlock.core.problems import Problem, shown
from interlock.proxies.contract import Context, Outcome, Plugin
from interlock.version import __version__

log = structlog.get_logger()


SENTENCES: Mapping[type[Step], str] = MappingProxyType(
    {
        AddServer: "add {0.server.name} at {0.server.endpoint} to {0.match}",
        MoveServer: "move {0.server.name} of {0.match} to {0.server.endpoint}",
        EnableServer: "put {0.server.name} of {0.match} back into rotation",
        WeighServer: "give {0.name} of {0.match} the weight {0.weight}",
        DrainServer: "take {0.name} of {0.match} out of rotation",
        RemoveServer: "remove {0.name} from {0.match}",
        AddRoute: "open {0.match}",
        CloseRoute: "answer {0.match} with: {0.maintenance.message}",
        RemoveRoute: "answer {0.match} with not found",
        Reload: "reload: {0.reason}",
    }
)
"""What follows "would"."""
LONGEST_SENTENCE = 300
NOTHING = ServingRoute(shape="", leads=Lead.NOWHERE, servers={})


class DryrunSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing to set."""


class DryrunProxy:
    """Serves on paper."""

    abilities = Abilities(honours=frozenset(Options.__struct_fields__))

    def __init__(self, _context: Context) -> None:
        self._serving: dict[Match, ServingRoute] = {}

    async def prepare(self) -> None:
        log.info("[dryrun] nothing is served: the steps are only logged")

    async def observe(self, matches: Collection[Match] | None) -> Serving:
        return {match: route for match, route in self._serving.items() if matches is None or match in matches}

    async def sessions(self, match: Match) -> Mapping[str, int]:  # noqa: ARG002 - nobody comes
        return {}

    async def apply(self, steps: Sequence[Step], table: RouteTable) -> Outcome:
        for step in steps:
            log.info(f"[dryrun] would {shown(SENTENCES[type(step)].format(step), length=LONGEST_SENTENCE)}")
            await asyncio.sleep(0)  # as with a real one, others get their turn between two steps
            if isinstance(step, Reload):
                self._serving = {match: self._loaded(table[match]) for match in table}
            else:
                self._serving[step.match] = _changed(self._serving.get(step.match, NOTHING), step)
        return Outcome(reloaded=any(isinstance(step, Reload) for step in steps))

    def refresh(self) -> str:
        return ""

    async def close(self) -> None:
        self._serving.clear()

    def problems(self, route: Route | None) -> tuple[Problem, ...]:  # noqa: ARG002 - paper takes everything
        return ()

    def _loaded(self, route: Route) -> ServingRoute:
        """What a new configuration makes of a route; who serves already is not taken out merely for a probe."""
        now = self._serving.get(route.match)
        known = now.servers if now is not None else {}
        servers = {
            server.name: _served(server)
            for server in route.backend.servers
            if server.state is ServerState.READY or (server.state is ServerState.PROBING and server.name in known)
        }
        leads = route.maintenance if route.maintenance is not None else Lead.BACKEND
        return ServingRoute(shape=shape(route.backend.options), leads=leads, servers=servers)


def _changed(now: ServingRoute, step: Step) -> ServingRoute:
    """A route after a live step."""
    servers = dict(now.servers)
    leads = now.leads
    match step:
        case AddServer(server=server) | MoveServer(server=server) | EnableServer(server=server):
            servers[server.name] = _served(server)
        case WeighServer(name=name, weight=weight):
            servers[name] = msgspec.structs.replace(servers[name], weight=weight)
        case DrainServer(name=name):
            servers[name] = msgspec.structs.replace(servers[name], takes_traffic=False)
        case RemoveServer(name=name):
            del servers[name]
        case AddRoute():
            leads = Lead.BACKEND
        case CloseRoute(maintenance=maintenance):
            leads = maintenance
        case RemoveRoute():
            leads = Lead.NOWHERE
    return msgspec.structs.replace(now, servers=servers, leads=leads)


def _served(server: Server) -> Served:
    return Served(endpoint=server.endpoint, weight=server.weight, takes_traffic=True)


PLUGIN = Plugin(
    name="dryrun",
    version=__version__,
    description="a proxy on paper: logs the steps that it would take",
    url="https://github.com/ehazlett/interlock",
    settings=DryrunSettings,
    build=DryrunProxy,
)

"""The immutable picture for everybody who only looks: the local API, the command line, the web page."""

import enum
from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from interlock.core.backends import waiting_in
from interlock.core.holds import Hold
from interlock.core.model import (
    Container,
    ContainerKey,
    Health,
    Maintenance,
    Match,
    Options,
    Phase,
    Route,
    RouteTable,
    Server,
    ServerState,
)
from interlock.core.overrides import Overrides, service_of
from interlock.core.plan import Serving
from interlock.core.problems import Problem
from interlock.core.world import World


class ServerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A server of a backend, as it is wanted."""

    name: str
    address: str
    port: int
    weight: int
    state: ServerState
    container: str
    """Its container's full id."""
    engine: str
    standby: bool = False
    """It takes requests only while no local server can."""
    waits: bool = False
    """It stands by: a local server takes the requests."""


class RouteStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A route, as it is wanted."""

    host: str
    path: str
    backend: Options
    servers: tuple[ServerStatus, ...]
    maintenance: Maintenance | None = None


class RoutesStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is routed, and what cannot be."""

    routes: tuple[RouteStatus, ...]
    problems: tuple[Problem, ...]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A container's part in one route: what is wanted of it, and what the proxies say."""

    host: str
    path: str
    server: str
    """Its name in the backend."""
    address: str
    """``address:port``."""
    state: ServerState
    weight: int
    in_rotation: bool
    """Whether every proxy says that it takes requests there."""
    sessions: int
    """Requests under way to it there, by all proxies."""
    waits: bool = False
    """It stands by: a local server takes the requests."""


class ContainerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One container, with everything that decides about its traffic."""

    engine: str
    id: str
    name: str
    project: str = ""
    service: str = ""
    """Of Compose; "" for a container that is not Compose's."""
    phase: Phase = Phase.RUNNING
    health: Health = Health.NONE
    drained: bool = False
    """By the operator."""
    weight: int | None = None
    """The operator's; None where its own counts."""
    places: tuple[Place, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def in_rotation(self) -> bool:
        """Whether it takes requests, in every route that it asks for."""
        return bool(self.places) and all(place.in_rotation for place in self.places)

    @property
    def sessions(self) -> int:
        return sum(place.sessions for place in self.places)


class EngineStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One engine."""

    name: str
    description: str
    """What answers: ``Docker 20.10.24, API 1.41``; "" when nothing has yet."""
    containers: int
    seconds_since_list: float | None
    """Since it last told everything; None when it never did."""
    lost: str
    """Why it is out of reach; "" when it is not."""
    held: str = ""
    """Why its last list is not believed yet; "" when it is."""


class ProxyStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One proxy."""

    name: str
    version: str
    """The plugin's."""
    ready: bool
    """Whether it has served what the first lists asked for."""
    reloads: int
    error: str
    """Why it does not start, or its last turn or reload failed; "" when that is not so."""
    waited_for: bool = True
    """Whether Interlock is ready only once this one is: not for ever for one that runs elsewhere."""


class PluginKind(enum.StrEnum):
    """What a plugin is there for."""

    PROXY = "proxy"
    """It serves routes."""
    OBSERVER = "observer"
    """It sees what happens."""
    UNKNOWN = "unknown"
    """It cannot be loaded."""


class PluginState(enum.StrEnum):
    """How an enabled plugin is."""

    STARTING = "starting"
    RUNNING = "running"
    RESTARTING = "restarting"
    """It failed, and is tried again after a pause."""
    REFUSED = "refused"
    """It cannot be used as it is."""


class PluginStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One enabled plugin."""

    name: str
    version: str
    kind: PluginKind
    state: PluginState = PluginState.STARTING
    since: float
    """Unix seconds: since when it is in this state."""
    why: str = ""
    """Why it failed last, or is refused; "" when it never did."""
    restarts: int = 0
    dropped: int = 0
    """Happenings that an observer was too slow to see."""


class WeightOrder(msgspec.Struct, frozen=True):
    """A weight that the operator gave."""

    target: str
    """Name of a container, or ``PROJECT/SERVICE``."""
    weight: int


class HoldStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Routes that are held as they were."""

    revision: int
    """The one that they are pinned to; 0 for frozen ones."""
    routes: int
    until: str
    """RFC 3339 in UTC; "" for no end."""


class OrdersStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's orders in force."""

    drained: tuple[str, ...] = ()
    """Names of containers; an id where the engine has not told the name yet."""
    weights: tuple[WeightOrder, ...] = ()
    maintenance: Mapping[str, Maintenance] = {}
    pin: HoldStatus | None = None
    """It beats a freeze."""
    freeze: HoldStatus | None = None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of one Interlock."""

    version: str
    ready: bool
    not_ready_because: tuple[str, ...]
    """Empty when it is ready."""
    seconds_since_reconcile: float | None
    """Since every engine last told everything; None when one never did."""
    routes: int
    servers: Mapping[ServerState, int]
    """How many are in which state; a state that none is in is absent."""
    engines: tuple[EngineStatus, ...]
    proxies: tuple[ProxyStatus, ...]
    orders: OrdersStatus
    problems: tuple[Problem, ...]
    revision: int = 0
    """Number of the last revision; 0 before the first."""
    locality: tuple[str, ...] = ()
    """Engines and nodes whose containers come first, by the operator's setting."""
    standing_by: int = 0
    """How many ready servers wait, since local ones take the requests."""
    plugins: tuple[PluginStatus, ...] = ()
    """The enabled ones, in the order in which they were named."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an order: whom it is about, as they are now that it is in force, and what may surprise."""

    containers: tuple[ContainerStatus, ...] = ()
    routes: tuple[str, ...] = ()
    """Host and path of the routes that it is about."""
    engines: tuple[str, ...] = ()
    """Names of the engines that it is about."""
    warnings: tuple[str, ...] = ()


def routes_status(table: RouteTable, problems: Iterable[Problem]) -> RoutesStatus:
    """Everything, sorted, so that equal tables give equal pictures."""
    return RoutesStatus(routes=tuple(map(route_status, table.values())), problems=tuple(sorted(problems)))


def servers_by_state(table: RouteTable) -> Mapping[ServerState, int]:
    return dict(sorted(Counter(server.state for route in table.values() for server in route.backend.servers).items()))


def count_standing_by(table: RouteTable) -> int:
    return sum(len(waiting_in(route.backend)) for route in table.values())


def orders_status(world: World) -> OrdersStatus:
    """The orders, with names instead of ids."""
    orders = world.overrides
    weights = [WeightOrder(_name(world, key), weight) for key, weight in orders.weights.items()]
    weights += [WeightOrder(str(service), weight) for service, weight in orders.service_weights.items()]
    return OrdersStatus(
        drained=tuple(sorted(_name(world, key) for key in orders.drained)),
        weights=tuple(sorted(weights, key=lambda each: each.target)),
        maintenance=dict(sorted(orders.maintenance.items())),
        pin=_hold_status(orders.pin),
        freeze=_hold_status(orders.freeze),
    )


def _hold_status(hold: Hold | None) -> HoldStatus | None:
    return HoldStatus(revision=hold.revision, routes=len(hold.routes), until=hold.until) if hold is not None else None


def container_status(
    container: Container,
    orders: Overrides,
    *,
    places: Iterable[Place],
    problems: Iterable[Problem],
) -> ContainerStatus:
    """One container."""
    service = service_of(container)
    return ContainerStatus(
        engine=container.engine,
        id=container.id,
        name=container.name,
        project=service.project if service is not None else "",
        service=service.name if service is not None else "",
        phase=container.phase,
        health=container.health,
        drained=container.key in orders.drained,
        weight=orders.weight_of(container),
        places=tuple(places),
        problems=tuple(problems),
    )


def places_of(
    key: ContainerKey,
    matches: Iterable[Match],
    table: RouteTable,
    *,
    serving: Iterable[Serving],
    sessions: Mapping[Match, Mapping[str, int]],
) -> tuple[Place, ...]:
    """A container's part in these routes, by what each proxy serves and how many sessions they have together."""
    seen = tuple(serving)
    return tuple(
        _place(table[match], server, seen, sessions.get(match, {}))
        for match in sorted(matches)
        for server in table[match].backend.servers
        if server.container == key
    )


def _place(route: Route, server: Server, serving: Iterable[Serving], sessions: Mapping[str, int]) -> Place:
    match = route.match

    def takes_traffic(by_one: Serving) -> bool:
        served = by_one[match].servers.get(server.name) if match in by_one else None
        return served is not None and served.takes_traffic and served.endpoint == server.endpoint

    return Place(
        host=match.host,
        path=match.path,
        server=server.name,
        address=server.endpoint,
        state=server.state,
        weight=server.weight,
        in_rotation=all(map(takes_traffic, serving)),
        sessions=sessions.get(server.name, 0),
        waits=server.name in waiting_in(route.backend),
    )


def route_status(route: Route) -> RouteStatus:
    """One route, as it is wanted."""
    waiting = waiting_in(route.backend)
    return RouteStatus(
        host=route.match.host,
        path=route.match.path,
        backend=route.backend.options,
        servers=tuple(_server(server, waits=server.name in waiting) for server in route.backend.servers),
        maintenance=route.maintenance,
    )


def _server(server: Server, *, waits: bool) -> ServerStatus:
    return ServerStatus(
        name=server.name,
        address=server.address,
        port=server.port,
        weight=server.weight,
        state=server.state,
        container=server.container.id,
        engine=server.container.engine,
        standby=server.standby,
        waits=waits,
    )


def _name(world: World, key: ContainerKey) -> str:
    container = world.container(key)
    return container.name if container is not None else key.id

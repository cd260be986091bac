"""How the containers that ask for one route become its backend: whose options count, who takes traffic."""

import enum
import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from types import MappingProxyType

import msgspec

from interlock.core.addresses import Address
from interlock.core.model import (
    Backend,
    Container,
    Health,
    Match,
    Options,
    Phase,
    Ready,
    RouteRequest,
    Server,
    ServerState,
    Wishes,
)
from interlock.core.problems import Problem, Severity, shown

SERVER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
"""What may name a server: Docker's own grammar for container names, bounded."""
FIELDS = tuple(field.name for field in msgspec.structs.fields(Wishes))


class Ground(enum.StrEnum):
    """Why a server is in the state that it is in, before its siblings are looked at."""

    NOT_UP = "it does not run"
    UNREACHABLE = "it has no address that is reached from here"
    STOPPING = "it was told to stop"
    LEAVING = "it will be told to stop in a moment"
    DRAINED = "the operator drained it"
    PAUSED = "it is paused"
    STARTING = "its HEALTHCHECK has not passed yet"
    UNHEALTHY = "its HEALTHCHECK fails"
    HEALTHY = "its HEALTHCHECK passes"
    ANSWERED = "it has answered a first connection, or has run for long"
    SILENT = "it has not answered a first connection yet"


STATES: Mapping[Ground, ServerState] = MappingProxyType(
    {
        Ground.NOT_UP: ServerState.DOWN,
        Ground.UNREACHABLE: ServerState.DOWN,
        Ground.STOPPING: ServerState.DRAINING,
        Ground.LEAVING: ServerState.DRAINING,
        Ground.DRAINED: ServerState.DRAINING,
        Ground.PAUSED: ServerState.DOWN,
        Ground.STARTING: ServerState.STARTING,
        Ground.UNHEALTHY: ServerState.DOWN,
        Ground.HEALTHY: ServerState.READY,
        Ground.ANSWERED: ServerState.READY,
        Ground.SILENT: ServerState.PROBING,
    }
)


class Claim(msgspec.Struct, frozen=True, gc=False):
    """One container's share in one route."""

    container: Container
    request: RouteRequest
    address: Address | None
    """None for a container that does not run or cannot be reached: no server, but its host stays known."""
    ground: Ground
    weight: int | None = None
    """The operator's word, which beats the request's; None where there is none."""
    prefix: str = ""
    """The name of its engine, where there are several: containers of two engines may well have one name."""
    given_up: bool = False
    """Its engine has been out of reach for too long for anybody to know how it is."""
    unreachable: Problem | None = None
    """Why a running container has no address."""

    @property
    def state(self) -> ServerState:
        return STATES[self.ground]

    @property
    def share(self) -> int:
        """Its weight, whoever said so."""
        return self.request.weight if self.weight is None else self.weight


def ground_of(
    container: Container, request: RouteRequest, *, stopping: bool, leaving: bool, drained: bool, answered: bool
) -> Ground:
    """Why a container that is up and reached takes traffic or not: the first of these that holds."""
    if stopping or drained:
        return Ground.STOPPING if stopping else Ground.DRAINED
    ground = _ground_by_itself(container, request, answered=answered)
    if leaving:
        return Ground.LEAVING if STATES[ground] is ServerState.READY else Ground.STOPPING
    return ground


def _ground_by_itself(container: Container, request: RouteRequest, *, answered: bool) -> Ground:
    if container.phase is not Phase.RUNNING:
        return Ground.PAUSED
    if request.ready is not Ready.IGNORE:
        if container.health is Health.STARTING:
            return Ground.STARTING
        if container.health is Health.UNHEALTHY:
            return Ground.UNHEALTHY
        if container.health is Health.HEALTHY and request.warm is None:
            return Ground.HEALTHY
    return Ground.ANSWERED if answered else Ground.SILENT


def backend_of(
    match: Match, claims: Sequence[Claim], *, locality: tuple[str, ...] = (), held: Options | None = None
) -> tuple[Backend, tuple[Problem, ...]]:
    """Merge the claims on one route, oldest container first.

    A field's value is that of the oldest running container which names it; a younger one that names another value is
    told so. What no running container names has its default; stopped ones are asked only where none runs.

    `locality` is the operator's, and `held` the options of a route that is held, instead of all that is asked for.
    """
    oldest_first = sorted(claims, key=lambda claim: claim.container.age_order)
    running = [claim for claim in oldest_first if claim.container.is_up]
    asked, problems = _merge(match, running or oldest_first, locality)
    options = asked if held is None else held
    return Backend(options=options, servers=_servers(running, options.locality)), problems


def is_local(container: Container, locality: Collection[str]) -> bool:
    """Whether it is one of those that come first. Nodes count in swarm mode only.

    Under one name a server is thus local or it is not, for good: of engines and tasks, the name has a part.
    """
    return not locality or container.engine in locality or (bool(container.task) and container.node in locality)


def shares_of(backend: Backend) -> dict[str, float]:
    """Server name -> its part of the route's requests, 0 to 1; who is not ready has none.

    Nor has a stand-by while a local server has a part.
    """
    weights = {server.name: server.weight if server.state is ServerState.READY else 0 for server in backend.servers}
    if any(weights[server.name] for server in backend.servers if not server.standby):
        weights |= {server.name: 0 for server in backend.servers if server.standby}
    whole = sum(weights.values())
    return {name: weight / whole if whole else 0.0 for name, weight in weights.items()}


def waiting_in(backend: Backend) -> frozenset[str]:
    """The names of the stand-bys that would take requests, if no local server did."""
    shares = shares_of(backend)
    return frozenset(
        server.name
        for server in backend.servers
        if server.standby and server.state is ServerState.READY and server.weight and not shares[server.name]
    )


def _merge(match: Match, claims: Sequence[Claim], locality: tuple[str, ...]) -> tuple[Options, tuple[Problem, ...]]:
    chosen: dict[str, object] = {}
    owners: dict[str, Claim] = {}
    problems: list[Problem] = []
    for claim in claims:
        for field in FIELDS:
            value = getattr(claim.request.wishes, field)
            if value is None:
                continue
            if field not in owners:
                owners[field] = claim
                chosen[field] = value
            elif chosen[field] != value:
                problems.append(_conflict(match, field, claim, owners[field]))
    chosen.setdefault("locality", locality)
    options = Options(**chosen)  # type: ignore[arg-type]  # the two structs have the same fields: a test
    return _shared(options), tuple(problems)


@lru_cache(maxsize=1024)
def _shared(options: Options) -> Options:
    """The same value, kept once: most routes of a fleet have the same options."""
    return options


def _conflict(match: Match, field: str, loser: Claim, winner: Claim) -> Problem:
    value = getattr(loser.request.wishes, field)
    older = winner.container.name
    return Problem(
        container=loser.container.name,
        container_id=loser.container.id,
        engine=loser.container.engine,
        key=loser.request.origin(field),
        value=shown(value if isinstance(value, str) else msgspec.json.encode(value).decode()),
        what=f"{match} is shared with the older container {shown(older)}, which asks for another value; "
        "the older one's counts",
        fix=f"give every container of {match} the same value, or recreate {shown(older)}",
        severity=Severity.WARNING,
    )


def _servers(claims: Sequence[Claim], locality: Collection[str]) -> tuple[Server, ...]:
    """The servers, sorted by name.

    When nobody is ready, those stand in that are about to leave, and under ``prefer`` the last instances. Those of an
    engine that was given up go out of rotation, unless nobody else is in it.
    """
    reachable = [claim for claim in claims if claim.address is not None]
    nobody = not any(claim.state is ServerState.READY for claim in reachable)
    others = any(claim.state is ServerState.READY and not claim.given_up for claim in reachable)
    taken: set[str] = set()
    servers = []
    for claim in reachable:
        state = ServerState.READY if nobody and _stands_in(claim) else claim.state
        state = ServerState.DOWN if claim.given_up and others else state
        servers.append(_server(claim, state, taken, standby=not is_local(claim.container, locality)))
    return tuple(sorted(servers))


def _stands_in(claim: Claim) -> bool:
    return claim.ground is Ground.LEAVING or (
        claim.request.ready is Ready.PREFER
        and claim.container.phase is Phase.RUNNING
        and claim.state in {ServerState.STARTING, ServerState.DOWN}
    )


def _server(claim: Claim, state: ServerState, taken: set[str], *, standby: bool) -> Server:
    container, address = claim.container, claim.address
    assert address is not None  # noqa: S101 - the caller left out those without
    name = f"{claim.prefix}.{container.name}" if claim.prefix else container.name
    if name in taken or not SERVER_NAME.fullmatch(name):
        digest = sha256(f"{container.engine}/{container.id}".encode(errors="replace")).hexdigest()[:8]
        name = f"{re.sub(r'[^A-Za-z0-9_.-]', '_', name)[:80].lstrip('_.-') or 'container'}-{digest}"
    taken.add(name)
    return Server(
        name=name,
        address=address.address,
        port=address.port,
        weight=claim.share,
        state=state,
        container=container.key,
        standby=standby,
    )

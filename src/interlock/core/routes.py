"""Route requests -> routes. Recomputes only what was touched.

The table is a function of the world: whatever the order of events, equal worlds give equal tables.
"""

from collections.abc import Iterable

import msgspec

from interlock.core.addresses import locate
from interlock.core.backends import Claim, Ground, backend_of, ground_of
from interlock.core.dialects import Reading, read
from interlock.core.model import Container, ContainerKey, Match, Route, RouteRequest, RouteTable, ServerState
from interlock.core.problems import Problem
from interlock.core.world import World


class Probe(msgspec.Struct, frozen=True, order=True):
    """A question to put to a container before it takes traffic."""

    key: ContainerKey
    name: str
    """The container's, for messages."""
    address: str
    port: int
    endpoint: str
    """``address:port``."""
    started_at: str
    host: str
    """Host header of the warm-up request."""
    warm: str = ""
    """Path of the warm-up request; "" for a TCP connect."""
    tls: bool = False


class Routes:
    """The route table of a world, kept current as the world changes."""

    def __init__(self, world: World) -> None:
        self.table = RouteTable()
        self.world = world
        self._readings: dict[ContainerKey, tuple[Container, Reading]] = {}
        self._matches: dict[ContainerKey, tuple[Match, ...]] = {}
        self._claims: dict[Match, dict[ContainerKey, Claim]] = {}
        self._of_container: dict[ContainerKey, tuple[Problem, ...]] = {}
        self._of_route: dict[Match, tuple[Problem, ...]] = {}

    def update(
        self, touched: Iterable[ContainerKey], hosts: Iterable[str] = (), matches: Iterable[Match] = ()
    ) -> frozenset[Match]:
        """Recompute these matches, and what the touched containers and hosts take part in; say what is different."""
        stale = set(matches)
        for key in touched:
            stale |= self._claim(key)
        for host in hosts:
            stale |= self.table.of_host(host) | {Match(host)}
        return frozenset(match for match in stale if self._rebuild(match))

    @property
    def known(self) -> frozenset[Match]:
        """Every match that is routed, asked for or held."""
        hold = self.world.overrides.hold
        return frozenset((*self.table, *self._claims, *(hold.routes if hold is not None else ())))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that cannot be done as asked, sorted."""
        return self.problems_of(self._of_container, self._of_route)

    def problems_of(self, keys: Iterable[ContainerKey], matches: Iterable[Match]) -> tuple[Problem, ...]:
        """The problems of some containers and of some routes, sorted."""
        found = {problem for key in keys for problem in self._of_container.get(key, ())}
        found |= {problem for match in matches for problem in self._of_route.get(match, ())}
        return tuple(sorted(found))

    def matches_of(self, key: ContainerKey) -> frozenset[Match]:
        """The routes that a container takes part in."""
        return frozenset(self._matches.get(key, ()))

    def reading_of(self, key: ContainerKey) -> Reading:
        """What a container asks for, and what of it cannot be read."""
        known = self._readings.get(key)
        return known[1] if known is not None else Reading()

    def claims_on(self, match: Match) -> tuple[Claim, ...]:
        """Whoever asks for a route, oldest container first."""
        claims = self._claims.get(match, {}).values()
        return tuple(sorted(claims, key=lambda claim: claim.container.age_order))

    def whereabouts_of(self, key: ContainerKey) -> tuple[str, ...]:
        """Where a container is reached, and why there; sorted."""
        claims = (self._claims[match][key] for match in self._matches.get(key, ()))
        return tuple(sorted({f"{c.address.endpoint}, {c.address.why}" for c in claims if c.address is not None}))

    def probes_of(self, key: ContainerKey) -> frozenset[Probe]:
        """What a container must answer before it may take traffic."""
        claims = (self._claims[match][key] for match in self._matches.get(key, ()))
        return frozenset(
            Probe(
                key=key,
                name=claim.container.name,
                address=claim.address.address,
                port=claim.address.port,
                endpoint=claim.address.endpoint,
                started_at=claim.container.started_at,
                host=claim.request.matches[0].host,
                warm=claim.request.warm or "",
                tls=bool(claim.request.wishes.ssl_backend),
            )
            for claim in claims
            if claim.state is ServerState.PROBING and claim.address is not None
        )

    def _claim(self, key: ContainerKey) -> frozenset[Match]:
        """Read what a container asks for now; say which routes that may change."""
        before = frozenset(self._matches.pop(key, ()))
        for match in before:
            self._claims[match].pop(key)
        self._of_container.pop(key, None)
        container = self.world.container(key)
        if container is None:
            self._readings.pop(key, None)
            return before
        reading = self._read(container)
        problems = list(reading.problems)
        now: set[Match] = set()
        for request in reading.requests:
            claim = self._stake(container, request)
            problems += [claim.unreachable] if claim.unreachable is not None else []
            for match in request.matches:
                self._claims.setdefault(match, {}).setdefault(key, claim)
            now.update(request.matches)
        self._matches[key] = tuple(now)
        if problems and container.is_up:
            self._of_container[key] = tuple(problems)
        return before | now

    def _read(self, container: Container) -> Reading:
        """What a container asks for hardly ever changes while it exists, so it is read once."""
        known = self._readings.get(container.key)
        if known is not None and _asks_the_same(known[0], container):
            return known[1]
        reading = read(container)
        self._readings[container.key] = (container, reading)
        return reading

    def _stake(self, container: Container, request: RouteRequest) -> Claim:
        if not container.is_up:
            return Claim(container, request, None, Ground.NOT_UP)
        view = self.world.view(container.engine)
        located = locate(request, container, view)
        if isinstance(located, Problem):
            return Claim(container, request, None, Ground.UNREACHABLE, unreachable=located)
        warmed = request.warm is not None
        answered = view.on_paper or self.world.has_answered(container, located.endpoint, warmed=warmed)
        orders = self.world.overrides
        ground = ground_of(
            container,
            request,
            stopping=self.world.is_stopping(container),
            leaving=self.world.is_leaving(container),
            drained=container.key in orders.drained,
            answered=answered,
        )
        return Claim(
            container,
            request,
            located,
            ground,
            orders.weight_of(container),
            prefix=container.engine if self.world.has_several_engines else "",
            given_up=self.world.is_given_up(container),
        )

    def _rebuild(self, match: Match) -> bool:
        """Make one route anew; say whether it is another one than before.

        A closed host has a root route even if nobody asks for it, so that all of it is closed. While the routes are
        held, the held ones are there even if nobody asks for them, and no others.
        """
        maintenance, hold = self.world.overrides.maintenance.get(match.host), self.world.overrides.hold
        claims = tuple(self._claims.get(match, {}).values())
        if not claims:
            self._claims.pop(match, None)
        withheld = hold.problem(match, claims) if hold is not None else None
        is_there = bool(claims) if hold is None else match in hold.routes
        if not is_there and (maintenance is None or match.path != "/"):
            news = self._note(match, (withheld,) if withheld is not None else ())
            known = match in self.table
            self.table.drop(match)
            return known or news
        held = hold.options_of(match) if hold is not None else None
        backend, problems = backend_of(match, claims, locality=self.world.locality, held=held)
        if hold is not None:
            backend = hold.backend(match, backend)
        self._note(match, problems if withheld is None else (withheld,))
        route = Route(match=match, backend=backend, maintenance=maintenance)
        if self.table.get(match) == route:
            return False
        self.table.put(route)
        return True

    def _note(self, match: Match, problems: tuple[Problem, ...]) -> bool:
        """Keep a route's problems; say whether they are other ones than before."""
        before = self._of_route.pop(match, ())
        if problems:
            self._of_route[match] = problems
        return before != problems


def _asks_the_same(before: Container, now: Container) -> bool:
    return (
        before.name == now.name
        and before.hostname == now.hostname
        and before.domainname == now.domainname
        and before.environment == now.environment
        and before.labels == now.labels
    )

"""The corridor: events -> world -> routes -> every proxy's backlog. One task, no waiting inside a turn."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import structlog

from interlock.bulletin import Bulletin
from interlock.core.damping import Damping
from interlock.core.events import (
    Changed,
    Event,
    GivenUp,
    Held,
    Listed,
    Lost,
    Placed,
    Probed,
    Recovered,
    Stopping,
    Survived,
    Vanished,
)
from interlock.core.happenings import (
    Cause,
    ContainerDamped,
    EngineLost,
    EngineRecovered,
    EventSeen,
    ProblemRaised,
    ProblemSolved,
    RoutesChanged,
)
from interlock.core.model import ContainerKey, Match
from interlock.core.overrides import Overrides
from interlock.core.problems import Problem, Severity, shown
from interlock.core.recording import Ordered, Turn
from interlock.core.routes import Probe, Routes
from interlock.core.world import World
from interlock.driver import Driver
from interlock.host import clock
from interlock.host.probes import Prober, Probes
from interlock.host.slices import slices

log = structlog.get_logger()

SETTLED = timedelta(seconds=30)
"""A container that has run this long when it is first seen is taken to be listening."""

_OWN_WORDS: Mapping[type[Event], str] = MappingProxyType(
    {
        Placed: "place",
        Listed: "list",
        Lost: "lose",
        GivenUp: "give up",
        Held: "hold",
        Recovered: "recover",
        Probed: "probe",
    }
)
"""Actions of causes that no engine has a word for."""


KEEP_LOST = 300.0
"""Seconds for which what an engine said last is believed while it is out of reach, unless told otherwise."""


LATE = 30.0
"""Seconds after the start from which an engine that has told nothing is no longer waited for, if another one has."""


class Reconciler:
    """Keeps the routes current and tells the drivers what changed."""

    def __init__(
        self,
        engines: Sequence[str],
        bulletin: Bulletin | None = None,
        *,
        keep_lost: float = KEEP_LOST,
        prober: type[Probes] = Prober,
        locality: tuple[str, ...] = (),
    ) -> None:
        """What happens is posted on the bulletin; an engine out of reach for `keep_lost` seconds is given up.

        `prober` asks containers whether they serve; `locality` names those that come first.
        """
        self.engines = tuple(engines)
        self.bulletin = bulletin if bulletin is not None else Bulletin()
        self.routes = Routes(World(has_several_engines=len(self.engines) > 1, locality=locality))
        self.descriptions: dict[str, str] = {}
        """What each engine said that it is."""
        self.listed_at: dict[str, float] = {}
        """When each engine last told everything, by `time.monotonic`."""
        self._world = self.routes.world
        self._drivers: list[Driver] = []
        self._waiting_for = set(engines)
        self._events: deque[Event] = deque()
        self._wake = asyncio.Event()
        self._prober = prober(self.post, self._silent)
        self._followers: list[Callable[[Turn | Ordered], None]] = []
        self._damping = Damping()
        self._located: dict[ContainerKey, tuple[str, ...]] = {}
        self._paused: dict[ContainerKey, float] = {}
        self._told: dict[ContainerKey | Match | str, frozenset[Problem]] = {}
        self._keep_lost = keep_lost
        self._deadlines: dict[str, asyncio.TimerHandle] = {}
        """When each engine that is lost will be given up."""
        self._orders_ended: Callable[[], None] = lambda: None

    @property
    def waiting_for(self) -> frozenset[str]:
        """Engines that have not told everything yet; until all have, nothing is driven.

        One that lets the others wait for too long at the start is not waited for.
        """
        return frozenset(self._waiting_for)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that cannot be done as asked, by whomever, sorted."""
        return tuple(sorted({problem for problems in self._told.values() for problem in problems}))

    def silence_of(self, key: ContainerKey) -> Mapping[str, str]:
        """Endpoints of a container that have not answered yet -> why not."""
        return self._prober.silence_of(key)

    def pause_of(self, key: ContainerKey) -> float:
        """Seconds that a container waits for traffic after each start, because it keeps ending by itself."""
        return self._paused.get(key, 0.0)

    def reported_by(self, source: str) -> frozenset[Problem]:
        """What a proxy (or anybody else) last said that it cannot do."""
        return self._told.get(source, frozenset())

    def on_orders_ended(self, callback: Callable[[], None]) -> None:
        """Be called when orders ended because their containers are gone."""
        self._orders_ended = callback

    def attach(self, driver: Driver) -> None:
        self._drivers.append(driver)

    def detach(self, driver: Driver) -> None:
        """Its proxy is gone."""
        self._drivers.remove(driver)

    def tap(self, follower: Callable[[Turn | Ordered], None]) -> Callable[[], None]:
        """Have somebody told of all that comes in from now on; call what is returned to end it."""
        self._followers.append(follower)
        return lambda: self._followers.remove(follower)

    def order(self, overrides: Overrides) -> None:
        """Put the operator's orders in force."""
        self._let_follow(Ordered(at=clock.time(), orders=overrides))
        self._follow(*self._world.order(overrides), causes=[Cause(action="order", at=clock.time())])

    async def review(self) -> None:
        """Look at every route again: other ones are held. In slices, so that no event waits for it."""
        for part in slices(sorted(self.routes.known)):
            self._follow((), matches=part, causes=[Cause(action="order", at=clock.time())])
            await asyncio.sleep(0)

    def post(self, event: Event) -> None:
        """Hand in a fact; never blocks."""
        self._events.append(event)
        self._wake.set()

    async def run(self) -> None:
        """Never returns."""
        asyncio.get_running_loop().call_later(LATE, self.go_on_without_the_late)
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._events:
                events = tuple(self._events)
                self._events.clear()
                self.turn(Turn(at=clock.time(), settled_before=_settled_before(), events=events))

    def turn(self, turn: Turn) -> None:
        """Take in all that has queued up, newest last, as one change."""
        self._let_follow(turn)
        touched: set[ContainerKey] = set()
        causes: list[Cause] = []
        orders = self._world.overrides
        for event in turn.events:
            name = self._name(event)
            moved = self._world.advance(event, settled_before=turn.settled_before)
            self._narrate(event, moved)
            cause = _cause(event, name or self._name(event))
            self.bulletin.post(EventSeen(at=clock.time(), event=type(event).__name__, cause=cause, touched=len(moved)))
            touched |= moved
            causes += [cause] if moved else []
        self._follow(touched, causes=causes)
        if self._world.overrides is not orders:
            self._orders_ended()

    async def stop(self) -> None:
        await self._prober.stop()

    def go_on_without_the_late(self) -> None:
        """Drive the proxies by what the others have told."""
        if not self._waiting_for or self._waiting_for == set(self.engines):
            return
        late, self._waiting_for = ", ".join(sorted(self._waiting_for)), set()
        log.warning(f"[interlock] engine {late} has told nothing for {LATE:g} s; what it runs is served when it has")
        for driver in self._drivers:
            driver.look_at_everything(Cause(action="list", at=clock.time()))

    def report(self, source: str, problems: Iterable[Problem]) -> None:
        """Log what a proxy (or anybody else) cannot do as asked, once."""
        self._tell(source, problems)

    def _let_follow(self, what: Turn | Ordered) -> None:
        for follower in tuple(self._followers):
            follower(what)

    def _name(self, event: Event) -> str:
        """Name of the container that an event is about; "" for none, or one that is not known."""
        subject = _subject(event)
        container = self._world.container(subject) if isinstance(subject, ContainerKey) else None
        return container.name if container is not None else ""

    def _follow(
        self,
        touched: Collection[ContainerKey],
        hosts: Iterable[str] = (),
        matches: Iterable[Match] = (),
        *,
        causes: Sequence[Cause],
    ) -> None:
        """Carry what changed for these containers, hosts and matches to the probes, the log and the drivers."""
        changed = self.routes.update(touched, hosts, matches)
        self._ask(touched)
        for key in touched:
            self._locate(key)
            self._tell(key, self.routes.problems_of([key], ()))
        for match in changed:
            self._tell(match, self.routes.problems_of((), [match]))
        if changed:
            self.bulletin.post(RoutesChanged(at=clock.time(), routes=tuple(sorted(changed))))
        if self._waiting_for:
            return
        for driver in self._drivers:
            driver.look(changed, causes)

    def _ask(self, touched: Iterable[ContainerKey]) -> None:
        """Probe the servers that would be ready if they had answered; give up on those that no longer matter."""
        for key in touched:
            wanted = self.routes.probes_of(key)
            self._prober.only(key, wanted)
            self._prober.want(wanted, after=self._pause(key))

    def _locate(self, key: ContainerKey) -> None:
        """Say at debug where a container is reached and why there, when that is news."""
        if not log.is_enabled_for(logging.DEBUG):
            return
        container, now = self._world.container(key), self.routes.whereabouts_of(key)
        if container is not None and now and self._located.get(key) != now:
            log.debug(f"[interlock] {shown(container.name)}: reached at {'; '.join(now)}")
        self._located[key] = now
        if container is None:
            del self._located[key]

    def _pause(self, key: ContainerKey) -> float:
        """How long a container waits for traffic because it keeps ending by itself; told in the log as it grows."""
        container = self._world.container(key)
        if container is None:
            self._damping.forget(key)
            if self._paused.pop(key, 0.0):
                self._tell_pause(key, "", 0.0)
            return 0.0
        pause, before = self._damping.pause(container, clock.monotonic()), self._paused.get(key, 0.0)
        if pause != before:
            self._paused[key] = pause
            self._tell_pause(key, container.name, pause)
        if pause > before:
            log.warning(
                f"[interlock] {shown(container.name)}: ends again and again by itself, so it takes traffic only "
                f"{pause:g} s after each start; fix: see why, with docker logs {shown(container.name)}",
                restarts=container.restarts,
            )
        return pause

    def _tell_pause(self, key: ContainerKey, name: str, pause: float) -> None:
        self.bulletin.post(
            ContainerDamped(at=clock.time(), engine=key.engine, container=name, container_id=key.id, pause=pause)
        )

    def _narrate(self, event: Event, moved: frozenset[ContainerKey]) -> None:
        match event:
            case Listed(engine=engine, containers=containers):
                self.listed_at[engine] = clock.monotonic()
                self._first_list(engine, len(containers))
            case Lost(engine=engine, reason=reason):
                log.warning(f"[interlock] engine {engine} is lost; what it ran is served on: {reason}")
                self.bulletin.post(EngineLost(at=clock.time(), engine=engine, reason=reason))
                self._give_up_later(engine)
            case GivenUp(engine=engine, after=after, containers=()):
                log.warning(
                    f"[interlock] engine {engine} has been lost for {after:g} s; what it ran takes no more requests "
                    "where others can"
                )
            case Recovered(engine=engine, description=description):
                self.descriptions[engine] = description
                log.info(f"[interlock] engine {engine} answers: {description}")
                self._keep(engine)
                self.bulletin.post(EngineRecovered(at=clock.time(), engine=engine, description=description))
            case Changed() | Stopping() | Survived() | Vanished() if moved:
                for driver in self._drivers:
                    log.info(f"[interlock] dispatching event to plugin: name={driver.name} version={driver.version}")
            case GivenUp() | Placed() | Probed() | Held() | Changed() | Stopping() | Survived() | Vanished():
                pass

    def _give_up_later(self, engine: str) -> None:
        self._keep(engine)
        event = GivenUp(engine, self._keep_lost)
        self._deadlines[engine] = asyncio.get_running_loop().call_later(self._keep_lost, self.post, event)

    def _keep(self, engine: str) -> None:
        """It is not given up, or not yet."""
        if (deadline := self._deadlines.pop(engine, None)) is not None:
            deadline.cancel()

    def _first_list(self, engine: str, count: int) -> None:
        if engine not in self._waiting_for:
            return
        self._waiting_for.discard(engine)
        log.info(f"[interlock] engine {engine} listed {count} containers")
        if not self._waiting_for:
            for driver in self._drivers:
                driver.look_at_everything(Cause(action="list", at=clock.time(), engine=engine))

    def _silent(self, probe: Probe, why: str) -> None:
        log.warning(
            f"[interlock] {probe.name}: takes no traffic yet, since nobody answers at {probe.endpoint}: {why}; "
            "fix: listen on that port on 0.0.0.0, or name another with INTERLOCK_DATA.port or label interlock.port"
        )

    def _tell(self, source: ContainerKey | Match | str, problems: Iterable[Problem]) -> None:
        """Each problem once when it comes, and once when it goes."""
        now, before = frozenset(problems), self._told.pop(source, frozenset())
        if now:
            self._told[source] = now
        for problem in sorted(now - before):
            (log.error if problem.severity is Severity.ERROR else log.warning)(f"[interlock] {problem.sentence()}")
            self.bulletin.post(ProblemRaised(at=clock.time(), problem=problem))
        for problem in sorted(before - now):
            log.info(f"[interlock] {problem.container or 'interlock'}: {problem.key}: no longer a problem")
            self.bulletin.post(ProblemSolved(at=clock.time(), problem=problem))


def _subject(event: Event) -> ContainerKey | str:
    """The container that an event is about, or the engine."""
    match event:
        case Changed(container=container):
            return container.key
        case Stopping(key=key) | Survived(key=key) | Vanished(key=key) | Probed(key=key):
            return key
        case Placed(view=view):
            return view.engine
        case Listed() | Lost() | GivenUp() | Held() | Recovered():
            return event.engine


def _cause(event: Event, name: str) -> Cause:
    """An event as a reason for what follows."""
    subject = _subject(event)
    engine, id_ = subject if isinstance(subject, ContainerKey) else (subject, "")
    action, at = _OWN_WORDS.get(type(event), ""), 0.0
    if isinstance(event, Changed | Stopping | Survived | Vanished):
        action, at = event.cause, event.at
    return Cause(action=action, at=at or clock.time(), engine=engine, container=name, container_id=id_)


def _settled_before() -> str:
    return (
        (datetime.fromtimestamp(clock.time(), UTC) - SETTLED).isoformat(timespec="microseconds").replace("+00:00", "Z")
    )

"""Drives one proxy: what is dirty is observed, planned and applied, again and again, until serving equals wanted.

What comes while a turn is under way goes into the next one. Live steps do not wait for a reload, a reload does not
wait for its neighbours, and there is never more than one.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import islice

import msgspec
import structlog

from interlock.bulletin import Bulletin
from interlock.core.happenings import MOST_CAUSES, ApplyFailed, Cause, PlanApplied, ReloadDone
from interlock.core.model import Match, Route, RouteTable, ServerState
from interlock.core.plan import (
    AddRoute,
    AddServer,
    CloseRoute,
    DrainServer,
    EnableServer,
    MoveServer,
    Reload,
    RemoveRoute,
    RemoveServer,
    Serving,
    ServingRoute,
    Step,
    WeighServer,
    make_plan,
)
from interlock.core.problems import InterlockError, Problem, TemporaryError
from interlock.host import clock
from interlock.host.slices import slices
from interlock.host.tasks import Tasks
from interlock.proxies.contract import Outcome, Proxy, Refused, SeatsRoutes

log = structlog.get_logger()

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 10.0
"""Seconds after a failed turn, doubling; what is wanted by then is what is tried."""
RUNTIME_FAILURES = 4
"""Failed turns in a row after which live steps are given up for a reload."""
RELOADED = "proxy reloaded and ready"
TIDIED = "proxy tidied up: new sites have backends of their own now"
"""The log's sentences after a reload that something waited for, and after one that nothing did."""
OBSERVED_SECONDS = 0.05
"""How long what was observed ahead of a probe's answer is as good as new, unless something was done since."""


class Driver:
    """One proxy and its backlog."""

    def __init__(
        self,
        name: str,
        version: str,
        proxy: Proxy,
        table: RouteTable,
        report: Callable[[str, Iterable[Problem]], None],
        *,
        bulletin: Bulletin | None = None,
    ) -> None:
        """What the proxy was brought to is posted on the bulletin."""
        self.name = name
        self.version = version
        self.reloads = 0
        self.served_once = asyncio.Event()
        self.error = ""
        """Why the last turn or reload failed; "" when it did not."""
        self._proxy = proxy
        self._table = table
        self._report = report
        self._bulletin = bulletin if bulletin is not None else Bulletin()
        self._tasks = Tasks(name)
        self._wake = asyncio.Event()
        self._dirty: set[Match] = set()
        self._everything = True
        self._has_started = False
        self._reloading = False
        """Whether a reload is under way, or the pause after one that failed."""
        self._loading = False
        """Whether the proxy is at it right now."""
        self._asked = self._looked = 0
        """Which call for a look was the last one, and up to which one all are done."""
        self._progress = asyncio.Event()
        """Replaced whenever it is set."""
        self.refused: Mapping[Match, Refused] = {}
        """Routes that the proxy's own check would not load; replaced as a whole."""
        self._failures = 0
        self._served: dict[Match, Route] = {}
        """Routes that are served as they were wanted when they were last looked at."""
        self._ahead: dict[Match, tuple[float, ServingRoute | None]] = {}
        """What is served for routes that are about to change, and when it was observed."""
        self._causes: list[Cause] = []
        """Why the next turn is taken; the oldest first."""
        self._causes_of_turn: tuple[Cause, ...] = ()
        self._postponed: list[Cause] = []
        """Causes of what waits for a reload under way, or failed with it."""

    def look(self, matches: Iterable[Match], causes: Iterable[Cause] = ()) -> None:
        """These routes are not what they were, because of these."""
        self._dirty.update(matches)
        if self._dirty:
            self._note(causes)
        self._call()

    def look_at_everything(self, cause: Cause | None = None) -> None:
        """What is served may be anything."""
        self._note([cause] if cause is not None else [])
        self._everything = True
        self._served.clear()
        self._ahead.clear()
        self._call()

    async def caught_up(self) -> None:
        """Return once all that was called for by now is served, by every configuration that the proxy will ever load.

        A reload under way may have been rendered before; so its end is waited for, and then everything looked at.
        """
        was_loading = self._loading
        while self._loading:
            await self._progress.wait()
        if was_loading:
            self.look_at_everything()
        asked = self._asked
        while self._looked < asked:
            await self._progress.wait()

    async def observe(self, matches: Collection[Match]) -> Serving:
        """What is served for these matches. Raises TemporaryError."""
        self._refuse_before_start()
        return await self._proxy.observe(matches)

    async def sessions(self, match: Match) -> Mapping[str, int]:
        """Requests under way at each server of a match. Raises TemporaryError."""
        self._refuse_before_start()
        return await self._proxy.sessions(match)

    def refresh(self) -> None:
        """The operator may have changed files: certificates."""
        try:
            reason = self._proxy.refresh()
        except InterlockError as error:
            log.error(f"[{self.name}] {error}")
            return
        if reason:
            self._reload(Reload(reason), ())

    async def run(self) -> None:
        """Never returns."""
        self._has_started = True
        while True:
            await self._wake.wait()
            self._wake.clear()
            everything, dirty, asked = self._everything, self._dirty, self._asked
            self._everything, self._dirty = False, set()
            self._causes_of_turn, self._causes = tuple(self._causes), []
            try:
                await self._turn(None if everything else dirty)
                self._failures, self.error, self._looked = 0, "", asked
                self._move_on()
            except InterlockError as error:
                self._everything, self._dirty = self._everything or everything, self._dirty | dirty
                self._served.clear()
                self._resume(self._causes_of_turn)
                self._fail(error, self._causes_of_turn)
                await self._pause(error)

    async def stop(self) -> None:
        """End a reload under way, if any; the proxy itself is its owner's to close."""
        await self._tasks.stop()

    def _refuse_before_start(self) -> None:
        if not self._has_started:
            raise TemporaryError(f"{self.name} has not started yet")

    def _note(self, causes: Iterable[Cause]) -> None:
        self._causes += islice(causes, MOST_CAUSES - len(self._causes))

    def _resume(self, causes: Iterable[Cause]) -> None:
        """These have not been done justice to yet; they come before what came since."""
        self._causes = [*causes, *self._causes][:MOST_CAUSES]

    def _fail(self, error: InterlockError, causes: tuple[Cause, ...], reason: str = "") -> None:
        self._bulletin.post(
            ApplyFailed(at=clock.time(), proxy=self.name, causes=causes, error=str(error), reason=reason)
        )

    def _call(self) -> None:
        self._asked += 1
        self._wake.set()

    def _move_on(self) -> None:
        """Wake those who wait for progress."""
        self._progress.set()
        self._progress = asyncio.Event()

    async def _turn(self, dirty: set[Match] | None) -> None:
        since = clock.monotonic()
        if dirty is not None:
            await self._look_ahead({match for match in dirty if self._only_awaits_probes(match)})
            dirty = {match for match in dirty if not self._only_awaits_probes(match)}
            if not dirty:
                return
        serving = await self._observe(dirty)
        reloads, new = [], []
        self._report(self.name, self._proxy.problems(None))
        for part in slices(sorted(self._table.keys() | serving.keys() if dirty is None else dirty)):
            wanted = {match: self._table.get(match) for match in part}
            reload = await self._bring_about(wanted, serving, since)
            if reload is not None:
                reloads.append(reload)
                new += _new(wanted, serving)
            if dirty is None:
                await asyncio.sleep(0)  # with thousands of routes, others get their turn in between
        if reloads:
            self._reload(_together(reloads), new)
            return
        self.served_once.set()
        if isinstance(self._proxy, SeatsRoutes) and (reason := self._proxy.overdue()):
            self._reload(Reload(reason), (), TIDIED)

    async def _bring_about(self, wanted: Mapping[Match, Route | None], serving: Serving, since: float) -> Reload | None:
        """Have some routes served as they are wanted; what is left of it is a reload."""
        refused = {match: r.shape for match, r in self.refused.items()}
        serving = {**{m: serving[m] for m in wanted if m in serving}, **self._seated(wanted, serving)}
        plan = make_plan(wanted, serving, refused=refused, abilities=self._proxy.abilities)
        if plan.steps:
            await self._proxy.apply(plan.steps, self._table)
            self._tell(plan.steps, since)
            self._bulletin.post(
                PlanApplied(
                    at=clock.time(),
                    proxy=self.name,
                    causes=self._causes_of_turn,
                    steps=plan.steps,
                    seconds=clock.monotonic() - since,
                )
            )
        self._remember(wanted, serving)
        for match, route in wanted.items():
            self._report(f"{self.name} {match}", self._proxy.problems(route) if route is not None else ())
        return plan.reload

    def _seated(self, wanted: Mapping[Match, Route | None], serving: Serving) -> dict[Match, ServingRoute]:
        """New routes that the proxy can serve without a reload. At the start there is one anyway."""
        if not (isinstance(self._proxy, SeatsRoutes) and self.served_once.is_set()):
            return {}
        new = {match: route for match, route in wanted.items() if route is not None and match not in serving}
        seats = {m: self._proxy.seat(m, route.backend.options) for m, route in new.items() if not route.maintenance}
        return {match: seat for match, seat in seats.items() if seat is not None}

    def _only_awaits_probes(self, match: Match) -> bool:
        """Whether all that is new about a route is servers that take no traffic yet: the proxy need not know."""
        before, now = self._served.get(match), self._table.get(match)
        if before is None or now is None:
            return False
        known = {server.name: server for server in before.backend.servers}
        new = [server for server in now.backend.servers if known.get(server.name) != server]
        backend = msgspec.structs.replace(now.backend, servers=before.backend.servers)
        return (
            len(now.backend.servers) - len(new) == len(known)
            and all(server.state is not ServerState.READY for server in new)
            and msgspec.structs.replace(now, backend=backend) == before
        )

    async def _look_ahead(self, matches: set[Match]) -> None:
        """Observe while the probe is under way, so that its answer finds everything known."""
        if matches:
            serving, now = await self._proxy.observe(matches), clock.monotonic()
            self._ahead |= {match: (now, serving.get(match)) for match in matches}

    async def _observe(self, dirty: set[Match] | None) -> Serving:
        """What is served; asked for only where nobody has just looked."""
        if dirty is None:
            return await self._proxy.observe(None)
        fresh = clock.monotonic() - OBSERVED_SECONDS
        known = {match: self._ahead.pop(match, (0.0, None)) for match in dirty}
        serving = {match: served for match, (at, served) in known.items() if at > fresh and served is not None}
        unknown = {match for match, (at, _) in known.items() if at <= fresh}
        return {**serving, **await self._proxy.observe(unknown)} if unknown else serving

    def _remember(self, wanted: Mapping[Match, Route | None], serving: Serving) -> None:
        for match, route in wanted.items():
            if route is not None and match in serving:
                self._served[match] = route
            else:
                self._served.pop(match, None)

    def _reload(self, reload: Reload, new: Iterable[Match], done: str = RELOADED) -> None:
        """Start one, unless one is under way: at its end everything is looked at again, so nothing is lost."""
        if self._reloading:
            self._postponed += self._causes_of_turn
            return
        self._reloading = True
        self._tasks.start("reload", self._perform_reload(reload, tuple(new), done))

    async def _perform_reload(self, reload: Reload, new: tuple[Match, ...], done: str) -> None:
        since, causes = clock.monotonic(), self._causes_of_turn
        log.debug(f"[{self.name}] reload triggered", reason=reload.reason)
        try:
            outcome = await self._load(reload)
        except InterlockError as error:
            log.error(f"[{self.name}] error reloading: {error}")
            self._fail(error, causes, reload.reason)
            self._postponed = [*causes, *self._postponed]
            await self._pause(error, quiet=True)
        else:
            self._failures, self.error = 0, ""
            self.reloads += 1
            self._tell_new(new)
            log.info(
                f"[{self.name}] {done}",
                reason=reload.reason,
                reloads=self.reloads,
                duration=f"{(clock.monotonic() - since) * 1000:.0f}ms",
            )
            self._note_refusals(outcome)
            self._bulletin.post(
                ReloadDone(
                    at=clock.time(),
                    proxy=self.name,
                    causes=causes,
                    reason=reload.reason,
                    seconds=clock.monotonic() - since,
                    routes=new,
                    refused=tuple((refused.match, refused.why) for refused in outcome.refused),
                )
            )
        finally:
            self._reloading = False
            self._resume(self._postponed)
            self._postponed = []
            self.look_at_everything()

    async def _load(self, reload: Reload) -> Outcome:
        self._loading = True
        try:
            return await self._proxy.apply([reload], self._table)
        finally:
            self._loading = False
            self._move_on()

    def _note_refusals(self, outcome: Outcome) -> None:
        for refused in outcome.refused:
            if self.refused.get(refused.match) != refused:
                log.error(
                    f"[{self.name}] {refused.match}: the proxy's check refused it, so it is left out: {refused.why}"
                )
        self.refused = {refused.match: refused for refused in outcome.refused}

    async def _pause(self, error: InterlockError, *, quiet: bool = False) -> None:
        self._failures += 1
        self.error = error.what
        pause = min(FIRST_PAUSE * 2 ** (self._failures - 1), LONGEST_PAUSE)
        if not quiet:
            log.warning(f"[{self.name}] {error}; trying again", pause=f"{pause:g}s")
        if self._failures == RUNTIME_FAILURES:
            self._reload(Reload("live changes failed"), ())
        await asyncio.sleep(pause)
        self._wake.set()

    def _tell(self, steps: Iterable[Step], since: float) -> None:
        for step in steps:
            match step:
                case AddServer(match=m, server=s) | MoveServer(match=m, server=s) | EnableServer(match=m, server=s):
                    log.info(f"[{self.name}] {m}: upstream={s.endpoint} container={s.name}")
                case WeighServer(match=m, name=name, weight=weight):
                    log.info(f"[{self.name}] {m}: weight={weight} container={name}")
                case DrainServer(match=m, name=name):
                    log.info(f"[{self.name}] {m}: out of rotation container={name}")
                case RemoveServer(match=m, name=name):
                    log.info(f"[{self.name}] {m}: removed container={name}")
                case CloseRoute(match=m, maintenance=maintenance):
                    log.info(f"[{self.name}] {m}: under maintenance until={maintenance.until or 'further notice'}")
                case AddRoute(match=m, replaces=True):
                    log.info(f"[{self.name}] {m}: open again")
                case RemoveRoute(match=m):
                    log.info(f"[{self.name}] {m}: removed")
                case _:
                    pass
        log.debug(f"[{self.name}] proxy updated and ready", duration=f"{(clock.monotonic() - since) * 1000:.1f}ms")

    def _tell_new(self, new: Iterable[Match]) -> None:
        for match in new:
            route = self._table.get(match)
            for server in route.backend.servers if route is not None else ():
                if server.state is ServerState.READY:
                    log.info(f"[{self.name}] {match}: upstream={server.endpoint} container={server.name}")


def _new(wanted: Mapping[Match, Route | None], serving: Serving) -> list[Match]:
    return sorted(match for match, route in wanted.items() if route is not None and match not in serving)


def _together(reloads: Sequence[Reload]) -> Reload:
    """One reload for what several parts of the fleet need one for."""
    return reloads[0] if len(reloads) == 1 else Reload(f"{reloads[0].reason}, among others")

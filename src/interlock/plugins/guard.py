"""Stands between Interlock and a proxy plugin: whatever it raises, however long it takes, the others go on.

A call that raises what the contract does not name, that takes too long, or that answers with something else than was
promised is a *fault*: it is told, it becomes a `TemporaryError`, and the plugin is left alone for a pause that grows
with each fault. A plugin of a third party lives in a thread of its own; after some faults it is closed and built anew.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import structlog

from interlock.core.model import Match, Options, Route, RouteTable
from interlock.core.plan import Abilities, Reload, Serving, ServingRoute, Step, shape
from interlock.core.problems import InterlockError, Problem, Severity, TemporaryError, shown
from interlock.core.status import PluginKind, PluginState, PluginStatus
from interlock.core.traffic import RouteCounters
from interlock.host.apart import ExitedError
from interlock.plugins import answers
from interlock.plugins.building import Building
from interlock.plugins.limits import unhonoured
from interlock.proxies.contract import Context, CountsTraffic, Outcome, Plugin, Proxy, SeatsRoutes

log = structlog.get_logger()

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 60.0
"""Seconds for which a plugin is left alone after a fault, doubling."""
STEADY_SECONDS = 60.0
"""After this long without a fault the next pause is the first one again, and the problem is over."""
FORGIVEN = 3
"""After so many faults a third party's plugin is closed and built anew, and again after so many more."""

MOST_DOUBLINGS = 16

T = TypeVar("T")


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds that calls may take: more than HAProxy and NGINX need with 10,000 backends on a slow machine."""

    prepare: float = 90.0
    look: float = 20.0
    apply: float = 120.0


class Guarded:
    """One proxy plugin, as its driver sees it."""

    def __init__(
        self,
        plugin: Plugin,
        context: Context,
        report: Callable[[str, Iterable[Problem]], None],
        *,
        is_ours: bool,
        bounds: Bounds = Bounds(),  # noqa: B008 - a frozen value
    ) -> None:
        """A fault is reported as a problem. One of ours is part of Interlock, and believed what it answers."""
        self._name = plugin.name
        self._report = report
        self._is_ours = is_ours
        self._bounds = bounds
        self._look_again = context.look_again
        self._building = Building(plugin, context, is_ours=is_ours)
        self._faults = self._strikes = 0
        """How many there were since it was steady, and how many of them count against the proxy as it is built."""
        self._faulted_at = -STEADY_SECONDS
        self._alone_until = 0.0
        self._loaded: dict[Match, Route] = {}
        """What the last reload was asked to serve, until it is seen whether it does."""
        self._table = RouteTable()
        self._status = PluginStatus(name=plugin.name, version=plugin.version, kind=PluginKind.PROXY, since=time.time())

    @property
    def status(self) -> PluginStatus:
        """How it is now."""
        return self._status

    # --- the promise ---

    @property
    def abilities(self) -> Abilities:
        return self._answer("abilities", lambda proxy: answers.of_type(Abilities, proxy.abilities), Abilities())

    async def prepare(self) -> None:
        await self._call("prepare", self._bounds.prepare, _nothing, lambda _: None)

    async def observe(self, matches: Collection[Match] | None) -> Serving:
        serving = await self._call("observe", self._bounds.look, lambda proxy: proxy.observe(matches), answers.serving)
        if matches is None:
            self._compare(serving)
        return serving

    async def sessions(self, match: Match) -> Mapping[str, int]:
        return await self._call("sessions", self._bounds.look, lambda proxy: proxy.sessions(match), answers.mapping)

    async def apply(self, steps: Sequence[Step], table: RouteTable) -> Outcome:
        asked = table if self._is_ours else RouteTable(table.values())  # which changes while another thread reads it
        outcome = await self._call("apply", self._bounds.apply, lambda proxy: proxy.apply(steps, asked), _outcome)
        if not self._is_ours and any(isinstance(step, Reload) for step in steps):
            refused = {each.match for each in outcome.refused}
            self._table, self._loaded = table, {match: asked[match] for match in asked if match not in refused}
        return outcome

    def refresh(self) -> str:
        return self._answer("refresh", lambda proxy: answers.of_type(str, proxy.refresh()), "")

    def problems(self, route: Route | None) -> tuple[Problem, ...]:
        nothing: tuple[Problem, ...] = ()
        own = self._answer("problems", lambda proxy: answers.problems(proxy.problems(route)), nothing)
        return own if route is None else (*own, *unhonoured(route, self.abilities.honours, self._name))

    async def close(self) -> None:
        await self._building.close()

    # --- what some can do besides ---

    def seat(self, match: Match, options: Options) -> ServingRoute | None:
        def ask(proxy: Proxy) -> ServingRoute | None:
            return proxy.seat(match, options) if isinstance(proxy, SeatsRoutes) else None

        return self._answer("seat", ask, None)

    def overdue(self) -> str:
        return self._answer("overdue", lambda proxy: proxy.overdue() if isinstance(proxy, SeatsRoutes) else "", "")

    async def traffic(self) -> Mapping[Match, RouteCounters]:
        """Raises TemporaryError, too, where it does not count."""
        return await self._call("traffic", self._bounds.look, _traffic, answers.mapping)

    # --- how ---

    async def _call(
        self,
        method: str,
        seconds: float,
        call: Callable[[Proxy], Coroutine[Any, Any, T]],
        checked: Callable[[Any], Any],
    ) -> T:
        """Call a prepared proxy where it lives, for a bounded time. Raises InterlockError."""
        pause = self._alone_until - time.monotonic()
        if pause > 0:
            raise TemporaryError(f"it is left alone for {pause:.1f} s: {self._status.why}")
        await self._close_if_hopeless()
        bound = asyncio.timeout(seconds)
        try:
            async with bound:
                proxy = await self._building.prepared()
                answer = await self._building.there(lambda: call(proxy))
            if not self._is_ours:
                checked(answer)
        except ExitedError as error:
            raise self._fault(f"{method}: {error}", error) from error
        except InterlockError:
            raise
        except Exception as error:
            why = f"raised {type(error).__name__}: {error}"
            if bound.expired():
                why = f"did not end within {seconds:g} s"
            raise self._fault(f"{method} {why}", error) from error
        self._went_well()
        return answer

    def _answer(self, method: str, ask: Callable[[Proxy], T], otherwise: T) -> T:
        """What a method says at once; `otherwise` where it cannot. Raises InterlockError."""
        proxy = self._building.proxy
        if proxy is None:
            return otherwise
        try:
            return ask(proxy)
        except InterlockError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a plugin raises is its fault
            self._fault(f"{method} raised {type(error).__name__}: {error}", error)
            return otherwise

    def _compare(self, serving: Serving) -> None:
        """Whether a reload that was said to have been done was. Raises TemporaryError."""
        loaded, self._loaded = self._loaded, {}
        for match, route in loaded.items():
            if route.maintenance is not None or self._table.get(match) != route:
                continue
            if match not in serving or serving[match].shape != shape(route.backend.options):
                raise self._fault(f"it says that it has reloaded, but does not serve {match} as it was asked to", None)

    async def _close_if_hopeless(self) -> None:
        if self._strikes >= FORGIVEN and not self._is_ours:
            self._strikes = 0
            self._change(PluginState.STARTING, restarts=self._status.restarts + 1)
            await self._building.close()
            self._look_again()

    def _fault(self, what: str, error: BaseException | None) -> TemporaryError:
        """Note a fault, and leave the plugin alone for a while; the fault as everybody else sees it."""
        now, why = time.monotonic(), shown(what, length=200)
        self._faults = 1 if now - self._faulted_at > STEADY_SECONDS else self._faults + 1
        self._strikes += FORGIVEN if isinstance(error, ExitedError) else 1
        pause = min(FIRST_PAUSE * 2 ** min(self._faults - 1, MOST_DOUBLINGS), LONGEST_PAUSE)
        self._faulted_at, self._alone_until = now, now + pause
        log.error(f"[{self._name}] the plugin failed: {why}; it is left alone", pause=f"{pause:g}s")
        if error is not None:
            log.debug(f"[{self._name}] where the plugin failed", exc_info=error)
        self._change(PluginState.RESTARTING, why=why)
        self._report(f"plugin {self._name}", [self._problem(why)])
        return TemporaryError(f"the plugin failed: {why}")

    def _problem(self, why: str) -> Problem:
        return Problem(
            container="",
            key=f"plugin {self._name}",
            value="",
            what=f"it fails, and is tried again after growing pauses: {why}",
            fix="run interlock --debug to see where; mend the plugin, or leave it out",
            severity=Severity.WARNING,
        )

    def _went_well(self) -> None:
        if self._status.state is not PluginState.RUNNING:
            self._change(PluginState.RUNNING)
        if self._faults and time.monotonic() - self._faulted_at > STEADY_SECONDS:
            self._faults = self._strikes = 0
            self._report(f"plugin {self._name}", ())

    def _change(self, state: PluginState, **fields: Any) -> None:
        self._status = msgspec.structs.replace(self._status, state=state, since=time.time(), **fields)


async def _nothing(_proxy: Proxy) -> None:
    """To be prepared is all."""


async def _traffic(proxy: Proxy) -> Mapping[Match, RouteCounters]:
    if not isinstance(proxy, CountsTraffic):
        raise TemporaryError("it does not count requests by route")
    return await proxy.traffic()


def _outcome(answer: Any) -> Outcome:
    return answers.of_type(Outcome, answer)

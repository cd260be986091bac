"""The operator's desk: orders are checked, put in force, kept on disk and confirmed; what goes on is told."""

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

import structlog

from interlock.core import status
from interlock.core.decisions import Explanation
from interlock.core.happenings import AnyHappening, RoutesChanged
from interlock.core.model import Container, Match, ServerState
from interlock.core.overrides import (
    Overrides,
    checked_host,
    checked_maintenance,
    checked_weight,
    decode,
    encode,
)
from interlock.core.problems import InterlockError, PermanentError, TemporaryError, shown
from interlock.core.route_changes import RouteChanges
from interlock.core.status import (
    ContainerStatus,
    PluginStatus,
    ProxyStatus,
    Receipt,
    RoutesStatus,
    Status,
)
from interlock.core.targets import Names, Target, UnknownTargetError, absent_service, find, names_of
from interlock.core.trace import Trace
from interlock.core.traffic import Traffic
from interlock.driver import Driver
from interlock.history import History
from interlock.host import files
from interlock.inquiry import Inquiry
from interlock.readiness import engine_statuses, not_ready_because, proxy_status
from interlock.reconciler import Reconciler
from interlock.recorder import Recorder
from interlock.sampler import Sampler
from interlock.timeline import Timeline
from interlock.version import __version__

log = structlog.get_logger()

CONFIRM_SECONDS = 20.0
"""How long an order waits for the proxies; a reload under way ends within 15 s."""
LIST_SECONDS = 0.05
"""Between two looks whether a list has come."""
LONGEST_SLEEP = 30.0
"""Seconds until the wall clock is looked at again, since somebody may set it."""


class Desk:
    """Takes orders for one Interlock."""

    def __init__(
        self,
        reconciler: Reconciler,
        drivers: Sequence[Driver],
        file: Path,
        *,
        stale_after: float,
        history: History,
        confirm: Callable[[], Sequence[str]] = lambda: (),
        sampler: Sampler | None = None,
        plugins: Callable[[], tuple[PluginStatus, ...]] = tuple,
        external: Callable[[], Sequence[ProxyStatus]] = tuple,
    ) -> None:
        """`file` keeps the orders; after `stale_after` seconds without a list from every engine nothing is ready.

        `confirm` has the lists that are held believed, and returns the names of their engines.
        `plugins` tells how each enabled plugin is, `external` each proxy that runs elsewhere.
        """
        self.recorder = Recorder(reconciler)
        self.changes = RouteChanges(reconciler.routes.table, run=secrets.token_hex(4))
        reconciler.bulletin.subscribe(self._note_changes)
        self._history = history
        self.timeline = Timeline(history, reconciler.routes, self._hold)
        self._reconciler = reconciler
        self._drivers = drivers
        self._inquiry = Inquiry(reconciler, drivers)
        self._file = file
        self._stale_after = stale_after
        self._confirm = confirm
        self._sampler = sampler if sampler is not None else Sampler()
        self._plugins = plugins
        self._external = external
        self._changed = asyncio.Event()
        reconciler.on_orders_ended(self._orders_ended)

    def open(self) -> None:
        """Put the orders in force that were given before a restart."""
        try:
            text = files.read(self._file)
            orders = decode(text) if text is not None else Overrides()
        except InterlockError as error:
            log.error(f"[interlock] the operator's orders are lost: {self._file}: {error}; give them again")
            return
        self._reconciler.order(orders)

    async def run(self) -> None:
        """Never returns: ends each maintenance, pin and freeze at its time."""
        if self._orders.hold is not None:
            await self._reconciler.review()
        while True:
            self._changed.clear()
            now = datetime.now(UTC)
            for host in sorted(self._orders.ended(now)):
                log.info(f"[interlock] the maintenance of {host} is over")
                self._put(self._orders.closed(host, None))
            if (orders := self._orders.released(now)) is not self._orders:
                log.info("[interlock] routes are not held any more: the time of the pin or freeze is over")
                self._put(orders)
                await self._reconciler.review()
            end = self._orders.next_end()
            pause = min(max((end - now).total_seconds(), 0), LONGEST_SLEEP) if end is not None else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._changed.wait()

    # --- looking ---

    def status(self) -> Status:
        """The whole of it."""
        routes, problems = self._reconciler.routes, self._reconciler.problems
        engines = engine_statuses(self._reconciler)
        external = self._external()
        elsewhere = {proxy.name for proxy in external}
        proxies = (*(proxy_status(each) for each in self._drivers if each.name not in elsewhere), *external)
        why_not = tuple(not_ready_because(engines, proxies, stale_after=self._stale_after))
        ages = [engine.seconds_since_list for engine in engines]
        return Status(
            version=__version__,
            ready=not why_not,
            not_ready_because=why_not,
            seconds_since_reconcile=None
            if None in ages
            else max((age for age in ages if age is not None), default=0.0),
            routes=len(routes.table),
            servers=status.servers_by_state(routes.table),
            engines=engines,
            proxies=proxies,
            orders=status.orders_status(routes.world),
            problems=problems,
            revision=self._history.ledger.next_number - 1,
            locality=routes.world.locality,
            standing_by=status.count_standing_by(routes.table),
            plugins=self._plugins(),
        )

    def routes(self) -> RoutesStatus:
        """What is routed where, and what cannot be."""
        return status.routes_status(self._reconciler.routes.table, self._reconciler.problems)

    def names(self) -> Names:
        """Whom an order can be about."""
        return names_of(self._reconciler.routes.world.containers(), self._reconciler.routes.table)

    async def containers(self, who: str) -> tuple[ContainerStatus, ...]:
        """The containers of that name, id or Compose service. Raises UnknownTargetError, TemporaryError."""
        return await self._look(self._find(who).containers)

    async def explain(self, who: str) -> tuple[Explanation, ...]:
        """The decisions behind those containers. Raises UnknownTargetError, TemporaryError."""
        return await self._inquiry.explain(self._find(who))

    async def trace(self, url: str) -> Trace:
        """What becomes of a request for a URL. Raises PermanentError for what is none."""
        return await self._inquiry.trace(url)

    async def traffic(self) -> Traffic:
        """What the proxies have counted."""
        return await self._sampler.sample()

    # --- orders ---

    async def drain(self, who: str) -> Receipt:
        """Take containers out of rotation. Raises UnknownTargetError, PermanentError, TemporaryError."""
        target = self._members(who)
        return await self._carry_out(self._orders.draining(each.key for each in target.containers), target)

    async def undrain(self, who: str) -> Receipt:
        """Put them back. Raises UnknownTargetError, PermanentError, TemporaryError."""
        target = self._members(who)
        return await self._carry_out(self._orders.undrained(each.key for each in target.containers), target)

    async def weigh(self, who: str, weight: int | None) -> Receipt:
        """Weigh a container, or a service for good, also before it is there; None gives back their own weight.

        Raises UnknownTargetError, PermanentError, TemporaryError.
        """
        value = None if weight is None else checked_weight(weight)
        target = self._find_also_absent(who)
        if target.service is not None:
            return await self._carry_out(self._orders.service_weighed(target.service, value), target)
        return await self._carry_out(self._orders.weighed([each.key for each in target.containers], value), target)

    async def close(self, host: str, message: str, until: str) -> Receipt:
        """Answer every request for a host with a message. Raises PermanentError, TemporaryError."""
        name = checked_host(host)
        order = checked_maintenance(message, until, now=datetime.now(UTC))
        asked_for = self._reconciler.routes.table.of_host(name)
        warnings = [] if asked_for else [self._nobody_asks_for(name)]
        return await self._carry_out_for_host(self._orders.closed(name, order), name, warnings)

    async def reopen(self, host: str) -> Receipt:
        """End the maintenance of a host. Raises PermanentError, TemporaryError."""
        name = checked_host(host)
        known = self._orders.maintenance
        if name not in known:
            near = f"did you mean {' or '.join(get_close_matches(name, known, n=3))}?" if known else "nothing to do"
            raise PermanentError(f"{name} is not under maintenance", fix=near)
        return await self._carry_out_for_host(self._orders.closed(name, None), name, [])

    async def confirm(self) -> Receipt:
        """Believe the lists that are held. Raises PermanentError where none is, TemporaryError."""
        engines = self._confirm()
        if not engines:
            raise PermanentError("no engine's list is held", fix="nothing to do; see `interlock status`")
        held = self._reconciler.routes.world.held_engines
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                while held.keys() & set(engines):  # noqa: ASYNC110 - no event tells
                    await asyncio.sleep(LIST_SECONDS)
        except TimeoutError:
            raise TemporaryError(f"engine {', '.join(engines)} has not listed again yet", fix="try again") from None
        await self._confirmed()
        return Receipt(engines=tuple(engines))

    # --- how ---

    @property
    def _orders(self) -> Overrides:
        return self._reconciler.routes.world.overrides

    def _find(self, who: str) -> Target:
        """Raises UnknownTargetError; TemporaryError while an engine has not told whom it has."""
        if self._reconciler.waiting_for:
            silent = ", ".join(sorted(self._reconciler.waiting_for))
            raise TemporaryError(f"engine {silent} has not told yet what it runs", fix="try again in a moment")
        return find(self._reconciler.routes.world.containers(), who)

    def _find_also_absent(self, who: str) -> Target:
        try:
            return self._find(who)
        except UnknownTargetError:
            service = absent_service(who, self._orders.service_weights)
            if service is None:
                raise
            return Target(containers=(), service=service)

    def _members(self, who: str) -> Target:
        target = self._find(who)
        if not target.containers:
            raise PermanentError(f"no container of {target.service} runs", fix="name a container, or start the service")
        return target

    async def _carry_out(self, orders: Overrides, target: Target) -> Receipt:
        warnings = self._put(orders)
        await self._confirmed()
        routes = self._reconciler.routes
        matches = {match for each in target.containers for match in routes.matches_of(each.key)}
        warnings += [
            f"{shown(each.name)} takes part in no route"
            for each in target.containers
            if not routes.matches_of(each.key)
        ]
        if not target.containers:
            warnings.append(f"no container of {target.service} runs now; the order counts for those to come")
        warnings += self._deserted(matches)
        containers = await self._look(target.containers)
        return Receipt(containers=containers, routes=_written(matches), warnings=tuple(warnings))

    async def _carry_out_for_host(self, orders: Overrides, host: str, warnings: Iterable[str]) -> Receipt:
        matches = self._reconciler.routes.table.of_host(host)
        warnings = [*warnings, *self._put(orders)]
        if self._reconciler.waiting_for:
            warnings.append("it takes effect once every engine has told what it runs")
        await self._confirmed()
        matches |= self._reconciler.routes.table.of_host(host)
        return Receipt(routes=_written(matches), warnings=tuple(warnings))

    async def _hold(self, orders: Overrides) -> list[str]:
        """Have the routes held otherwise, and confirmed; what may surprise. Raises TemporaryError."""
        warnings = self._put(orders)
        await self._reconciler.review()
        await self._confirmed()
        return warnings

    def _put(self, orders: Overrides) -> list[str]:
        """Put orders in force, then on disk: one that only holds until a restart is better than none."""
        self._reconciler.order(orders)
        self._changed.set()
        return self._save()

    def _save(self) -> list[str]:
        try:
            files.write(self._file, encode(self._orders), mode=0o600)
        except InterlockError as error:
            log.error(f"[interlock] the operator's orders are not kept: {error}")
            return [f"the order would not survive a restart of Interlock: {error}"]
        return []

    def _note_changes(self, happening: AnyHappening) -> None:
        if isinstance(happening, RoutesChanged):
            self.changes.note(happening.routes)

    def _orders_ended(self) -> None:
        """Containers are gone, and the orders for them."""
        self._save()

    async def _confirmed(self) -> None:
        """Wait until every proxy serves what was ordered. Raises TemporaryError."""
        late = [name for name in await asyncio.gather(*map(_late, self._drivers)) if name]
        if late:
            raise TemporaryError(
                f"the order is in force, but {' and '.join(late)} did not confirm it within {CONFIRM_SECONDS:g} s",
                fix="see what `interlock status` says of it",
            )

    async def _look(self, containers: Iterable[Container]) -> tuple[ContainerStatus, ...]:
        return tuple([await self._look_at(container) for container in containers])

    async def _look_at(self, container: Container) -> ContainerStatus:
        routes = self._reconciler.routes
        matches = routes.matches_of(container.key)
        serving = [await driver.observe(matches) for driver in tuple(self._drivers)] if matches else []
        sessions: dict[Match, Counter[str]] = {match: Counter() for match in matches}
        for driver in tuple(self._drivers):
            for match in matches:
                sessions[match].update(await driver.sessions(match))
        matches &= routes.matches_of(container.key)  # some may have gone while the proxies answered
        places = status.places_of(container.key, matches, routes.table, serving=serving, sessions=sessions)
        problems = routes.problems_of([container.key], ())
        return status.container_status(container, self._orders, places=places, problems=problems)

    def _deserted(self, matches: Collection[Match]) -> Iterable[str]:
        table = self._reconciler.routes.table
        for match in sorted(matches):
            servers = table[match].backend.servers if match in table else ()
            if not any(server.state is ServerState.READY and server.weight for server in servers):
                yield f"{match} has no server left that takes requests, and answers 503"

    def _nobody_asks_for(self, host: str) -> str:
        hosts = {match.host for match in self._reconciler.routes.table}
        near = get_close_matches(host, hosts, n=3)
        question = f"; did you mean {' or '.join(near)}?" if near else ""
        return f"no container asks for {host} now; it is closed all the same{question}"


async def _late(driver: Driver) -> str:
    """The driver's name if it does not catch up in time; "" if it does."""
    try:
        async with asyncio.timeout(CONFIRM_SECONDS):
            await driver.caught_up()
    except TimeoutError:
        return driver.name
    return ""


def _written(matches: Iterable[Match]) -> tuple[str, ...]:
    return tuple(str(match) for match in sorted(matches))

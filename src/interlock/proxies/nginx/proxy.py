"""NGINX as a proxy plugin: servers change live where it has Lua, everything else by one checked, confirmed reload."""

import asyncio
import time
from collections import ChainMap
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from itertools import groupby

import msgspec
import structlog

from interlock.core.model import Match, Options, Route, RouteTable
from interlock.core.plan import Abilities, CloseRoute, Lead, Reload, Serving, ServingRoute, Step, shape
from interlock.core.problems import InterlockError, Problem
from interlock.host import files
from interlock.host.tasks import Tasks
from interlock.proxies.contract import Context, Outcome
from interlock.proxies.nginx import build, limits, records, seats, setup
from interlock.proxies.nginx.loader import Loader
from interlock.proxies.nginx.master import Master
from interlock.proxies.nginx.names import pool_name
from interlock.proxies.nginx.own_master import run_here
from interlock.proxies.nginx.records import NO_RECORD, Record, record_of
from interlock.proxies.nginx.settings import NginxSettings
from interlock.proxies.serving.behind import WriteBehind
from interlock.proxies.serving.ledger import Ledger
from interlock.proxies.serving.sites import LastGood, Site

log = structlog.get_logger()

BREATH = 0.25
"""Seconds between two reloads that only bring servers in, for each generation of workers that is still there."""
LONGEST_BREATH = 5.0


class NginxProxy:
    """One NGINX, driven by this process, and run by it or by others."""

    _lock: files.Lock
    _master: Master
    _loader: Loader

    def __init__(self, context: Context, found: Callable[[Context], Awaitable[Master]] = run_here) -> None:
        """`found` tells which NGINX it is, when it is to be prepared."""
        self._context = context
        self._name = context.name
        self._found = found
        self._settings: NginxSettings = context.settings
        self._tasks = Tasks(context.name)
        self._ledger = Ledger()
        self._behind = WriteBehind(context.name, self._catch_up, self._tasks)

    @property
    def abilities(self) -> Abilities:
        return Abilities(live_servers=self._is_live, honours=limits.HONOURED)

    async def prepare(self) -> None:
        self._master = await self._found(self._context)
        self._lock = files.Lock(self._master.disk.lock)
        try:
            self._loader = await setup.set_up(self._settings, self._master, self._ledger)
            await self._begin()
        except BaseException:
            await self._master.stop()
            self._lock.release()
            raise
        self._tasks.start("watch", self._master.watch(self._restart))

    async def observe(self, matches: Collection[Match] | None) -> Serving:
        if matches is None or not self._is_live:
            answer = await self._master.control.generation()
            if answer.generation != self._loader.generation:
                return {}  # somebody else's doing; all of it is loaded again
        served = self._served
        asked = [served[match] for match in (served if matches is None else served.keys() & set(matches))]
        told = await self._records(asked)
        seen = {site.match: route for site in asked if (route := _seen(site, told[site.match])) is not None}
        self._ledger.note_seen(seen)
        return seen

    async def sessions(self, match: Match) -> Mapping[str, int]:
        """Connections to the servers, of all workers; idle ones that are kept for a next request count too."""
        route = self._ledger.table.get(match) if self._ledger.table is not None else None
        names = {server.endpoint: server.name for server in route.backend.servers} if route is not None else {}
        found = await self._master.connections(names.keys())
        return {names[endpoint]: count for endpoint, count in found.items()}

    async def apply(self, steps: Sequence[Step], table: RouteTable) -> Outcome:
        self._ledger.table = table
        live = [step for step in steps if not isinstance(step, Reload)]
        if live:
            await self._perform(live)
        reloads = len(live) < len(steps) or any(self._needs_loading(step) for step in live)
        if reloads:
            await self._breathe(table)
            async with self._behind.turn:
                await self._load(table)
        return Outcome(reloaded=reloads, refused=tuple(self._ledger.refused.values()))

    def seat(self, match: Match, options: Options) -> ServingRoute | None:
        """With Lua, a host that differs in nothing but its servers is served without a reload."""
        if not self._loader.may_seat(match, options, self._ledger.hosts):
            return None
        self._ledger.seated[match] = Site(match=match, options=options)
        return ServingRoute(shape=shape(options), leads=Lead.NOWHERE, servers={})

    def overdue(self) -> str:
        """Nothing is lost where they sit, so no reload is made for their sake."""
        return ""

    def problems(self, route: Route | None) -> tuple[Problem, ...]:
        if route is not None:
            return limits.problems_of(self._loader.frame, self._loader.store, route)
        settings = build.problems_of(self._settings, self._master.disk.identity)
        return (*settings, *limits.problems_of_itself(self._loader.frame), *self._loader.problems)

    def refresh(self) -> str:
        self._loader.store.look()
        frame = self._loader.frame
        now = setup.frame_of(self._settings, self._master, self._loader.store)
        self._loader.frame = msgspec.structs.replace(now, live=frame.live, template=frame.template)
        return self._loader.outdated()

    async def close(self) -> None:
        """Stop NGINX softly; the last good state stays on disk."""
        await self._tasks.stop()
        if self._behind.is_due:
            try:
                await self._loader.catch_up()
            except InterlockError as error:
                log.warning(f"[{self._name}] the last good state on disk is an older one: {error}")
        await self._master.stop()
        self._lock.release()

    # --- starting ---

    @property
    def _is_live(self) -> bool:
        return self._loader.frame.live is not None

    async def _begin(self) -> None:
        last = self._last_good()
        await self._loader.choose_template(last.sites)
        if await self._master.adopt():
            await self._loader.take_over(last)
        else:
            frame = self._loader.frame
            wanted = (("NGINX_PORT", frame.http_port), ("NGINX_SSL_PORT", frame.https_port))
            await self._master.wait_for_ports(wanted)
            await self._loader.boot(last)

    def _last_good(self) -> LastGood:
        try:
            return self._master.disk.read_last_good()
        except InterlockError as error:
            log.warning(f"[{self._name}] starting from nothing: {error}")
            return LastGood()

    async def _restart(self) -> None:
        await self._loader.start()
        log.info(f"[{self._name}] proxy restarted and ready")
        self._context.look_again()

    # --- live ---

    async def _records(self, sites: Sequence[Site]) -> dict[Match, Record]:
        """What NGINX says of these sites; without Lua, what it was loaded with."""
        if not self._is_live:
            return {site.match: record_of(site) for site in sites}
        names = {site.match: pool_name(site.match) for site in sites}
        told = records.read(await self._master.control.get(names.values()))
        return {match: told.get(name, NO_RECORD) for match, name in names.items()}

    async def _perform(self, steps: Iterable[Step]) -> None:
        """Put in the records that these steps lead to; each is replaced as a whole, so none is ever seen by halves."""
        touched = {match: list(those) for match, those in groupby(steps, records.match_of) if match is not None}
        served, seated = self._served, self._ledger.seated
        told = await self._records([served[match] for match in touched if match in served])
        lines = [seats.line(match) for match in touched if match in seated]
        lines += [_line(served[match], records.after(record, touched[match])) for match, record in told.items()]
        await self._master.control.put(lines)
        self._behind.soon()

    def _needs_loading(self, step: Step) -> bool:
        """A host can only be closed without a reload if NGINX knows it."""
        return isinstance(step, CloseRoute) and step.match not in self._served

    @property
    def _served(self) -> Mapping[Match, Site]:
        """Whatever NGINX can answer for, loaded or seated."""
        return ChainMap(self._ledger.seated, self._ledger.loaded)

    async def _catch_up(self) -> None:
        if self._ledger.table is not None:
            await self._loader.catch_up()

    # --- loading ---

    async def _breathe(self, table: RouteTable) -> None:
        """A server that must go does not wait; others wait for company, as each reload costs idle clients a connection.

        The more generations of workers are still there, the longer, so that their number stays bounded.
        """
        loaded, in_rotation = self._ledger.loaded, self._ledger.in_rotation
        if not self._is_live and any(
            not set(site.servers) <= set(in_rotation(match, table)) for match, site in loaded.items()
        ):
            return
        generations = 1 + await self._master.retiring() / self._loader.frame.worker_processes
        due = self._loader.loaded_at + min(BREATH * generations, LONGEST_BREATH)
        await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _load(self, table: RouteTable) -> None:
        wanted = [self._ledger.dressed(site, table) for site in self._ledger.wanted(table)]
        before, seated = dict(self._served), list(self._ledger.seated)
        reloaded = await self._loader.load(wanted)
        if not self._is_live:
            return
        now = self._ledger.loaded
        gone = [f"{pool_name(match)}\n" for match in before.keys() - now.keys()]
        gone += [f"@{match.host}\n" for match in seated]
        changed = [
            _line(site, record_of(site))
            for match, site in now.items()
            if not reloaded or (match in before and before[match].options != site.options)
        ]
        await self._master.control.put((*gone, *changed))


def _line(site: Site, record: Record) -> str:
    return record.line(pool_name(site.match), site.options)


def _seen(site: Site, record: Record) -> ServingRoute | None:
    """What is served for a site; nothing of one that has neither a backend nor a message."""
    if site.has_backend:
        return ServingRoute(shape=shape(site.options), leads=record.leads, servers=record.servers)
    if isinstance(record.leads, Lead):
        return None
    return ServingRoute(shape="", leads=record.leads, servers={})

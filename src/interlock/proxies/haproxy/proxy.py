"""HAProxy as a proxy plugin: live changes over its runtime socket, everything else by one checked, hitless reload."""

import asyncio
import math
import time
from collections import ChainMap
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from functools import partial

import msgspec
import structlog

from interlock.core.model import Match, Options, Route, RouteTable, Server, ServerState
from interlock.core.plan import Abilities, AddServer, Lead, Reload, RemoveServer, Serving, ServingRoute, Step, shape
from interlock.core.problems import InterlockError, Problem
from interlock.core.traffic import RouteCounters
from interlock.host import files
from interlock.host.slices import SLICE, in_slices, in_thread
from interlock.host.tasks import Tasks
from interlock.proxies.contract import Context, Outcome, Refused
from interlock.proxies.haproxy import runtime
from interlock.proxies.haproxy.checker import Checker
from interlock.proxies.haproxy.disk import Disk
from interlock.proxies.haproxy.frame import ports_of
from interlock.proxies.haproxy.limits import HONOURED, problems_of
from interlock.proxies.haproxy.master import Master
from interlock.proxies.haproxy.observer import Observer
from interlock.proxies.haproxy.orders import commands_for
from interlock.proxies.haproxy.own_master import run_here
from interlock.proxies.haproxy.reaper import Reaper
from interlock.proxies.haproxy.render import FILES, Frame, Rendered, assemble, piece, render, seatable
from interlock.proxies.haproxy.runtime import Command
from interlock.proxies.haproxy.settings import HaproxySettings
from interlock.proxies.haproxy.setup import Setup
from interlock.proxies.haproxy.spares import Spare, Spares
from interlock.proxies.haproxy.traffic import Traffic
from interlock.proxies.serving.behind import WriteBehind
from interlock.proxies.serving.sites import LastGood, Site

log = structlog.get_logger()

SETTLE_SECONDS = 2.0
"""After this long without a new host, those that sit in spares get backends of their own names."""
REST = 20
"""Times the duration of the last reload that must have passed too, since with 10,000 backends one takes seconds."""
BURST = 200
"""Commands sent at once."""


class HaproxyProxy:
    """One HAProxy, driven by this process, and run by it or by others."""

    abilities = Abilities(live_servers=True, honours=HONOURED)

    _disk: Disk
    _lock: files.Lock
    _master: Master
    _checker: Checker
    _traffic: Traffic
    _setup: Setup

    def __init__(self, context: Context, found: Callable[[Context], Awaitable[Master]] = run_here) -> None:
        """`found` tells which HAProxy it is, when it is to be prepared."""
        self._context = context
        self._name = context.name
        self._found = found
        self._settings: HaproxySettings = context.settings
        self._tasks = Tasks(context.name)
        self._reaper = Reaper(self._ask, self._tasks)
        self._spares = Spares()
        self._seated_at = -math.inf
        """When a spare was last taken, since the last reload."""
        self._loading = False
        self._load_seconds = 0.0
        self._settling = False
        self._observer = Observer(self._ask, self._reaper, self._spares)
        self._loaded: dict[Match, Options] = {}
        """What the running HAProxy was loaded with; replaced as a whole, never changed."""
        self._endpoints: dict[Match, dict[str, str]] = {}
        """Servers last seen in rotation; only to keep, over a reload, one that still waits for its probe."""
        self._refused: dict[Match, Refused] = {}
        self._table: RouteTable | None = None
        """None until the engines have spoken; until then the last good state is what is wanted."""
        self._behind = WriteBehind(context.name, self._catch_up, self._tasks)

    async def prepare(self) -> None:
        self._master = await self._found(self._context)
        self._disk = self._master.disk
        self._lock = files.Lock(self._disk.lock)
        self._checker = Checker(self._master, self._disk)
        self._traffic = Traffic(self._master, self._spares)
        try:
            self._setup = Setup(self._settings, self._disk, self._master)
            await self._begin()
        except BaseException:
            await self._master.stop()
            self._lock.release()
            raise
        self._tasks.start("watch", self._master.watch(self._restart))

    async def observe(self, matches: Collection[Match] | None) -> Serving:
        seen = await self._observer.see(self._structure, matches)
        for match, route in seen.items():
            self._endpoints[match] = {name: s.endpoint for name, s in route.servers.items() if s.takes_traffic}
        return seen

    async def sessions(self, match: Match) -> Mapping[str, int]:
        return await self._traffic.sessions(match)

    async def traffic(self) -> Mapping[Match, RouteCounters]:
        return await self._traffic.counters(self._structure)

    async def apply(self, steps: Sequence[Step], table: RouteTable) -> Outcome:
        self._table = table
        live = [step for step in steps if not isinstance(step, Reload)]
        if live:
            await self._perform(live, table)
            self._behind.soon()
        reasons = [step.reason for step in steps if isinstance(step, Reload)]
        if reasons:
            await self._load_wanted(table)
        return Outcome(reloaded=bool(reasons), refused=tuple(self._refused.values()))

    def seat(self, match: Match, options: Options) -> ServingRoute | None:
        """Not while a configuration is being loaded: it would know nothing of it. Nor the first host of all.

        One host is what most begin with, look for on the statistics page, and scale at once: it has its own backend.
        """
        if self._loading or not self._loaded or match in self._loaded:
            return None
        rules = seatable(self._frame, match, options)
        if not (rules and self._spares.take(match, options, rules)):
            return None
        self._seated_at = time.monotonic()
        self._settle_later()
        return ServingRoute(shape=shape(options), leads=Lead.NOWHERE, servers={})

    def overdue(self) -> str:
        settled = time.monotonic() >= self._settled_at
        names = ", ".join(sorted(map(str, self._spares.options))[:3])
        return f"backends for new sites: {names}" if names and (settled or self._spares.is_short) else ""

    def problems(self, route: Route | None) -> tuple[Problem, ...]:
        return self._setup.problems if route is None else problems_of(self._frame, route)

    def refresh(self) -> str:
        return self._setup.refresh()

    async def close(self) -> None:
        """Stop HAProxy softly; the last good state stays on disk."""
        await self._tasks.stop()
        if self._behind.is_due:
            try:
                self._write()
            except InterlockError as error:
                log.warning(f"[{self._name}] the last good state on disk is an older one: {error}")
        await self._master.stop()
        self._lock.release()

    # --- starting ---

    async def _begin(self) -> None:
        last = self._last_good()
        await self._setup.choose_template(last.sites)
        if await self._master.adopt():
            await self._take_over(last)
        else:
            self._master.refuse_taken(ports_of(self._frame))
            await self._boot(last)

    @property
    def _frame(self) -> Frame:
        return self._setup.frame

    def _last_good(self) -> LastGood:
        try:
            return self._disk.read_last_good()
        except InterlockError as error:
            log.warning(f"[{self._name}] starting from nothing: {error}")
            return LastGood()

    async def _take_over(self, last: LastGood) -> None:
        """Go on with a HAProxy that runs already, if it runs what we would have it run."""
        rendered = render(self._frame, last.sites)
        if self._master.generation == rendered.generation:
            self._note_loaded(_loaded(last.sites), rendered.spares)
            self._spares.recognise(await self._observer.entries())
            if self._spares.options:
                self._seated_at = time.monotonic()
                self._settle_later()
        else:
            await self._load(last.sites)

    async def _boot(self, last: LastGood) -> None:
        """Serve the last good state at once, as far as HAProxy still takes it."""
        checked = await self._checker.check(self._frame, last.sites)
        self._disk.write_server_state(runtime.NO_STATE)
        self._disk.write(checked.rendered.files, checked.rendered.generation, checked.sites)
        await self._master.start()
        if self._master.generation != checked.rendered.generation:
            await self._master.reload(checked.rendered.generation)  # it was started by others, before we wrote
        self._note_loaded(_loaded(checked.sites), checked.rendered.spares)

    async def _restart(self) -> None:
        try:
            self._disk.write_server_state(runtime.NO_STATE)
            if (rendered := self._write()) is not None:
                self._note_loaded({**self._loaded, **self._spares.options}, rendered.spares)
        except InterlockError as error:
            log.warning(f"[{self._name}] starting from the files as they are: {error}")
        await self._master.start()
        self._spares.renew()
        self._reaper.forget_all()
        log.info(f"[{self._name}] proxy restarted and ready")
        self._context.look_again()

    def _note_loaded(self, loaded: dict[Match, Options], spares: Sequence[Spare]) -> None:
        self._loaded = loaded
        self._spares.load(spares)

    # --- live ---

    @property
    def _structure(self) -> Mapping[Match, Options]:
        """Every match that has a backend, of its own name or a spare."""
        return ChainMap(self._spares.options, self._loaded)

    @property
    def _settled_at(self) -> float:
        return self._seated_at + max(SETTLE_SECONDS, REST * self._load_seconds)

    def _settle_later(self) -> None:
        """Have the driver look once new hosts have been quiet for a while, or spares get short."""
        if self._spares.is_short:
            self._context.look_again()
        elif not self._settling:
            self._settling = True
            self._tasks.start("settle", self._settle())

    async def _settle(self) -> None:
        while (left := self._settled_at - time.monotonic()) > 0:  # noqa: ASYNC110 - the end moves
            await asyncio.sleep(left)
        self._settling = False
        self._context.look_again()

    async def _ask(self, commands: list[str]) -> list[str]:
        return await self._master.ask(commands)

    async def _perform(self, steps: Sequence[Step], table: RouteTable) -> None:
        """Every command is sent, whatever became of the one before; the first refusal is raised at the end."""
        unchecked = self._spares.unchecked(step.match for step in steps if isinstance(step, AddServer))
        commands = [
            *(command for match in sorted(unchecked) for command in self._checking(match)),
            *(command for step in steps for command in self._translate(step, table)),
        ]
        answers: list[str] = []
        for start in range(0, len(commands), BURST):
            answers += await self._ask([command.text for command in commands[start : start + BURST]])
        for step in steps:
            if isinstance(step, RemoveServer):
                self._reaper.take(self._spares.seat_of(step.match), step.name)
        for command, answer in zip(commands, answers, strict=True):
            runtime.judge(command, answer)
        self._spares.note_checked(unchecked)

    def _checking(self, match: Match) -> list[Command]:
        """Tell what the checks of a seat ask for, before it has servers."""
        return runtime.set_check(self._spares.seat_of(match), self._spares.options[match].check, match.host)

    def _translate(self, step: Step, table: RouteTable) -> list[Command]:
        seat_of = self._spares.seat_of
        commands = commands_for(
            step,
            table,
            backend_ca=self._frame.backend_ca,
            seat_of=seat_of,
            is_leaving=lambda match, name: (seat_of(match), name) in self._reaper,
        )
        match = getattr(step, "match", None)
        server = getattr(step, "server", None)
        if match is not None and server is not None:
            self._reaper.spare(seat_of(match), server.name)
        return commands

    # --- loading ---

    async def _load_wanted(self, table: RouteTable) -> None:
        began = time.monotonic()
        self._loading = True
        try:
            await self._load(await self._wanted_sites(table))
        finally:
            self._loading = False
            self._load_seconds = time.monotonic() - began

    async def _load(self, sites: Sequence[Site]) -> None:
        """Check, write, reload, and find out that it worked; else put back what was there."""
        await self._setup.choose_template(sites)
        checked = await self._checker.check(self._frame, sites)
        again = [Site(match=r.match, options=self._loaded[r.match]) for r in checked.refused if r.match in self._loaded]
        async with self._behind.turn:
            fresh, spares = await self._replace_files(sorted((*checked.sites, *again), key=lambda site: site.match))
        self._note_loaded(_loaded(fresh), spares)
        self._refused |= {refused.match: refused for refused in checked.refused}
        self._reaper.forget_all()
        self._seated_at = -math.inf

    async def _replace_files(self, sites: Sequence[Site]) -> tuple[Sequence[Site], Sequence[Spare]]:
        """Have HAProxy load these sites as they are wanted by now; what it loaded, and the spares beside."""
        before = await in_thread(self._disk.snapshot, FILES)
        try:
            state = await self._ask([runtime.WHOLE_STATE])
            self._disk.write_server_state(runtime.read_state_lines(state[0]))
            fresh = tuple(await in_slices(self._fresh, sites))
            rendered = await self._rendered(fresh)
            await in_thread(self._disk.write, rendered.files, rendered.generation, fresh)
            await self._master.reload(rendered.generation)
        except InterlockError:
            await in_thread(self._disk.restore, before)
            raise
        return fresh, rendered.spares

    async def _rendered(self, sites: Sequence[Site]) -> Rendered:
        return await in_thread(assemble, self._frame, await in_slices(partial(piece, self._frame), sites))

    async def _wanted_sites(self, table: RouteTable) -> list[Site]:
        """Everything wanted; a refused route with the options that are loaded, if any, else not at all."""
        sites: list[Site] = []
        for position, (match, route) in enumerate(list(table.items())):
            if position % SLICE == 0:
                await asyncio.sleep(0)
            options: Options | None = route.backend.options
            refused = self._refused.get(match)
            if refused is not None and refused.shape == shape(route.backend.options):
                options = self._loaded.get(match)
            elif refused is not None:
                del self._refused[match]
            if route.maintenance is not None and not route.backend.servers:
                options = self._loaded.get(match)
            if options is not None or route.maintenance is not None:
                site = Site(match=match, options=options or Options(), has_backend=options is not None)
                sites.append(self._dressed(site, table))
        return sites

    def _fresh(self, site: Site) -> Site:
        """The site with its servers as they are wanted by now."""
        return site if self._table is None else self._dressed(site, self._table)

    def _dressed(self, site: Site, table: RouteTable) -> Site:
        """The site with its servers, and where its requests go, as the table wants it."""
        route = table.get(site.match)
        return msgspec.structs.replace(
            site,
            servers=self._in_rotation(site.match, table) if site.has_backend else (),
            routed=route is not None,
            maintenance=route.maintenance if route is not None else None,
        )

    def _in_rotation(self, match: Match, table: RouteTable) -> tuple[Server, ...]:
        route = table.get(match)
        if route is None:
            return ()
        seen = self._endpoints.get(match, {})
        return tuple(
            server
            for server in route.backend.servers
            if server.state is ServerState.READY
            or (server.state is ServerState.PROBING and seen.get(server.name) == server.endpoint)
        )

    async def _catch_up(self) -> None:
        """Bring the files up to what is served, without being in anybody's way."""
        if self._table is None:
            return
        fresh = tuple(await in_slices(self._fresh, self._served_sites(self._table)))
        rendered = await self._rendered(fresh)
        await in_thread(self._disk.write, rendered.files, rendered.generation, fresh)

    def _write(self) -> Rendered | None:
        """The same, when nothing else is to be done; None while nobody knows what is wanted."""
        if self._table is None:
            return None
        fresh = tuple(map(self._fresh, self._served_sites(self._table)))
        rendered = render(self._frame, fresh)
        self._disk.write(rendered.files, rendered.generation, fresh)
        return rendered

    def _served_sites(self, table: RouteTable) -> Iterator[Site]:
        """The structure that is loaded by now, and closed hosts, which need none; each is made when it is asked for."""
        structure = {**self._loaded, **self._spares.options}
        for match in sorted(structure.keys() | table.closed()):
            options = structure.get(match)
            yield Site(match=match, options=options or Options(), has_backend=options is not None)


def _loaded(sites: Sequence[Site]) -> dict[Match, Options]:
    return {site.match: site.options for site in sites if site.has_backend}

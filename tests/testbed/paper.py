"""An Interlock on paper: the real core, desk and API, with containers that are only told of and a proxy that obeys."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Mapping
from types import MappingProxyType

from interlock.bulletin import Bulletin
from interlock.core.happenings import PlanApplied
from interlock.core.model import Health, Match, Phase, ServerState
from interlock.core.plan import AddRoute, Lead, Served, ServingRoute, shape
from interlock.core.traffic import Counters, RouteCounters
from interlock.desk import Desk
from interlock.history import History
from interlock.proxies.contract import Refused
from interlock.reconciler import Reconciler
from interlock.sampler import Sampler
from interlock.testing.worlds import ENGINE, changed, container, listed, placed, replaced
from interlock.web.news import News
from interlock.web.server import serve


class PaperDriver:
    """Serves at once whatever is wanted."""

    name, version, reloads, error = "paper", "1", 0, ""
    refused: Mapping[Match, Refused] = MappingProxyType({})

    def __init__(self, table, bulletin):
        self.served_once = asyncio.Event()
        self._table = table
        self._bulletin = bulletin

    def look(self, matches, causes):
        steps = tuple(AddRoute(match) for match in sorted(matches))
        self._bulletin.post(
            PlanApplied(at=time.time(), proxy=self.name, causes=tuple(causes), steps=steps, seconds=0.004)
        )

    def look_at_everything(self, _cause):
        self.served_once.set()

    async def caught_up(self):
        pass

    async def observe(self, matches):
        return {match: _serving(self._table[match]) for match in matches if match in self._table}

    async def sessions(self, _match):
        return {}


class PaperMeter:
    """Counts what it is told to."""

    def __init__(self):
        self.counted = {}

    def add(self, host, *, requests, errors=0, sessions=0, latency=None):
        """More requests for the servers of a host: name -> how many."""
        match = Match(host)
        before = self.counted.get(match)
        servers = dict(before.servers) if before is not None else {}
        for name, more in requests.items():
            had = servers.get(name, Counters(requests=0, errors=0, sessions=0))
            servers[name] = Counters(
                requests=had.requests + more, errors=had.errors + errors, sessions=sessions, latency=latency
            )
        total = Counters(
            requests=sum(each.requests for each in servers.values()),
            errors=sum(each.errors for each in servers.values()),
            sessions=sum(each.sessions for each in servers.values()),
            latency=latency,
        )
        self.counted[match] = RouteCounters(total=total, servers=servers)

    async def traffic(self):
        return self.counted


class PaperInterlock:
    """One Interlock, its containers, and its address: a port of this machine, or its usual unix socket."""

    def __init__(self, folder, *, on_port=True, port=0):
        """`port` is 0 for any that is free."""
        self.bulletin = Bulletin()
        self.reconciler = Reconciler([ENGINE], self.bulletin)
        self.driver = PaperDriver(self.reconciler.routes.table, self.bulletin)
        self.reconciler.attach(self.driver)
        self.meter = PaperMeter()
        sampler = Sampler()
        sampler.add("paper", self.meter)
        history = History(self.reconciler.routes.table, keep=100)
        self.bulletin.subscribe(history.hear)
        self.desk = Desk(
            self.reconciler,
            [self.driver],
            folder / "overrides.json",
            stale_after=3600,
            sampler=sampler,
            history=history,
        )
        if on_port:
            self.listener = socket.create_server(("127.0.0.1", port))
            self.port = self.listener.getsockname()[1]
            self.url = f"http://127.0.0.1:{self.port}/"
        else:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(folder / "interlock.sock"))
            self.listener.listen()
        self.containers = {}

    @contextlib.asynccontextmanager
    async def running(self, **serving):
        """Answering on `url`; the keywords go to the API."""
        self.desk.open()
        news = News()
        self.bulletin.subscribe(news.hear)
        works = (self.reconciler.run(), self.desk.run(), serve(self.desk, self.listener, news=news, **serving))
        tasks = [asyncio.get_running_loop().create_task(work) for work in works]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.listener.close()

    def list(self, *containers):
        """What the engine says runs, all of it."""
        self.containers = {each.name: each for each in containers}
        self.reconciler.post(placed())
        self.reconciler.post(listed(*containers))

    def change(self, name, **fields):
        """One container is otherwise, or new."""
        known = self.containers.get(name)
        now = replaced(known, **fields) if known is not None else web(name, **fields)
        self.containers[name] = now
        self.reconciler.post(changed(now))


def web(name, host="demo.interlock.com", *, number=1, labels=None, **fields):
    """A container that asks for a host, and counts as answering."""
    made = {"interlock.hostname": host.partition(".")[0], "interlock.domain": host.partition(".")[2]}
    asked = {"labels": made | (labels or {}), "health": Health.HEALTHY}
    return container(name, None, number=number, **(asked | fields))


def fleet(routes, servers=2):
    """So many routes with so many containers each."""
    return [
        web(f"app{route}-web-{server}", f"app{route}.example.com", number=1 + route * servers + server)
        for route in range(routes)
        for server in range(1, servers + 1)
    ]


def _serving(route):
    return ServingRoute(
        shape=shape(route.backend.options),
        leads=Lead.BACKEND,
        servers={
            server.name: Served(
                endpoint=server.endpoint, weight=server.weight, takes_traffic=server.state is ServerState.READY
            )
            for server in route.backend.servers
        },
    )


__all__ = ["Health", "PaperInterlock", "Phase", "fleet", "web"]

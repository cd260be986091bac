"""A proxy under test, driven as Interlock's driver drives it, and visited as a client does."""

import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from interlock.core.model import Backend, Maintenance, Match, Options, Route, RouteTable, Server
from interlock.core.plan import Lead, Reload, Serving, make_plan
from interlock.proxies.contract import Context, Outcome, Plugin, Proxy, SeatsRoutes

HOST = "demo.interlock.com"
_OK, _NOT_FOUND, _UNAVAILABLE = 200, 404, 503


class Bench:
    """One proxy, and what is wanted of it."""

    def __init__(self, proxy: Proxy, folder: Path, settings: Any, looks: list[int], *, port: int | None = None) -> None:
        """`looks` grows with each `look_again`. Without a `port` it is visited on paper, by what it says it serves."""
        self.proxy, self.folder, self.settings, self.looks = proxy, folder, settings, looks
        self.port = port if port is not None else getattr(settings, "port", None)
        self.table = RouteTable()
        self.refused: dict[Match, str] = {}
        self.reloads = 0
        self.steps: list[str] = []
        self.seats = False
        """Whether new routes are seated where the proxy can, as the driver does once everything has been served."""

    def want(
        self,
        *servers: Server,
        host: str = HOST,
        path: str = "/",
        options: Options = Options(),  # noqa: B008 - a frozen value
        maintenance: Maintenance | None = None,
    ) -> None:
        match, backend = Match(host, path), Backend(options=options, servers=tuple(sorted(servers)))
        self.table.put(Route(match=match, backend=backend, maintenance=maintenance))

    async def turn(self) -> Outcome | None:
        """Observe, plan, apply; the outcome of the reload, if it took one."""
        serving: Serving = await self.proxy.observe(None)
        wanted = {match: self.table.get(match) for match in self.table.keys() | serving.keys()}
        serving = {**serving, **self._seated(wanted, serving)}
        plan = make_plan(wanted, serving, refused=self.refused, abilities=self.proxy.abilities)
        self.steps = [type(step).__name__ for step in plan.steps]
        if plan.steps:
            await self.proxy.apply(plan.steps, self.table)
        if plan.reload is None:
            return None
        self.reloads += 1
        outcome = await self.proxy.apply([plan.reload], self.table)
        self.refused = {refused.match: refused.shape for refused in outcome.refused}
        return outcome

    async def load(self, reason: str) -> Outcome:
        return await self.proxy.apply([Reload(reason)], self.table)

    async def settle(self) -> None:
        """Turn until there is nothing to do: the second turn must find everything done."""
        await self.turn()
        reloads = self.reloads
        await self.turn()
        if self.steps or self.reloads != reloads:
            left = self.steps or ["Reload"]
            raise AssertionError(f"it was brought to what is wanted, and then says that this is still to do: {left}")

    async def get(self, host: str = HOST, path: str = "/", **more: Any) -> tuple[int, str]:
        """Status and text of an answer."""
        if self.port is None:
            return visited_on_paper(await self.proxy.observe(None), host, path)
        async with (
            aiohttp.ClientSession() as session,
            session.get(
                f"http://127.0.0.1:{self.port}{path}",
                headers={"Host": host, **more.pop("headers", {})},
                allow_redirects=False,
                **more,
            ) as answer,
        ):
            return answer.status, (await answer.text()).strip()

    async def shares(self, count: int) -> Counter[str]:
        """Who answered how many of so many requests."""
        return Counter([(await self.get())[1] for _ in range(count)])

    def _seated(self, wanted: Mapping[Match, Route | None], serving: Serving) -> Serving:
        if not (self.seats and isinstance(self.proxy, SeatsRoutes)):
            return {}
        new = {match: route for match, route in wanted.items() if route is not None and match not in serving}
        seats = {match: self.proxy.seat(match, route.backend.options) for match, route in new.items()}
        return {match: seat for match, seat in seats.items() if seat is not None}


@asynccontextmanager
async def on_bench(
    plugin: Plugin, folder: Path, settings: Mapping[str, Any], *, port: int | None = None
) -> AsyncIterator[Bench]:
    """The plugin's proxy, prepared; closed at the end of the block. `folder` keeps its state."""
    made, looks = plugin.settings(**settings), list[int]()
    context = Context(
        name=plugin.name,
        settings=made,
        state_dir=folder / "state",
        run_dir=folder / "run",
        look_again=lambda: looks.append(1),
    )
    proxy = plugin.build(context)
    await proxy.prepare()
    try:
        yield Bench(proxy, folder, made, looks, port=port)
    finally:
        await proxy.close()


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that a proxy's unprivileged user may enter, which a test tool's own temporary folders may not be."""
    path = Path(tempfile.mkdtemp(prefix="interlock-test-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def visited_on_paper(serving: Serving, host: str, path: str) -> tuple[int, str]:
    """What a client would be answered by a proxy that serves this; the first server takes every request."""
    name = host.partition(":")[0].rstrip(".").lower()
    hosts = {match.host for match in serving if serving[match].leads is not Lead.NOWHERE}
    wild = (f"*.{name.split('.', count)[count]}" for count in range(1, name.count(".") + 1))
    found = next((each for each in (name, *wild) if each in hosts), None)
    matches = sorted((m for m in serving if m.host == found and _is_below(path, m.path)), key=lambda m: len(m.path))
    if not matches or serving[matches[-1]].leads is Lead.NOWHERE:
        return _NOT_FOUND, ""
    route = serving[matches[-1]]
    if isinstance(route.leads, Maintenance):
        return _UNAVAILABLE, route.leads.message
    servers = [name for name, served in sorted(route.servers.items()) if served.takes_traffic and served.weight]
    return (_OK, servers[0]) if servers else (_UNAVAILABLE, "")


def _is_below(path: str, root: str) -> bool:
    return root in {"/", path} or path.startswith(f"{root}/")

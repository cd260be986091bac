"""A small engine for tests: it speaks the part of the Docker API that Interlock uses, and breaks on command.

It is a real HTTP server, on a unix socket or a TCP port, with no container behind it::

    engine = FakeEngine()
    async with engine.serve_unix(tmp_path / "docker.sock") as url:
        engine.run("web", labels={"interlock.hostname": "www"}, ports={"80/tcp": [("0.0.0.0", 32768)]})
        ...
        engine.stop("web")
        assert engine.calls["inspect"] == 2

Events go out in the order, and in the words, of the engine that it plays.
"""

import asyncio
import itertools
import re
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from aiohttp import web

from interlock.testing.fake_container import FakeContainer
from interlock.testing.fake_events import EventStreams
from interlock.testing.fake_swarm import NO_MANAGER, FakeSwarm
from interlock.testing.flavours import DOCKER_20, Flavour

PATHS = {
    "/_ping": "ping",
    "/version": "version",
    "/info": "info",
    "/events": "events",
    "/containers/json": "list",
}
"""Path -> name of the call; any other is an "inspect", or unknown."""

SWARM_PATHS = {"/services": "services", "/tasks": "tasks", "/nodes": "nodes"}
"""The same, of what only a swarm's managers answer."""

_INSPECT = re.compile(r"/containers/([^/]+)/json")
_VERSIONED = re.compile(r"/v(\d+)\.(\d+)(/.*)")

Ports = dict[str, list[tuple[str, int]]]
"""``80/tcp`` -> host addresses and ports; an empty list is a port that is exposed only."""


class Fault(msgspec.Struct, kw_only=True):
    """What goes wrong with a call."""

    call: str
    """``ping``, ``version``, ``info``, ``events``, ``list``, ``inspect``, ``services``, ``tasks`` or ``nodes``."""
    container: str = ""
    """Name of the container whose inspect it is; "" means any."""
    delay: float = 0
    """Seconds before the answer; infinity for none at all."""
    until: asyncio.Event | None = None
    """No answer before this is set."""
    status: int = 0
    """Instead of the answer; 0 lets it pass."""
    body: bytes = b""
    """With the status."""
    headers: dict[str, str] = {}
    times: float = float("inf")
    """How often it goes wrong before it is right again."""


class FakeEngine:
    """Containers, their events, and whatever shall go wrong."""

    def __init__(self, flavour: Flavour = DOCKER_20, *, swarm: FakeSwarm | None = None) -> None:
        """With a `swarm` it is one of its managers."""
        self.flavour = flavour
        self.events = EventStreams(flavour)
        """Who listens, and what goes wrong on the way there."""
        self.swarm = swarm
        if swarm is not None:
            swarm.tell.append(self.events.tell_swarm)
        self.calls: Counter[str] = Counter()
        """How often each call was made."""
        self.requests: list[str] = []
        """Method and path of every request, in order."""
        self.faults: list[Fault] = []
        self.nodes: dict[str, str] = {"node-1": "Healthy"}
        self.seconds_ahead = 0.0
        """Of its clock, compared with ours."""
        """Node -> status, as a classic Swarm manager tells in ``/info``."""
        self.hides_containers = False
        """While set, the list is empty (a classic Swarm manager that has just started)."""
        self.list_lag = 0.0
        """Seconds for which the list shows a container that died as it was (engine 20.10: up to 0.7)."""
        self._containers: dict[str, FakeContainer] = {}
        self._numbers = itertools.count(1)

    # Life of containers

    def create(
        self,
        name: str,
        *,
        image: str = "example/web:1",
        labels: dict[str, str] | None = None,
        env: list[str] | None = None,
        ports: Ports | None = None,
        networks: tuple[str, ...] = ("bridge",),
        health: str = "",
        hostname: str = "",
        stop_signal: str = "",
        stop_timeout: int | None = None,
        network_mode: str = "default",
        node: str = "node-1",
    ) -> str:
        """Create a container; returns its id.

        `health` other than "" gives it a HEALTHCHECK, which is "starting" after each start.
        """
        container = FakeContainer(
            number=next(self._numbers),
            name=name,
            image=image,
            labels=labels or {},
            env=env or [],
            ports=ports or {},
            networks=dict.fromkeys(networks, ""),
            health=health,
            hostname=hostname,
            stop_signal=stop_signal,
            stop_timeout=stop_timeout,
            network_mode=network_mode,
            node=node if self.flavour.is_swarm else "",
        )
        self._containers[container.id] = container
        self.events.tell(container, "create")
        return container.id

    def start(self, name: str) -> None:
        container = self[name]
        container.start()
        for network in container.networks:
            self.events.tell_network(container, "connect", network)
        self.events.tell(container, "start")

    def run(self, name: str, **options: object) -> str:
        """Create and start; the options are those of :meth:`create`."""
        id_ = self.create(name, **options)  # type: ignore[arg-type]  # passed through
        self.start(name)
        return id_

    def stop(self, name: str) -> None:
        """As ``docker stop``: a signal, and the end."""
        self._end(self[name], signal="15", events=self.flavour.stop_events)

    def kill(self, name: str, signal: str = "9", *, ends: bool = True) -> None:
        """As ``docker kill``: a signal, which `ends` the container or does not."""
        container = self[name]
        self.events.tell(container, "kill", signal=signal)
        if ends:
            self.crash(name)

    def crash(self, name: str, exit_code: int = 137) -> None:
        """The container ends by itself."""
        self._end(self[name], signal="", events=self.flavour.crash_events, exit_code=exit_code)

    def restart(self, name: str) -> None:
        self.stop(name)
        self.start(name)
        self.events.tell(self[name], "restart")

    def remove(self, name: str) -> None:
        """As ``docker rm -f``."""
        container = self[name]
        if container.is_running:
            self.events.tell(container, "kill", signal="9")
            self.crash(name)
        del self._containers[container.id]
        self.events.tell(container, self.flavour.remove_event)

    def pause(self, name: str) -> None:
        self._set(name, "paused", "pause")

    def unpause(self, name: str) -> None:
        self._set(name, "running", "unpause")

    def rename(self, name: str, new: str) -> None:
        container = self[name]
        container.name = new
        self.events.tell(container, "rename", oldName=f"/{name}")

    def set_health(self, name: str, health: str) -> None:
        """``starting``, ``healthy`` or ``unhealthy``; with its event."""
        container = self[name]
        container.health = health
        self.events.tell(container, f"health_status: {health}")

    def check_health(self, name: str) -> None:
        """The three events of every run of a HEALTHCHECK, which change nothing."""
        for action in ("exec_create: /bin/sh -c true", "exec_start: /bin/sh -c true", "exec_die"):
            self.events.tell(self[name], action, execID="f00d")

    def connect(self, name: str, network: str) -> None:
        container = self[name]
        container.networks[network] = container.next_address() if container.is_running else ""
        self.events.tell_network(container, "connect", network)

    def disconnect(self, name: str, network: str) -> None:
        container = self[name]
        del container.networks[network]
        self.events.tell_network(container, "disconnect", network)

    def publish(self, name: str, ports: Ports) -> None:
        """Change published ports without a word, as a lost event would."""
        self[name].ports = ports

    def __getitem__(self, name: str) -> FakeContainer:
        return next(container for container in self._containers.values() if container.name == name)

    # Serving, and faults

    @asynccontextmanager
    async def serve_unix(self, path: Path) -> AsyncIterator[str]:
        """Serve on a unix socket until the end of the block; gives the URL. May be entered again afterwards."""
        runner = await self._runner()
        await web.UnixSite(runner, str(path)).start()
        try:
            yield f"unix://{path}"
        finally:
            await self._stop(runner)  # which removes the socket's file too

    @asynccontextmanager
    async def serve_tcp(
        self, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> AsyncIterator[str]:
        """Serve on a TCP port until the end of the block; gives the URL."""
        runner = await self._runner()
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
        try:
            yield f"{'https' if tls else 'tcp'}://{host}:{runner.addresses[0][1]}"
        finally:
            await self._stop(runner)

    def freeze(self) -> None:
        """Answer nothing and send nothing, with every connection open (SIGSTOP, or a cable that was pulled)."""
        self.events.thawed.clear()

    def thaw(self) -> None:
        self.events.thawed.set()

    # The API

    async def _runner(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
        await runner.setup()
        return runner

    async def _stop(self, runner: web.AppRunner) -> None:
        self.events.cut()
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path_qs}")
        path, api = request.path, self.flavour.api
        if versioned := _VERSIONED.fullmatch(path):
            api, path = (int(versioned[1]), int(versioned[2])), versioned[3]
        inspected = _INSPECT.fullmatch(path)
        call = PATHS.get(path) or SWARM_PATHS.get(path) or ("inspect" if inspected else "unknown")
        self.calls[call] += 1
        container = self._found(inspected[1]) if inspected and call == "inspect" else None
        await self.events.thawed.wait()
        if (broken := await self._go_wrong(call, container.name if container else "")) is not None:
            return broken
        if (refused := self._refuse_version(api)) is not None:
            return refused
        if call == "events":
            return await self.events.serve(request, api)
        if call == "ping":
            headers = {"Api-Version": _dotted(self.flavour.api)} if self.flavour.tells_version_in_ping else {}
            return web.Response(text="OK", headers=headers)
        if path in SWARM_PATHS:
            return self._of_swarm(path, request.query.get("filters", ""))
        document = self._document(call, container, wants_all=request.query.get("all") == "1")
        return self._not_found(path) if document is None else web.json_response(document)

    def _of_swarm(self, path: str, filters: str) -> web.Response:
        if self.swarm is None:
            return web.json_response({"message": NO_MANAGER}, status=503)
        return web.json_response(self.swarm.answer(path, filters))

    def _document(self, call: str, container: FakeContainer | None, *, wants_all: bool) -> object:
        match call:
            case "version":
                return self._version()
            case "info":
                return self._info()
            case "list":
                return self._list(wants_all=wants_all)
        return None if container is None else container.inspected(self.flavour)

    async def _go_wrong(self, call: str, container: str) -> web.StreamResponse | None:
        for fault in list(self.faults):
            if fault.call != call or fault.container not in {"", container}:
                continue
            fault.times -= 1
            if fault.times <= 0:
                self.faults.remove(fault)
            if fault.until is not None:
                await fault.until.wait()
            if fault.delay:
                await asyncio.sleep(min(fault.delay, 3600))
            if fault.status:
                return web.Response(status=fault.status, body=fault.body, headers=fault.headers)
        return None

    def _refuse_version(self, api: tuple[int, int]) -> web.Response | None:
        if self.flavour.oldest_api <= api <= self.flavour.api:
            return None
        is_old = api < self.flavour.oldest_api
        bound = self.flavour.oldest_api if is_old else self.flavour.api
        message = (
            f"client version {_dotted(api)} is too {'old' if is_old else 'new'}. "
            f"{'Minimum' if is_old else 'Maximum'} supported API version is {_dotted(bound)}"
        )
        return web.json_response({"message": message}, status=400)

    def _not_found(self, path: str) -> web.Response:
        if self.flavour.is_swarm:
            return web.Response(status=404, text=f"No such container {path}")
        return web.json_response({"message": f"No such container: {path}"}, status=404)

    def _version(self) -> dict[str, object]:
        version: dict[str, object] = {"Version": self.flavour.version, "ApiVersion": _dotted(self.flavour.api)}
        if not self.flavour.is_swarm:
            version["MinAPIVersion"] = _dotted(self.flavour.oldest_api)
            version["Components"] = [{"Name": self.flavour.component, "Version": self.flavour.version}]
        return version

    def _info(self) -> dict[str, object]:
        status = [["Nodes", str(len(self.nodes))]]
        for node, state in self.nodes.items():
            status += [[f" {node}", f"{node}:2375"], ["  └ Status", state]]
        if self.flavour.is_swarm:
            return {"SystemStatus": status}
        time = datetime.now(UTC) + timedelta(seconds=self.seconds_ahead)
        swarm = {"LocalNodeState": "active" if self.swarm else "inactive", "ControlAvailable": self.swarm is not None}
        return {"SystemTime": f"{time:%Y-%m-%dT%H:%M:%S.%f000Z}", "Swarm": swarm}

    def _list(self, *, wants_all: bool) -> list[object]:
        if self.hides_containers:
            return []
        now = asyncio.get_running_loop().time()
        return [
            one.listed
            if now < one.listed_until
            else one.entry(self.flavour, is_lost=self.nodes.get(one.node, "Healthy") != "Healthy")
            for one in self._containers.values()
            if wants_all or one.is_running
        ]

    def _found(self, name: str) -> FakeContainer | None:
        matching = (one for one in self._containers.values() if one.id.startswith(name) or one.name == name)
        return next(matching, None)

    # Events

    def _end(self, container: FakeContainer, *, signal: str, events: tuple[str, ...], exit_code: int = 137) -> None:
        now = asyncio.get_running_loop().time()
        container.listed, container.listed_until = container.entry(self.flavour), now + self.list_lag
        networks = list(container.networks)
        container.end()
        for action in events:
            match action:
                case "disconnect":
                    for network in networks:
                        self.events.tell_network(container, "disconnect", network)
                case "kill":
                    self.events.tell(container, "kill", signal=signal)
                case "die":
                    self.events.tell(container, "die", exitCode=str(exit_code))
                case _:
                    self.events.tell(container, action)

    def _set(self, name: str, state: str, action: str) -> None:
        self[name].state = state
        self.events.tell(self[name], action)


def _dotted(api: tuple[int, int]) -> str:
    return f"{api[0]}.{api[1]}"

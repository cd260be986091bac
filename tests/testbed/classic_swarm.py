"""A manager of classic Swarm in front of real engines: it speaks as ``swarm 1.2.9`` does, oddities included.

Containers are real ones of the nodes. What is odd was recorded from the real manager (tests/data/recordings).
"""

import asyncio
import contextlib
import itertools
import json
import re
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Self

import aiohttp
from aiohttp import web

from testbed.dockerd import PrivateDockerd
from testbed.programs import environment, run

API = "1.40"
SECONDS = 60.0
NEW_SECONDS = 0.3
"""For so long a manager that has just started knows no node; the real one takes 20 to 85 ms."""
ANYWHERE = ("", "0.0.0.0", "::")

_VERSION = re.compile(r"^/v\d+\.\d+")
_OF_CONTAINER = re.compile(r"/containers/(.+?)(?:/(json|start|stop|kill|restart|rename|wait|logs|attach|resize))?")


class Node:
    """One engine of the swarm."""

    def __init__(self, name: str, engine: PrivateDockerd) -> None:
        self.name = name
        self.ip = engine.address
        self.addr = f"{engine.address}:2375"
        self.id = f"{name.upper()}|{self.addr}"
        self.is_healthy = True
        self.session = aiohttp.ClientSession("http://engine", connector=aiohttp.UnixConnector(str(engine.socket)))

    @property
    def marks(self) -> dict[str, str]:
        """What the manager adds to the attributes of an event."""
        return {"node.addr": self.addr, "node.id": self.id, "node.ip": self.ip, "node.name": self.name}

    async def get(self, path: str, query: dict[str, str] | None = None) -> Any:
        """None for what the engine does not have. Raises aiohttp.ClientError."""
        async with self.session.get(path, params=query) as answer:
            return await answer.json(content_type=None) if answer.status == web.HTTPOk.status_code else None

    def told(self, event: dict[str, Any]) -> dict[str, Any]:
        """An event as the manager passes it on."""
        actor = event.get("Actor", {})
        actor["Attributes"] = (actor.get("Attributes") or {}) | self.marks
        place = {"Name": self.name, "Id": self.id, "Addr": self.addr, "Ip": self.ip}
        return event | {"from": f"{event.get('from', '')} node:{self.name}", "Actor": actor, "node": place}

    def entry(self, entry: dict[str, Any]) -> dict[str, Any]:
        """A container of a list: its node is in its names, and every port is there twice, with the node's address."""
        ports = [port | {"IP": self.ip} if port.get("PublicPort") else port for port in entry["Ports"]]
        down = {} if self.is_healthy else {"Status": "Host Down", "State": ""}
        return entry | {"Names": [f"/{self.name}{name}" for name in entry["Names"]], "Ports": ports} | down

    def inspected(self, document: dict[str, Any]) -> dict[str, Any]:
        """The name is the container's own, and the node is beside it."""
        for bindings in (document["NetworkSettings"].get("Ports") or {}).values():
            for binding in bindings or ():
                if binding["HostIp"] in ANYWHERE:
                    binding["HostIp"] = self.ip
        place = {"ID": self.id, "IP": self.ip, "Addr": self.addr, "Name": self.name}
        return document | {"Node": place | {"Cpus": 2, "Memory": 1 << 34, "Labels": {}}}


class ClassicSwarm:
    """Listens on a port of this machine, in a thread of its own; a context manager."""

    def __init__(self, engines: Sequence[PrivateDockerd], port: int, folder: Path) -> None:
        self._engines = engines
        self._port = port
        self._folder = folder
        self._nodes: list[Node] = []
        self._listeners: set[asyncio.Queue[dict[str, Any] | None]] = set()
        self._numbers = itertools.count(1)
        self._is_new = False
        self._placing = asyncio.Lock()
        """So that those who come at the same time are counted."""
        self._loop = asyncio.new_event_loop()
        self._ready, self._end = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="classic swarm", daemon=True)

    @property
    def url(self) -> str:
        return f"tcp://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(SECONDS), "it does not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(SECONDS)

    def environment(self) -> dict[str, str]:
        """For the `docker` command and docker-compose."""
        return environment(DOCKER_HOST=self.url, DOCKER_CONFIG=str(self._folder), DOCKER_API_VERSION=API)

    def docker(self, *words: str | Path, seconds: float = 120.0) -> str:
        """What a `docker` command prints. Raises ProgramError."""
        return run(["docker", *words], env=self.environment(), seconds=seconds).strip()

    # -- what happens to it ----------------------------------------------------------------------------------------

    def restart(self) -> None:
        """Hang up on everybody; then for a while its list is empty, with status 200."""
        self._call(self._restart())

    def set_health(self, name: str, *, is_healthy: bool) -> None:
        """A node went out of its reach, or came back. No event tells of its containers."""
        self._call(self._set_health(name, is_healthy=is_healthy))

    def _call(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)

    async def _restart(self) -> None:
        self._is_new = True
        for listener in self._listeners:
            listener.put_nowait(None)
        self._loop.call_later(NEW_SECONDS, self._know)

    def _know(self) -> None:
        self._is_new = False
        for node in self._nodes:
            self._tell_of(node, "engine_connect")

    async def _set_health(self, name: str, *, is_healthy: bool) -> None:
        node = next(node for node in self._nodes if node.name == name)
        node.is_healthy = is_healthy
        self._tell_of(node, "engine_reconnect" if is_healthy else "engine_disconnect")

    def _tell_of(self, node: Node, action: str) -> None:
        words = {"status": action, "from": "swarm", "Type": "swarm", "Action": action, "Actor": {"ID": ""}}
        self._tell(node.told(words))

    def _tell(self, event: dict[str, Any]) -> None:
        for listener in self._listeners:
            listener.put_nowait(event)

    # -- its life --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._nodes = [Node(f"node-{number}", engine) for number, engine in enumerate(self._engines, 1)]
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self._port).start()
        async with asyncio.TaskGroup() as group:
            followers = [group.create_task(self._follow(node)) for node in self._nodes]
            self._ready.set()
            await self._end.wait()
            for follower in followers:
                follower.cancel()
        await runner.cleanup()
        for node in self._nodes:
            await node.session.close()

    async def _follow(self, node: Node) -> None:
        """Pass on what an engine tells, for as long as it is in reach."""
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with node.session.get("/events", timeout=aiohttp.ClientTimeout(total=None)) as answer:
                    async for line in answer.content:
                        if node.is_healthy:
                            self._tell(node.told(json.loads(line)))
            await asyncio.sleep(0.1)

    # -- what it answers -------------------------------------------------------------------------------------------

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = _VERSION.sub("", request.path)
        if path in self._documents:
            return web.json_response(self._documents[path](), headers={"Api-Version": API})
        match request.method, path:
            case "GET", "/events":
                return await self._events(request)
            case "GET", "/containers/json":
                return web.json_response([entry async for entry in self._list(dict(request.query))])
            case "POST", "/containers/create":
                return await self._create(request, path)
        if found := _OF_CONTAINER.fullmatch(path):
            return await self._of_container(request, found[1], found[2] or "")
        return await _pass_on(request, self._nodes[0], path)  # images and the like are on every node

    @property
    def _documents(self) -> dict[str, Callable[[], object]]:
        return {
            "/_ping": lambda: "OK",
            "/version": lambda: {"Version": "swarm/1.2.9", "ApiVersion": API, "Os": "linux", "Arch": "amd64"},
            "/info": lambda: {"ID": "", "ServerVersion": "swarm/1.2.9", "SystemStatus": self._status()},
        }

    def _status(self) -> list[list[str]]:
        if self._is_new:
            return [["Nodes", "0"]]
        rows = [["Nodes", str(len(self._nodes))]]
        for node in self._nodes:
            rows += [[f" {node.name}", node.addr], ["  └ Status", "Healthy" if node.is_healthy else "Unhealthy"]]
        return rows

    async def _list(self, query: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
        wants_all = query.get("all") in {"1", "true", "True"}
        for node in self._nodes if not self._is_new else ():
            if node.is_healthy or wants_all:
                for entry in await node.get("/containers/json", query) or ():
                    yield node.entry(entry)

    async def _create(self, request: web.Request, path: str) -> web.Response:
        """On the healthy node with the fewest containers (the strategy "spread")."""
        body = await request.json()
        body["Labels"] = (body.get("Labels") or {}) | {"com.docker.swarm.id": f"{next(self._numbers):064x}"}
        async with self._placing:
            counted = [
                (len(await node.get("/containers/json", {"all": "1"})), node.name, node)
                for node in self._nodes
                if node.is_healthy
            ]
            return await _pass_on(request, min(counted)[2], path, json.dumps(body).encode())

    async def _of_container(self, request: web.Request, name: str, verb: str) -> web.Response:
        name = name.rpartition("/")[2]
        for node in self._nodes if not self._is_new else ():
            document = await node.get(f"/containers/{name}/json")
            if document is None:
                continue
            if not node.is_healthy:
                return web.Response(status=500, text=f"Container {name} running on unhealthy node {node.name}\n")
            if request.method == "GET" and verb == "json":
                return web.json_response(node.inspected(document))
            return await _pass_on(request, node, f"/containers/{name}{verb and '/'}{verb}")
        return web.Response(status=404, text=f"No such container {name}\n")

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """One object after the other without anything between them, whatever filters the client has."""
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        listener: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._listeners.add(listener)
        try:
            await response.prepare(request)
            while (event := await listener.get()) is not None:
                await response.write(json.dumps(event, separators=(",", ":")).encode())
        finally:
            self._listeners.discard(listener)
        return response


async def _pass_on(request: web.Request, node: Node, path: str, body: bytes | None = None) -> web.Response:
    """Ask an engine the same, and answer once its answer is all there: good for Compose, not for `docker run`."""
    data = await request.read() if body is None else body
    headers = {"Content-Type": request.headers.get("Content-Type", "application/json")}
    async with node.session.request(request.method, path, params=request.query, data=data, headers=headers) as answer:
        kind = {"Content-Type": answer.headers.get("Content-Type", "text/plain")}
        return web.Response(status=answer.status, body=await answer.read(), headers=kind)

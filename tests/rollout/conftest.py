"""An engine and an Interlock on paper: they do what they are told, and the test says how containers behave."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from aiohttp import web

from interlock.core.model import ServerState
from interlock.core.problems import TemporaryError
from interlock.core.status import ContainerStatus, Place
from interlock.engines.address import EngineAddress
from interlock.rollout.documents import HealthState, Image, Inspected, Listed, Networking, RunState
from interlock.rollout.rollout import Wanted, roll_out

LABELS = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}


class Container:
    """One container, and how it behaves."""

    def __init__(self, name, image, labels, host=None):
        self.name, self.image, self.labels = name, image, labels
        self.host = host or {}
        self.id = f"id-of-{name}"
        self.status = "created"
        self.exit_code = 0
        self.restarts = 0
        self.health = None
        self.drained = False
        self.routes = 1
        self.sessions = [0]
        """What each look finds; the last one stays."""
        self.stop_timeout = None
        self.networks = ()


class PaperEngine:
    """Has the methods of DeployClient; `done` holds what changed something, in order."""

    def __init__(self):
        self.all = {}
        self.images = {"web:1": Image("sha256:1", {}), "sha256:1": Image("sha256:1", {})}
        self.done = []
        self.behave = lambda _container: None
        """Called with every new container when it is started."""
        self.failures = {}
        """Name of a method -> what it raises."""
        self.gates = {}
        """Name of a method -> event that it waits for."""

    def add(self, name, number, *, labels=None, status="running", **more):
        told = LABELS | {"com.docker.compose.container-number": str(number)} | (labels or {})
        container = Container(name, "web:1", told, **more)
        container.status = status
        self.all[container.id] = container
        return container

    def named(self, name):
        return next((each for each in self.all.values() if each.name == name), None)

    @property
    def names(self):
        return sorted(each.name for each in self.all.values())

    async def containers(self):
        return [
            Listed(Id=each.id, Names=[f"/{each.name}"], State=each.status, Labels=each.labels)
            for each in self.all.values()
        ]

    async def inspect(self, container):
        each = self.all.get(container)
        if each is None:
            return None
        health = HealthState(each.health) if each.health else None
        config = {"Image": each.image, "Labels": each.labels, "Hostname": "chosen"}
        if each.stop_timeout is not None:
            config["StopTimeout"] = each.stop_timeout
        networks = {name: {"Aliases": ["web"]} for name in each.networks}
        return Inspected(
            Id=each.id,
            Name=f"/{each.name}",
            Image="sha256:1",
            RestartCount=each.restarts,
            State=RunState(Status=each.status, ExitCode=each.exit_code, Health=health),
            Config=config,
            HostConfig=each.host,
            NetworkSettings=Networking(networks),
        )

    async def image(self, reference):
        return self.images.get(reference)

    async def create(self, name, body):
        await self._may("create", name)
        container = Container(name, body["Image"], body["Labels"])
        self.all[container.id] = container
        return container.id

    async def attach(self, network, container, endpoint):
        await self._may("attach", network, self.all[container].name, endpoint)

    async def start(self, container):
        await self._may("start", self.all[container].name)
        self.all[container].status = "running"
        self.behave(self.all[container])

    async def stop(self, container, *, stop_timeout):
        await self._may("stop", self.all[container].name, stop_timeout)
        self.all[container].status = "exited"

    async def remove(self, container):
        await self._may("remove", self.all[container].name)
        del self.all[container]

    async def rename(self, container, name):
        await self._may("rename", self.all[container].name, name)
        self.all[container].name = name

    async def last_lines(self, container):
        return [f"{self.all[container].name} says goodbye"]

    async def _may(self, *order):
        if order[0] in self.failures:
            raise self.failures[order[0]]
        if order[0] in self.gates:
            await self.gates[order[0]].wait()
        self.done.append(order)


class PaperTraffic:
    """Has the methods of Traffic: whoever runs is in rotation, unless drained, unhealthy or without a route."""

    def __init__(self, engine):
        self.engine = engine
        self.failures = {}
        self.gates = {}

    async def look(self, container):
        await self._may("look")
        each = self.engine.all.get(container)
        if each is None:
            return None
        sessions = each.sessions.pop(0) if len(each.sessions) > 1 else each.sessions[0]
        serves = each.status == "running" and each.health in {None, "healthy"} and not each.drained
        state = ServerState.DRAINING if each.drained else ServerState.READY if serves else ServerState.STARTING
        places = [
            Place(
                host=f"{n}.com",
                path="/",
                server=each.name,
                address="10.0.0.1:80",
                state=state,
                weight=100,
                in_rotation=serves,
                sessions=sessions,
            )
            for n in range(each.routes)
        ]
        return ContainerStatus(engine="docker", id=each.id, name=each.name, drained=each.drained, places=tuple(places))

    async def drain(self, container):
        await self._may("drain")
        self.engine.done.append(("drain", self.engine.all[container].name))
        self.engine.all[container].drained = True

    async def undrain(self, container):
        await self._may("undrain")
        self.engine.done.append(("undrain", self.engine.all[container].name))
        self.engine.all[container].drained = False

    async def _may(self, what):
        if what in self.failures:
            raise self.failures[what]
        if what in self.gates:
            await self.gates[what].wait()


class Shop:
    """A Compose project with two containers of one service."""

    def __init__(self):
        self.engine = PaperEngine()
        self.traffic = PaperTraffic(self.engine)
        self.events = []
        for number in (1, 2):
            self.engine.add(f"shop_web_{number}", number)

    async def roll_out(self, **wanted):
        wanted = Wanted(**({"service": "web", "timeout": 0.5} | wanted))
        return await roll_out(self.engine, self.traffic, wanted, self.events.append)

    @property
    def told(self):
        return [(event.event.value, event.container) for event in self.events]

    async def until(self, *told):
        """Wait until this was told, or done."""
        async with asyncio.timeout(20):
            while told not in self.told and told not in self.engine.done:  # noqa: ASYNC110 - another task's
                await asyncio.sleep(0.001)


@pytest.fixture
def shop(monkeypatch):
    for module in ("traffic", "replacement"):
        monkeypatch.setattr(f"interlock.rollout.{module}.POLL_SECONDS", 0.001)
    return Shop()


@pytest.fixture
def silent():
    """What a daemon that is being restarted raises."""
    return TemporaryError("nobody answers")


class SpokenEngine:
    """Says over a socket what the test wants, and writes down what it is asked."""

    def __init__(self):
        self.asked = []
        self.answers = {}
        self.version = {"ApiVersion": "1.41"}

    async def answer(self, request):
        if request.path == "/version":
            return web.json_response(self.version)
        self.asked.append((request.method, request.path_qs, await request.read()))
        status, body = self.answers.get((request.method, request.path), (200, b"{}"))
        return web.Response(status=status, body=body)


@pytest.fixture
async def engine():
    engine = SpokenEngine()
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", engine.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    with tempfile.TemporaryDirectory(prefix="il-") as folder:
        engine.address = EngineAddress.parse(f"unix://{Path(folder) / 'd.sock'}")
        await web.UnixSite(runner, engine.address.path).start()
        yield engine
        await runner.cleanup()

"""After a storm of everything that can happen, what HAProxy serves is what is wanted, every time.

The engine is a fake one, so that thousands of steps take a minute; HAProxy, the probes and all of Interlock are real.
What is wanted is told by a model of a few lines that knows nothing of Interlock's own.
"""

import asyncio
import os
import random
import signal
import tempfile
from collections import Counter
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import aiohttp
import msgspec
import pytest

from interlock.core.dialects import ENVIRONMENT_KEYS, LABEL_PREFIXES
from interlock.core.plan import make_plan
from interlock.driver import Driver
from interlock.engines.address import EngineAddress
from interlock.engines.containers import Kept
from interlock.engines.docker import DockerEngine
from interlock.engines.patience import PRODUCTION
from interlock.proxies.contract import Context
from interlock.proxies.haproxy.proxy import HaproxyProxy
from interlock.proxies.haproxy.settings import HaproxySettings
from interlock.reconciler import Reconciler
from interlock.testing import DOCKER_20, DOCKER_29, PODMAN_4, FakeEngine
from testbed.ports import free_port

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

STEPS, EACH = 400, 40
"""Steps of one storm, and how many of them between two looks at what is served."""
HOSTS = ("a.com", "b.com", "c.com", "d.com")
IMPATIENT = msgspec.structs.replace(PRODUCTION, silence=0.5, ping=0.5, recheck=0.1, stale=0.2, hold=0.05, reconcile=2.0)


class Weather:
    """One storm: the engine's containers, the applications in them, and Interlock."""

    def __init__(self, seed, flavour, socket_path):
        self.random = random.Random(seed)
        self.engine = FakeEngine(flavour)
        self.socket_path = socket_path
        self.numbers = iter(range(1, 100_000))
        self.names: dict[str, str] = {}
        """Container -> host."""
        self.told = []
        self.ports = []

    async def applications(self, stack, count=12):
        """Listen on so many ports; a container publishes one of them."""
        for _ in range(count):
            server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
            stack.callback(server.close)
            self.ports.append(server.sockets[0].getsockname()[1])

    async def _answer(self, reader, writer):
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            port = str(writer.get_extra_info("sockname")[1])
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(port)}\r\nConnection: close\r\n\r\n{port}".encode())
        writer.close()

    # -- what may happen

    def appear(self):
        used = {self.port(name) for name in self.names}
        free = [port for port in self.ports if port not in used]
        if not free:
            return
        name, host = f"c{next(self.numbers)}", self.random.choice(HOSTS)
        self.engine.run(
            name,
            env=[f'INTERLOCK_DATA={{"hostname":"{host}","domain":"{host}"}}'],
            ports={"5000/tcp": [("0.0.0.0", self.random.choice(free))]},
            health=self.random.choice(["", "", "starting"]),
        )
        self.names[name] = host

    def some(self, *states):
        chosen = [name for name in sorted(self.names) if self.engine[name].state in states]
        return self.random.choice(chosen) if chosen else None

    def on_some(self, what, *states):
        if name := self.some(*states):
            what(name)

    def vanish(self):
        if name := self.some("running", "paused", "exited"):
            self.engine.remove(name)
            del self.names[name]

    def rename(self):
        if name := self.some("running"):
            new = f"c{next(self.numbers)}"
            self.engine.rename(name, new)
            self.names[new] = self.names.pop(name)

    def health(self):
        name = self.some("running")
        if name and self.engine[name].health:
            self.engine.set_health(name, self.random.choice(["healthy", "healthy", "unhealthy"]))

    def network(self):
        if name := self.some("running"):
            networks = self.engine[name].networks
            (self.engine.disconnect if "side" in networks else self.engine.connect)(name, "side")

    def freeze(self):
        self.engine.freeze()
        asyncio.get_running_loop().call_later(0.2, self.engine.thaw)

    def kill_worker(self):
        with suppress(ProcessLookupError):
            os.kill(self.proxy._master.worker, signal.SIGKILL)

    def kill_master(self):
        if self.proxy._master._service is not None:
            self.proxy._master._service.signal(signal.SIGKILL)

    def step(self):
        engine = self.engine
        kinds = {
            "appear": (8, self.appear),
            "vanish": (3, self.vanish),
            "start": (6, lambda: self.on_some(engine.start, "exited")),
            "stop": (4, lambda: self.on_some(engine.stop, "running")),
            "crash": (3, lambda: self.on_some(engine.crash, "running")),
            "restart": (4, lambda: self.on_some(engine.restart, "running")),
            "hangup": (2, lambda: self.on_some(lambda name: engine.kill(name, "1", ends=False), "running")),
            "pause": (2, lambda: self.on_some(engine.pause, "running")),
            "unpause": (3, lambda: self.on_some(engine.unpause, "paused")),
            "health": (6, self.health),
            "check": (2, lambda: self.on_some(engine.check_health, "running")),
            "rename": (2, self.rename),
            "network": (2, self.network),
            "freeze": (0.3, self.freeze),
            "reconcile": (1, self.docker.reconcile),
            "look": (1, self.driver.look_at_everything),
            "kill worker": (0.3, self.kill_worker),
            "kill master": (0.2, self.kill_master),
        }
        kind = self.random.choices(list(kinds), [weight for weight, _ in kinds.values()])[0]
        self.told.append(kind)
        kinds[kind][1]()

    # -- what must be

    def port(self, name):
        return self.engine[name].ports["5000/tcp"][0][1]

    def wanted(self):
        """Host -> ports that answer: who runs, is not paused, and is healthy if it can be."""
        there = {host: set() for host in self.names.values()}
        for name, host in self.names.items():
            container = self.engine[name]
            if container.state == "running" and container.health in {"", "healthy"}:
                there[host].add(str(self.port(name)))
        return there

    async def served(self, session, host, count):
        answers = Counter()
        for _ in range(count):
            async with session.get(self.url, headers={"Host": host, "Connection": "close"}) as answer:
                answers[await answer.text() if answer.status == 200 else answer.status] += 1
        return set(answers)

    async def is_right(self, session):
        wanted = self.wanted()
        for host in HOSTS:
            expected = wanted.get(host)
            expected = {404} if expected is None else expected or {503}
            try:
                if await self.served(session, host, 2 * len(expected)) != expected:
                    return f"{host}: wanted {expected}, served {await self.served(session, host, 2 * len(expected))}"
            except aiohttp.ClientError as error:
                return repr(error)
        return await self.is_agreed()

    async def is_agreed(self):
        """The proxy itself says that there is nothing left to do."""
        serving = await self.proxy.observe(None)
        table = self.reconciler.routes.table
        plan = make_plan({match: table.get(match) for match in table.keys() | serving.keys()}, serving)
        return f"still to do: {plan}" if plan.steps or plan.reload else ""

    async def interlock(self, stack, folder):
        self.reconciler = Reconciler(["docker"])
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/"
        context = Context(
            name="haproxy",
            settings=HaproxySettings(port=port),
            state_dir=folder / "state",
            run_dir=folder / "run",
            look_again=lambda: self.driver.look_at_everything(),  # noqa: PLW0108 - made two lines below
        )
        self.proxy = HaproxyProxy(context)
        self.driver = Driver("haproxy", "1", self.proxy, self.reconciler.routes.table, self.reconciler.report)
        self.reconciler.attach(self.driver)
        address = EngineAddress.parse(f"unix://{self.socket_path}", name="docker")
        kept = Kept(ENVIRONMENT_KEYS, LABEL_PREFIXES)
        self.docker = DockerEngine(address, kept=kept, override_address="127.0.0.1", patience=IMPATIENT)
        await self.proxy.prepare()
        stack.push_async_callback(self.proxy.close)
        stack.push_async_callback(self.driver.stop)
        stack.push_async_callback(self.reconciler.stop)
        for work in (self.reconciler.run(), self.docker.run(self.reconciler.post), self.driver.run()):
            task = asyncio.get_running_loop().create_task(work)
            stack.push_async_callback(ended, task)


@pytest.fixture
def open_folder():
    """Open to HAProxy's unprivileged user, which pytest's own temporary folders are not."""
    with tempfile.TemporaryDirectory(prefix="interlock-storm-") as folder:
        path = Path(folder)
        path.chmod(0o755)
        yield path


async def ended(task):
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def eventually_right(weather, session, seconds=30.0):
    why = "nobody looked"
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while why := await weather.is_right(session):  # noqa: ASYNC110 - the condition is another process's
                await asyncio.sleep(0.02)
    assert not why, f"{why} after {weather.told}"


@pytest.mark.parametrize("flavour", [DOCKER_20, DOCKER_29, PODMAN_4], ids=["engine 20", "engine 29", "podman"])
@pytest.mark.parametrize("seed", range(3))
async def test_after_a_storm_serving_equals_wanted(seed, flavour, tmp_path, open_folder):
    async with AsyncExitStack() as stack:
        weather = Weather(seed, flavour, tmp_path / "docker.sock")
        await weather.applications(stack)
        await stack.enter_async_context(weather.engine.serve_unix(weather.socket_path))
        await weather.interlock(stack, open_folder)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        for number in range(STEPS):
            weather.step()
            await asyncio.sleep(weather.random.choice([0, 0, 0, 0.001, 0.02]))
            if number % EACH == EACH - 1:
                await eventually_right(weather, session)
        assert len(set(weather.told)) > 12

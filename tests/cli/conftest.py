import asyncio
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import msgspec
import pytest

from interlock.cli import main
from interlock.core.model import ServerState
from interlock.core.routes import Routes
from interlock.core.status import ContainerStatus, OrdersStatus, Place, Receipt, RoutesStatus, Status
from interlock.core.targets import Names, UnknownTargetError
from interlock.core.world import World
from interlock.history import History
from interlock.host.listening import Listener
from interlock.timeline import Timeline
from interlock.web.server import serve

INTERLOCK = Path(sys.executable).with_name("interlock")
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/root", "LANG": "C.UTF-8"}
"""What the program sees of ours: nothing that could set anything."""


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    """No variable of whoever runs the tests reaches the command line."""
    for name in os.environ:
        if name.startswith(("INTERLOCK_", "DOCKER_", "HAPROXY_", "NGINX_", "COLUMNS", "NO_COLOR", "FORCE_COLOR")):
            monkeypatch.delenv(name)


@pytest.fixture
def run(capsys):
    """Runs the command line in this process: (exit code, stdout, stderr)."""

    def run(*arguments):
        code = main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def program():
    """Runs the real program: (exit code, stdout, stderr)."""

    def program(*arguments, stdin="", **environment):
        ended = subprocess.run(
            [INTERLOCK, *arguments],
            input=stdin,
            env=ENVIRONMENT | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return ended.returncode, ended.stdout, ended.stderr

    return program


class PaperInterlock:
    """A daemon whose API is the real one and whose answers the test writes; `orders` holds what it was told."""

    def __init__(self):
        self.orders = []
        self.wanted = {}
        """What its history looks at."""
        self.history = History(self.wanted, keep=100, clock=lambda: 1_800_000_000.0)
        self.timeline = Timeline(self.history, Routes(World()), self._hold)
        self.failure = None
        self.warnings = ()
        self.under_way = [0]
        """Requests that each look finds; the last one stays."""
        self.place = {}
        """What is otherwise about the container's place."""
        self.explanations = ()
        self.traced = None
        self.picture = Status(
            version="9.9",
            ready=True,
            not_ready_because=(),
            seconds_since_reconcile=1.0,
            routes=1,
            servers={},
            engines=(),
            proxies=(),
            orders=OrdersStatus(),
            problems=(),
        )

    def status(self):
        return self.picture

    def names(self):
        return Names(
            containers=("shop-web-1", "web_1", "$(reboot)"), services=("shop/web",), hosts=("a.com", "*.b.com")
        )

    def routes(self):
        return RoutesStatus(routes=(), problems=())

    async def containers(self, who):
        self._note("look", who)
        if self.under_way[0] is None:
            raise UnknownTargetError("gone")
        return (self._web(),)

    async def explain(self, who):
        self._note("explain", who)
        return self.explanations

    async def trace(self, url):
        self._note("trace", url)
        return self.traced

    async def drain(self, who):
        return self._take("drain", who)

    async def undrain(self, who):
        return self._take("undrain", who)

    async def weigh(self, who, weight):
        return self._take("weigh", who, weight)

    async def close(self, host, message, until):
        self._note("close", host, message, until)
        return Receipt(routes=(host, f"{host}/app"), warnings=self.warnings)

    async def reopen(self, host):
        self._note("reopen", host)
        return Receipt(routes=(host,))

    async def confirm(self):
        self._note("confirm")
        return Receipt(engines=("docker",))

    async def _hold(self, _orders):
        return list(self.warnings)

    def _note(self, *order):
        if self.failure is not None:
            raise self.failure
        self.orders.append(order)

    def _take(self, *order):
        self._note(*order)
        return Receipt(containers=(self._web(),), routes=("a.com",), warnings=self.warnings)

    def _web(self):
        sessions = self.under_way.pop(0) if len(self.under_way) > 1 else self.under_way[0]
        drained = bool(self.orders) and self.orders[0][0] == "drain"
        place = Place(
            host="a.com",
            path="/",
            server="web_1",
            address="10.0.0.1:80",
            state=ServerState.DRAINING if drained else ServerState.READY,
            weight=100,
            in_rotation=not drained,
            sessions=sessions or 0,
        )
        place = msgspec.structs.replace(place, **self.place)
        return ContainerStatus(engine="docker", id="1" * 64, name="web_1", drained=drained, places=(place,))


@pytest.fixture
def daemon(monkeypatch):
    """An Interlock that runs, in a thread of its own, where the command line finds it."""
    paper = PaperInterlock()
    with tempfile.TemporaryDirectory(prefix="il-") as folder:
        monkeypatch.setenv("INTERLOCK_RUN_DIR", folder)
        paper.path = Path(folder) / "interlock.sock"
        listener = Listener(paper.path)
        loop = asyncio.new_event_loop()
        serving = loop.create_task(serve(paper, listener.socket))

        def work():
            loop.run_until_complete(asyncio.gather(serving, return_exceptions=True))

        thread = threading.Thread(target=work)
        thread.start()
        yield paper
        loop.call_soon_threadsafe(serving.cancel)
        thread.join(timeout=10)
        loop.close()
        listener.close()

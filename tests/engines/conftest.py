"""What the tests of the engine client share: recordings, short patience, and somebody who watches a fake engine."""

import asyncio
import socket
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from interlock.core.events import Changed, Listed
from interlock.core.model import ContainerKey
from interlock.engines.address import EngineAddress
from interlock.engines.containers import Kept
from interlock.engines.docker import DockerEngine
from interlock.engines.patience import Patience
from interlock.engines.standpoint import Surroundings

RECORDINGS = Path(__file__).parents[1] / "data" / "recordings"

KEPT = Kept(frozenset({"INTERLOCK_DATA"}), ("interlock.",))

QUICK = Patience(
    connect=2,
    answer=2,
    list=2,
    ping=0.2,
    silence=30,
    reconcile=60,
    first_pause=0.005,
    eager_pause=0.05,
    eager_for=30,
    lazy_pause=0.05,
    steady=5,
    reminder=60,
    slow=0.1,
    longest_retry=0.05,
    stale=0,
    recheck=60,
    hold=0.05,
    settle=2,
    survive=0.05,
)
"""Quick to try again; lists nothing unasked, so that calls can be counted."""


async def _nobody_knows(path):
    return None


ALONE = Surroundings(read=lambda _: "", hostname="", shares_network_with=_nobody_knows)


class Watch:
    """An engine under watch, and all that was said of it."""

    def __init__(self, engine):
        self.engine = engine
        self.events = []
        self._news = asyncio.Event()

    def emit(self, event):
        self.events.append(event)
        self._news.set()

    async def until(self, true, within=20):
        """Wait for a condition that events bring about."""
        async with asyncio.timeout(within):
            while not true():
                self._news.clear()
                await self._news.wait()

    async def first(self, kind, within=20, **fields):
        """Wait for the first event (not yet forgotten) of a kind with these fields."""
        await self.until(lambda: self.all(kind, **fields), within)
        return self.all(kind, **fields)[0]

    def all(self, kind, **fields):
        return [
            event
            for event in self.events
            if isinstance(event, kind) and all(getattr(event, name) == value for name, value in fields.items())
        ]

    def forget(self):
        self.events.clear()

    def kinds(self):
        return [type(event).__name__ for event in self.events]

    def of(self, id_):
        """What was said of one container: kinds, and the phase where it is told."""
        key = ContainerKey(self.engine.address.name, id_)
        said = []
        for event in self.events:
            if isinstance(event, Changed) and event.container.id == id_:
                said.append(f"Changed {event.container.phase}")
            elif getattr(event, "key", None) == key:
                said.append(type(event).__name__)
        return said

    def known(self):
        """Containers by name, as a listener that misses nothing knows them."""
        known = {}
        for event in self.events:
            if isinstance(event, Listed):
                known = {one.id: one for one in event.containers}
            elif isinstance(event, Changed):
                known[event.container.id] = event.container
            elif type(event).__name__ == "Vanished":
                known.pop(event.key.id, None)
        return {one.name: one for one in known.values()}

    def phase(self, name):
        container = self.known().get(name)
        return container and container.phase.value


@asynccontextmanager
async def watching(url, surroundings=ALONE, override_address="", **patience):
    address = url if isinstance(url, EngineAddress) else EngineAddress.parse(url)
    engine = DockerEngine(
        address,
        kept=KEPT,
        override_address=override_address,
        patience=msgspec.structs.replace(QUICK, **patience),
        surroundings=surroundings,
    )
    async with watch_of(engine) as watch:
        yield watch


@asynccontextmanager
async def watch_of(engine):
    """Somebody who watches an engine until the end of the block."""
    watch = Watch(engine)
    running = asyncio.get_running_loop().create_task(engine.run(watch.emit))
    try:
        yield watch
    finally:
        running.cancel()
        await asyncio.wait([running])
    assert running.cancelled(), running.exception()


@asynccontextmanager
async def listed(fake, path, **options):
    """A fake engine on a socket, under watch, its first list told and its calls counted from here.

    No inspect for that list counts as slow unless it is asked for: one that does is told after it.
    """
    async with fake.serve_unix(path) as url, watching(url, **({"slow": 5} | options)) as watch:
        await watch.first(Listed)
        fake.calls.clear()
        yield watch


@pytest.fixture
def socket_path(tmp_path):
    return tmp_path / "docker.sock"


@pytest.fixture
def recording():
    """Bytes of a recorded answer."""
    return lambda name: (RECORDINGS / name).read_bytes()


@pytest.fixture(name="watching")
def _watching():
    return watching


@pytest.fixture(name="watch_of")
def _watch_of():
    return watch_of


@pytest.fixture(name="listed")
def _listed():
    return listed


@pytest.fixture
def kept():
    return KEPT


@pytest.fixture
def quick():
    return QUICK


@pytest.fixture
def alone():
    return ALONE


@pytest.fixture
def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

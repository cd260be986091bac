"""What observers are given in their tests, by hand."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from interlock.core.happenings import Cause, EventSeen
from interlock.core.problems import TemporaryError
from interlock.core.status import RoutesStatus
from interlock.plugins.contract import ObserverContext


class PaperEngine:
    """Answers by path; a path that it does not know is an engine that does not answer."""

    def __init__(self, name="docker", answers=None):
        self.name = name
        self.answers = answers if answers is not None else {}
        self.asked = []

    async def get(self, path):
        self.asked.append(path)
        await asyncio.sleep(0)
        if path not in self.answers:
            raise TemporaryError(f"no {path}")
        return self.answers[path]

    async def stream(self, path):
        yield await self.get(path)


class Scene:
    """One observer that runs, what it is told, and the world that it may look at."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.metrics = CollectorRegistry()
        self.containers = ()
        self.routes = RoutesStatus(routes=(), problems=())
        self.engine = PaperEngine()
        self.engines = {}
        self._news = asyncio.Queue()

    def context(self, settings):
        return ObserverContext(
            settings=settings,
            state_dir=self.folder,
            run_dir=self.folder,
            status=lambda: None,
            routes=lambda: self.routes,
            containers=lambda: self.containers,
            engines=self.engines or {self.engine.name: self.engine},
            metrics=self.metrics,
        )

    def tell(self, *happenings):
        for happening in happenings:
            self._news.put_nowait(happening)

    def tell_event(self, action, container=None, *, at=1000.0):
        cause = Cause(action=action, at=at, engine="docker", container_id=container.id if container else "")
        self.tell(EventSeen(at=at, event="Changed", cause=cause, touched=1))

    async def _read(self):
        while True:
            yield await self._news.get()

    @asynccontextmanager
    async def running(self, observer):
        """The observer runs, and must neither return nor raise meanwhile."""
        task = asyncio.get_running_loop().create_task(observer.run(self._read()))
        try:
            yield
            assert not task.done(), task.exception()
        finally:
            task.cancel()
            await asyncio.wait([task])

    @staticmethod
    async def until(true, *, seconds=30):
        """Wait for a condition."""
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110 - what it waits for has no event of its own
                await asyncio.sleep(0.005)

    def metric(self, series, /, **labels):
        """The value of a series; None if there is none."""
        return self.metrics.get_sample_value(series, labels)


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path)

"""An observer that raises, ends, exits, blocks or cannot be built is started again, and everybody else goes on."""

import asyncio
import threading
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter

from interlock.bulletin import Bulletin
from interlock.core.happenings import EngineLost
from interlock.core.problems import PermanentError
from interlock.core.status import PluginState
from interlock.plugins import observation as observation_module
from interlock.plugins.contract import ObserverContext, ObserverPlugin
from interlock.plugins.observation import Observation


class Nothing:
    """Settings of a plugin that has none."""


def context(metrics):
    return ObserverContext(
        settings=Nothing(),
        state_dir=Path(),
        run_dir=Path(),
        status=lambda: None,
        routes=lambda: None,
        containers=tuple,
        engines={},
        metrics=metrics,
    )


class Scene:
    """A bulletin and one observer on it, whose starts do what the test says, the last one for ever."""

    def __init__(self, *starts, context=context):
        self.bulletin, self.problems, self.seen = Bulletin(), {}, []
        self._starts = list(starts)
        self.built = 0
        plugin = ObserverPlugin(
            name="watcher", version="1", description="d", url="u", settings=Nothing, build=self._build
        )
        self.observation = Observation(plugin, context, self.bulletin, self._report)
        self.pauses = []

    def _report(self, source, problems):
        self.problems[source] = [problem.sentence() for problem in problems]

    def _build(self, given):
        self.built += 1
        start = self._starts.pop(0) if len(self._starts) > 1 else self._starts[0]
        return start(self, given)

    @property
    def status(self):
        return self.observation.status

    async def until(self, true):
        async with asyncio.timeout(30):
            while not true():  # noqa: ASYNC110 - what it sees, it sees in a thread of its own
                await asyncio.sleep(0.002)


def observer(run):
    class Observer:
        def __init__(self, scene, given):
            self.scene, self.given = scene, given

        async def run(self, news):
            await run(self.scene, news)

    return Observer


@observer
async def good(scene, news):
    async for happening in news:
        scene.seen.append(int(happening.at))


@observer
async def raises(_scene, _news):
    raise ValueError("no \x1b luck")


@observer
async def returns(_scene, _news):
    return


@observer
async def exits(_scene, _news):
    raise SystemExit(1)


@observer
async def leaves_a_task_that_will_not_end(_scene, _news):
    async def stubborn():
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                threading.Event().wait(30)

    task = asyncio.get_running_loop().create_task(stubborn())
    await asyncio.sleep(0)
    assert not task.done()


def is_not_built(_scene, _given):
    raise KeyError("settings")


@pytest.fixture
async def play(monkeypatch):
    monkeypatch.setattr(observation_module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(observation_module, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr("interlock.host.apart.END_SECONDS", 0.1)
    tasks = []

    def play(*starts, **more):
        scene = Scene(*starts, **more)
        tasks.append(asyncio.get_running_loop().create_task(scene.observation.run()))
        return scene

    yield play
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks)


async def test_it_sees_what_is_posted(play):
    scene = play(good)
    for number in range(3):
        scene.bulletin.post(EngineLost(at=float(number), engine="docker", reason=""))
    await scene.until(lambda: scene.seen == [0, 1, 2])
    assert (scene.status.state, scene.status.restarts) == (PluginState.RUNNING, 0)
    assert not scene.problems


@pytest.mark.parametrize(
    ("start", "why"),
    [
        (raises, "ValueError: no \\x1b luck"),
        (returns, "it ended by itself"),
        (exits, "SystemExit: 1"),
        (is_not_built, "KeyError: 'settings'"),
        (leaves_a_task_that_will_not_end, "it ended by itself"),
    ],
)
async def test_one_that_fails_is_told_and_started_again_and_misses_nothing_of_what_was_posted_meanwhile(
    play, start, why
):
    scene = play(start, good)
    await scene.until(lambda: scene.status.why)
    scene.bulletin.post(EngineLost(at=7.0, engine="docker", reason=""))
    await scene.until(lambda: scene.seen == [7])
    assert (scene.status.why, scene.status.restarts) == (why, 1)
    (problem,) = scene.problems["plugin watcher"]
    assert why in problem


async def test_the_pauses_grow(play, monkeypatch):
    pauses, sleep = [], asyncio.sleep

    class Clock:
        def __getattr__(self, name):
            return getattr(asyncio, name)

        async def sleep(self, seconds):
            pauses.append(seconds)
            await sleep(0)

    monkeypatch.setattr(observation_module, "asyncio", Clock())
    monkeypatch.setattr(observation_module, "LONGEST_PAUSE", 0.05)
    scene = play(raises)
    await scene.until(lambda: len(pauses) >= 5)
    assert pauses[:5] == [0.01, 0.02, 0.04, 0.05, 0.05]
    assert scene.built >= 5


async def test_the_problem_is_over_once_it_is_steady(play, monkeypatch):
    monkeypatch.setattr(observation_module, "STEADY_SECONDS", 0.05)
    scene = play(raises, good)
    await scene.until(lambda: scene.problems.get("plugin watcher"))
    await scene.until(lambda: scene.problems["plugin watcher"] == [])
    assert scene.status.state is PluginState.RUNNING


async def test_one_that_blocks_misses_news_which_is_counted_and_said(play, monkeypatch):
    may_go_on, began = threading.Event(), threading.Event()

    @observer
    async def blocks(scene, news):
        began.set()
        may_go_on.wait(60)
        async for happening in news:
            scene.seen.append(int(happening.at))

    scene = play(blocks)
    await scene.until(began.is_set)
    for number in range(1003):
        scene.bulletin.post(EngineLost(at=float(number), engine="docker", reason=""))
    assert scene.status.dropped == 3
    may_go_on.set()
    await scene.until(lambda: len(scene.seen) == 1000)
    assert scene.seen[0] == 3


async def test_each_start_has_metrics_of_its_own(play):
    class Counts:
        def __init__(self, scene, given):
            self.count = Counter("things", "Things.", registry=given.metrics)
            self.scene = scene

        async def run(self, news):
            self.count.inc()
            if self.scene.built == 1:
                raise ValueError
            async for _ in news:
                pass

    scene = play(Counts)
    everybody = CollectorRegistry()
    everybody.register(scene.observation.metrics)
    await scene.until(lambda: scene.built == 2 and everybody.get_sample_value("things_total") == 1)


async def test_a_folder_that_cannot_be_made_is_its_own_failure(play):
    def no_context(_metrics):
        raise PermanentError("disk full", fix="make room")

    scene = play(good, context=no_context)
    await scene.until(lambda: "disk full" in scene.status.why)
    assert scene.built == 0

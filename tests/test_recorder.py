"""What comes in is recorded from what is known on, bounded, and plays to the same routes."""

import asyncio
import contextlib

import pytest

from interlock import recorder as recorder_module
from interlock.core.model import Match, ServerState
from interlock.core.overrides import Overrides
from interlock.core.problems import TemporaryError
from interlock.core.recording import Ending, Opening, Ordered, Turn, read
from interlock.reconciler import Reconciler
from interlock.recorder import Recorder
from interlock.replay.player import Unasked, play
from interlock.testing.worlds import ENGINE, changed, container, listed, placed

DEMO = Match("demo.interlock.com")
LONG_AGO = {"started_at": "2020-01-01T00:00:00Z"}


@pytest.fixture
async def reconciler():
    made = Reconciler([ENGINE], prober=Unasked)
    running = asyncio.get_running_loop().create_task(made.run())
    made.post(placed())
    made.post(listed(container("web_1", **LONG_AGO)))
    await settle()
    yield made
    await made.stop()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def take(lines, count):
    taken = []
    async with asyncio.timeout(10):
        while len(taken) < count:
            line = await anext(lines)
            if line.strip():
                taken.append(line)
    return taken


async def test_it_begins_with_all_that_is_known_and_goes_on_with_what_comes(reconciler):
    reconciler.order(Overrides().draining([container().key]))
    lines = Recorder(reconciler).lines(1 << 20)
    taken = await take(lines, 3)
    reconciler.post(changed(container("web_2", number=2, **LONG_AGO)))
    await settle()
    reconciler.order(Overrides())
    taken += await take(lines, 2)
    await lines.aclose()
    kinds = [type(line) for line in read(taken)]
    assert kinds == [Opening, Ordered, Turn, Turn, Ordered]
    replay = await play(read(taken))
    assert replay.table == tuple(reconciler.routes.table.values())
    states = [server.state for server in replay.table[0].backend.servers]
    assert states == [ServerState.READY, ServerState.PROBING]


async def test_nothing_is_kept_for_a_listener_that_has_gone(reconciler):
    lines = Recorder(reconciler).lines(1 << 20)
    await take(lines, 3)
    await lines.aclose()
    assert reconciler._followers == []


async def test_only_a_few_record_at_a_time(reconciler):
    recorder = Recorder(reconciler)
    many = [recorder.lines(1 << 20) for _ in range(recorder_module.MOST_LISTENERS)]
    for lines in many:
        await take(lines, 1)
    with pytest.raises(TemporaryError, match="record already"):
        await take(recorder.lines(1 << 20), 1)
    await many.pop().aclose()
    many.append(recorder.lines(1 << 20))
    await take(many[-1], 1)
    for lines in many:
        await lines.aclose()


async def test_it_ends_at_its_size(reconciler):
    taken = [line async for line in Recorder(reconciler).lines(200)]
    assert isinstance(list(read(taken))[-1], Ending)
    assert sum(map(len, taken)) < 300


async def test_a_listener_that_falls_behind_is_told_so_and_costs_no_memory(reconciler, monkeypatch):
    monkeypatch.setattr(recorder_module, "MOST_WAITING", 3)
    lines = Recorder(reconciler).lines(1 << 20)
    taken = await take(lines, 1)
    for number in range(5):
        reconciler.order(Overrides(service_weights={}) if number % 2 else Overrides())
    async with asyncio.timeout(10):
        taken += [line async for line in lines]
    assert next(iter(reversed(list(read(taken))))).why == recorder_module.ENDED
    assert len(taken) == 5


async def test_silence_is_broken_by_an_empty_line(reconciler, monkeypatch):
    monkeypatch.setattr(recorder_module, "HEARTBEAT_SECONDS", 0.01)
    lines = Recorder(reconciler).lines(1 << 20)
    await take(lines, 3)
    async with asyncio.timeout(10):
        assert await anext(lines) == b"\n"
    await lines.aclose()

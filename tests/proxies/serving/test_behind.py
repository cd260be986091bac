"""The files follow what is served, one writing at a time."""

import asyncio

import pytest
from structlog.testing import capture_logs

from interlock.core.problems import TemporaryError
from interlock.host.tasks import Tasks
from interlock.proxies.serving import behind as behind_module
from interlock.proxies.serving.behind import WriteBehind


@pytest.fixture
async def tasks(monkeypatch):
    monkeypatch.setattr(behind_module, "QUIET_SECONDS", 0.01)
    monkeypatch.setattr(behind_module, "AFTER_FAILURE_SECONDS", 0.01)
    owner = Tasks("test")
    yield owner
    await owner.stop()


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.002)


async def test_many_changes_are_one_writing_and_one_during_it_is_another(tasks):
    written, gate = [], asyncio.Event()

    async def write():
        written.append(1)
        await gate.wait()

    behind = WriteBehind("proxy", write, tasks)
    for _ in range(5):
        behind.soon()
    await until(lambda: written)
    assert not behind.is_due
    behind.soon()
    assert behind.is_due
    gate.set()
    await until(lambda: len(written) == 2)


async def test_a_writing_that_fails_is_said_and_tried_again(tasks):
    tries = []

    async def write():
        tries.append(1)
        if len(tries) == 1:
            raise TemporaryError("no space left")

    behind = WriteBehind("proxy", write, tasks)
    with capture_logs() as lines:
        behind.soon()
        await until(lambda: len(tries) == 2)
    assert any("the configuration on disk is behind: no space left" in line["event"] for line in lines)
    await until(lambda: not behind.is_due)


async def test_who_holds_the_turn_is_waited_for(tasks):
    written = []

    async def write():
        written.append(1)

    behind = WriteBehind("proxy", write, tasks)
    async with behind.turn:
        behind.soon()
        await asyncio.sleep(0.05)
        assert not written
    await until(lambda: written)

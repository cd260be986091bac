"""Every task has an owner that ends it, and none fails in silence."""

import asyncio

from structlog.testing import capture_logs

from interlock.host import tasks
from interlock.host.tasks import Tasks


async def test_stopping_cancels_and_waits():
    owner = Tasks("test")
    ended = []

    async def work():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    owner.start("work", work())
    await asyncio.sleep(0)
    await owner.stop()
    assert ended == [True]
    await owner.stop()


async def test_a_failure_is_logged_by_name_and_handed_on():
    owner = Tasks("test")
    failures = []

    async def work():
        raise ValueError("broken")

    with capture_logs() as lines:
        task = owner.start("work", work(), on_failure=failures.append)
        await asyncio.wait([task])
        await asyncio.sleep(0)
    assert [type(failure) for failure in failures] == [ValueError]
    assert "test/work" in lines[0]["event"]


async def test_one_that_does_not_end_is_named(monkeypatch):
    monkeypatch.setattr(tasks, "STOP_SECONDS", 0.01)
    owner = Tasks("test")
    release = asyncio.Event()

    async def stubborn():
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    task = owner.start("stubborn", stubborn())
    await asyncio.sleep(0)
    with capture_logs() as lines:
        await owner.stop()
    assert "test/stubborn" in lines[0]["event"]
    release.set()
    await task

"""Long work lets others have their turn, and what a thread does is finished whoever gives up waiting."""

import asyncio
import threading

import pytest

from interlock.host.slices import in_slices, in_thread, slices


async def test_all_of_it_is_done_in_order_with_turns_for_others_in_between():
    turns = 0

    async def other():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(other())
        assert await in_slices(lambda number: number * 2, range(10), size=3) == [number * 2 for number in range(10)]
        task.cancel()
    assert turns >= 3


def test_slices_are_all_of_it():
    assert [list(part) for part in slices([1, 2, 3, 4, 5], 2)] == [[1, 2], [3, 4], [5]]
    assert list(slices([], 2)) == []


async def test_a_thread_returns_what_it_made_and_raises_what_went_wrong():
    assert await in_thread(max, 1, 2) == 2
    with pytest.raises(ZeroDivisionError):
        await in_thread(divmod, 1, 0)


async def test_who_is_cancelled_waits_for_the_end_of_the_work():
    begun, may_end, ended = asyncio.Event(), threading.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def work():
        loop.call_soon_threadsafe(begun.set)
        may_end.wait(5)
        ended.set()

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(in_thread(work))
        await begun.wait()
        task.cancel()
        loop.call_later(0.05, may_end.set)
    assert task.cancelled()
    assert ended.is_set()

"""The system's time, or that of a replay, for one task and its children only."""

import asyncio
import time

from interlock.host import clock


def test_it_is_the_systems_time_unless_told():
    before = time.time()
    assert before <= clock.time() <= time.time()
    before = time.monotonic()
    assert before <= clock.monotonic() <= time.monotonic()


async def test_a_clock_that_is_set_counts_for_its_task_and_those_that_it_starts():
    async def replay():
        watch = clock.Clock(5.0)
        clock.use(watch)

        async def child():
            return clock.time(), clock.monotonic()

        first = await asyncio.get_running_loop().create_task(child())
        watch.at = 7.0
        return first, await asyncio.get_running_loop().create_task(child())

    told = await asyncio.get_running_loop().create_task(replay())
    assert told == ((5.0, 5.0), (7.0, 7.0))
    assert clock.time() > 1_000_000

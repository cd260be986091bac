"""Work apart: what blocks, exits or does not end there costs nobody here anything."""

import asyncio
import threading
import time

import pytest
from structlog.testing import capture_logs

from interlock.core.problems import TemporaryError
from interlock.host import apart as apart_module
from interlock.host.apart import Apart, ExitedError, answered_here


async def within(awaitable):
    async with asyncio.timeout(30):
        return await awaitable


async def test_it_runs_in_a_thread_of_its_own_and_tells_its_end():
    where = []

    async def work():
        where.append(threading.current_thread().name)

    assert await within(Apart("plugin x", work).ended()) is None
    assert where == ["plugin x"]


@pytest.mark.parametrize("raised", [ValueError("broken"), SystemExit(3), KeyboardInterrupt()])
async def test_what_it_raises_is_told_even_if_it_wanted_to_exit(raised):
    async def work():
        raise raised

    assert await within(Apart("plugin x", work).ended()) is raised


async def test_it_may_be_stopped_at_the_very_moment_at_which_its_loop_is_closed(monkeypatch):
    close = asyncio.Runner.close

    def close_and_linger(runner):
        close(runner)
        time.sleep(0.2)

    monkeypatch.setattr(asyncio.Runner, "close", close_and_linger)

    async def work():
        pass

    apart = Apart("plugin x", work)
    assert await within(apart.ended()) is None
    await asyncio.sleep(0.1)
    await within(apart.stop())


async def test_work_that_blocks_its_thread_does_not_block_ours():
    may_end = threading.Event()

    async def work():
        may_end.wait(30)

    apart = Apart("plugin x", work)
    for _ in range(100):
        await asyncio.sleep(0)
    may_end.set()
    assert await within(apart.ended()) is None


async def test_stopping_cancels_it_and_waits():
    ended = []

    async def work():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    apart = Apart("plugin x", work)
    await within(apart.stop())
    assert ended in ([], [True])  # it may not even have begun
    began = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def other():
        loop.call_soon_threadsafe(began.set)
        await work()

    ended.clear()
    apart = Apart("plugin x", other)
    await within(began.wait())
    await within(apart.stop())
    assert ended == [True]


async def test_work_that_will_not_end_is_left_behind_by_name(monkeypatch):
    monkeypatch.setattr(apart_module, "END_SECONDS", 0.05)
    may_end, began = threading.Event(), threading.Event()

    async def work():
        began.set()
        may_end.wait(30)

    apart = Apart("plugin x", work)
    while not began.is_set():  # noqa: ASYNC110 - it is set in another thread
        await asyncio.sleep(0.001)
    with capture_logs() as lines:
        await within(apart.stop())
    assert "plugin x does not end" in lines[0]["event"]
    may_end.set()
    await within(apart.ended())


async def test_calls_are_awaited_there_and_what_they_raise_is_raised_here():
    apart = Apart("plugin x", asyncio.Event().wait)

    async def where():
        return threading.current_thread().name

    async def fails():
        raise ValueError("broken")

    async def exits():
        raise SystemExit(1)

    assert await within(apart.call(where)) == "plugin x"
    with pytest.raises(ValueError, match="broken"):
        await within(apart.call(fails))
    with pytest.raises(ExitedError, match="SystemExit"):
        await within(apart.call(exits))
    assert await within(apart.call(where)) == "plugin x"
    await apart.stop()
    with pytest.raises(ExitedError, match="has ended"):
        await within(apart.call(where))


async def test_a_call_that_is_given_up_here_is_cancelled_there():
    apart, ended = Apart("plugin x", asyncio.Event().wait), threading.Event()

    async def hangs():
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    calling = asyncio.get_running_loop().create_task(apart.call(hangs))
    await asyncio.sleep(0.1)
    calling.cancel()
    while not ended.is_set():  # noqa: ASYNC110 - it is set in another thread
        await asyncio.sleep(0.001)
    await apart.stop()


async def test_calls_under_way_end_with_their_thread():
    apart = Apart("plugin x", asyncio.Event().wait)

    async def leaves():
        async def leave():
            raise SystemExit(1)

        task = asyncio.get_running_loop().create_task(leave())
        await asyncio.Event().wait()
        return task

    with pytest.raises(ExitedError, match="has ended"):
        await within(apart.call(leaves))


async def test_a_question_from_apart_is_answered_in_the_loop_of_its_data():
    threads = []

    def question():
        threads.append(threading.get_ident())
        return 42

    ask, answers = answered_here(question), []

    async def work():
        answers.append(ask())

    assert await within(Apart("plugin x", work).ended()) is None
    assert ask() == 42
    assert answers == [42]
    assert set(threads) == {threading.get_ident()}


async def test_a_question_that_is_not_answered_does_not_hang(monkeypatch):
    monkeypatch.setattr(apart_module, "ASK_SECONDS", 0.01)
    ask = answered_here(lambda: 42)

    async def work():
        ask()

    apart = Apart("plugin x", work)
    time.sleep(0.5)  # noqa: ASYNC251 - nobody answers meanwhile
    error = await within(apart.ended())
    assert isinstance(error, TemporaryError)


def test_a_question_to_an_interlock_that_has_ended_is_refused():
    async def make():
        return answered_here(lambda: 42)

    ask, errors = asyncio.run(make()), []

    def work():
        try:
            ask()
        except TemporaryError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(30)
    assert len(errors) == 1

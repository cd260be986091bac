import asyncio
from contextlib import asynccontextmanager

import msgspec
import pytest
from structlog.testing import capture_logs

from interlock.core.model import Container
from interlock.core.problems import PermanentError, TemporaryError
from interlock.engines.inspections import AT_ONCE, Inspections


class Desk:
    """Answers inspects one by one, when told to, and notes what is reported."""

    def __init__(self):
        self.asked = []
        self.reported = []
        self.gates = {}
        self.news = asyncio.Event()
        self.under_way = self.most = 0

    def gate(self, id_):
        return self.gates.setdefault(id_, asyncio.Queue())

    async def inspect(self, id_):
        self.asked.append(id_)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self.news.set()
        try:
            answer = await self.gate(id_).get()
        finally:
            self.under_way -= 1
        if isinstance(answer, Exception):
            raise answer
        return answer and Container(engine="e", id=id_, name=answer)

    def report(self, outcome):
        self.reported.append(outcome)
        self.news.set()

    async def until(self, true):
        async with asyncio.timeout(20):
            while not true():
                self.news.clear()
                await self.news.wait()


@asynccontextmanager
async def at_work(patience):
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        yield desk, Inspections(tasks, inspect=desk.inspect, report=desk.report, patience=patience)
        for task in list(tasks._tasks):
            task.cancel()


async def test_a_look_is_reported_with_its_cause(quick):
    async with at_work(quick) as (desk, inspections):
        inspections.mark("a", "start")
        assert inspections.is_busy("a")
        desk.gate("a").put_nowait("web")
        await desk.until(lambda: desk.reported)
        (outcome,) = desk.reported
        assert (outcome.id, outcome.container.name, outcome.cause, outcome.is_final) == ("a", "web", "start", True)
        assert not inspections.is_busy("a")


async def test_what_is_heard_meanwhile_leads_to_exactly_one_more_look(quick):
    async with at_work(quick) as (desk, inspections):
        inspections.mark("a", "start")
        await desk.until(lambda: desk.asked)
        for _ in range(10):
            inspections.mark("a", "update")
        inspections.mark("a", "die")
        assert desk.asked == ["a"]
        desk.gate("a").put_nowait("old")
        desk.gate("a").put_nowait("new")
        await desk.until(lambda: len(desk.reported) == 2)
        assert [(one.container.name, one.cause, one.is_final) for one in desk.reported] == [
            ("old", "start", False),
            ("new", "die", True),
        ]
        assert desk.asked == ["a", "a"]


async def test_what_is_heard_before_the_inspect_begins_needs_none_of_its_own(quick):
    async with at_work(quick) as (desk, inspections):
        inspections.mark("a", "create")
        inspections.mark("a", "start")
        desk.gate("a").put_nowait("web")
        await desk.until(lambda: desk.reported)
        assert [one.cause for one in desk.reported] == ["start"]
        assert desk.asked == ["a"]


async def test_containers_are_looked_at_in_parallel_but_only_a_few(quick):
    patient = msgspec.structs.replace(quick, slow=60)
    async with at_work(patient) as (desk, inspections):
        for number in range(30):
            inspections.mark(str(number), "list")
        await desk.until(lambda: len(desk.asked) == AT_ONCE)
        for number in range(30):
            desk.gate(str(number)).put_nowait("web")
        await desk.until(lambda: len(desk.reported) == 30)
        assert desk.most == AT_ONCE


async def test_those_that_hang_do_not_hold_up_the_others(quick):
    async with at_work(quick) as (desk, inspections):
        for number in range(AT_ONCE):
            inspections.mark(f"hung {number}", "list")
        inspections.mark("a", "list")
        desk.gate("a").put_nowait("web")
        await desk.until(lambda: desk.reported)
        assert desk.reported[0].id == "a"
        assert inspections._places._value == AT_ONCE
        desk.gate("hung 0").put_nowait("late")
        await desk.until(lambda: len(desk.reported) == 2)
        assert inspections._places._value == AT_ONCE


async def test_a_failure_is_tried_again_without_holding_up_the_others(quick):
    async with at_work(quick) as (desk, inspections):
        with capture_logs() as logs:
            inspections.mark("a", "start")
            for answer in (TemporaryError("500"), TemporaryError("409"), "web"):
                desk.gate("a").put_nowait(answer)
            inspections.mark("b", "start")
            desk.gate("b").put_nowait("web")
            await desk.until(lambda: len(desk.reported) == 2)
        assert [one.id for one in desk.reported] == ["b", "a"]
        assert desk.asked.count("a") == 3
        assert [line["reason"] for line in logs] == ["500"]


async def test_many_that_fail_together_are_one_warning(quick):
    async with at_work(quick) as (desk, inspections):
        with capture_logs() as logs:
            for id_ in ("a", "b", "c"):
                inspections.mark(id_, "list")
                desk.gate(id_).put_nowait(TemporaryError("500"))
            await inspections.first_outcomes(["a", "b", "c"])
        assert sorted(line["log_level"] for line in logs) == ["debug", "debug", "warning"]


async def test_news_cut_the_pause_after_a_failure_short(quick):
    slow = msgspec.structs.replace(quick, first_pause=60, longest_retry=60)
    async with at_work(slow) as (desk, inspections):
        inspections.mark("a", "start")
        desk.gate("a").put_nowait(TemporaryError("500"))
        await inspections.first_outcomes(["a"])
        inspections.mark("a", "die")
        desk.gate("a").put_nowait("web")
        await desk.until(lambda: desk.reported)
        assert desk.reported[0].cause == "die"


async def test_nobody_waits_for_one_that_failed_or_hangs_or_is_unknown(quick):
    async with at_work(quick) as (desk, inspections):
        for id_ in ("fails", "hangs", "answers"):
            inspections.mark(id_, "list")
        desk.gate("fails").put_nowait(TemporaryError("500"))
        desk.gate("answers").put_nowait("web")
        async with asyncio.timeout(20):
            await inspections.first_outcomes(["fails", "hangs", "answers", "unknown"])
        assert inspections.is_busy("hangs")


async def test_what_is_found_of_a_container_that_is_gone_is_dropped(quick):
    async with at_work(quick) as (desk, inspections):
        inspections.mark("a", "start")
        await desk.until(lambda: desk.asked)
        inspections.drop("a")
        desk.gate("a").put_nowait("ghost")
        inspections.mark("b", "start")
        desk.gate("b").put_nowait("web")
        await desk.until(lambda: desk.reported)
        assert [one.id for one in desk.reported] == ["b"]
        inspections.drop("never heard of")


async def test_a_container_that_comes_back_under_the_same_id_is_looked_at_anew(quick):
    async with at_work(quick) as (desk, inspections):
        inspections.mark("a", "start")
        await desk.until(lambda: desk.asked)
        inspections.drop("a")
        inspections.mark("a", "create")
        await desk.until(lambda: len(desk.asked) == 2)
        desk.gate("a").put_nowait("ghost")
        desk.gate("a").put_nowait("web")
        await desk.until(lambda: desk.reported)
        assert [one.cause for one in desk.reported] == ["create"]


async def test_a_container_that_does_not_exist_is_reported_as_none(quick):
    async with at_work(quick) as (desk, inspections):
        inspections.mark("a", "start")
        desk.gate("a").put_nowait(None)
        await desk.until(lambda: desk.reported)
        assert desk.reported[0].container is None


async def look_and_be_refused(patience):
    async with at_work(patience) as (desk, inspections):
        inspections.mark("a", "start")
        desk.gate("a").put_nowait(PermanentError("403"))
        await desk.until(lambda: False)


async def test_what_no_waiting_can_mend_ends_the_connection(quick):
    with pytest.raises(ExceptionGroup) as group:
        await look_and_be_refused(quick)
    assert isinstance(group.value.exceptions[0], PermanentError)

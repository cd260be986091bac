"""A proxy plugin that raises, hangs, blocks, exits or lies is told, left alone for a while, and costs nobody else."""

import asyncio
import threading
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from interlock import driver as driver_module
from interlock.core.model import Match, RouteTable
from interlock.core.plan import Abilities, Reload
from interlock.core.problems import PermanentError, TemporaryError
from interlock.core.status import PluginState
from interlock.driver import Driver
from interlock.plugins import guard as guard_module
from interlock.plugins.guard import Bounds, Guarded
from interlock.proxies import dryrun
from interlock.proxies.contract import Context, Outcome
from interlock.testing.worlds import container, table_of

DEMO = Match("demo.interlock.com")
ON = threading.Event()
"""Set when a test is over, so that what it blocked goes on."""


class Good(dryrun.DryrunProxy):
    """As a stranger's, which lives in a thread of its own."""


class RaisesWhenPrepared(Good):
    async def prepare(self):
        raise KeyError("port")


class RaisesWhenAsked(Good):
    async def observe(self, *_):
        raise ZeroDivisionError("1/0 \x1b")


class HangsWhenAsked(Good):
    async def observe(self, *_):
        await asyncio.Event().wait()


class BlocksWhenAsked(Good):
    async def observe(self, *_):
        ON.wait(60)


class RaisesWhenTold(Good):
    async def apply(self, *_):
        raise OSError("disk")


class HangsWhenTold(Good):
    async def apply(self, *_):
        await asyncio.Event().wait()


class BlocksWhenTold(Good):
    async def apply(self, *_):
        ON.wait(60)


class Exits(Good):
    async def observe(self, *_):
        raise SystemExit(2)


class ExitsInTheBackground(Good):
    async def apply(self, *_):
        async def leave():
            raise SystemExit(2)

        self.leaving = asyncio.get_running_loop().create_task(leave())
        await asyncio.Event().wait()


class AnswersOddly(Good):
    async def observe(self, *_):
        return {"demo.com": None}


class AnswersNothing(Good):
    async def apply(self, *_):
        pass


class ServesNothing(Good):
    """It says that it has reloaded, again and again."""

    async def apply(self, *_):
        return Outcome(reloaded=True)


class RaisesProblems(Good):
    def problems(self, *_):
        raise AttributeError("nope")


class HangsAtItsEnd(Good):
    async def observe(self, *_):
        raise ValueError("broken")

    async def close(self):
        await asyncio.Event().wait()


BAD = [
    RaisesWhenPrepared,
    RaisesWhenAsked,
    HangsWhenAsked,
    BlocksWhenAsked,
    RaisesWhenTold,
    HangsWhenTold,
    BlocksWhenTold,
    Exits,
    ExitsInTheBackground,
    AnswersOddly,
    AnswersNothing,
    ServesNothing,
    HangsAtItsEnd,
]


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    """Short bounds and pauses."""
    ON.clear()
    monkeypatch.setattr(guard_module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(guard_module, "LONGEST_PAUSE", 0.1)
    monkeypatch.setattr(driver_module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(driver_module, "LONGEST_PAUSE", 0.1)
    monkeypatch.setattr("interlock.plugins.building.CLOSE_SECONDS", 0.2)
    monkeypatch.setattr("interlock.host.apart.END_SECONDS", 0.2)
    yield
    ON.set()


class Yard:
    """Plugins and their drivers on one table of routes."""

    def __init__(self):
        self.table, self.problems = RouteTable(), {}
        self.drivers, self.guards, self.built, self.tasks = {}, {}, [], []

    def guard(self, build, *, is_ours=False, look_again=lambda: None):
        plugin = msgspec.structs.replace(dryrun.PLUGIN, name=build.__name__.lower(), build=self._noted(build))
        context = Context(
            name=plugin.name, settings=plugin.settings(), state_dir=Path(), run_dir=Path(), look_again=look_again
        )
        bounds = Bounds() if is_ours or build not in BAD else Bounds(prepare=1, look=1, apply=1)
        self.guards[build] = Guarded(plugin, context, self._report, is_ours=is_ours, bounds=bounds)
        return self.guards[build]

    def drive(self, build, *, is_ours=False):
        guard = self.guard(build, is_ours=is_ours, look_again=lambda: driver.look_at_everything())  # noqa: PLW0108 - made below
        driver = Driver(build.__name__, "1", guard, self.table, self._report)
        self.drivers[build] = driver

        async def work():
            while True:
                try:
                    await guard.prepare()
                except (TemporaryError, PermanentError):
                    await asyncio.sleep(0.01)
                else:
                    break
            await driver.run()

        self.tasks.append(asyncio.get_running_loop().create_task(work()))
        return guard

    def want(self, *containers):
        wanted = table_of(*containers)
        changed = set(self.table) | set(wanted)
        for match in list(self.table):
            self.table.drop(match)
        for route in wanted.values():
            self.table.put(route)
        for driver in self.drivers.values():
            driver.look(changed)

    async def close(self):
        for task in self.tasks:
            task.cancel()
        for driver in self.drivers.values():
            await driver.stop()
        async with asyncio.timeout(30):
            await asyncio.gather(*(guard.close() for guard in self.guards.values()))

    def _noted(self, build):
        def built(context):
            proxy = build(context)
            self.built.append(proxy)
            return proxy

        return built

    def _report(self, source, problems):
        self.problems[source] = [problem.sentence() for problem in problems]


@pytest.fixture
async def yard():
    made = Yard()
    yield made
    ON.set()
    await made.close()


async def until(true):
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - the condition is another task's
            await asyncio.sleep(0.002)


async def serves(guard, *names):
    async with asyncio.timeout(30):
        while True:
            serving = await guard.observe(None)
            if DEMO in serving and set(serving[DEMO].servers) == set(names):
                return
            await asyncio.sleep(0)


@pytest.mark.parametrize("bad", BAD)
async def test_a_bad_one_is_a_visible_problem_and_the_others_follow_every_change(yard, bad):
    ours = yard.drive(Good, is_ours=True)
    theirs = yard.drive(bad)
    replicas = []
    for number in range(1, 13):
        replicas.append(container(f"web_{number}", number=number))
        yard.want(*replicas)
        await serves(ours, *(replica.name for replica in replicas))
    await until(lambda: yard.problems.get(f"plugin {bad.__name__.lower()}"))
    await until(lambda: theirs.status.state is PluginState.RESTARTING)  # again and again
    yard.want(*replicas[:1])
    await serves(ours, "web_1")
    assert ours.status.state is PluginState.RUNNING
    assert f"plugin {Good.__name__.lower()}" not in yard.problems


@pytest.mark.parametrize("turns", [12])
async def test_a_good_drivers_turns_are_the_same_beside_one_that_hangs(turns):
    async def applied(*others):
        yard, steps = Yard(), []

        class Noting(Good):
            async def apply(self, orders, table):
                steps.extend(type(order).__name__ for order in orders)
                return await super().apply(orders, table)

        ours = yard.drive(Noting, is_ours=True)
        for other in others:
            yard.drive(other)
        for number in range(1, turns + 1):
            yard.want(*(container(f"web_{each}", number=each) for each in range(1, number + 1)))
            await serves(ours, *(f"web_{each}" for each in range(1, number + 1)))
        ON.set()
        await yard.close()
        return steps

    alone = await applied()
    ON.clear()
    assert await applied(BlocksWhenTold, HangsWhenAsked, RaisesWhenAsked, ServesNothing) == alone
    assert alone == ["Reload", *["AddServer"] * (turns - 1)]


async def test_one_that_is_right_lives_in_a_thread_of_its_own_and_is_not_noticed(yard):
    guard = yard.drive(Good)
    yard.want(container("web_1"))
    await serves(guard, "web_1")
    yard.want(container("web_1"), container("web_2", number=2))
    await serves(guard, "web_1", "web_2")
    assert (guard.status.state, guard.status.restarts, yard.problems.get("plugin good")) == (
        PluginState.RUNNING,
        0,
        None,
    )


async def test_a_fault_is_told_with_what_was_called_and_the_next_call_waits(yard, monkeypatch):
    monkeypatch.setattr(guard_module, "FIRST_PAUSE", 30.0)
    monkeypatch.setattr(guard_module, "LONGEST_PAUSE", 30.0)
    guard = yard.guard(RaisesWhenAsked)
    await guard.prepare()
    with capture_logs() as lines, pytest.raises(TemporaryError, match="observe raised ZeroDivisionError"):
        await guard.observe(None)
    assert "1/0 \\x1b" in lines[0]["event"]
    with pytest.raises(TemporaryError, match="left alone"):
        await guard.observe(None)
    assert guard.status.why == "observe raised ZeroDivisionError: 1/0 \\x1b"


async def test_after_some_faults_a_strangers_is_closed_and_built_anew_and_one_of_ours_never(yard):
    for is_ours in (True, False):
        yard.built.clear()
        guard = yard.guard(HangsAtItsEnd, is_ours=is_ours)
        await guard.prepare()
        for _ in range(20):
            with pytest.raises(TemporaryError):
                await guard.observe(None)
            await asyncio.sleep(0.02)
        assert (len(yard.built) == 1) is is_ours
        assert (guard.status.restarts == 0) is is_ours


async def test_one_that_exited_is_built_anew_at_once(yard):
    guard = yard.guard(Exits)
    await guard.prepare()
    for _ in range(2):
        with pytest.raises(TemporaryError, match="SystemExit"):
            await guard.observe(None)
        await asyncio.sleep(0.1)
    assert len(yard.built) == 2


async def test_a_problem_is_over_once_it_is_steady(yard, monkeypatch):
    monkeypatch.setattr(guard_module, "STEADY_SECONDS", 0.05)

    class Once(Good):
        async def sessions(self, *_):
            raise ValueError

    guard = yard.guard(Once)
    await guard.prepare()
    with pytest.raises(TemporaryError):
        await guard.sessions(DEMO)
    assert yard.problems["plugin once"]
    await asyncio.sleep(0.1)
    await guard.observe(None)
    assert yard.problems["plugin once"] == []
    assert guard.status.state is PluginState.RUNNING


async def test_what_it_says_by_itself_is_its_word_and_no_fault(yard):
    class Busy(Good):
        async def observe(self, *_):
            raise TemporaryError("not now")

    guard = yard.guard(Busy)
    await guard.prepare()
    for _ in range(5):
        with pytest.raises(TemporaryError, match="not now"):
            await guard.observe(None)
    assert (guard.status.state, guard.status.why) == (PluginState.RUNNING, "")


async def test_what_it_answers_at_once_may_raise_and_costs_the_answer_only(yard):
    guard = yard.guard(RaisesProblems)
    assert guard.problems(None) == ()
    await guard.prepare()
    assert guard.problems(None) == ()
    assert "problems raised AttributeError" in guard.status.why


async def test_one_that_is_built_wrongly_is_refused_with_the_right_signature(yard):
    class Wrong(Good):
        async def apply(self, steps):
            pass

    guard = yard.guard(Wrong)
    with pytest.raises(PermanentError, match=r"async def apply\(self, steps: Sequence\[Step\], table: RouteTable\)"):
        await guard.prepare()


async def test_a_reload_that_was_overtaken_is_no_lie(yard):
    guard = yard.guard(Good)
    await guard.prepare()
    table = table_of(container("web_1"))
    await guard.apply([Reload("new")], table)
    table.drop(DEMO)
    assert DEMO in await guard.observe(None)
    assert guard.status.why == ""


async def test_abilities_and_optional_talents_are_the_plugins_own(yard):
    class Able(Good):
        abilities = Abilities(live_servers=False)

        def seat(self, *_):
            return None

        def overdue(self):
            return "tidy up"

        async def traffic(self):
            return {}

    able, plain = yard.guard(Able), yard.guard(Good)
    assert able.abilities == Abilities()  # nobody knows them yet
    for guard in (able, plain):
        await guard.prepare()
    assert not able.abilities.live_servers
    assert (able.overdue(), plain.overdue()) == ("tidy up", "")
    assert (able.seat(DEMO, None), plain.seat(DEMO, None)) == (None, None)
    assert await able.traffic() == {}
    with pytest.raises(TemporaryError, match="does not count"):
        await plain.traffic()

"""Events become routes, probes, log lines and the drivers' backlogs."""

import asyncio
import logging

import pytest
import structlog
from structlog.testing import capture_logs

from interlock import reconciler as reconciler_module
from interlock.core.events import Listed, Lost, Placed, Recovered, Stopping, Vanished, View
from interlock.core.happenings import ContainerDamped, EventSeen
from interlock.core.model import Binding, Maintenance, Match, ServerState
from interlock.core.overrides import Overrides
from interlock.core.problems import Problem, Severity
from interlock.reconciler import Reconciler
from interlock.testing.worlds import ENGINE, changed, container, listed, placed, replaced

DEMO = Match("demo.interlock.com")


class PaperDriver:
    name = "paper"
    version = "1"

    def __init__(self):
        self.looked = []
        self.causes = []

    def look(self, matches, causes):
        self.looked.append(set(matches))
        self.causes += causes

    def look_at_everything(self, cause):
        self.looked.append("everything")
        self.causes.append(cause)


@pytest.fixture
async def bench():
    reconciler, driver = Reconciler([ENGINE]), PaperDriver()
    reconciler.attach(driver)
    running = asyncio.get_running_loop().create_task(reconciler.run())
    yield reconciler, driver
    await reconciler.stop()
    running.cancel()


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def eventually(true):
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - the condition is another task's
            await asyncio.sleep(0.01)


async def test_nothing_is_driven_before_every_engine_has_listed(bench):
    reconciler, driver = bench
    reconciler.post(placed())
    reconciler.post(changed(container()))
    await settle()
    assert driver.looked == []
    reconciler.post(listed(container()))
    await settle()
    assert driver.looked[0] == "everything"


async def test_events_that_queued_up_are_one_turn(bench):
    reconciler, driver = bench
    reconciler.post(listed())
    await settle()
    driver.looked.clear()
    for number in range(1, 6):
        reconciler.post(changed(container(f"web_{number}", number=number)))
    reconciler.post(Vanished(container(number=3).key))
    await settle()
    assert driver.looked == [{DEMO}]
    assert len(reconciler.routes.table[DEMO].backend.servers) == 0, "not placed yet: nobody is reachable"


async def test_a_fresh_container_is_probed_and_then_ready(bench):
    reconciler, _ = bench
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    young = container(
        attachments=(), bindings=(Binding(5000, "tcp", "127.0.0.1", port),), started_at="2999-01-01T00:00:00Z"
    )
    for event in (placed(), listed(), changed(young)):
        reconciler.post(event)
    await settle()
    assert reconciler.routes.table[DEMO].backend.servers[0].state is ServerState.PROBING
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", port)
    async with asyncio.timeout(5):
        while reconciler.routes.table[DEMO].backend.servers[0].state is not ServerState.READY:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)
    server.close()


async def test_the_log_tells_the_engines_story_and_each_dispatch(bench):
    reconciler, _ = bench
    with capture_logs() as lines:
        for event in (
            Recovered(ENGINE, "Docker 20.10, API 1.41"),
            placed(),
            listed(container()),
            Stopping(container().key),
            Stopping(container().key),
            Lost(ENGINE, "connection reset"),
        ):
            reconciler.post(event)
        await settle()
    told = [line["event"] for line in lines if line["log_level"] != "debug"]
    assert told[0] == "[interlock] engine docker answers: Docker 20.10, API 1.41"
    assert told[1] == "[interlock] engine docker listed 1 containers"
    assert told.count("[interlock] dispatching event to plugin: name=paper version=1") == 1
    assert "connection reset" in told[-1]


async def test_a_problem_is_told_once_when_it_comes_and_once_when_it_goes(bench):
    reconciler, _ = bench
    bad = container("bad", '{"hostname":"bad","domain":"x.com","port":"80"}', number=2)
    with capture_logs() as lines:
        for event in (placed(), listed(bad), listed(bad), changed(bad), Vanished(bad.key)):
            reconciler.post(event)
            await settle()
    told = [line["event"] for line in lines if "INTERLOCK_DATA.port" in line["event"]]
    assert len(told) == 2
    assert "fix:" in told[0]
    assert told[1].endswith("no longer a problem")


async def test_what_a_proxy_cannot_do_is_told_in_its_severity(bench):
    reconciler, _ = bench
    problem = Problem(container="", key="k", value="", what="w", fix="f", severity=Severity.WARNING)
    with capture_logs() as lines:
        reconciler.report("paper", [problem])
        reconciler.report("paper", [problem])
    assert [line["log_level"] for line in lines] == ["warning"]


async def test_an_order_reaches_the_drivers_and_its_end_is_told(bench):
    reconciler, driver = bench
    ends = []
    reconciler.on_orders_ended(lambda: ends.append(1))
    for event in (placed(), listed(container())):
        reconciler.post(event)
    await settle()
    driver.looked.clear()
    reconciler.order(Overrides().draining([container().key]).closed("a.com", Maintenance("m")))
    assert driver.looked == [{DEMO, Match("a.com")}]
    assert reconciler.routes.table[DEMO].backend.servers[0].state is ServerState.DRAINING
    assert ends == []
    reconciler.post(Vanished(container().key))
    await settle()
    assert ends == [1]
    assert reconciler.routes.world.overrides == Overrides().closed("a.com", Maintenance("m"))


async def test_what_engines_said_of_themselves_is_remembered(bench):
    reconciler, _ = bench
    assert reconciler.waiting_for == {ENGINE}
    for event in (Recovered(ENGINE, "Docker 20.10, API 1.41"), listed()):
        reconciler.post(event)
    await settle()
    assert reconciler.waiting_for == frozenset()
    assert reconciler.descriptions == {ENGINE: "Docker 20.10, API 1.41"}
    assert reconciler.listed_at.keys() == {ENGINE}
    assert reconciler.engines == (ENGINE,)


async def test_all_problems_are_known_whoever_has_them(bench):
    reconciler, _ = bench
    bad = container("bad", '{"hostname":"bad","domain":"x.com","port":"80"}', number=2)
    for event in (placed(), listed(bad)):
        reconciler.post(event)
    await settle()
    of_proxy = Problem(container="", key="k", value="", what="w", fix="f")
    reconciler.report("paper", [of_proxy])
    assert [problem.key for problem in reconciler.problems] == ["k", "INTERLOCK_DATA.port"]
    reconciler.report("paper", [])
    assert of_proxy not in reconciler.problems


async def test_a_container_that_keeps_ending_by_itself_is_named_and_waits(bench):
    reconciler, _ = bench
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    posted = []
    reconciler.bulletin.subscribe(posted.append)
    reconciler.post(placed())
    reconciler.post(listed())
    with capture_logs() as lines:
        for restarts in range(1, 6):
            again = container(
                attachments=(),
                bindings=(Binding(5000, "tcp", "127.0.0.1", port),),
                started_at=f"2999-01-01T00:00:0{restarts}Z",
                restarts=restarts,
            )
            reconciler.post(changed(again))
            await settle()
    (line,) = [line for line in lines if "again and again" in line["event"]]
    assert "docker logs web_1" in line["event"]
    assert reconciler.routes.table[DEMO].backend.servers[0].state is ServerState.PROBING
    reconciler.post(Vanished(container().key))
    await settle()
    assert [each.pause for each in posted if isinstance(each, ContainerDamped)] == [1.0, 0.0]
    server.close()


async def test_at_debug_it_is_said_once_where_a_container_is_reached_and_why(bench):
    reconciler, _ = bench
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    with capture_logs() as lines:
        for event in (placed(), listed(container()), changed(container(image="another"))):
            reconciler.post(event)
            await settle()
    told = [line["event"] for line in lines if "reached at" in line["event"]]
    assert told == ["[interlock] web_1: reached at 172.17.0.2:5000, its address on bridge, a local network"]


async def test_what_happens_is_posted_with_its_cause(bench):
    reconciler, driver = bench
    posted = []
    reconciler.bulletin.subscribe(posted.append)
    reconciler.post(placed())
    reconciler.post(listed(container()))
    reconciler.post(replaced(changed(container(number=2, name="web_2")), cause="start", at=12.5))
    reconciler.post(Vanished(container().key, "destroy", 13.5))
    await settle()
    seen = [each for each in posted if isinstance(each, EventSeen)]
    assert [(each.event, each.cause.action, each.cause.container, each.touched) for each in seen] == [
        ("Placed", "place", "", 0),
        ("Listed", "list", "", 1),
        ("Changed", "start", "web_2", 1),
        ("Vanished", "destroy", "web_1", 1),
    ]
    assert [each.cause.at for each in seen[2:]] == [12.5, 13.5]
    assert [cause.action for cause in driver.causes] == ["list", "list", "start", "destroy"]


async def test_an_event_that_changes_nothing_is_no_cause(bench):
    reconciler, driver = bench
    reconciler.post(listed(container()))
    await settle()
    driver.causes.clear()
    reconciler.post(changed(container()))
    await settle()
    assert driver.causes == []


async def test_problems_engines_and_orders_are_posted(bench):
    reconciler, driver = bench
    posted = []
    reconciler.bulletin.subscribe(posted.append)
    reconciler.post(placed())
    reconciler.post(listed(container(data="{")))
    reconciler.post(Lost(ENGINE, "gone"))
    reconciler.post(Recovered(ENGINE, "Docker 20"))
    await settle()
    reconciler.post(changed(container()))
    await settle()
    kinds = [type(each).__name__ for each in posted if not isinstance(each, EventSeen)]
    assert kinds == ["EngineLost", "EngineRecovered", "ProblemRaised", "ProblemSolved", "RoutesChanged"]
    assert posted[-1].routes == (DEMO,)
    reconciler.order(Overrides().draining([container().key]))
    assert driver.causes[-1].action == "order"


class TestAnEngineThatStaysAway:
    async def test_is_given_up_after_its_time_and_taken_back_when_it_speaks(self):
        reconciler, driver = Reconciler(["a", "b"], keep_lost=0.02), PaperDriver()
        reconciler.attach(driver)
        running = asyncio.get_running_loop().create_task(reconciler.run())
        for number, engine in enumerate(("a", "b"), 1):
            one = container(number=number, engine=engine)
            reconciler.post(Placed(View(engine=engine, local=True)))
            reconciler.post(Listed(engine, (replaced(one, started_at="2020-01-01T00:00:00Z"),)))
        await settle()
        assert states(reconciler) == {"a.web_1": "ready", "b.web_1": "ready"}
        with capture_logs() as logs:
            reconciler.post(Lost("b", "gone"))
            await eventually(lambda: states(reconciler)["b.web_1"] == "down")
        assert any("takes no more requests where others can" in line["event"] for line in logs)
        assert states(reconciler)["a.web_1"] == "ready"
        reconciler.post(Recovered("b", "Docker"))
        reconciler.post(Listed("b", (container(number=2, engine="b", started_at="2020-01-01T00:00:00Z"),)))
        await settle()
        assert states(reconciler) == {"a.web_1": "ready", "b.web_1": "ready"}
        running.cancel()

    async def test_is_kept_when_it_is_back_in_time(self, bench):
        reconciler, _ = bench
        reconciler._keep_lost = 0.02
        reconciler.post(placed())
        reconciler.post(listed(container()))
        reconciler.post(Lost(ENGINE, "gone"))
        await settle()
        reconciler.post(Recovered(ENGINE, "Docker"))
        posted = []
        reconciler.bulletin.subscribe(posted.append)
        await asyncio.sleep(0.05)
        assert "GivenUp" not in [each.event for each in posted if isinstance(each, EventSeen)]

    async def test_from_the_start_is_not_waited_for_for_ever(self, monkeypatch):
        monkeypatch.setattr(reconciler_module, "LATE", 0.02)
        reconciler, driver = Reconciler(["a", "b"]), PaperDriver()
        reconciler.attach(driver)
        running = asyncio.get_running_loop().create_task(reconciler.run())
        reconciler.post(Listed("a", ()))
        await settle()
        assert driver.looked == []
        await eventually(lambda: driver.looked)
        assert driver.looked == ["everything"]
        running.cancel()

    async def test_is_waited_for_when_it_is_the_only_one(self, monkeypatch):
        monkeypatch.setattr(reconciler_module, "LATE", 0.02)
        reconciler, driver = Reconciler(["a"]), PaperDriver()
        reconciler.attach(driver)
        running = asyncio.get_running_loop().create_task(reconciler.run())
        await asyncio.sleep(0.05)
        assert driver.looked == []
        assert reconciler.waiting_for == {"a"}
        running.cancel()


def states(reconciler):
    return {server.name: str(server.state) for server in reconciler.routes.table[DEMO].backend.servers}

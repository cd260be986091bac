"""One proxy's loop: live steps at once, one reload at a time, and every failure tried again."""

import asyncio

import pytest
from structlog.testing import capture_logs

from interlock import driver as driver_module
from interlock.bulletin import Bulletin
from interlock.core.happenings import MOST_CAUSES, Cause, PlanApplied, ReloadDone
from interlock.core.model import Match, Options, RouteTable
from interlock.core.plan import (
    Abilities,
    AddRoute,
    AddServer,
    DrainServer,
    EnableServer,
    Lead,
    MoveServer,
    Reload,
    RemoveRoute,
    RemoveServer,
    Served,
    ServingRoute,
    WeighServer,
    shape,
)
from interlock.core.problems import PermanentError, Problem, TemporaryError
from interlock.driver import Driver
from interlock.proxies.contract import Outcome, Refused
from interlock.testing.worlds import container, table_of

DEMO = Match("demo.interlock.com")
OTHER = Match("other.com")
OTHER_DATA = '{"hostname":"other.com","domain":"other.com"}'


class PaperProxy:
    """Serves on paper: does what each step says, and fails when it is told to."""

    abilities = Abilities()

    def __init__(self):
        self.serving = {}
        self.applied = []
        self.failures = []
        self.refuses = set()
        self.reload_may_end = asyncio.Event()
        self.reload_may_end.set()

    async def observe(self, matches):
        if self.failures:
            raise self.failures.pop(0)
        return {m: r for m, r in self.serving.items() if matches is None or m in matches}

    async def apply(self, steps, table):
        for step in steps:
            self.applied.append(type(step).__name__)
            if isinstance(step, Reload):
                return await self._reload(table)
            self._perform(step)
        return Outcome()

    def problems(self, route):
        if route is None or route.match != OTHER:
            return ()
        return (Problem(container="", key="k", value="", what="w", fix="f"),)

    def refresh(self):
        return "certificates changed"

    async def _reload(self, table):
        table = dict(table.items())  # rendered at the start, as a real one does
        await self.reload_may_end.wait()
        if self.failures:
            raise self.failures.pop(0)
        refused = [
            Refused(match=m, shape=shape(table[m].backend.options), why="no") for m in table if m in self.refuses
        ]
        for match, route in table.items():
            if match not in self.refuses:
                servers = {s.name: self._served(s) for s in route.backend.servers if s.state == "ready"}
                self.serving[match] = ServingRoute(
                    shape=shape(route.backend.options), leads=Lead.BACKEND, servers=servers
                )
        return Outcome(reloaded=True, refused=tuple(refused))

    @staticmethod
    def _served(server):
        return Served(endpoint=server.endpoint, weight=server.weight, takes_traffic=True)

    def _perform(self, step):
        now = self.serving[step.match]
        servers, leads = dict(now.servers), now.leads
        match step:
            case AddServer(server=s) | MoveServer(server=s) | EnableServer(server=s):
                servers[s.name] = self._served(s)
            case RemoveServer(name=name) | DrainServer(name=name):
                servers.pop(name)
            case WeighServer():
                pass
            case AddRoute() | RemoveRoute():
                leads = Lead.BACKEND if isinstance(step, AddRoute) else Lead.NOWHERE
        self.serving[step.match] = ServingRoute(shape=now.shape, leads=leads, servers=servers)

    async def sessions(self, match):
        return dict.fromkeys(self.serving[match].servers, 2)


@pytest.fixture
def paper(request):
    """The proxy; a test asks for another class of it by parametrising this."""
    return getattr(request, "param", PaperProxy)()


@pytest.fixture
async def bench(monkeypatch, paper):
    """A driver at work on a table that the test changes."""
    monkeypatch.setattr(driver_module, "FIRST_PAUSE", 0.001)
    proxy, table, reports = paper, RouteTable(), {}
    bulletin, posted = Bulletin(), []
    bulletin.subscribe(posted.append)
    driver = Driver(
        "paper",
        "1",
        proxy,
        table,
        lambda source, problems: reports.__setitem__(source, tuple(problems)),
        bulletin=bulletin,
    )
    running = asyncio.get_running_loop().create_task(driver.run())

    class Bench:
        pass

    made = Bench()
    made.proxy, made.table, made.driver, made.reports, made.posted = proxy, table, driver, reports, posted
    yield made
    await driver.stop()
    running.cancel()


def want(bench, *containers, causes=()):
    wanted = table_of(*containers)
    changed = set(bench.table) | set(wanted)
    for match in list(bench.table):
        bench.table.drop(match)
    for route in wanted.values():
        bench.table.put(route)
    bench.driver.look(changed, causes)


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the condition is another task's
            await asyncio.sleep(0.001)


def serves(bench, match, *names):
    return match in bench.proxy.serving and set(bench.proxy.serving[match].servers) == set(names)


async def test_a_new_site_is_one_reload_and_a_replica_none(bench):
    want(bench, container("web_1"))
    await until(lambda: serves(bench, DEMO, "web_1"))
    want(bench, container("web_1"), container("web_2", number=2))
    await until(lambda: serves(bench, DEMO, "web_1", "web_2"))
    assert bench.proxy.applied == ["Reload", "AddServer"]
    assert bench.driver.reloads == 1
    await until(bench.driver.served_once.is_set)


def cause(action):
    return Cause(action=action, at=1.0, engine="docker", container="web_1")


async def test_a_reload_and_live_steps_are_posted_with_what_they_are_for(bench):
    want(bench, container("web_1"), causes=[cause("start")])
    await until(lambda: serves(bench, DEMO, "web_1"))
    await until(lambda: bench.posted)
    want(bench, container("web_1"), container("web_2", number=2), causes=[cause("start"), cause("health_status")])
    await until(lambda: len(bench.posted) == 2)
    reloaded, applied = bench.posted
    assert (type(reloaded), reloaded.reason, reloaded.routes) == (ReloadDone, "new site demo.interlock.com", (DEMO,))
    assert (type(applied), [type(step) for step in applied.steps]) == (PlanApplied, [AddServer])
    assert reloaded.causes == (cause("start"),)
    assert applied.causes == (cause("start"), cause("health_status"))


async def test_what_fails_is_posted_and_keeps_its_causes(bench):
    bench.proxy.failures = [TemporaryError("no answer")]
    bench.proxy.reload_may_end.clear()
    want(bench, container("web_1"), causes=[cause("start")])
    await until(lambda: "Reload" in bench.proxy.applied)
    bench.proxy.failures = [TemporaryError("old worker still answers")]
    bench.proxy.reload_may_end.set()
    await until(lambda: serves(bench, DEMO, "web_1"))
    *failed, reloaded = bench.posted
    assert [(each.error, each.reason) for each in failed] == [
        ("no answer", ""),
        ("old worker still answers", "new site demo.interlock.com"),
    ]
    assert {each.causes for each in bench.posted} == {(cause("start"),)}
    assert isinstance(reloaded, ReloadDone)


async def test_causes_wait_for_a_reload_under_way(bench):
    bench.proxy.reload_may_end.clear()
    want(bench, container("web_1"), causes=[cause("start")])
    await until(lambda: "Reload" in bench.proxy.applied)
    want(bench, container("web_1"), container("o", OTHER_DATA, number=3), causes=[cause("unpause")])
    await asyncio.sleep(0.01)
    bench.proxy.reload_may_end.set()
    await until(lambda: len(bench.posted) == 2)
    assert [each.causes for each in bench.posted] == [(cause("start"),), (cause("unpause"),)]


async def test_of_a_burst_the_first_causes_are_kept(bench):
    bench.driver.look([DEMO], [cause(str(number)) for number in range(2 * MOST_CAUSES)])
    bench.driver.look([DEMO], [cause("late")])
    assert [each.action for each in bench.driver._causes] == [str(number) for number in range(MOST_CAUSES)]


async def test_live_steps_do_not_wait_for_a_reload(bench):
    want(bench, container("web_1"))
    await until(lambda: serves(bench, DEMO, "web_1"))
    bench.proxy.reload_may_end.clear()
    want(bench, container("web_1"), container("o", OTHER_DATA, number=3))
    await until(lambda: bench.proxy.applied.count("Reload") == 2)
    want(bench, container("web_1"), container("web_2", number=2), container("o", OTHER_DATA, number=3))
    await until(lambda: serves(bench, DEMO, "web_1", "web_2"))
    assert OTHER not in bench.proxy.serving
    bench.proxy.reload_may_end.set()
    await until(lambda: serves(bench, OTHER, "o"))
    assert bench.proxy.applied.count("Reload") == 2, "what came meanwhile started no second one"


async def test_a_site_that_comes_during_a_reload_gets_the_next_one(bench):
    bench.proxy.reload_may_end.clear()
    want(bench, container("web_1"))
    await until(lambda: "Reload" in bench.proxy.applied)
    want(bench, container("web_1"), container("o", OTHER_DATA, number=3))
    bench.proxy.reload_may_end.set()
    await until(lambda: serves(bench, DEMO, "web_1") and serves(bench, OTHER, "o"))


async def test_a_failure_is_tried_again_with_what_is_wanted_by_then(bench):
    bench.proxy.failures = [TemporaryError("no answer"), TemporaryError("no answer")]
    with capture_logs() as lines:
        want(bench, container("web_1"))
        want(bench, container("web_2", number=2))
        await until(lambda: serves(bench, DEMO, "web_2"))
    assert sum("no answer" in line["event"] for line in lines) == 2


async def test_a_failed_reload_is_tried_again(bench):
    bench.proxy.reload_may_end.clear()
    want(bench, container("web_1"))
    await until(lambda: "Reload" in bench.proxy.applied)
    bench.proxy.failures = [TemporaryError("old worker still answers")]
    with capture_logs() as lines:
        bench.proxy.reload_may_end.set()
        await until(lambda: serves(bench, DEMO, "web_1"))
    assert "error reloading" in lines[0]["event"]
    assert bench.driver.reloads == 1


async def test_live_failures_in_a_row_end_in_a_reload(bench):
    want(bench, container("web_1"))
    await until(lambda: serves(bench, DEMO, "web_1"))
    bench.proxy.failures = [TemporaryError("refused")] * driver_module.RUNTIME_FAILURES
    want(bench, container("web_1"), container("web_2", number=2))
    await until(lambda: bench.proxy.applied.count("Reload") == 2)
    await until(lambda: serves(bench, DEMO, "web_1", "web_2"))


async def test_what_is_refused_is_named_once_and_costs_nobody_else(bench):
    bench.proxy.refuses = {OTHER}
    with capture_logs() as lines:
        want(bench, container("web_1"), container("o", OTHER_DATA, number=3))
        await until(lambda: serves(bench, DEMO, "web_1"))
        await until(bench.driver.served_once.is_set)
        want(bench, container("web_2", number=2), container("o", OTHER_DATA, number=3))
        await until(lambda: serves(bench, DEMO, "web_2"))
    assert bench.driver.reloads == 1
    assert [line["event"] for line in lines if "refused" in line["event"]] == [
        "[paper] other.com: the proxy's check refused it, so it is left out: no"
    ]


async def test_a_restarted_proxy_is_looked_at_as_a_whole(bench):
    want(bench, container("web_1"), container("o", OTHER_DATA, number=3))
    await until(lambda: serves(bench, DEMO, "web_1") and serves(bench, OTHER, "o"))
    bench.proxy.serving[DEMO] = ServingRoute(shape=shape(Options()), leads=Lead.BACKEND, servers={})
    bench.driver.look_at_everything()
    await until(lambda: serves(bench, DEMO, "web_1"))


async def test_changed_certificates_are_a_reload(bench):
    want(bench, container("web_1"))
    await until(lambda: serves(bench, DEMO, "web_1"))
    bench.driver.refresh()
    await until(lambda: bench.driver.reloads == 2)


async def test_problems_are_reported_by_route_and_taken_back(bench):
    want(bench, container("o", OTHER_DATA, number=3))
    await until(lambda: bench.reports.get("paper other.com"))
    want(bench)
    await until(lambda: bench.reports["paper other.com"] == ())


async def test_the_log_tells_who_came_and_who_went(bench):
    with capture_logs() as lines:
        want(bench, container("web_1"))
        await until(lambda: serves(bench, DEMO, "web_1"))
        want(bench, container("web_2", number=2))
        await until(lambda: serves(bench, DEMO, "web_2"))
        want(bench)
        await until(lambda: bench.proxy.serving[DEMO].leads is Lead.NOWHERE)
    told = [line["event"] for line in lines if line["log_level"] == "info"]
    assert told == [
        "[paper] demo.interlock.com: upstream=172.17.0.2:5000 container=web_1",
        "[paper] proxy reloaded and ready",
        "[paper] demo.interlock.com: upstream=172.17.0.3:5000 container=web_2",
        "[paper] demo.interlock.com: removed container=web_1",
        "[paper] demo.interlock.com: removed",
        "[paper] demo.interlock.com: removed container=web_2",
    ]


async def is_late(caught_up):
    """Whether this is still waited for after everything else had its turn."""
    for _ in range(20):
        await asyncio.sleep(0)
    return not caught_up.done()


async def test_who_waits_for_an_order_waits_for_the_turn_that_performs_it(bench):
    want(bench, container("web_1"))
    await until(lambda: serves(bench, DEMO, "web_1"))
    bench.proxy.failures = [TemporaryError("no answer")]
    want(bench, container("web_2", number=2))
    await asyncio.wait_for(bench.driver.caught_up(), 5)
    assert serves(bench, DEMO, "web_2")
    await asyncio.wait_for(bench.driver.caught_up(), 5)


async def test_who_waits_for_an_order_waits_for_a_reload_that_was_rendered_before_it(bench):
    want(bench, container("web_1"))
    await until(lambda: serves(bench, DEMO, "web_1"))
    bench.proxy.reload_may_end.clear()
    want(bench, container("web_1"), container("o", OTHER_DATA, number=3))
    await until(lambda: bench.proxy.applied.count("Reload") == 2)
    want(bench, container("web_2", number=2), container("o", OTHER_DATA, number=3))
    waiting = asyncio.get_running_loop().create_task(bench.driver.caught_up())
    await until(lambda: serves(bench, DEMO, "web_2"))
    assert await is_late(waiting)
    bench.proxy.reload_may_end.set()
    await asyncio.wait_for(waiting, 5)
    assert serves(bench, DEMO, "web_2")


async def test_nobody_waits_for_a_reload_that_failed_and_rests(bench, monkeypatch):
    monkeypatch.setattr(driver_module, "FIRST_PAUSE", 60.0)
    bench.proxy.reload_may_end.clear()
    want(bench, container("web_1"))
    await until(lambda: "Reload" in bench.proxy.applied)
    bench.proxy.failures = [PermanentError("disk full")]
    bench.proxy.reload_may_end.set()
    await until(lambda: bench.driver.error)
    assert bench.driver.error == "disk full"
    await asyncio.wait_for(bench.driver.caught_up(), 5)


async def test_a_turn_that_succeeds_takes_the_error_back(bench):
    bench.proxy.failures = [TemporaryError("no answer")]
    want(bench, container("web_1"))
    await until(lambda: bench.driver.error == "no answer")
    await until(lambda: serves(bench, DEMO, "web_1"))
    await until(lambda: bench.driver.error == "")


async def test_looking_asks_the_proxy(bench):
    want(bench, container("web_1"))
    await until(lambda: serves(bench, DEMO, "web_1"))
    assert (await bench.driver.observe([DEMO]))[DEMO].servers.keys() == {"web_1"}
    assert await bench.driver.sessions(DEMO) == {"web_1": 2}


def probing(name, number):
    """A container that runs but has not answered anybody yet."""
    return container(name, number=number, started_at="2999-01-01T00:00:00Z")


async def test_a_server_that_still_waits_for_its_probe_costs_one_look_ahead_and_no_second_one(bench):
    want(bench, container("web_1"))
    await until(lambda: serves(bench, DEMO, "web_1"))
    await bench.driver.caught_up()
    want(bench, container("web_1"), probing("web_2", 2))
    await bench.driver.caught_up()
    bench.proxy.failures = [TemporaryError("asked again although it had just been looked at")]
    want(bench, container("web_1"), container("web_2", number=2))
    await until(lambda: serves(bench, DEMO, "web_1", "web_2"))
    assert len(bench.proxy.failures) == 1


async def test_what_was_seen_ahead_is_not_believed_for_long(bench, monkeypatch):
    monkeypatch.setattr(driver_module, "OBSERVED_SECONDS", 0.0)
    want(bench, container("web_1"))
    await until(lambda: serves(bench, DEMO, "web_1"))
    want(bench, container("web_1"), probing("web_2", 2))
    await bench.driver.caught_up()
    bench.proxy.failures = [TemporaryError("asked again")]
    want(bench, container("web_1"), container("web_2", number=2))
    await until(lambda: serves(bench, DEMO, "web_1", "web_2"))
    assert not bench.proxy.failures


async def test_a_server_that_leaves_while_another_waits_for_its_probe_leaves_at_once(bench):
    want(bench, container("web_1"), container("web_3", number=3))
    await until(lambda: serves(bench, DEMO, "web_1", "web_3"))
    want(bench, container("web_1"), probing("web_2", 2))
    await until(lambda: serves(bench, DEMO, "web_1"))


async def test_hundreds_of_new_sites_are_one_reload(bench):
    data = '{{"hostname":"h{0}","domain":"example.com"}}'
    want(bench, *(container(f"web_{number}", data.format(number), number=number) for number in range(1, 200)))
    await until(lambda: len(bench.proxy.serving) == 199)
    assert bench.proxy.applied.count("Reload") == 1


class SeatingProxy(PaperProxy):
    """One that has a spare backend for a new route."""

    def __init__(self):
        super().__init__()
        self.due = ""
        self.spares = 1

    def seat(self, match, options):
        if not self.spares:
            return None
        self.spares -= 1
        self.serving[match] = ServingRoute(shape=shape(options), leads=Lead.NOWHERE, servers={})
        return self.serving[match]

    def overdue(self):
        return self.due

    async def _reload(self, table):
        self.due = ""
        return await super()._reload(table)


@pytest.mark.parametrize("paper", [SeatingProxy], indirect=True)
async def test_a_new_site_after_the_start_is_seated_and_one_without_a_spare_is_a_reload(bench):
    want(bench, container("web_1"))
    await until(lambda: serves(bench, DEMO, "web_1"))
    await until(bench.driver.served_once.is_set)
    assert bench.proxy.applied == ["Reload"], "at the start there is one anyway"
    want(bench, container("web_1"), container("o", OTHER_DATA, number=3))
    await until(lambda: serves(bench, OTHER, "o"))
    assert bench.proxy.applied == ["Reload", "AddServer", "AddRoute"]
    third = '{"hostname":"third.com","domain":"third.com"}'
    want(bench, container("web_1"), container("o", OTHER_DATA, number=3), container("t", third, number=4))
    await until(lambda: serves(bench, Match("third.com"), "t"))
    assert bench.proxy.applied[3:] == ["Reload"]


@pytest.mark.parametrize("paper", [SeatingProxy], indirect=True)
async def test_a_reload_that_nothing_waits_for_is_made_when_it_is_due_and_told_otherwise(bench):
    want(bench, container("web_1"))
    await until(lambda: serves(bench, DEMO, "web_1"))
    await bench.driver.caught_up()
    with capture_logs() as lines:
        bench.proxy.due = "tidiness"
        bench.driver.look_at_everything()
        await until(lambda: bench.proxy.applied == ["Reload", "Reload"])
        await until(lambda: any(line.get("reason") == "tidiness" for line in lines))
    (told,) = (line["event"] for line in lines if line.get("reason") == "tidiness" and line["log_level"] == "info")
    assert "tidied up" in told

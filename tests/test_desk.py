"""Orders are checked, put in force, confirmed and kept; what goes on is told."""

import asyncio
import json
import stat
import time
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from interlock import desk as desk_module
from interlock.core.events import Held, Lost, Recovered, Vanished
from interlock.core.model import Match, Phase, ServerState
from interlock.core.plan import Lead, Served, ServingRoute, shape
from interlock.core.problems import PermanentError, TemporaryError
from interlock.core.targets import UnknownTargetError
from interlock.desk import Desk
from interlock.history import History
from interlock.reconciler import Reconciler
from interlock.testing.worlds import ENGINE, changed, container, listed, placed

DEMO = Match("demo.interlock.com")
WEB = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}


class PaperDriver:
    """Serves at once whatever is wanted."""

    name = "paper"
    version = "1"
    reloads = 3
    error = ""

    def __init__(self, table):
        self._table = table
        self.served_once = asyncio.Event()
        self.under_way = {}
        self.may_catch_up = asyncio.Event()
        self.may_catch_up.set()

    def look(self, matches, causes):
        pass

    def look_at_everything(self, cause):  # noqa: ARG002 - for whoever tells of it
        self.served_once.set()

    async def caught_up(self):
        await self.may_catch_up.wait()

    async def observe(self, matches):
        return {
            match: ServingRoute(
                shape=shape(route.backend.options),
                leads=Lead.BACKEND,
                servers={
                    server.name: Served(
                        endpoint=server.endpoint,
                        weight=server.weight,
                        takes_traffic=server.state is ServerState.READY,
                    )
                    for server in route.backend.servers
                },
            )
            for match, route in self._table.items()
            if match in matches
        }

    async def sessions(self, _match):
        return self.under_way


class Office:
    """A desk with everything that it needs around it."""

    def __init__(self, file):
        self.file = file
        self.reconciler = Reconciler([ENGINE])
        self.driver = PaperDriver(self.reconciler.routes.table)
        self.reconciler.attach(self.driver)
        self.held = []
        self.history = History(self.reconciler.routes.table, keep=10)
        self.desk = Desk(
            self.reconciler,
            [self.driver],
            file,
            stale_after=60,
            history=self.history,
            confirm=lambda: self.held,
        )

    async def hear(self, *events):
        for event in events:
            self.reconciler.post(event)
        for _ in range(5):
            await asyncio.sleep(0)

    def server(self, name, match=DEMO):
        return next(each for each in self.reconciler.routes.table[match].backend.servers if each.name == name)

    @property
    def kept(self):
        return json.loads(self.file.read_text())


@pytest.fixture
async def new_office(tmp_path):
    running = []

    def new():
        office = Office(tmp_path / "overrides.json")
        office.desk.open()
        works = (office.reconciler.run(), office.desk.run())
        running.extend(asyncio.get_running_loop().create_task(work) for work in works)
        return office

    yield new
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


@pytest.fixture
async def office(new_office):
    made = new_office()
    long_ago = {"started_at": "2020-01-01T00:00:00Z"}
    await made.hear(
        Recovered(ENGINE, "Docker 20.10, API 1.41"),
        placed(),
        listed(
            container("web_1", number=1, labels=WEB, **long_ago),
            container("web_2", number=2, labels=WEB, **long_ago),
            container("db_1", None, number=3),
        ),
    )
    return made


async def test_a_drained_container_is_out_of_rotation_when_the_receipt_comes(office):
    office.driver.under_way = {"web_1": 2}
    receipt = await office.desk.drain("web_1")
    (told,) = receipt.containers
    assert (told.name, told.drained, told.in_rotation, told.sessions) == ("web_1", True, False, 2)
    assert (receipt.routes, receipt.warnings) == (("demo.interlock.com",), ())
    assert office.server("web_1").state is ServerState.DRAINING
    assert office.kept["drained"] == [[ENGINE, container(number=1).id]]
    (told,) = (await office.desk.undrain("web_1")).containers
    assert (told.drained, told.in_rotation) == (False, True)
    assert office.kept["drained"] == []


async def test_the_last_server_of_a_site_may_be_drained_but_not_silently(office):
    receipt = await office.desk.drain("web")
    assert [each.name for each in receipt.containers] == ["web_1", "web_2"]
    assert receipt.warnings == ("demo.interlock.com has no server left that takes requests, and answers 503",)
    receipt = await office.desk.drain("db_1")
    assert receipt.warnings == ("db_1 takes part in no route",)


async def test_a_service_is_weighed_for_good_and_a_container_for_itself(office):
    receipt = await office.desk.weigh("web", 0)
    assert {each.weight for each in receipt.containers} == {0}
    assert len(receipt.warnings) == 1
    await office.desk.weigh("web_1", 7)
    await office.hear(changed(container("web_9", number=9, labels=WEB)))
    assert [office.server(name).weight for name in ("web_1", "web_2", "web_9")] == [7, 0, 0]
    await office.desk.weigh("web", None)
    await office.desk.weigh("web_1", None)
    assert [office.server(name).weight for name in ("web_1", "web_2", "web_9")] == [100, 100, 100]
    with pytest.raises(PermanentError, match="use 0 to 256"):
        await office.desk.weigh("web", 300)


async def test_a_service_is_weighed_before_it_is_there_and_after_it_has_gone(office):
    receipt = await office.desk.weigh("green/web", 0)
    assert receipt.warnings == ("no container of green/web runs now; the order counts for those to come",)
    green = WEB | {"com.docker.compose.project": "green"}
    await office.hear(changed(container("green_web_1", number=9, labels=green)))
    assert office.server("green_web_1").weight == 0
    await office.hear(Vanished(container(number=9).key))
    with pytest.raises(UnknownTargetError):
        await office.desk.weigh("yellow", 3)
    await office.desk.weigh("green/web", None)
    assert office.kept["service_weights"] == []


async def test_a_host_is_closed_and_opened_again(office):
    receipt = await office.desk.close("Demo.Interlock.com", "Back soon", "")
    assert (receipt.routes, receipt.warnings) == (("demo.interlock.com",), ())
    assert office.reconciler.routes.table[DEMO].maintenance.message == "Back soon"
    assert office.kept["maintenance"] == {"demo.interlock.com": {"message": "Back soon", "until": ""}}
    await office.desk.reopen("demo.interlock.com")
    assert office.reconciler.routes.table[DEMO].maintenance is None


async def test_a_host_that_nobody_asks_for_is_closed_with_a_warning(office):
    receipt = await office.desk.close("demi.interlock.com", "", "")
    assert receipt.warnings == (
        "no container asks for demi.interlock.com now; it is closed all the same; did you mean demo.interlock.com?",
    )
    with pytest.raises(PermanentError, match="is not under maintenance") as refused:
        await office.desk.reopen("demii.interlock.com")
    assert refused.value.fix == "did you mean demi.interlock.com?"
    await office.desk.reopen("demi.interlock.com")
    with pytest.raises(PermanentError) as refused:
        await office.desk.reopen("demi.interlock.com")
    assert refused.value.fix == "nothing to do"


async def test_a_maintenance_ends_at_its_time(office):
    soon = datetime.now(UTC) + timedelta(seconds=1.2)
    await office.desk.close("demo.interlock.com", "", soon.isoformat())
    with capture_logs() as lines:
        async with asyncio.timeout(20):
            while office.reconciler.routes.table[DEMO].maintenance is not None:  # noqa: ASYNC110 - the clock's event
                await asyncio.sleep(0.02)
    assert datetime.now(UTC) >= soon.replace(microsecond=0)
    assert [line["event"] for line in lines] == ["[interlock] the maintenance of demo.interlock.com is over"]
    assert office.kept["maintenance"] == {}


async def test_the_names_that_an_order_can_be_about_are_told(office):
    names = office.desk.names()
    assert (names.containers, names.services) == (("db_1", "web_1", "web_2"), ("web",))
    assert names.hosts == ("demo.interlock.com",)


async def test_orders_survive_a_restart_and_those_for_the_gone_do_not(office, new_office):
    await office.desk.drain("web_1")
    await office.desk.weigh("web_2", 5)
    await office.desk.weigh("web", 50)
    await office.desk.close("demo.interlock.com", "", "")
    assert stat.S_IMODE(office.file.stat().st_mode) == 0o600
    again = new_office()
    assert again.desk.status().orders.drained == (container(number=1).id,), "nobody has told its name yet"
    await again.hear(placed(), listed(container("web_2", number=2, labels=WEB, phase=Phase.EXITED)))
    orders = again.desk.status().orders
    assert (orders.drained, [(each.target, each.weight) for each in orders.weights]) == (
        (),
        [("shop/web", 50), ("web_2", 5)],
    )
    assert again.kept["drained"] == []
    await again.hear(Vanished(container(number=2).key))
    assert again.kept["weights"] == []
    assert again.kept["service_weights"] == [{"project": "shop", "service": "web", "weight": 50}]
    assert again.reconciler.routes.table[DEMO].maintenance is not None


async def test_a_damaged_file_is_told_of_and_does_not_stop_anybody(new_office, tmp_path):
    (tmp_path / "overrides.json").write_text("{")
    with capture_logs() as lines:
        office = new_office()
    assert "the operator's orders are lost" in lines[0]["event"]
    assert office.desk.status().orders.drained == ()


async def test_an_order_that_cannot_be_kept_is_in_force_all_the_same(office):
    office.desk._file = office.file.parent / "missing" / "overrides.json"
    receipt = await office.desk.drain("web_1")
    assert office.server("web_1").state is ServerState.DRAINING
    assert receipt.warnings[0].startswith("the order would not survive a restart of Interlock")


async def test_an_order_that_a_proxy_does_not_confirm_is_no_success(office, monkeypatch):
    monkeypatch.setattr(desk_module, "CONFIRM_SECONDS", 0.01)
    office.driver.may_catch_up.clear()
    with pytest.raises(TemporaryError, match="paper did not confirm"):
        await office.desk.drain("web_1")
    assert office.server("web_1").state is ServerState.DRAINING


async def test_nobody_is_found_before_the_engine_has_spoken_but_hosts_are_closed(new_office):
    office = new_office()
    with pytest.raises(TemporaryError, match="engine docker has not told"):
        await office.desk.drain("web_1")
    receipt = await office.desk.close("demo.interlock.com", "", "")
    assert receipt.warnings[-1] == "it takes effect once every engine has told what it runs"


async def test_unknown_names_and_services_without_containers_are_refused(office):
    with pytest.raises(UnknownTargetError, match="web_7"):
        await office.desk.drain("web_7")
    await office.hear(
        *(changed(container(f"web_{n}", number=n, labels=WEB, phase=Phase.EXITED)) for n in (1, 2)),
    )
    with pytest.raises(PermanentError, match="no container of shop/web runs"):
        await office.desk.drain("web")


async def test_a_container_is_shown_with_its_places_and_what_the_proxies_say(office):
    office.driver.under_way = {"web_2": 1}
    (shown,) = await office.desk.containers("web_2")
    (place,) = shown.places
    assert (place.host, place.path, place.server, place.state) == ("demo.interlock.com", "/", "web_2", "ready")
    assert (place.in_rotation, place.sessions, shown.project, shown.service) == (True, 1, "shop", "web")
    (shown,) = await office.desk.containers("db_1")
    assert (shown.places, shown.in_rotation) == ((), False)


async def test_the_status_counts_and_says_why_it_is_not_ready(new_office, office):
    told = office.desk.status()
    assert told.ready
    assert (told.routes, told.servers) == (1, {ServerState.READY: 2})
    (engine,) = told.engines
    assert (engine.name, engine.description, engine.containers, engine.lost) == (
        ENGINE,
        "Docker 20.10, API 1.41",
        3,
        "",
    )
    (proxy,) = told.proxies
    assert (proxy.name, proxy.ready, proxy.reloads, proxy.error) == ("paper", True, 3, "")
    fresh = new_office()
    fresh.driver.error = "no port"
    await fresh.hear(Lost(ENGINE, "connection refused"))
    told = fresh.desk.status()
    assert (told.ready, told.seconds_since_reconcile) == (False, None)
    assert told.not_ready_because == (
        "engine docker has not told yet what it runs: connection refused",
        "paper does not serve yet what the engines run: no port",
    )


async def test_an_engine_that_has_long_told_nothing_makes_it_unready(office):
    office.reconciler.listed_at[ENGINE] = time.monotonic() - 61
    told = office.desk.status()
    assert not told.ready
    assert told.not_ready_because == ("engine docker has told nothing for 61 s",)


async def test_routes_are_shown_with_their_problems(office):
    bad = container("bad", '{"hostname":"bad","domain":"x.com","port":"80"}', number=8)
    await office.hear(changed(bad))
    told = office.desk.routes()
    assert [(route.host, len(route.servers)) for route in told.routes] == [("bad.x.com", 1), (DEMO.host, 2)]
    assert told.problems == office.desk.status().problems
    assert [problem.container for problem in told.problems] == ["bad"]


class TestAListThatIsHeld:
    async def test_is_told(self, office):
        await office.hear(Held(ENGINE, "it has 0 of 3"))
        assert office.desk.status().engines[0].held == "it has 0 of 3"

    async def test_is_believed_when_the_second_one_has_come(self, office):
        await office.hear(Held(ENGINE, "it has 0 of 3"))
        office.held = [ENGINE]
        confirmed = asyncio.get_running_loop().create_task(office.desk.confirm())
        await asyncio.sleep(0.01)
        assert not confirmed.done()
        await office.hear(listed())
        assert (await asyncio.wait_for(confirmed, 30)).engines == (ENGINE,)
        assert office.desk.status().engines[0].held == ""

    async def test_that_does_not_come_is_told(self, office, monkeypatch):
        monkeypatch.setattr(desk_module, "CONFIRM_SECONDS", 0.02)
        await office.hear(Held(ENGINE, "it has 0 of 3"))
        office.held = [ENGINE]
        with pytest.raises(TemporaryError, match="has not listed again yet"):
            await office.desk.confirm()

    async def test_there_must_be_one(self, office):
        with pytest.raises(PermanentError, match="no engine's list is held"):
            await office.desk.confirm()

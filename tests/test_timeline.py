"""Going back to a revision and staying where we are: what is ordered, what is told, what a restart keeps."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from interlock.core.happenings import PlanApplied
from interlock.core.problems import PermanentError
from interlock.core.revisions import UnknownRevisionError
from interlock.desk import Desk
from interlock.history import History
from interlock.reconciler import Reconciler
from interlock.testing.worlds import ENGINE, container, listed, placed

LONG_AGO = {"started_at": "2020-01-01T00:00:00Z"}


def asking(name, number, host="a.com"):
    return container(name, f'{{"hostname":"{host}","domain":"{host}"}}', number=number, **LONG_AGO)


class Office:
    """A reconciler, its history, and a desk; a proxy that confirms whatever is wanted."""

    def __init__(self, file):
        self.file = file
        self.reconciler = Reconciler([ENGINE])
        self.history = History(self.reconciler.routes.table, keep=50)
        self.reconciler.bulletin.subscribe(self.history.hear)
        self.desk = Desk(self.reconciler, [], file, stale_after=60, history=self.history)
        self.timeline = self.desk.timeline

    async def run(self, *containers):
        """A list that says so; the number of the revision that comes of it."""
        self.reconciler.post(listed(*containers))
        async with asyncio.timeout(10):
            while self.reconciler._events:  # noqa: ASYNC110 - its own queue is what is waited for
                await asyncio.sleep(0)
        self.history.hear(PlanApplied(at=0.0, proxy="paper", causes=(), steps=(), seconds=0.0))
        return self.history.ledger.next_number - 1

    @property
    def served(self):
        table = self.reconciler.routes.table
        return {str(match): [server.name for server in table[match].backend.servers] for match in table}

    @property
    def orders(self):
        return self.desk.status().orders


@pytest.fixture
async def new_office(tmp_path):
    running = []

    def new():
        office = Office(tmp_path / "overrides.json")
        office.desk.open()
        works = (office.desk.run(), office.reconciler.run())
        running.extend(asyncio.get_running_loop().create_task(work) for work in works)
        office.reconciler.post(placed())
        return office

    yield new
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


@pytest.fixture
async def office(new_office):
    return new_office()


async def test_a_rollback_serves_the_containers_of_then_and_unpin_those_of_now(office):
    good = await office.run(asking("a_1", 1))
    await office.run(asking("a_1", 1), asking("a_2", 2))
    receipt = await office.timeline.rollback(good, "")
    assert (receipt.routes, receipt.warnings) == (("a.com",), ())
    assert office.served == {"a.com": ["a_1"]}
    assert (office.orders.pin.revision, office.orders.pin.routes, office.orders.pin.until) == (good, 1, "")
    assert (await office.timeline.unpin()).routes == ("a.com",)
    assert office.served == {"a.com": ["a_1", "a_2"]}
    assert office.orders.pin is None


async def test_what_a_rollback_cannot_bring_back_and_what_it_takes_away_is_told(office):
    await office.run()
    then = await office.run(
        asking("a_1", 1), asking("b_1", 2, "b.com"), asking("c_1", 3, "c.com"), asking("c_2", 4, "c.com")
    )
    await office.run(asking("a_9", 9), asking("c_1", 3, "c.com"), asking("d_1", 5, "d.com"))
    receipt = await office.timeline.rollback(then, "")
    assert receipt.warnings == (
        f"a.com: none of its servers of revision {then} is there any more; those that ask for it now serve it",
        f"b.com: none of its servers of revision {then} is there any more; it answers 503",
        f"c.com: 1 of its 2 servers of revision {then} are there",
        f"d.com is not in revision {then}, and not routed until `interlock unpin`",
    )
    assert office.served == {"a.com": ["a_9"], "b.com": [], "c.com": ["c_1"]}


async def test_a_rollback_to_before_everything_empties_the_proxy_and_warns_of_each_route_of_the_first(office):
    empty = await office.run()
    await office.run(*(asking(f"a_{n}", n, f"a{n}.com") for n in range(1, 31)))
    receipt = await office.timeline.rollback(empty, "")
    assert office.served == {}
    assert len(receipt.warnings) == 21
    assert receipt.warnings[-1] == "and 10 more routes"


async def test_a_freeze_has_new_routes_wait_and_can_be_made_longer(office):
    await office.run(asking("a_1", 1))
    end = datetime.now(UTC) + timedelta(hours=1)
    assert (await office.timeline.freeze(end.isoformat())).routes == ()
    await office.run(asking("a_1", 1), asking("a_2", 2), asking("b_1", 3, "b.com"))
    assert office.served == {"a.com": ["a_1", "a_2"]}
    assert [problem.value for problem in office.desk.status().problems] == ["b.com"]
    await office.timeline.freeze((end + timedelta(hours=1)).isoformat())
    assert office.served == {"a.com": ["a_1", "a_2"]}, "frozen as at first"
    assert office.orders.freeze.until == f"{end + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    assert (await office.timeline.unfreeze()).routes == ("b.com",)
    assert office.desk.status().problems == ()


async def test_orders_survive_a_restart_with_the_routes_that_nobody_asks_for(office, new_office):
    then = await office.run(asking("a_1", 1), asking("b_1", 2, "b.com"))
    await office.timeline.rollback(then, "")
    again = new_office()
    await again.run(asking("a_9", 9), asking("c_1", 3, "c.com"))
    assert again.served == {"a.com": ["a_9"], "b.com": []}
    assert again.orders.pin.revision == then
    assert json.loads(office.file.read_text())["pin"]["revision"] == then


async def test_they_end_at_their_time(office):
    then = await office.run(asking("a_1", 1))
    await office.run(asking("a_1", 1), asking("b_1", 2, "b.com"))
    soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    await office.timeline.rollback(then, soon)
    await office.timeline.freeze(soon)
    assert office.served == {"a.com": ["a_1"]}
    async with asyncio.timeout(30):
        while office.orders.pin or office.orders.freeze:  # noqa: ASYNC110 - the clock is what is waited for
            await asyncio.sleep(0.05)
    async with asyncio.timeout(30):
        while "b.com" not in office.served:  # noqa: ASYNC110 - in slices
            await asyncio.sleep(0.01)
    assert json.loads(office.file.read_text())["pin"] is None


async def test_a_rollback_is_a_revision_of_its_own_that_can_be_compared(office):
    then = await office.run(asking("a_1", 1))
    await office.run(asking("b_1", 2, "b.com"))
    await office.timeline.rollback(then, "")
    office.history.hear(PlanApplied(at=0.0, proxy="paper", causes=(), steps=(), seconds=0.0))
    changes = office.timeline.difference(then + 1, then + 2).changes
    assert [(change.host, change.before is None, change.now is None) for change in changes] == [
        ("a.com", True, False),
        ("b.com", False, True),
    ]


async def test_what_makes_no_sense_is_refused_with_what_would(office):
    with pytest.raises(UnknownRevisionError, match="no revision 7"):
        await office.timeline.rollback(7, "")
    number = await office.run(asking("a_1", 1))
    with pytest.raises(PermanentError, match="has passed"):
        await office.timeline.rollback(number, "2001-01-01T00:00:00Z")
    with pytest.raises(PermanentError, match="for ever"):
        await office.timeline.freeze("")
    with pytest.raises(PermanentError, match="not pinned"):
        await office.timeline.unpin()
    with pytest.raises(PermanentError, match="not frozen"):
        await office.timeline.unfreeze()
    assert office.served == {"a.com": ["a_1"]}

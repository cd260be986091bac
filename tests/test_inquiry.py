"""Why, with the proxies' own word."""

import asyncio

import pytest

from interlock.core.decisions import Step, Verdict
from interlock.core.model import Match, Phase
from interlock.core.plan import Lead, Served, ServingRoute
from interlock.core.problems import PermanentError, Problem, TemporaryError
from interlock.core.targets import find
from interlock.core.trace import Outcome
from interlock.inquiry import Inquiry
from interlock.proxies.contract import Refused
from interlock.reconciler import Reconciler
from interlock.testing.worlds import ENGINE, container, listed, placed

DEMO = Match("demo.interlock.com")
SHOP = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}


class PaperDriver:
    """Says what it is told to say."""

    name = "paper"
    version = "1"
    error = ""

    def __init__(self):
        self.refused = {}
        self.serves = True
        self.failure = None

    def look(self, matches, causes):
        pass

    def look_at_everything(self, cause):
        pass

    async def observe(self, matches):
        if self.failure is not None:
            raise self.failure
        served = Served(endpoint="172.17.0.2:5000", weight=100, takes_traffic=self.serves)
        route = ServingRoute(shape="x", leads=Lead.BACKEND, servers={"web_1": served})
        return {match: route for match in matches if match == DEMO}


class Desk:
    def __init__(self, *containers):
        self.reconciler = Reconciler([ENGINE])
        self.driver = PaperDriver()
        self.reconciler.attach(self.driver)
        self.inquiry = Inquiry(self.reconciler, [self.driver])
        for event in (placed(), listed(*containers)):
            self.reconciler.post(event)

    async def explain(self, who):
        return await self.inquiry.explain(find(self.reconciler.routes.world.containers(), who))


@pytest.fixture
async def desk():
    running = []

    async def desk(*containers):
        made = Desk(*containers)
        running.append(asyncio.get_running_loop().create_task(made.reconciler.run()))
        for _ in range(5):
            await asyncio.sleep(0)
        return made

    yield desk
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_the_proxys_word_counts(desk):
    made = await desk(container())
    (found,) = await made.explain("web_1")
    assert found.verdict is Verdict.YES
    made.driver.serves = False
    (found,) = await made.explain("web_1")
    assert (found.verdict, found.cause.step) == (Verdict.WAITING, Step.PROXY)
    made.driver.refused = {DEMO: Refused(match=DEMO, shape="x", why="unknown keyword")}
    (found,) = await made.explain("web_1")
    assert "unknown keyword" in found.cause.what


async def test_a_proxy_that_does_not_answer_is_part_of_the_answer(desk):
    made = await desk(container())
    made.driver.failure = TemporaryError("no answer from its socket")
    (found,) = await made.explain("web_1")
    assert found.cause.what == "paper does not serve it yet: no answer from its socket"
    assert (await made.inquiry.trace(str(DEMO))).outcome is Outcome.NO_SERVER


async def test_what_a_proxy_cannot_do_is_a_warning(desk):
    made = await desk(container())
    limit = Problem(container="", key=f"ssl of {DEMO}", value="", what="is not served", fix="set it")
    made.reconciler.report(f"paper {DEMO}", [limit])
    (found,) = await made.explain("web_1")
    assert (found.verdict, found.cause.fix) == (Verdict.WARNING, "set it")
    assert (await made.inquiry.trace(str(DEMO))).remarks == (f"ssl of {DEMO}: is not served (fix: set it)",)


async def test_a_service_is_explained_with_those_that_do_not_run(desk):
    made = await desk(
        container("shop_web_1", labels=SHOP), container("shop_web_2", labels=SHOP, number=2, phase=Phase.EXITED)
    )
    found = await made.explain("web")
    assert [(each.container, each.project, each.service) for each in found] == [
        ("shop_web_1", "shop", "web"),
        ("shop_web_2", "shop", "web"),
    ]
    assert found[1].cause.step is Step.SEEN


async def test_a_url_is_followed(desk):
    made = await desk(container())
    found = await made.inquiry.trace("http://demo.interlock.com/x")
    assert (found.outcome, found.servers[0].in_rotation) == (Outcome.SERVED, True)
    assert (await made.inquiry.trace("nobody.com")).outcome is Outcome.NOT_FOUND
    with pytest.raises(PermanentError):
        await made.inquiry.trace("ftp://a.com")

"""Proxies that count, one that cannot, and one that does not answer."""

from interlock.core.model import Match
from interlock.core.problems import TemporaryError
from interlock.core.traffic import Counters, RouteCounters
from interlock.sampler import CANNOT_COUNT, Sampler

SOME = RouteCounters(
    total=Counters(requests=5, errors=1, sessions=2),
    servers={"web_1": Counters(requests=4, errors=0, sessions=2, latency=7)},
)


class Counting:
    def __init__(self, counted):
        self.counted, self.asked = counted, 0

    async def traffic(self):
        self.asked += 1
        if isinstance(self.counted, Exception):
            raise self.counted
        return self.counted


class Dumb:
    """A proxy without meters."""


async def test_the_numbers_of_every_proxy_are_told_by_route_in_order():
    sampler = Sampler()
    sampler.add("one", Counting({Match("b.com"): SOME, Match("a.com", "/x"): SOME}))
    (told,) = (await sampler.sample()).proxies
    assert [(route.host, route.path) for route in told.routes] == [("a.com", "/x"), ("b.com", "/")]
    assert (told.proxy, told.error, told.routes[0].servers["web_1"].latency) == ("one", "", 7)
    assert told.at > 0


async def test_one_that_cannot_count_and_one_that_does_not_answer_say_so_beside_the_others():
    sampler = Sampler()
    sampler.add("dumb", Dumb())
    sampler.add("busy", Counting(TemporaryError("haproxy does not answer")))
    sampler.add("good", Counting({Match("a.com"): SOME}))
    dumb, busy, good = (await sampler.sample()).proxies
    assert (dumb.error, dumb.routes) == (CANNOT_COUNT, ())
    assert busy.error.startswith("haproxy does not answer")
    assert (good.error, len(good.routes)) == ("", 1)


async def test_many_who_look_at_once_cost_one_look(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("interlock.sampler.time.monotonic", lambda: now[0])
    sampler, proxy = Sampler(), Counting({})
    sampler.add("one", proxy)
    for _ in range(10):
        await sampler.sample()
    assert proxy.asked == 1
    now[0] += 1.0
    await sampler.sample()
    assert proxy.asked == 2


async def test_nobody_is_asked_before_somebody_looks():
    sampler, proxy = Sampler(), Counting({})
    sampler.add("one", proxy)
    assert proxy.asked == 0
    assert (await Sampler().sample()).proxies == ()

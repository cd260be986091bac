"""Rates come of two readings, and survive proxies that start anew, come and go."""

from interlock.core.loads import Load, loads
from interlock.core.model import Match
from interlock.core.status import routes_status
from interlock.core.traffic import Counters, ProxyTraffic, RouteCounters, Traffic, proxy_traffic
from interlock.testing.worlds import container, replaced, table_of

HOST = Match("demo.interlock.com")
ROUTES = routes_status(table_of(container("web_1"), container("web_2", number=2)), []).routes
NOTHING = Traffic(proxies=())


def reading(at, requests, errors=0, *, proxy="haproxy", sessions=1, latency=5, server="web_1"):
    counters = Counters(requests=requests, errors=errors, sessions=sessions, latency=latency)
    return proxy_traffic(proxy, at, {HOST: RouteCounters(total=counters, servers={server: counters})})


def load_of(before, now, server=""):
    (route,) = loads(ROUTES, before, now).routes
    return next((each.load for each in route.servers if each.name == server), route.load)


def test_what_was_counted_between_two_readings_is_told_by_the_second():
    before, now = Traffic(proxies=(reading(10.0, 100, 10),)), Traffic(proxies=(reading(14.0, 140, 12),))
    assert load_of(before, now) == Load(requests=10.0, errors=0.5, sessions=1, latency=5)
    assert load_of(before, now, "web_1") == Load(requests=10.0, errors=0.5, sessions=1, latency=5)
    assert load_of(before, now, "web_2") == Load()


def test_of_a_first_reading_only_what_is_under_way_counts():
    assert load_of(NOTHING, Traffic(proxies=(reading(14.0, 140, 12),))) == Load(sessions=1, latency=5)


def test_a_counter_that_fell_began_anew():
    before, now = Traffic(proxies=(reading(10.0, 1000, 3),)), Traffic(proxies=(reading(12.0, 8, 0),))
    assert load_of(before, now) == Load(requests=4.0, sessions=1, latency=5)


def test_a_server_that_was_not_there_before_has_had_all_of_its_requests_since():
    before, now = (
        Traffic(proxies=(reading(10.0, 100),)),
        Traffic(proxies=(reading(12.0, 6, server="web_2"),)),
    )
    assert load_of(before, now, "web_2").requests == 3.0


def test_proxies_are_added_up_and_one_without_numbers_is_named():
    silent = ProxyTraffic(proxy="nginx", at=12.0, error="it does not count")
    before = Traffic(proxies=(reading(10.0, 0), reading(10.0, 0, proxy="other", latency=9), silent))
    now = Traffic(proxies=(reading(12.0, 4), reading(12.0, 6, proxy="other", latency=9), silent))
    assert load_of(before, now) == Load(requests=5.0, sessions=2, latency=9)
    assert [each.proxy for each in loads(ROUTES, before, now).silent] == ["nginx"]


def test_the_same_reading_twice_is_no_division_by_zero():
    same = Traffic(proxies=(reading(10.0, 100),))
    assert load_of(same, same) == Load(sessions=1, latency=5)


def test_routes_that_no_proxy_counts_are_there_with_nothing():
    (route,) = loads(ROUTES, NOTHING, NOTHING).routes
    assert (route.host, route.load, [each.name for each in route.servers]) == (HOST.host, Load(), ["web_1", "web_2"])


def test_a_server_that_stands_by_is_told_from_those_that_take_requests():
    (route,) = ROUTES
    near, far = route.servers
    route = replaced(route, servers=(near, replaced(far, standby=True, waits=True)))
    (found,) = loads([route], NOTHING, NOTHING).routes
    assert [each.waits for each in found.servers] == [False, True]

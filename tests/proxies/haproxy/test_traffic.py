"""What a real HAProxy says of the traffic that it has had."""

import asyncio

import pytest

from interlock.core.model import Match

pytestmark = pytest.mark.real

HOST = "demo.interlock.com"


async def counted(bench, match, requests):
    """The counters of a route once so many requests are in them: HAProxy counts when a request is over."""
    async with asyncio.timeout(10):
        while (found := (await bench.proxy.traffic())[match]).total.requests < requests:  # noqa: ASYNC110 - HAProxy's
            await asyncio.sleep(0.01)
    return found


async def test_requests_and_errors_are_counted_by_route_and_server(bench, applications):
    applications.weak.add("web_2")
    bench.want(applications.server("web_1"))
    bench.want(applications.server("web_2"), host="weak.com", path="/fails")
    await bench.settle()
    for _ in range(3):
        assert await bench.get() == (200, "web_1")
    assert (await bench.get("weak.com", "/fails"))[0] == 500
    good, weak = await counted(bench, Match(HOST), 3), await counted(bench, Match("weak.com", "/fails"), 1)
    assert (good.total.requests, good.total.errors, good.servers["web_1"].requests) == (3, 0, 3)
    assert (weak.total.requests, weak.total.errors, weak.servers["web_2"].errors) == (1, 1, 1)
    assert good.servers["web_1"].latency is not None


async def test_what_is_answered_for_want_of_a_server_counts_for_the_route(bench):
    bench.want()
    await bench.settle()
    assert (await bench.get())[0] == 503
    told = await counted(bench, Match(HOST), 1)
    assert (told.total.requests, told.total.errors, told.servers) == (1, 1, {})


async def test_a_request_under_way_is_a_session(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.settle()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(bench.get(path="/slow"))
        async with asyncio.timeout(10):
            while not (await bench.proxy.traffic())[Match(HOST)].servers["web_1"].sessions:  # noqa: ASYNC110 - HAProxy's
                await asyncio.sleep(0.01)
        applications.go.set()


async def test_a_route_in_a_spare_has_its_own_numbers(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.settle()
    bench.seats = True
    bench.want(applications.server("web_2"), host="new.com")
    await bench.settle()
    assert bench.reloads == 1
    assert await bench.get("new.com") == (200, "web_2")
    assert (await counted(bench, Match("new.com"), 1)).servers["web_2"].requests == 1
    assert set(await bench.proxy.traffic()) == {Match(HOST), Match("new.com")}

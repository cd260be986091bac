"""Revisions over HTTP."""

import asyncio
import tempfile
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest

from interlock.core.happenings import Cause, PlanApplied, RoutesChanged
from interlock.core.model import Backend, Match, Route
from interlock.core.routes import Routes
from interlock.core.world import World
from interlock.history import History
from interlock.host.listening import Listener
from interlock.reconciler import Reconciler
from interlock.recorder import Recorder
from interlock.timeline import Timeline
from interlock.web.server import serve

A = Match("a.com")


@pytest.fixture
async def get():
    """Asks a daemon with two revisions: a route that comes, and goes."""
    table = {A: Route(match=A, backend=Backend())}
    history = History(table, keep=10, clock=lambda: 5.0)
    for number in (1, 2):
        history.hear(RoutesChanged(at=1.0, routes=(A,)))
        cause = Cause(action="start", at=float(number))
        history.hear(PlanApplied(at=1.0, proxy="haproxy", causes=(cause,), steps=(), seconds=0.5))
        table.pop(A, None)
    routes = Routes(World())

    async def hold(orders):
        routes.world.order(orders)
        return ["careful"]

    recorder = Recorder(Reconciler(["docker"]))
    orders = SimpleNamespace(timeline=Timeline(history, routes, hold), recorder=recorder)
    with tempfile.TemporaryDirectory(prefix="il-") as folder:
        listener = Listener(Path(folder) / "interlock.sock")
        serving = asyncio.get_running_loop().create_task(serve(orders, listener.socket))
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(listener.path))) as session:

            async def get(path, body=None):
                method = "GET" if body is None else "POST"
                async with session.request(method, f"http://interlock{path}", json=body) as answer:
                    if answer.content_type == "application/x-ndjson":
                        return answer.status, await answer.content.read()
                    return answer.status, await answer.json()

            yield get
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        listener.close()


async def test_the_last_ones_come_first(get):
    code, told = await get("/v1/revisions")
    assert (code, [each["number"] for each in told["revisions"]]) == (200, [2, 1])
    code, told = await get("/v1/revisions?limit=1")
    assert [(each["number"], each["removed"], each["at"]) for each in told["revisions"]] == [(2, 1, 5.0)]


async def test_one_and_the_difference_of_two(get):
    code, told = await get("/v1/revisions/1")
    assert (code, told["summary"]["outcome"], told["changes"][0]["host"]) == (200, "applied", "a.com")
    code, told = await get("/v1/revisions/2/diff/1")
    assert (code, told["changes"][0]["before"], told["changes"][0]["now"]["host"]) == (200, None, "a.com")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/revisions/3", 404),
        ("/v1/revisions/1/diff/3", 404),
        ("/v1/revisions/x", 400),
        ("/v1/revisions/1/diff/x", 400),
        ("/v1/revisions?limit=-1", 400),
        ("/v1/revisions/1111111111111", 400),
        ("/v1/revisions/%D9%A3", 400),
    ],
)
async def test_what_is_not_kept_and_what_is_no_number(get, path, code):
    answered, fault = await get(path)
    assert answered == code
    assert fault["fix"]


async def test_a_recording_is_lines_until_it_has_its_size(get):
    code, told = await get("/v1/recording?limit=150")
    first, last = told.splitlines()
    assert (code, b'"line":"opening"' in first, b'"line":"ending"' in last) == (200, True, True)
    assert (await get("/v1/recording?limit=x"))[0] == 400


async def test_a_rollback_and_a_freeze_hold_until_they_are_taken_back(get):
    code, receipt = await get("/v1/rollback", {"revision": 1})
    assert (code, receipt["warnings"]) == (200, ["careful"])
    assert (await get("/v1/freeze", {"until": "2100-01-01T00:00:00+01:00"}))[0] == 200
    for path in ("/v1/unpin", "/v1/unfreeze"):
        assert (await get(path, {}))[0] == 200
        code, fault = await get(path, {})
        assert (code, fault["fix"]) == (400, "nothing to do")


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/v1/rollback", {"revision": 9}, 404),
        ("/v1/rollback", {"revision": 0}, 400),
        ("/v1/rollback", {"revision": 1, "until": "2001-01-01T00:00:00Z"}, 400),
        ("/v1/rollback", {"revision": 1, "until": "x" * 101}, 400),
        ("/v1/rollback", {}, 400),
        ("/v1/freeze", {"until": ""}, 400),
        ("/v1/freeze", {}, 400),
        ("/v1/unpin", {"revision": 1}, 400),
    ],
)
async def test_an_order_that_makes_no_sense_is_refused(get, path, body, code):
    answered, fault = await get(path, body)
    assert answered == code
    assert fault["fix"]

"""Closed hosts, and how many requests a server has under way, with real HAProxy processes of every version at hand."""

import asyncio
import contextlib
import os
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from interlock.core.model import Maintenance, Match, ServerState

pytestmark = pytest.mark.real

HOST = "demo.interlock.com"
CLOSED = Maintenance('Back at "noon", ✓ %[env(HOME)] 100% {sure}?')


async def answer(bench, host=HOST, path="/", method="GET"):
    url = f"http://127.0.0.1:{bench.settings.port}{path}"
    async with aiohttp.ClientSession() as session, session.request(method, url, headers={"Host": host}) as got:
        return got.status, await got.text(), got.headers


async def test_a_host_is_closed_and_opened_again_without_a_reload(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.turn()
    bench.want(applications.server("web_1"), maintenance=CLOSED)
    await bench.turn()
    status, text, headers = await answer(bench)
    assert (status, text) == (503, f"{CLOSED.message}\n")
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert (headers["Retry-After"], headers["Cache-Control"]) == ("60", "no-store")
    assert (await answer(bench, method="POST"))[0] == 503
    assert (await answer(bench, method="HEAD"))[1] == ""
    await bench.turn()
    assert bench.steps == []
    bench.want(applications.server("web_1"))
    await bench.turn()
    assert bench.steps == ["AddRoute"]
    assert await bench.get() == (200, "web_1")
    assert bench.reloads == 1


async def test_a_known_end_is_told_to_the_visitor(bench, applications):
    end = datetime.now(UTC) + timedelta(hours=1)
    bench.want(applications.server("web_1"))
    await bench.turn()
    for until, seconds in ((end, 3600), (datetime.now(UTC) - timedelta(hours=1), 60)):
        bench.want(applications.server("web_1"), maintenance=Maintenance("Later", f"{until:%Y-%m-%dT%H:%M:%SZ}"))
        await bench.turn()
        assert bench.steps == ["CloseRoute"]
        assert seconds - 10 <= int((await answer(bench))[2]["Retry-After"]) <= seconds
        await bench.turn()
        assert bench.steps == [], "the end is read back as it was given"


async def test_paths_and_wildcards_are_closed_by_their_own_host_only(bench, applications):
    bench.want(applications.server("web_1"), host="*.wild.com")
    bench.want(applications.server("web_2"), host="a.wild.com", path="/app")
    bench.want(applications.server("web_3"), host="b.wild.com")
    await bench.turn()
    bench.want(applications.server("web_1"), host="*.wild.com", maintenance=Maintenance("wild"))
    bench.want(host="x.wild.com", maintenance=Maintenance("exact"))
    await bench.turn()
    assert await bench.get("y.z.wild.com", "/any") == (503, "wild")
    assert await bench.get("x.wild.com", "/any/path") == (503, "exact")
    assert await bench.get("a.wild.com", "/app") == (200, "web_2")
    assert await bench.get("b.wild.com") == (200, "web_3")
    bench.want(applications.server("web_2"), host="a.wild.com", path="/app", maintenance=Maintenance("a"))
    bench.want(host="a.wild.com", maintenance=Maintenance("a"))
    await bench.turn()
    assert [await bench.get("a.wild.com", path) for path in ("/", "/app/x")] == [(503, "a")] * 2
    bench.table.drop(Match("a.wild.com"))
    bench.want(applications.server("web_2"), host="a.wild.com", path="/app")
    await bench.turn()
    assert await bench.get("a.wild.com", "/app") == (200, "web_2")
    assert (await bench.get("a.wild.com"))[0] == 404
    assert bench.reloads == 1


async def test_a_host_that_nobody_asks_for_is_closed_kept_closed_and_given_up(bench, applications):
    bench.want(host="new.com", maintenance=CLOSED)
    await bench.turn()
    assert bench.reloads == 0
    assert (await bench.get("new.com"))[0] == 503
    bench.want(applications.server("web_1"))
    await bench.turn()
    assert bench.reloads == 1
    assert (await bench.get("new.com"))[0] == 503, "the reload for another site does not open it"
    bench.table.drop(Match("new.com"))
    await bench.turn()
    assert (await bench.get("new.com"))[0] == 404
    bench.want(applications.server("web_2"), host="new.com", maintenance=CLOSED)
    await bench.turn()
    bench.want(applications.server("web_2"), host="new.com")
    await bench.turn()
    assert await bench.get("new.com") == (200, "web_2")
    assert bench.reloads == 2


async def test_a_closed_host_stays_closed_while_its_containers_are_replaced(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.turn()
    for servers in ((applications.server("web_1"),), (), (applications.server("web_2"),)):
        bench.want(*servers, maintenance=CLOSED)
        await bench.turn()
        assert (await bench.get())[0] == 503
    bench.want(applications.server("web_2"))
    await bench.turn()
    assert await bench.get() == (200, "web_2")
    assert bench.reloads == 1


async def test_a_closed_host_is_closed_after_a_crash_and_after_a_restart_of_interlock(new_bench, applications):
    first = await new_bench()
    first.want(applications.server("web_1"), maintenance=CLOSED)
    await first.turn()
    first.want(host="bare.com", maintenance=CLOSED)
    await first.turn()
    async with asyncio.timeout(20):
        while "bare.com/ interlock_m" not in (first.folder / "state" / "routes.map").read_text():  # noqa: ASYNC110 - as below
            await asyncio.sleep(0.05)
    os.kill(first.proxy._master._service.pid, signal.SIGKILL)
    async with asyncio.timeout(10):
        while not first.looks:  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.02)
    assert [(await answer(first, host))[1] for host in (HOST, "bare.com")] == [f"{CLOSED.message}\n"] * 2
    await first.proxy.close()
    second = await new_bench(port=first.settings.port)
    assert [(await answer(second, host))[1] for host in (HOST, "bare.com")] == [f"{CLOSED.message}\n"] * 2


async def test_no_request_falls_between_while_a_host_is_closed_and_opened(bench, applications):
    bench.want(applications.server("web_1"), host="*.interlock.com")
    bench.want(applications.server("web_2"))
    await bench.turn()
    seen = Counter()
    is_over = False

    async def visit():
        async with aiohttp.ClientSession() as session:
            while not is_over:
                url = f"http://127.0.0.1:{bench.settings.port}/"
                async with session.get(url, headers={"Host": HOST}) as got:
                    seen[got.status, (await got.text()).strip()] += 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(visit())
        for number in range(60):
            bench.want(applications.server("web_2"), maintenance=Maintenance("closed") if number % 2 == 0 else None)
            await bench.turn()
            await asyncio.sleep(0.01)
        is_over = True
    assert seen.keys() == {(200, "web_2"), (503, "closed")}
    assert min(seen.values()) > 50


class Slow:
    """An application whose answers wait until they are let go."""

    def __init__(self):
        self.asked = asyncio.Queue()
        self.go = asyncio.Event()
        self.writers = []

    async def serve(self, reader, writer):
        self.writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                await self.asked.put(1)
                await self.go.wait()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow")
                await writer.drain()
        writer.close()


@pytest.fixture
async def slow(applications):
    """An application named slow, beside the others."""
    application = Slow()
    server = await asyncio.start_server(application.serve, "127.0.0.1", 0)
    applications.ports["slow"] = server.sockets[0].getsockname()[1]
    yield application
    server.close()
    for writer in application.writers:
        writer.close()


async def sessions_are(bench, expected):
    async with asyncio.timeout(20):
        while (await bench.proxy.sessions(Match(HOST))).get("slow", 0) != expected:  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.02)


async def test_requests_under_way_are_counted_and_idle_connections_are_not(bench, applications, slow):
    bench.want(applications.server("slow"))
    await bench.turn()
    await sessions_are(bench, 0)
    async with asyncio.TaskGroup() as tasks, aiohttp.ClientSession() as session:

        async def visit():
            url = f"http://127.0.0.1:{bench.settings.port}/"
            async with session.get(url, headers={"Host": HOST}) as got:
                return got.status

        visits = [tasks.create_task(visit()) for _ in range(3)]
        for _ in visits:
            await slow.asked.get()
        await sessions_are(bench, 3)
        bench.want(applications.server("slow", state=ServerState.DRAINING))
        await bench.turn()
        await sessions_are(bench, 3)
        slow.go.set()
        assert [await visit for visit in visits] == [200, 200, 200]
        await sessions_are(bench, 0)
    assert await bench.proxy.sessions(Match("unknown.com")) == {}


async def test_requests_are_counted_while_an_old_worker_ends(bench, applications):
    """Told of a worker that has just ended, HAProxy 2.8's master may not hang up: that was no answer, for 15 s."""
    bench.want(applications.server("web_1"))
    await bench.turn()
    for _ in range(10):
        await bench.load("a test")
        for _ in range(5):
            assert await bench.proxy.sessions(Match(HOST)) == {"web_1": 0}


async def test_requests_that_an_old_worker_finishes_are_counted_too(bench, applications, slow):
    bench.want(applications.server("slow"), applications.server("web_1"))
    await bench.turn()
    async with asyncio.TaskGroup() as tasks:
        visits = []
        while slow.asked.empty():
            visits.append(tasks.create_task(bench.get()))
            await asyncio.sleep(0.05)
        await sessions_are(bench, 1)
        bench.want(applications.server("web_2"), host="another.com")
        await bench.turn()
        assert bench.reloads == 2
        await sessions_are(bench, 1)
        bench.want(applications.server("slow", state=ServerState.DRAINING), applications.server("web_1"))
        await bench.turn()
        await sessions_are(bench, 1)
        slow.go.set()
        await sessions_are(bench, 0)
    assert all([(await visit)[0] == 200 for visit in visits])

"""The contract of a proxy plugin, as tests: what passes them can be named with `--plugin`.

In the tests of a plugin's author, run by pytest, one line for each way to set the plugin up::

    from interlock.testing.contract import ProxyContract
    from interlock_caddy import PLUGIN

    class TestCaddy(ProxyContract):
        plugin = PLUGIN

Each test starts the real proxy in a folder of its own, with web applications behind it, drives it as Interlock does,
and asks it for pages.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import aiohttp

from interlock.core.model import Balance, Maintenance, Match, Options, ServerState
from interlock.core.plan import Lead, shape
from interlock.plugins import door
from interlock.proxies.contract import Plugin
from interlock.testing.applications import Applications
from interlock.testing.bench import HOST, Bench, on_bench, open_folder
from interlock.testing.ports import free_port

SECONDS = 100.0
"""For one test; a proxy that hangs fails it."""
NAMES = ("web_1", "web_2", "web_3")


class Stage:
    """A bench with a proxy on it and applications behind it."""

    def __init__(self, bench: Bench, web: Applications) -> None:
        self.bench, self.web = bench, web

    def want(self, *names: str, **route: Any) -> None:
        """A route to these applications."""
        self.bench.want(*(self.web.server(name) for name in names), **route)

    async def serve(self, *names: str, **route: Any) -> None:
        self.want(*names, **route)
        await self.bench.settle()

    async def who(self, count: int = 12) -> set[str]:
        """Who answers some requests; all with 200."""
        answers = [await self.bench.get() for _ in range(count)]
        _check({status for status, _ in answers} == {200}, f"not all of {answers} are 200")
        return {name for _, name in answers}


def _on_stage(test: Callable[[Any, Stage], Coroutine[Any, Any, None]]) -> Callable[[Any], None]:
    """The test as one that any runner can call: without arguments, and not async."""

    def run(self: "ProxyContract") -> None:
        async def play() -> None:
            async with asyncio.timeout(SECONDS), self.stage(folder) as stage:
                await test(self, stage)

        with open_folder() as folder:
            asyncio.run(play())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


class ProxyContract:
    """One test for each promise."""

    plugin: ClassVar[Plugin]
    settings: ClassVar[Mapping[str, Any]] = {}
    """Fields of the plugin's settings that are otherwise than their defaults."""
    port_setting: ClassVar[str] = "port"
    """Which one is the port for HTTP; "" for a proxy that opens none, and is visited on paper."""

    resets_connections: ClassVar[bool] = False
    """Whether a reload may reset a connection that is not taken yet, so that a visitor has to knock again."""

    @asynccontextmanager
    async def stage(self, folder: Path) -> AsyncIterator[Stage]:
        """A proxy that is prepared, with `folder` for its state, and three applications."""
        port = free_port() if self.port_setting else None
        settings = {**self.settings, **({self.port_setting: port} if port is not None else {})}
        web = Applications()
        await web.start(*NAMES)
        try:
            async with on_bench(self.plugin, folder, settings, port=port) as bench:
                yield Stage(bench, web)
        finally:
            await web.stop()

    def test_the_plugin_keeps_every_signature(self) -> None:
        _check(door.complaint(self.plugin) == "", door.complaint(self.plugin))

    @_on_stage
    async def test_what_it_builds_keeps_every_signature(self, stage: Stage) -> None:
        what = door.misfit(stage.bench.proxy, self.plugin)
        _check(what == "", what)

    @_on_stage
    async def test_it_serves_nothing_before_it_is_told(self, stage: Stage) -> None:
        _equal(dict(await stage.bench.proxy.observe(None)), {})
        _equal((await stage.bench.get())[0], 404)

    @_on_stage
    async def test_a_host_is_served_and_others_are_not(self, stage: Stage) -> None:
        await stage.serve("web_1")
        for host in (HOST, HOST.upper(), f"{HOST}:8080"):
            _equal(await stage.bench.get(host), (200, "web_1"))
        for host in ("interlock.com", f"x.{HOST}", f"{HOST}.evil.org"):
            _equal((await stage.bench.get(host))[0], 404)

    @_on_stage
    async def test_what_it_says_it_serves_is_what_it_was_told(self, stage: Stage) -> None:
        stage.want("web_3", host="other.com", path="/app")
        await stage.serve("web_1", "web_2")
        serving = await stage.bench.proxy.observe(None)
        _equal(set(serving), set(stage.bench.table))
        for match, route in serving.items():
            wanted = stage.bench.table[match].backend
            _equal((route.shape, route.leads), (shape(wanted.options), Lead.BACKEND))
            found = {name: (served.endpoint, served.takes_traffic) for name, served in route.servers.items()}
            _equal(found, {server.name: (server.endpoint, True) for server in wanted.servers})

    @_on_stage
    async def test_it_says_only_what_it_is_asked_for(self, stage: Stage) -> None:
        stage.want("web_3", host="other.com")
        await stage.serve("web_1")
        _equal(set(await stage.bench.proxy.observe([Match(HOST), Match("unknown.com")])), {Match(HOST)})
        _equal(dict(await stage.bench.proxy.observe([])), {})

    @_on_stage
    async def test_replicas_come_and_go(self, stage: Stage) -> None:
        for names in (NAMES[:1], NAMES[:2], NAMES, NAMES[2:], NAMES[:2]):
            await stage.serve(*names)
            served = (await stage.bench.proxy.observe(None))[Match(HOST)].servers
            _equal({name for name, server in served.items() if server.takes_traffic}, set(names))
            _check(await stage.who() <= set(names), f"somebody else than {names} answers")

    @_on_stage
    async def test_every_replica_gets_something(self, stage: Stage) -> None:
        await stage.serve(*NAMES)
        if stage.bench.port is not None:
            _equal(await stage.who(60), set(NAMES))
        _equal(set((await stage.bench.proxy.observe(None))[Match(HOST)].servers), set(NAMES))

    @_on_stage
    async def test_one_that_moves_is_found_at_its_new_address(self, stage: Stage) -> None:
        await stage.serve("web_1")
        await stage.web.start("web_1")
        await stage.serve("web_1")
        served = (await stage.bench.proxy.observe(None))[Match(HOST)].servers["web_1"]
        _equal(served.endpoint, stage.web.server("web_1").endpoint)
        _equal(await stage.who(), {"web_1"})

    @_on_stage
    async def test_one_that_must_not_take_traffic_takes_none(self, stage: Stage) -> None:
        await stage.serve("web_1", "web_2")
        for state in (ServerState.DRAINING, ServerState.STARTING, ServerState.DOWN):
            stage.bench.want(stage.web.server("web_1", state=state), stage.web.server("web_2"))
            await stage.bench.settle()
            _equal(await stage.who(), {"web_2"})
        await stage.serve("web_1", "web_2")
        served = (await stage.bench.proxy.observe(None))[Match(HOST)].servers
        _check(served["web_1"].takes_traffic, "web_1 is ready again, and takes no traffic")

    @_on_stage
    async def test_no_request_is_lost_while_replicas_come_and_go(self, stage: Stage) -> None:
        await stage.serve("web_1")
        over = asyncio.Event()

        async def visit() -> list[tuple[int, str]]:
            answers = []
            while not over.is_set():
                try:
                    answers.append(await stage.bench.get())
                except aiohttp.ClientConnectorError:
                    if not self.resets_connections:
                        raise
                await asyncio.sleep(0)
            return answers

        async with asyncio.TaskGroup() as visitors:
            visits = [visitors.create_task(visit()) for _ in range(4)]
            for names in (NAMES[:2], NAMES, NAMES[1:], NAMES[:1], NAMES[1:2], NAMES):
                await stage.serve(*names)
                await asyncio.sleep(0.1)
            over.set()
        answers = [answer for each in visits for answer in each.result()]
        _check(len(answers) > len(NAMES), "nobody was answered")
        _equal([answer for answer in answers if answer[0] != 200], [])  # noqa: PLR2004 - HTTP's "OK"

    @_on_stage
    async def test_the_longest_path_wins_and_ends_at_a_slash(self, stage: Stage) -> None:
        stage.want("web_1")
        stage.want("web_3", path="/app/v2")
        await stage.serve("web_2", path="/app")
        for path, name in (("/", "web_1"), ("/app", "web_2"), ("/app/x", "web_2"), ("/app/v2/x", "web_3")):
            _equal(await stage.bench.get(path=path), (200, name))
        _equal(await stage.bench.get(path="/application"), (200, "web_1"))
        _equal(await stage.bench.get(path="/app/v22"), (200, "web_2"))

    @_on_stage
    async def test_a_wildcard_takes_whatever_is_below_it_and_nobody_else_has(self, stage: Stage) -> None:
        stage.want("web_1", host="*.wild.com")
        await stage.serve("web_2", host="known.wild.com")
        _equal(await stage.bench.get("a.wild.com"), (200, "web_1"))
        _equal(await stage.bench.get("b.a.wild.com"), (200, "web_1"))
        _equal(await stage.bench.get("known.wild.com"), (200, "web_2"))
        _equal((await stage.bench.get("wild.com"))[0], 404)

    @_on_stage
    async def test_a_host_without_servers_answers_503_and_one_given_up_404(self, stage: Stage) -> None:
        await stage.serve("web_1")
        await stage.serve()
        _equal((await stage.bench.get())[0], 503)
        stage.bench.table.drop(Match(HOST))
        await stage.bench.settle()
        _equal((await stage.bench.get())[0], 404)
        await stage.serve("web_2")
        _equal(await stage.bench.get(), (200, "web_2"))

    @_on_stage
    async def test_a_closed_host_says_so_and_is_opened_again(self, stage: Stage) -> None:
        await stage.serve("web_1")
        message = 'Back at "noon"; pay $5 {or} 7 % \\'
        await stage.serve("web_1", maintenance=Maintenance(message, "2099-01-01T12:00:00Z"))
        _equal(await stage.bench.get(), (503, message))
        await stage.serve("web_1")
        _equal(await stage.bench.get(), (200, "web_1"))
        await stage.serve(host="never-seen.com", maintenance=Maintenance("Later"))
        _equal(await stage.bench.get("never-seen.com"), (503, "Later"))

    @_on_stage
    async def test_options_that_change_are_loaded_and_none_is_fatal(self, stage: Stage) -> None:
        for options in (
            Options(balance=Balance.LEASTCONN),
            Options(backend_options=("forwardfor",), websocket_endpoints=("/ws",)),
            Options(check_interval=100, slow_start=1000, ssl_certificate="none.pem", rewrite=True),
        ):
            await stage.serve("web_1", options=options)
            serving = await stage.bench.proxy.observe(None)
            _equal(serving[Match(HOST)].shape, shape(options))
            _equal(await stage.bench.get(), (200, "web_1"))

    @_on_stage
    async def test_it_declares_options_that_there_are(self, stage: Stage) -> None:
        unknown = stage.bench.proxy.abilities.honours - set(Options.__struct_fields__)
        _check(not unknown, f"Options has no {unknown}")

    @_on_stage
    async def test_it_can_be_asked_what_is_under_way(self, stage: Stage) -> None:
        await stage.serve("web_1")
        _check(set(await stage.bench.proxy.sessions(Match(HOST))) <= {"web_1"}, "sessions of servers that it has not")

    @_on_stage
    async def test_it_finds_nothing_wrong_with_a_plain_route(self, stage: Stage) -> None:
        await stage.serve("web_1")
        _equal(stage.bench.proxy.problems(stage.bench.table[Match(HOST)]), ())
        _equal(stage.bench.proxy.refresh(), "")

    def test_it_lets_go_of_its_port_and_serves_again_when_it_is_started_again(self) -> None:
        async def play() -> None:
            async with asyncio.timeout(SECONDS):
                for _ in range(2):
                    async with self.stage(folder) as stage:
                        await stage.serve("web_1", "web_2")
                        _check(await stage.who() <= {"web_1", "web_2"}, "somebody else answers")
                    _check(not await _is_open(stage.bench.port), "its port is still open")

        with open_folder() as folder:
            asyncio.run(play())


async def _is_open(port: int | None) -> bool:
    if port is None:
        return False
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False


def _check(is_so: bool, otherwise: str) -> None:  # noqa: FBT001 - as an assertion's
    if not is_so:
        raise AssertionError(otherwise)


def _equal(found: object, expected: object) -> None:
    _check(found == expected, f"{found!r} instead of {expected!r}")

"""A new host is served by a spare backend at once, and by one of its own name after the next configuration."""

import asyncio
import os
import signal
from collections import Counter

import msgspec
import pytest

from interlock.core.model import Balance, CheckKind, HealthCheck, Match, Options, Verify
from interlock.core.plan import Reload, make_plan
from interlock.proxies.contract import SeatsRoutes
from interlock.proxies.haproxy import proxy as proxy_module
from interlock.proxies.haproxy.names import backend_name
from interlock.proxies.haproxy.render import Frame, render, seatable
from interlock.proxies.haproxy.spares import MOST_POOLS, SMALLER, SPARES, Spare, Spares, spare
from interlock.proxies.serving.sites import Site

HOST = "demo.interlock.com"
NEW, OTHER = Match("new.com"), Match("other.com")
FRAME = Frame(admin_socket="/run/a.sock", state_file="/s/server.state", http_port=80, stats_password="p", spares=2)


def with_spares(*rules):
    """One for each of these rules."""
    spares = Spares()
    spares.load([Spare(spare(each, number), each, Options()) for number, each in enumerate(rules)])
    return spares


def test_matches_are_seated_until_there_are_no_spares_left_and_a_reload_frees_all():
    spares = with_spares("usual", "usual")
    assert spares.take(NEW, Options(), "usual")
    assert spares.take(OTHER, Options(), "usual")
    assert not spares.take(Match("third.com"), Options(), "usual")
    assert spares.is_short
    seats = {spares.seat_of(NEW), spares.seat_of(OTHER)}
    assert seats == {spare("usual", 0), spare("usual", 1)}
    before = spares.seat_of(NEW)
    spares.renew()
    assert spares.seat_of(NEW) == NEW
    assert spares.all_seats_of(NEW) == {NEW, before}, "an old worker may still serve it there"
    assert not spares.is_short
    assert spares.options == {}


def test_who_sits_where_is_read_from_the_running_routes_map():
    spares = with_spares("usual", "usual")
    entries = {"new.com/": backend_name(spare("usual", 1)), "demo.interlock.com/": "demo_interlock_com"}
    spares.recognise(entries)
    assert spares.seat_of(NEW) == spare("usual", 1)
    assert spares.take(OTHER, Options(), "usual")
    assert spares.seat_of(OTHER) == spare("usual", 0)


def test_a_match_takes_a_spare_of_its_own_class_only_and_keeps_it():
    spares = with_spares("usual", "other")
    assert spares.take(NEW, Options(), "other")
    assert spares.seat_of(NEW) == spare("other", 1)
    assert spares.take(NEW, Options(check_interval=1000), "other")
    assert (spares.seat_of(NEW), spares.options[NEW]) == (spare("other", 1), Options(check_interval=1000))
    assert not spares.take(NEW, Options(), "usual"), "it sits where it would not be served as it asks"
    assert not spares.take(OTHER, Options(), "other")
    assert not spares.take(OTHER, Options(), "unheard of")


@pytest.mark.parametrize(("size", "taken", "short"), [(64, 48, False), (64, 49, True), (8, 6, False), (8, 7, True)])
def test_a_pool_is_short_with_less_than_a_quarter_left(size, taken, short):
    spares = with_spares("usual", *["other"] * size)
    for number in range(taken):
        assert spares.take(Match(f"h{number}.com"), Options(), "other")
    assert spares.is_short is short


def test_what_the_checks_of_a_seat_ask_for_is_told_once_and_again_where_it_changes():
    spares, asks = with_spares("http", "http", "http"), Options(check=HealthCheck(kind=CheckKind.HTTP, uri="/up"))
    assert spares.take(NEW, asks, "http")
    assert spares.take(OTHER, Options(), "http")
    assert spares.unchecked([NEW, OTHER, Match("third.com")]) == {NEW}
    spares.note_checked({NEW})
    assert spares.unchecked([NEW]) == set()
    assert spares.take(NEW, asks, "http")
    assert spares.unchecked([NEW]) == set()
    assert spares.take(NEW, Options(check=HealthCheck(kind=CheckKind.HTTP, uri="/down")), "http")
    assert spares.unchecked([NEW]) == {NEW}


def test_a_spare_with_other_rules_has_another_name():
    names = {backend_name(spare(rules, 0)) for rules in ("usual", "other")}
    assert len(names) == 2


def test_there_is_a_pool_for_each_of_the_most_used_classes_whatever_their_checks_ask_for():
    frame = msgspec.structs.replace(FRAME, spares=SPARES)
    check = HealthCheck(kind=CheckKind.HTTP, method="GET", uri="/up", host="x.com")
    alike = [Site(match=Match(f"h{n}.com"), options=Options(check=check)) for n in range(2)]
    alike.append(Site(match=Match("other.com"), options=Options(check=HealthCheck(kind=CheckKind.HTTP, uri="/down"))))
    stripped = [Site(match=Match("h.com", f"/{n}"), options=Options(rewrite=True)) for n in range(2)]
    verified = Site(match=NEW, options=Options(balance="uri", ssl_backend=True, ssl_backend_verify=Verify.REQUIRED))
    spares = render(frame, [*alike, *stripped, verified]).spares
    assert Counter(each.rules for each in spares) == {
        seatable(frame, NEW, Options()): SPARES,
        seatable(frame, NEW, Options(check=HealthCheck(kind=CheckKind.HTTP, uri="/else"))): SPARES // SMALLER,
        seatable(frame, Match("h.com", "/app"), Options(rewrite=True)): SPARES // SMALLER,
    }
    assert {each.options.check.uri for each in spares} == {"/"}
    assert len({each.match for each in spares}) == len(spares)
    many = [Site(match=Match(f"h{n}.com"), options=Options(backend_options=(f"option-{n}",))) for n in range(20)]
    assert len(render(frame, many).spares) == SPARES + MOST_POOLS * SPARES // SMALLER


def test_spares_are_rendered_after_everything_and_are_part_of_the_structure():
    rendered = render(FRAME, [Site(match=NEW, options=Options())])
    assert rendered.config.index("backend new_com\n") < rendered.config.index("backend SPARE_")
    assert rendered.config.count("\nbackend SPARE_") == 2
    assert "SPARE" not in rendered.routes_map
    assert render(FRAME, []).generation != render(Frame(**{**_fields(FRAME), "spares": 3}), []).generation


def _fields(frame):
    return {name: getattr(frame, name) for name in frame.__struct_fields__}


@pytest.mark.parametrize(
    ("options", "fits"),
    [
        (Options(), True),
        (Options(check_interval=1000, ssl_backend=True), True),
        (Options(balance=Balance.LEASTCONN), False),
        (Options(ssl_only=True), False),
        (Options(ssl_backend=True, ssl_backend_verify=Verify.REQUIRED), False),
    ],
)
def test_only_what_differs_in_its_servers_alone_fits(options, fits):
    assert (seatable(FRAME, NEW, options) == seatable(FRAME, OTHER, Options())) is fits


def test_a_stripped_path_fits_where_as_many_segments_are_stripped():
    options = Options(rewrite=True)
    assert seatable(FRAME, Match("new.com", "/app"), options) == seatable(FRAME, Match("x.com", "/y"), options)
    assert seatable(FRAME, Match("new.com", "/app"), options) != seatable(FRAME, Match("x.com", "/y/z"), options)
    assert seatable(FRAME, Match("new.com", "/app"), options) != seatable(FRAME, NEW, options)


async def turn(bench):
    """As the driver does it: seat what is new, plan, apply."""
    serving = dict(await bench.proxy.observe(None))
    for match, route in bench.table.items():
        if match not in serving and (seat := bench.proxy.seat(match, route.backend.options)) is not None:
            serving[match] = seat
    wanted = {match: bench.table.get(match) for match in bench.table.keys() | serving.keys()}
    plan = make_plan(wanted, serving)
    if plan.steps:
        await bench.proxy.apply(plan.steps, bench.table)
    if plan.reload is not None:
        bench.reloads += 1
        await bench.proxy.apply([plan.reload], bench.table)
    return plan


async def with_a_first_host(bench, applications):
    """The first host of all is loaded; the next ones are what this is about."""
    bench.want(applications.server("web_3"), host="first.com")
    await turn(bench)
    assert bench.reloads == 1
    bench.reloads = 0
    return bench


@pytest.fixture
async def bench(bench, applications):
    return await with_a_first_host(bench, applications)


@pytest.mark.real
async def test_the_first_host_of_all_gets_its_own_backend_at_once(new_bench, applications):
    bench = await new_bench()
    bench.want(applications.server("web_1"))
    await turn(bench)
    assert bench.reloads == 1
    assert bench.proxy.overdue() == ""


@pytest.mark.real
async def test_a_new_host_is_served_without_a_reload_and_then_gets_its_own_backend(bench, applications):
    assert isinstance(bench.proxy, SeatsRoutes)
    worker = bench.proxy._master.worker
    bench.want(applications.server("web_1"))
    await turn(bench)
    assert await bench.get() == (200, "web_1")
    bench.want(applications.server("web_1"), applications.server("web_2"))
    await turn(bench)
    assert set(await bench.shares(6)) == {"web_1", "web_2"}
    bench.want(applications.server("web_2"))
    await turn(bench)
    assert set(await bench.shares(6)) == {"web_2"}
    assert (bench.reloads, bench.proxy._master.worker) == (0, worker)
    assert not (await turn(bench)).steps
    assert bench.proxy.overdue() == ""
    bench.proxy._seated_at -= proxy_module.SETTLE_SECONDS + proxy_module.REST * bench.proxy._load_seconds
    assert bench.proxy.overdue() == "backends for new sites: demo.interlock.com"
    await bench.proxy.apply([Reload(bench.proxy.overdue())], bench.table)
    assert bench.proxy._master.worker != worker
    assert await bench.get() == (200, "web_2")
    assert not (await turn(bench)).steps
    assert "backend demo_interlock_com\n" in (bench.folder / "state" / "haproxy.cfg").read_text()


@pytest.mark.real
async def test_a_host_in_a_spare_that_leaves_is_unknown_and_may_come_back(bench, applications):
    bench.want(applications.server("web_1"))
    await turn(bench)
    bench.table.drop(Match(HOST))
    await turn(bench)
    assert (await bench.get())[0] == 404
    bench.want(applications.server("web_2"))
    await turn(bench)
    assert await bench.get() == (200, "web_2")
    assert bench.reloads == 0


@pytest.mark.real
async def test_a_killed_haproxy_comes_back_with_what_sat_in_spares(bench, applications):
    bench.want(applications.server("web_1"))
    await turn(bench)
    os.kill(bench.proxy._master._service.pid, signal.SIGKILL)
    async with asyncio.timeout(10):
        while not bench.looks:  # noqa: ASYNC110 - another process's end
            await asyncio.sleep(0.01)
    assert await bench.get() == (200, "web_1")
    assert not (await turn(bench)).steps
    assert bench.reloads == 0


@pytest.mark.real
@pytest.mark.parametrize("is_written", [True, False])
async def test_an_interlock_that_comes_back_finds_who_sits_where(new_bench, applications, is_written):
    first = await with_a_first_host(await new_bench(), applications)
    first.want(applications.server("web_1"))
    await turn(first)
    await first.proxy._tasks.stop()  # as after kill -9: nobody stops HAProxy
    if is_written:
        first.proxy._write()
    first.proxy._lock.release()
    second = await new_bench(port=first.settings.port)
    assert await second.get() == (200, "web_1")
    second.want(applications.server("web_3"), host="first.com")
    second.want(applications.server("web_1"))
    second.want(applications.server("web_2"), host="other.com")
    await turn(second)
    assert await second.get() == (200, "web_1")
    assert await second.get("other.com") == (200, "web_2")
    assert second.reloads == 0


@pytest.mark.real
async def test_nobody_is_seated_while_a_configuration_is_loaded(bench, applications):
    bench.want(applications.server("web_1"))
    bench.proxy._loading = True
    assert bench.proxy.seat(Match(HOST), Options()) is None
    bench.proxy._loading = False
    assert bench.proxy.seat(Match(HOST), Options()) is not None


def test_spares_have_the_locality_of_what_is_loaded():
    near = Options(locality=("node1",))
    spares = render(FRAME, [Site(match=NEW, options=Options()), Site(match=OTHER, options=near)]).spares
    assert [each.options for each in spares] == [near, near, Options()]
    assert seatable(FRAME, NEW, near) == spares[0].rules != seatable(FRAME, NEW, Options())


@pytest.mark.real
async def test_with_a_locality_a_new_host_takes_no_reload_either(new_bench, applications):
    bench, near = await new_bench(), Options(locality=("node1",))
    bench.want(applications.server("web_3"), host="first.com", options=near)
    await turn(bench)
    assert bench.reloads == 1
    bench.want(applications.server("web_1"), applications.server("web_2", standby=True), options=near)
    await turn(bench)
    assert bench.reloads == 1
    assert set(await bench.shares(6)) == {"web_1"}
    bench.want(applications.server("web_2", standby=True), options=near)
    await turn(bench)
    assert bench.reloads == 1
    assert set(await bench.shares(6)) == {"web_2"}


@pytest.mark.real
async def test_a_host_that_asks_as_others_do_takes_no_reload_and_its_checks_ask_for_what_it_wants(
    new_bench, applications
):
    def asking(uri):
        return Options(balance=Balance.LEASTCONN, check=HealthCheck(kind=CheckKind.HTTP, uri=uri), check_interval=100)

    bench = await new_bench()
    bench.want(applications.server("web_3"), host="first.com", options=asking("/first"))
    await turn(bench)
    assert bench.reloads == 1
    bench.want(applications.server("web_1"), options=asking("/health?of=web_1"))
    await turn(bench)
    assert bench.reloads == 1
    assert await bench.get() == (200, "web_1")
    name = backend_name(bench.proxy._spares.seat_of(Match(HOST)))
    told = await bench.proxy._ask([f"get map checks.map {name}", f"get map check_hosts.map {name}"])
    assert ('value="/health?of=web_1"' in told[0], f'value="{HOST}"' in told[1]) == (True, True)
    bench.want(applications.server("web_2"), host="third.com", options=Options(check=HealthCheck(kind=CheckKind.NONE)))
    await turn(bench)
    assert bench.reloads == 1, "a plain one finds its pool, too"
    assert await bench.get("third.com") == (200, "web_2")

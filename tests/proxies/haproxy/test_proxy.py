"""The HAProxy plugin against real HAProxy processes of every version at hand."""

import asyncio
import os
import re
import signal
import socket
from pathlib import Path

import aiohttp
import pytest
from aiohttp import encode_basic_auth

from interlock.core.model import Balance, CheckKind, HealthCheck, Match, Options, Retry, ServerState, Verify
from interlock.core.problems import PermanentError

pytestmark = pytest.mark.real

HOST = "demo.interlock.com"
PROC = Path("/proc")


async def until(condition, seconds=20.0):
    """Wait for what must come true soon."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the condition is another process's
            await asyncio.sleep(0.01)


def config(bench):
    return (bench.folder / "state" / "haproxy.cfg").read_text()


async def test_a_new_site_is_one_reload_and_its_replicas_are_none(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.turn()
    assert (await bench.get()) == (200, "web_1")
    for names in (("web_1", "web_2"), ("web_1", "web_2", "web_3"), ("web_3",), ("web_1", "web_2", "web_3")):
        bench.want(*(applications.server(name) for name in names))
        await bench.turn()
        assert set(await bench.shares(9)) == set(names)
    assert bench.reloads == 1
    await bench.turn()
    assert bench.steps == []


async def test_hosts_match_exactly_whatever_their_case_port_or_trailing_dot(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.turn()
    for host in (HOST, "DEMO.Interlock.COM", f"{HOST}:8080", f"{HOST}.", f"{HOST}.:80"):
        assert (await bench.get(host))[0] == 200, host
    for host in (f"{HOST}.evil.org", "x" + HOST, "interlock.com", "x.demo.interlock.com", "127.0.0.1", "[::1]"):
        assert (await bench.get(host))[0] == 404, host
    assert (await bench.get(f"{HOST}/app"))[0] == 400


async def test_a_known_host_without_servers_answers_503_and_one_that_is_given_up_404(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.turn()
    bench.want()
    await bench.turn()
    assert (await bench.get())[0] == 503
    bench.table.drop(Match(HOST))
    await bench.turn()
    assert (await bench.get())[0] == 404
    bench.want(applications.server("web_1"))
    await bench.turn()
    assert (await bench.get())[0] == 200
    assert bench.reloads == 1


async def test_wildcards_match_below_their_domain_and_never_catch_a_known_hosts_other_paths(bench, applications):
    bench.want(applications.server("web_1"), host="*.wild.com")
    bench.want(applications.server("web_2"), host="*.deep.wild.com")
    bench.want(applications.server("web_3"), host="a.wild.com", path="/app")
    await bench.turn()
    assert await bench.get("x.wild.com") == (200, "web_1")
    assert await bench.get("y.x.wild.com") == (200, "web_1")
    assert await bench.get("x.deep.wild.com") == (200, "web_2")
    assert (await bench.get("wild.com"))[0] == 404
    assert await bench.get("a.wild.com", "/app/x") == (200, "web_3")
    assert (await bench.get("a.wild.com", "/"))[0] == 404
    bench.table.drop(Match("a.wild.com", "/app"))
    await bench.turn()
    assert await bench.get("a.wild.com", "/app/x") == (200, "web_1")
    bench.want(applications.server("web_3"), host="a.wild.com", path="/app")
    await bench.turn()
    assert await bench.get("a.wild.com", "/app") == (200, "web_3")
    assert (await bench.get("a.wild.com", "/"))[0] == 404
    assert bench.reloads == 1


async def test_paths_match_whole_segments_and_the_longest_wins(bench, applications):
    bench.want(applications.server("web_1"))
    bench.want(applications.server("web_2"), path="/app", options=Options(rewrite=True))
    bench.want(applications.server("web_3"), path="/app/v2")
    await bench.turn()
    assert await bench.get(path="/application") == (200, "web_1")
    assert await bench.get(path="/app/x?y=1") == (200, "web_2")
    assert applications.seen[-1].startswith("GET /x?y=1 ")
    assert await bench.get(path="/app/v2/z") == (200, "web_3")
    assert applications.seen[-1].startswith("GET /app/v2/z ")
    status, _ = await bench.get(path="/app")
    assert status == 301


async def test_a_server_that_must_not_take_traffic_takes_none(bench, applications):
    bench.want(applications.server("web_1"), applications.server("web_2"))
    await bench.turn()
    bench.want(applications.server("web_1", state=ServerState.DRAINING), applications.server("web_2"))
    await bench.turn()
    assert set(await bench.shares(6)) == {"web_2"}
    bench.want(applications.server("web_1"), applications.server("web_2"))
    await bench.turn()
    assert bench.steps == ["EnableServer"]
    assert set(await bench.shares(6)) == {"web_1", "web_2"}


async def test_a_container_that_comes_back_under_its_name_at_another_address_is_found_there(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.turn()
    bench.want()
    await bench.turn()
    await applications.start("web_1")
    bench.want(applications.server("web_1"))
    await bench.turn()
    assert await bench.get() == (200, "web_1")


async def test_ssl_only_redirects_to_the_same_url_over_https(bench, applications):
    bench.want(applications.server("web_1"), options=Options(ssl_only=True))
    await bench.turn()
    async with (
        aiohttp.ClientSession() as session,
        session.get(
            f"http://127.0.0.1:{bench.settings.port}/a?b=c",
            headers={"Host": f"{HOST}:8080", "X-Forwarded-Proto": "https"},
            allow_redirects=False,
        ) as answer,
    ):
        assert (answer.status, answer.headers["Location"]) == (302, f"https://{HOST}/a?b=c")


async def test_weights_share_the_load(bench, applications):
    bench.want(applications.server("web_1", weight=30), applications.server("web_2", weight=10))
    await bench.turn()
    shares = await bench.shares(40)
    assert 25 <= shares["web_1"] <= 35
    bench.want(applications.server("web_1", weight=0), applications.server("web_2", weight=10))
    await bench.turn()
    assert set(await bench.shares(6)) == {"web_2"}


async def test_every_option_is_accepted_without_a_warning(bench, applications):
    kinds = [kind for kind in CheckKind if kind is not CheckKind.NONE]
    for number, balance in enumerate(Balance):
        bench.want(applications.server("web_1"), host=f"b{number}.com", options=Options(balance=balance))
    for number, kind in enumerate(kinds):
        bench.want(applications.server("web_1"), host=f"c{number}.com", options=Options(check=HealthCheck(kind=kind)))
    bench.want(host="t1.com", options=Options(ssl_backend=True, ssl_only=True, rewrite=True))
    bench.want(host="t2.com", path="/x", options=Options(ssl_backend=True, ssl_backend_verify=Verify.REQUIRED))
    outcome = await bench.turn()
    assert outcome.refused == ()
    ended = await bench.proxy._master.check()
    assert "WARNING" not in ended.output, ended.output


async def test_every_balance_and_check_takes_servers_at_run_time(bench, applications):
    sites = [Options(balance=balance) for balance in Balance]
    sites += [Options(check=HealthCheck(kind=kind, uri="/health", host="h.com")) for kind in CheckKind]
    sites += [Options(retry=retry, slow_start=30) for retry in Retry]
    sites += [Options(ssl_backend=True), Options(ssl_backend=True, ssl_backend_verify=Verify.REQUIRED)]
    for number, options in enumerate(sites):
        bench.want(host=f"s{number}.com", options=options)
    await bench.turn()
    for number, options in enumerate(sites):
        bench.want(applications.server("web_1"), host=f"s{number}.com", options=options)
    await bench.turn()
    assert bench.steps == ["AddServer"] * len(sites)
    await bench.turn()
    assert bench.steps == []


async def test_the_file_on_disk_follows_what_is_served(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.turn()
    bench.want(applications.server("web_1"), applications.server("web_2"))
    await bench.turn()
    await until(lambda: "server web_2 " in config(bench))
    bench.table.drop(Match(HOST))
    await bench.turn()
    await until(lambda: "server " not in config(bench).split("backend demo_interlock_com")[1])
    assert HOST not in (bench.folder / "state" / "routes.map").read_text()


@pytest.mark.parametrize("victim", ["worker", "master"])
async def test_a_killed_haproxy_is_back_by_itself_and_serves_what_is_wanted(bench, applications, victim):
    bench.want(applications.server("web_1"))
    await bench.turn()
    bench.want(applications.server("web_2"))
    await bench.turn()
    os.kill(bench.proxy._master.worker if victim == "worker" else bench.proxy._master._service.pid, signal.SIGKILL)
    await until(lambda: bench.looks, seconds=20)
    assert await bench.get() == (200, "web_2")
    await bench.turn()
    assert bench.steps == []


async def test_an_interlock_that_comes_back_adopts_the_haproxy_that_went_on(new_bench, applications):
    first = await new_bench()
    first.want(applications.server("web_1"))
    await first.turn()
    await first.proxy._tasks.stop()  # as after kill -9: nobody stops HAProxy
    first.proxy._lock.release()
    second = await new_bench(port=first.settings.port)
    assert second.proxy._master.worker == first.proxy._master.worker
    assert await second.get() == (200, "web_1")
    second.want(applications.server("web_2"))
    await second.turn()
    assert second.reloads == 0
    assert await second.get() == (200, "web_2")
    os.kill(second.proxy._master._service.pid, signal.SIGKILL)
    await until(lambda: second.looks, seconds=20)
    assert await second.get() == (200, "web_2")


async def test_it_boots_from_the_last_good_state_before_anything_is_wanted(new_bench, applications):
    first = await new_bench()
    first.want(applications.server("web_1"), applications.server("web_2"))
    await first.turn()
    await first.proxy.close()
    second = await new_bench(port=first.settings.port)
    assert set(await second.shares(6)) == {"web_1", "web_2"}


async def test_a_damaged_last_good_state_is_no_obstacle(new_bench, folder):
    (folder / "state").mkdir()
    (folder / "state" / "last-good.json").write_text('{"generation": 7')
    bench = await new_bench()
    assert (await bench.get())[0] == 404


async def test_two_interlocks_do_not_drive_one_haproxy(new_bench):
    await new_bench()
    with pytest.raises(PermanentError, match="another Interlock"):
        await new_bench()


async def test_a_port_that_is_taken_is_said_with_its_fix(new_bench):
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        with pytest.raises(PermanentError, match="HAPROXY_PORT"):
            await new_bench(port=taken.getsockname()[1])


async def test_the_operators_pages_want_a_password_but_the_monitor_does_not(bench):
    assert (await bench.get(path="/haproxy?monitor"))[0] == 200
    assert (await bench.get(path="/haproxy?stats"))[0] == 401
    assert (await bench.get(path="/haproxy?metrics"))[0] == 401
    password = (bench.folder / "state" / "stats-password").read_text().strip()
    assert (bench.folder / "state" / "stats-password").stat().st_mode & 0o777 == 0o600
    right = {"Authorization": encode_basic_auth("stats", password)}
    wrong = {"Authorization": encode_basic_auth("stats", "interlock")}
    assert (await bench.get(path="/haproxy?stats", headers=right))[0] == 200
    status, metrics = await bench.get(path="/haproxy?metrics&scope=frontend", headers=right)
    assert status == 200
    assert "haproxy_frontend_" in metrics
    assert "haproxy_backend_" not in metrics
    assert (await bench.get(path="/haproxy?stats", headers=wrong))[0] == 401


async def test_what_a_client_says_of_itself_is_replaced(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.turn()
    lies = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "X-Real-IP": "6.6.6.6", "Proxy": "http://evil"}
    await bench.get(headers=lies)
    head = applications.seen[-1].lower()
    assert "6.6.6.6" not in head
    assert "evil" not in head
    assert "x-forwarded-for: 127.0.0.1" in head
    assert "x-forwarded-proto: http\r\n" in head


async def test_haproxy_runs_without_root_and_with_an_empty_environment(bench):
    if os.geteuid() != 0:
        pytest.fail("this test must run as root, to see that root is dropped")
    for pid in (bench.proxy._master.worker, bench.proxy._master._service.pid):
        status = dict(re.findall(r"^(\w+):\t(.*)$", (PROC / str(pid) / "status").read_text(), re.MULTILINE))
        assert "0" not in status["Uid"].split()
        assert int(status["CapEff"], 16) in {0, 0x400}
        environment = (PROC / str(pid) / "environ").read_text()
        assert "PATH=" not in environment
        assert "HOME=" not in environment


async def test_a_site_that_haproxy_refuses_is_left_out_by_name_and_the_others_go_live(bench, applications):
    bench.want(applications.server("web_1"))
    bench.want(applications.server("web_2"), host="bad.com", options=Options(backend_options=("no-such-option",)))
    outcome = await bench.turn()
    assert [str(refused.match) for refused in outcome.refused] == ["bad.com"]
    assert "no-such-option" in outcome.refused[0].why
    assert await bench.get() == (200, "web_1")
    assert (await bench.get("bad.com"))[0] == 404
    await bench.turn()
    assert bench.reloads == 1, "what was refused is not tried again and again"


async def test_a_refused_change_keeps_the_last_good_version_of_its_route(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.turn()
    bench.want(applications.server("web_1"), options=Options(backend_options=("no-such-option",)))
    bench.want(applications.server("web_2"), host="other.com")
    await bench.turn()
    assert await bench.get() == (200, "web_1")
    assert await bench.get("other.com") == (200, "web_2")

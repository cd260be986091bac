"""The NGINX plugin against real NGINX processes; what it has in common with HAProxy's is in test_alike.py."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import aiohttp
import pytest

from interlock.core.model import Balance, Maintenance, Match, Options
from interlock.core.problems import PermanentError, TemporaryError
from interlock.host import procfs

pytestmark = pytest.mark.real

HOST = "demo.interlock.com"
DEBIAN = "/usr/sbin/nginx"
PROC = Path("/proc")


async def until(condition, seconds=20.0):
    """Wait for what must come true soon."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the condition is another process's
            await asyncio.sleep(0.01)


def abandon(bench):
    """As after kill -9: NGINX goes on, nobody drives it, the kernel has dropped the lock."""
    for task in list(bench.proxy._tasks._tasks):
        task.cancel()
    bench.proxy._lock.release()


def state(bench, name="nginx.conf"):
    return (bench.folder / "state" / name).read_text()


async def test_with_lua_a_new_site_is_one_reload_and_its_replicas_are_none(new_bench, applications):
    bench = await new_bench(binary=DEBIAN)
    bench.want(applications.server("web_1"))
    await bench.settle()
    for names in (("web_1", "web_2"), ("web_1", "web_2", "web_3"), ("web_3",), (), ("web_1", "web_2", "web_3")):
        bench.want(*(applications.server(name) for name in names))
        await bench.settle()
    bench.want(applications.server("web_1"), maintenance=Maintenance("Later"))
    await bench.settle()
    bench.table.drop(Match(HOST))
    await bench.settle()
    assert bench.reloads == 1
    assert (await bench.get())[0] == 404


async def test_without_lua_every_change_is_one_reload(new_bench, applications):
    bench = await new_bench(binary=DEBIAN, live_servers=False)
    for number, names in enumerate((("web_1",), ("web_1", "web_2"), ("web_2",), ()), start=1):
        bench.want(*(applications.server(name) for name in names))
        await bench.settle()
        assert bench.reloads == number


async def test_a_server_that_was_taken_out_gets_no_new_connection(bench, applications):
    for _ in range(5):
        bench.want(applications.server("web_1"), applications.server("web_2"))
        await bench.turn()
        bench.want(applications.server("web_2"))
        await bench.turn()
        assert set(await bench.shares(8)) == {"web_2"}, "old workers accept no more once the turn has ended"


async def test_additions_wait_for_company_and_removals_do_not(new_bench, applications):
    bench = await new_bench(binary=DEBIAN, live_servers=False)
    bench.want(applications.server("web_1"))
    await bench.turn()
    since = asyncio.get_running_loop().time()
    bench.want(applications.server("web_1"), applications.server("web_2"))
    await bench.turn()
    assert asyncio.get_running_loop().time() - since > 0.25
    paused = []

    async def retiring():
        paused.append(1)
        return 0

    bench.proxy._master.retiring = retiring
    bench.want(applications.server("web_2"))
    await bench.turn()
    assert not paused


async def test_connections_to_containers_are_kept(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.settle()
    async with aiohttp.ClientSession() as session:
        for _ in range(20):
            async with session.get(f"http://127.0.0.1:{bench.settings.port}/", headers={"Host": HOST}) as answer:
                await answer.read()
    sessions = await bench.proxy.sessions(Match(HOST))
    assert sessions == {"web_1": 1}


async def test_the_files_on_disk_follow_what_is_served(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.settle()
    name = "records.txt" if bench.proxy.abilities.live_servers else "nginx.conf"
    server = applications.server("web_2")
    bench.want(applications.server("web_1"), server)
    await bench.settle()
    await until(lambda: server.endpoint in state(bench, name) and f":{server.port}," in state(bench, "last-good.json"))
    bench.want()
    await bench.settle()
    await until(lambda: server.endpoint not in state(bench, name))


@pytest.mark.parametrize("victim", ["worker", "master", "all"])
async def test_a_killed_nginx_is_back_by_itself_and_serves_what_is_wanted(bench, applications, victim):
    bench.want(applications.server("web_1"))
    await bench.settle()
    bench.want(applications.server("web_2"))
    await bench.settle()
    master = bench.proxy._master
    if victim == "worker":
        old = procfs.children_of(master.pid)
        for pid in old:
            with contextlib.suppress(ProcessLookupError):  # it was one that only finished what it had
                os.kill(pid, signal.SIGKILL)
        await until(lambda: procfs.children_of(master.pid) and not set(old) & set(procfs.children_of(master.pid)))
    else:
        (os.killpg if victim == "all" else os.kill)(master.pid, signal.SIGKILL)
        await until(lambda: bench.looks, seconds=20)
    assert await bench.get() == (200, "web_2")
    await bench.settle()
    assert await bench.get() == (200, "web_2")


async def test_an_interlock_that_comes_back_adopts_the_nginx_that_went_on(new_bench, applications):
    first = await new_bench(binary=DEBIAN)
    first.want(applications.server("web_1"))
    await first.settle()
    abandon(first)
    second = await new_bench(binary=DEBIAN, port=first.settings.port)
    assert second.proxy._master.pid == first.proxy._master.pid
    assert procfs.children_of(second.proxy._master.pid) == procfs.children_of(first.proxy._master.pid)
    assert await second.get() == (200, "web_1")
    second.want(applications.server("web_2"))
    await second.settle()
    assert second.reloads == 0
    assert await second.get() == (200, "web_2")
    os.kill(second.proxy._master.pid, signal.SIGKILL)
    await until(lambda: second.looks, seconds=20)
    assert await second.get() == (200, "web_2")


async def test_an_adopted_nginx_with_other_settings_gets_ours(bench, new_bench, applications):
    bench.want(applications.server("web_1"))
    await bench.settle()
    abandon(bench)
    second = await new_bench(
        binary=bench.settings.binary,
        live_servers=bench.settings.live_servers,
        port=bench.settings.port,
        unknown_host_status=503,
    )
    assert second.proxy._master.pid == bench.proxy._master.pid
    assert await second.get() == (200, "web_1")
    assert (await second.get("unknown.com"))[0] == 503


async def test_workers_whose_master_died_with_interlock_are_told_to_finish(new_bench, applications):
    first = await new_bench(binary=DEBIAN)
    first.want(applications.server("web_1"))
    await first.settle()
    orphans = procfs.children_of(first.proxy._master.pid)
    abandon(first)
    os.kill(first.proxy._master.pid, signal.SIGKILL)
    assert await first.get() == (200, "web_1"), "they go on serving"
    second = await new_bench(binary=DEBIAN, port=first.settings.port)
    assert second.proxy._master.pid != first.proxy._master.pid
    assert await second.get() == (200, "web_1")
    await until(lambda: not any(procfs.title_of(pid) for pid in orphans))


async def test_an_nginx_that_was_started_otherwise_is_told_to_finish(new_bench, applications, folder):
    first = await new_bench(binary=DEBIAN)
    first.want(applications.server("web_1"))
    await first.settle()
    abandon(first)
    second = await new_bench(binary=DEBIAN, port=first.settings.port, config_path=str(folder / "state" / "other.conf"))
    assert second.proxy._master.pid != first.proxy._master.pid
    assert await second.get() == (200, "web_1")
    await until(lambda: not procfs.title_of(first.proxy._master.pid))


async def test_it_boots_from_the_last_good_state_before_anything_is_wanted(bench, new_bench, applications):
    bench.want(applications.server("web_1"), applications.server("web_2"))
    bench.want(host="closed.com", maintenance=Maintenance("Later"))
    await bench.settle()
    await bench.proxy.close()
    second = await new_bench(
        binary=bench.settings.binary, live_servers=bench.settings.live_servers, port=bench.settings.port
    )
    assert set(await second.shares(6)) == {"web_1", "web_2"}
    assert await second.get("closed.com") == (503, "Later")


async def test_a_damaged_last_good_state_is_no_obstacle(new_bench, folder):
    (folder / "state").mkdir()
    (folder / "state" / "last-good.json").write_text('{"generation": 7')
    bench = await new_bench()
    assert (await bench.get())[0] == 404


async def test_two_interlocks_do_not_drive_one_nginx(new_bench):
    await new_bench()
    with pytest.raises(PermanentError, match="another Interlock"):
        await new_bench()


async def test_a_port_that_is_taken_is_said_with_its_fix(new_bench):
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        with pytest.raises(PermanentError, match="NGINX_PORT"):
            await new_bench(port=taken.getsockname()[1])


async def test_nginx_runs_without_root_and_with_an_empty_environment(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.settle()
    if os.geteuid() != 0:
        pytest.fail("this test must run as root, to see that root is dropped")
    await until(lambda: len(procfs.children_of(bench.proxy._master.pid)) == bench.settings.worker_processes)
    for pid in (bench.proxy._master.pid, *procfs.children_of(bench.proxy._master.pid)):
        status = dict(re.findall(r"^(\w+):\t(.*)$", (PROC / str(pid) / "status").read_text(), re.MULTILINE))
        assert "0" not in status["Uid"].split()
        assert int(status["CapEff"], 16) in {0, 0x400}
        environment = (PROC / str(pid) / "environ").read_text()
        assert "PATH=" not in environment
        assert "HOME=" not in environment


async def test_every_setting_is_taken(way, new_bench, applications, folder):
    bench = await new_bench(
        **way,
        config_path=str(folder / "state" / "mine.conf"),
        pid_path=str(folder / "run" / "mine.pid"),
        max_conn=100,
        worker_processes=1,
        rlimit_nofile=256,
        proxy_connect_timeout=1,
        proxy_send_timeout=2,
        proxy_read_timeout=3,
        send_timeout=4,
        shutdown_timeout=5,
        buffering=True,
        max_body_size=1,
        syslog_addr="127.0.0.1:9",
        trusted_proxies=("10.0.0.0/8", "fd00::/8"),
        status_allow=("10.0.0.0/8", "fd00::/8"),
        unknown_host_status=503,
    )
    bench.want(applications.server("web_1"))
    await bench.settle()
    assert await bench.get() == (200, "web_1")
    assert (await bench.get("unknown.com"))[0] == 503
    assert (folder / "run" / "mine.pid").read_text().strip() == str(bench.proxy._master.pid)
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.settings.port)
    writer.write(f"POST / HTTP/1.0\r\nHost: {HOST}\r\nContent-Length: 1048577\r\n\r\n".encode())
    assert (await reader.read()).split()[1] == b"413"
    writer.close()


@pytest.mark.parametrize("path", ["/../secret", "/a/../../secret", "/%00"])
async def test_a_path_that_climbs_out_is_refused(bench, applications, path):
    bench.want(applications.server("web_1"))
    await bench.settle()
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.settings.port)
    writer.write(f"GET {path} HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
    assert (await reader.read()).split()[1] == b"400"
    writer.close()


@pytest.mark.parametrize("user", ["root", "nobody-has-this-name"])
async def test_a_user_that_cannot_be_is_refused(new_bench, user):
    with pytest.raises(PermanentError, match=user):
        await new_bench(user=user)


@pytest.fixture
def other_addresses():
    """Two addresses of this machine that are not loopback's own."""
    addresses = ("10.79.1.1", "10.79.2.1")
    for address in addresses:
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
    yield addresses
    for address in addresses:
        subprocess.run(["ip", "address", "del", f"{address}/32", "dev", "lo"], check=True)


async def test_only_this_machine_and_allowed_networks_see_the_status(new_bench, applications, other_addresses):
    bench = await new_bench(binary=DEBIAN, status_allow=("10.79.2.0/24",))
    bench.want(applications.server("web_1"))
    await bench.settle()
    for host in (HOST, "unknown.com"):
        status, text = await bench.get(host, "/nginx_status")
        assert status == 200
        assert "Active connections" in text
    for address, expected in zip(other_addresses, (403, 200), strict=True):
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{address}:{bench.settings.port}/nginx_status", headers={"Host": HOST}) as answer,
        ):
            assert answer.status == expected


async def test_a_request_has_an_id_and_no_upgrade_that_hides_the_next_ones(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.settle()
    await bench.get(headers={"X-Request-ID": "forged", "Upgrade": "h2c", "Connection": "Upgrade, HTTP2-Settings"})
    head = applications.seen[-1]
    assert re.search(r"X-Request-ID: [0-9a-f]{32}\r\n", head)
    assert "h2c" not in head


async def test_a_container_cannot_reach_nginxs_own_pages(bench, applications):
    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nX-Accel-Redirect: /nginx_status\r\nContent-Length: 3\r\n\r\nown")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    applications.ports["evil"] = server.sockets[0].getsockname()[1]
    bench.want(applications.server("evil"))
    await bench.settle()
    assert await bench.get() == (200, "own")
    server.close()


async def test_records_that_do_not_fit_are_refused_and_nothing_is_lost(new_bench, applications):
    bench = await new_bench(binary=DEBIAN)
    bench.want(applications.server("web_1"))
    await bench.settle()
    control = bench.proxy._master.control
    with pytest.raises(TemporaryError, match="507"):
        await control.put(f"other{number} {'x' * 900_000}\n" for number in range(20))
    await control.put(f"other{number}\n" for number in range(20))
    bench.want(applications.server("web_2"))
    await bench.settle()
    assert await bench.get() == (200, "web_2")


async def test_lua_that_does_not_load_is_not_used(new_bench, applications, monkeypatch, folder):
    module = folder / "ngx_http_lua_module.so"
    module.write_text("not a library")
    module.chmod(0o644)
    monkeypatch.setattr("interlock.proxies.nginx.own_master.lua_modules", lambda _binary: (str(module),))
    bench = await new_bench(binary=DEBIAN)
    assert not bench.proxy.abilities.live_servers
    bench.want(applications.server("web_1"))
    await bench.settle()
    assert await bench.get() == (200, "web_1")


async def test_with_lua_a_new_host_is_served_without_a_reload(new_bench, applications):
    bench = await new_bench(binary=DEBIAN)
    bench.seats = True
    options = [Options(balance=balance, check_interval=100 + number) for number, balance in enumerate(Balance)]
    for number, each in enumerate(options):
        bench.want(applications.server("web_1"), host=f"n{number}.com", options=each)
    await bench.settle()
    for number in range(len(Balance)):
        assert await bench.get(f"N{number}.com:81") == (200, "web_1")
    bench.want(applications.server("web_2"), host="n0.com", options=options[0])
    bench.want(applications.server("web_1"), host="n1.com", options=options[1], maintenance=Maintenance("Later"))
    bench.want(host="n2.com", options=options[2])
    bench.table.drop(Match("n3.com"))
    await bench.settle()
    answers = [await bench.get(f"n{number}.com") for number in range(4)]
    assert answers[:2] == [(200, "web_2"), (503, "Later")]
    assert [status for status, _ in answers[2:]] == [503, 404]
    assert bench.reloads == 0
    bench.want(applications.server("web_3"), host="n0.com", path="/app")
    await bench.settle()
    assert bench.reloads == 1, "a path takes a reload, which gives all of them pools of their own"
    assert bench.proxy._ledger.seated == {}
    assert (await bench.get("n0.com"), await bench.get("n0.com", "/app")) == ((200, "web_2"), (200, "web_3"))
    assert await bench.get("n1.com") == (503, "Later")


async def test_what_sits_in_a_seat_survives_a_crash_of_nginx_and_of_interlock(new_bench, applications):
    bench = await new_bench(binary=DEBIAN)
    bench.seats = True
    bench.want(applications.server("web_1"))
    await bench.settle()
    os.killpg(bench.proxy._master.pid, signal.SIGKILL)
    await until(lambda: bench.looks, seconds=20)
    assert await bench.get() == (200, "web_1")
    await bench.settle()
    bench.want(applications.server("web_2"), host="new.com")
    await bench.settle()
    assert bench.reloads == 0
    await until(lambda: "new.com" in state(bench, "last-good.json"))
    abandon(bench)
    assert await bench.get("new.com") == (200, "web_2")
    second = await new_bench(binary=DEBIAN, port=bench.settings.port)
    assert await second.get("new.com") == (200, "web_2")


async def test_with_lua_another_algorithm_takes_no_reload(new_bench, applications):
    bench = await new_bench(binary=DEBIAN, worker_processes=1)
    servers = [applications.server(name) for name in ("web_1", "web_2", "web_3")]
    bench.want(*servers)
    await bench.settle()
    await until(lambda: len(procfs.children_of(bench.proxy._master.pid)) == 1)
    workers = procfs.children_of(bench.proxy._master.pid)
    assert len(await bench.shares(6)) == 3
    bench.want(*servers, options=Options(balance=Balance.SOURCE))
    await bench.settle()
    assert len(await bench.shares(6)) == 1
    assert procfs.children_of(bench.proxy._master.pid) == workers


async def test_with_lua_a_request_that_breaks_servers_reaches_only_some(new_bench, applications):
    bench = await new_bench(binary=DEBIAN, worker_processes=1)
    names = [f"app_{number}" for number in range(8)]
    await applications.start(*names)
    applications.weak.update(names)
    bench.want(*(applications.server(name) for name in names))
    await bench.settle()
    assert (await bench.get(path="/hangup"))[0] == 502
    assert 4 <= len(applications.seen) < len(names), "one may hang up before NGINX has noted that it was reached"
    for name in names[:-1]:
        await applications.kill(name)
    assert await bench.get() == (200, names[-1]), "but it is tried on all, where none was reached"


async def test_with_lua_a_newcomer_starts_slowly(new_bench, applications):
    bench = await new_bench(binary=DEBIAN, worker_processes=1)
    options = Options(slow_start=600)
    bench.want(applications.server("web_1"), options=options)
    await bench.settle()
    await bench.shares(1)
    bench.want(applications.server("web_1"), applications.server("web_2"), options=options)
    await bench.settle()
    assert (await bench.shares(33))["web_2"] == 3, "a tenth of the other's share"


async def test_without_lua_nothing_is_seated(new_bench, applications):
    bench = await new_bench(binary=DEBIAN, live_servers=False)
    bench.seats = True
    bench.want(applications.server("web_1"))
    await bench.settle()
    assert bench.reloads == 1


async def test_a_host_can_be_closed_whose_options_are_not_loaded(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.settle()
    options = Options(ssl_only=True)
    bench.want(applications.server("web_1"), options=options, maintenance=Maintenance("Later"))
    await bench.settle()
    assert await bench.get() == (503, "Later")

"""An NGINX in somebody else's container: on paper, and this machine's own as if it were in one."""

import asyncio
import os
import shlex
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from structlog.testing import capture_logs

from interlock.core.model import Match, Options
from interlock.core.problems import PermanentError, TemporaryError
from interlock.host import files
from interlock.host.process import Ended
from interlock.proxies.contract import Context
from interlock.proxies.nginx import PLUGIN, contained_master, master
from interlock.proxies.nginx.contained_master import TITLES, find_in
from interlock.proxies.nginx.control import Answer
from interlock.proxies.nginx.disk import SharedDisk
from interlock.proxies.nginx.settings import NginxSettings
from interlock.proxies.serving import contained
from interlock.testing.bench import on_bench
from interlock.testing.ports import free_port
from testbed.contained import MachineContainer, PaperContainer

GROUP = os.getegid()
NAME = "nginx@edge-1"
HOST = "demo.interlock.com"
MODULES = ("/m/ndk_http_module.so", "/m/ngx_http_lua_module.so")
LOOK = shlex.join(["sh", "-c", TITLES])
COMMAND = (
    'serve="nginx -e stderr -c {place}/nginx.conf"; rm -f {run}/*; until $serve -t -q; do sleep 0.1; done; exec $serve'
)
"""As docs/external-proxies.md has it, but for the pause and where the folders are."""


def container(**answers):
    """Answers as a good one does, unless told otherwise."""
    good = {
        "nginx -V": Ended(0, "nginx version: nginx/1.29.3\nconfigure arguments: --modules-path=/m --user=nginx\n"),
        "id -u": Ended(0, "101\n"),
        "id -g": Ended(0, f"{GROUP}\n"),
        "sh -c 'ulimit -H -n'": Ended(0, "524288\n"),
    }
    return PaperContainer(good | answers)


@pytest.fixture
def context():
    with tempfile.TemporaryDirectory(prefix="il-") as folder:
        place = Path(folder) / "edge-1"
        yield Context(
            name=NAME, settings=NginxSettings(), state_dir=place, run_dir=place / "run", look_again=lambda: None
        )


def answer_with(edge, monkeypatch, worker):
    async def generation():
        return Answer("0" * 16, worker)

    monkeypatch.setattr(edge.control, "generation", generation)


# --- on paper ---


async def test_its_files_are_for_the_container_s_group_and_its_lock_is_not(context):
    edge = await find_in(container(), context)
    disk = edge.disk
    assert (disk.config, disk.control_socket) == (context.state_dir / "nginx.conf", context.run_dir / "control.sock")
    assert disk.group == disk.run_dir.stat().st_gid == GROUP
    assert oct(disk.run_dir.stat().st_mode)[-3:] == "770"
    assert disk.lock.parent == disk.state_dir
    assert disk.temp_dir == Path("/tmp"), "its workers may be somebody who has no place in the folder"
    assert edge.most_open_files == 524_288
    assert not await edge.adopt(), "it waits for its first configuration"


async def test_one_that_root_runs_needs_no_group_of_ours(context, monkeypatch):
    monkeypatch.setattr(contained.os, "geteuid", lambda: 980)
    root = {"id -u": Ended(0, "0\n"), "id -g": Ended(0, "0\n")}
    assert (await find_in(container(**root), context)).disk.group == GROUP


async def test_nothing_is_written_for_one_of_a_group_that_is_not_ours(context, monkeypatch):
    monkeypatch.setattr(contained.os, "geteuid", lambda: 980)
    monkeypatch.setattr(contained.os, "getegid", lambda: 980)
    monkeypatch.setattr(contained.os, "getgroups", lambda: [980])
    with pytest.raises(PermanentError, match="runs in group 101,") as refused:
        await find_in(container(**{"id -g": Ended(0, "101\n")}), context)
    assert "nginx:980" in refused.value.fix
    assert not context.state_dir.exists()


@pytest.mark.parametrize(
    ("question", "answer", "why"),
    [
        ("nginx -V", Ended(127, "sh: nginx: not found"), "nginx is not nginx"),
        ("nginx -V", Ended(0, "nginx version: nginx/1.20.2"), r"older than 1\.22"),
        ("sh -c 'ulimit -H -n'", Ended(127, "\x1b[31mno such program"), "does not tell its limits"),
    ],
)
async def test_what_is_in_it_must_be_usable(context, question, answer, why):
    with pytest.raises(PermanentError, match=why):
        await find_in(container(**{question: answer}), context)


async def test_one_without_a_limit_of_open_files_has_none(context):
    edge = await find_in(container(**{"sh -c 'ulimit -H -n'": Ended(0, "unlimited\n")}), context)
    assert edge.most_open_files == sys.maxsize


async def test_its_lua_is_looked_for_in_the_container(context):
    question = f"test -f {MODULES[0]} -a -f {MODULES[1]}"
    assert await (await find_in(container(), context)).lua_modules() == MODULES
    assert await (await find_in(container(**{question: Ended(1, "")}), context)).lua_modules() is None
    built_in = {"nginx -V": Ended(0, "nginx version: openresty/1.27.1.2\n--add-module=../ngx_lua-0.10.28")}
    assert await (await find_in(container(**built_in), context)).lua_modules() == ()


async def test_the_candidate_is_checked_in_the_container(context):
    machine = container()
    edge = await find_in(machine, context)
    assert (await edge.check()).code == 0
    assert machine.asked[-1] == f"nginx -e stderr -c {context.state_dir}/candidate/nginx.conf -t -q"


async def test_a_reload_is_ordered_in_the_container_and_a_refusal_is_told(context, monkeypatch):
    reload = ["nginx", "-e", "stderr", "-c", f"{context.state_dir}/nginx.conf", "-s", "reload"]
    order = shlex.join(["sh", "-c", f'{TITLES}exec "$@"', "sh", *reload])
    machine = container(**{order: Ended(0, "1 0 nginx: master process nginx\n31 1 nginx: worker process\n")})
    edge = await find_in(machine, context)
    answer_with(edge, monkeypatch, worker=31)
    assert list(await edge.order_reload()) == [31], "the worker that there was"
    machine.answers[order] = Ended(1, "nginx: [error] invalid PID number \x1b in pid")
    with pytest.raises(TemporaryError, match="invalid PID number") as refused:
        await edge.order_reload()
    assert "\x1b" not in str(refused.value)


async def test_its_workers_are_those_of_the_master_that_answers(context, monkeypatch):
    listing = (
        "1 0 nginx: master process nginx -c /x\n"
        "30 1 nginx: worker process is shutting down\n"
        "31 1 nginx: worker process   \n"
        "70 7 nginx: worker process\n"
        "what a hostile one prints: 9 1 nginx: worker process\n"
    )
    edge = await find_in(container(**{LOOK: Ended(0, listing)}), context)
    answer_with(edge, monkeypatch, worker=31)
    assert await edge.workers() == {30: "nginx: worker process is shutting down", 31: "nginx: worker process"}
    assert await edge.retiring() == 1
    assert await edge.titles([31, 99]) == {31: "nginx: worker process"}


async def test_workers_that_do_not_stop_accepting_are_told_of_after_a_bounded_time(context, monkeypatch):
    edge = await find_in(container(**{LOOK: Ended(0, "31 1 nginx: worker process\n")}), context)
    answer_with(edge, monkeypatch, worker=31)
    monkeypatch.setattr(master, "RETIRE_SECONDS", 0)
    assert not await master.retired(edge.titles, [31], pause=0)
    assert await master.retired(edge.titles, [32], pause=0), "it is gone"


async def test_its_connections_are_read_from_the_tables_of_its_network(context):
    tables = (
        "  sl  local_address rem_address   st\n"
        "   0: 0100007F:9C40 0200000A:1388 01 00000000:00000000 00:00000000 00000000 101 0 4711 1 x\n"
        "   1: 0100007F:9C41 0200000A:1388 06 00000000:00000000 00:00000000 00000000   0 0 0 3 x\n"
        "garbage\n"
    )
    machine = container(**{"cat /proc/net/tcp /proc/net/tcp6": Ended(0, tables)})
    edge = await find_in(machine, context)
    assert await edge.connections(["10.0.0.2:5000", "10.0.0.3:5000"]) == {"10.0.0.2:5000": 1}


async def test_whatever_is_logged_of_it_says_which_one_it_is(context, monkeypatch):
    async def refuse(_master):
        raise TemporaryError("it does not answer")

    monkeypatch.setattr(contained_master.ContainedMaster, "start", refuse)
    context.state_dir.mkdir()
    (context.state_dir / "last-good.json").write_text("no JSON")
    (context.state_dir / "mine.j2").write_text("{% nonsense")
    settings = NginxSettings(template_path=str(context.state_dir / "mine.j2"))
    machine, verdicts = container(), [Ended(1, "unknown directive")]

    async def run(argv, *, seconds):
        return verdicts.pop() if "-t" in argv and verdicts else await machine.run(argv, seconds=seconds)

    proxy = PLUGIN.build_in(msgspec.structs.replace(context, settings=settings), SimpleNamespace(run=run))
    with capture_logs() as logs, pytest.raises(TemporaryError):
        await proxy.prepare()
    assert [entry["event"].partition("] ")[0] for entry in logs] == [f"[{NAME}"] * 4, logs


# --- this machine's ---


class Outside:
    """An NGINX that is not ours, and its plugin."""

    def __init__(self, folder):
        self.folder = folder
        self.container = MachineContainer(COMMAND.format(place=folder / "state", run=folder / "run"))
        self.run = self.container.run
        self.plugin = msgspec.structs.replace(PLUGIN, build=lambda context: PLUGIN.build_in(context, self))
        self.settings = {"port": free_port(), "ssl_cert_dir": "/none"}

    def bench(self, **settings):
        return on_bench(self.plugin, self.folder, self.settings | settings)


@pytest.fixture
async def outside(folder, monkeypatch):
    temp = folder / "temp"
    temp.mkdir()
    monkeypatch.setattr(SharedDisk, "_make_temp_dir", lambda _: temp)  # in place of the /tmp of a container
    made = Outside(folder)
    made.container.start()
    yield made
    await made.container.kill()


real = pytest.mark.real
LIVE = pytest.mark.parametrize("live", [True, False], ids=["lua", "reloads"])


@real
@LIVE
async def test_it_is_given_its_first_configuration_and_follows_every_change(outside, applications, live):
    async with outside.bench(live_servers=live) as bench:
        assert bench.proxy.abilities.live_servers == live
        assert (await bench.get())[0] == 404
        bench.want(applications.server("web_1"))
        await bench.settle()
        reloads = bench.reloads
        for names in (("web_1", "web_2"), ("web_2",), ("web_1", "web_2", "web_3")):
            bench.want(*(applications.server(name) for name in names))
            await bench.settle()
            assert set(await bench.shares(9)) == set(names), "old workers accept no more once the turn has ended"
        assert bench.reloads - reloads == (0 if live else 3)


@real
@LIVE
async def test_it_serves_on_without_us_and_is_taken_over(outside, applications, live):
    async with outside.bench(live_servers=live) as first:
        first.want(applications.server("web_1"))
        await first.settle()
    assert await first.get() == (200, "web_1")
    async with outside.bench(live_servers=live) as second:
        workers = set(await second.proxy._master.workers())
        assert await second.get() == (200, "web_1")
        second.want(applications.server("web_1"))
        await second.settle()
        assert second.reloads == 0
        assert set(await second.proxy._master.workers()) == workers


@real
@LIVE
async def test_one_that_is_killed_comes_back_with_the_last_good_configuration(outside, applications, live):
    async with outside.bench(live_servers=live) as bench:
        bench.want(applications.server("web_1"))
        await bench.settle()
        bench.want(applications.server("web_2"))
        await bench.settle()
    assert (outside.folder / "run" / "control.sock").exists()
    await outside.container.kill()
    assert (outside.folder / "run" / "control.sock").exists(), "a socket that nobody removed is in nobody's way"
    outside.container.start()
    async with outside.bench(live_servers=live) as second:
        assert await second.get() == (200, "web_2")


@real
async def test_other_settings_are_loaded_into_one_that_runs(outside, applications):
    async with outside.bench() as first:
        first.want(applications.server("web_1"))
        await first.settle()
    async with outside.bench(unknown_host_status=503) as second:
        assert await second.get() == (200, "web_1")
        assert (await second.get("unknown.com"))[0] == 503


@real
@LIVE
async def test_a_site_that_it_refuses_is_left_out_by_name(outside, applications, live):
    async def refuse(argv, *, seconds):
        if "-t" in argv and "keepalive 99;" in (files.read(Path(argv[argv.index("-c") + 1])) or ""):
            return Ended(1, "nginx: [emerg] something is wrong with it")
        return await outside.container.run(argv, seconds=seconds)

    outside.run = refuse
    async with outside.bench(live_servers=live) as bench:
        bench.want(applications.server("web_1"))
        bench.want(applications.server("web_2"), host="bad.com", options=Options(backend_options=("keepalive 99",)))
        outcome = await bench.turn()
        assert [refused.match for refused in outcome.refused] == [Match("bad.com")]
        assert await bench.get() == (200, "web_1")
        assert (await bench.get("bad.com"))[0] == 404


@real
async def test_a_reload_that_is_not_confirmed_leaves_the_old_configuration_on_disk(outside, applications, monkeypatch):
    async def ignore(argv, *, seconds):
        return Ended(0, "") if "reload" in argv else await outside.container.run(argv, seconds=seconds)

    async with outside.bench(live_servers=False) as bench:
        bench.want(applications.server("web_1"))
        await bench.settle()
        good = (outside.folder / "state" / "nginx.conf").read_text()
        outside.run = ignore
        monkeypatch.setattr(master, "START_SECONDS", 0.2)
        bench.want(applications.server("web_2"))
        with pytest.raises(TemporaryError, match="does not serve the new configuration"):
            await bench.turn()
        assert (outside.folder / "state" / "nginx.conf").read_text() == good
        assert await bench.get() == (200, "web_1")
        outside.run = outside.container.run
        monkeypatch.undo()
        await bench.settle()
        assert await bench.get() == (200, "web_2")


@real
async def test_a_check_is_in_nobody_s_way(outside, applications):
    async with outside.bench() as bench:
        bench.want(applications.server("web_1"))
        await bench.settle()
        for _ in range(3):
            await bench.proxy._master.check()
        assert await bench.proxy._master.adopt(), "the socket is still there"


@real
async def test_sessions_are_the_connections_to_each_server(outside, applications):
    async with outside.bench() as bench:
        bench.want(applications.server("web_1"), applications.server("web_2"))
        await bench.settle()
        _, writer = await asyncio.open_connection("127.0.0.1", bench.settings.port)
        writer.write(f"GET /slow HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        async with asyncio.timeout(20):
            while sum((await bench.proxy.sessions(Match(HOST))).values()) != 1:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        writer.close()


def test_the_pause_between_two_looks_is_longer_where_each_is_a_program():
    assert contained_master.ContainedMaster.look_pause > master.Master.look_pause

"""What goes wrong around NGINX: a check that hangs or refuses, a reload that lies, a full disk, a crash anywhere."""

import asyncio
import contextlib
import os
import re
import socket
import subprocess

import pytest

from interlock.core.model import Options
from interlock.core.problems import InterlockError, PermanentError, TemporaryError
from interlock.host import files, procfs
from interlock.proxies.nginx import own_master

pytestmark = pytest.mark.real

HOST = "demo.interlock.com"
DEBIAN = "/usr/sbin/nginx"


async def until(condition, seconds=20.0):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the condition is another process's
            await asyncio.sleep(0.01)


def abandon(bench):
    """As after kill -9: NGINX goes on, nobody drives it, the kernel has dropped the lock."""
    for task in list(bench.proxy._tasks._tasks):
        task.cancel()
    bench.proxy._lock.release()


@pytest.fixture
def wrapped(folder):
    """An nginx whose check hangs while the file `hang` is there, and refuses what has the word in `refuse` in it."""
    script, hang, refuse = folder / "nginx", folder / "hang", folder / "refuse"
    script.write_text(
        f"""#!/bin/sh
case " $* " in *" -t "*)
    [ -e {hang} ] && exec /bin/sleep 60
    if [ -s {refuse} ] && /bin/grep -q "$(/bin/cat {refuse})" "$2"; then
        echo "nginx: [emerg] something is wrong with it"
        exit 1
    fi
esac
exec {DEBIAN} "$@"
"""
    )
    script.chmod(0o755)
    return str(script), hang, refuse


@pytest.fixture(params=[True, False], ids=["lua", "reloads"])
def live(request):
    return request.param


async def test_a_check_that_hangs_costs_a_new_site_a_delay(new_bench, wrapped, applications, monkeypatch):
    script, hang, _ = wrapped
    bench = await new_bench(binary=script)
    bench.want(applications.server("web_1"))
    await bench.turn()
    monkeypatch.setattr(own_master, "CHECK_SECONDS", 0.3)
    hang.touch()
    bench.want(applications.server("web_1"), applications.server("web_2"))
    bench.want(applications.server("web_3"), host="new.com")
    with pytest.raises(TemporaryError, match="did not end"):
        await bench.turn()
    assert set(await bench.shares(6)) == {"web_1", "web_2"}
    hang.unlink()
    monkeypatch.setattr(own_master, "CHECK_SECONDS", 10)
    await bench.turn()
    assert await bench.get("new.com") == (200, "web_3")


async def test_a_site_that_nginx_refuses_is_left_out_by_name_and_the_others_go_live(
    new_bench, wrapped, applications, live
):
    script, _, refuse = wrapped
    bench = await new_bench(binary=script, live_servers=live)
    refuse.write_text("keepalive 99;")
    hosts = ("a.com", "b.com", "bad.com", "c.com", "d.com")
    for host in hosts:
        options = Options(backend_options=("keepalive 99",) if host == "bad.com" else ())
        bench.want(applications.server("web_1"), host=host, options=options)
    outcome = await bench.turn()
    assert [str(refused.match) for refused in outcome.refused] == ["bad.com"]
    assert "something is wrong" in outcome.refused[0].why
    assert [(await bench.get(host))[0] for host in hosts] == [200, 200, 404, 200, 200]
    await bench.turn()
    assert bench.reloads == 1, "what was refused is not tried again and again"


async def test_a_refused_change_keeps_the_last_good_version_of_its_route(new_bench, wrapped, applications, live):
    script, _, refuse = wrapped
    bench = await new_bench(binary=script, live_servers=live)
    bench.want(applications.server("web_1"))
    await bench.turn()
    refuse.write_text("keepalive 99;")
    bench.want(applications.server("web_1"), options=Options(backend_options=("keepalive 99",)))
    bench.want(applications.server("web_2"), host="other.com")
    outcome = await bench.turn()
    assert [str(refused.match) for refused in outcome.refused] == [HOST]
    assert await bench.get() == (200, "web_1")
    assert await bench.get("other.com") == (200, "web_2")


async def test_a_request_that_breaks_every_server_does_not_take_the_site_away(new_bench, applications, live):
    bench = await new_bench(binary=DEBIAN, live_servers=live, worker_processes=1)
    applications.weak |= {"web_1", "web_2"}
    bench.want(applications.server("web_1"), applications.server("web_2"))
    await bench.turn()
    for _ in range(6):
        assert (await bench.get(path="/hangup"))[0] == 502
    assert set(await bench.shares(6)) <= {"web_1", "web_2"}


async def test_an_address_that_nginx_does_not_take_costs_its_own_route(new_bench, applications):
    bench = await new_bench(binary=DEBIAN, live_servers=False)
    applications.ports["odd"] = 80
    odd = applications.server("odd")
    bench.want(
        odd.__class__(**{f: getattr(odd, f) for f in odd.__struct_fields__} | {"address": "300.1.1.1"}), host="odd.com"
    )
    bench.want(applications.server("web_1"))
    outcome = await bench.turn()
    assert [str(refused.match) for refused in outcome.refused] == ["odd.com"]
    assert "300.1.1.1" in outcome.refused[0].why
    assert await bench.get() == (200, "web_1")


async def test_a_reload_that_does_not_happen_is_noticed_and_the_files_are_put_back(bench, applications, monkeypatch):
    bench.want(applications.server("web_1"))
    await bench.turn()
    disk = bench.proxy._master.disk
    good = disk.config.read_text()
    write = disk.write
    monkeypatch.setattr(
        disk, "write", lambda texts, generation, sites: write(texts | {"nginx.conf": "nonsense\n"}, generation, sites)
    )
    bench.want(applications.server("web_2"), host="new.com")
    with pytest.raises(TemporaryError, match="did not load"):
        await bench.turn()
    assert disk.config.read_text() == good
    assert await bench.get() == (200, "web_1")
    monkeypatch.setattr(disk, "write", write)
    await bench.turn()
    assert await bench.get("new.com") == (200, "web_2")


async def test_a_port_that_is_taken_when_it_is_first_needed_is_noticed(bench, applications, certificates, new_bench):
    bench.want(applications.server("web_1"))
    await bench.turn()
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        frame = bench.proxy._loader.frame
        port = taken.getsockname()[1]
        bench.proxy._loader.frame = frame.__class__(
            **{f: getattr(frame, f) for f in frame.__struct_fields__} | {"https_port": port}
        )
        bench.want(applications.server("web_2"), host="new.com")
        with pytest.raises(TemporaryError, match="bind"):
            await bench.turn()
        assert await bench.get() == (200, "web_1")
    await bench.turn()
    assert await bench.get("new.com") == (200, "web_2")


async def test_a_reload_by_somebody_else_is_seen(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.turn()
    bench.proxy._master.disk.config.write_text(
        bench.proxy._master.disk.config.read_text().replace("interlock ", "interlock 0000 ")
    )
    bench.proxy._loader.generation = "0" * 16
    assert await bench.proxy.observe(None) == {}
    await bench.turn()
    assert bench.reloads == 2
    assert await bench.get() == (200, "web_1")


class Crash(BaseException):
    """Interlock is killed here."""


@pytest.mark.parametrize("point", range(14))
async def test_killed_at_any_write_of_a_reload_it_comes_back_right(new_bench, applications, monkeypatch, point, live):
    settings = {"binary": DEBIAN, "live_servers": live}
    first = await new_bench(**settings)
    first.want(applications.server("web_1"))
    await first.turn()
    left = [point]
    write = files.write

    def crashing(path, content, **more):
        if left[0] == 0:
            raise Crash
        left[0] -= 1
        write(path, content, **more)

    first.want(applications.server("web_2"), host="new.com")
    monkeypatch.setattr(files, "write", crashing)
    with contextlib.suppress(Crash):
        await first.turn()
    monkeypatch.setattr(files, "write", write)
    abandon(first)
    assert await first.get() == (200, "web_1"), "traffic goes on while Interlock is gone"
    second = await new_bench(port=first.settings.port, **settings)
    assert await second.get() == (200, "web_1")
    second.want(applications.server("web_1"))
    second.want(applications.server("web_2"), host="new.com")
    await second.turn()
    assert await second.get() == (200, "web_1")
    assert await second.get("new.com") == (200, "web_2")


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


@pytest.fixture
def small_disk(folder):
    """A state folder on a file system of 512 KiB."""
    place = folder / "state"
    place.mkdir()
    mount("-t", "tmpfs", "-o", "size=512k,mode=755", "tmpfs", place)
    yield place
    subprocess.run(["umount", "-l", place], check=True)


async def test_a_full_disk_stops_new_sites_only_and_is_got_over(small_disk, new_bench, applications):
    bench = await new_bench(binary=DEBIAN)
    bench.want(applications.server("web_1"))
    await bench.turn()
    good = bench.proxy._master.disk.config.read_bytes()
    ballast = small_disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb") as file:
        file.write(b"x" * (1 << 20))
    bench.want(applications.server("web_1"), applications.server("web_2"))
    bench.want(applications.server("web_3"), host="new.com")
    with pytest.raises(TemporaryError, match="No space"):
        await bench.turn()
    assert set(await bench.shares(6)) == {"web_1", "web_2"}
    assert bench.proxy._master.disk.config.read_bytes() == good
    ballast.unlink()
    await bench.turn()
    assert await bench.get("new.com") == (200, "web_3")


async def test_a_read_only_disk_is_said_with_its_fix_and_live_changes_go_on(small_disk, new_bench, applications):
    bench = await new_bench(binary=DEBIAN)
    bench.want(applications.server("web_1"))
    await bench.turn()
    mount("-o", "remount,ro", small_disk)
    bench.want(applications.server("web_2"))
    bench.want(applications.server("web_3"), host="new.com")
    with pytest.raises(PermanentError, match="Read-only"):
        await bench.turn()
    assert await bench.get() == (200, "web_2")
    mount("-o", "remount,rw", small_disk)
    await bench.turn()
    assert await bench.get("new.com") == (200, "web_3")


@pytest.fixture
def mounted_file(folder):
    """A configuration path that is a bind-mounted file, and the file behind it."""
    target, source = folder / "mounted" / "nginx.conf", folder / "source.conf"
    target.parent.mkdir()
    target.touch()
    source.touch()
    mount("--bind", source, target)
    yield target, source
    subprocess.run(["umount", "-l", target], check=True)


async def test_a_configuration_path_that_is_a_bind_mounted_file_is_written_in_place(
    mounted_file, new_bench, applications
):
    target, source = mounted_file
    bench = await new_bench(binary=DEBIAN, config_path=str(target))
    bench.want(applications.server("web_1"))
    await bench.turn()
    assert await bench.get() == (200, "web_1")
    assert "managed by interlock" in source.read_text()


async def test_old_workers_with_long_connections_end_after_a_bounded_time(new_bench, applications):
    bench = await new_bench(binary=DEBIAN, live_servers=False, shutdown_timeout=2)
    bench.want(applications.server("web_1"))
    await bench.turn()
    held = []
    for number in range(4):
        reader, writer = await asyncio.open_connection("127.0.0.1", bench.settings.port)
        writer.write(f"GET /slow HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        assert await reader.readuntil(b"first ")
        held.append(writer)
        bench.want(applications.server("web_1"), host=f"n{number}.com")
        await bench.turn()
    master = bench.proxy._master
    assert await master.retiring(), "the connections hold old workers"
    await until(lambda: len(procfs.children_of(master.pid)) == bench.settings.worker_processes, seconds=30)
    assert await bench.get() == (200, "web_1")
    for writer in held:
        writer.close()


async def test_the_more_old_workers_there_are_the_longer_a_reload_that_can_wait_waits(new_bench, applications):
    bench = await new_bench(binary=DEBIAN, live_servers=False)
    bench.want(applications.server("web_1"))
    await bench.turn()

    async def retiring():
        return 6

    bench.proxy._master.retiring = retiring
    bench.want(applications.server("web_1"), applications.server("web_2"))
    since = asyncio.get_running_loop().time()
    await bench.turn()
    assert asyncio.get_running_loop().time() - since > 0.9


async def test_a_folder_that_nginx_cannot_enter_is_said_before_anything_starts(new_bench, folder):
    if os.geteuid() != 0:
        pytest.fail("this test must run as root")
    folder.chmod(0o700)
    with pytest.raises(InterlockError, match="cannot enter"):
        await new_bench()


async def test_a_run_folder_with_too_long_a_name_for_a_socket_is_refused(new_bench, folder, monkeypatch):
    monkeypatch.setattr("interlock.proxies.serving.disk.LONGEST_SOCKET_PATH", 10)
    with pytest.raises(PermanentError, match="too long"):
        await new_bench()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"syslog_addr": "not.an.address.at.all:514"}, "refuses its settings"),
        ({"pid_path": "/proc/interlock/nginx.pid"}, "refuses its settings"),
        ({"ssl_ciphers": "HIGH; load_module x.so"}, "NGINX_SSL_CIPHERS"),
        ({"ssl_protocols": "SSLv3"}, "NGINX_SSL_PROTOCOLS"),
        ({"trusted_proxies": ("10.0.0.0/8", "nonsense")}, "NGINX_TRUSTED_PROXIES"),
        ({"status_allow": ("all",)}, "NGINX_STATUS_ALLOW"),
        ({"unknown_host_status": 410}, "NGINX_UNKNOWN_HOST_STATUS"),
        ({"binary": "/bin/true"}, "is not nginx"),
        ({"pid_path": "/tmp/$x.pid"}, "dollar"),
    ],
)
async def test_settings_that_cannot_be_are_the_operators_to_mend(new_bench, settings, message):
    with pytest.raises(PermanentError, match=re.escape(message)):
        await new_bench(**settings)


async def test_a_state_of_a_newer_interlock_is_read_as_far_as_it_goes(new_bench, folder, applications):
    first = await new_bench(binary=DEBIAN)
    first.want(applications.server("web_1"))
    await first.turn()
    await first.proxy.close()
    good = folder / "state" / "last-good.json"
    good.write_text(good.read_text().replace('{"generation"', '{"from_the_future":[1,2],"generation"', 1))
    second = await new_bench(binary=DEBIAN, port=first.settings.port)
    assert await second.get() == (200, "web_1")

"""What goes wrong around HAProxy: a hanging checker, a reload that lies, a full disk, a crash at any point."""

import asyncio
import contextlib
import os
import re
import subprocess
from pathlib import Path

import pytest

from interlock.core.model import Match, Options
from interlock.core.problems import InterlockError, PermanentError, TemporaryError
from interlock.host import files
from interlock.proxies.haproxy import master as master_module

pytestmark = pytest.mark.real

HOST = "demo.interlock.com"


async def until(condition, seconds=20.0):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the condition is another process's
            await asyncio.sleep(0.01)


def abandon(bench):
    """As after kill -9: HAProxy goes on, nobody drives it, the kernel has dropped the lock."""
    for task in list(bench.proxy._tasks._tasks):
        task.cancel()
    bench.proxy._master.disconnect()
    bench.proxy._lock.release()


@pytest.fixture
def wrapped(folder):
    """A haproxy whose check can be made to hang, by making the file `hang`."""
    script = folder / "haproxy-wrapped"
    hang = folder / "hang"
    script.write_text(
        f'#!/bin/sh\nif [ "$1" = -c ] && [ -e {hang} ]; then exec /bin/sleep 60; fi\nexec /usr/sbin/haproxy "$@"\n'
    )
    script.chmod(0o755)
    return str(script), hang


async def test_a_checker_that_hangs_costs_a_new_site_a_delay_and_replicas_nothing(
    new_bench, wrapped, applications, monkeypatch
):
    script, hang = wrapped
    bench = await new_bench(binary=script)
    bench.want(applications.server("web_1"))
    await bench.turn()
    monkeypatch.setattr(master_module, "CHECK_SECONDS", 0.3)
    hang.touch()
    bench.want(applications.server("web_1"), applications.server("web_2"))
    bench.want(applications.server("web_3"), host="new.com")
    with pytest.raises(TemporaryError, match="did not end"):
        await bench.turn()
    assert set(await bench.shares(6)) == {"web_1", "web_2"}
    hang.unlink()
    monkeypatch.setattr(master_module, "CHECK_SECONDS", 30)
    await bench.turn()
    assert await bench.get("new.com") == (200, "web_3")


async def test_a_reload_that_does_not_happen_is_noticed_and_the_files_are_put_back(bench, applications, monkeypatch):
    bench.want(applications.server("web_1"))
    await bench.turn()
    monkeypatch.setattr(master_module, "START_SECONDS", 1.0)
    disk = bench.proxy._disk
    good = disk.config.read_text()
    write = disk.write

    def sabotaged(texts, generation, sites):
        write(texts | {"haproxy.cfg": "nonsense\n"}, generation, sites)

    monkeypatch.setattr(disk, "write", sabotaged)
    bench.want(applications.server("web_2"), host="new.com")
    with pytest.raises(TemporaryError):
        await bench.turn()
    assert disk.config.read_text() == good
    assert await bench.get() == (200, "web_1")
    monkeypatch.setattr(disk, "write", write)
    monkeypatch.setattr(master_module, "START_SECONDS", 15.0)
    await bench.turn()
    assert await bench.get("new.com") == (200, "web_2")


class Crash(BaseException):
    """Interlock is killed here."""


@pytest.mark.parametrize("point", range(12))
async def test_killed_at_any_write_of_a_reload_it_comes_back_right(new_bench, applications, monkeypatch, point):
    first = await new_bench()
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
    second = await new_bench(port=first.settings.port)
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
    bench = await new_bench()
    bench.want(applications.server("web_1"))
    await bench.turn()
    good = bench.proxy._disk.config.read_bytes()
    ballast = small_disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb") as file:
        file.write(b"x" * (1 << 20))
    bench.want(applications.server("web_1"), applications.server("web_2"))
    bench.want(applications.server("web_3"), host="new.com")
    with pytest.raises(TemporaryError, match="No space"):
        await bench.turn()
    assert set(await bench.shares(6)) == {"web_1", "web_2"}
    assert bench.proxy._disk.config.read_bytes() == good
    ballast.unlink()
    await bench.turn()
    assert await bench.get("new.com") == (200, "web_3")


async def test_a_read_only_disk_is_said_with_its_fix_and_live_changes_go_on(small_disk, new_bench, applications):
    bench = await new_bench()
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
    target, source = folder / "mounted" / "haproxy.cfg", folder / "source.cfg"
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
    bench = await new_bench(config_path=str(target))
    bench.want(applications.server("web_1"))
    await bench.turn()
    assert await bench.get() == (200, "web_1")
    assert "backend demo_interlock_com" in source.read_text()


async def test_old_workers_with_long_connections_end_after_a_bounded_time(new_bench, applications):
    bench = await new_bench(hard_stop_after=1500)
    bench.want(applications.server("web_1"))
    await bench.turn()
    held = []
    for number in range(8):
        reader, writer = await asyncio.open_connection("127.0.0.1", bench.settings.port)
        writer.write(f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 10\r\n\r\n".encode())
        await writer.drain()
        held.append((reader, writer))
        bench.want(applications.server("web_2"), host=f"n{number}.com")
        await bench.turn()
    master = bench.proxy._master._service.pid
    assert workers(master) > 1, "the connections hold old workers"
    await until(lambda: workers(master) == 1, seconds=30)
    assert await bench.get() == (200, "web_1")
    for _, writer in held:
        writer.close()


@pytest.mark.timeout(600)
async def test_five_hundred_reloads_with_a_thousand_long_connections_leave_nothing_behind(new_bench, applications):
    """The master once kept descriptors of each reload while old workers lived (haproxy#2184)."""
    bench = await new_bench(hard_stop_after=1500)
    held = []

    async def reload(number):
        interval = 5000 + number  # no runtime command changes it
        bench.want(applications.server("web_1"), options=Options(check_interval=interval))
        await bench.turn()
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", bench.settings.port)
            writer.write(f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 10\r\n\r\n".encode())
            await writer.drain()
            held.append((reader, writer))

    for number in range(50):
        await reload(number)
    master = bench.proxy._master._service.pid
    before = holdings(master)
    for number in range(50, 500):
        await reload(number)
        assert workers(master) < 100, "old workers pile up"
    await until(lambda: workers(master) == 1, seconds=30)
    descriptors, megabytes = holdings(master)
    assert bench.reloads == 500
    assert descriptors <= before[0] + 5
    assert megabytes < before[1] + 20
    assert await bench.get() == (200, "web_1")
    for _, writer in held:
        writer.close()


def workers(master):
    return len(re.findall(r"\d+", Path(f"/proc/{master}/task/{master}/children").read_text()))


def holdings(pid):
    """Open descriptors, and megabytes that are resident."""
    status = Path(f"/proc/{pid}/status").read_text()
    return len(list(Path(f"/proc/{pid}/fd").iterdir())), int(status.split("VmRSS:")[1].split()[0]) / 1024


async def test_a_state_of_a_newer_interlock_is_read_as_far_as_it_goes(new_bench, folder, applications):
    first = await new_bench()
    first.want(applications.server("web_1"))
    await first.turn()
    await first.proxy.close()
    state = folder / "state" / "last-good.json"
    state.write_text(state.read_text().replace('{"generation"', '{"from_the_future":[1,2],"generation"', 1))
    second = await new_bench(port=first.settings.port)
    assert await second.get() == (200, "web_1")


async def test_a_folder_that_haproxy_cannot_enter_is_said_before_anything_starts(new_bench, folder):
    if os.geteuid() != 0:
        pytest.fail("this test must run as root")
    folder.chmod(0o700)
    with pytest.raises(InterlockError, match="cannot enter"):
        await new_bench()


async def test_settings_that_haproxy_refuses_are_the_operators_to_mend(new_bench):
    with pytest.raises(PermanentError, match="refuses its settings"):
        await new_bench(syslog_addr="not.an.address.at.all:x")


async def test_a_site_whose_servers_are_refused_at_run_time_costs_only_itself(bench, applications):
    bench.want(applications.server("web_1"))
    bench.want(host="tls.com", options=Options(ssl_backend=True))
    await bench.turn()
    bench.proxy._loaded[Match("ghost.com")] = Options()
    bench.want(applications.server("web_1"), applications.server("web_2"))
    bench.want(applications.server("web_3"), host="ghost.com")
    with pytest.raises(TemporaryError, match="refused"):
        await bench.turn()
    assert set(await bench.shares(6)) == {"web_1", "web_2"}

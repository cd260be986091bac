"""Programs are run with an empty environment, in bounded time, and without more rights than they need."""

import asyncio
import os
import signal
import sys

import pytest

from interlock.core.problems import PermanentError, TemporaryError
from interlock.host import process
from interlock.host.process import Identity, Service


async def test_a_program_runs_to_its_end_with_an_empty_environment():
    ended = await process.run(
        [sys.executable, "-c", "import os, sys; print(sorted(os.environ)); sys.exit(3)"], seconds=20
    )
    assert ended.code == 3
    assert "PATH" not in ended.output
    assert "HOME" not in ended.output


async def test_a_program_that_hangs_is_killed_with_its_children():
    with pytest.raises(TemporaryError, match="within"):
        await process.run(["/bin/sh", "-c", "sleep 60 & sleep 60"], seconds=0.2)


async def test_a_program_that_is_not_there_is_permanent():
    with pytest.raises(PermanentError, match="/no/such"):
        await process.run(["/no/such"], seconds=1)
    with pytest.raises(PermanentError, match="/no/such"):
        await Service.start(["/no/such"], on_line=print)


async def test_output_is_bounded_and_decoded(monkeypatch):
    monkeypatch.setattr(process, "OUTPUT_LIMIT", 10)
    ended = await process.run(["/bin/sh", "-c", "printf 'a\\377bcdefghijklmn'"], seconds=30)
    assert ended.output == "a\ufffdbcdefghi"


async def test_a_service_tells_its_lines_and_how_it_ended():
    lines = []
    service = await Service.start(["/bin/sh", "-c", "echo one; echo two; exit 4"], on_line=lines.append)
    assert await service.ended() == "it exited with code 4"
    assert lines == ["one", "two"]
    service.signal(signal.SIGTERM)  # one that is gone needs no signal


async def test_a_service_that_is_killed_says_by_what():
    service = await Service.start(["/bin/sleep", "60"], on_line=print)
    service.kill_group()
    assert await service.ended() == "it was killed by SIGKILL"


async def test_a_service_has_ended_even_if_a_child_of_it_holds_its_output():
    service = await Service.start(["/bin/sh", "-c", "sleep 60 & echo $!; exit 4"], on_line=print)
    async with asyncio.timeout(20):
        assert await service.ended() == "it exited with code 4"
    process.signal_group(service.pid, signal.SIGKILL)
    async with asyncio.timeout(20):
        await service._said_all.wait()


async def test_a_running_process_can_be_adopted_and_its_end_is_seen():
    child = await asyncio.create_subprocess_exec("/bin/sleep", "60")
    service = Service.adopt(child.pid)
    service.signal(signal.SIGTERM)
    await child.wait()
    async with asyncio.timeout(20):
        assert await service.ended() == "it ended"
    with pytest.raises(TemporaryError):
        Service.adopt(2**22)


@pytest.mark.real
async def test_as_another_user_a_program_has_one_capability_at_most():
    if os.geteuid() != 0:
        pytest.fail("this test must run as root")
    identity = process.unprivileged(["nobody"])
    argv = ["/bin/grep", "-E", "^(Uid|CapEff|CapBnd|CapAmb|NoNewPrivs)", "/proc/self/status"]
    plain = await process.run(process.as_identity(argv, identity), seconds=30)
    ports = await process.run(process.as_identity(argv, identity, ports_below_1024=True), seconds=30)
    assert f"Uid:\t{identity.uid}\t{identity.uid}" in plain.output
    assert plain.output.count("0000000000000000") == 3
    assert ports.output.count("0000000000000400") == 3
    assert "NoNewPrivs:\t1" in ports.output


def test_nobody_special_is_needed_when_we_are_nobody_special(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert process.unprivileged(["haproxy"]) is None
    assert process.as_identity(["a", "b"], None) == ["a", "b"]


def test_a_missing_user_or_setpriv_is_said_with_its_fix(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(PermanentError, match="adduser"):
        process.unprivileged(["no-such-user"])
    monkeypatch.setattr(process.shutil, "which", lambda _name: None)
    with pytest.raises(PermanentError, match="util-linux"):
        process.as_identity(["a"], Identity("x", 5, 5))

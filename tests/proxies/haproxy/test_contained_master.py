"""A HAProxy in somebody else's container: its files, and how its configuration is checked."""

import os
import tempfile
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from interlock.core.problems import PermanentError, TemporaryError
from interlock.host.process import Ended
from interlock.proxies.contract import Context
from interlock.proxies.haproxy import PLUGIN
from interlock.proxies.haproxy.contained_master import ContainedMaster, find_in
from interlock.proxies.haproxy.settings import HaproxySettings
from interlock.proxies.serving import contained
from testbed.contained import PaperContainer

GROUP = os.getegid()
NAME = "haproxy@edge-1"


def container(**answers):
    """Answers as a good one does, unless told otherwise."""
    good = {
        "haproxy -v": Ended(0, "HAProxy version 3.2.4-1 2026/01/01 - https://haproxy.org/\n"),
        "id -u": Ended(0, "99\n"),
        "id -g": Ended(0, f"{GROUP}\n"),
    }
    return PaperContainer(good | answers)


@pytest.fixture
def context():
    with tempfile.TemporaryDirectory(prefix="il-") as folder:
        place = Path(folder) / "edge-1"
        yield Context(
            name=NAME, settings=HaproxySettings(), state_dir=place, run_dir=place / "run", look_again=lambda: None
        )


async def test_its_files_are_for_the_container_s_group_and_its_lock_is_not(context):
    master = await find_in(container(), context)
    disk = master.disk
    assert (disk.config, disk.master_socket) == (context.state_dir / "haproxy.cfg", context.run_dir / "master.sock")
    assert disk.group == disk.run_dir.stat().st_gid == GROUP
    assert oct(disk.run_dir.stat().st_mode)[-3:] == "770"
    assert disk.lock.parent == disk.state_dir
    assert oct(disk.state_dir.stat().st_mode)[-3:] == "750"
    assert disk.socket_mode == "660"
    assert not await master.adopt(), "it waits for its first configuration"


async def test_the_candidate_is_checked_in_the_container(context):
    edge = container()
    master = await find_in(edge, context)
    assert (await master.check()).code == 0
    assert edge.asked[-1] == f"haproxy -c -f {context.state_dir / 'candidate' / 'haproxy.cfg'}"


async def test_nothing_is_written_for_one_of_a_group_that_is_not_ours(context, monkeypatch):
    monkeypatch.setattr(contained.os, "geteuid", lambda: 980)
    monkeypatch.setattr(contained.os, "getegid", lambda: 980)
    monkeypatch.setattr(contained.os, "getgroups", lambda: [980])
    with pytest.raises(PermanentError, match="runs in group 99,"):
        await find_in(container(**{"id -g": Ended(0, "99\n")}), context)
    assert not context.state_dir.exists()


async def test_one_that_does_not_see_the_folder_is_not_driven(context):
    test = f"test -w {context.run_dir} -a -r {context.state_dir}"
    with pytest.raises(PermanentError, match="does not see"):
        await find_in(container(**{test: Ended(1, "")}), context)


async def test_a_path_that_no_socket_can_have_is_refused(context):
    place = context.state_dir / ("x" * 80)
    far = Context(
        name=NAME, settings=HaproxySettings(), state_dir=place, run_dir=place / "run", look_again=lambda: None
    )
    with pytest.raises(PermanentError, match="too long a path"):
        await find_in(container(), far)


async def test_whatever_is_logged_of_it_says_which_one_it_is(context, monkeypatch):
    async def refuse(_master):
        raise TemporaryError("it does not answer")

    monkeypatch.setattr(ContainedMaster, "start", refuse)
    context.state_dir.mkdir()
    (context.state_dir / "last-good.json").write_text("no JSON")
    (context.state_dir / "mine.j2").write_text("{% nonsense")
    settings = HaproxySettings(template_path=str(context.state_dir / "mine.j2"))
    proxy = PLUGIN.build_in(msgspec.structs.replace(context, settings=settings), container())
    with capture_logs() as logs, pytest.raises(TemporaryError):
        await proxy.prepare()
    assert [entry["event"].partition("] ")[0] for entry in logs] == [f"[{NAME}"] * 3, logs

"""A HAProxy in somebody else's container: what must be there before anything is written for it."""

import os
import shlex
import tempfile
from pathlib import Path

import pytest

from interlock.core.problems import PermanentError
from interlock.host import files
from interlock.host.process import Ended
from interlock.proxies.contract import Context
from interlock.proxies.haproxy import contained_master
from interlock.proxies.haproxy.contained_master import find_in
from interlock.proxies.haproxy.settings import HaproxySettings

GROUP = os.getegid()


class Container:
    """Answers as a good one does, unless told otherwise."""

    def __init__(self, **answers):
        self.answers = {
            "haproxy -v": Ended(0, "HAProxy version 3.2.4-1 2026/01/01 - https://haproxy.org/\n"),
            "id -u": Ended(0, "99\n"),
            "id -g": Ended(0, f"{GROUP}\n"),
        } | answers
        self.asked = []

    async def run(self, argv, *, seconds):  # noqa: ARG002 - it takes no time
        self.asked.append(shlex.join(argv))
        return self.answers.get(self.asked[-1], Ended(0, ""))


@pytest.fixture
def context():
    with tempfile.TemporaryDirectory(prefix="il-") as folder:
        place = Path(folder) / "edge-1"
        yield Context(settings=HaproxySettings(), state_dir=place, run_dir=place / "run", look_again=lambda: None)


async def test_its_files_are_for_the_container_s_group_and_its_lock_is_not(context):
    master = await find_in(Container(), context)
    disk = master.disk
    assert (disk.config, disk.master_socket) == (context.state_dir / "haproxy.cfg", context.run_dir / "master.sock")
    assert disk.group == disk.run_dir.stat().st_gid == GROUP
    assert oct(disk.run_dir.stat().st_mode)[-3:] == "770"
    assert disk.lock.parent == disk.state_dir
    assert oct(disk.state_dir.stat().st_mode)[-3:] == "750"
    assert disk.socket_mode == "660"
    assert not await master.adopt(), "it waits for its first configuration"


async def test_a_file_of_this_machine_is_copied_to_where_the_container_sees_it(context, tmp_path):
    (tmp_path / "ca.pem").write_text("CA")
    disk = (await find_in(Container(), context)).disk
    copy = Path(disk.within_reach(str(tmp_path / "ca.pem")))
    assert context.state_dir in copy.parents
    assert files.read(copy) == "CA"
    assert disk.within_reach(str(tmp_path / "none.pem")) == str(tmp_path / "none.pem")
    assert disk.within_reach("") == ""


async def test_the_candidate_is_checked_in_the_container(context):
    container = Container()
    master = await find_in(container, context)
    assert (await master.check()).code == 0
    assert container.asked[-1] == f"haproxy -c -f {context.state_dir / 'candidate' / 'haproxy.cfg'}"


@pytest.mark.parametrize(
    ("question", "answer", "why"),
    [
        ("haproxy -v", Ended(127, "sh: haproxy: not found"), "haproxy is not haproxy"),
        ("haproxy -v", Ended(0, "HAProxy version 2.4.0 2021/05/14"), r"older than 2\.6"),
        ("id -g", Ended(127, "id: not found \x1b[31m"), "does not tell whom it runs as"),
    ],
)
async def test_what_is_in_it_must_be_usable(context, question, answer, why):
    with pytest.raises(PermanentError, match=why):
        await find_in(Container(**{question: answer}), context)


async def test_one_that_does_not_see_the_folder_is_told_how_to(context):
    test = f"test -w {context.run_dir} -a -r {context.state_dir}"
    with pytest.raises(PermanentError, match="does not see") as refused:
        await find_in(Container(**{test: Ended(1, "")}), context)
    assert str(context.state_dir.parent) in refused.value.fix


async def test_one_of_a_group_that_is_not_ours_is_told_which_to_take(context, monkeypatch):
    monkeypatch.setattr(contained_master.os, "geteuid", lambda: 980)
    monkeypatch.setattr(contained_master.os, "getegid", lambda: 980)
    monkeypatch.setattr(contained_master.os, "getgroups", lambda: [980])
    with pytest.raises(PermanentError, match="runs in group 99,") as refused:
        await find_in(Container(**{"id -g": Ended(0, "99\n")}), context)
    assert "haproxy:980" in refused.value.fix
    assert not context.state_dir.exists(), "nothing was written"


async def test_a_path_that_no_socket_can_have_is_refused(context):
    place = context.state_dir / ("x" * 80)
    far = Context(settings=HaproxySettings(), state_dir=place, run_dir=place / "run", look_again=lambda: None)
    with pytest.raises(PermanentError, match="too long a path") as refused:
        await find_in(Container(), far)
    assert "hostname" in refused.value.fix

"""What must be in somebody else's container before anything is written for a proxy in it."""

import os
from pathlib import Path

import pytest

from interlock.core.problems import PermanentError
from interlock.host import files
from interlock.host.process import Ended, Identity
from interlock.proxies.haproxy.binary import PROGRAM
from interlock.proxies.serving import contained
from interlock.proxies.serving.contained import SharedFiles, binary_in, check_group, check_sight, identity_in
from testbed.contained import PaperContainer


class Files(SharedFiles):
    def __init__(self, folder):
        self.state_dir, self.run_dir, self.group = folder / "edge-1", folder / "edge-1" / "run", os.getegid()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Ended(127, "sh: haproxy: not found"), "haproxy is not haproxy"),
        (Ended(0, "HAProxy version 2.4.0 2021/05/14"), r"older than 2\.6"),
    ],
)
async def test_a_program_that_cannot_be_used_is_refused(answer, why):
    with pytest.raises(PermanentError, match=why):
        await binary_in(PaperContainer({"haproxy -v": answer}), PROGRAM)


async def test_it_tells_whom_its_programs_run_as():
    container = PaperContainer({"id -u": Ended(0, "99\n"), "id -g": Ended(0, "980\n")})
    assert await identity_in(container) == Identity("user 99", 99, 980)


async def test_one_that_does_not_tell_is_refused_in_printable_words():
    with pytest.raises(PermanentError, match="does not tell whom it runs as") as refused:
        await identity_in(PaperContainer({"id -u": Ended(127, "id: not found \x1b[31m")}))
    assert "\x1b" not in str(refused.value)


def test_one_of_a_group_that_is_not_ours_is_told_which_to_take(monkeypatch):
    check_group(Identity("user 99", 99, os.getegid()), PROGRAM)
    monkeypatch.setattr(contained.os, "geteuid", lambda: 980)
    monkeypatch.setattr(contained.os, "getegid", lambda: 980)
    monkeypatch.setattr(contained.os, "getgroups", lambda: [980])
    check_group(Identity("user 99", 99, 980), PROGRAM)
    with pytest.raises(PermanentError, match="runs in group 99,") as refused:
        check_group(Identity("user 99", 99, 99), PROGRAM)
    assert "haproxy:980" in refused.value.fix


async def test_one_that_does_not_see_the_folder_is_told_how_to(tmp_path):
    shared = Files(tmp_path)
    await check_sight(PaperContainer({}), shared)
    question = f"test -w {shared.run_dir} -a -r {shared.state_dir}"
    with pytest.raises(PermanentError, match="does not see") as refused:
        await check_sight(PaperContainer({question: Ended(1, "")}), shared)
    assert str(tmp_path) in refused.value.fix


def test_a_file_of_this_machine_is_copied_to_where_the_container_sees_it(tmp_path):
    shared = Files(tmp_path)
    (tmp_path / "ca.pem").write_text("CA")
    copy = Path(shared.within_reach(str(tmp_path / "ca.pem")))
    assert shared.state_dir in copy.parents
    assert files.read(copy) == "CA"
    assert shared.within_reach(str(tmp_path / "none.pem")) == str(tmp_path / "none.pem")
    assert shared.within_reach("") == ""


def test_a_path_that_no_socket_can_have_is_refused(tmp_path):
    shared = Files(tmp_path)
    shared.check_length(Path("/run/control.sock"))
    with pytest.raises(PermanentError, match="too long a path") as refused:
        shared.check_length(Path("/" + "x" * 100))
    assert "hostname" in refused.value.fix

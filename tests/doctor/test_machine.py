import os
import resource

import pytest

from interlock.doctor import Verdict, machine
from interlock.doctor.machine import check_folders, check_open_files, check_other_interlock
from interlock.host.files import Lock
from interlock.host.listening import Listener


class TestFolders:
    def test_folders_that_will_be_made_are_well(self, settings, tmp_path):
        state, run = check_folders(settings())

        assert (state.verdict, state.what) == (Verdict.OK, f"{tmp_path}/state will be made")
        assert (run.about, run.what) == ("run folder", f"{tmp_path}/run will be made")
        assert list(tmp_path.iterdir()) == []

    def test_folders_that_are_there_are_well(self, settings, tmp_path):
        (tmp_path / "state").mkdir()

        assert check_folders(settings())[0].what == f"{tmp_path}/state"

    def test_a_file_in_its_place_is_a_problem(self, settings, tmp_path):
        (tmp_path / "state").write_text("")
        check, _ = check_folders(settings())

        assert (check.verdict, check.what) == (Verdict.PROBLEM, f"{tmp_path}/state is no folder")

    def test_a_folder_that_everybody_may_write_to_is_a_problem(self, settings, tmp_path):
        (tmp_path / "state").mkdir()
        (tmp_path / "state").chmod(0o777)
        check, _ = check_folders(settings())

        assert (check.verdict, check.fix) == (Verdict.PROBLEM, f"chmod o-w {tmp_path}/state")

    def test_a_folder_that_we_may_not_write_to_is_a_problem(self, settings, tmp_path, monkeypatch):
        monkeypatch.setattr(os, "access", lambda *_: False)  # root may, whatever the mode
        check, _ = check_folders(settings())

        assert check.verdict is Verdict.PROBLEM
        assert f"is not there, and {tmp_path} may not be written to" in check.what
        assert "INTERLOCK_STATE_DIR" in check.fix

    def test_a_disk_that_is_nearly_full_is_a_warning(self, settings, monkeypatch):
        monkeypatch.setattr(machine, "LEAST_SPACE", 1 << 80)

        assert {check.verdict for check in check_folders(settings())} == {Verdict.WARNING}


class TestOtherInterlock:
    def test_nobody_is_well(self, settings, tmp_path):
        check = check_other_interlock(settings())

        assert (check.verdict, check.what) == (Verdict.OK, f"none runs in {tmp_path}/run")

    def test_one_that_answers_is_well_and_told(self, settings, tmp_path):
        (tmp_path / "run").mkdir()
        listener = Listener(tmp_path / "run" / "interlock.sock")
        check = check_other_interlock(settings())
        listener.close()

        assert check.verdict is Verdict.OK
        assert check.what.startswith(f"one runs in {tmp_path}/run: process {os.getpid()} (")

    def test_a_lock_that_somebody_holds_who_does_not_answer_is_a_problem(self, settings, tmp_path):
        path = tmp_path / "run" / "haproxy" / "interlock.lock"
        path.parent.mkdir(parents=True)
        lock = Lock(path)
        check = check_other_interlock(settings())
        lock.release()

        assert check.verdict is Verdict.PROBLEM
        assert check.what.startswith(f"{path} is held by a process")
        assert check_other_interlock(settings()).verdict is Verdict.OK


class TestOpenFiles:
    @pytest.mark.parametrize(
        ("hard", "verdict"),
        [(resource.RLIM_INFINITY, Verdict.OK), (4196, Verdict.OK), (4195, Verdict.PROBLEM)],
    )
    def test_the_hard_limit_has_to_be_enough(self, monkeypatch, hard, verdict):
        monkeypatch.setattr(resource, "getrlimit", lambda _: (100, hard))
        check = check_open_files("haproxy", 4196, "HAPROXY_MAX_CONN")

        assert check.verdict is verdict
        assert ("LimitNOFILE=4196" in check.fix) is (verdict is Verdict.PROBLEM)

"""A file is the old one or the new one, whatever happens while it is written."""

import errno
import os
import subprocess
import sys
import threading

import pytest

from interlock.core.problems import PermanentError, TemporaryError
from interlock.host import files


def test_a_write_replaces_the_whole_file_with_exactly_that_mode(tmp_path):
    path = tmp_path / "a"
    path.write_text("much longer than what comes")
    files.write(path, "new", mode=0o600)
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["a"], "no temporary file stays behind"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EMFILE])
def test_a_full_disk_is_temporary_and_the_old_content_survives(tmp_path, monkeypatch, number):
    path = tmp_path / "a"
    path.write_text("old")

    def full(_descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TemporaryError, match=str(path)):
        files.write(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_folder_that_is_not_there_is_permanent_and_says_what_to_do(tmp_path):
    with pytest.raises(PermanentError, match="INTERLOCK_STATE_DIR"):
        files.write(tmp_path / "no" / "a", "new")


def test_a_file_that_cannot_be_renamed_over_is_written_in_place(tmp_path, monkeypatch):
    path = tmp_path / "mounted"
    path.write_text("old")
    inode = path.stat().st_ino

    def busy(_self, _target):
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(type(path), "replace", busy)
    files.write(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_ino == inode
    assert [p.name for p in tmp_path.iterdir()] == ["mounted"]


def test_a_link_in_the_way_of_the_temporary_file_is_not_followed(tmp_path):
    target = tmp_path / "shadow"
    target.write_text("precious")
    (tmp_path / f".a.{threading.get_native_id()}.new").symlink_to(target)
    with pytest.raises(PermanentError):
        files.write(tmp_path / "a", "new")
    assert target.read_text() == "precious"


def test_reading_what_is_not_there_is_none(tmp_path):
    assert files.read(tmp_path / "a") is None
    files.write(tmp_path / "a", "ü")
    assert files.read(tmp_path / "a") == "ü"
    with pytest.raises(PermanentError):
        files.read(tmp_path)


def test_a_secret_is_made_once_and_for_its_owner_only(tmp_path):
    path = tmp_path / "password"
    made = files.secret(path)
    assert len(made) >= 20
    assert files.secret(path) == made
    assert path.stat().st_mode & 0o777 == 0o600
    assert files.secret(tmp_path / "other") != made


def test_a_lock_is_held_by_one_process(tmp_path):
    path = tmp_path / "lock"
    lock = files.Lock(path)
    program = (
        "import sys, pathlib\nfrom interlock.host.files import Lock\n"
        "from interlock.core.problems import PermanentError\n"
        "try: Lock(pathlib.Path(sys.argv[1]))\nexcept PermanentError as error: print(error); sys.exit(3)"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False)
    assert ended.returncode == 3
    assert "another Interlock" in ended.stdout
    lock.release()
    assert subprocess.run([sys.executable, "-c", program, str(path)], check=False).returncode == 0


def test_a_folder_has_exactly_the_mode_that_was_asked_for(tmp_path):
    made = files.folder(tmp_path / "a" / "b", mode=0o710)
    assert made.stat().st_mode & 0o777 == 0o710
    files.folder(made, mode=0o750)
    assert made.stat().st_mode & 0o777 == 0o750

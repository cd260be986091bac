"""The socket file is ours alone, and never taken from somebody who lives."""

import os
import socket
import stat
import tempfile
from pathlib import Path

import pytest

from interlock.core.problems import PermanentError
from interlock.host.listening import Listener


@pytest.fixture
def path():
    with tempfile.TemporaryDirectory(prefix="il-") as folder:  # pytest's own are too long for a socket
        yield Path(folder) / "interlock.sock"


def test_the_file_is_for_its_owner_only_whatever_the_umask(path):
    before = os.umask(0)
    try:
        listener = Listener(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    listener.close()
    assert not path.exists()


def test_somebody_can_connect(path):
    listener = Listener(path)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    listener.close()


def test_what_a_dead_process_left_is_replaced(path):
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    listener = Listener(path)
    listener.close()


def test_a_socket_that_somebody_listens_on_is_left_alone(path):
    living = Listener(path)
    with pytest.raises(PermanentError, match="another Interlock listens"):
        Listener(path)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    living.close()


def test_a_file_that_is_no_socket_is_left_alone(path):
    path.write_text("precious")
    with pytest.raises(PermanentError, match="is no socket"):
        Listener(path)
    assert path.read_text() == "precious"


def test_a_link_is_not_followed(path):
    living = Listener(path)
    link = path.with_name("link.sock")
    link.symlink_to(path)
    with pytest.raises(PermanentError, match="is no socket"):
        Listener(link)
    living.close()


def test_only_our_own_file_is_removed_at_the_end(path):
    first = Listener(path)
    path.unlink()
    second = Listener(path)
    first.close()
    assert path.exists()
    second.close()


def test_a_place_that_cannot_be_is_said_to_be_so(path):
    with pytest.raises(PermanentError, match="107 bytes"):
        Listener(path.with_name("x" * 120))
    with pytest.raises(PermanentError, match="No such file") as refused:
        Listener(path.parent / "missing" / "interlock.sock")
    assert "INTERLOCK_RUN_DIR" in refused.value.fix

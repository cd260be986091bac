"""The command line finds the daemon, and says what is wrong when it does not."""

import socket
import threading

import pytest

from interlock.cli.daemon import Daemon
from interlock.core.problems import PermanentError, TemporaryError
from interlock.core.targets import UnknownTargetError
from interlock.settings import SettingsError


def test_where_nobody_runs_the_socket_that_was_tried_is_named(run, tmp_path, monkeypatch):
    monkeypatch.setenv("INTERLOCK_RUN_DIR", str(tmp_path))
    code, out, err = run("drain", "web_1")
    assert (code, out) == (1, "")
    assert f"nobody answers on {tmp_path}/interlock.sock" in err
    assert "fix: start one (`interlock --plugin haproxy start`)" in err
    assert "--run-dir" in err


def test_the_flag_beats_the_variable_and_may_stand_anywhere(run, daemon, monkeypatch):
    folder = str(daemon.path.parent)
    monkeypatch.setenv("INTERLOCK_RUN_DIR", "/nowhere")
    assert run("--run-dir", folder, "status")[0] == 0
    assert run("status", "--run-dir", folder)[0] == 0
    assert run("status")[0] == 1


def test_a_dead_socket_is_said_to_be_nobody(tmp_path):
    path = tmp_path / "s"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    with pytest.raises(PermanentError, match="nobody answers"):
        Daemon(path).status()


@pytest.mark.parametrize(
    ("said", "error"), [(b"", TemporaryError), (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", PermanentError)]
)
def test_who_hangs_up_or_speaks_another_language_is_reported(tmp_path, said, error):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(error):
            Daemon(tmp_path / "s").status()
        thread.join()


def test_the_daemons_own_words_reach_the_user_with_the_right_exit_code(run, daemon):
    daemon.failure = UnknownTargetError("no container is called wbe_1", fix="did you mean web_1?")
    assert run("drain", "wbe_1") == (2, "", "interlock: no container is called wbe_1\nfix: did you mean web_1?\n")
    daemon.failure = TemporaryError("haproxy did not confirm it", fix="see status")
    assert run("drain", "web_1") == (1, "", "interlock: haproxy did not confirm it\nfix: see status\n")
    with pytest.raises(TemporaryError):
        Daemon(daemon.path).drain("web_1")
    daemon.failure = PermanentError("wrong")
    with pytest.raises(SettingsError):
        Daemon(daemon.path).drain("web_1")


def test_names_are_quoted_in_paths(daemon):
    for who in ("shop/web", "a b?c#d%/é"):
        Daemon(daemon.path).containers(who)
    assert [order[1] for order in daemon.orders] == ["shop/web", "a b?c#d%/é"]

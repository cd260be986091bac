"""`interlock drain` and `interlock undrain`."""

import json

import pytest

from interlock.cli import drain as drain_module
from interlock.core.model import ServerState


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(drain_module, "POLL_SECONDS", 0.001)


def looks(daemon):
    return sum(order[0] == "look" for order in daemon.orders)


def test_draining_tells_what_is_still_under_way(run, daemon):
    daemon.under_way = [2]
    assert run("drain", "web_1") == (0, "web_1: out of rotation, 2 requests under way\n", "")
    assert daemon.orders == [("drain", "web_1")]


def test_waiting_ends_when_nothing_is_under_way_twice_in_a_row(run, daemon):
    daemon.under_way = [2, 2, 1, 0, 1, 0, 0]  # the first is in the receipt
    assert run("drain", "web_1", "--wait") == (0, "web_1: out of rotation, no request under way\n", "")
    assert looks(daemon) == 6
    assert daemon.orders[1] == ("look", "1" * 64), "by id: its name may be another's by then"


def test_waiting_has_an_end_and_an_exit_code_of_its_own(run, daemon):
    daemon.under_way = [1]
    code, out, _ = run("drain", "web_1", "--wait", "--timeout", "50ms")
    assert (code, out) == (3, "web_1: out of rotation, 1 request under way\n")


def test_a_container_that_goes_meanwhile_has_nothing_under_way(run, daemon):
    daemon.under_way = [2, None]
    assert run("drain", "web_1", "--wait")[0] == 0


def test_progress_is_for_terminals(run, daemon, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    daemon.under_way = [3, 3, 1, 0]
    _, _, err = run("drain", "web_1", "--wait")
    assert err == "web_1: 3 requests under way\nweb_1: 1 request under way\nweb_1: no request under way\n"


def test_json_is_the_receipt_and_nothing_else(run, daemon):
    daemon.warnings = ("a.com has no server left",)
    code, out, err = run("drain", "web_1", "--json", "--wait")
    assert (code, err) == (0, "")
    receipt = json.loads(out)
    assert receipt["containers"][0]["drained"] is True
    assert receipt["warnings"] == ["a.com has no server left"]


def test_warnings_go_to_stderr(run, daemon):
    daemon.warnings = ("a.com has no server left\n",)
    code, _, err = run("drain", "web_1")
    assert (code, err) == (0, "warning: a.com has no server left\\n\n")


@pytest.mark.parametrize("timeout", ["soon", "-1s", "25h"])
def test_a_time_that_is_none_is_refused_before_anything_is_done(run, daemon, timeout):
    code, _, err = run("drain", "web_1", f"--timeout={timeout}")
    assert (code, daemon.orders) == (2, [])
    assert "--timeout" in err


def test_undraining_says_when_it_serves_again(run, daemon):
    assert run("undrain", "web_1") == (0, "web_1: no longer drained\n", "")
    assert daemon.orders == [("undrain", "web_1")]


def test_undraining_says_what_is_not_in_rotation_yet_and_what_stands_by(run, daemon):
    daemon.place = {"in_rotation": False, "state": ServerState.PROBING}
    assert run("undrain", "web_1")[1].splitlines()[1:] == ["web_1: not in rotation yet: probing"]
    daemon.place = {"in_rotation": False, "waits": True}
    assert run("undrain", "web_1")[1].splitlines()[1:] == ["web_1: not in rotation yet: stand-by"]

"""`interlock maintenance`."""

import json
from datetime import UTC, datetime, timedelta

import pytest


def test_a_host_is_closed_and_opened(run, daemon):
    assert run("maintenance", "on", "a.com", "--message", "Later") == (0, "a.com: closed\na.com/app: closed\n", "")
    assert run("maintenance", "off", "a.com") == (0, "a.com: open again\n", "")
    assert daemon.orders == [("close", "a.com", "Later", ""), ("reopen", "a.com")]


def test_an_end_is_a_time_or_a_duration(run, daemon):
    run("maintenance", "on", "a.com", "--until", "2026-11-24T18:00:00+01:00")
    assert daemon.orders[0][3] == "2026-11-24T18:00:00+01:00"
    before = datetime.now(UTC)
    run("maintenance", "on", "a.com", "--until", "1h30m")
    end = datetime.fromisoformat(daemon.orders[1][3])
    assert timedelta(hours=1.5, seconds=-1) <= end - before <= timedelta(hours=1.5, seconds=5)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("maintenance off a.com --message Later", "belong to `interlock maintenance on`"),
        ("maintenance on a.com --until soon", "--until=soon is not"),
        ("maintenance up a.com", "up"),
        ("maintenance on", "HOST"),
    ],
)
def test_what_makes_no_sense_is_refused(run, daemon, line, what):
    code, _, err = run(*line.split())
    assert (code, daemon.orders) == (2, [])
    assert what in err


def test_json_and_warnings(run, daemon):
    daemon.warnings = ("no container asks for a.com now",)
    assert json.loads(run("maintenance", "on", "a.com", "--json")[1])["routes"] == ["a.com", "a.com/app"]
    assert run("maintenance", "on", "a.com")[2] == "warning: no container asks for a.com now\n"

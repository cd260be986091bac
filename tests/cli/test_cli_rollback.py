"""`interlock rollback`, `unpin`, `freeze` and `unfreeze`."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from interlock.cli.status import _lines
from interlock.core.status import HoldStatus, OrdersStatus, Receipt
from interlock.testing.worlds import replaced


@pytest.fixture
def ordered(daemon):
    """What the daemon was told."""
    told = []

    def taking(name, routes):
        async def take(*order):
            told.append((name, *order))
            return Receipt(routes=routes, warnings=daemon.warnings)

        return take

    daemon.timeline = SimpleNamespace(
        rollback=taking("rollback", ("a.com", "b.com")),
        unpin=taking("unpin", ("a.com",)),
        freeze=taking("freeze", ()),
        unfreeze=taking("unfreeze", ()),
    )
    return told


def test_a_rollback_and_its_end(run, ordered):
    assert run("rollback", "41") == (0, "pinned to revision 41: 2 routes changed\n", "")
    assert run("unpin") == (0, "no longer pinned: 1 route changed\n", "")
    assert ordered == [("rollback", 41, ""), ("unpin",)]


def test_a_freeze_and_its_end(run, ordered):
    before = datetime.now(UTC)
    assert run("freeze", "--for", "2h") == (0, "frozen: no route changed\n", "")
    assert run("unfreeze") == (0, "no longer frozen: no route changed\n", "")
    end = datetime.fromisoformat(ordered[0][1])
    assert timedelta(hours=2, seconds=-1) <= end - before <= timedelta(hours=2, minutes=5)


@pytest.mark.parametrize("line", ["rollback 41 --until", "freeze --until", "freeze --for"])
def test_an_end_may_be_a_time(run, ordered, line):
    assert run(*line.split(), "2026-11-24T18:00:00+01:00")[0] == 0
    assert ordered[0][-1] == "2026-11-24T18:00:00+01:00"


def test_what_may_surprise_is_told_apart_and_json_has_it(run, daemon, ordered):
    daemon.warnings = ("b.com: it answers 503",)
    assert run("rollback", "41")[2] == "warning: b.com: it answers 503\n"
    assert json.loads(run("rollback", "41", "--json")[1])["warnings"] == ["b.com: it answers 503"]


@pytest.mark.parametrize("line", ["freeze", "freeze --for soon", "rollback", "rollback x", "rollback 41 --for soon"])
def test_what_makes_no_sense_is_refused(run, ordered, line):
    code, _, err = run(*line.split())
    assert (code, ordered) == (2, [])
    assert "fix: " in err


def test_status_shows_what_is_held(daemon):
    pin = HoldStatus(revision=41, routes=2, until="")
    freeze = HoldStatus(revision=0, routes=3, until="2026-11-24T18:00:00Z")
    lines = list(_lines(replaced(daemon.picture, orders=OrdersStatus(pin=pin, freeze=freeze))))
    assert "  pinned to revision 41 until further notice: 2 routes" in lines
    assert "  frozen until 2026-11-24T18:00:00Z: 3 routes" in lines

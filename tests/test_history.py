"""The diary: what is noted, what is on disk, and what a damaged file costs."""

import asyncio
import contextlib
import stat
import tracemalloc

import pytest
from structlog.testing import capture_logs

from interlock import history as history_module
from interlock.core.happenings import ApplyFailed, Cause, EngineLost, PlanApplied, RoutesChanged
from interlock.core.model import Backend, Match, Options, Route
from interlock.history import History

A, B = Match("a.com"), Match("b.com")
CAUSE = Cause(action="start", at=1.0, engine="docker", container="web_1")


class Days:
    """What is wanted changes, and the diary notes it."""

    def __init__(self, folder, *, keep=10):
        self.table = {}
        self.history = History(self.table, keep=keep, folder=folder, clock=lambda: 100.0)
        self.history.open()

    def pass_one(self, match, number):
        self.table[match] = Route(match=match, backend=Backend(options=Options(slow_start=number)))
        self.history.hear(RoutesChanged(at=1.0, routes=(match,)))
        self.history.hear(PlanApplied(at=1.0, proxy="haproxy", causes=(CAUSE,), steps=(), seconds=0.1))

    @property
    def numbers(self):
        return [revision.number for revision in self.history.ledger.revisions]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "state" / "revisions"


@pytest.fixture
def days(folder):
    return Days(folder)


async def written(days, *passed):
    for match, number in passed:
        days.pass_one(match, number)
        await days.history.save()
    return days


def test_what_a_proxy_confirmed_is_noted_with_the_routes_that_changed_meanwhile(days):
    days.pass_one(A, 1)
    days.history.hear(EngineLost(at=1.0, engine="docker", reason="gone"))
    (made,) = days.history.ledger.revisions
    assert (made.at, made.causes) == (100.0, (CAUSE,))
    assert [change.match for change in made.changes] == [A]


def test_what_changed_before_a_failure_belongs_to_what_succeeds(days):
    days.table[A] = Route(match=A, backend=Backend())
    days.history.hear(RoutesChanged(at=1.0, routes=(A,)))
    days.history.hear(ApplyFailed(at=1.0, proxy="haproxy", causes=(), error="no"))
    days.history.hear(PlanApplied(at=1.0, proxy="haproxy", causes=(), steps=(), seconds=0.1))
    assert [len(each.changes) for each in days.history.ledger.revisions] == [0, 1]


async def test_after_a_restart_numbers_and_revisions_go_on(days, folder):
    await written(days, (A, 1), (B, 1), (A, 2))
    again = Days(folder)
    assert again.history.ledger.revisions == days.history.ledger.revisions
    assert again.history.ledger.newest == days.table
    again.table.update(days.table)
    await written(again, (B, 2))
    assert again.numbers == [1, 2, 3, 4]
    assert [change.match for change in again.history.ledger.diff(1, 4)] == [A, B]
    assert Days(folder).numbers == [1, 2, 3, 4]
    assert len(list(folder.iterdir())) == 2, "one log a run"
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


async def test_it_writes_by_itself_a_moment_later(days, folder, monkeypatch):
    monkeypatch.setattr(history_module, "QUIET_SECONDS", 0.001)
    running = asyncio.get_running_loop().create_task(days.history.run())
    days.pass_one(A, 1)
    async with asyncio.timeout(10):
        while Days(folder).numbers != [1]:  # noqa: ASYNC110 - the disk is what is waited for
            await asyncio.sleep(0.01)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_old_logs_go_once_enough_is_kept_without_them(folder):
    days = Days(folder, keep=3)
    await written(days, *((A, number) for number in range(20)))
    assert len(list(folder.iterdir())) == 2
    assert Days(folder, keep=3).numbers == days.numbers == [18, 19, 20]


async def test_too_much_altogether_costs_the_oldest_log(folder, monkeypatch):
    monkeypatch.setattr(history_module, "LARGEST_LOG", 1)
    monkeypatch.setattr(history_module, "LARGEST_FOLDER", 3000)
    days = Days(folder, keep=1000)
    await written(days, *((A, number) for number in range(20)))
    sizes = [path.stat().st_size for path in folder.iterdir()]
    assert 1 < len(sizes) < 20
    assert sum(sizes) <= 3000
    assert Days(folder, keep=1000).numbers[-1] == 20


class TestDamage:
    async def test_a_line_torn_by_a_crash_costs_itself_and_numbers_go_on(self, days, folder):
        await written(days, (A, 1), (B, 1))
        (log,) = folder.iterdir()
        log.write_bytes(log.read_bytes()[:-20])
        with capture_logs() as logs:
            again = Days(folder)
        assert f"{log} is damaged at line 3" in logs[0]["event"]
        assert again.numbers == [1]
        await written(again, (A, 3))
        assert again.numbers == [1, 3], "no number is given to two"
        assert Days(folder).numbers == [1, 3]

    async def test_rubbish_costs_what_cannot_be_told_without_it(self, days, folder):
        await written(days, (A, 1), (B, 1))
        (log,) = folder.iterdir()
        log.write_bytes(b"\x00\xff rubbish\n")
        with capture_logs() as logs:
            again = Days(folder)
        assert [entry["log_level"] for entry in logs] == ["warning"]
        assert again.numbers == []
        await written(again, (A, 3))
        assert again.numbers == Days(folder).numbers == [3]

    def test_a_folder_that_cannot_be_made_costs_the_past_and_nothing_else(self, tmp_path):
        (tmp_path / "file").write_text("")
        with capture_logs() as logs:
            days = Days(tmp_path / "file" / "revisions")
        assert "are lost" in logs[0]["event"]
        days.pass_one(A, 1)
        assert days.numbers == [1]

    async def test_a_full_disk_is_told_once_and_what_is_missing_is_written_later(self, days, folder, monkeypatch):
        await written(days, (A, 1))

        def full(*_):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as broken, capture_logs() as logs:
            broken.setattr(history_module, "_append", full)
            await written(days, (A, 2), (A, 3))
        assert [entry["event"].split(": ")[-1] for entry in logs] == ["No space left on device"]
        await written(days, (A, 4))
        assert Days(folder).numbers == [1, 2, 3, 4]


async def test_without_a_folder_nothing_is_written(tmp_path):
    days = await written(Days(None), (A, 1))
    assert days.numbers == [1]
    assert list(tmp_path.iterdir()) == []


def test_a_revision_costs_as_much_as_its_change_however_large_the_fleet():
    days = Days(None, keep=1000)
    many = [Match(f"site{number}.com") for number in range(10_000)]
    days.table.update({match: Route(match=match, backend=Backend()) for match in many})
    days.history.hear(RoutesChanged(at=1.0, routes=tuple(many)))
    days.pass_one(A, 0)
    tracemalloc.start()
    try:
        for number in range(100):
            days.pass_one(many[number], 1)
        bytes_each = tracemalloc.get_traced_memory()[0] / 100
    finally:
        tracemalloc.stop()
    assert bytes_each < 5000
    assert len(days.history.ledger.revisions) == 101

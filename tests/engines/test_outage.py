import msgspec
import pytest

from interlock.engines.outage import Outage
from interlock.engines.patience import PRODUCTION


@pytest.fixture(autouse=True)
def _without_jitter(monkeypatch):
    monkeypatch.setattr("random.uniform", max)


def pauses(outage, count, now=0.0):
    found = []
    for _ in range(count):
        found.append(outage.failed(now))
        now += found[-1]
    return found, now


def test_pauses_double_from_50_milliseconds_to_a_second():
    found, _ = pauses(Outage(PRODUCTION, is_near=False), 7)
    assert found == [0.05, 0.1, 0.2, 0.4, 0.8, 1, 1]


def test_an_engine_elsewhere_is_tried_lazily_after_half_a_minute():
    outage = Outage(PRODUCTION, is_near=False)
    _, now = pauses(outage, 5)
    assert outage.failed(now + 30) == 1.6
    assert pauses(outage, 3, now + 32)[0] == [3.2, 5, 5]


def test_one_on_this_machine_is_tried_every_second_for_ever():
    outage = Outage(PRODUCTION, is_near=True)
    outage.failed(0)
    assert pauses(outage, 2000, now=3600)[0][-1] == 1


def test_jitter_only_shortens(monkeypatch):
    monkeypatch.setattr("random.uniform", min)
    assert Outage(PRODUCTION, is_near=True).failed(0) == 0.025


def test_after_a_good_connection_it_begins_anew():
    outage = Outage(PRODUCTION, is_near=False)
    _, now = pauses(outage, 6)
    outage.ended(now)
    assert not outage.is_on
    assert outage.failed(now + PRODUCTION.steady) == 0.05
    assert outage.is_on


def test_a_connection_that_breaks_at_once_was_no_good_one():
    outage = Outage(PRODUCTION, is_near=False)
    _, now = pauses(outage, 6)
    outage.ended(now)
    assert outage.failed(now + 0.1) == 1


def test_a_flapping_engine_is_not_tried_lazily_for_an_outage_that_is_over():
    outage = Outage(PRODUCTION, is_near=False)
    _, now = pauses(outage, 40)
    outage.ended(now)
    assert outage.failed(now + 1) == 1


def test_a_line_is_logged_at_first_and_then_once_a_minute():
    outage = Outage(PRODUCTION, is_near=False)
    outage.failed(0)
    assert [outage.is_worth_a_line(now) for now in (0, 1, 59, 60, 61, 119, 120)] == [
        *(True, False, False, True, False, False, True)
    ]


def test_the_next_outage_gets_its_own_line_unless_the_engine_only_flaps():
    outage = Outage(msgspec.structs.replace(PRODUCTION, steady=5), is_near=False)
    outage.failed(0)
    assert outage.is_worth_a_line(0)
    outage.ended(1)
    outage.failed(2)
    assert not outage.is_worth_a_line(2)
    outage.ended(3)
    outage.failed(10)
    assert outage.is_worth_a_line(10)

"""Revisions as text, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.happenings import Cause, PlanApplied
from interlock.core.model import Backend, Match, Options, Route
from interlock.core.plan import DrainServer
from interlock.core.revision_log import ROUTES_OF_A_LINE, Reading, base, lines
from interlock.core.revisions import Ledger

HOSTS = [Match("a.com"), Match("b.com"), Match("*.c.com", "/app")]
CAUSE = Cause(action="start", at=1.0, engine="docker", container="web_1")


def ledger_of(tables):
    ledger = Ledger(keep=100)
    for number, table in enumerate(tables, 1):
        routes = {m: Route(match=m, backend=Backend(options=Options(slow_start=s))) for m, s in table.items()}
        applied = PlanApplied(
            at=0.0, proxy="haproxy", causes=(CAUSE,), steps=(DrainServer(HOSTS[0], "w"),), seconds=1.0
        )
        ledger.note(applied, HOSTS, routes, at=float(number))
        ledger.sealed = number
    return ledger


def read(*logs):
    reading = Reading()
    for log in logs:
        reading.begin()
        for line in log:
            reading.read(line)
    return reading


tables = st.lists(st.dictionaries(st.sampled_from(HOSTS), st.integers(0, 2)), min_size=2, max_size=6)


@given(tables, st.data())
def test_what_was_written_is_what_is_read_in_one_log_or_in_two(wanted, data):
    ledger = ledger_of(wanted)
    revisions = list(ledger.revisions)
    cut = data.draw(st.integers(1, len(revisions) - 1))
    first = [*base({}, 1), *lines(revisions[:cut])]
    second = [*base(ledger.table_after(cut), cut + 1), *lines(revisions[cut:])]
    for reading in (read([*first, *second[len(list(base(ledger.table_after(cut), 1))) :]]), read(first, second)):
        assert reading.revisions == revisions
        assert reading.table == ledger.newest
        assert reading.next_number == len(revisions) + 1


def test_revisions_that_do_not_lead_to_the_next_log_are_forgotten():
    ledger = ledger_of([{HOSTS[0]: 1}, {HOSTS[1]: 1}, {}])
    revisions = list(ledger.revisions)
    reading = read([*base({}, 1), *lines(revisions[:1])], [*base(ledger.table_after(2), 3), *lines(revisions[2:])])
    assert [each.number for each in reading.revisions] == [3]
    assert reading.table == {}


def test_a_large_table_is_several_lines():
    many = {Match(f"{n}.com"): Route(match=Match(f"{n}.com"), backend=Backend()) for n in range(ROUTES_OF_A_LINE + 1)}
    written = list(base(many, 5))
    assert len(written) == 3
    reading = read([*written, *lines(ledger_of([{}]).revisions)])
    assert reading.table == many
    assert reading.next_number == 5


@pytest.mark.parametrize("line", [b"", b"{", b'{"line":"other"}', b'{"line":"routes","routes":[]}', b"\xff"])
def test_what_is_no_line_of_ours_is_refused(line):
    with pytest.raises(ValueError, match=r"."):
        Reading().read(line)


def test_a_revision_that_nothing_is_known_before_is_refused():
    (line,) = lines(ledger_of([{}]).revisions)
    with pytest.raises(ValueError, match="before it"):
        Reading().read(line)

"""Revisions: numbered, with what each changed; any table that was wanted can be found again."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.happenings import ApplyFailed, Cause, PlanApplied, ReloadDone
from interlock.core.model import Backend, Maintenance, Match, Options, Route
from interlock.core.plan import (
    AddRoute,
    AddServer,
    CloseRoute,
    DrainServer,
    EnableServer,
    MoveServer,
    Reload,
    RemoveServer,
    WeighServer,
)
from interlock.core.revisions import MOST_STEPS, Change, Ledger, Outcome, StepTaken, UnknownRevisionError, taken
from interlock.testing.worlds import container, table_of

A, B = Match("a.com"), Match("b.com", "/app")
START = Cause(action="start", at=1.0, engine="docker", container="web_1")
STOP = Cause(action="stop", at=2.0, engine="docker", container="web_1")


def route(match, weight=0):
    return Route(match=match, backend=Backend(options=Options(slow_start=weight)))


def applied(*steps, causes=(START,), proxy="haproxy"):
    return PlanApplied(at=0.0, proxy=proxy, causes=causes, steps=steps, seconds=0.25)


def failed(error="no answer"):
    return ApplyFailed(at=0.0, proxy="haproxy", causes=(START,), error=error)


def ledger_of(*tables, keep=100):
    """One revision for each table."""
    ledger = Ledger(keep=keep)
    for number, table in enumerate(tables, 1):
        ledger.note(applied(causes=(START, STOP)), {A, B}, table, at=float(number))
        ledger.sealed = number
    return ledger


def test_a_revision_has_its_causes_steps_and_changes():
    ledger = Ledger(keep=10)
    ledger.note(applied(AddRoute(A), causes=(START,)), {A, B}, {A: route(A)}, at=7.5)
    (made,) = ledger.revisions
    assert (made.number, made.at, made.proxy, made.outcome) == (1, 7.5, "haproxy", Outcome.APPLIED)
    assert (made.causes, made.steps, made.seconds) == ((START,), (StepTaken("AddRoute", "a.com"),), 0.25)
    assert made.changes == (Change(A, None, route(A)),)


def test_a_reload_has_its_reason_and_what_was_refused():
    ledger = Ledger(keep=10)
    done = ReloadDone(
        at=0.0, proxy="nginx", causes=(), reason="new site a.com", seconds=1.5, refused=((B, "no such file"),)
    )
    ledger.note(done, (), {}, at=1.0)
    made = ledger.get(1)
    assert (made.outcome, made.reason, made.refused) == (Outcome.RELOADED, "new site a.com", ((B, "no such file"),))
    assert made.steps == (StepTaken("Reload", detail="new site a.com"),)


def test_a_failure_changes_nothing_and_is_one_revision_however_often_it_repeats():
    ledger = ledger_of({A: route(A)})
    for at in (2.0, 3.0, 4.0):
        ledger.note(failed(), {B}, {A: route(A), B: route(B)}, at=at)
    ledger.note(failed("another"), {B}, {A: route(A), B: route(B)}, at=5.0)
    assert [(each.number, each.outcome, each.attempts) for each in ledger.revisions] == [
        (1, Outcome.APPLIED, 1),
        (2, Outcome.FAILED, 3),
        (3, Outcome.FAILED, 1),
    ]
    assert (ledger.get(2).at, ledger.get(2).changes, ledger.get(3).error) == (4.0, (), "another")
    ledger.note(applied(), {B}, {A: route(A), B: route(B)}, at=6.0)
    assert ledger.get(4).changes == (Change(B, None, route(B)),), "what failed is changed by what succeeds"
    assert ledger.table_of(3) == {A: route(A)}


def test_the_parts_of_one_turn_are_one_revision_until_it_is_sealed():
    ledger, causes = Ledger(keep=10), (START,)
    table = {A: route(A)}
    ledger.note(applied(AddRoute(A), causes=causes), {A}, table, at=1.0)
    table[B] = route(B)
    ledger.note(applied(AddRoute(B), causes=causes), {B}, table, at=2.0)
    (made,) = ledger.revisions
    assert [step.route for step in made.steps] == ["a.com", "b.com/app"]
    assert [change.match for change in made.changes] == [A, B]
    ledger.note(applied(causes=causes, proxy="nginx"), (), table, at=3.0)
    ledger.sealed = 2
    ledger.note(applied(causes=causes, proxy="nginx"), (), table, at=3.0)
    assert [each.number for each in ledger.revisions] == [1, 2, 3], "another proxy's, and one after it was written"


def test_a_route_that_both_parts_of_a_turn_change_is_one_change():
    ledger, causes = ledger_of({A: route(A)}), (STOP,)
    ledger.note(applied(causes=causes), {A}, {A: route(A, 1)}, at=2.0)
    ledger.note(applied(causes=causes), {A}, {A: route(A, 2)}, at=3.0)
    assert ledger.get(2).changes == (Change(A, route(A), route(A, 2)),)


def test_of_very_many_steps_the_first_are_kept_and_the_others_counted():
    ledger = Ledger(keep=10)
    causes = (START,)
    steps = [DrainServer(A, f"web_{number}") for number in range(MOST_STEPS + 5)]
    ledger.note(applied(*steps, causes=causes), (), {}, at=1.0)
    ledger.note(applied(*steps[:7], causes=causes), (), {}, at=1.0)
    assert (len(ledger.get(1).steps), ledger.get(1).further_steps) == (MOST_STEPS, 12)


def test_only_the_last_ones_are_kept_and_the_others_are_unknown():
    ledger = ledger_of({}, {A: route(A)}, {}, keep=2)
    assert [each.number for each in ledger.revisions] == [2, 3]
    for number in (1, 4):
        with pytest.raises(UnknownRevisionError, match=f"no revision {number}") as caught:
            ledger.get(number)
        assert "from 2 to 3 are kept" in caught.value.fix
    with pytest.raises(UnknownRevisionError):
        ledger.diff(2, 4)
    with pytest.raises(UnknownRevisionError):
        Ledger(keep=1).table_of(1)


def test_every_step_is_told_in_few_words():
    server = next(iter(table_of(container()).values())).backend.servers[0]
    place = server.endpoint
    told = {
        AddServer(A, server, Options()): StepTaken("AddServer", "a.com", "web_1", place),
        MoveServer(A, server, Options()): StepTaken("MoveServer", "a.com", "web_1", place),
        EnableServer(A, server): StepTaken("EnableServer", "a.com", "web_1"),
        WeighServer(A, "web_1", 5): StepTaken("WeighServer", "a.com", "web_1", "weight 5"),
        RemoveServer(A, "web_1"): StepTaken("RemoveServer", "a.com", "web_1"),
        CloseRoute(A, Maintenance("later")): StepTaken("CloseRoute", "a.com", detail="later"),
        Reload("why"): StepTaken("Reload", detail="why"),
    }
    assert {step: taken(step) for step in told} == told


tables = st.dictionaries(st.sampled_from([A, B, Match("c.com")]), st.integers(0, 2)).map(
    lambda drawn: {match: route(match, weight) for match, weight in drawn.items()}
)


@given(st.lists(tables, min_size=1, max_size=8))
def test_every_table_that_was_wanted_is_found_again_and_a_diff_leads_from_one_to_another(wanted):
    ledger = Ledger(keep=100)
    for number, table in enumerate(wanted, 1):
        ledger.note(applied(causes=()), {A, B, Match("c.com")}, table, at=float(number))
    assert [ledger.table_of(number) for number in range(1, len(wanted) + 1)] == wanted
    assert ledger.table_after(0) == {}
    for before in (1, len(wanted)):
        for now in (1, len(wanted)):
            made = dict(wanted[before - 1])
            for change in ledger.diff(before, now):
                assert change.before == made.get(change.match)
                made.pop(change.match, None)
                if change.now is not None:
                    made[change.match] = change.now
            assert made == wanted[now - 1]


def test_equal_routes_exist_once():
    kept = route(A)
    ledger = Ledger(keep=10)
    ledger.note(applied(), {A}, {A: kept}, at=1.0)
    ledger.note(applied(causes=()), {A, B}, {A: msgspec.structs.replace(kept), B: route(B)}, at=2.0)
    assert ledger.table_of(2)[A] is kept

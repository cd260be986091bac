"""Each thing that was done is one trace: when the event was told, when it was planned for, and applied."""

import pytest

from interlock.core.happenings import ApplyFailed, Cause, EngineLost, EventSeen, PlanApplied, ReloadDone
from interlock.core.model import Match
from interlock.core.plan import DrainServer
from interlock.plugins.otel.spans import LONGEST_LIST, MOST_REMEMBERED, Traces

START = Cause(action="start", at=100.0, engine="docker", container="web_1", container_id="1" * 64)
STEPS = (DrainServer(Match("a.com"), "web_1"),)


def seen(cause=START, at=100.02, touched=1):
    return EventSeen(at=at, event="Changed", cause=cause, touched=touched)


def applied(*causes, at=100.10, seconds=0.05, steps=STEPS):
    return PlanApplied(at=at, proxy="haproxy", causes=causes, steps=steps, seconds=seconds)


def times(trace):
    return [(part.name, part.begin, part.end) for part in (trace.whole, *trace.parts)]


def test_an_event_waits_then_is_planned_for_then_applied():
    traces = Traces()
    assert traces.hear(seen()) is None
    trace = traces.hear(applied(START))
    assert times(trace) == [
        ("reconcile", 100.0, 100.10),
        ("event", 100.0, 100.02),
        ("plan", 100.02, pytest.approx(100.05)),
        ("apply", pytest.approx(100.05), 100.10),
    ]
    assert trace.whole.attributes["interlock.containers"] == ("web_1",)
    assert trace.parts[-1].attributes["interlock.steps"] == ("DrainServer",)


def test_of_several_causes_the_first_begins_it_and_the_last_to_arrive_ends_the_wait():
    traces = Traces()
    later = Cause(action="die", at=100.03, engine="docker", container="web_2")
    traces.hear(seen())
    traces.hear(seen(later, at=100.04))
    trace = traces.hear(applied(START, later))
    assert times(trace)[:2] == [("reconcile", 100.0, 100.10), ("event", 100.0, 100.04)]
    assert trace.whole.attributes["interlock.actions"] == ("start", "die")


@pytest.mark.parametrize("at", [99.0, 100.0, 100.07, 100.2, 5000.0])
def test_whatever_an_engines_clock_says_the_parts_follow_each_other(at):
    traces = Traces()
    cause = Cause(action="start", at=at)
    traces.hear(seen(cause))
    whole, *parts = times(traces.hear(applied(cause)))
    moments = [whole[1], *(moment for _, begin, end in parts for moment in (begin, end)), whole[2]]
    assert moments == sorted(moments)


def test_what_has_no_cause_begins_when_it_was_turned_to():
    assert times(Traces().hear(applied()))[0] == ("reconcile", pytest.approx(100.05), 100.10)


def test_a_reload_has_its_reason_and_a_failure_its_error():
    traces = Traces()
    reload = ReloadDone(at=101.0, proxy="haproxy", causes=(START,), reason="new site a.com", seconds=0.5)
    apply = traces.hear(reload).parts[-1]
    assert (apply.attributes["interlock.way"], apply.attributes["interlock.reason"]) == ("reload", "new site a.com")
    failed = traces.hear(ApplyFailed(at=102.0, proxy="haproxy", causes=(START,), error="it broke"))
    assert (failed.whole.error, failed.parts[-1].error, failed.parts[0].error) == ("it broke", "it broke", "")


def test_other_happenings_are_no_traces():
    assert Traces().hear(EngineLost(at=1.0, engine="docker", reason="x")) is None


def test_a_long_life_and_a_large_burst_take_no_more_room_than_allowed():
    traces = Traces()
    for number in range(MOST_REMEMBERED + 5):
        traces.hear(seen(Cause(action="start", at=float(number))))
    assert len(traces._seen) == MOST_REMEMBERED
    causes = tuple(Cause(action="start", at=1.0, container=f"web_{number}") for number in range(50))
    trace = traces.hear(applied(*causes, steps=STEPS * 500))
    assert len(trace.whole.attributes["interlock.containers"]) == LONGEST_LIST
    assert len(trace.parts[-1].attributes["interlock.steps"]) == LONGEST_LIST
    assert trace.parts[-1].attributes["interlock.step_count"] == 500

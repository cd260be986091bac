"""A container that keeps ending by itself waits longer each time; one that is restarted by order does not."""

from interlock.core.damping import FREE, LONGEST_PAUSE, WINDOW, Damping
from interlock.testing.worlds import container, replaced


def pauses(counts, *, every=1.0):
    damping = Damping()
    return [damping.pause(container(restarts=count), number * every) for number, count in enumerate(counts)]


def test_the_first_restarts_cost_nothing_and_then_each_doubles_the_pause():
    assert pauses(range(1, FREE + 6)) == [0.0] * (FREE + 1) + [1.0, 2.0, 4.0, 8.0]


def test_a_pause_has_a_limit():
    assert max(pauses(range(200))) == LONGEST_PAUSE


def test_restarts_by_order_do_not_count():
    damping = Damping()
    runs = [replaced(container(), started_at=f"2026-01-03T00:00:{number:02d}Z") for number in range(30)]
    assert {damping.pause(run, float(number)) for number, run in enumerate(runs)} == {0.0}


def test_what_is_long_ago_is_forgotten():
    assert set(pauses(range(50), every=WINDOW)) == {0.0}


def test_what_happened_before_we_looked_does_not_count():
    assert pauses([500, 501]) == [0.0, 0.0]


def test_a_count_that_falls_is_another_containers():
    assert pauses([500, 0, 1]) == [0.0, 0.0, 0.0]


def test_a_container_that_is_gone_is_forgotten():
    damping = Damping()
    for count in range(20):
        damping.pause(container(restarts=count), float(count))
    damping.forget(container().key)
    assert damping.pause(container(restarts=21), 21.0) == 0.0

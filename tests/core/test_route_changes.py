"""Who knows all routes and hears of changes knows all routes again."""

import pytest

from interlock.core import route_changes
from interlock.core.model import Match
from interlock.core.route_changes import START, GoneRoute, KnownRoutes, RouteChanges
from interlock.core.status import route_status
from interlock.testing.worlds import container, replaced, table_of

DEMO = Match("demo.interlock.com")
ROUTE = table_of(container())[DEMO]


class Bench:
    """A table that changes, and somebody who keeps up with it."""

    def __init__(self, *hosts):
        self.table = table_of()
        self.changes = RouteChanges(self.table, run="run1")
        self.known = KnownRoutes()
        self.put(*hosts)

    def put(self, *hosts, servers=1):
        for host in hosts:
            backend = replaced(ROUTE.backend, servers=ROUTE.backend.servers * servers)
            self.table.put(replaced(ROUTE, match=Match(host), backend=backend))
        self.changes.note(Match(host) for host in hosts)

    def drop(self, *hosts):
        for host in hosts:
            self.table.drop(Match(host))
        self.changes.note(Match(host) for host in hosts)

    def look(self):
        """What is told, once it is taken in."""
        told = self.changes.since(self.known.at)
        self.known.take(told)
        assert list(self.known) == list(map(route_status, self.table.values()))
        return told


def hosts(told):
    return [route.host for route in told.routes]


def test_the_first_look_is_told_everything_and_the_next_nothing():
    bench = Bench("b.com", "a.com")
    told = bench.look()
    assert (told.whole, hosts(told)) == (True, ["a.com", "b.com"])
    told = bench.look()
    assert (told.whole, told.routes, told.gone) == (False, (), ())


def test_what_is_new_otherwise_or_gone_is_told_once_however_often_it_changed():
    bench = Bench("a.com", "b.com", "c.com")
    bench.look()
    bench.put("b.com", servers=2)
    bench.put("d.com")
    bench.put("b.com", servers=3)
    bench.drop("a.com")
    told = bench.look()
    assert (told.whole, hosts(told), told.gone) == (False, ["b.com", "d.com"], (GoneRoute("a.com", "/"),))
    assert len(told.routes[0].servers) == 3
    bench.put("a.com")
    bench.drop("d.com")
    assert hosts(bench.look()) == ["a.com"]


def test_one_that_came_and_went_in_between_is_told_as_gone():
    bench = Bench("a.com")
    at = bench.look().at
    bench.put("b.com")
    bench.drop("b.com")
    assert bench.changes.since(at).gone == (GoneRoute("b.com", "/"),)


def test_two_who_look_at_other_times_are_each_told_what_they_missed():
    bench = Bench("a.com")
    early = bench.look().at
    bench.put("b.com")
    late = bench.changes.since(early).at
    bench.put("c.com")
    assert hosts(bench.changes.since(early)) == ["b.com", "c.com"]
    assert hosts(bench.changes.since(late)) == ["c.com"]


def test_who_missed_more_than_is_kept_is_told_everything(monkeypatch):
    monkeypatch.setattr(route_changes, "MOST_KEPT", 3)
    bench = Bench("a.com")
    bench.look()
    bench.put("b.com", "c.com", "d.com")
    at = bench.look().at
    bench.put("e.com")
    assert hosts(bench.changes.since(at)) == ["e.com"]
    bench.put("f.com", "g.com", "h.com")
    told = bench.look()
    assert (told.whole, len(told.routes)) == (True, 8)


@pytest.mark.parametrize(
    "at", ["", START, "-", "run1", "run1-", "run1-x", "run1-99", "run1-²", "other-1", "run1-" + "9" * 5000]
)
def test_what_nobody_was_told_is_answered_with_everything(at):
    told = Bench("a.com").changes.since(at)
    assert (told.whole, hosts(told)) == (True, ["a.com"])

"""What engines say is put together, and each event says whom it touched."""

from interlock.core.events import GivenUp, Held, Lost, Probed, Recovered, Stopping, Survived, Vanished
from interlock.core.model import ContainerKey, Health, Maintenance, Phase
from interlock.core.overrides import Overrides, Service
from interlock.core.routes import Routes
from interlock.core.world import World
from interlock.testing.worlds import ENGINE, LONG_AGO, changed, container, listed, placed, replaced


def test_a_list_touches_what_is_new_and_what_is_gone_and_nothing_else():
    world = World()
    one, two = container("one", number=1), container("two", number=2)
    assert world.advance(listed(one, two)) == {one.key, two.key}
    assert world.advance(listed(one, two)) == frozenset()
    three = container("three", number=3)
    assert world.advance(listed(one, three)) == {two.key, three.key}
    assert world.container(two.key) is None
    assert world.has_listed(ENGINE)


def test_a_change_touches_one_container_and_only_if_it_is_one():
    world = World()
    one = container()
    world.advance(listed(one))
    assert world.advance(changed(one)) == frozenset()
    assert world.advance(changed(replaced(one, health=Health.UNHEALTHY))) == {one.key}


def test_a_stop_counts_for_one_run_of_a_container():
    world = World()
    one = container()
    world.advance(listed(one))
    assert world.advance(Stopping(one.key)) == {one.key}
    assert world.is_stopping(one)
    assert world.advance(Stopping(one.key)) == frozenset()
    world.advance(changed(replaced(one, health=Health.UNHEALTHY)))
    assert world.is_stopping(world.container(one.key)), "an unhealthy report after the kill does not bring it back"
    again = replaced(one, started_at="2026-01-03T00:00:00Z")
    assert world.advance(changed(again)) == {one.key}
    assert not world.is_stopping(again)


def test_a_container_that_survives_its_signal_is_taken_back():
    world = World()
    one = container()
    world.advance(listed(one))
    world.advance(Stopping(one.key))
    assert world.advance(Survived(one.key)) == {one.key}
    assert not world.is_stopping(one)
    assert world.advance(Survived(one.key)) == frozenset()


def test_nobody_is_stopping_who_does_not_run_or_is_not_known():
    world = World()
    gone = container(phase=Phase.EXITED)
    world.advance(listed(gone))
    assert world.advance(Stopping(gone.key)) == frozenset()
    assert world.advance(Stopping(ContainerKey(ENGINE, "nobody"))) == frozenset()


def test_notice_is_said_once_ends_with_the_run_and_can_be_taken_back():
    world, one = World(), container()
    world.advance(listed(one), settled_before=LONG_AGO)
    notice = Stopping(one.key, is_notice=True)
    assert world.advance(notice) == {one.key}
    assert (world.advance(notice), world.is_leaving(one), world.is_stopping(one)) == (frozenset(), True, False)
    assert notice in list(world.told())
    assert world.advance(Survived(one.key)) == {one.key}
    assert not world.is_leaving(one)
    world.advance(notice)
    assert world.advance(Stopping(one.key)) == {one.key}
    assert world.advance(notice) == frozenset()
    again = replaced(one, started_at="2026-02-01T00:00:00Z")
    world.advance(changed(again))
    assert not world.is_leaving(again)


def test_an_answer_counts_for_one_address_and_one_run():
    world = World()
    one = container()
    world.advance(listed(one))
    assert not world.has_answered(one, "172.17.0.2:5000", warmed=False)
    assert world.advance(Probed(one.key, "172.17.0.2:5000", one.started_at)) == {one.key}
    assert world.has_answered(one, "172.17.0.2:5000", warmed=True)
    assert not world.has_answered(one, "172.17.0.9:5000", warmed=False)
    again = replaced(one, started_at="2026-01-03T00:00:00Z")
    assert not world.has_answered(again, "172.17.0.2:5000", warmed=False)
    world.advance(changed(again))
    assert world.advance(Probed(one.key, "172.17.0.2:5000", one.started_at)) == frozenset(), "a late answer of old"


def test_who_has_run_for_a_while_is_taken_to_answer_but_not_to_be_warm():
    world = World()
    one = container()
    world.advance(listed(one), settled_before="2026-06-01T00:00:00Z")
    assert world.has_answered(one, "172.17.0.2:5000", warmed=False)
    assert not world.has_answered(one, "172.17.0.2:5000", warmed=True)
    young = container("young", number=2, started_at="2026-06-02T00:00:00Z")
    world.advance(listed(one, young), settled_before="2026-06-01T00:00:00Z")
    assert not world.has_answered(young, "172.17.0.3:5000", warmed=False)


def test_who_was_seen_and_has_not_answered_does_not_become_listening_by_mere_age():
    world = World()
    one = container()
    world.advance(changed(one))
    world.advance(listed(one), settled_before="2026-06-01T00:00:00Z")
    assert not world.has_answered(one, "172.17.0.2:5000", warmed=False)
    again = replaced(one, started_at="2026-01-03T00:00:00Z")
    world.advance(listed(again), settled_before="2026-06-01T00:00:00Z")
    assert world.has_answered(again, "172.17.0.2:5000", warmed=False), "this run is new to us"


def test_what_vanished_leaves_no_memory_behind():
    world = World()
    one = container()
    world.advance(listed(one), settled_before="2026-06-01T00:00:00Z")
    world.advance(Stopping(one.key))
    assert world.advance(Vanished(one.key)) == {one.key}
    assert world.advance(Vanished(one.key)) == frozenset()
    world.advance(changed(one))
    assert not world.is_stopping(one)
    assert not world.has_answered(one, "172.17.0.2:5000", warmed=False)


def test_a_list_that_is_held_takes_nothing_away_until_it_comes():
    world = World()
    world.advance(listed(container()))
    assert world.advance(Held(ENGINE, "it has 0 of 1")) == frozenset()
    assert dict(world.held_engines) == {ENGINE: "it has 0 of 1"}
    assert world.container(container().key) is not None
    world.advance(listed())
    assert not world.held_engines


def test_an_engine_lost_again_holds_nothing():
    world = World()
    world.advance(Held(ENGINE, "it has 0 of 1"))
    world.advance(Lost(ENGINE, "gone"))
    assert not world.held_engines


def test_a_lost_engine_keeps_what_it_said():
    world = World()
    one = container()
    world.advance(listed(one))
    assert world.advance(Lost(ENGINE, "connection reset")) == frozenset()
    assert world.container(one.key) == one
    assert dict(world.lost_engines) == {ENGINE: "connection reset"}
    world.advance(Recovered(ENGINE))
    assert not world.lost_engines


def test_another_place_of_ours_touches_every_container_of_that_engine():
    world = World()
    one = container()
    world.advance(listed(one))
    assert world.advance(placed()) == {one.key}
    assert world.advance(placed()) == frozenset()
    assert list(world.containers()) == [one]


def compose(name, number, service="web"):
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": service}
    return container(name, number=number, labels=labels)


def test_an_order_touches_those_that_it_is_about_and_nobody_else():
    world = World()
    one, two, db = compose("web_1", 1), compose("web_2", 2), compose("db_1", 3, "db")
    world.advance(listed(one, two, db))
    drained = Overrides().draining([one.key])
    assert world.order(drained) == ({one.key}, frozenset())
    assert world.order(drained) == (frozenset(), frozenset())
    weighed = drained.weighed([db.key], 7)
    assert world.order(weighed) == ({db.key}, frozenset())
    of_service = weighed.service_weighed(Service("shop", "web"), 3)
    assert world.order(of_service) == ({one.key, two.key}, frozenset())
    closed = of_service.closed("a.com", Maintenance("m"))
    assert world.order(closed) == (frozenset(), {"a.com"})
    assert world.order(closed.closed("a.com", Maintenance("n"))) == (frozenset(), {"a.com"})
    assert world.order(Overrides()) == ({one.key, two.key, db.key}, {"a.com"})


def test_orders_go_with_their_container_but_wait_for_one_that_was_not_told_of_yet():
    world = World()
    one, two = container("one", number=1), container("two", number=2)
    elsewhere = ContainerKey("another engine", "1")
    world.order(Overrides().draining([one.key, two.key, elsewhere]).weighed([one.key], 5))
    world.advance(changed(one))
    assert world.overrides.drained == {one.key, two.key, elsewhere}, "no list has said yet that two is gone"
    world.advance(Lost(ENGINE, "connection reset"))
    assert world.overrides.drained == {one.key, two.key, elsewhere}
    world.advance(listed(one))
    assert world.overrides.drained == {one.key, elsewhere}
    world.advance(Vanished(one.key))
    assert world.overrides == Overrides().draining([elsewhere])


def test_single_containers_are_given_up_until_the_next_list():
    one, two = container("a", number=1), container("b", number=2)
    world = World()
    world.advance(listed(one, two))
    assert world.advance(GivenUp(ENGINE, 300.0, (two.id, "f" * 64))) == {two.key}
    assert (world.is_given_up(one), world.is_given_up(two), world.engines_given_up) == (False, True, frozenset())
    assert GivenUp(ENGINE, 0.0, (two.id,)) in list(world.told())
    assert two.key in world.advance(listed(one, two))
    assert not world.is_given_up(two)
    world.advance(GivenUp(ENGINE, 300.0, (two.id,)))
    world.advance(Vanished(two.key))
    assert GivenUp not in {type(event) for event in world.told()}, "nothing is left of it"


def test_what_a_world_tells_makes_another_one_like_it():
    """Settled, answering, unanswered, stopping, stopped and vanished containers, and an engine that is lost."""
    late = {"started_at": "2026-07-01T00:00:00Z"}
    one, two, three = container("a", number=1), container("b", number=2, **late), container("c", number=3, **late)
    four, five = container("d", number=4), container("e", number=5, phase=Phase.EXITED)
    routes = Routes(World())
    events = [
        placed(),
        listed(one, two, three, four, five),
        Probed(two.key, "172.17.0.3:5000", two.started_at),
        Stopping(four.key),
        Lost(ENGINE, "gone"),
        GivenUp(ENGINE, 300.0),
    ]
    for event in events:
        routes.update(routes.world.advance(event, settled_before=LONG_AGO))
    again = Routes(World())
    for event in routes.world.told():
        again.update(again.world.advance(event, settled_before="9999"))
    assert dict(again.table.items()) == dict(routes.table.items())
    states = {server.name: server.state for route in again.table.values() for server in route.backend.servers}
    assert states == {"a": "ready", "b": "ready", "c": "probing", "d": "draining"}
    assert again.world.lost_engines == {ENGINE: "gone"}
    assert again.world.engines_given_up == {ENGINE}
    assert list(again.world.told()) == list(routes.world.told())

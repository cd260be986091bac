"""Routes follow the world, and are the same whatever the order of the events that made it."""

from hypothesis import given
from hypothesis import strategies as st

from interlock.core.backends import shares_of, waiting_in
from interlock.core.events import GivenUp, Listed, Placed, Probed, Stopping, Vanished, View
from interlock.core.holds import frozen
from interlock.core.model import (
    Backend,
    ContainerKey,
    Health,
    Maintenance,
    Match,
    Options,
    Phase,
    Route,
    ServerState,
)
from interlock.core.overrides import Overrides, Service
from interlock.core.problems import Severity
from interlock.core.routes import Routes
from interlock.core.world import World
from interlock.testing.worlds import ENGINE, LONG_AGO, changed, container, listed, placed, replaced

DEMO = Match("demo.interlock.com")
CLOSED = Maintenance("Back soon")


def routes_of(*events):
    world = World()
    routes = Routes(world)
    for event in (placed(), *events):
        routes.update(world.advance(event, settled_before=LONG_AGO))
    return routes


def servers(routes, match=DEMO):
    return {server.name: server for server in routes.table[match].backend.servers}


def step(routes, event):
    return routes.update(routes.world.advance(event, settled_before=LONG_AGO))


def test_replicas_share_a_route_and_are_named_after_their_containers():
    routes = routes_of(listed(container("web_1", number=1), container("web_2", number=2)))
    assert {name: s.endpoint for name, s in servers(routes).items()} == {
        "web_1": "172.17.0.2:5000",
        "web_2": "172.17.0.3:5000",
    }


def test_an_update_names_only_the_routes_that_are_different():
    routes = routes_of(
        listed(container("web_1"), container("other", '{"hostname":"other","domain":"x.com"}', number=2))
    )
    assert step(routes, changed(container("web_2", number=3))) == {DEMO}
    assert step(routes, changed(replaced(container("web_2", number=3), image="renamed"))) == frozenset()


def test_a_stopped_container_has_no_server_but_its_host_stays_known():
    routes = routes_of(listed(container()))
    assert step(routes, changed(container(phase=Phase.EXITED))) == {DEMO}
    assert servers(routes) == {}
    assert step(routes, Vanished(container().key)) == {DEMO}
    assert DEMO not in routes.table


def test_states_follow_signals_pauses_and_health():
    one = container()
    routes = routes_of(listed(one))
    assert servers(routes)["web_1"].state is ServerState.READY
    for change, state in (
        ({"phase": Phase.PAUSED}, ServerState.DOWN),
        ({"health": Health.STARTING}, ServerState.STARTING),
        ({"health": Health.UNHEALTHY}, ServerState.DOWN),
        ({"health": Health.HEALTHY}, ServerState.READY),
        ({}, ServerState.READY),
    ):
        step(routes, changed(replaced(one, **change)))
        assert servers(routes)["web_1"].state is state, change
    step(routes, Stopping(one.key))
    assert servers(routes)["web_1"].state is ServerState.DRAINING


def test_a_fresh_container_waits_for_its_first_answer():
    routes = routes_of(listed())
    young = container(started_at="2026-07-01T00:00:00Z")
    step(routes, changed(young))
    assert servers(routes)["web_1"].state is ServerState.PROBING
    (probe,) = routes.probes_of(young.key)
    assert (probe.address, probe.port, probe.warm) == ("172.17.0.2", 5000, "")
    step(routes, Probed(young.key, probe.endpoint, probe.started_at))
    assert servers(routes)["web_1"].state is ServerState.READY
    assert routes.probes_of(young.key) == frozenset()


def test_a_container_that_wants_to_be_warmed_is_asked_its_first_request_even_if_it_is_old():
    one = container(data='{"hostname":"demo","domain":"interlock.com","warm":true}')
    routes = routes_of(listed(one))
    (probe,) = routes.probes_of(one.key)
    assert (probe.warm, probe.host) == ("/", "demo.interlock.com")


def test_ready_ignore_takes_traffic_whatever_the_health_and_prefer_keeps_the_last_one():
    data = '{"hostname":"demo","domain":"interlock.com","ready":"%s"}'
    ignore = container(data=data % "ignore", health=Health.UNHEALTHY)
    assert servers(routes_of(listed(ignore)))["web_1"].state is ServerState.READY
    sick = container(data=data % "prefer", health=Health.UNHEALTHY)
    assert servers(routes_of(listed(sick)))["web_1"].state is ServerState.READY
    well = container("web_2", data % "prefer", number=2)
    assert servers(routes_of(listed(sick, well)))["web_1"].state is ServerState.DOWN


def test_one_that_will_be_told_to_stop_serves_on_until_another_one_is_ready():
    leaving, coming = container("web_1"), container("web_2", number=2, started_at="2026-06-02T00:00:00Z")
    routes = routes_of(listed(leaving, coming))
    assert servers(routes)["web_2"].state is ServerState.PROBING
    step(routes, Stopping(leaving.key, is_notice=True))
    assert servers(routes)["web_1"].state is ServerState.READY
    step(routes, Probed(coming.key, "172.17.0.3:5000", coming.started_at))
    assert {name: one.state for name, one in servers(routes).items()} == {
        "web_1": ServerState.DRAINING,
        "web_2": ServerState.READY,
    }
    step(routes, Vanished(coming.key))
    assert servers(routes)["web_1"].state is ServerState.READY
    step(routes, Stopping(leaving.key))
    assert servers(routes)["web_1"].state is ServerState.DRAINING, "its signal is not to be waited out"


def test_one_that_is_sick_does_not_serve_on_because_it_leaves():
    sick = container(health=Health.UNHEALTHY)
    routes = routes_of(listed(sick), Stopping(sick.key, is_notice=True))
    assert servers(routes)["web_1"].state is ServerState.DRAINING


def test_a_task_is_reached_at_the_port_that_it_names_whatever_else_its_service_publishes():
    labels = {
        "interlock.hostname": "demo",
        "interlock.domain": "interlock.com",
        "interlock.port": "8080",
    }
    web = container("web.1.tkh4nm6dgj8w", None, labels=labels, service="web", bindings=())
    near = placed(own_networks=frozenset({"n-bridge"}))
    assert servers(routes_of(near, listed(web)))[web.name].endpoint == "172.17.0.2:8080"
    refused = routes_of(near, listed(replaced(web, service="")))
    assert "is not exposed" in refused.problems[0].what


def test_the_oldest_running_containers_word_counts_and_a_younger_one_is_told():
    old = container("old", '{"hostname":"demo","domain":"interlock.com","check_interval":1000}', number=1)
    silent = container("silent", number=2)
    young = container("young", '{"hostname":"demo","domain":"interlock.com","check_interval":2000}', number=3)
    routes = routes_of(listed(young, silent, old))
    assert routes.table[DEMO].backend.options.check_interval == 1000
    (problem,) = routes.problems
    assert (problem.container, problem.severity) == ("young", Severity.WARNING)
    assert "old" in problem.what
    step(routes, changed(replaced(old, phase=Phase.EXITED)))
    assert routes.table[DEMO].backend.options.check_interval == 2000
    assert routes.problems == ()


def test_two_containers_of_one_name_do_not_meet_in_one_server():
    routes = routes_of(listed(container("web_1", number=1), container("web_1", number=2)))
    assert len(servers(routes)) == 2


def test_a_problem_of_one_container_costs_the_others_nothing():
    bad = container("bad", '{"hostname":"de mo\\n","domain":"interlock.com"}', number=2)
    routes = routes_of(listed(container(), bad))
    assert set(servers(routes)) == {"web_1"}
    assert {problem.container for problem in routes.problems} == {"bad"}
    step(routes, Vanished(bad.key))
    assert routes.problems == ()


def test_a_container_out_of_reach_has_a_problem_and_no_server():
    far = container(attachments=(), bindings=(), exposed=())
    routes = routes_of(listed(far))
    assert servers(routes) == {}
    assert [problem.severity for problem in routes.problems] == [Severity.ERROR]


def order(routes, overrides):
    return routes.update(*routes.world.order(overrides))


def test_a_drained_container_takes_no_request_until_it_is_undrained():
    one = container()
    routes = routes_of(listed(one))
    assert order(routes, Overrides().draining([one.key])) == {DEMO}
    assert servers(routes)["web_1"].state is ServerState.DRAINING
    step(routes, changed(replaced(one, health=Health.UNHEALTHY)))
    assert servers(routes)["web_1"].state is ServerState.DRAINING
    step(routes, changed(one))
    assert order(routes, Overrides()) == {DEMO}
    assert servers(routes)["web_1"].state is ServerState.READY


def test_nobody_stands_in_for_himself_while_he_is_drained():
    prefers = '{"hostname":"demo","domain":"interlock.com","ready":"prefer"}'
    one = container(data=prefers, health=Health.UNHEALTHY)
    routes = routes_of(listed(one))
    assert servers(routes)["web_1"].state is ServerState.READY
    order(routes, Overrides().draining([one.key]))
    assert servers(routes)["web_1"].state is ServerState.DRAINING


def test_the_operators_weight_beats_the_containers_also_for_those_that_come_later():
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
    routes = routes_of(listed(container("web_1", labels=labels)))
    order(routes, Overrides().service_weighed(Service("shop", "web"), 0))
    step(routes, changed(container("web_2", labels=labels, number=2)))
    assert {name: server.weight for name, server in servers(routes).items()} == {"web_1": 0, "web_2": 0}
    order(routes, routes.world.overrides.weighed([container(number=2).key], 7))
    assert {name: server.weight for name, server in servers(routes).items()} == {"web_1": 0, "web_2": 7}
    order(routes, Overrides())
    assert {server.weight for server in servers(routes).values()} == {100}


def test_a_closed_host_is_closed_on_all_its_paths_and_no_other_host_is():
    of_path = '{"hostname":"demo","domain":"interlock.com","context_root":"/app"}'
    other = '{"hostname":"other","domain":"interlock.com"}'
    routes = routes_of(listed(container(data=of_path), container("other", other, number=2)))
    app = Match(DEMO.host, "/app")
    assert order(routes, Overrides().closed(DEMO.host, CLOSED)) == {DEMO, app}
    assert routes.table[DEMO] == Route(match=DEMO, backend=Backend(), maintenance=CLOSED)
    assert routes.table[app].maintenance == CLOSED
    assert len(routes.table[app].backend.servers) == 1
    assert routes.table[Match("other.interlock.com")].maintenance is None
    assert order(routes, Overrides()) == {DEMO, app}
    assert DEMO not in routes.table
    assert routes.table[app].maintenance is None


def test_a_closed_host_stays_closed_while_its_containers_are_replaced():
    routes = routes_of(listed(container()))
    order(routes, Overrides().closed(DEMO.host, CLOSED))
    step(routes, Vanished(container().key))
    assert routes.table[DEMO] == Route(match=DEMO, backend=Backend(), maintenance=CLOSED)
    step(routes, changed(container("web_2", number=2)))
    step(routes, Probed(container(number=2).key, "172.17.0.3:5000", container(number=2).started_at))
    assert servers(routes)["web_2"].state is ServerState.READY
    order(routes, Overrides())
    assert routes.table[DEMO].maintenance is None
    step(routes, Vanished(container(number=2).key))
    assert DEMO not in routes.table


DATA = st.sampled_from(
    [
        None,
        '{"hostname":"demo","domain":"interlock.com"}',
        '{"hostname":"demo","domain":"interlock.com","balance_algorithm":"leastconn"}',
        '{"hostname":"demo","domain":"interlock.com","balance_algorithm":"first","alias_domains":["a.com"]}',
        '{"hostname":"other","domain":"interlock.com","context_root":"/x"}',
        "garbage",
    ]
)
CONTAINERS = st.builds(
    lambda number, data, phase, health: container(f"c{number % 3}", data, number=number, phase=phase, health=health),
    st.integers(1, 6),
    DATA,
    st.sampled_from([Phase.RUNNING, Phase.PAUSED, Phase.EXITED]),
    st.sampled_from(Health),
)
EVENTS = st.lists(
    st.one_of(
        st.builds(changed, CONTAINERS),
        st.builds(lambda number: Vanished(ContainerKey(ENGINE, f"{number:064x}")), st.integers(1, 6)),
    ),
    max_size=20,
)


def all_answer(routes):
    """Everybody who is asked answers: who has, is part of a world too."""
    for one in list(routes.world.containers()):
        for probe in routes.probes_of(one.key):
            step(routes, Probed(probe.key, probe.endpoint, probe.started_at))


@given(events=EVENTS, data=st.data())
def test_equal_worlds_have_equal_tables_whatever_the_order_of_events(events, data):
    followed = routes_of(listed(), *events)
    end = list(followed.world.containers())
    step(followed, listed(*end))
    all_answer(followed)
    fresh = routes_of(listed(*data.draw(st.permutations(end))))
    all_answer(fresh)
    assert list(followed.table.items()) == list(fresh.table.items())
    assert followed.problems == fresh.problems


class TestSeveralEngines:
    def test_one_host_on_two_engines_is_one_backend_and_names_do_not_clash(self):
        routes = several(container("web_1", engine="a"), container("web_1", number=2, engine="b"))
        assert {name: s.container.engine for name, s in servers(routes).items()} == {"a.web_1": "a", "b.web_1": "b"}

    def test_a_name_does_not_depend_on_who_else_is_there(self):
        both = several(container("web_1", engine="a"), container("web_1", number=2, engine="b"))
        step(both, Vanished(ContainerKey("a", container().id)))
        assert set(servers(both)) == {"b.web_1"}

    def test_an_engine_given_up_serves_on_where_nobody_else_can(self):
        other = '{"hostname":"other","domain":"x.com"}'
        routes = several(
            container("web_1", engine="a"),
            container("web_1", number=2, engine="b"),
            container("only_1", other, number=3, engine="b"),
        )
        changed_routes = step(routes, GivenUp("b", 5.0))
        assert changed_routes == {DEMO}
        assert {name: str(s.state) for name, s in servers(routes).items()} == {"a.web_1": "ready", "b.web_1": "down"}
        assert servers(routes, Match("other.x.com"))["b.only_1"].state is ServerState.READY

    def test_one_container_given_up_serves_on_where_no_other_can(self):
        routes = several(container("web_1"), container("web_2", number=2))
        step(routes, GivenUp(ENGINE, 5.0, (container().id,)))
        assert {name: str(s.state) for name, s in servers(routes).items()} == {
            f"{ENGINE}.web_1": "down",
            f"{ENGINE}.web_2": "ready",
        }
        step(routes, Stopping(container("web_2", number=2).key))
        assert servers(routes)[f"{ENGINE}.web_1"].state is ServerState.READY

    def test_and_comes_back_into_its_own_when_nobody_else_is_left(self):
        routes = several(container("web_1", engine="a"), container("web_1", number=2, engine="b"))
        step(routes, GivenUp("b", 5.0))
        step(routes, Stopping(ContainerKey("a", container().id)))
        assert servers(routes)["b.web_1"].state is ServerState.READY


class TestLocality:
    """Containers of named engines come first."""

    def test_what_runs_elsewhere_stands_by_and_takes_over_when_no_local_one_is_ready(self):
        routes = several(*self.pair(), locality=("a",))
        backend = routes.table[DEMO].backend
        assert {s.name: s.standby for s in backend.servers} == {"a.web_1": False, "b.web_1": True}
        assert shares_of(backend) == {"a.web_1": 1.0, "b.web_1": 0.0}
        assert waiting_in(backend) == {"b.web_1"}
        step(routes, Stopping(ContainerKey("a", container().id)))
        backend = routes.table[DEMO].backend
        assert {s.name: s.standby for s in backend.servers} == {"a.web_1": False, "b.web_1": True}
        assert shares_of(backend) == {"a.web_1": 0.0, "b.web_1": 1.0}
        assert not waiting_in(backend)

    def test_a_local_server_of_weight_0_holds_up_nobody(self):
        routes = several(*self.pair(), locality=("a",))
        routes.update(*routes.world.order(Overrides(weights={ContainerKey("a", container().id): 0})))
        assert shares_of(routes.table[DEMO].backend) == {"a.web_1": 0.0, "b.web_1": 1.0}

    def test_a_stand_by_of_weight_0_waits_for_nothing(self):
        routes = several(*self.pair(), locality=("a",))
        orders = Overrides(weights={ContainerKey("b", self.pair()[1].id): 0})
        routes.update(*routes.world.order(orders))
        assert not waiting_in(routes.table[DEMO].backend)

    def test_without_one_all_are_alike(self):
        routes = several(*self.pair())
        assert not any(s.standby for s in servers(routes).values())
        assert routes.table[DEMO].backend.options.locality == ()

    def test_an_engine_that_was_given_up_is_not_first_any_more(self):
        routes = several(*self.pair(), locality=("a",))
        step(routes, GivenUp("a", 5.0))
        assert shares_of(routes.table[DEMO].backend) == {"a.web_1": 0.0, "b.web_1": 1.0}

    def test_a_container_may_say_otherwise_for_its_route(self):
        here, there = self.pair()
        off = {"interlock.hostname": "demo", "interlock.domain": "interlock.com", "interlock.locality": "off"}
        routes = several(replaced(here, environment={}, labels=off), there, locality=("a",))
        assert not any(s.standby for s in servers(routes).values())
        routes = several(replaced(here, environment={}, labels=off | {"interlock.locality": "b"}), there)
        assert {s.name: s.standby for s in servers(routes).values()} == {"a.web_1": True, "b.web_1": False}

    def test_of_a_swarm_a_node_may_come_first_for_its_tasks(self):
        world = World(locality=("worker-1",))
        routes = Routes(world)
        tasks = (
            container("web.1.x", number=1, node="worker-1", task="x", service="web"),
            container("web.2.y", number=2, node="worker-2", task="y", service="web"),
            container("stray", number=3, node="worker-1"),
        )
        for event in (placed(), listed(*tasks)):
            routes.update(world.advance(event, settled_before=LONG_AGO))
        standby = {s.name: s.standby for s in servers(routes).values()}
        assert standby == {"web.1.x": False, "web.2.y": True, "stray": True}

    def test_a_route_that_is_held_keeps_the_locality_that_it_was_held_with(self):
        routes = several(*self.pair(), locality=("a",))
        hold = frozen({DEMO: Route(match=DEMO, backend=Backend(options=Options(locality=("b",))))}, "")
        routes.update(*routes.world.order(Overrides(freeze=hold)), matches=[DEMO])
        assert {s.name: s.standby for s in servers(routes).values()} == {"a.web_1": True, "b.web_1": False}

    @staticmethod
    def pair():
        return container("web_1", engine="a"), container("web_1", number=2, engine="b")


def several(*containers, locality=()):
    world = World(has_several_engines=True, locality=locality)
    routes = Routes(world)
    for engine in sorted({one.engine for one in containers}):
        routes.update(world.advance(Placed(View(engine=engine, local=True))))
        routes.update(
            world.advance(
                Listed(engine, tuple(one for one in containers if one.engine == engine)), settled_before=LONG_AGO
            )
        )
    return routes

"""From wanted and serving to steps: every prefix of a plan leaves a state from which planning reaches the goal."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.model import Backend, ContainerKey, Maintenance, Match, Options, Route, Server, ServerState
from interlock.core.plan import (
    Abilities,
    AddRoute,
    AddServer,
    CloseRoute,
    DrainServer,
    EnableServer,
    Lead,
    MoveServer,
    RemoveRoute,
    RemoveServer,
    Served,
    ServingRoute,
    Step,
    WeighServer,
    make_plan,
    shape,
)

SITE = Match("demo.interlock.com")
SHAPE = shape(Options())
NOON = Maintenance("Back at noon", "2026-11-24T12:00:00Z")
LATER = Maintenance("Back later")


def server(name="web_1", state=ServerState.READY, address="10.0.0.1", weight=100):
    return Server(
        name=name, address=address, port=80, weight=weight, state=state, container=ContainerKey("engine", name)
    )


def route(*servers, options=Options(), match=SITE, maintenance=None):  # noqa: B008 - a frozen value
    backend = Backend(options=options, servers=tuple(sorted(servers)))
    return Route(match=match, backend=backend, maintenance=maintenance)


def served(takes_traffic=True, endpoint="10.0.0.1:80", weight=100):
    return Served(endpoint=endpoint, weight=weight, takes_traffic=takes_traffic)


def serving(leads=Lead.BACKEND, shape_=SHAPE, **servers):
    return {SITE: ServingRoute(shape=shape_, leads=leads, servers=servers)}


def kinds(plan):
    return [type(step) for step in plan.steps]


def test_nothing_is_done_when_serving_equals_wanted():
    plan = make_plan({SITE: route(server())}, serving(web_1=served()))
    assert plan.steps == ()
    assert plan.reload is None


def test_a_new_site_is_one_reload_with_its_name_in_the_reason():
    plan = make_plan({SITE: route(server())}, {})
    assert plan.steps == ()
    assert plan.reload.reason == "new site demo.interlock.com"


def test_many_new_sites_are_one_reload():
    wanted = {Match(f"{n}.example.com"): route(match=Match(f"{n}.example.com")) for n in range(9)}
    plan = make_plan(wanted, {})
    assert plan.reload.reason.endswith("and 6 more")


def test_changed_options_are_a_reload_but_dead_servers_go_at_once():
    wanted = {SITE: route(server(state=ServerState.DRAINING), options=Options(ssl_only=True))}
    plan = make_plan(wanted, serving(web_1=served()))
    assert kinds(plan) == [DrainServer]
    assert plan.reload.reason == "options of demo.interlock.com changed"


def test_whoever_comes_in_comes_in_before_anybody_goes_out():
    plan = make_plan({SITE: route(server("web_2"))}, serving(web_1=served()))
    assert kinds(plan) == [AddServer, RemoveServer]


@pytest.mark.parametrize("state", [ServerState.STARTING, ServerState.DOWN, ServerState.DRAINING])
def test_a_server_that_must_not_take_traffic_is_drained_once(state):
    wanted = {SITE: route(server(state=state))}
    assert kinds(make_plan(wanted, serving(web_1=served()))) == [DrainServer]
    assert kinds(make_plan(wanted, serving(web_1=served(takes_traffic=False)))) == []
    assert kinds(make_plan(wanted, serving())) == []


def test_a_server_that_serves_already_is_not_taken_out_for_want_of_a_probe():
    wanted = {SITE: route(server(state=ServerState.PROBING))}
    assert kinds(make_plan(wanted, serving(web_1=served()))) == []


def test_a_server_at_an_old_address_is_taken_out_until_the_new_one_answers():
    wanted = {SITE: route(server(state=ServerState.PROBING, address="10.0.0.9"))}
    assert kinds(make_plan(wanted, serving(web_1=served()))) == [DrainServer]


def test_a_server_that_moved_is_moved_and_one_that_is_back_is_enabled():
    assert kinds(make_plan({SITE: route(server(address="10.0.0.9"))}, serving(web_1=served()))) == [MoveServer]
    assert kinds(make_plan({SITE: route(server())}, serving(web_1=served(takes_traffic=False)))) == [EnableServer]


def test_a_weight_changes_without_anything_else():
    assert kinds(make_plan({SITE: route(server(weight=7))}, serving(web_1=served()))) == [WeighServer]


def test_a_site_that_nobody_wants_is_closed_before_its_servers_go():
    assert kinds(make_plan({SITE: None}, serving(web_1=served()))) == [RemoveRoute, RemoveServer]
    assert kinds(make_plan({SITE: None}, {})) == []


def test_a_site_that_is_loaded_but_closed_is_opened_without_a_reload():
    plan = make_plan({SITE: route(server())}, serving(Lead.NOWHERE))
    assert kinds(plan) == [AddServer, AddRoute]
    assert plan.reload is None


def test_a_site_is_closed_while_its_servers_are_kept_up_to_date():
    plan = make_plan({SITE: route(server("web_2"), maintenance=NOON)}, serving(web_1=served()))
    assert kinds(plan) == [AddServer, RemoveServer, CloseRoute]
    assert plan.steps[-1] == CloseRoute(SITE, NOON, replaces=True)
    assert kinds(make_plan({SITE: route(server(), maintenance=NOON)}, serving(NOON, web_1=served()))) == []


def test_another_message_replaces_the_first_and_opening_again_the_last():
    now = serving(NOON, web_1=served())
    assert make_plan({SITE: route(server(), maintenance=LATER)}, now).steps == (CloseRoute(SITE, LATER, replaces=True),)
    assert make_plan({SITE: route(server())}, now).steps == (AddRoute(SITE, replaces=True),)


def test_a_host_that_nobody_asks_for_is_closed_and_given_up_without_a_reload():
    plan = make_plan({SITE: route(maintenance=NOON)}, {})
    assert (plan.steps, plan.reload) == ((CloseRoute(SITE, NOON),), None)
    closed = serving(NOON, shape_="")
    assert make_plan({SITE: route(maintenance=NOON)}, closed).steps == ()
    assert make_plan({SITE: None}, closed).steps == (RemoveRoute(SITE),)


def test_a_closed_site_is_not_reloaded_for_options_that_left_with_its_containers():
    plan = make_plan({SITE: route(maintenance=NOON)}, serving(NOON, shape_="another", web_1=served()))
    assert (kinds(plan), plan.reload) == ([RemoveServer], None)


def test_a_closed_site_without_a_backend_gets_one_before_it_is_opened():
    closed = serving(NOON, shape_="")
    plan = make_plan({SITE: route(server(), maintenance=NOON)}, closed)
    assert (plan.steps, plan.reload.reason) == ((), "new site demo.interlock.com")
    plan = make_plan({SITE: route(server())}, closed)
    assert (plan.steps, plan.reload.reason) == ((), "new site demo.interlock.com")


def test_a_proxy_without_live_changes_reloads_to_close_a_site():
    closed = {SITE: route(server(), maintenance=NOON)}
    plan = make_plan(closed, serving(web_1=served()), abilities=Abilities(live_servers=False))
    assert (plan.steps, plan.reload.reason) == ((), "servers of demo.interlock.com changed")


def test_a_refused_shape_is_no_reason_to_reload_and_nobody_comes_in_by_it():
    bad = Options(check_interval=1234)
    plan = make_plan({SITE: route(server("web_2"), options=bad)}, serving(web_1=served()), refused={SITE: shape(bad)})
    assert plan.reload is None
    assert kinds(plan) == [RemoveServer]


def test_a_proxy_without_live_changes_reloads_to_forget_a_site():
    plan = make_plan({SITE: None}, serving(web_1=served()), abilities=Abilities(live_servers=False))
    assert (plan.steps, plan.reload.reason) == ((), "demo.interlock.com left")


def test_a_proxy_without_live_servers_gets_a_reload_instead():
    plan = make_plan({SITE: route(server("web_2"))}, serving(web_1=served()), abilities=Abilities(live_servers=False))
    assert plan.steps == ()
    assert plan.reload.reason == "servers of demo.interlock.com changed"


class Model:
    """A thirty-line proxy that does exactly what each step says."""

    def __init__(self, routes):
        self.routes = dict(routes)

    def perform(self, step: Step):
        now = self.routes.pop(step.match, ServingRoute(shape="", leads=Lead.NOWHERE, servers={}))
        servers = dict(now.servers)
        leads = now.leads
        match step:
            case AddServer(server=s) | MoveServer(server=s):
                servers[s.name] = Served(endpoint=s.endpoint, weight=s.weight, takes_traffic=True)
            case EnableServer(server=s):
                servers[s.name] = Served(
                    endpoint=servers[s.name].endpoint, weight=servers[s.name].weight, takes_traffic=True
                )
            case WeighServer(name=name, weight=weight):
                old = servers[name]
                servers[name] = Served(endpoint=old.endpoint, weight=weight, takes_traffic=old.takes_traffic)
            case DrainServer(name=name):
                old = servers[name]
                servers[name] = Served(endpoint=old.endpoint, weight=old.weight, takes_traffic=False)
            case RemoveServer(name=name):
                servers.pop(name)
            case AddRoute(replaces=replaces) | CloseRoute(replaces=replaces):
                assert replaces is (leads is not Lead.NOWHERE)
                assert now.shape or isinstance(step, CloseRoute), "led to a backend that is not there"
                leads = step.maintenance if isinstance(step, CloseRoute) else Lead.BACKEND
            case RemoveRoute():
                leads = Lead.NOWHERE
        if now.shape or leads is not Lead.NOWHERE:
            self.routes[step.match] = ServingRoute(shape=now.shape, leads=leads, servers=servers)


NAMES = st.sampled_from(["a", "b", "c", "d"])
SERVERS = st.dictionaries(
    NAMES,
    st.tuples(st.sampled_from(ServerState), st.sampled_from(["10.0.0.1", "10.0.0.2"]), st.sampled_from([1, 100])),
)
SERVED = st.dictionaries(
    NAMES,
    st.builds(
        served,
        takes_traffic=st.booleans(),
        endpoint=st.sampled_from(["10.0.0.1:80", "10.0.0.2:80"]),
        weight=st.sampled_from([1, 100]),
    ),
)


LEADS = st.sampled_from([Lead.BACKEND, Lead.NOWHERE, NOON, LATER])


@given(
    wanted=st.none() | SERVERS,
    maintenance=st.sampled_from([None, NOON, LATER]),
    now=SERVED,
    leads=LEADS,
    stop_after=st.integers(0, 8),
)
def test_planning_again_after_any_prefix_reaches_the_goal(wanted, maintenance, now, leads, stop_after):
    servers = (server(name, state, address, weight) for name, (state, address, weight) in (wanted or {}).items())
    goal = {SITE: None if wanted is None else route(*servers, maintenance=maintenance)}
    model = Model(serving(leads, **now))
    turns = count()
    while (plan := make_plan(goal, model.routes)).steps:
        assert next(turns) < 20, "planning goes in circles"
        for step in plan.steps[: max(1, stop_after)]:
            model.perform(step)
    end = model.routes[SITE]
    assert end.leads == (Lead.NOWHERE if wanted is None else maintenance or Lead.BACKEND)
    ready = {name for name, (state, _, _) in (wanted or {}).items() if state is ServerState.READY}
    probing = {name for name, (state, _, _) in (wanted or {}).items() if state is ServerState.PROBING}
    in_rotation = {name for name, s in end.servers.items() if s.takes_traffic}
    assert ready <= in_rotation <= ready | probing


@given(wanted=st.booleans(), maintenance=st.sampled_from([NOON, LATER]), leads=st.sampled_from([None, NOON, LATER]))
def test_a_host_without_a_backend_is_closed_or_given_up_from_wherever_it_is(wanted, maintenance, leads):
    goal = {SITE: route(maintenance=maintenance) if wanted else None}
    model = Model({} if leads is None else serving(leads, shape_=""))
    for step in make_plan(goal, model.routes).steps:
        model.perform(step)
    assert make_plan(goal, model.routes).steps == ()
    assert [each.leads for each in model.routes.values()] == ([maintenance] if wanted else [])


@given(wanted=SERVERS, now=SERVED)
def test_the_order_of_steps_never_takes_a_sites_last_server(wanted, now):
    goal = {SITE: route(*(server(name, state, address, weight) for name, (state, address, weight) in wanted.items()))}
    ready = any(state is ServerState.READY for state, _, _ in wanted.values())
    model = Model(serving(**now))
    had = any(s.takes_traffic for s in now.values())
    for step in make_plan(goal, model.routes).steps:
        model.perform(step)
        if had and ready:
            assert any(s.takes_traffic for s in model.routes[SITE].servers.values())

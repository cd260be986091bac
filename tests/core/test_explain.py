"""The decisions behind a container, from the same readings and claims that route."""

import json

import pytest

from interlock.core.decisions import Circumstances, ProxyWord, Step, Verdict
from interlock.core.events import GivenUp, Listed, Lost, Stopping
from interlock.core.explain import explain
from interlock.core.model import Health, Maintenance, Match, Phase, Port, ServerState
from interlock.core.overrides import Overrides
from interlock.core.plan import Lead, Served, ServingRoute
from interlock.core.problems import Problem
from interlock.core.routes import Routes
from interlock.core.world import World
from interlock.testing.worlds import ENGINE, LONG_AGO, container, listed, placed, replaced

DEMO = Match("demo.interlock.com")


def routes_of(*containers, events=(), overrides=None, settled_before=LONG_AGO):
    routes = Routes(World())
    for event in (placed(), listed(*containers), *events):
        routes.update(routes.world.advance(event, settled_before=settled_before))
    if overrides is not None:
        routes.update(*routes.world.order(overrides))
    return routes


def explained(*containers, circumstances=None, **more):
    """The first of them."""
    return explain(containers[0], routes_of(*containers, **more), circumstances or Circumstances())


def decision(found, step):
    return next(each for each in found.decisions if each.step is step)


def web(**fields):
    return container("web_1", None, **fields)


def serving(routes, **fields):
    route = routes.table[DEMO]
    servers = {
        server.name: Served(endpoint=server.endpoint, weight=100, **({"takes_traffic": True} | fields))
        for server in route.backend.servers
        if server.state is ServerState.READY
    }
    return {DEMO: ServingRoute(shape="x", leads=Lead.BACKEND, servers=servers)}


def test_all_goes_well_and_every_value_has_its_origin():
    found = explained(container())
    assert (found.verdict, found.cause) == (Verdict.YES, None)
    assert [(each.step, each.value, each.origin) for each in found.decisions] == [
        (Step.SEEN, "running", "engine docker"),
        (Step.ASKS, "INTERLOCK_DATA", ""),
        (Step.HOST, "demo.interlock.com", "INTERLOCK_DATA.hostname"),
        (Step.PORT, "5000", "the only port that the container has"),
        (Step.ADDRESS, "172.17.0.2:5000", "its address on bridge, a local network"),
        (Step.READY, "answers", "it has answered a first connection, or has run for long"),
        (Step.ROTATION, "100% of the requests", ""),
    ]
    assert all(each.verdict is Verdict.YES for each in found.decisions)


def test_a_named_port_an_alias_a_path_and_the_default_domain_tell_where_they_come_from():
    labels = {"hostname": "www", "port": "5000", "alias_domain": "example.com", "context_root": "/app"}
    found = explained(web(labels={f"interlock.{key}": value for key, value in labels.items()}))
    assert decision(found, Step.PORT).origin == "label interlock.port"
    assert [each.origin for each in found.decisions if each.step is Step.HOST] == [
        "label interlock.alias_domain; label interlock.context_root",
        "label interlock.hostname, and the default domain local; label interlock.context_root",
    ]


def test_a_published_port_is_told_as_the_container_knows_it():
    routes = Routes(World())
    far = placed(local=False, node_address="10.0.0.9")
    for event in (far, listed(container())):
        routes.update(routes.world.advance(event, settled_before=LONG_AGO))
    found = explain(container(), routes, Circumstances())
    assert decision(found, Step.PORT).value == "5000"
    assert decision(found, Step.ADDRESS).value == "10.0.0.9:32769"


@pytest.mark.parametrize(
    ("phase", "verdict", "fix"),
    [
        (Phase.PAUSED, Verdict.NO, "docker unpause web_1"),
        (Phase.EXITED, Verdict.NO, "docker start web_1"),
        (Phase.CREATED, Verdict.NO, "docker start web_1"),
        (Phase.RESTARTING, Verdict.WAITING, "see why it ends: docker logs web_1"),
    ],
)
def test_one_that_does_not_run(phase, verdict, fix):
    found = explained(container(phase=phase))
    assert (found.cause.step, found.cause.verdict, found.cause.fix) == (Step.SEEN, verdict, fix)
    assert found.verdict is verdict
    assert decision(found, Step.HOST).value == "demo.interlock.com"
    assert decision(found, Step.ROTATION).verdict is not Verdict.YES


def test_one_that_asks_for_nothing():
    found = explained(web())
    assert found.cause.step is Step.ASKS
    assert found.cause.fix == "recreate it with: --label interlock.hostname=www --label interlock.domain=example.com"


def test_what_is_wrong_with_a_key_costs_all_only_where_nothing_is_left():
    labels = {"interlock.hostname": "www", "interlock.balance_algorithm": "fastest"}
    found = explained(web(labels=labels))
    assert (found.verdict, found.cause.step) == (Verdict.WARNING, Step.ASKS)
    assert found.cause.what.startswith("label interlock.balance_algorithm=fastest is not")
    assert decision(found, Step.ROTATION).verdict is Verdict.YES
    found = explained(web(labels={"interlock.hostnam": "www"}))
    assert found.verdict is Verdict.NO
    assert "label interlock.hostnam=www" in found.cause.what


@pytest.mark.parametrize(
    ("labels", "fields", "step", "what"),
    [
        ({"port": "http"}, {}, Step.PORT, "label interlock.port=http"),
        ({"hostname": "a,b"}, {}, Step.HOST, "label interlock.hostname=a,b.local has a comma"),
        ({"port": "80"}, {}, Step.PORT, "label interlock.port=80 is not exposed"),
        ({}, {"exposed": (Port(80), Port(90)), "bindings": ()}, Step.PORT, "label interlock.port is not named"),
        ({"network": "appnet"}, {}, Step.ADDRESS, "label interlock.network=appnet is not a network"),
        ({}, {"attachments": (), "bindings": ()}, Step.ADDRESS, "www.local has no address"),
    ],
)
def test_the_step_that_fails_is_the_one_that_is_named(labels, fields, step, what):
    asked = {"hostname": "www"} | labels
    found = explained(web(labels={f"interlock.{key}": value for key, value in asked.items()}, **fields))
    assert (found.verdict, found.cause.step) == (Verdict.NO, step)
    assert what in found.cause.what
    assert found.cause.fix


def test_health():
    found = explained(container(health=Health.UNHEALTHY))
    assert (found.cause.step, found.cause.value) == (Step.READY, "unhealthy")
    found = explained(container(health=Health.STARTING))
    assert (found.verdict, found.cause.value) == (Verdict.WAITING, "starting")
    found = explained(container(health=Health.HEALTHY))
    assert decision(found, Step.READY).origin == "its HEALTHCHECK passes"


def test_the_last_one_that_is_preferred_says_that_it_only_stands_in():
    data = '{"hostname":"demo","domain":"interlock.com","ready":"prefer"}'
    found = explained(container(data=data, health=Health.UNHEALTHY))
    assert (found.verdict, found.cause.step) == (Verdict.WARNING, Step.READY)
    assert "keeps the last ones" in found.cause.what
    assert decision(found, Step.ROTATION).verdict is Verdict.YES


def test_nobody_answers_and_why():
    circumstances = Circumstances(silence={"172.17.0.2:5000": "Connection refused\x1b"})
    found = explained(container(), settled_before="", circumstances=circumstances)
    assert found.verdict is Verdict.WAITING
    assert found.cause.what == "nobody answers a first connection at 172.17.0.2:5000: Connection refused\\x1b"
    found = explained(container(), settled_before="")
    assert found.cause.what.endswith("yet")
    found = explained(container(), settled_before="", circumstances=Circumstances(pause=8.0))
    assert "only 8 s after each start" in found.cause.what


def test_one_that_was_told_to_stop():
    found = explained(container(), events=[Stopping(container().key)])
    assert (found.verdict, found.cause.step) == (Verdict.NO, Step.READY)
    assert "told to stop" in found.cause.what


def test_a_service_that_runs_nowhere_and_a_task_that_runs_on_a_node():
    service = container("web", service="web", phase=Phase.CREATED)
    found = explained(service)
    assert (found.cause.what, found.cause.fix) == (
        "it is a service of which no task runs",
        "see why: docker service ps web",
    )
    assert (found.project, found.service) == (ENGINE, "web")
    task = container("web.1.tkh4nm6dgj8w", service="web", task="tkh4nm6dgj8w", node="n1")
    assert explained(task).decisions[0].origin == f"engine {ENGINE}, node n1"


def test_one_that_a_swarm_will_stop():
    task = container("web.1.tkh4nm6dgj8w", service="web")
    notice = Stopping(task.key, is_notice=True)
    found = explained(task, events=[notice])
    assert found.cause.step is Step.READY
    assert "will be told to stop in a moment, but nobody else is ready" in found.cause.what
    routes = routes_of(task, container("web.2.lieukxj4nloc", number=2), events=[notice])
    found = explain(task, routes, Circumstances())
    assert (found.verdict, found.cause.fix) == (Verdict.NO, "see why: docker service ps web")
    assert "will be told to stop, so it takes no new request" in found.cause.what


def test_the_operators_orders():
    key = container().key
    found = explained(container(), overrides=Overrides(drained=frozenset({key})))
    assert (found.cause.step, found.cause.fix) == (Step.ORDERS, "interlock undrain web_1")
    found = explained(container(), overrides=Overrides(weights={key: 0}))
    assert (found.cause.step, found.cause.fix) == (Step.ORDERS, "interlock weigh web_1 default")
    closed = Overrides(maintenance={DEMO.host: Maintenance("Later", "2030-01-01T00:00:00Z")})
    found = explained(container(), overrides=closed)
    assert (found.cause.step, found.cause.fix) == (Step.ORDERS, "interlock maintenance off demo.interlock.com")
    assert "until 2030-01-01T00:00:00Z" in found.cause.what


def test_an_option_that_an_older_one_decides():
    balanced = json.dumps({"hostname": "demo", "domain": "interlock.com", "balance_algorithm": "leastconn"})
    other = balanced.replace("leastconn", "random")
    found = explained(container("web_2", other, number=2), container("web_1", balanced))
    assert (found.verdict, found.cause.step) == (Verdict.WARNING, Step.SHARED)
    assert "INTERLOCK_DATA.balance_algorithm=random" in found.cause.what
    assert decision(found, Step.ROTATION).value == "50% of the requests"
    found = explained(container("web_1", balanced), container("web_2", other, number=2))
    assert found.verdict is Verdict.YES


def test_a_host_of_two_projects():
    def of(project, number):
        labels = {"com.docker.compose.project": project, "com.docker.compose.service": "web"}
        return container(f"{project}_web_{number}", labels=labels, number=number)

    found = explained(of("shop", 1), of("blog", 2), container("plain", number=3))
    assert (found.verdict, found.cause.step, found.cause.value) == (Verdict.WARNING, Step.SHARED, "blog/web, plain")
    assert explained(of("shop", 1), of("shop", 2)).verdict is Verdict.YES


class TestAProxy:
    def explained(self, **fields):
        routes = routes_of(container())
        word = ProxyWord(**({"name": "haproxy", "serving": serving(routes)} | fields))
        return explain(container(), routes, Circumstances(proxies=(word,)))

    def test_serves(self):
        found = self.explained()
        assert found.verdict is Verdict.YES
        assert decision(found, Step.PROXY).origin == "haproxy says so"

    def test_does_not_serve_yet(self):
        found = self.explained(serving={}, error="reload failed\x1b")
        assert (found.verdict, found.cause.step) == (Verdict.WAITING, Step.PROXY)
        assert found.cause.what == "haproxy does not serve it yet: reload failed\\x1b"

    def test_has_it_out_of_rotation_or_elsewhere(self):
        routes = routes_of(container())
        assert self.explained(serving=serving(routes, takes_traffic=False)).verdict is Verdict.WAITING
        moved = routes_of(container(attachments=(replaced(container().attachments[0], ipv4="172.17.0.99"),)))
        assert self.explained(serving=serving(moved)).verdict is Verdict.WAITING

    def test_finds_it_sick(self):
        found = self.explained(serving=serving(routes_of(container()), passes_check=False))
        assert (found.verdict, found.cause.step) == (Verdict.NO, Step.PROXY)
        assert "health check of it fails" in found.cause.what

    def test_refuses_the_route(self):
        found = self.explained(serving={}, refused={DEMO: "unknown keyword"})
        assert (found.verdict, found.cause.step) == (Verdict.NO, Step.PROXY)
        assert found.cause.what.endswith("unknown keyword")

    def test_cannot_do_all_of_it(self):
        limit = Problem(container="", key="ssl of demo.interlock.com", value="", what="is not served", fix="set it")
        found = self.explained(limits={DEMO: (limit,)})
        assert (found.verdict, found.cause.step, found.cause.fix) == (Verdict.WARNING, Step.PROXY, "set it")


def test_one_of_an_engine_that_was_given_up_for_others():
    near = replaced(container("web_2", number=2), engine="near")
    routes = routes_of(container(), events=[placed(engine="near"), Listed("near", (near,)), GivenUp(ENGINE, 300.0)])
    found = explain(container(), routes, Circumstances())
    assert (found.verdict, found.cause.step) == (Verdict.NO, Step.READY)
    assert "engine docker has been out of reach for so long" in found.cause.what
    assert explain(near, routes, Circumstances()).verdict is Verdict.YES


def test_one_of_a_swarm_that_was_given_up_for_others():
    other = container("web_2", number=2)
    routes = routes_of(container(), other, events=[GivenUp(ENGINE, 300.0, (container().id,))])
    found = explain(container(), routes, Circumstances())
    assert (found.verdict, found.cause.step) == (Verdict.NO, Step.READY)
    assert "its node, or a manager of the swarm, has been out of reach for so long" in found.cause.what


def test_an_engine_that_is_lost_is_told_of():
    found = explained(container(), events=[Lost(ENGINE, "connection refused")])
    assert found.verdict is Verdict.YES
    assert "before it was lost: connection refused" in decision(found, Step.SEEN).origin


def test_a_stand_by_waits_and_names_who_takes_the_requests_instead():
    routes = Routes(World(has_several_engines=True, locality=("b",)))
    here, there = container(), container("web_2", number=2, engine="b")
    for event in (placed(), listed(here), placed(engine="b"), Listed("b", (there,))):
        routes.update(routes.world.advance(event, settled_before=LONG_AGO))
    found = explain(here, routes, Circumstances())
    assert (found.verdict, found.cause.step, found.cause.value) == (Verdict.WAITING, Step.SHARED, "stand-by")
    assert found.cause.origin == "the operator's Locality"
    assert found.cause.what == "it stands by: what runs on b comes first, and b.web_2 takes the requests"
    assert explain(there, routes, Circumstances()).verdict is Verdict.YES
    routes.update(routes.world.advance(Stopping(there.key)))
    assert explain(here, routes, Circumstances()).verdict is Verdict.YES


def test_a_stand_by_of_weight_0_is_told_its_weight_and_of_nobody_who_is_not_there():
    routes = Routes(World(has_several_engines=True, locality=("b",)))
    for event in (placed(), listed(container()), placed(engine="b"), Listed("b", ())):
        routes.update(routes.world.advance(event, settled_before=LONG_AGO))
    routes.update(*routes.world.order(Overrides(weights={container().key: 0})))
    assert explain(container(), routes, Circumstances()).cause.step is not Step.SHARED

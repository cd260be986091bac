"""The picture for those who only look."""

import pytest

from interlock.core.model import Maintenance, Match, RouteTable, ServerState
from interlock.core.overrides import Overrides, Service
from interlock.core.plan import Lead, Served, ServingRoute
from interlock.core.status import (
    ContainerStatus,
    Place,
    WeightOrder,
    orders_status,
    places_of,
    route_status,
    routes_status,
    servers_by_state,
)
from interlock.core.world import World
from interlock.testing.worlds import container, listed, replaced, table_of

DEMO = Match("demo.interlock.com")
WEB = container()


def serving(endpoint="172.17.0.2:5000", *, takes_traffic=True, name="web_1"):
    served = Served(endpoint=endpoint, weight=100, takes_traffic=takes_traffic)
    return {DEMO: ServingRoute(shape="s", leads=Lead.BACKEND, servers={name: served})}


def place(*proxies, sessions=None):
    (found,) = places_of(WEB.key, [DEMO], table_of(WEB), serving=proxies, sessions=sessions or {})
    return found


def test_a_server_is_in_rotation_when_every_proxy_says_so():
    assert place(serving(), serving()).in_rotation
    for otherwise in ({}, serving(takes_traffic=False), serving("172.17.0.9:5000"), serving(name="web_2")):
        assert not place(serving(), otherwise).in_rotation


def test_a_place_tells_what_is_wanted_and_how_much_is_under_way():
    found = place(serving(), sessions={DEMO: {"web_1": 3, "web_2": 5}})
    assert (found.host, found.path, found.address, found.weight) == ("demo.interlock.com", "/", "172.17.0.2:5000", 100)
    assert (found.state, found.sessions) == (ServerState.READY, 3)
    assert place(serving()).sessions == 0


@pytest.mark.parametrize(("rotations", "expected"), [([], False), ([True, False], False), ([True, True], True)])
def test_a_container_is_in_rotation_when_it_is_in_every_route_that_it_asks_for(rotations, expected):
    places = [
        Place(
            host=f"{n}.com",
            path="/",
            server="s",
            address="a:1",
            state=ServerState.READY,
            weight=1,
            in_rotation=r,
            sessions=2,
        )
        for n, r in enumerate(rotations)
    ]
    status = ContainerStatus(engine="e", id="i", name="n", places=tuple(places))
    assert (status.in_rotation, status.sessions) == (expected, 2 * len(rotations))


def test_routes_are_told_in_their_order_with_their_servers():
    other = container("other", '{"hostname":"a","domain":"x.com"}', number=2)
    told = routes_status(table_of(WEB, other), ())
    assert [(route.host, route.servers[0].name) for route in told.routes] == [
        ("a.x.com", "other"),
        ("demo.interlock.com", "web_1"),
    ]
    assert told.routes[1].servers[0].container == WEB.id
    assert servers_by_state(table_of(WEB, other)) == {ServerState.READY: 2}
    assert servers_by_state(RouteTable()) == {}


def test_orders_are_told_with_names_and_with_ids_where_there_is_no_name_yet():
    world = World()
    unknown = container("ghost", number=9).key
    closed = Maintenance("Back soon")
    world.order(
        Overrides(
            drained=frozenset({WEB.key, unknown}),
            weights={WEB.key: 3},
            service_weights={Service("shop", "web"): 0},
            maintenance={"b.com": closed, "a.com": closed},
        )
    )
    told = orders_status(world)
    assert told.drained == tuple(sorted([WEB.id, unknown.id]))
    world.advance(listed(WEB, container("ghost", number=9)))
    told = orders_status(world)
    assert told.drained == ("ghost", "web_1")
    assert told.weights == (WeightOrder("shop/web", 0), WeightOrder("web_1", 3))
    assert list(told.maintenance) == ["a.com", "b.com"]


def test_a_route_tells_which_of_its_servers_stand_by():
    route = table_of(WEB, container("web_2", number=2))[DEMO]
    near, far = route.backend.servers
    far = replaced(far, standby=True)

    def waiting(*servers):
        backend = replaced(route.backend, servers=servers)
        return [server.waits for server in route_status(replaced(route, backend=backend)).servers]

    assert waiting(near, far) == [False, True]
    assert waiting(replaced(near, state=ServerState.DOWN), far) == [False, False]
    assert waiting(near, replaced(far, state=ServerState.DOWN)) == [False, False]

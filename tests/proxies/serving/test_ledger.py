"""The books: what is wanted, in the light of what is loaded, refused and seen."""

import pytest

from interlock.core.model import (
    Backend,
    Balance,
    ContainerKey,
    Maintenance,
    Match,
    Options,
    Route,
    RouteTable,
    Server,
    ServerState,
)
from interlock.core.plan import Lead, Served, ServingRoute, shape
from interlock.proxies.contract import Refused
from interlock.proxies.serving.ledger import Ledger
from interlock.proxies.serving.sites import Site

SITE = Match("demo.interlock.com")
OLD, NEW = Options(), Options(balance=Balance.LEASTCONN)
NOON = Maintenance("Back at noon")


def server(name="web_1", state=ServerState.READY, port=80):
    return Server(name=name, address="10.0.0.1", port=port, state=state, container=ContainerKey("e", name))


def table(*servers, options=NEW, maintenance=None):
    return RouteTable([Route(match=SITE, backend=Backend(options=options, servers=servers), maintenance=maintenance)])


def refuse(options):
    return Refused(match=SITE, shape=shape(options), why="it is wrong")


@pytest.fixture
def ledger():
    return Ledger()


def test_what_is_wanted_is_what_is_asked_for(ledger):
    assert ledger.wanted(table(server())) == [Site(match=SITE, options=NEW, servers=(server(),))]
    assert ledger.wanted(RouteTable()) == []


def test_a_refused_route_keeps_the_options_that_are_loaded(ledger):
    ledger.note_loaded([Site(match=SITE, options=OLD)])
    ledger.note_refused([refuse(NEW)])
    assert [site.options for site in ledger.wanted(table(server()))] == [OLD]


def test_a_refused_route_that_was_never_loaded_is_left_out(ledger):
    ledger.note_refused([refuse(NEW)])
    assert ledger.wanted(table(server())) == []


def test_a_refusal_is_forgotten_once_something_else_is_asked_for(ledger):
    ledger.note_refused([refuse(OLD)])
    assert [site.options for site in ledger.wanted(table(server()))] == [NEW]
    assert ledger.refused == {}


def test_a_closed_host_without_containers_keeps_its_backend_or_gets_none(ledger):
    (bare,) = ledger.wanted(table(maintenance=NOON))
    assert (bare.has_backend, bare.maintenance) == (False, NOON)
    ledger.note_loaded([Site(match=SITE, options=OLD)])
    (kept,) = ledger.wanted(table(maintenance=NOON))
    assert (kept.has_backend, kept.options) == (True, OLD)
    ledger.note_loaded([bare])
    assert not ledger.wanted(table(maintenance=NOON))[0].has_backend


@pytest.mark.parametrize("state", [s for s in ServerState if s not in {ServerState.READY, ServerState.PROBING}])
def test_who_is_not_ready_is_not_in_rotation(ledger, state):
    assert ledger.in_rotation(SITE, table(server(state=state))) == ()


@pytest.mark.parametrize(("endpoint", "stays"), [("10.0.0.1:80", True), ("10.0.0.1:81", False)])
def test_who_serves_already_stays_in_while_it_is_probed(ledger, endpoint, stays):
    seen = {"web_1": Served(endpoint=endpoint, weight=100, takes_traffic=True)}
    ledger.note_seen({SITE: ServingRoute(shape="", leads=Lead.BACKEND, servers=seen)})
    assert bool(ledger.in_rotation(SITE, table(server(state=ServerState.PROBING)))) == stays


def test_a_site_that_nobody_asks_for_is_dressed_as_one(ledger):
    dressed = ledger.dressed(Site(match=SITE, options=OLD, servers=(server(),)), RouteTable())
    assert (dressed.routed, dressed.servers) == (False, ())

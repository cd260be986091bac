"""Which route takes a URL, and which lose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.decisions import ProxyWord
from interlock.core.model import (
    Backend,
    ContainerKey,
    Maintenance,
    Match,
    Options,
    Route,
    RouteTable,
    Server,
    ServerState,
)
from interlock.core.plan import Lead, Served, ServingRoute
from interlock.core.problems import PermanentError, Problem
from interlock.core.trace import Outcome, find, trace


def server(name, state=ServerState.READY, weight=100, **more):
    key = ContainerKey("docker", name)
    return Server(name=name, address="10.0.0.1", port=80, weight=weight, state=state, container=key, **more)


def route(host, path="/", *servers, maintenance=None, **options):
    return Route(
        match=Match(host, path),
        backend=Backend(options=Options(**options), servers=servers or (server("web"),)),
        maintenance=maintenance,
    )


def table(*routes):
    return RouteTable(routes)


SHOP = table(
    route("www.example.com"),
    route("www.example.com", "/app"),
    route("www.example.com", "/app/v2"),
    route("*.example.com"),
    route("*.example.com", "/app"),
    route("api.example.com", "/v1"),
)


@pytest.mark.parametrize(
    ("url", "taker"),
    [
        ("http://www.example.com", "www.example.com"),
        ("www.example.com/apple", "www.example.com"),
        ("www.example.com/app", "www.example.com/app"),
        ("www.example.com/app/", "www.example.com/app"),
        ("https://WWW.Example.com:8443/app/v2/x?y#z", "www.example.com/app/v2"),
        ("blog.example.com/app/x", "*.example.com/app"),
        ("a.b.example.com", "*.example.com"),
        ("api.example.com/v1", "api.example.com/v1"),
        ("api.example.com/v2", ""),
        ("example.com", ""),
    ],
)
def test_the_most_exact_host_and_then_the_longest_path_takes_it(url, taker):
    assert trace(url, SHOP, ()).route == taker


def test_those_who_lose_are_named_with_the_reason():
    losers = {each.route: each.why for each in trace("www.example.com/app/x", SHOP, ()).losers}
    assert losers == {
        "www.example.com": "/app is the longer path",
        "www.example.com/app/v2": "/app/x is not below /app/v2",
        "*.example.com": "www.example.com is the more exact host",
        "*.example.com/app": "www.example.com is the more exact host",
    }


def test_a_known_host_without_that_path_does_not_fall_through_to_a_wildcard():
    found = trace("api.example.com/v2", SHOP, ())
    assert found.outcome is Outcome.NOT_FOUND
    assert "the host is known, but nobody asks for /v2" in found.what
    assert {each.route: each.why for each in found.losers}["api.example.com/v1"] == "/v2 is not below /v1"


def test_an_unknown_host_gets_a_suggestion():
    found = trace("wwww.example.com.org", SHOP, ())
    assert found.outcome is Outcome.NOT_FOUND
    assert "did you mean www.example.com" in found.fix


def test_shares_follow_the_weights_of_those_who_are_ready():
    servers = (
        server("a", weight=100),
        server("b", weight=50),
        server("c", ServerState.DRAINING),
        server("d", weight=0),
    )
    found = trace("a.com", table(route("a.com", "/", *servers)), ())
    assert [(each.name, each.share, each.in_rotation) for each in found.servers] == [
        ("a", 0.6667, True),
        ("b", 0.3333, True),
        ("c", 0.0, False),
        ("d", 0.0, True),
    ]
    assert (found.outcome, found.what) == (Outcome.SERVED, "answered by one of 2 servers")


def test_nobody_takes_requests():
    found = trace("a.com", table(route("a.com", "/", server("a", ServerState.STARTING))), ())
    assert (found.outcome, found.fix) == (Outcome.NO_SERVER, "interlock explain a")
    empty = Route(match=Match("a.com"), backend=Backend())
    assert trace("a.com", table(empty), ()).outcome is Outcome.NO_SERVER


def test_a_closed_host_and_a_redirect():
    found = trace("a.com/x", table(route("a.com", maintenance=Maintenance("Back at noon"))), ())
    assert (found.outcome, found.fix) == (Outcome.CLOSED, "interlock maintenance off a.com")
    assert "Back at noon" in found.what
    only = table(route("a.com", ssl_only=True))
    assert trace("http://a.com", only, ()).outcome is Outcome.REDIRECTED
    assert trace("https://a.com", only, ()).outcome is Outcome.SERVED


def word(*names, **fields):
    match = Match("a.com")
    served = {name: Served(endpoint="10.0.0.1:80", weight=100, takes_traffic=True) for name in names}
    serving = {match: ServingRoute(shape="x", leads=Lead.BACKEND, servers=served)}
    return ProxyWord(**({"name": "haproxy", "serving": serving} | fields))


def test_a_proxy_has_the_last_word_on_who_is_in_rotation():
    both = table(route("a.com", "/", server("a"), server("b")))
    found = trace("a.com", both, [word("a", "b"), word("a")])
    assert [each.in_rotation for each in found.servers] == [True, False]
    found = trace("a.com", both, [word(serving={}, error="it died", refused={Match("b.com"): "x"})])
    assert found.outcome is Outcome.NO_SERVER
    assert found.remarks == ("haproxy does not serve it yet: it died",)
    limit = Problem(container="", key="ssl of a.com", value="", what="is not served", fix="set it")
    found = trace("a.com", both, [word("a", refused={Match("a.com"): "no"}, limits={Match("a.com"): (limit,)})])
    assert found.remarks == (
        "haproxy's own check refused the route's configuration: no",
        "ssl of a.com: is not served (fix: set it)",
    )


@pytest.mark.parametrize("url", ["", "ftp://a.com", "http://", "http://a b", "http://[::1]/", "http://[", "x" * 5000])
def test_what_is_no_url_is_refused_with_a_fix(url):
    with pytest.raises(PermanentError) as caught:
        trace(url, SHOP, ())
    assert caught.value.fix


@given(st.text())
def test_any_text_is_a_url_or_refused(text):
    try:
        found = trace(text, SHOP, ())
    except PermanentError:
        return
    assert found.outcome in Outcome


def test_a_table_with_many_routes_names_some_losers_only():
    many = table(*(route("a.com", f"/{number}") for number in range(100)))
    assert len(trace("a.com/1", many, ()).losers) == 20
    assert find(many, "a.com", "/99/x") == Match("a.com", "/99")


def test_stand_bys_answer_only_where_no_local_server_is_in_rotation():
    both = table(route("a.com", "/", server("a"), server("b", standby=True)))
    found = trace("a.com", both, [word("a", "b")])
    assert found.what == "answered by a"
    assert [(each.share, each.standby, each.waits) for each in found.servers] == [
        (1.0, False, False),
        (0.0, True, True),
    ]
    assert trace("a.com", both, [word("b")]).what == "answered by b"

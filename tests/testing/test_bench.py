"""A visit on paper finds what a client would find."""

import pytest

from interlock.core.model import Maintenance, Match
from interlock.core.plan import Lead, Served, ServingRoute
from interlock.testing.bench import visited_on_paper


def route(*names, leads=Lead.BACKEND, weight=100, takes_traffic=True):
    served = Served(endpoint="1.2.3.4:80", weight=weight, takes_traffic=takes_traffic)
    return ServingRoute(shape="s", leads=leads, servers=dict.fromkeys(names, served))


SERVING = {
    Match("a.com"): route("web_2", "web_1"),
    Match("a.com", "/app"): route("app"),
    Match("*.b.com"): route("wild"),
    Match("x.b.com", "/app"): route("known"),
    Match("closed.com"): route("web_1", leads=Maintenance("Later")),
    Match("gone.com"): route("web_1", leads=Lead.NOWHERE),
    Match("empty.com"): route(),
    Match("drained.com"): route("web_1", takes_traffic=False),
    Match("weightless.com"): route("web_1", weight=0),
}


@pytest.mark.parametrize(
    ("host", "path", "answer"),
    [
        ("a.com", "/", (200, "web_1")),
        ("A.com.:80", "/x", (200, "web_1")),
        ("a.com", "/app/x", (200, "app")),
        ("a.com", "/apple", (200, "web_1")),
        ("c.d.b.com", "/", (200, "wild")),
        ("x.b.com", "/app", (200, "known")),
        ("x.b.com", "/", (404, "")),
        ("b.com", "/", (404, "")),
        ("closed.com", "/", (503, "Later")),
        ("gone.com", "/", (404, "")),
        ("empty.com", "/", (503, "")),
        ("drained.com", "/", (503, "")),
        ("weightless.com", "/", (503, "")),
    ],
)
def test_a_visit_on_paper(host, path, answer):
    assert visited_on_paper(SERVING, host, path) == answer

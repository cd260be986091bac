"""The labels of Interlock 2 and 3, each as their documentation has it, and docs/labels.md about them."""

from pathlib import Path

import pytest

from interlock.core.dialects import lb_labels, read
from interlock.core.dialects.fields import Kind
from interlock.core.model import Balance, Match, Verify
from interlock.core.problems import Severity

PAGE = Path(__file__).parents[3] / "docs" / "labels.md"
DOCUMENTED = {
    "hosts": "example.com,test.com",
    "port": "8080",
    "network": "app-network-a",
    "context_root": "/app",
    "context_root_rewrite": "true",
    "ssl_only": "true",
    "ssl_cert": "example.com.cert",
    "ssl_key": "example.com.key",
    "ssl_backend": "true",
    "ssl_backend_tls_verify": "none",
    "ssl_passthrough": "false",
    "websocket_endpoints": "/ws,/foo",
    "service_cluster": "us-east",
    "sticky_session_cookie": "session",
    "ip_hash": "true",
    "redirects": "http://old,http://new",
    "backend_mode": "vip",
    "default_backend": "true",
    "max_fails": "3",
    "fail_timeout": "10s",
}
"""Every label, with the example of the documentation."""


def asked(container, **labels):
    return read(container(labels={f"com.docker.lb.{name}": text for name, text in labels.items()}))


def table():
    """The table of these labels, as Markdown."""
    lines = ["| Label | Value | Meaning | A bad value costs |", "|---|---|---|---|"]
    for name, key in lb_labels.KEYS.items():
        kind = "texts with commas between" if key.field.kind is Kind.TEXTS else str(key.field.kind)
        meaning = "whole host names; what asks for a route" if name == lb_labels.HOSTS else key.field.meaning
        cost = "the route" if key.cost is Severity.ERROR else "the key"
        lines.append(f"| `com.docker.lb.{name}` | {kind} | {meaning} | {cost} |")
    lines.append("| `com.docker.lb.backend_mode` | task or vip | see [swarm mode](swarm.md) | the key |")
    lines += [f"| `com.docker.lb.{name}` | not served | {told.what}; {told.fix} | |" for name, told in served_not()]
    return "\n".join(lines)


def served_not():
    return lb_labels.UNSERVED.items()


def test_the_page_has_the_table():
    assert table() in PAGE.read_text()


def test_every_label_of_the_documentation_is_known():
    assert DOCUMENTED.keys() == {*lb_labels.KEYS, *lb_labels.UNSERVED, lb_labels.MODE}


def test_all_that_can_be_served_is_asked_for(container):
    (request,) = asked(container, **DOCUMENTED).requests
    assert request.matches == (Match("example.com", "/app"), Match("test.com", "/app"))
    assert (request.port, request.network) == (8080, "app-network-a")
    wishes = request.wishes
    assert (wishes.rewrite, wishes.ssl_only, wishes.ssl, wishes.ssl_backend) == (True, True, True, True)
    assert (wishes.ssl_certificate, wishes.ssl_certificate_key) == ("example.com.cert", "example.com.key")
    assert wishes.ssl_backend_verify is Verify.NONE
    assert wishes.websocket_endpoints == ("/ws", "/foo")
    assert wishes.balance is Balance.SOURCE


def test_what_cannot_be_served_is_told_with_what_to_do_instead(container):
    problems = {problem.key: problem for problem in asked(container, **DOCUMENTED).problems}
    unserved = {f"label com.docker.lb.{name}" for name in lb_labels.UNSERVED} - {"label com.docker.lb.ssl_passthrough"}
    assert problems.keys() == unserved, "ssl_passthrough=false asks for nothing"
    assert all(problem.fix and problem.severity is Severity.WARNING for problem in problems.values())


def test_who_wants_tls_unread_gets_no_route(container):
    reading = asked(container, hosts="example.com", ssl_passthrough="true")
    assert reading.requests == ()
    assert [problem.severity for problem in reading.problems] == [Severity.ERROR]


@pytest.mark.parametrize("hosts", ["", " , ", None])
def test_labels_without_a_host_ask_for_nothing_and_say_so(container, hosts):
    reading = asked(container, port="80", **({} if hosts is None else {"hosts": hosts}))
    assert reading.requests == ()
    assert [problem.key for problem in reading.problems] == ["label com.docker.lb.hosts"]


@pytest.mark.parametrize(
    ("labels", "key"),
    [
        ({"port": "http"}, "port"),
        ({"port": "70000"}, "port"),
        ({"context_root": "app\n"}, "context_root"),
        ({"network": "a b"}, "network"),
        ({"ssl_only": "perhaps"}, "ssl_only"),
        ({"hosts": "exa mple.com"}, "hosts"),
    ],
)
def test_a_bad_value_costs_what_the_table_says(container, labels, key):
    reading = asked(container, **{"hosts": "example.com", **labels})
    (problem,) = reading.problems
    assert problem.key == f"label com.docker.lb.{key}"
    assert reading.requests == ()


def test_a_bad_host_among_several_costs_only_itself(container):
    reading = asked(container, hosts="example.com, -bad-, test.com")
    assert reading.requests[0].matches == (Match("example.com"), Match("test.com"))
    assert [problem.severity for problem in reading.problems] == [Severity.WARNING]


@pytest.mark.parametrize(("label", "near"), [("host", "hosts"), ("Port", "port"), ("contextroot", "context_root")])
def test_a_label_that_nobody_knows_is_told_with_the_one_that_it_resembles(container, label, near):
    problems = asked(container, hosts="example.com", **{label: "x"}).problems
    assert [problem.fix for problem in problems] == [f"write com.docker.lb.{near}, or remove it"]


def test_a_mode_that_there_is_not_is_told(container):
    (problem,) = asked(container, hosts="example.com", backend_mode="dnsrr").problems
    assert (problem.key, problem.value) == ("label com.docker.lb.backend_mode", "dnsrr")


def test_labels_of_interlock_1_are_heard_first(container):
    reading = read(
        container(
            labels={
                "com.docker.lb.hosts": "www.example.com",
                "com.docker.lb.port": "80",
                "interlock.hostname": "www",
                "interlock.domain": "example.com",
                "interlock.port": "81",
            }
        )
    )
    assert [request.port for request in reading.requests] == [81]
    assert [problem.key for problem in reading.problems] == ["label com.docker.lb.hosts"]

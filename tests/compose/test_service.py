"""One service, in every form that a format has for a thing."""

import pytest

from interlock.compose.service import typed_service
from interlock.core.model import Binding, Port


def service(**raw):
    faults = []
    made = typed_service("web", raw, line=3, complain=lambda key, value, fault: faults.append((key, value, fault)))
    assert not faults, faults
    return made


def faults_of(**raw):
    faults = []
    typed_service("web", raw, line=3, complain=lambda key, _, fault: faults.append((key, fault.what, fault.fix)))
    return faults


@pytest.mark.parametrize("labels", [["a=b=c", "d="], {"a": "b=c", "d": ""}, {"a": "b=c", "d": None}, ["a=b=c", "d"]])
def test_labels_are_a_list_or_a_mapping(labels):
    assert service(labels=labels).labels == {"a": "b=c", "d": ""}


@pytest.mark.parametrize("given", [["A=1", "B=true", "C"], {"A": 1, "B": True, "C": None}])
def test_so_is_the_environment_where_a_name_alone_says_nothing(given):
    assert service(environment=given).environment == {"A": "1", "B": "true"}


@pytest.mark.parametrize(
    ("published", "bindings"),
    [
        ("80", [Binding(80, "tcp", "0.0.0.0", 0)]),
        (80, [Binding(80, "tcp", "0.0.0.0", 0)]),
        ("8080:80", [Binding(80, "tcp", "0.0.0.0", 8080)]),
        ("127.0.0.1:8080:80/udp", [Binding(80, "udp", "127.0.0.1", 8080)]),
        ("127.0.0.1::80", [Binding(80, "tcp", "127.0.0.1", 0)]),
        ("[::1]:8080:80", [Binding(80, "tcp", "::1", 8080)]),
        ("3000-3001", [Binding(3000, "tcp", "0.0.0.0", 0), Binding(3001, "tcp", "0.0.0.0", 0)]),
        ("9000-9001:80-81", [Binding(80, "tcp", "0.0.0.0", 9000), Binding(81, "tcp", "0.0.0.0", 9001)]),
        ({"target": 80, "published": 8080}, [Binding(80, "tcp", "0.0.0.0", 8080)]),
        ({"target": 80, "host_ip": "127.0.0.1", "protocol": "udp"}, [Binding(80, "udp", "127.0.0.1", 0)]),
    ],
)
def test_ports_have_a_short_and_a_long_form(published, bindings):
    assert service(ports=[published]).ports == tuple(bindings)


def test_what_is_exposed_only():
    assert service(expose=["8080", 9090, "53/udp"]).expose == (Port(53, "udp"), Port(8080), Port(9090))


def test_networks_are_a_list_or_a_mapping_and_a_mode_has_two_names():
    assert service(networks=["b", "a"]).networks == ("a", "b")
    assert service(networks={"b": {"aliases": ["x"]}, "a": None}).networks == ("a", "b")
    assert service(network_mode="host").network_mode == "host"
    assert service(net="host").network_mode == "host"
    assert service(network_mode="bridge").network_mode == ""


@pytest.mark.parametrize(
    ("raw", "checks"),
    [({"test": "true"}, True), ({"test": ["NONE"]}, False), ({"test": "true", "disable": True}, False), ({}, False)],
)
def test_whether_it_has_a_healthcheck(raw, checks):
    assert service(healthcheck=raw).has_healthcheck is checks


def test_how_many_and_how_they_stop():
    assert service(scale=3).replicas == 3
    assert service(deploy={"replicas": 2, "labels": ["a=b"]}).replicas == 2
    assert service(deploy={"labels": ["a=b"]}).deploy_labels == {"a": "b"}
    assert service(scale=10**9).replicas == 100
    assert service(stop_grace_period="1m30s", stop_signal="SIGINT").stop_timeout == 90
    assert service().stop_timeout == 10


@pytest.mark.parametrize(
    ("raw", "key", "fix"),
    [
        ({"ports": ["http"]}, "ports", '"8080:80"'),
        ({"ports": ["1:2:3:4"]}, "ports", '"8080:80"'),
        ({"ports": ["0"]}, "ports", "1 to 65535"),
        ({"ports": ["1-65535"]}, "ports", "at most"),
        ({"expose": ["80:80"]}, "expose", "one number"),
        ({"environment": [{'INTERLOCK_DATA={"hostname"': "x"}]}, "environment.0", "single quotes"),
        ({"environment": {"INTERLOCK_DATA": {"hostname": "x"}}}, "environment.INTERLOCK_DATA", "single quotes"),
        ({"labels": [["a"]]}, "labels.0", "single quotes"),
    ],
)
def test_what_cannot_be_read_is_complained_about_with_a_fix(raw, key, fix):
    ((found, what, advice),) = faults_of(**raw)
    assert found == key
    assert what
    assert fix in advice


def test_nonsense_of_any_type_never_raises():
    for value in (None, 1, "x", [], {}, [None], [[]], {"a": []}, True, 1.5):
        keys = (
            "image",
            "environment",
            "labels",
            "ports",
            "expose",
            "networks",
            "deploy",
            "healthcheck",
            "scale",
            "net",
        )
        typed_service("web", dict.fromkeys(keys, value), line=1, complain=lambda *_: None)

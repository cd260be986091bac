import os
import socket

import pytest

from interlock.core.model import Binding, Container
from interlock.doctor import Verdict, ports
from interlock.doctor.ports import check_port


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def taken(listener):
    """A port that this process listens on."""
    return listener.getsockname()[1]


def container(port):
    return Container(engine="docker", id="1" * 64, name="web_1", bindings=(Binding(80, "tcp", "0.0.0.0", port),))


def test_a_port_that_a_program_holds_is_a_problem_that_names_it(taken):
    check = check_port("HAPROXY_PORT", taken, (), ("/nowhere/",))

    assert (check.verdict, check.fix) == (Verdict.PROBLEM, "free it, or set HAPROXY_PORT")
    assert check.what.startswith("is taken by ")
    assert check.what.endswith(f"(process {os.getpid()})")


def test_a_port_that_a_container_publishes_is_a_problem_that_names_it(taken):
    check = check_port("HAPROXY_PORT", taken, (container(taken),), ())

    assert (check.verdict, check.what) == (Verdict.PROBLEM, "is published by the container web_1")


def test_a_port_of_the_proxy_that_runs_already_is_well(taken, monkeypatch):
    monkeypatch.setattr(ports, "title_of", lambda _: "haproxy -W -f /state/haproxy/haproxy.cfg")

    assert check_port("HAPROXY_PORT", taken, (), ("/state/",)).verdict is Verdict.OK


def test_a_port_whose_holder_is_out_of_sight_is_a_problem(taken, monkeypatch):
    monkeypatch.setattr(ports, "listeners_of", lambda _: [0])
    check = check_port("HAPROXY_PORT", taken, (), ())

    assert check.verdict is Verdict.PROBLEM
    assert "Address already in use" in check.what


def test_a_free_port_is_well(listener, taken):
    listener.close()

    assert check_port("HAPROXY_PORT", taken, (), ()).what == "is free"


def test_a_low_port_is_for_root_or_for_the_capability(listener, taken, monkeypatch):
    listener.close()
    monkeypatch.setattr(ports, "_first_free_port", lambda: 70_000)
    assert check_port("HAPROXY_PORT", taken, (), ()).verdict is Verdict.OK or os.geteuid()
    monkeypatch.setattr(ports, "_may_bind_low", lambda: False)
    check = check_port("HAPROXY_PORT", taken, (), ())

    assert check.verdict is Verdict.PROBLEM
    assert check.fix == "run as root, or set HAPROXY_PORT to a higher port"

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.addresses import Address, Via, locate
from interlock.core.events import View
from interlock.core.model import Attachment, Binding, Container, Match, Port, RouteRequest
from interlock.core.problems import Problem, Severity

BRIDGE = Attachment("bridge", "b0", "172.17.0.2")
APP = Attachment("appnet", "n1", "10.1.0.5", "fd00::5")
SIX = Attachment("v6", "n6", ipv6="fd01::6")
PUBLISHED = (Binding(80, "tcp", "0.0.0.0", 32768), Binding(80, "tcp", "::", 32768))

REMOTE = View(engine="e", node_address="192.0.2.7")
LOCAL = View(engine="e", local=True)
INSIDE = View(engine="e", own_container="f" * 64, own_networks=frozenset({"n1"}))
OVERRIDDEN = View(engine="e", override_address="172.17.42.1", own_networks=frozenset({"n1"}))
PAPER = View(engine="e", on_paper=True)
NOWHERE = View(engine="e")


def ask(view, *, port=None, network=None, exposed=(80,), **fields):
    container = Container(
        **{
            "engine": "e",
            "id": "c" * 64,
            "name": "web_1",
            "exposed": tuple(port if isinstance(port, Port) else Port(port) for port in exposed),
            "network_mode": "default",
        }
        | fields
    )
    request = RouteRequest(
        container=container.key,
        dialect="interlock labels",
        matches=(Match("www.example.com"),),
        port=port,
        network=network,
        origins={
            "port": "label interlock.port",
            "network": "label interlock.network",
            "matches": "label interlock.hostname",
        },
    )
    return locate(request, container, view)


def reached(view, **fields):
    address = ask(view, **fields)
    assert isinstance(address, Address), address
    assert address.why
    assert address.why.isprintable()
    return address.endpoint, address.via


def problem(view, **fields):
    found = ask(view, **fields)
    assert isinstance(found, Problem), found
    assert found.severity is Severity.ERROR
    assert (found.engine, found.container, found.container_id) == ("e", "web_1", "c" * 64)
    assert found.what
    assert found.fix
    assert found.sentence().isprintable()
    return found


# The named network


@pytest.mark.parametrize("view", [REMOTE, LOCAL, INSIDE, OVERRIDDEN, PAPER, NOWHERE])
def test_a_named_network_comes_before_every_other_way(view):
    fields = {"network": "appnet", "attachments": (BRIDGE, APP), "bindings": PUBLISHED}

    assert reached(view, **fields) == ("10.1.0.5:80", Via.NAMED_NETWORK)


def test_a_network_may_be_named_by_its_id():
    assert reached(REMOTE, network="n1", attachments=(APP,)) == ("10.1.0.5:80", Via.NAMED_NETWORK)


def test_a_port_named_beside_a_network_is_taken_at_its_word():
    assert reached(REMOTE, network="appnet", port=9999, attachments=(APP,)) == ("10.1.0.5:9999", Via.NAMED_NETWORK)


def test_an_ipv6_address_is_used_where_there_is_no_other():
    assert reached(REMOTE, network="v6", attachments=(SIX,)) == ("[fd01::6]:80", Via.NAMED_NETWORK)


@pytest.mark.parametrize("attachments", [(), (BRIDGE,), (BRIDGE, Attachment("appnet", "n1"))])
def test_a_named_network_without_the_container_is_a_problem_that_lists_those_it_has(attachments):
    found = problem(LOCAL, network="appnet", attachments=attachments, bindings=PUBLISHED)

    assert (found.key, found.value) == ("label interlock.network", "appnet")
    assert ", ".join(place.network for place in attachments) in found.what
    assert found.fix == "run `docker network connect appnet web_1`"


def test_on_a_named_network_a_port_is_chosen_as_on_any_other():
    assert (
        reached(
            REMOTE, network="appnet", exposed=(80, 443), bindings=(Binding(443, "tcp", "", 1),), attachments=(APP,)
        )[0]
        == "10.1.0.5:443"
    )
    assert problem(REMOTE, network="appnet", exposed=(80, 443), attachments=(APP,)).key == "label interlock.port"


# The operator's address


def test_the_operator_s_address_has_the_published_port():
    assert reached(OVERRIDDEN, attachments=(APP,), bindings=PUBLISHED) == ("172.17.42.1:32768", Via.OVERRIDE)


def test_the_operator_s_address_replaces_a_specific_one_too():
    assert reached(OVERRIDDEN, bindings=(Binding(80, "tcp", "127.0.0.1", 8080),))[0] == "172.17.42.1:8080"


def test_what_is_not_published_is_reached_in_spite_of_the_operator_s_address():
    assert reached(OVERRIDDEN, attachments=(APP,)) == ("10.1.0.5:80", Via.SHARED_NETWORK)
    assert reached(OVERRIDDEN, port=443, exposed=(80, 443), attachments=(APP,), bindings=PUBLISHED)[0] == "10.1.0.5:443"


# The container's own address


def test_a_network_that_interlock_shares_is_the_way():
    assert reached(INSIDE, attachments=(BRIDGE, APP), bindings=PUBLISHED) == ("10.1.0.5:80", Via.SHARED_NETWORK)


def test_on_the_engine_s_own_host_every_network_is_near():
    assert reached(LOCAL, attachments=(BRIDGE,), bindings=PUBLISHED) == ("172.17.0.2:80", Via.LOCAL_NETWORK)


def test_a_shared_network_comes_before_a_local_one():
    view = View(engine="e", local=True, own_networks=frozenset({"n1"}))

    assert reached(view, attachments=(Attachment("a", "a0", "10.9.0.1"), APP))[0] == "10.1.0.5:80"


def test_networks_are_tried_in_the_order_of_their_names_and_ipv4_before_ipv6():
    places = (
        Attachment("a", "a6", ipv6="fd00::a"),
        Attachment("c", "c4", "10.0.0.3"),
        Attachment("b", "b4", "10.0.0.2", "fd00::b"),
    )

    for order in permutations(places):
        assert reached(LOCAL, attachments=order)[0] == "10.0.0.2:80"
    assert reached(LOCAL, attachments=(SIX,))[0] == "[fd01::6]:80"


@pytest.mark.parametrize("name", ["host", "none", "ingress"])
def test_a_network_that_is_no_place_is_passed_over(name):
    places = (Attachment(name, "n1", "10.0.0.9"),)

    assert "no address that is reached" in problem(INSIDE, attachments=places).what
    assert reached(LOCAL, attachments=(*places, BRIDGE))[0] == "172.17.0.2:80"


def test_a_named_port_must_be_exposed_if_anything_is():
    assert reached(LOCAL, port=443, exposed=(80, 443), attachments=(BRIDGE,))[0] == "172.17.0.2:443"
    assert reached(LOCAL, port=9999, exposed=(), attachments=(BRIDGE,))[0] == "172.17.0.2:9999"
    found = problem(LOCAL, port=9999, exposed=(80, 443), attachments=(BRIDGE,))
    assert (found.key, found.value) == ("label interlock.port", "9999")
    assert "80, 443" in found.what


def test_a_published_port_counts_as_exposed():
    assert reached(LOCAL, port=80, exposed=(), attachments=(BRIDGE,), bindings=PUBLISHED)[0] == "172.17.0.2:80"


def test_of_several_ports_the_only_published_one_is_meant():
    assert reached(LOCAL, exposed=(80, 443, 9000), attachments=(BRIDGE,), bindings=PUBLISHED)[0] == "172.17.0.2:80"


def test_several_ports_and_none_named_is_a_problem_that_lists_them():
    found = problem(LOCAL, exposed=(9000, 80), attachments=(BRIDGE,))

    assert found.key == "label interlock.port"
    assert "exposes 80, 9000" in found.what
    assert found.fix == "set label interlock.port to the one to use, like 80"


def test_no_port_at_all_is_a_problem():
    assert "exposes none" in problem(LOCAL, exposed=(), attachments=(BRIDGE,)).what


def test_other_protocols_are_no_ports():
    assert reached(LOCAL, exposed=(Port(53, "udp"), 80), attachments=(BRIDGE,))[0] == "172.17.0.2:80"
    assert "exposes none" in problem(LOCAL, exposed=(Port(53, "udp"),), attachments=(BRIDGE,)).what
    assert problem(LOCAL, port=53, exposed=(Port(53, "udp"), 80), attachments=(BRIDGE,)).value == "53"


def test_thousands_of_ports_make_a_short_message():
    found = problem(LOCAL, exposed=range(1000, 9000), attachments=(BRIDGE,))

    assert "and 7990 more" in found.what
    assert len(found.sentence()) < 400


# A published port


@pytest.mark.parametrize("host_ip", ["0.0.0.0", "", "::"])
def test_a_port_published_everywhere_is_reached_on_its_node(host_ip):
    assert reached(REMOTE, bindings=(Binding(80, "tcp", host_ip, 32768),)) == ("192.0.2.7:32768", Via.PUBLISHED)


def test_a_node_that_the_manager_names_comes_before_the_engine_s_own_address():
    assert reached(REMOTE, node_address="192.0.2.9", bindings=PUBLISHED)[0] == "192.0.2.9:32768"


def test_a_port_published_on_one_address_is_reached_there():
    assert reached(NOWHERE, bindings=(Binding(80, "tcp", "10.0.0.5", 8080),))[0] == "10.0.0.5:8080"
    assert reached(NOWHERE, bindings=(Binding(80, "tcp", "fd00::1", 8080),))[0] == "[fd00::1]:8080"


def test_ipv4_bindings_come_first_and_otherwise_the_engine_s_order_counts():
    bindings = (Binding(80, "tcp", "fd00::1", 1), Binding(80, "tcp", "10.0.0.2", 2), Binding(80, "tcp", "10.0.0.1", 3))

    assert reached(REMOTE, bindings=bindings)[0] == "10.0.0.2:2"


def test_a_port_published_on_loopback_is_reached_from_its_own_host_only():
    bindings = (Binding(80, "tcp", "127.0.0.1", 8080),)

    assert reached(LOCAL, bindings=bindings)[0] == "127.0.0.1:8080"
    found = problem(REMOTE, bindings=bindings)
    assert "127.0.0.1 only" in found.what
    assert found.fix == 'publish it on all addresses (ports: ["80"])'
    assert reached(REMOTE, bindings=(*bindings, Binding(80, "tcp", "10.0.0.1", 8081)))[0] == "10.0.0.1:8081"


def test_of_a_rootless_engine_on_our_host_only_published_ports_are_reached():
    rootless = View(engine="e", node_address="127.0.0.1")
    assert reached(rootless, bindings=PUBLISHED) == ("127.0.0.1:32768", Via.PUBLISHED)
    own = (Binding(80, "tcp", "127.0.0.1", 8080),)
    assert reached(rootless, bindings=own) == ("127.0.0.1:8080", Via.PUBLISHED)
    assert "127.0.0.1 only" in problem(rootless, bindings=own, node="another").what


def test_on_the_engine_s_own_host_a_published_port_is_on_loopback():
    assert reached(LOCAL, bindings=PUBLISHED) == ("127.0.0.1:32768", Via.PUBLISHED)


def test_a_named_port_must_be_published():
    bindings = (*PUBLISHED, Binding(443, "tcp", "0.0.0.0", 32769))

    assert reached(REMOTE, port=443, bindings=bindings)[0] == "192.0.2.7:32769"
    found = problem(REMOTE, port=9999, bindings=bindings)
    assert (found.key, found.value) == ("label interlock.port", "9999")
    assert "publishes 80, 443" in found.what


def test_several_published_ports_and_none_named_is_a_problem():
    found = problem(REMOTE, bindings=(*PUBLISHED, Binding(443, "tcp", "0.0.0.0", 32769)))

    assert "publishes 80, 443" in found.what


def test_a_published_udp_port_is_none():
    assert "publishes none" in problem(REMOTE, bindings=(Binding(53, "udp", "0.0.0.0", 53),)).what


# The host's network


def test_on_the_host_s_network_the_port_is_reached_on_the_node():
    host = {"network_mode": "host", "attachments": (Attachment("host", "h0"),)}
    beside = View(engine="e", own_container="f" * 64, own_networks=frozenset({"h0"}))

    assert reached(LOCAL, port=8080, exposed=(), **host) == ("127.0.0.1:8080", Via.HOST_NETWORK)
    assert reached(beside, port=8080, exposed=(), **host)[0] == "127.0.0.1:8080"
    assert reached(REMOTE, port=8080, exposed=(), **host)[0] == "192.0.2.7:8080"
    assert reached(REMOTE, **host)[0] == "192.0.2.7:80"
    assert reached(PAPER, port=8080, exposed=(), **host)[0] == "127.0.0.1:8080"
    assert problem(REMOTE, exposed=(), **host).key == "label interlock.port"
    assert "no address" in problem(NOWHERE, port=8080, **host).what


# Nowhere


def test_nothing_that_is_reached_is_a_problem_that_says_how_to_be():
    found = problem(NOWHERE, attachments=(BRIDGE, APP))

    assert (found.key, found.value) == ("label interlock.hostname", "www.example.com")
    assert "the networks bridge, appnet" in found.what
    assert "networks: [interlock]" in found.fix
    assert 'ports: ["80"]' in found.fix


def test_a_node_of_unknown_address_is_named_as_the_reason():
    assert "address of its node" in problem(NOWHERE, bindings=PUBLISHED).what


def test_a_container_that_shares_another_s_network_is_told_to_ask_there():
    assert "another container's network" in problem(LOCAL, network_mode="container:abc").what


def test_interlock_is_not_routed_to_itself():
    found = problem(View(engine="e", own_container="c" * 64, local=True), attachments=(BRIDGE,))

    assert found.what == "is Interlock's own container"


# On paper


def test_on_paper_a_published_port_is_given_as_the_engine_reports_it():
    assert reached(PAPER, attachments=(BRIDGE,), bindings=PUBLISHED) == ("0.0.0.0:32768", Via.PUBLISHED)
    assert reached(PAPER, bindings=(Binding(80, "tcp", "", 32768),))[0] == "0.0.0.0:32768"
    assert reached(PAPER, bindings=(Binding(80, "tcp", "127.0.0.1", 32768),))[0] == "127.0.0.1:32768"


def test_on_paper_the_operator_s_address_counts():
    view = View(engine="e", on_paper=True, override_address="172.17.42.1")

    assert reached(view, bindings=PUBLISHED)[0] == "172.17.42.1:32768"


def test_on_paper_the_container_s_own_address_is_the_last_resort():
    assert reached(PAPER, attachments=(BRIDGE,))[0] == "172.17.0.2:80"
    assert reached(PAPER, port=443, exposed=(80, 443), attachments=(BRIDGE,), bindings=PUBLISHED)[0] == "172.17.0.2:443"


def test_on_paper_a_port_is_no_guess_either():
    assert problem(PAPER, port=9999, attachments=(BRIDGE,), bindings=PUBLISHED).value == "9999"
    assert problem(PAPER, bindings=(*PUBLISHED, Binding(443, "tcp", "", 1))).key == "label interlock.port"


# All of it

ports = st.integers(1, 65535)
numbers = st.sampled_from([22, 80, 443, 8080])
ips = st.sampled_from(["", "0.0.0.0", "::", "127.0.0.1", "::1", "10.0.0.5", "fd00::5"])
attachments = st.builds(
    Attachment,
    st.sampled_from(["bridge", "appnet", "host", "none", "a\nb"]),
    st.sampled_from(["n1", "n2"]),
    st.sampled_from(["", "10.1.0.5"]),
    st.sampled_from(["", "fd00::5"]),
)
bindings = st.builds(Binding, numbers, st.sampled_from(["tcp", "udp"]), ips, ports)
views = st.builds(
    View,
    engine=st.just("e"),
    local=st.booleans(),
    own_container=st.sampled_from(["", "c" * 64, "f" * 64]),
    own_networks=st.frozensets(st.sampled_from(["n1", "n2"])),
    node_address=st.sampled_from(["", "192.0.2.7"]),
    override_address=st.sampled_from(["", "172.17.42.1"]),
    on_paper=st.booleans(),
)


@given(
    view=views,
    port=st.none() | numbers,
    network=st.none() | st.sampled_from(["appnet", "bridge", "n1", "other"]),
    exposed=st.lists(numbers, max_size=3),
    attachments=st.lists(attachments, max_size=3).map(tuple),
    bindings=st.lists(bindings, max_size=3).map(tuple),
    network_mode=st.sampled_from(["default", "host", "none", "container:abc"]),
)
def test_whatever_the_engine_says_it_is_an_address_or_a_problem_and_always_the_same(view, **fields):
    found = ask(view, **fields)

    assert found == ask(view, **fields)
    if isinstance(found, Problem):
        problem(view, **fields)
    else:
        reached(view, **fields)
        assert found.address
        assert fields["port"] is None or found.via in {Via.PUBLISHED, Via.OVERRIDE} or found.port == fields["port"]

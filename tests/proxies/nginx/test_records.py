"""Records: what steps make of them, and that they say the same after a way through NGINX."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.model import (
    Balance,
    CheckKind,
    ContainerKey,
    HealthCheck,
    Maintenance,
    Match,
    Options,
    Server,
)
from interlock.core.plan import (
    AddRoute,
    AddServer,
    CloseRoute,
    DrainServer,
    EnableServer,
    Lead,
    MoveServer,
    Reload,
    RemoveRoute,
    RemoveServer,
    Served,
    WeighServer,
)
from interlock.proxies.nginx.records import NO_RECORD, Record, after, match_of, read, record_of
from interlock.proxies.serving.sites import Site

SITE = Match("demo.interlock.com")
NOON = Maintenance("Back: at 12:00; 50 % off", "2026-11-24T12:00:00Z")


def server(name="web_1", address="10.0.0.1", **fields):
    return Server(name=name, address=address, port=5000, container=ContainerKey("e", name), **fields)


def served(endpoint="10.0.0.1:5000", weight=100, takes_traffic=True):
    return Served(endpoint=endpoint, weight=weight, takes_traffic=takes_traffic)


BEFORE = Record(leads=Lead.BACKEND, servers={"web_1": served(), "web_2": served("10.0.0.2:5000", 7)})


@pytest.mark.parametrize(
    ("step", "leads", "servers"),
    [
        (AddServer(SITE, server("web_3"), Options()), Lead.BACKEND, {"web_3": served()}),
        (MoveServer(SITE, server(address="10.0.0.9"), Options()), Lead.BACKEND, {"web_1": served("10.0.0.9:5000")}),
        (EnableServer(SITE, server()), Lead.BACKEND, {}),
        (WeighServer(SITE, "web_1", 3), Lead.BACKEND, {"web_1": served(weight=3)}),
        (WeighServer(SITE, "gone", 3), Lead.BACKEND, {}),
        (DrainServer(SITE, "web_1"), Lead.BACKEND, {"web_1": served(takes_traffic=False)}),
        (DrainServer(SITE, "gone"), Lead.BACKEND, {}),
        (RemoveServer(SITE, "web_1"), Lead.BACKEND, {"web_1": None}),
        (RemoveServer(SITE, "gone"), Lead.BACKEND, {}),
        (RemoveRoute(SITE), Lead.NOWHERE, {}),
        (CloseRoute(SITE, NOON), NOON, {}),
        (AddRoute(SITE), Lead.BACKEND, {}),
        (Reload("why not"), Lead.BACKEND, {}),
    ],
)
def test_each_step_changes_what_it_says_and_nothing_else(step, leads, servers):
    expected = {name: each for name, each in (BEFORE.servers | servers).items() if each is not None}
    assert after(BEFORE, [step]) == Record(leads=leads, servers=expected)


def test_a_drained_server_is_kept_and_enabled_again():
    drained = after(BEFORE, [DrainServer(SITE, "web_1")])
    assert after(drained, [EnableServer(SITE, server())]) == BEFORE


def test_a_site_without_a_route_leads_nowhere():
    assert record_of(Site(match=SITE, options=Options(), routed=False)).leads is Lead.NOWHERE
    assert record_of(Site(match=SITE, options=Options(), maintenance=NOON)).leads == NOON


def test_only_a_reload_is_about_nobody():
    assert match_of(Reload("why not")) is None
    assert match_of(AddRoute(SITE)) == SITE


MESSAGES = st.text(max_size=40).filter(str.isprintable)
LEADS = st.one_of(
    st.sampled_from(list(Lead)), st.builds(Maintenance, MESSAGES, st.sampled_from(["", "2026-11-24T12:00:00Z"]))
)
SERVERS = st.dictionaries(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True),
    st.builds(
        Served,
        endpoint=st.sampled_from(["10.0.0.1:80", "[fd00::1]:5000"]),
        weight=st.integers(0, 256),
        takes_traffic=st.booleans(),
    ),
    max_size=4,
)


@given(st.builds(Record, leads=LEADS, servers=SERVERS))
def test_a_record_reads_as_it_was_written(record):
    line = record.line("pool", Options(balance=Balance.URI))
    assert line.count("\n") == 1
    assert line.isascii()
    assert read(line) == {"pool": record}


@pytest.mark.parametrize(
    ("options", "choice"),
    [
        (Options(), "roundrobin 2 5 0"),
        (Options(balance=Balance.LEASTCONN, check_interval=1500, slow_start=30), "leastconn 2 2 30"),
        (Options(check=HealthCheck(kind=CheckKind.NONE)), "roundrobin 0 5 0"),
    ],
)
def test_the_options_say_how_a_server_is_chosen(options, choice):
    assert NO_RECORD.line("pool", options) == f"pool gone {choice}\n"


def test_what_is_not_known_is_not_read():
    assert read("") == {}
    assert Record().leads is NO_RECORD.leads is Lead.NOWHERE


def test_a_stand_by_stays_one_through_nginx_and_through_steps_about_others():
    site = Site(match=SITE, options=Options(), servers=(server(), server("web_2", "10.0.0.2", standby=True)))
    record = record_of(site)
    assert record.standbys == {"web_2"}
    line = record.line("demo", Options())
    assert line.split()[-2:] == ["web_1;10.0.0.1:5000;100;on", "web_2;10.0.0.2:5000;100;standby"]
    assert read(line) == {"demo": record}
    assert after(record, [WeighServer(SITE, "web_1", 3), DrainServer(SITE, "web_1")]).standbys == {"web_2"}
    drained = after(record, [DrainServer(SITE, "web_2")])
    assert drained.line("demo", Options()).split()[-1] == "web_2;10.0.0.2:5000;100;off"
    back = after(read(drained.line("demo", Options()))["demo"], [EnableServer(SITE, site.servers[1])])
    assert back.standbys == {"web_2"}
    assert after(record, [RemoveServer(SITE, "web_2")]).standbys == set()

"""Upstream blocks: weights, failures, methods."""

import msgspec
import pytest

from interlock.core.model import Balance, CheckKind, ContainerKey, HealthCheck, Match, Options, Server
from interlock.proxies.nginx.frame import Frame, Live
from interlock.proxies.nginx.pools import METHODS, has_pool, kept_connections, pool, upstream_name
from interlock.proxies.serving.sites import Site

FRAME = Frame(control_socket="/c", pid_file="/p", temp_dir="/t", http_port=80)
LIVE = msgspec.structs.replace(FRAME, live=Live((), "/lua", "/records.txt"))


def site(*weights, **options):
    servers = tuple(
        Server(name=f"s{n}", address=f"10.0.0.{n}", port=80, weight=weight, container=ContainerKey("e", f"s{n}"))
        for n, weight in enumerate(weights)
    )
    return Site(match=Match("a.com"), options=Options(**options), servers=servers)


def lines(made):
    return [line.strip() for line in pool(made, FRAME).splitlines()[1:-1]]


def test_every_balance_has_its_method():
    assert METHODS.keys() == set(Balance)


@pytest.mark.parametrize(
    ("weights", "shares"),
    [((100, 100), [1, 1]), ((30, 10), [3, 1]), ((256, 7), [256, 7]), ((100, 0, 50), [2, 1])],
)
def test_weights_are_in_their_lowest_terms_and_those_without_any_are_left_out(weights, shares):
    found = [line for line in lines(site(*weights)) if line.startswith("server") and "backup" not in line]
    assert [int(line.split()[2].removeprefix("weight=")) for line in found] == shares


def test_when_all_have_failed_all_are_tried_again():
    found = [line for line in lines(site(3, 1)) if line.startswith("server")]
    assert found == [
        "server 10.0.0.0:80 weight=3 max_fails=2 fail_timeout=5s;",
        "server 10.0.0.1:80 weight=1 max_fails=2 fail_timeout=5s;",
        "server 10.0.0.0:80 weight=3 max_fails=0 backup;",
        "server 10.0.0.1:80 weight=1 max_fails=0 backup;",
    ]


@pytest.mark.parametrize("balance", [Balance.SOURCE, Balance.URI, Balance.RANDOM])
def test_where_there_can_be_no_second_round_nobody_is_passed_over(balance):
    found = [line for line in lines(site(1, 1, balance=balance)) if line.startswith("server")]
    assert [line.endswith("max_fails=0;") for line in found] == [True, True]


def test_under_a_consistent_hash_weights_are_small_and_nobody_is_left_out():
    found = lines(site(256, 1, balance=Balance.URI))
    assert [line.split()[2] for line in found if line.startswith("server")] == ["weight=20", "weight=1"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "max_fails=2 fail_timeout=5s"),
        ({"check_interval": 100}, "max_fails=2 fail_timeout=1s"),
        ({"check": HealthCheck(kind=CheckKind.NONE)}, "max_fails=0;"),
    ],
)
def test_the_interval_of_a_check_is_how_long_a_server_is_passed_over(options, expected):
    assert expected in lines(site(1, 1, **options))[0]


@pytest.mark.parametrize(
    ("options", "count"),
    [((), 32), (("keepalive 5",), 5), (("keepalive 5", "keepalive 70"), 70), (("keepalive 0", "http-no-delay"), 32)],
)
def test_connections_are_kept_as_many_as_asked_for(options, count):
    assert kept_connections(Options(backend_options=options)) == count


def test_without_lua_a_pool_needs_somebody_who_takes_traffic():
    assert [has_pool(each, FRAME) for each in (site(), site(0), site(1))] == [False, False, True]
    closed = Site(match=Match("a.com"), options=Options(ssl_backend=True), has_backend=False)
    assert not has_pool(closed, FRAME)


@pytest.mark.parametrize(
    ("options", "has_its_own"),
    [
        ({}, False),
        ({"balance": Balance.LEASTCONN, "check_interval": 100, "slow_start": 30}, False),
        ({"ssl_backend": True}, True),
        ({"backend_options": ("keepalive 7",)}, True),
    ],
)
def test_with_lua_only_tls_and_a_number_of_connections_need_a_pool(options, has_its_own):
    assert [has_pool(each, LIVE) for each in (site(**options), site(1, **options))] == [has_its_own, has_its_own]
    assert "10.0.0" not in pool(site(1, **options), LIVE)


def test_names_of_pools_differ_in_their_first_letters():
    sites = [Site(match=Match(f"site{number}.com"), options=Options()) for number in range(64)]
    assert len({upstream_name(each)[:2] for each in sites}) > 40
    assert upstream_name(sites[0]).endswith("_site0_com")


def standing_by(*standby, **options):
    made = site(*(100 for _ in standby), **options)
    servers = (msgspec.structs.replace(s, standby=b) for s, b in zip(made.servers, standby, strict=True))
    return msgspec.structs.replace(made, servers=tuple(servers))


def test_stand_bys_are_what_is_left_when_all_others_have_failed():
    found = [line for line in lines(standing_by(False, True, True)) if line.startswith("server")]
    assert found == [
        "server 10.0.0.0:80 weight=1 max_fails=2 fail_timeout=5s;",
        "server 10.0.0.1:80 weight=1 max_fails=0 backup;",
        "server 10.0.0.2:80 weight=1 max_fails=0 backup;",
    ]


def test_stand_bys_alone_are_servers_like_any_other():
    assert lines(standing_by(True, True)) == lines(site(100, 100))


@pytest.mark.parametrize("balance", [Balance.SOURCE, Balance.URI, Balance.RANDOM])
def test_where_nginx_takes_no_backup_stand_bys_are_left_out_while_there_is_another(balance):
    found = [line for line in lines(standing_by(False, True, balance=balance)) if line.startswith("server")]
    assert found == ["server 10.0.0.0:80 weight=1 max_fails=0;"]

import json

from interlock.core.dialects import read
from interlock.core.model import Balance, CheckKind
from interlock.core.problems import Severity


def data(**keys):
    return json.dumps({"hostname": "www", "domain": "example.com"} | keys)


def test_a_problem_names_the_container_the_engine_the_key_the_value_and_the_fix(warned):
    problem = warned(data(check_interval=10**12), engine="swarm-1", name="web_7", id="f" * 64)

    assert (problem.engine, problem.container, problem.container_id) == ("swarm-1", "web_7", "f" * 64)
    assert problem.sentence() == (
        "web_7: INTERLOCK_DATA.check_interval=1000000000000: is not between 100 and 3600000; "
        'fix: write "check_interval": 5000'
    )


def test_a_hostile_value_is_shown_escaped_and_short(warned):
    problem = warned(data(balance_algorithm="\x1b[31m\n" * 1000))

    assert problem.value.startswith(r"\x1b[31m\n")
    assert problem.value.isprintable()
    assert len(problem.value) < 400


def test_ip_hash_balances_by_the_client_s_address(routed):
    assert routed(data(ip_hash=True)).wishes.balance is Balance.SOURCE
    assert routed(data(ip_hash=False)).wishes.balance is None
    assert routed(data(ip_hash=True, balance_algorithm="source")).wishes.balance is Balance.SOURCE


def test_a_named_algorithm_has_precedence_over_ip_hash(routed, warned):
    both = data(ip_hash=True, balance_algorithm="uri")

    assert routed(both, problems=1).wishes.balance is Balance.URI
    assert warned(both).fix == "keep one of INTERLOCK_DATA.ip_hash and INTERLOCK_DATA.balance_algorithm"


def test_a_check_among_the_options_is_the_check(routed):
    request = routed(data(backend_options=["httpchk GET /a"]))

    assert request.wishes.check.uri == "/a"
    assert request.wishes.backend_options is None
    assert request.origin("check") == "INTERLOCK_DATA.backend_options"


def test_a_check_of_its_own_has_precedence_over_one_among_the_options(routed, warned):
    both = data(check="tcp-check", backend_options=["httpchk GET /a", "httpclose"])

    assert routed(both, problems=1).wishes.check.kind is CheckKind.TCP
    assert routed(both, problems=1).wishes.backend_options == ("httpclose",)
    assert "INTERLOCK_DATA.check" in warned(both).what
    routed(data(check="httpchk GET /a", backend_options=["httpchk GET /a"]))


def test_of_two_checks_among_the_options_the_first_counts(routed):
    request = routed(data(backend_options=["httpchk GET /a", "httpchk GET /b"]), problems=1)

    assert request.wishes.check.uri == "/a"


def test_an_algorithm_among_the_options_is_the_algorithm(routed, warned):
    request = routed(data(backend_options=["least_conn;", "keepalive 8;"]))

    assert request.wishes.balance is Balance.LEASTCONN
    assert request.wishes.backend_options == ("keepalive 8",)
    assert request.origin("balance") == "INTERLOCK_DATA.backend_options"
    both = data(balance_algorithm="random", backend_options=["ip_hash;"])
    assert routed(both, problems=1).wishes.balance is Balance.RANDOM
    assert "another algorithm than INTERLOCK_DATA.balance_algorithm" in warned(both).what
    assert routed(data(ip_hash=True, backend_options=["least_conn;"]), problems=1).wishes.balance is Balance.LEASTCONN


def test_options_that_are_all_implied_are_none(routed):
    assert routed(data(backend_options=["redispatch"])).wishes.backend_options is None


def test_the_same_option_twice_is_one(routed):
    assert routed(data(backend_options=["httpclose", "HTTPClose"])).wishes.backend_options == ("httpclose",)


def test_problems_are_sorted_and_told_once(container):
    reading = read(container(data(alias_domains=["*", "*", "-"], weight=999)))

    assert list(reading.problems) == sorted(set(reading.problems))
    assert len(reading.problems) == 3


def test_a_request_is_not_made_where_a_problem_costs_the_route(container):
    reading = read(container(data(context_root="x", check_interval=1)))

    assert reading.requests == ()
    assert sorted(problem.severity for problem in reading.problems) == [Severity.ERROR, Severity.WARNING]

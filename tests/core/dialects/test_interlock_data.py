import json

import pytest

from interlock.core.dialects import interlock_data, read
from interlock.core.dialects.fields import Kind
from interlock.core.model import Balance, CheckKind, Match, Ready, Verify, Wishes
from interlock.core.problems import Severity

WALKTHROUGH = '{"hostname":"demo","domain":"interlock.com"}'
IN_TYPE = {
    Kind.TEXT: [5, True, ["a"], {"a": 1}, 1.5],
    Kind.INTEGER: ["80", 80.5, True, 1e9, [80], {"a": 1}, 10**19, "80 or so"],
    Kind.FLAG: ["true", "yes", 1, 0.0, ["a"], {"a": 1}],
    Kind.TEXTS: ["a.com", 5, True, {"a": 1}],
    Kind.FLAG_OR_TEXT: [5, ["a"], {"a": 1}],
}
"""Kind -> values that are of another type."""
WRONG_TYPES = [
    pytest.param(name, key, value, id=f"{name}={value}")
    for name, key in interlock_data.KEYS.items()
    for value in IN_TYPE[key.field.kind]
]


def data(**keys):
    return json.dumps({"hostname": "www", "domain": "example.com"} | keys)


def test_the_walk_through_is_routed(routed, container):
    request = routed(WALKTHROUGH, hostname="0123456789ab")

    assert request.container == container().key
    assert request.dialect == "INTERLOCK_DATA"
    assert request.matches == (Match("demo.interlock.com"),)
    assert request.wishes == Wishes()
    assert (request.port, request.network, request.warm, request.weight) == (None, None, None, 100)
    assert request.ready is Ready.REQUIRE


def test_every_key_reaches_its_field(routed):
    request = routed(
        data(
            alias_domains=["b.com", "*.c.com"],
            port=8080,
            network="appnet",
            context_root="/app/",
            context_root_rewrite=True,
            ssl_only=True,
            ssl_backend=True,
            ssl_backend_tls_verify="all",
            check="httpchk GET /health",
            check_interval=1000,
            backend_options=["http-no-delay", "abortonclose"],
            balance_algorithm="leastconn",
            ssl=True,
            ssl_certificate="a.pem",
            ssl_certificate_key="a.key",
            websocket_endpoints=["/ws", "/chat/"],
            warm="/ready",
            ready="prefer",
            weight=50,
        )
    )

    assert request.matches == (Match("www.example.com", "/app"), Match("b.com", "/app"), Match("*.c.com", "/app"))
    assert (request.port, request.network, request.warm, request.weight) == (8080, "appnet", "/ready", 50)
    assert request.ready is Ready.PREFER
    wishes = request.wishes
    assert (wishes.rewrite, wishes.ssl_only, wishes.ssl_backend, wishes.ssl) == (True, True, True, True)
    assert wishes.ssl_backend_verify is Verify.REQUIRED
    assert (wishes.check.kind, wishes.check.uri, wishes.check_interval) == (CheckKind.HTTP, "/health", 1000)
    assert wishes.backend_options == ("abortonclose", "http-no-delay")
    assert wishes.balance is Balance.LEASTCONN
    assert (wishes.ssl_certificate, wishes.ssl_certificate_key) == ("a.pem", "a.key")
    assert wishes.websocket_endpoints == ("/ws", "/chat")


def test_every_field_remembers_the_key_that_it_came_from(routed):
    request = routed(data(check="tcp-check", alias_domains=["b.com"], context_root="/a", ip_hash=True))

    assert request.origin("check") == "INTERLOCK_DATA.check"
    assert request.origin("matches") == "INTERLOCK_DATA.hostname"
    assert request.origin("aliases") == "INTERLOCK_DATA.alias_domains"
    assert request.origin("path") == "INTERLOCK_DATA.context_root"
    assert request.origin("balance") == "INTERLOCK_DATA.ip_hash"
    assert request.origin("port") == "INTERLOCK_DATA.port"


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ('{"HOSTNAME":"a","Domain":"b.com"}', "a.b.com"),
        ('{"hostname":"a","hostname":"b","domain":"b.com"}', "b.b.com"),
        ('{"hostname":"a","Hostname":"b","hostname":"c","domain":"b.com"}', "c.b.com"),
        ('{"hostname":"a","domain":"b.com"} and what follows', "a.b.com"),
        ('{"hostname":"a","domain":"b.com"}{"hostname":"c"}', "a.b.com"),
        (' \t\r\n{"hostname":"a","domain":"b.com"}\n', "a.b.com"),
        ('{"hostname":"a","domain":"b.com","port":null,"check":null}', "a.b.com"),
        ('{"hostname":"a","domain":"b.com","port":0,"check":"","alias_domains":[]}', "a.b.com"),
        ('{"hostname":"a=b","hostname":"a","domain":"b.com"}', "a.b.com"),
        ('{"hostname":"","domain":"b.com"}', "h.b.com"),
        ('{"hostname":"A","domain":"B.COM."}', "a.b.com"),
        ('{"hostname":"*","domain":"b.com"}', "*.b.com"),
        ('{"hostname":"b.com","domain":"b.com"}', "b.com"),
    ],
)
def test_json_is_read_as_go_read_it(routed, text, host):
    assert routed(text, hostname="h").matches == (Match(host),)


def test_a_wrong_type_leaves_the_last_right_one_in_force(routed):
    assert routed('{"hostname":"a","domain":"b.com","port":80,"port":"8080"}', problems=1).port == 80


def test_a_key_that_is_wrong_a_thousand_times_is_one_problem(warned):
    pairs = ",".join(f'"port":"{number}"' for number in range(1000))

    assert warned(f'{{"hostname":"a","domain":"b.com",{pairs}}}').value == "999"


def test_a_value_with_an_equals_sign_works(routed):
    request = routed(data(check="httpchk GET /?a=b"))

    assert request.wishes.check.uri == "/?a=b"


@pytest.mark.parametrize(("name", "key", "value"), WRONG_TYPES)
def test_a_wrong_type_costs_that_key_and_is_reported(container, name, key, value):
    reading = read(container(data(**{name: value}), hostname="www", domainname="example.com"))

    (problem,) = reading.problems
    assert problem.key == f"INTERLOCK_DATA.{name}"
    assert problem.what == f"is not {key.field.kind}"
    assert name in problem.fix
    assert bool(reading.requests) == (problem.severity is Severity.WARNING)
    if key.since == "0.3.3":
        assert reading.requests[0].matches == (Match("www.example.com"),)
        assert reading.requests[0].wishes == Wishes()


@pytest.mark.parametrize(
    ("key", "value", "fix"),
    [
        ("port", "8080", 'remove the quotes: "port": 8080'),
        ("ssl_only", "true", 'remove the quotes: "ssl_only": true'),
        ("port", "8080 ", 'write "port": 8080'),
        ("ssl_only", "yes", 'write "ssl_only": true'),
        ("alias_domains", "b.com", 'write "alias_domains": ["example.com"]'),
    ],
)
def test_a_wrong_type_has_a_fix_to_paste(warned, key, value, fix):
    assert warned(data(**{key: value})).fix == fix


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "NaN", "Infinity", "1" * 5000, "-" + "1" * 50_000, "80.0", "8e1"], ids=lambda n: n[:9]
)
def test_a_number_that_is_no_whole_number_costs_its_key(routed, number):
    request = routed(f'{{"hostname":"a","domain":"b.com","port":{number}}}', problems=1)

    assert request.port is None


@pytest.mark.parametrize("port", [-1, 70000, 65616])
def test_a_port_that_cannot_be_costs_its_key(warned, port):
    assert warned(data(port=port)).key == "INTERLOCK_DATA.port"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("null", "is not a JSON object"),
        ("[]", "is not a JSON object"),
        ("5", "is not a JSON object"),
        ("true", "is not a JSON object"),
        ('"www"', "begins with a quote"),
        (f"'{WALKTHROUGH}'", "begins with a quote"),
        ("{not json", "is not JSON"),
        ("{'hostname':'a','domain':'b.com'}", "is not JSON"),
        ('{"hostname":"a","domain":"b.com",}', "at character 34"),
        ("\ufeff" + WALKTHROUGH, "is not JSON"),
        ('{"hostname":"a\n","domain":"b.com"}', "is not JSON"),
        ("[" * 60_000, "brackets"),
        ('{"a":' * 10_000, "brackets"),
        ('{"a":"' + "b" * 65_536 + '"}', "is longer than 65536 characters"),
        ("x" * 1_048_576, "is longer"),
    ],
    ids=lambda text: ascii(text)[:30],
)
def test_what_is_no_object_is_one_problem_and_leaves_the_engine_s_names(routed, refused, text, what):
    assert routed(text, problems=1, hostname="h", domainname="d.com").matches == (Match("h.d.com"),)
    problem = refused(text, hostname="h")
    assert what in problem.what
    assert problem.key == "INTERLOCK_DATA"
    assert problem.severity is Severity.ERROR
    assert len(problem.value) < 600


def test_quotes_around_the_value_are_named_in_the_fix(refused):
    assert refused(f"'{WALKTHROUGH}'").fix.startswith("remove the quotes around the value: INTERLOCK_DATA={")


def test_brackets_inside_texts_or_after_the_object_are_no_nesting(routed):
    assert routed(data() + "[" * 100)
    assert routed(data(network="appnet", check="none") + '"[')
    assert routed(data(unknown=r"[{\"[{" * 100), problems=1)


@pytest.mark.parametrize(
    ("key", "fix"),
    [
        ("prot", "write port, or remove it"),
        ("alias_domain", "write alias_domains, or remove it"),
        ("health_check", "write check, or remove it"),
        ("xyzzy", "remove it"),
    ],
)
def test_an_unknown_key_is_reported_with_the_one_that_it_resembles(warned, key, fix):
    problem = warned(data(**{key: {"a": [1]}}))

    assert problem.key == f"INTERLOCK_DATA.{key}"
    assert problem.fix == fix


def test_no_more_than_twenty_unknown_keys_are_reported_one_by_one(container):
    reading = read(container(data(**{f"k{number}": 1 for number in range(5000)})))

    assert len(reading.requests) == 1
    assert len(reading.problems) == 21
    assert any("4980 more keys" in problem.what for problem in reading.problems)


@pytest.mark.parametrize("text", [None, "", "  \t\r\n", "{}", '{"unknown":null}'])
def test_without_a_word_the_engine_s_names_are_the_route(container, text):
    reading = read(container(text, hostname="www", domainname="example.com"))

    assert [request.matches for request in reading.requests] == [(Match("www.example.com"),)]
    assert reading.requests[0].origin("matches") == "hostname"


@pytest.mark.parametrize("text", [None, "", "  ", "{}"])
def test_who_says_nothing_and_has_no_domain_asks_for_nothing(container, text):
    reading = read(container(text, hostname="www.example.com"))

    assert reading.requests == ()
    assert reading.problems == ()


def test_the_engine_s_names_ask_for_nothing_where_labels_ask(routed):
    request = routed(None, hostname="h", domainname="d.com", labels={"interlock.hostname": "www"})

    assert request.matches == (Match("www.local"),)


def test_interlock_data_asks_beside_labels_if_it_names_something(container):
    reading = read(container(WALKTHROUGH, labels={"interlock.hostname": "www"}))

    assert [request.matches[0].host for request in reading.requests] == ["www.local", "demo.interlock.com"]


def test_interlock_data_without_names_is_told_that_the_labels_count(warned):
    problem = warned('{"port":80}', domainname="d.com", labels={"interlock.hostname": "www"})

    assert problem.key == "INTERLOCK_DATA.domain"


def test_a_broken_interlock_data_does_not_cost_the_labels_their_route(warned):
    assert warned("{", labels={"interlock.hostname": "www"}).key == "INTERLOCK_DATA"


@pytest.mark.parametrize(
    "text", ['{"hostname":"demo"}', '{"port":80}', '{"hostname":"demo","domain":""}', '{"hostname":"a","domain":5}']
)
def test_a_missing_domain_is_a_problem_with_the_fix(container, text):
    reading = read(container(text, hostname="0123456789ab"))

    assert reading.requests == ()
    errors = [problem for problem in reading.problems if problem.severity is Severity.ERROR]
    assert [(problem.key, problem.fix) for problem in errors] == [
        ("INTERLOCK_DATA.domain", 'add "domain": "example.com"')
    ]


def test_the_engine_s_domain_completes_a_hostname(routed):
    assert routed('{"hostname":"demo"}', hostname="h", domainname="d.com").matches == (Match("demo.d.com"),)


def test_a_domain_alone_takes_the_container_s_hostname(routed):
    assert routed('{"domain":"d.com"}', hostname="h").matches == (Match("h.d.com"),)


def test_a_route_under_the_container_s_id_is_made_and_questioned(warned, routed):
    problem = warned('{"domain":"d.com"}', hostname="0123456789ab")

    assert routed('{"domain":"d.com"}', problems=1, hostname="0123456789ab").matches == (Match("0123456789ab.d.com"),)
    assert problem.key == "INTERLOCK_DATA.hostname"
    assert problem.fix == 'add "hostname": "www", or "d.com" for d.com itself'


def test_an_id_that_was_meant_is_not_questioned(routed):
    routed('{"hostname":"0123456789ab","domain":"d.com"}', hostname="0123456789ab")
    routed("{}", hostname="0123456789ab", domainname="d.com")


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ('{"hostname":"www","domain":"a b.com"}', "INTERLOCK_DATA.domain", "a b.com"),
        ('{"hostname":"w w","domain":"b.com"}', "INTERLOCK_DATA.hostname", "w w.b.com"),
        ('{"hostname":"www","domain":"*.b.com"}', "INTERLOCK_DATA.hostname", "www.*.b.com"),
        ('{"hostname":"www","domain":"\\ud800.com"}', "INTERLOCK_DATA.domain", "\\ud800.com"),
        ('{"hostname":"www","domain":"a\\u0000.com"}', "INTERLOCK_DATA.domain", "a\\x00.com"),
    ],
)
def test_a_host_that_is_none_costs_the_route_and_blames_the_half_that_is_wrong(refused, text, key, value):
    problem = refused(text)

    assert (problem.key, problem.value, problem.severity) == (key, value, Severity.ERROR)


def test_a_port_in_the_domain_is_dropped_with_a_warning(warned, routed):
    text = '{"hostname":"www","domain":"b.com:8080"}'

    assert warned(text).fix == "write b.com"
    assert routed(text, problems=1).matches == (Match("www.b.com"),)


def test_a_bad_alias_costs_itself_only(routed):
    request = routed(
        data(alias_domains=["b.com", "x; } server { listen 9999; ", 5, "*.com", "B.com", "www.example.com"]), problems=3
    )

    assert request.matches == (Match("www.example.com"), Match("b.com"))


def test_no_more_than_a_hundred_aliases_count(routed):
    request = routed(data(alias_domains=[f"a{number}.com" for number in range(2000)]), problems=1)

    assert len(request.matches) == 101


def test_what_may_not_be_guessed_costs_the_route(refused):
    assert refused(data(context_root="/a/../b")).key == "INTERLOCK_DATA.context_root"
    assert refused(data(network="a b")).key == "INTERLOCK_DATA.network"
    assert (
        refused(data(ssl_backend=True, ssl_backend_tls_verify="requird")).key == "INTERLOCK_DATA.ssl_backend_tls_verify"
    )


def test_a_weight_of_nothing_is_a_weight(routed):
    assert routed(data(weight=0)).weight == 0

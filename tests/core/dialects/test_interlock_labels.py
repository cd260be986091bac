import pytest

from interlock.core.dialects import interlock_labels, read
from interlock.core.dialects.fields import Kind
from interlock.core.model import Balance, CheckKind, Match, Ready, Verify, Wishes
from interlock.core.problems import Severity

FLAGS = [name for name, key in interlock_labels.KEYS.items() if key.field.kind is Kind.FLAG and name != "ip_hash"]
COSTLY = ["port", "network", "context_root", "ssl_only", "ssl_backend", "ssl_backend_tls_verify"]
"""Labels of which a bad value costs the route."""


def labels(**named):
    return {"interlock.hostname": "www"} | {
        f"interlock.{name.replace('__', '.')}": text for name, text in named.items()
    }


def test_a_hostname_is_all_that_it_takes(routed):
    request = routed(labels=labels())

    assert request.matches == (Match("www.local"),)
    assert request.wishes == Wishes()
    assert request.origin("matches") == "label interlock.hostname"
    assert request.origin("port") == "label interlock.port"


def test_every_label_reaches_its_field(routed):
    request = routed(
        labels=labels(
            domain="example.com",
            alias_domain="a.com",
            alias_domain__1="b.com",
            port="8080",
            network="appnet",
            context_root="/app",
            context_root_rewrite="true",
            ssl="1",
            ssl_only="yes",
            ssl_backend="on",
            ssl_backend_tls_verify="required",
            ssl_cert="a.pem",
            ssl_cert_key="a.key",
            websocket_endpoint__a="/ws",
            health_check="httpchk GET /health",
            health_check_interval="1000",
            balance_algorithm="leastconn",
            backend_option="forwardfor",
            warm="/ready",
            ready="ignore",
            weight="1",
        )
    )

    assert request.matches == (Match("www.example.com", "/app"), Match("a.com", "/app"), Match("b.com", "/app"))
    assert (request.port, request.network, request.warm, request.weight) == (8080, "appnet", "/ready", 1)
    assert request.ready is Ready.IGNORE
    wishes = request.wishes
    assert (wishes.rewrite, wishes.ssl, wishes.ssl_only, wishes.ssl_backend) == (True, True, True, True)
    assert wishes.ssl_backend_verify is Verify.REQUIRED
    assert (wishes.ssl_certificate, wishes.ssl_certificate_key) == ("a.pem", "a.key")
    assert wishes.websocket_endpoints == ("/ws",)
    assert (wishes.check.kind, wishes.check_interval) == (CheckKind.HTTP, 1000)
    assert wishes.balance is Balance.LEASTCONN
    assert wishes.backend_options == ("forwardfor",)


@pytest.mark.parametrize("name", FLAGS)
def test_a_boolean_has_a_value_and_is_true_without_one(routed, name):
    field = interlock_labels.KEYS[name].field.name

    assert getattr(routed(labels=labels(**{name: ""})).wishes, field) is True
    assert getattr(routed(labels=labels(**{name: "true"})).wishes, field) is True
    assert getattr(routed(labels=labels(**{name: "False"})).wishes, field) is False


@pytest.mark.parametrize("name", FLAGS)
def test_a_boolean_that_is_neither_is_reported(container, name):
    (problem,) = read(container(labels=labels(**{name: "maybe"}))).problems

    assert problem.key == f"label interlock.{name}"
    assert problem.fix == f"write interlock.{name}=true"
    assert problem.severity is (Severity.ERROR if name in COSTLY else Severity.WARNING)


@pytest.mark.parametrize(
    "text", ["http", " 80 ", "-1", "0", "70000", "80.0", "80\n", "", "8" * 70_000], ids=lambda text: ascii(text)[:9]
)
def test_a_port_that_is_none_costs_the_route(refused, text):
    problem = refused(labels=labels(port=text))

    assert problem.key == "label interlock.port"
    assert problem.severity is Severity.ERROR
    assert problem.fix == "write interlock.port=8080"


@pytest.mark.parametrize("name", COSTLY)
def test_what_may_not_be_guessed_costs_the_route(refused, name):
    assert refused(labels=labels(**{name: "a\nb c"})).severity is Severity.ERROR


@pytest.mark.parametrize(
    "name",
    [
        "health_check",
        "health_check_interval",
        "balance_algorithm",
        "ssl_cert",
        "ssl_cert_key",
        "ready",
        "weight",
        "warm",
        "backend_option",
        "websocket_endpoint",
        "alias_domain",
    ],
)
def test_anything_else_that_cannot_be_read_costs_itself(warned, name):
    assert warned(labels=labels(**{name: "a\nb c"})).key == f"label interlock.{name}"


@pytest.mark.parametrize(
    "name",
    [
        "health_check",
        "health_check_interval",
        "balance_algorithm",
        "ssl_cert",
        "ssl_cert_key",
        "ready",
        "weight",
        "context_root",
        "ssl_backend_tls_verify",
    ],
)
def test_an_empty_value_says_nothing(routed, name):
    assert routed(labels=labels(**{name: ""})) == routed(labels=labels())


@pytest.mark.parametrize(
    ("name", "what"),
    [("network", "is empty"), ("alias_domain", "is empty"), ("domain", "is empty"), ("hostname", "is empty")],
)
def test_an_empty_name_is_a_problem(container, name, what):
    (problem,) = read(container(labels=labels(**{name: ""}))).problems

    assert problem.key == f"label interlock.{name}"
    assert what in problem.what


@pytest.mark.parametrize("name", [name for name in interlock_labels.KEYS if name != "hostname"])
def test_without_a_hostname_the_other_labels_are_a_problem(refused, name):
    problem = refused(labels={f"interlock.{name}": "1"})

    assert problem.key == "label interlock.hostname"
    assert problem.fix == "add the label interlock.hostname=www"


@pytest.mark.parametrize(
    ("label", "fix"),
    [
        ("interlock.hostnamex", "write interlock.hostname, or remove it"),
        ("Interlock.hostname", "write interlock.hostname, or remove it"),
        ("interlock.Port", "write interlock.port, or remove it"),
        ("interlock.alias_domain_extra", "write interlock.alias_domain, or remove it"),
        ("interlock.alias_domain.", "write interlock.alias_domain, or remove it"),
        ("interlock.port.1", "write interlock.port, or remove it"),
        ("interlock.ssl_certificate", "write interlock.ssl_cert, or remove it"),
        ("interlock.check", "write interlock.health_check, or remove it"),
        ("interlock.", "remove it"),
        ("interlock.\x1b[31m", "remove it"),
    ],
)
def test_a_near_miss_is_reported_and_asks_for_nothing(container, label, fix):
    reading = read(container(labels={label: "a"}))

    assert reading.requests == ()
    (problem,) = reading.problems
    assert problem.severity is Severity.WARNING
    assert problem.key.isprintable()
    assert problem.fix == fix or (fix == "remove it" and problem.fix.endswith("remove it"))


@pytest.mark.parametrize(
    "label", ["x.interlock.alias_domain", "interlock", "interlocked.port", "com.example.interlock.hostname"]
)
def test_a_foreign_label_is_nobody_s(routed, container, label):
    assert read(container(labels={label: "a"})) == read(container())
    assert routed(labels=labels() | {label: "a.com"}).matches == (Match("www.local"),)


def test_suffixes_make_a_list_in_the_order_of_their_names(routed):
    request = routed(
        labels=labels(
            alias_domain__b="b.com", alias_domain__a="a.com", alias_domain="c.com", alias_domain__c__d="d.com"
        )
    )

    assert [match.host for match in request.matches] == ["www.local", "c.com", "a.com", "b.com", "d.com"]
    assert request.origin("aliases") == "label interlock.alias_domain"


def test_a_list_in_one_label_is_refused(warned):
    assert "entry of its own" in warned(labels=labels(alias_domain="a.com, b.com")).what


def test_ten_thousand_aliases_are_a_hundred(routed):
    request = routed(
        labels=labels() | {f"interlock.alias_domain.{number}": f"a{number}.com" for number in range(10_000)}, problems=1
    )

    assert len(request.matches) == 101


def test_ten_thousand_unknown_labels_are_twenty_one_problems(routed):
    routed(labels=labels() | {f"interlock.hostname{number}" + "x" * 1000: "a" for number in range(10_000)}, problems=21)


@pytest.mark.parametrize("label", ["interlock.app", "interlock.ext.name", "interlock.ext.service.name"])
def test_interlock_s_own_containers_are_never_routed_to(container, refused, label):
    assert read(container(labels={label: "main"}, hostname="h", domainname="d.com")) == read(container())
    problem = refused(labels=labels() | {label: "main"})
    assert problem.key == f"label {label}"
    assert problem.severity is Severity.ERROR
    assert refused('{"hostname":"a","domain":"b.com"}', labels={label: "main"}).key == f"label {label}"


@pytest.mark.parametrize("label", ["interlock.application", "interlock.extra"])
def test_what_only_begins_like_an_internal_label_is_unknown(warned, label):
    assert warned(labels=labels() | {label: "main"}).what == "is not a key that Interlock knows"

import shutil
import subprocess
from string import ascii_letters, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.dialects import values
from interlock.core.dialects.typed import Typed
from interlock.core.model import Balance, CheckKind, HealthCheck, Ready, Verify

MEGABYTE = "a" * 1_048_576


@pytest.mark.parametrize(
    ("text", "number"), [("80", 80), ("+80", 80), ("-1", -1), ("007", 7), ("9" * 18, int("9" * 18))]
)
def test_a_label_holds_a_whole_number(text, number):
    assert values.integer(text) == Typed(number)


@pytest.mark.parametrize(
    "text", ["", " 80", "80 ", "80.0", "1e3", "0x50", "8_0", "٨٠", "80\n", "http", "9" * 19, MEGABYTE], ids=ascii
)
def test_what_is_no_whole_number_is_refused(text):
    assert values.integer(text).value is None


@pytest.mark.parametrize(
    ("text", "places"),
    [("node1", ("node1",)), ("b, a,b", ("a", "b")), ("off", ()), ("worker-1.example.com", ("worker-1.example.com",))],
)
def test_a_locality_names_places_or_none(text, places):
    assert values.locality(text) == Typed(places)


@pytest.mark.parametrize("text", ["a,", ",", "a b", "-a", "a\n", "a;b", "é", MEGABYTE], ids=ascii)
def test_what_names_no_places_is_refused(text):
    assert values.locality(text).value is None
    assert values.locality(text).remark is not None


@pytest.mark.parametrize("text", ["", "true", "TRUE", "True", "1", "yes", "on", "On"])
def test_a_label_says_yes_also_by_being_there(text):
    assert values.flag(text) == Typed(value=True)


@pytest.mark.parametrize("text", ["false", "FALSE", "0", "no", "No", "off"])
def test_a_label_says_no(text):
    assert values.flag(text) == Typed(value=False)


@pytest.mark.parametrize(
    "text", [" ", "true ", "maybe", "2", "false\n", "t", "ﬀ", MEGABYTE], ids=lambda text: ascii(text)[:20]
)
def test_what_is_neither_yes_nor_no_is_refused(text):
    assert values.flag(text).value is None


@pytest.mark.parametrize(
    ("grammar", "least", "most"),
    [(values.port, 1, 65535), (values.interval, 100, 3_600_000), (values.weight, 0, 256)],
)
def test_a_number_has_its_limits(grammar, least, most):
    assert grammar(least) == Typed(least)
    assert grammar(most) == Typed(most)
    for number in (least - 1, most + 1, -(10**18), 10**18):
        assert f"between {least} and {most}" in grammar(number).remark.what


@pytest.mark.parametrize(
    ("grammar", "text", "value"),
    [
        (values.ready, "require", Ready.REQUIRE),
        (values.ready, "Prefer", Ready.PREFER),
        (values.ready, " ignore ", Ready.IGNORE),
        (values.verify, "none", Verify.NONE),
        (values.verify, "required", Verify.REQUIRED),
        (values.verify, "all", Verify.REQUIRED),
        (values.balance, "roundrobin", Balance.ROUNDROBIN),
        (values.balance, "LeastConn", Balance.LEASTCONN),
        (values.balance, "random", Balance.RANDOM),
        (values.balance, "first", Balance.FIRST),
        (values.balance, "source", Balance.SOURCE),
        (values.balance, "uri", Balance.URI),
        (values.network, "appnet", "appnet"),
        (values.network, "my_app.net-1", "my_app.net-1"),
        (values.certificate, "www.example.com.pem", "www.example.com.pem"),
        (values.certificate, "_.example.com-2.pem", "_.example.com-2.pem"),
        (values.endpoint, "/ws/", "/ws"),
        (values.prefix, "/app/", "/app"),
        (values.name_part, "anything; the joined host is checked", "anything; the joined host is checked"),
    ],
)
def test_a_word_is_read(grammar, text, value):
    assert grammar(text) == Typed(value)


@pytest.mark.parametrize(
    "grammar",
    [values.ready, values.verify, values.balance, values.certificate, values.prefix, values.check, values.name_part],
    ids=lambda grammar: grammar.__name__,
)
def test_an_empty_word_says_nothing(grammar):
    assert grammar("") == Typed()


@pytest.mark.parametrize(
    ("grammar", "text"),
    [
        (values.ready, "yes"),
        (values.verify, "requird"),
        (values.verify, "none\n    server evil 6.6.6.6:80"),
        (values.balance, "uri depth 5"),
        (values.balance, "hdr(X-User)"),
        (values.balance, "url_param id"),
        (values.balance, "rdp-cookie"),
        (values.balance, "roundrobin\n"),
        (values.network, ""),
        (values.network, "-x"),
        (values.network, "a b"),
        (values.network, "a\nb"),
        (values.certificate, "../../etc/passwd"),
        (values.certificate, "/etc/passwd"),
        (values.certificate, "a..pem"),
        (values.certificate, ".hidden"),
        (values.certificate, "-o"),
        (values.certificate, "a b.pem"),
        (values.certificate, "a.pem\n"),
        (values.certificate, "a\0.pem"),
        (values.certificate, "a" * 256),
        (values.endpoint, ""),
        (values.endpoint, "ws"),
        (values.prefix, "app"),
    ],
)
def test_a_word_that_does_not_go_there_is_refused(grammar, text):
    typed = grammar(text)

    assert typed.value is None
    assert typed.remark.what


def test_static_rr_is_served_as_its_dynamic_sibling():
    typed = values.balance("static-rr")

    assert typed.value is Balance.ROUNDROBIN
    assert typed.remark.fix == "write roundrobin"


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        (True, "/"),
        (False, None),
        ("", "/"),
        ("true", "/"),
        ("off", None),
        ("/ready", "/ready"),
        ("/r?deep=1", "/r?deep=1"),
    ],
)
def test_warm_is_a_flag_or_a_path(asked, path):
    assert values.warm(asked) == Typed(path)


@pytest.mark.parametrize(
    "asked", ["ready", "maybe", "/a b", "/a\nb", MEGABYTE, "/" + MEGABYTE], ids=lambda asked: ascii(asked)[:20]
)
def test_a_warm_that_is_neither_is_refused(asked):
    assert values.warm(asked).value is None


def http(method, uri, version="HTTP/1.0", host=""):
    return HealthCheck(kind=CheckKind.HTTP, method=method, uri=uri, version=version, host=host)


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("httpchk", http("OPTIONS", "/")),
        ("httpchk /health", http("OPTIONS", "/health")),
        ("httpchk GET /", http("GET", "/")),
        ("  httpchk   GET  /x ", http("GET", "/x")),
        ("httpchk head /x", http("HEAD", "/x")),
        ("httpchk OPTIONS /x", http("OPTIONS", "/x")),
        ("httpchk GET /x?a=b&c=%20 HTTP/1.0", http("GET", "/x?a=b&c=%20")),
        ("httpchk GET /x HTTP/1.1", http("GET", "/x", "HTTP/1.1")),
        (r"httpchk GET /x HTTP/1.1\r\nHost:\ www.example.com", http("GET", "/x", "HTTP/1.1", "www.example.com")),
        (r"httpchk GET /x HTTP/1.1\r\nHost: WWW.example.com", http("GET", "/x", "HTTP/1.1", "www.example.com")),
        (r"httpchk GET /x HTTP/1.0\r\nhost:bücher.example", http("GET", "/x", "HTTP/1.0", "xn--bcher-kva.example")),
        ("/health", http("GET", "/health", "HTTP/1.1")),
        ("tcp-check", HealthCheck()),
        ("ssl-hello-chk", HealthCheck(kind=CheckKind.SSL_HELLO)),
        ("smtpchk", HealthCheck(kind=CheckKind.SMTP)),
        ("ldap-check", HealthCheck(kind=CheckKind.LDAP)),
        ("Redis-Check", HealthCheck(kind=CheckKind.REDIS)),
        ("none", HealthCheck(kind=CheckKind.NONE)),
        ("false", HealthCheck(kind=CheckKind.NONE)),
    ],
)
def test_a_health_check_is_read_as_haproxy_reads_it(text, check):
    assert values.check(text) == Typed(check)


def test_the_port_of_a_host_header_is_dropped_with_a_remark():
    typed = values.check(r"httpchk GET / HTTP/1.1\r\nHost:\ a.com:8080")

    assert typed.value.host == "a.com"
    assert "port" in typed.remark.what


@pytest.mark.parametrize(
    "text",
    [
        "get /",
        "true",
        "mysql-check user x",
        "external-check",
        "smtpchk HELO evil",
        "httpchk\n    server evil 6.6.6.6:80",
        "httpchk GET /\n    server evil 6.6.6.6:80",
        "httpchk GET /x HTTP/1.1\r\nHost: a.com",
        "httpchk POST /x",
        "httpchk GET x",
        "httpchk GET",
        "httpchk GET /x HTTP/2",
        "httpchk GET /x HTTP/1.1 evil",
        r"httpchk GET /x HTTP/1.1\r\nHost:\ a.com\r\nConnection:\ close",
        r"httpchk GET /x HTTP/1.1\r\nX-Evil:\ a",
        r"httpchk GET /x HTTP/1.1\r\nHost:\ *.a.com",
        r"httpchk GET /x HTTP/1.1\r\nHost:\ a;b",
        "httpchk GET /%[env(HOME)]",
        'httpchk GET /"${HOME}"',
        "httpchk GET /a'b",
        "httpchk GET /a\\",
        "httpchk GET /a#b",
        "httpchk\tGET\t/",
        "/a b",
        "httpchk GET /" + "a" * 512,
        "httpchk GET /" + "a" * 100_000,
    ],
    ids=lambda text: ascii(text)[:60],
)
def test_what_is_no_health_check_is_refused(text):
    typed = values.check(text)

    assert typed.value is None
    assert typed.remark.what


@given(
    st.text().map(lambda text: f"httpchk {text}")
    | st.text().map(lambda text: f"httpchk GET /{text}")
    | st.text().map(lambda text: rf"httpchk GET / HTTP/1.1\r\nHost:\ {text}")
    | st.text()
)
def test_every_text_is_a_check_of_safe_characters_or_refused(text):
    typed = values.check(text)

    if typed.value is None:
        return
    assert typed.value.method in {"GET", "HEAD", "OPTIONS"}
    assert typed.value.version in {"HTTP/1.0", "HTTP/1.1"}
    assert set(typed.value.uri) <= {*ascii_letters, *digits, *"._~!&()*+,=:@/?-%"}
    assert set(typed.value.host) <= {*ascii_letters, *digits, *"._-"}


@pytest.mark.parametrize("option", values.BACKEND_OPTIONS)
def test_an_option_of_the_allow_list_is_kept(option):
    assert values.backend_option(option) == Typed(option)
    assert values.backend_option(f" {option.upper()}") == Typed(option)


@pytest.mark.parametrize("text", ["keepalive 16", "KEEPALIVE 9999;", " keepalive 1 ; "])
def test_nginx_may_be_told_how_many_connections_to_keep(text):
    assert values.NGINX_OPTION.fullmatch(values.backend_option(text).value)


@pytest.mark.parametrize("text", ["keepalive 0", "keepalive 10000", "keepalive 1; server 6.6.6.6:80", "keepalive  8"])
def test_but_nothing_else(text):
    assert values.backend_option(text).value is None


@pytest.mark.parametrize(("text", "balance"), [(f"{text};", each) for text, each in values.METHOD_OPTIONS.items()])
def test_nginxs_algorithms_are_everybodys(text, balance):
    assert values.backend_option(text) == Typed(balance)


def test_an_option_that_haproxy_removed_is_replaced_with_a_remark():
    typed = values.backend_option("forceclose")

    assert typed.value == "httpclose"
    assert typed.remark.fix == "write httpclose"


def test_an_option_that_every_backend_has_says_nothing():
    assert values.backend_option("redispatch") == Typed()


@pytest.mark.parametrize("text", ["httpchk GET /", "tcp-check", "redis-check"])
def test_a_check_among_the_options_is_the_check(text):
    assert values.backend_option(text) == values.check(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "none",
        "false",
        "/health",
        "foo=bar",
        "transparent",
        "nolinger",
        "http-use-proxy-header",
        "accept-invalid-http-response",
        "external-check",
        "forwardfor except 127.0.0.1",
        "httpclose\n    server evil 6.6.6.6:80",
        "httplog",
        "no httpclose",
        MEGABYTE,
    ],
    ids=lambda text: ascii(text)[:40],
)
def test_an_option_that_is_not_on_the_list_is_refused(text):
    assert values.backend_option(text).value is None


@pytest.mark.parametrize("replacement", values.REPLACED_OPTIONS.values())
def test_what_replaces_a_removed_option_is_on_the_list(replacement):
    assert replacement in values.BACKEND_OPTIONS


@pytest.mark.real
@pytest.mark.parametrize("option", values.BACKEND_OPTIONS)
def test_haproxy_takes_every_option_of_the_allow_list_in_a_backend_without_a_warning(option, tmp_path):
    configuration = tmp_path / "haproxy.cfg"
    configuration.write_text(
        "global\n    maxconn 10\n"
        "defaults\n    mode http\n    timeout connect 1s\n    timeout client 1s\n    timeout server 1s\n"
        f"frontend f\n    bind unix@{tmp_path}/http.sock\n    default_backend b\n"
        f"backend b\n    option {option}\n    server s 127.0.0.1:80\n"
    )

    checked = subprocess.run(
        [shutil.which("haproxy"), "-dW", "-c", "-f", configuration],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr
    assert "WARNING" not in checked.stdout + checked.stderr

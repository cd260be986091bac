"""Rows 1-54 of what goes wrong elsewhere: whatever a container says, it costs nobody anything but itself."""

import json
import re
import time
from string import ascii_lowercase, ascii_uppercase, digits

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.core.dialects import interlock_data, interlock_labels, read
from interlock.core.dialects.values import BACKEND_OPTIONS, NGINX_OPTION
from interlock.core.model import Balance, CheckKind, Container, Ready, Verify
from interlock.core.problems import Severity

ALPHANUMERIC = {*ascii_lowercase, *ascii_uppercase, *digits}
HOST = {*ascii_lowercase, *digits, *"._-*"}
PATH = ALPHANUMERIC | {*"/._~+@:,=%-"}
URI = PATH | {*"!&()*?"}
FILE = ALPHANUMERIC | {*"._-"}
SECONDS = 2.0
"""Ample for work that takes milliseconds; far below what quadratic work would take."""

TRICKS = [
    "\n", "\r\n", "\r", "\t", "\0", "\x0b", "\x0c", "\x85", "\xa0", "\u2028", "\u200d", "\u202e", "\ud800",
    ";", "{", "}", "#", '"', "'", "\\", "\\ ", " ", ",", "%", "$", "`", "|", "&", "<", ">", "!", "(", "*", "?", "..",
    "//", "$host", "%[env(HOME)]", "%[src]", "%T", '"${HOME}"', "-f /etc/shadow", "-i", "-m reg", "or", "||", "--",
    "\nglobal\n lua-load /x", "\nprogram x\n command y", "\nstats socket /x level admin", "\n server evil 6.6.6.6:80",
    "use_backend x", "external-check command /x", "; } server { listen 9999; location / { root /; ", "ssl_engine x;",
    "load_module x;", "include /etc/shadow;", "proxy_pass http://169.254.169.254;", "{{ 7*7 }}", "{% import os %}",
    "../../etc/passwd", "/etc/passwd", "\x1b[31m", "<script>", "%0d%0a", "%00", "(a+)+$", "&anchor *anchor", "\ufeff",
]  # fmt: skip


def make(data=None, labels=None, **engine):
    environment = {} if data is None else {"INTERLOCK_DATA": data}
    return Container(engine="e", id="a" * 64, name="web_1", environment=environment, labels=labels or {}, **engine)


def assert_harmless(container):
    """Everything in every request is of its grammar, and every problem can be printed."""
    reading = read(container)
    assert read(container) == reading
    for request in reading.requests:
        assert_typed(request)
    for problem in reading.problems:
        assert problem.what
        assert problem.fix
        assert problem.sentence().isprintable()
        assert len(problem.sentence()) < 2500
    if any(problem.severity is Severity.ERROR for problem in reading.problems):
        assert len(reading.requests) < 2
    return reading


def assert_typed(request):
    for key in request.origins.values():
        assert key.isprintable()
        assert len(key) < 500
    for match in request.matches:
        assert set(match.host) <= HOST
        assert "*" not in match.host.removeprefix("*.")
        assert 0 < len(match.host) <= 255
        assert set(match.path) <= PATH
        assert match.path.startswith("/")
    assert len(set(request.matches)) == len(request.matches) <= 101
    assert request.port is None or (type(request.port) is int and 1 <= request.port <= 65535)
    assert request.network is None or re.fullmatch(r"[A-Za-z0-9_.-]+", request.network)
    assert request.warm is None or set(request.warm) <= URI
    assert type(request.ready) is Ready
    assert type(request.weight) is int
    assert 0 <= request.weight <= 256
    assert_wishes_typed(request.wishes)


def assert_wishes_typed(wishes):
    for flag in (wishes.ssl, wishes.ssl_only, wishes.ssl_backend, wishes.rewrite):
        assert flag is None or type(flag) is bool
    assert wishes.balance is None or type(wishes.balance) is Balance
    assert wishes.ssl_backend_verify is None or type(wishes.ssl_backend_verify) is Verify
    assert wishes.check_interval is None or 100 <= wishes.check_interval <= 3_600_000
    assert all(option in BACKEND_OPTIONS or NGINX_OPTION.fullmatch(option) for option in wishes.backend_options or ())
    for name in (wishes.ssl_certificate, wishes.ssl_certificate_key):
        assert name is None or (set(name) <= FILE and ".." not in name)
    for path in wishes.websocket_endpoints or ():
        assert set(path) <= PATH
    if wishes.check is not None:
        assert type(wishes.check.kind) is CheckKind
        assert wishes.check.method in {"GET", "HEAD", "OPTIONS"}
        assert wishes.check.version in {"HTTP/1.0", "HTTP/1.1"}
        assert set(wishes.check.uri) <= URI
        assert set(wishes.check.host) <= HOST


texts = st.text() | st.sampled_from(TRICKS) | st.text(alphabet="aA1.-_*/:%2eü \n;{}'\"\\$")
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=10,
)
known_keys = st.sampled_from([*interlock_data.KEYS, *(name.upper() for name in interlock_data.KEYS)])
known_labels = st.sampled_from([f"interlock.{name}" for name in interlock_labels.KEYS])
some_labels = st.dictionaries(
    known_labels | known_labels.flatmap(lambda label: texts.map(lambda text: f"{label}.{text}")) | texts,
    texts,
    max_size=30,
)


@given(text=texts, hostname=texts, domainname=texts)
def test_any_text_of_interlock_data_is_harmless(text, hostname, domainname):
    assert_harmless(make(text, hostname=hostname, domainname=domainname))


@given(keys=st.dictionaries(known_keys | texts, json_values, max_size=25), tail=texts)
def test_any_json_of_interlock_data_is_harmless(keys, tail):
    assert_harmless(make(json.dumps(keys) + tail))


@given(keys=st.fixed_dictionaries({}, optional=dict.fromkeys(interlock_data.KEYS, json_values)))
def test_any_value_of_a_known_key_beside_a_good_host_is_harmless(keys):
    assert_harmless(make(json.dumps({"hostname": "www", "domain": "example.com"} | keys)))


@given(labels=some_labels, hostname=texts)
def test_any_labels_are_harmless(labels, hostname):
    assert_harmless(make(labels=labels | {"interlock.hostname": hostname}))
    assert_harmless(make(labels=labels, domainname="example.com"))


@given(labels=some_labels, data=texts, order=st.randoms(use_true_random=False))
def test_the_order_of_labels_changes_nothing(labels, data, order):
    shuffled = list(labels.items())
    order.shuffle(shuffled)

    assert read(make(data, dict(shuffled))) == read(make(data, labels))


@pytest.mark.parametrize("trick", TRICKS, ids=ascii)
@pytest.mark.parametrize("place", ["{}", "a{}b.com", "/a{}b", "httpchk GET /{}"])
def test_a_trick_in_any_field_is_harmless(trick, place):
    text = place.format(trick)
    for name, key in interlock_data.KEYS.items():
        told = {"hostname": "www", "domain": "example.com"}
        assert_harmless(make(json.dumps(told | {name: text})))
        assert_harmless(make(json.dumps(told | {name: [text, text]})))
        label = next(word for word, other in interlock_labels.KEYS.items() if other.field == key.field)
        assert_harmless(make(labels={"interlock.hostname": "www", f"interlock.{label}": text}))


def test_a_hostile_container_leaves_what_it_asked_for_rightly_or_nothing():
    reading = assert_harmless(
        make(
            json.dumps(
                {"hostname": "www", "domain": "example.com", "check": "httpchk\n server evil 6.6.6.6:80", "port": 80}
            )
        )
    )

    (request,) = reading.requests
    assert request.wishes.check is None
    assert request.port == 80


BIG_VALUES = [
    pytest.param(unit * (size // len(unit)), id=f"{unit!a} x {size}")
    for size in (65_000, 1_048_576)
    for unit in (
        "a",
        "a.",
        "é",
        "\\",
        '"',
        '\\"',
        "[",
        "]",
        '{"a":',
        "//",
        "/a",
        "1",
        " ",
        "*.",
        "xn--",
        "\n",
        "=",
        "ﷺ",
    )
]


@pytest.mark.parametrize("big", BIG_VALUES)
def test_big_values_take_no_time(big):
    started = time.process_time()

    assert_harmless(make(big, domainname="example.com"))
    assert_harmless(make('{"domain":"example.com","alias_domains":["' + big, domainname="example.com"))
    assert_harmless(make(json.dumps(dict.fromkeys(interlock_data.KEYS, big[:60_000]))))
    assert_harmless(make(json.dumps({name: [big[:2000]] for name in interlock_data.KEYS})))
    assert_harmless(make(labels={f"interlock.{name}": big for name in interlock_labels.KEYS}))
    assert_harmless(
        make(labels={"interlock.hostname": "www", f"interlock.{big}": big, f"interlock.alias_domain.{big}": big})
    )
    assert_harmless(make(hostname=big, domainname=big))

    assert time.process_time() - started < SECONDS


@pytest.mark.parametrize(
    "label",
    [
        "interlock.alias_domain.{}",
        "interlock.websocket_endpoint.{}",
        "interlock.backend_option.{}",
        "interlock.x{}",
        "x{}",
    ],
)
def test_ten_thousand_labels_take_no_time(label):
    labels = {label.format(number): f"host-{number}.example.com" for number in range(10_000)}
    started = time.process_time()

    reading = assert_harmless(make(labels=labels | {"interlock.hostname": "www"}))

    assert time.process_time() - started < SECONDS
    assert len(reading.problems) <= 101


@settings(max_examples=20)
@given(st.lists(st.sampled_from(["1", '"a"', "null", "[]", "{}", "1.5", '"é"'])))
def test_a_list_of_anything_costs_what_is_no_text(items):
    reading = assert_harmless(
        make('{"domain":"a.com","hostname":"www","alias_domains":[' + ",".join(items * 50) + "]}")
    )

    assert len(reading.requests) == 1
    assert len(reading.problems) <= 101

"""Who is let in, and what is answered to those who are not."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from interlock.web.access import LOCAL, CertificateGate, Door, LocalGate, OpenGate, TokenGate, admit
from interlock.web.endpoint import Right

READ, OPERATE = "r" * 24, "o" * 24


class GateFor:
    advice = "show your token"

    def __init__(self, right):
        self.right = right

    def right_of(self, _request):
        return self.right


class Connection:
    """A transport, as far as TLS goes."""

    def __init__(self, certificate):
        self.certificate = certificate

    def get_extra_info(self, name, default=None):
        return self.certificate if name == "peercert" else default


def asked(method="GET", *, host="127.0.0.1:8100", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return make_mocked_request(method, "/v1/x", headers={"Host": host, **named})


@pytest.mark.parametrize("right", Right)
@pytest.mark.parametrize("needed", Right)
def test_each_right_includes_those_before_it(right, needed):
    if right >= needed:
        admit(asked(), Door(GateFor(right)), needed)
        return
    refused = web.HTTPForbidden if right else web.HTTPUnauthorized
    with pytest.raises(refused) as caught:
        admit(asked(), Door(GateFor(right)), needed)
    assert "token" in caught.value.text.casefold()


def test_one_who_is_not_known_is_told_how_to_say_who_it_is():
    with pytest.raises(web.HTTPUnauthorized) as caught:
        admit(asked(), Door(GateFor(Right.NOTHING)), Right.READ)
    assert caught.value.headers["WWW-Authenticate"] == "Bearer"


def test_whoever_may_open_the_socket_may_do_everything():
    assert LocalGate().right_of(asked()) is Right.OPERATE


def test_an_open_door_shows_but_takes_no_orders():
    assert OpenGate().right_of(asked(Authorization=f"Bearer {OPERATE}")) is Right.READ


@pytest.mark.parametrize(
    ("header", "right"),
    [
        (f"Bearer {READ}", Right.READ),
        (f"Bearer {OPERATE}", Right.OPERATE),
        (f"bearer  {OPERATE} ", Right.OPERATE),
        (f"Basic {OPERATE}", Right.NOTHING),
        (OPERATE, Right.NOTHING),
        (f"Bearer {OPERATE}x", Right.NOTHING),
        (f"Bearer {OPERATE[:-1]}", Right.NOTHING),
        ("Bearer", Right.NOTHING),
        ("Bearer \u00e9", Right.NOTHING),
        ("", Right.NOTHING),
    ],
)
def test_a_token_is_what_it_is_or_nothing(header, right):
    assert TokenGate(read=READ, operate=OPERATE).right_of(asked(Authorization=header)) is right


def test_without_a_token_nobody_is_known():
    assert TokenGate(read=READ, operate=OPERATE).right_of(asked()) is Right.NOTHING


@pytest.mark.parametrize(
    ("certificate", "operators", "right"),
    [
        (None, {"*"}, Right.NOTHING),
        ({}, {"*"}, Right.NOTHING),
        ({"subject": ((("commonName", "ops"),),)}, set(), Right.READ),
        ({"subject": ((("commonName", "ops"),),)}, {"ops"}, Right.OPERATE),
        ({"subject": ((("organizationName", "ops"),),)}, {"ops"}, Right.READ),
        ({"subjectAltName": (("DNS", "ops.example.com"),)}, {"ops.example.com"}, Right.OPERATE),
        ({"subjectAltName": (("email", "ops"),)}, {"ops"}, Right.READ),
        ({"subject": ((("commonName", "anybody"),),)}, {"*"}, Right.OPERATE),
    ],
)
def test_who_shows_a_certificate_may_look_and_those_named_may_operate(certificate, operators, right):
    request = make_mocked_request("GET", "/", transport=Connection(certificate))
    assert CertificateGate(frozenset(operators)).right_of(request) is right


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8100",
        "[::1]:8100",
        "localhost:8100",
        "interlock",
        "Ops.Example.com:1",
        "ops.example.com.",
    ],
)
def test_it_answers_to_addresses_to_names_that_nobody_can_register_and_to_those_in_the_settings(host):
    admit(asked(host=host), Door(OpenGate(), frozenset({"ops.example.com"})), Right.READ)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8100", "127.0.0.1.evil.example", "localhost@evil.example", "a b", "", "[::1].x"],
)
def test_a_name_that_somebody_else_pointed_here_gets_no_answer(host):
    with pytest.raises(web.HTTPMisdirectedRequest) as caught:
        admit(asked(host=host), Door(OpenGate(), frozenset()), Right.NOTHING)
    assert "ApiHosts" in caught.value.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:8101"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_no_other_sites_page_changes_anything_whatever_the_browser_shows_for_it(headers):
    with pytest.raises(web.HTTPForbidden):
        admit(asked("POST", **headers), LOCAL, Right.OPERATE)


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "http://127.0.0.1:8100", "Sec_Fetch_Site": "same-origin"}, {"Sec_Fetch_Site": "none"}]
)
def test_programs_and_our_own_page_may(headers):
    admit(asked("POST", **headers), LOCAL, Right.OPERATE)

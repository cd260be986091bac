"""Which new hosts can be served before anything is loaded for them."""

import pytest

from interlock.core.model import Balance, CheckKind, HealthCheck, Match, Options, Retry, Verify
from interlock.proxies.nginx.seats import fits, line

HOSTS = {"known.com", "*.wild.com", "*.deep.other.com"}


@pytest.mark.parametrize("host", ["new.com", "wild.com", "x.known.com", "a.other.com", "deep.other.com"])
def test_a_host_that_nobody_has_and_no_wildcard_covers_fits(host):
    assert fits(Match(host), Options(), HOSTS)


@pytest.mark.parametrize(
    "match",
    [
        Match("known.com"),
        Match("new.com", "/app"),
        Match("*.new.com"),
        Match("a.wild.com"),
        Match("b.a.wild.com"),
        Match("x.deep.other.com"),
    ],
)
def test_paths_wildcards_and_hosts_that_are_covered_do_not(match):
    assert not fits(match, Options(), HOSTS)


@pytest.mark.parametrize(
    ("options", "fit"),
    [
        (Options(balance=Balance.LEASTCONN, slow_start=30), True),
        (Options(check=HealthCheck(kind=CheckKind.NONE), check_interval=100), True),
        (Options(ssl_backend_verify=Verify.REQUIRED, websocket_endpoints=("/ws",)), True),
        (Options(ssl_only=True), False),
        (Options(ssl_backend=True), False),
        (Options(ssl=True), False),
        (Options(ssl_certificate="a.pem"), False),
        (Options(rewrite=True), False),
        (Options(retry=Retry.ALL), False),
        (Options(backend_options=("keepalive 3",)), False),
    ],
)
def test_what_only_a_configuration_can_say_does_not_fit(options, fit):
    assert fits(Match("new.com"), options, ()) == fit


def test_the_script_is_told_whose_record_counts():
    assert line(Match("new.com")) == "@new.com new_com\n"

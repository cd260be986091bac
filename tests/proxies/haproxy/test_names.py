"""Two different routes never meet in one identifier."""

from hypothesis import given
from hypothesis import strategies as st

from interlock.core.model import Match
from interlock.proxies.haproxy.names import (
    MAINTENANCE_BACKEND,
    PAGES_BACKEND,
    UNKNOWN_BACKEND,
    backend_name,
    map_key,
    match_of,
)

HOSTS = st.from_regex(r"(\*\.)?[a-z0-9_-]{1,4}(\.[a-z0-9_-]{1,4}){0,2}", fullmatch=True)
PATHS = st.just("/") | st.from_regex(r"(/[A-Za-z0-9._~%+-]{1,3}){1,2}", fullmatch=True)
MATCHES = st.builds(Match, HOSTS, PATHS)


def test_plain_hosts_have_the_originals_names():
    assert backend_name(Match("demo.interlock.com")) == "demo_interlock_com"


def test_names_that_would_meet_are_told_apart():
    near = [Match("a.b.com"), Match("a_b.com"), Match("a_b_com"), Match("a.b.com", "/x"), Match("*.b.com")]
    assert len({backend_name(match) for match in near}) == len(near)
    assert backend_name(Match("interlock.unknown")) != UNKNOWN_BACKEND
    assert backend_name(Match("interlock.maintenance")) != MAINTENANCE_BACKEND
    assert backend_name(Match("interlock.pages")) != PAGES_BACKEND


@given(one=MATCHES, other=MATCHES)
def test_different_matches_have_different_names_and_keys(one, other):
    if one != other:
        assert backend_name(one) != backend_name(other)
        assert map_key(one) != map_key(other)


@given(match=MATCHES)
def test_a_name_is_one_word_that_haproxy_takes(match):
    assert set(backend_name(match)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
    assert " " not in map_key(match)
    assert map_key(match).endswith("/")


@given(MATCHES)
def test_a_key_leads_back_to_its_match(match):
    assert match_of(map_key(match)) == match

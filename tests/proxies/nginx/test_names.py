"""Two matches never meet in one name, and a name is one word wherever it stands."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.model import Match
from interlock.proxies.nginx.names import pool_name


def test_a_plain_host_keeps_the_originals_look():
    assert pool_name(Match("demo.interlock.com")) == "demo_interlock_com"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Match("a.b.com"), Match("a_b.com")),
        (Match("*.b.com"), Match("_.b.com")),
        (Match("a.com", "/b"), Match("a.com", "/B")),
        (Match("a.com", "/b"), Match("a.com_b")),
        (Match(f"{'a' * 90}.com"), Match(f"{'a' * 90}.org")),
    ],
)
def test_matches_that_look_alike_have_names_that_differ(one, other):
    assert pool_name(one).lower() != pool_name(other).lower()


@pytest.mark.parametrize("word", ["default", "hostnames", "include", "volatile"])
def test_words_that_mean_something_in_a_map_are_no_names(word):
    assert pool_name(Match(word)).startswith(f"{word}-")


@given(host=st.text(max_size=300), path=st.text(max_size=300))
def test_a_name_is_one_short_word_whatever_the_match(host, path):
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,87}|", pool_name(Match(host, path)))

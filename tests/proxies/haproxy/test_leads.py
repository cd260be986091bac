"""Entries of the routes map: a backend's name, or all that a closed host says."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.model import Maintenance, Match
from interlock.core.overrides import MESSAGE_LENGTH
from interlock.core.plan import Lead
from interlock.proxies.haproxy.leads import entry_of, lead_of

SITE = Match("demo.interlock.com")
MESSAGES = st.text(min_size=1, max_size=MESSAGE_LENGTH).filter(str.isprintable)
ENDS = st.just("") | st.datetimes().map(lambda end: f"{end.replace(year=2000 + end.year % 1000):%Y-%m-%dT%H:%M:%SZ}")


def test_an_open_match_leads_to_its_backend():
    assert entry_of(SITE, None) == "demo_interlock_com"
    assert lead_of(SITE, "demo_interlock_com") is Lead.BACKEND


def test_a_closed_match_holds_end_and_message():
    noon = Maintenance("Back at noon", "2026-11-24T12:00:00Z")
    assert entry_of(SITE, noon) == "interlock_maintenance:1795521600:Back%20at%20noon"
    assert lead_of(SITE, entry_of(SITE, noon)) == noon


@given(message=MESSAGES, until=ENDS)
def test_any_order_comes_back_from_its_entry_which_is_one_inert_word(message, until):
    entry = entry_of(SITE, Maintenance(message, until))
    assert re.fullmatch(r"interlock_maintenance:\d+:[A-Za-z0-9%._~-]+", entry)
    assert len(entry) < 8192, "HAProxy reads 16 kB, of which a command and a key are part"
    assert lead_of(SITE, entry) == Maintenance(message, until)


@pytest.mark.parametrize(
    "entry", ["", "interlock_unknown", "another", "interlock_maintenance", "interlock_maintenance:x:y"]
)
def test_everything_else_leads_nowhere(entry):
    assert lead_of(SITE, entry) is Lead.NOWHERE

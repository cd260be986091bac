"""Our section of a hosts file comes and goes, and the rest stays byte for byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.problems import PermanentError
from interlock.plugins.hosts.section import BEGIN, END, with_section, without_section

OLD = "127.0.0.1 localhost\r\n::1\tMine.example.com # comment.example.com\n"


def test_names_are_written_sorted_with_every_address_at_the_end():
    text = with_section(OLD, {"b.example.com", "a.example.com"}, ["127.0.0.1", "::1"])
    lines = "127.0.0.1\ta.example.com\n::1\ta.example.com\n127.0.0.1\tb.example.com\n::1\tb.example.com\n"
    assert text == f"{OLD}{BEGIN}{lines}{END}"


def test_names_of_the_file_wildcards_and_what_is_no_name_are_left_out():
    names = {
        "localhost",
        "mine.example.com",
        "*.example.com",
        "a b",
        "x\n1.2.3.4 y",
        "#",
        "a" * 254,
        "comment.example.com",
    }
    assert with_section(OLD, names, ["127.0.0.1"]) == f"{OLD}{BEGIN}127.0.0.1\tcomment.example.com\n{END}"


def test_without_names_there_is_no_section():
    assert with_section(with_section(OLD, {"a.b"}, ["::1"]), set(), ["::1"]) == OLD


@given(st.text(alphabet="ab #\n\r\t.é"), st.text(alphabet="cd \n"))
def test_what_others_wrote_before_and_after_stays_as_it_is(before, after):
    once = with_section(before, {"a.b"}, ["::1"])
    assert with_section(once, {"a.b"}, ["::1"]) == once
    assert without_section(with_section(once, {"c.d"}, ["::2"])) == before
    assert without_section(once + after) == before + after


@pytest.mark.parametrize("text", [BEGIN, END, f"x\n{BEGIN}y\n"])
def test_half_a_section_is_not_touched(text):
    with pytest.raises(PermanentError, match="one mark"):
        with_section(text, {"a.b"}, ["::1"])

"""The tables in docs/performance.md are those of the result that is kept beside the bench."""

import json
import re

import pytest

RESULT = {
    "versions": "HAProxy 2.6",
    "load": "0.1",
    "rows": [["start", "10", "1 s", ""], ["start", "100", "2 s", ""], ["rules", "10", "3 us", "x"]],
    "contest": [["Traefik", "10", "1 s | 2 s", "3 ms"]],
    "traffic": [["Traefik", "10", "9,000/s", "60 us"]],
    "targets": [["be fast", "1 x", True], ["be small", "2 x", False]],
}


@pytest.fixture
def page(module):
    return module("page")


def test_the_page_says_what_the_result_says(page):
    text = page.PAGE.read_text()
    assert page.written(text, json.loads(page.RESULT.read_text())) == text


def test_each_size_has_a_column_and_what_was_not_measured_a_gap(page):
    lines = page.rendered(RESULT).splitlines()
    assert "| measure | 10 | 100 |" in lines
    assert "| start | 1 s | 2 s |" in lines
    assert "| rules | 3 us |  |" in lines


def test_a_missed_target_is_said_and_no_cell_breaks_the_table(page):
    lines = page.rendered(RESULT).splitlines()
    assert "| be fast | 1 x | met |" in lines
    assert "| be small | 2 x | not met |" in lines
    assert "| Traefik | 10 | 1 s / 2 s | 3 ms |" in lines
    assert "| Traefik | 10 | 9,000/s | 60 us |" in lines


def test_no_table_of_requests_stands_where_none_were_measured(page):
    assert "| program | containers | requests | cost |" in page.rendered(RESULT)
    assert "| requests |" not in page.rendered(RESULT | {"traffic": []})


def test_only_what_stands_between_the_marks_is_replaced(page):
    text = page.written(f"before {page.BEGIN} old {page.END} after", RESULT)
    assert text.startswith("before ")
    assert text.endswith(" after")
    assert "old" not in text
    assert page.written(text, RESULT) == text


def test_no_cell_holds_an_infinite_number(page):
    assert not re.search(r"\binf\b", page.PAGE.read_text())

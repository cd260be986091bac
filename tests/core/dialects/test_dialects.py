import pytest

from interlock.core.dialects import DIALECTS, ENVIRONMENT_KEYS, LABEL_PREFIXES, read
from interlock.core.model import Match

DATA = '{"hostname":"www","domain":"local","alias_domains":["other.com"]}'


def test_the_engines_keep_what_the_dialects_read_and_no_more():
    assert {"INTERLOCK_DATA"} == ENVIRONMENT_KEYS
    assert LABEL_PREFIXES == ("interlock.", "com.docker.lb.")


def test_each_dialect_has_a_name_of_its_own():
    assert len({dialect.name for dialect in DIALECTS}) == len(DIALECTS)


def test_a_container_that_asks_for_nothing_gets_nothing(container):
    reading = read(container())

    assert reading.requests == ()
    assert reading.problems == ()


def test_the_labels_are_heard_where_both_dialects_ask_for_the_same(container):
    reading = read(container(DATA, labels={"interlock.hostname": "www"}))

    assert [request.matches for request in reading.requests] == [(Match("www.local"),), (Match("other.com"),)]
    assert reading.problems == ()


def test_a_request_of_which_nothing_is_left_is_not_made(container):
    reading = read(container('{"hostname":"www","domain":"local"}', labels={"interlock.hostname": "www"}))

    assert len(reading.requests) == 1
    assert reading.problems == ()


def test_two_dialects_that_contradict_each_other_are_told_so(container):
    reading = read(container(DATA, labels={"interlock.hostname": "www", "interlock.port": "80"}))

    (problem,) = reading.problems
    assert reading.requests[0].port == 80
    assert problem.key == "INTERLOCK_DATA.hostname"
    assert problem.value == "www.local"
    assert "label interlock.hostname" in problem.what


@pytest.mark.parametrize("again", range(3))
def test_the_same_container_is_read_the_same(container, again):
    asked = container(DATA, labels={"interlock.hostname": "www", "interlock.ready": "no"})

    assert read(asked) == read(container(DATA, labels=dict(reversed(asked.labels.items()))))

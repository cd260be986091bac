"""The operator's orders: what they say, what they refuse, and the file that keeps them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.model import ContainerKey, Maintenance
from interlock.core.overrides import (
    DEFAULT_MESSAGE,
    MESSAGE_LENGTH,
    Overrides,
    Service,
    checked_host,
    checked_maintenance,
    checked_weight,
    decode,
    encode,
    service_of,
)
from interlock.core.problems import PermanentError
from interlock.testing.worlds import container

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
ONE, TWO = ContainerKey("docker", "1" * 64), ContainerKey("docker", "2" * 64)
WEB = Service("shop", "web")
LABELS = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}


def test_draining_and_undraining_are_each_others_opposite():
    both = Overrides().draining([ONE, TWO])
    assert both.drained == {ONE, TWO}
    assert both.undrained([TWO]).drained == {ONE}
    assert both.undrained([ONE, TWO]) == Overrides()


def test_a_containers_weight_beats_its_services_and_none_gives_the_own_one_back():
    web = container(labels=LABELS)
    orders = Overrides().service_weighed(WEB, 20)
    assert orders.weight_of(web) == 20
    assert orders.weight_of(container("other")) is None
    orders = orders.weighed([web.key], 0)
    assert orders.weight_of(web) == 0
    assert orders.weighed([web.key], None).weight_of(web) == 20
    assert orders.weighed([web.key], None).service_weighed(WEB, None) == Overrides()


def test_a_service_is_told_by_both_of_composes_labels():
    assert service_of(container(labels=LABELS)) == WEB
    assert service_of(container(labels={"com.docker.compose.service": "web"})) is None
    assert str(WEB) == "shop/web"


def test_orders_for_a_container_go_with_it_and_the_others_stay():
    orders = Overrides(
        drained=frozenset({ONE, TWO}),
        weights={ONE: 1},
        service_weights={WEB: 3},
        maintenance={"a.com": Maintenance("m")},
    )
    left = orders.without({ONE})
    assert left == Overrides(
        drained=frozenset({TWO}), service_weights={WEB: 3}, maintenance={"a.com": Maintenance("m")}
    )
    assert left.without({ONE}) is left
    assert orders.about("docker") == {ONE, TWO}
    assert orders.about("another") == frozenset()


def test_a_maintenance_ends_at_its_time_and_not_before():
    orders = Overrides().closed("a.com", Maintenance("m", "2026-11-24T12:00:00Z")).closed("b.com", Maintenance("m"))
    assert orders.next_end() == NOW
    assert orders.ended(NOW) == {"a.com"}
    assert orders.ended(NOW.replace(hour=11)) == frozenset()
    assert orders.closed("a.com", None).next_end() is None


def test_a_message_is_one_printable_line_and_has_a_default():
    assert checked_maintenance("  ", "", now=NOW) == Maintenance(DEFAULT_MESSAGE)
    assert checked_maintenance(" Zurück um zwölf ✓ ", "", now=NOW).message == "Zurück um zwölf ✓"
    for bad in ("two\nlines", "bell\a", "\x1b[31mred", "x" * (MESSAGE_LENGTH + 1), "lone \ud800 surrogate"):
        with pytest.raises(PermanentError):
            checked_maintenance(bad, "", now=NOW)


@pytest.mark.parametrize(
    ("until", "written"),
    [
        ("2026-11-24T12:00:01Z", "2026-11-24T12:00:01Z"),
        ("2026-11-24T13:30:00.5+01:00", "2026-11-24T12:30:00Z"),
        ("2026-11-25 06:00:00-05:00", "2026-11-25T11:00:00Z"),
    ],
)
def test_an_end_is_kept_in_utc_and_whole_seconds(until, written):
    assert checked_maintenance("m", until, now=NOW).until == written


@pytest.mark.parametrize(
    ("until", "what"),
    [
        ("2026-11-24T12:00:00Z", "has passed"),
        ("2026-11-24T18:00:00", "time zone"),
        ("2026-11-24", "time zone"),
        ("noon", "no RFC 3339 time"),
        ("9999-12-31T23:59:59-10:00", "no RFC 3339 time"),
    ],
)
def test_an_end_that_is_no_time_to_come_is_refused_with_an_example(until, what):
    with pytest.raises(PermanentError, match=what) as refused:
        checked_maintenance("m", until, now=NOW)
    assert "2026-11-24T12:00:00Z" in refused.value.fix


def test_hosts_and_weights_are_checked():
    assert checked_host("WWW.Example.com.") == "www.example.com"
    assert checked_host("*.example.com") == "*.example.com"
    assert checked_host("demo.example.com:8080") == "demo.example.com"
    for bad in ("", "a b.com", "*.com", "x/y", "host\nname"):
        with pytest.raises(PermanentError):
            checked_host(bad)
    assert [checked_weight(value) for value in (0, 256)] == [0, 256]
    for bad in (-1, 257):
        with pytest.raises(PermanentError, match="use 0 to 256"):
            checked_weight(bad)


KEYS = st.builds(
    ContainerKey, st.sampled_from(["docker", "other"]), st.text("0123456789abcdef", min_size=1, max_size=8)
)
WEIGHTS = st.integers(0, 256)
ORDERS = st.builds(
    Overrides,
    drained=st.frozensets(KEYS, max_size=4),
    weights=st.dictionaries(KEYS, WEIGHTS, max_size=4),
    service_weights=st.dictionaries(st.builds(Service, st.text(min_size=1), st.text(min_size=1)), WEIGHTS, max_size=3),
    maintenance=st.dictionaries(
        st.sampled_from(["a.com", "*.b.com"]),
        st.builds(Maintenance, st.just("Back soon"), st.sampled_from(["", "2020-01-01T00:00:00Z"])),
        max_size=2,
    ),
)


@given(ORDERS)
def test_the_file_gives_back_what_was_written_even_an_end_that_has_passed(orders):
    assert decode(encode(orders)) == orders


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"drained": [["only an engine"]]}',
        '{"weights": [{"engine": "e", "id": "i", "weight": 999}]}',
        '{"maintenance": {"a.com": {"message": "two\\nlines"}}}',
        '{"maintenance": {"no host": {"message": "m"}}}',
        '{"maintenance": {"a.com": {"message": "m", "until": "yesterday"}}}',
    ],
)
def test_a_file_that_somebody_wrote_into_is_refused(text):
    with pytest.raises(PermanentError):
        decode(text)

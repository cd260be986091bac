"""Verdicts follow from numbers, and from nothing that was not measured."""

import pytest

NAMES = {
    "known p50": 1.0,
    "known p99": 6.0,
    "floor p50": 0.5,
    "floor p99": 2.0,
    "new p99": 20.0,
    "controller_us": 1000.0,
    "inspects": 0.6,
    "lists": 0.0,
    "failed": 0.0,
    "requests": 500.0,
    "lag p99": 99.0,
    "late": 0.01,
    "ready": 3.0,
    "engine": 2.0,
    "memory": 150.0,
    "HTTP, 1 host ratio": 1.03,
    "TLS, 1 host ratio": 1.03,
    "NGINX, 1 host ratio": 1.03,
    "HTTP, few hosts us": 1000.0,
}
WORSE = {
    "known p99": 6.1,
    "new p99": 20.1,
    "controller_us": 1310.0,
    "inspects": 1.01,
    "failed": 1.0,
    "lag p99": 100.0,
    "late": 0.02,
    "ready": 3.1,
    "memory": 151.0,
    "HTTP, few hosts us": 1101.0,
}


@pytest.fixture
def verdicts(module):
    return module("targets").verdicts


def numbers(**changed):
    both = {(name, size): value for name, value in NAMES.items() for size in (100, 10_000)}
    return both | {(name, 10_000): value for name, value in changed.items()}


def test_every_target_is_met_at_its_very_bound(verdicts):
    judged = verdicts(numbers())
    assert len(judged) == 12
    assert all(met for _, _, met in judged)
    found = "3.0 x at 100, 3.0 x at 10,000; p50 2.0 to 2.0 x"
    assert ("known host: p99 at most 3 x the floor at 10,000", found, True) in judged


@pytest.mark.parametrize("name", WORSE)
def test_each_is_missed_by_a_worse_number_at_the_largest_fleet(verdicts, name):
    assert [met for _, _, met in verdicts(numbers(**{name: WORSE[name]}))].count(False) == 1


@pytest.mark.parametrize("proxy", ["HTTP", "TLS", "NGINX"])
def test_a_generated_file_is_judged_at_the_smallest_fleet(verdicts, proxy):
    name = f"{proxy}, 1 host ratio"
    assert [met for _, _, met in verdicts(numbers() | {(name, 100): 1.04})].count(False) == 1
    assert all(met for _, _, met in verdicts(numbers(**{name: 1.04})))


def test_what_was_not_measured_is_not_judged(verdicts):
    assert verdicts({}) == []
    assert [target for target, _, _ in verdicts({("memory", 10): 60.0})] == ["memory at 10 at most 150 MB"]


def test_a_lag_of_which_there_is_no_sample_is_told_in_words(verdicts):
    said = {target: found for target, found, _ in verdicts(numbers(**{"lag p99": float("inf"), "late": 1.0}))}
    lag = said["500 events/s with a lag under 100 ms (p99)"]
    assert lag.startswith("99.0 ms at 100, none within 1 s at 10,000;")

import pytest

from interlock.engines.patience import PRODUCTION


def test_pauses_double_up_to_their_bound(monkeypatch):
    monkeypatch.setattr("random.uniform", max)
    pauses = [PRODUCTION.pause(failures, longest=1) for failures in range(1, 8)]
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1, 1]


@pytest.mark.parametrize("failures", [31, 32, 1025, 10**9])
def test_no_number_of_failures_is_too_large(failures):
    assert 2.5 <= PRODUCTION.pause(failures, longest=5) <= 5


def test_jitter_only_shortens():
    assert all(0.025 <= PRODUCTION.pause(1, longest=1) <= 0.05 for _ in range(100))

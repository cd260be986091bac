"""The bench is no package: its modules are found where its programs find them."""

import importlib
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def module(monkeypatch):
    """A module of the bench, by its name."""
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module

import os

import pytest

from interlock.settings import Settings


@pytest.fixture
def settings(tmp_path):
    """Settings whose folders are the test's own."""

    def settings(**more):
        return Settings(state_dir=str(tmp_path / "state"), run_dir=str(tmp_path / "run"), **more)

    return settings


@pytest.fixture(autouse=True)
def modest_mask():
    """Folders that the tests make are nobody else's to write to."""
    before = os.umask(0o022)
    yield
    os.umask(before)

"""Every HAProxy at hand."""

import os
from pathlib import Path

import pytest

from interlock.proxies.haproxy import PLUGIN
from interlock.proxies.haproxy.binary import PROGRAM
from interlock.proxies.serving.program import candidates

MORE = os.environ.get("INTERLOCK_TEST_HAPROXIES", "")
"""Paths of further versions to test with, separated by colons."""
BINARIES = sorted({path for path in (*candidates(PROGRAM, ""), *MORE.split(":")) if Path(path).is_file()})


@pytest.fixture
def plugin():
    return PLUGIN


@pytest.fixture(params=BINARIES)
async def bench(request, new_bench):
    return await new_bench(binary=request.param)

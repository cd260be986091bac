"""Real proxies, each in folders of its own, and small web applications behind them."""

from contextlib import AsyncExitStack

import pytest

from interlock.testing.applications import Applications
from interlock.testing.bench import on_bench, open_folder
from interlock.testing.ports import free_port


@pytest.fixture
async def applications():
    running = Applications()
    await running.start("web_1", "web_2", "web_3")
    yield running
    await running.stop()


@pytest.fixture
def folder():
    """Open to a proxy's unprivileged user, which pytest's own temporary folders are not."""
    with open_folder() as path:
        yield path


@pytest.fixture
async def new_bench(folder, plugin):
    """Starts a proxy of the fixture `plugin`; called again, one that finds what the one before left on disk."""
    async with AsyncExitStack() as started:

        async def start(**settings):
            return await started.enter_async_context(on_bench(plugin, folder, {"port": free_port()} | settings))

        yield start

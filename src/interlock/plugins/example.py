"""The smallest observer: it logs what happens, as the original's ``example`` did. Copy it to begin one of your own."""

from collections.abc import AsyncIterator

import msgspec
import structlog

from interlock.core.happenings import AnyHappening, EventSeen
from interlock.plugins.contract import ObserverContext, ObserverPlugin
from interlock.version import __version__

log = structlog.get_logger()


class ExampleSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing can be set."""


class Example:
    """One line for each thing that happens."""

    def __init__(self, context: ObserverContext) -> None:
        """An observer keeps of its context what it needs; this one needs nothing."""

    async def run(self, news: AsyncIterator[AnyHappening]) -> None:
        async for happening in news:
            seen = isinstance(happening, EventSeen) and happening.cause.container_id
            log.info(f"[example] action=received event={seen or type(happening).__name__} time={happening.at:.3f}")


PLUGIN = ObserverPlugin(
    name="example",
    version=__version__,
    description="logs what happens; the smallest observer plugin",
    url="https://github.com/ehazlett/interlock",
    settings=ExampleSettings,
    build=Example,
)

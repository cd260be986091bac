"""Plugins that break their promise in every way, as a distribution of its own: see `install`."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from pathlib import Path

import msgspec

from interlock.core.happenings import AnyHappening
from interlock.core.model import Match, RouteTable
from interlock.core.plan import Serving, Step
from interlock.plugins.contract import ObserverContext, ObserverPlugin
from interlock.proxies import dryrun
from interlock.proxies.contract import Context, Outcome, Plugin
from interlock.proxies.dryrun import DryrunProxy

LONG = 3600.0
BLOCKED_SECONDS = 15.0
"""At a time: long beside what a proxy may take, and short enough for a test to wait for the end of."""


class Raising(DryrunProxy):
    """Raises when it is asked."""

    async def observe(self, matches: Collection[Match] | None) -> Serving:
        raise ZeroDivisionError(f"asked for {matches}")


class Hanging(DryrunProxy):
    """Does not come back when it is told something."""

    async def apply(self, steps: Sequence[Step], table: RouteTable) -> Outcome:
        await asyncio.sleep(LONG)
        return await super().apply(steps, table)


class Blocking(DryrunProxy):
    """Holds up the loop in which it runs."""

    async def observe(self, matches: Collection[Match] | None) -> Serving:
        time.sleep(BLOCKED_SECONDS)  # noqa: ASYNC251 - that is what is wrong with it
        return await super().observe(matches)


class Exiting(DryrunProxy):
    """Ends the program, as it believes."""

    async def apply(self, steps: Sequence[Step], table: RouteTable) -> Outcome:
        raise SystemExit(f"told of {len(steps)} steps and {len(table)} routes")


class Lying(DryrunProxy):
    """Says that it has done what it is told, and serves nothing."""

    async def apply(self, steps: Sequence[Step], table: RouteTable) -> Outcome:
        return Outcome(reloaded=bool(steps) or bool(table))


class Watching:
    """An observer that holds up its thread with every news."""

    def __init__(self, context: ObserverContext) -> None:
        self._folder = context.state_dir

    async def run(self, news: AsyncIterator[AnyHappening]) -> None:
        async for _ in news:
            time.sleep(BLOCKED_SECONDS)  # noqa: ASYNC251 - that is what is wrong with it


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing can be set."""


def _proxy(build: Callable[[Context], DryrunProxy]) -> Plugin:
    name = getattr(build, "__name__", "").lower()
    return msgspec.structs.replace(dryrun.PLUGIN, name=name, build=build, settings=Settings)


RAISING, HANGING, BLOCKING, EXITING, LYING = map(_proxy, (Raising, Hanging, Blocking, Exiting, Lying))
WATCHING = ObserverPlugin(
    name="watching", version="1", description="holds up its thread", url="", settings=Settings, build=Watching
)
NAMES = ("raising", "hanging", "blocking", "exiting", "lying", "watching")


def install(folder: Path) -> str:
    """Make a distribution of them in a folder; what PYTHONPATH must be for a program to find it."""
    metadata = folder / "bad_plugins-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: bad-plugins\nVersion: 1.0\n")
    points = "".join(f"{name} = testbed.bad_plugins:{name.upper()}\n" for name in NAMES)
    (metadata / "entry_points.txt").write_text(f"[interlock.plugins]\n{points}")
    return f"{folder}:{Path(__file__).parents[1]}"

"""Plays a recording: every turn and order as they came, at their time, on a proxy on paper.

Nothing here waits for anything but itself, and the clock is the recording's; so the same recording always gives the
same revisions, byte for byte.
"""

import asyncio
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from interlock.bulletin import Bulletin
from interlock.core.model import ContainerKey, Route
from interlock.core.recording import Ending, Line, Opening, Ordered, Turn
from interlock.core.revisions import Ledger
from interlock.core.routes import Probe
from interlock.driver import Driver
from interlock.history import History
from interlock.host import clock
from interlock.host.tasks import Tasks
from interlock.proxies import dryrun
from interlock.proxies.contract import Context
from interlock.reconciler import Reconciler

MOST_REVISIONS = 1_000_000
ROUNDS = 3
"""A turn may cause a reload, and a reload another look at everything."""


_NOWHERE = Context(
    name=dryrun.PLUGIN.name,
    settings=dryrun.DryrunSettings(),
    state_dir=Path(os.devnull),
    run_dir=Path(os.devnull),
    look_again=lambda: None,
)
"""A proxy on paper has no files, and never restarts."""


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a recording."""

    ledger: Ledger
    table: tuple[Route, ...]
    """Everything wanted at its end."""
    turns: int
    ending: str
    """Why it ended by itself; "" when it was stopped, or breaks off."""


class Unasked:
    """Instead of probes: their answers are in the recording."""

    def __init__(self, _answered: object, _silent: object) -> None:
        pass

    def want(self, probes: Iterable[Probe], *, after: float = 0.0) -> None:
        """Ask nobody."""

    def only(self, key: ContainerKey, wanted: Iterable[Probe]) -> None:
        """Nobody is asked."""

    def silence_of(self, _key: ContainerKey) -> Mapping[str, str]:
        """Nobody is silent who was not asked."""
        return {}

    async def stop(self) -> None:
        """Nothing is under way."""


async def play(lines: Iterable[Line]) -> Replay:
    """Raises PermanentError where the lines do."""
    watch = clock.Clock(0.0)
    clock.use(watch)
    tasks = Tasks("replay")
    player: _Player | None = None
    turns, ending = 0, ""
    try:
        for line in lines:
            watch.at = line.at
            match line:
                case Opening() as opening:
                    player = _Player(opening)
                    tasks.start("driver", player.driver.run())
                case Turn() if player is not None:
                    turns += 1
                    await player.turn(line)
                case Ordered() if player is not None:
                    await player.order(line)
                case Ending(why=why):
                    ending = why
                case _:
                    raise AssertionError("a recording begins with its opening")
    finally:
        await tasks.stop()
    assert player is not None  # noqa: S101 - a recording has an opening
    table = tuple(player.reconciler.routes.table.values())
    return Replay(ledger=player.history.ledger, table=table, turns=turns, ending=ending)


class _Player:
    """The program, but for engines and proxies."""

    def __init__(self, opening: Opening) -> None:
        bulletin = Bulletin()
        self.reconciler = Reconciler(opening.engines, bulletin, prober=Unasked, locality=opening.locality)
        self._awaited = opening.awaited
        table = self.reconciler.routes.table
        self.history = History(table, keep=MOST_REVISIONS, clock=clock.time)
        bulletin.subscribe(self.history.hear)
        plugin = dryrun.PLUGIN
        proxy = plugin.build(_NOWHERE)
        self.driver = Driver(plugin.name, plugin.version, proxy, table, self.reconciler.report, bulletin=bulletin)
        self.reconciler.attach(self.driver)

    async def turn(self, turn: Turn) -> None:
        self.reconciler.turn(turn)
        if not self._awaited:
            self.reconciler.go_on_without_the_late()
        await self.settle()

    async def order(self, ordered: Ordered) -> None:
        before = self.reconciler.routes.world.overrides.hold
        self.reconciler.order(ordered.orders)
        if before != ordered.orders.hold:
            await self.reconciler.review()
        await self.settle()

    async def settle(self) -> None:
        """Until the proxy serves what is wanted."""
        for _ in range(ROUNDS):
            await self.driver.caught_up()
            await asyncio.sleep(0)

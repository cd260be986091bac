"""What an engine is known to run, and how a list compares with it. No clock and no I/O: times come as arguments."""

import enum
import re
from collections.abc import Iterator
from types import MappingProxyType

import msgspec

from interlock.core.model import Container
from interlock.engines.containers import Kept, listed_container
from interlock.engines.documents import Entry

MARGIN = 2.0
"""Seconds by which a container must have run longer than a gap to be the one from before it."""

_UP = re.compile(r"Up (?:(About an?|Less than a|\d+) (second|minute|hour|day|week|month|year)s?)")
_SECONDS = MappingProxyType(
    {
        "second": 1,
        "minute": 60,
        "hour": 3600,
        "day": 24 * 3600,
        "week": 7 * 24 * 3600,
        "month": 30 * 24 * 3600,
        "year": 365 * 24 * 3600,
    }
)


class Record(msgspec.Struct, kw_only=True, gc=False):
    """What is known of one container."""

    container: Container | None = None
    """As of the last inspect; None for one that is only heard of."""
    is_in_doubt: bool = False
    """Whether something was heard that no inspect has confirmed yet."""
    agreed: Container | None = None
    """A list entry that differs from `container`, although an inspect prompted by it found just that container."""
    heard_at: float | None = None
    """When the last event spoke of it, by our loop's clock."""
    said_at: float = 0.0
    """When what the last event spoke of happened: Unix seconds by the engine's clock; 0 when it did not say."""
    is_ending: bool = False
    """Whether it was told to end (or died) since its last start."""
    has_died: bool = False
    """Whether its ``die`` was heard since its last start."""
    ending_run: str = ""
    """`started_at` of the run that this was about; "" when that run was not known."""
    announced_run: str = ""
    """`started_at` of the run that `Stopping` was said of and not taken back."""

    @property
    def is_up(self) -> bool:
        """Whether it runs, as far as is known, and was not told to end."""
        return self.container is not None and self.container.is_up and not self.is_ending

    def ends_with(self, container: Container) -> bool:
        """Whether this (inspected) run of it is the one that was told to end."""
        return self.is_ending and container.is_up and self.ending_run in {"", container.started_at}


class Verdict(enum.Enum):
    """What a list entry asks for."""

    SAME = enum.auto()
    """Nothing: it is as known."""
    LOOK = enum.auto()
    """An inspect: it is new, or different, or perhaps another run."""
    LOST = enum.auto()
    """Nothing can be asked: its node is out of the manager's reach."""


class Census:
    """The containers of one engine. Outlives connections, so that a new one need not begin from nothing."""

    def __init__(self, *, engine: str, kept: Kept) -> None:
        self.engine = engine
        self.kept = kept
        self._records: dict[str, Record] = {}

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[tuple[str, Record]]:
        return iter(list(self._records.items()))

    def get(self, id_: str) -> Record | None:
        return self._records.get(id_)

    def record(self, id_: str) -> Record:
        """Its record, begun if there is none."""
        return self._records.setdefault(id_, Record())

    def said(self, id_: str, at: float) -> None:
        """The engine spoke of a container, if it is known: of something that happened at this time."""
        if (record := self._records.get(id_)) is not None:
            record.said_at = at

    def forget(self, id_: str) -> Record | None:
        return self._records.pop(id_, None)

    def containers(self) -> tuple[Container, ...]:
        """All that were inspected, by id."""
        known = (record.container for record in self._records.values())
        return tuple(sorted((container for container in known if container is not None), key=lambda one: one.id))

    @property
    def running(self) -> int:
        """How many run and were not told to end."""
        return sum(record.is_up for record in self._records.values())

    def compare(self, entry: Entry, *, gap: float | None) -> Verdict:
        """What a list entry asks for.

        `gap` is for how many seconds events may have been missed; None when none were. A container that was restarted
        in the gap may look just as before, so one that did not run since before the gap is looked at.
        """
        record = self._records.get(entry.Id)
        if entry.is_on_lost_node:
            return Verdict.LOST
        if record is None or record.container is None or record.is_in_doubt:
            return Verdict.LOOK
        listed = listed_container(entry, engine=self.engine, kept=self.kept)
        if record.agreed != listed and not _alike(listed, record.container, entry):
            return Verdict.LOOK
        if gap is not None and listed.is_up and least_uptime(entry.Status or "") < gap + MARGIN:
            return Verdict.LOOK
        return Verdict.SAME

    def agree(self, entry: Entry) -> None:
        """Remember that an inspect prompted by this entry has been made.

        Where the two still differ it is this engine's way (Podman's lists tell less), and no reason to look again.
        """
        record = self._records.get(entry.Id)
        if record is None or record.container is None:
            return
        listed = listed_container(entry, engine=self.engine, kept=self.kept)
        record.agreed = None if _alike(listed, record.container, entry) else listed


def least_uptime(status: str) -> float:
    """Seconds that a container has run at least, from ``Up 3 minutes (healthy)``; 0 where it cannot be told."""
    match = _UP.match(status)
    if match is None or match[1] == "Less than a":
        return 0
    count = int(match[1]) if match[1].isdecimal() else 1
    # Docker rounds: "2 hours" is said from 90 minutes on, "About an hour" from 46. Seconds are exact.
    return count * _SECONDS[match[2]] * (1 if match[2] == "second" else 0.7)


def _alike(listed: Container, known: Container, entry: Entry) -> bool:
    """Whether a list entry tells what is known already; of one that is not up its phase and name are enough."""
    if (listed.name, listed.phase) != (known.name, known.phase):
        return False
    if not listed.is_up:
        return True
    health_agrees = entry.told_health in {None, known.health}
    return (
        health_agrees
        and listed.labels == known.labels
        and listed.attachments == known.attachments
        and set(listed.bindings) == set(known.bindings)
    )

"""Numbered revisions: each plan that a proxy has confirmed, with its causes, its steps and what it changed.

A revision keeps only the routes that it changed, as they were before. What was wanted at any of them is found by going
back from the newest, so that a revision costs as much as its change, and equal routes exist once.
"""

import enum
from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from interlock.core.happenings import ApplyFailed, Cause, PlanApplied, ReloadDone
from interlock.core.model import Match, Route
from interlock.core.plan import AddServer, CloseRoute, EnableServer, MoveServer, Reload, Step, WeighServer
from interlock.core.problems import PermanentError

MOST_STEPS = 200
"""Steps that are kept of one revision; the rest is counted."""

Confirmed = PlanApplied | ReloadDone | ApplyFailed


class UnknownRevisionError(PermanentError):
    """No revision of that number is kept."""


class Outcome(enum.StrEnum):
    """What became of a plan."""

    APPLIED = "applied"
    """Its live steps were taken."""
    RELOADED = "reloaded"
    """The proxy serves a new configuration."""
    FAILED = "failed"
    """The proxy did not do as it was told; what it serves is what it served before."""


class StepTaken(msgspec.Struct, frozen=True, omit_defaults=True):
    """A step in few words."""

    step: str
    """Its class: ``AddServer``."""
    route: str = ""
    """Host and path."""
    server: str = ""
    detail: str = ""
    """An address, a weight, a message or a reason."""


class Change(NamedTuple):
    """A route before and after; None where it is not there."""

    match: Match
    before: Route | None
    now: Route | None


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """One plan and what became of it."""

    number: int
    at: float
    """Unix seconds when the proxy had confirmed it."""
    proxy: str
    outcome: Outcome
    causes: tuple[Cause, ...] = ()
    """The first ones, the oldest first."""
    steps: tuple[StepTaken, ...] = ()
    """The first ones, in their order."""
    further_steps: int = 0
    """How many more there were."""
    seconds: float = 0.0
    """From the moment that the proxy's driver turned to it until it was confirmed."""
    reason: str = ""
    """Of the reload."""
    error: str = ""
    """Why it failed."""
    attempts: int = 1
    """How often it failed in this way."""
    refused: tuple[tuple[Match, str], ...] = ()
    """Routes that the proxy's own check would not load, with what it said."""
    changes: tuple[Change, ...] = ()
    """Routes that are wanted otherwise than at the revision before, sorted. One that failed changes none."""


class Ledger:
    """The last revisions, numbered without gaps."""

    def __init__(self, *, keep: int) -> None:
        self.revisions: deque[Revision] = deque(maxlen=keep)
        """The oldest first."""
        self.newest: dict[Match, Route] = {}
        """Everything wanted at the newest revision."""
        self.sealed = 0
        """Number of the last revision that is final, since it has been written down."""
        self._next = 1

    @property
    def next_number(self) -> int:
        return self._next

    def restore(self, revisions: Iterable[Revision], newest: Mapping[Match, Route], next_number: int) -> None:
        """Go on from what was written down."""
        self.revisions.extend(revisions)
        self.newest = dict(newest)
        self._next = next_number
        self.sealed = next_number - 1

    def note(self, what: Confirmed, touched: Iterable[Match], table: Mapping[Match, Route], *, at: float) -> None:
        """Make a revision of it. `touched` are the routes that may be otherwise than at the revision before.

        Plans that the driver made in one turn, for the same causes, are one revision; so is a failure that repeats.
        """
        made = _revision(what, self._next, at)
        last = self.revisions[-1] if self.revisions else None
        if made.outcome is Outcome.FAILED:
            if last is not None and _is_again(last, made):
                self.revisions[-1] = msgspec.structs.replace(last, at=at, attempts=last.attempts + 1)
                return
        else:
            made = msgspec.structs.replace(made, changes=self._advance(touched, table))
        if last is not None and last.number > self.sealed and _is_one_turn(last, made):
            self.revisions[-1] = _together(last, made)
            return
        self.revisions.append(made)
        self._next += 1

    def get(self, number: int) -> Revision:
        """Raises UnknownRevisionError."""
        for revision in reversed(self.revisions):
            if revision.number == number:
                return revision
        kept = f"from {self.revisions[0].number} to {self._next - 1} are kept" if self.revisions else "come with events"
        raise UnknownRevisionError(
            f"there is no revision {number}", fix=f"`interlock history` lists them: those {kept}"
        )

    def table_of(self, number: int) -> dict[Match, Route]:
        """Everything wanted at a revision. Raises UnknownRevisionError."""
        self.get(number)
        return self.table_after(number)

    def table_after(self, number: int) -> dict[Match, Route]:
        """Everything wanted once all revisions up to this number were there."""
        table = dict(self.newest)
        for match, route in self._undone(number).items():
            if route is None:
                table.pop(match, None)
            else:
                table[match] = route
        return table

    def diff(self, number: int, other: int) -> tuple[Change, ...]:
        """What changed from one revision to another, sorted. Raises UnknownRevisionError."""
        self.get(number)
        self.get(other)
        before, now = self._undone(number), self._undone(other)
        changes = (
            Change(
                match,
                before[match] if match in before else self.newest.get(match),
                now[match] if match in now else self.newest.get(match),
            )
            for match in sorted(before.keys() | now.keys())
        )
        return tuple(change for change in changes if change.before != change.now)

    def _undone(self, number: int) -> dict[Match, Route | None]:
        """The routes that were changed since, as they were wanted at that revision."""
        undone: dict[Match, Route | None] = {}
        for revision in reversed(self.revisions):
            if revision.number <= number:
                break
            undone.update((change.match, change.before) for change in revision.changes)
        return undone

    def _advance(self, touched: Iterable[Match], table: Mapping[Match, Route]) -> tuple[Change, ...]:
        changes = []
        for match in sorted(touched):
            before, now = self.newest.get(match), table.get(match)
            if before == now:
                continue
            changes.append(Change(match, before, now))
            if now is None:
                del self.newest[match]
            else:
                self.newest[match] = now
        return tuple(changes)


def taken(step: Step) -> StepTaken:
    """A step in few words."""
    match step:
        case Reload(reason=reason):
            return StepTaken("Reload", detail=reason)
        case AddServer(match=route, server=server) | MoveServer(match=route, server=server):
            return StepTaken(type(step).__name__, str(route), server.name, server.endpoint)
        case EnableServer(match=route, server=server):
            return StepTaken("EnableServer", str(route), server.name)
        case WeighServer(match=route, name=name, weight=weight):
            return StepTaken("WeighServer", str(route), name, f"weight {weight}")
        case CloseRoute(match=route, maintenance=maintenance):
            return StepTaken("CloseRoute", str(route), detail=maintenance.message)
        case _:
            return StepTaken(type(step).__name__, str(step.match), getattr(step, "name", ""))


def _revision(what: Confirmed, number: int, at: float) -> Revision:
    made = Revision(number=number, at=at, proxy=what.proxy, outcome=Outcome.APPLIED, causes=what.causes)
    match what:
        case PlanApplied(steps=steps, seconds=seconds):
            kept = tuple(map(taken, steps[:MOST_STEPS]))
            return msgspec.structs.replace(made, steps=kept, further_steps=len(steps) - len(kept), seconds=seconds)
        case ReloadDone(reason=reason, seconds=seconds, refused=refused):
            return msgspec.structs.replace(
                made,
                outcome=Outcome.RELOADED,
                steps=(StepTaken("Reload", detail=reason),),
                reason=reason,
                seconds=seconds,
                refused=refused,
            )
        case ApplyFailed(error=error, reason=reason):
            return msgspec.structs.replace(made, outcome=Outcome.FAILED, error=error, reason=reason)


def _is_again(last: Revision, made: Revision) -> bool:
    """Whether a failure is the one before, met once more."""
    return (last.outcome, last.proxy, last.error, last.reason) == (
        Outcome.FAILED,
        made.proxy,
        made.error,
        made.reason,
    )


def _is_one_turn(last: Revision, made: Revision) -> bool:
    return (
        last.outcome is made.outcome is Outcome.APPLIED
        and last.proxy == made.proxy
        and bool(made.causes)
        and last.causes is made.causes
    )


def _together(last: Revision, made: Revision) -> Revision:
    """Two parts of one turn."""
    steps = (*last.steps, *made.steps)
    changes = {change.match: change for change in last.changes}
    for change in made.changes:
        known = changes.get(change.match)
        changes[change.match] = change if known is None else Change(change.match, known.before, change.now)
    return msgspec.structs.replace(
        last,
        at=made.at,
        steps=steps[:MOST_STEPS],
        further_steps=last.further_steps + made.further_steps + max(0, len(steps) - MOST_STEPS),
        seconds=made.seconds,
        changes=tuple(changes[match] for match in sorted(changes)),
    )

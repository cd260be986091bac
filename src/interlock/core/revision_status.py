"""Revisions as whoever only looks sees them: the API, the command line, the web page."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from interlock.core.happenings import Cause
from interlock.core.revisions import Change, Outcome, Revision, StepTaken
from interlock.core.status import RouteStatus, route_status


class RouteChange(msgspec.Struct, frozen=True, kw_only=True):
    """A route before and after; null where it is not there."""

    host: str
    path: str
    before: RouteStatus | None
    now: RouteStatus | None

    @property
    def name(self) -> str:
        """As in messages: the host, and a path that is not the root."""
        return self.host if self.path == "/" else f"{self.host}{self.path}"


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A route that the proxy's own check would not load."""

    route: str
    why: str


class RevisionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the history."""

    number: int
    at: float
    """Unix seconds."""
    proxy: str
    outcome: Outcome
    seconds: float
    causes: tuple[Cause, ...]
    steps: int
    """How many."""
    added: int
    """Routes."""
    changed: int
    removed: int
    reason: str
    """Of a reload; "" for live steps."""
    error: str
    """Why it failed; "" when it did not."""


class RevisionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One revision, with all that is known of it."""

    summary: RevisionSummary
    attempts: int
    """How often it failed in this way."""
    taken: tuple[StepTaken, ...]
    """The first steps."""
    refused: tuple[Refusal, ...]
    changes: tuple[RouteChange, ...]
    """What is wanted otherwise than at the revision before."""


class HistoryStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The revisions that are kept."""

    revisions: tuple[RevisionSummary, ...]
    """The newest first."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted otherwise at one revision than at another."""

    before: int
    """Number of the revision that it is compared with."""
    now: int
    changes: tuple[RouteChange, ...]


def summary(revision: Revision) -> RevisionSummary:
    """One line of the history."""
    kinds = Counter(_kind(change) for change in revision.changes)
    return RevisionSummary(
        number=revision.number,
        at=revision.at,
        proxy=revision.proxy,
        outcome=revision.outcome,
        seconds=revision.seconds,
        causes=revision.causes,
        steps=len(revision.steps) + revision.further_steps,
        added=kinds["added"],
        changed=kinds["changed"],
        removed=kinds["removed"],
        reason=revision.reason,
        error=revision.error,
    )


def revision_status(revision: Revision) -> RevisionStatus:
    """All of it."""
    return RevisionStatus(
        summary=summary(revision),
        attempts=revision.attempts,
        taken=revision.steps,
        refused=tuple(Refusal(route=str(match), why=why) for match, why in revision.refused),
        changes=route_changes(revision.changes),
    )


def route_changes(changes: Iterable[Change]) -> tuple[RouteChange, ...]:
    return tuple(
        RouteChange(
            host=match.host,
            path=match.path,
            before=route_status(before) if before is not None else None,
            now=route_status(now) if now is not None else None,
        )
        for match, before, now in changes
    )


def _kind(change: Change) -> str:
    if change.before is None:
        return "added"
    return "removed" if change.now is None else "changed"

"""What happened, as the spans of one trace: when the event was told, when something was planned for it, and applied."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from interlock.core.happenings import AnyHappening, ApplyFailed, Cause, EventSeen, PlanApplied, ReloadDone

MOST_REMEMBERED = 4096
"""Causes whose arrival is remembered until something was done for them; the oldest are forgotten first."""
LONGEST_LIST = 20
"""Steps and containers that a span names."""

Attributes = Mapping[str, str | int | tuple[str, ...]]


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time; times are Unix seconds."""

    name: str
    begin: float
    end: float
    attributes: Attributes = {}
    error: str = ""
    """Why it failed; "" if it did not."""


class Trace(NamedTuple):
    """What was done for some causes: the whole, and its parts in the order of time."""

    whole: Span
    parts: tuple[Span, ...]


class Traces:
    """Makes a trace of each thing that was done."""

    def __init__(self) -> None:
        self._seen: OrderedDict[Cause, float] = OrderedDict()

    def hear(self, happening: AnyHappening) -> Trace | None:
        """The trace of a happening; None for one that ends nothing."""
        match happening:
            case EventSeen(cause=cause, touched=touched):
                if touched:
                    self._remember(cause, happening.at)
                return None
            case PlanApplied(steps=steps):
                names = tuple(type(step).__name__ for step in steps[:LONGEST_LIST])
                attributes: Attributes = {"interlock.steps": names, "interlock.step_count": len(steps)}
                return self._trace(happening, "live", happening.seconds, attributes)
            case ReloadDone(reason=reason):
                return self._trace(happening, "reload", happening.seconds, {"interlock.reason": reason})
            case ApplyFailed(reason=reason):
                more = {"interlock.reason": reason} if reason else {}
                return self._trace(happening, "reload" if reason else "live", 0.0, more, error=happening.error)
            case _:
                return None

    def _remember(self, cause: Cause, at: float) -> None:
        self._seen[cause] = at
        if len(self._seen) > MOST_REMEMBERED:
            self._seen.popitem(last=False)

    def _trace(
        self,
        done: PlanApplied | ReloadDone | ApplyFailed,
        way: str,
        seconds: float,
        attributes: Attributes,
        *,
        error: str = "",
    ) -> Trace:
        """Whatever the clocks of engines say, no part begins before the one ahead of it has ended."""
        begun = done.at - seconds
        told = min((cause.at for cause in done.causes), default=begun)
        seen = max((self._seen.get(cause, cause.at) for cause in done.causes), default=begun)
        told = min(told, begun)
        seen = min(max(seen, told), begun)
        about = {"interlock.proxy": done.proxy, "interlock.way": way}
        whole = Span(
            name="reconcile", begin=told, end=done.at, attributes={**about, **_named(done.causes)}, error=error
        )
        event = Span(name="event", begin=told, end=seen, attributes=_named(done.causes))
        plan = Span(name="plan", begin=seen, end=begun, attributes=about)
        apply = Span(name="apply", begin=begun, end=done.at, attributes={**about, **attributes}, error=error)
        return Trace(whole, (event, plan, apply))


def _named(causes: Iterable[Cause]) -> Attributes:
    """Who caused it, without repetitions."""
    known = tuple(causes)
    return {
        "interlock.causes": len(known),
        "interlock.actions": _some(cause.action for cause in known),
        "interlock.engines": _some(cause.engine for cause in known),
        "interlock.containers": _some(cause.container for cause in known),
    }


def _some(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, texts)))[:LONGEST_LIST]

"""What happened, as frozen values in the past tense, for everybody who only looks.

History, metrics, the event stream of the API and observer plugins all live on these; nobody routes by them.
"""

import msgspec

from interlock.core.model import Match
from interlock.core.plan import Step
from interlock.core.problems import Problem

MOST_CAUSES = 50
"""Causes that are kept for one plan; a burst of a thousand events is one plan."""


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Why something was done: what an engine said, what the operator ordered, or Interlock's own doing."""

    action: str
    """The engine's word (``start``, ``kill``, ``health_status``), or ``list``, ``probe``, ``order``, ``look``."""
    at: float
    """Unix seconds: by the engine's clock where it said when, else when Interlock heard of it."""
    engine: str = ""
    container: str = ""
    """Its name; "" where it is about no single one."""
    container_id: str = ""


class Happening(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=True):
    """Base of all. As JSON each has its class's name as ``kind``."""

    at: float
    """Unix seconds, by Interlock's clock."""


class EventSeen(Happening, frozen=True, kw_only=True):
    """A fact from an engine, or the answer of a probe, reached the core."""

    event: str
    """Its class: ``Changed``, ``Stopping``, ``Vanished``, ``Listed``, …"""
    cause: Cause
    touched: int
    """Containers that are otherwise than before because of it; 0 for one that was no news."""


class RoutesChanged(Happening, frozen=True, kw_only=True):
    """Other routes are wanted than before; the proxies are told now."""

    routes: tuple[Match, ...]
    """Those that are otherwise, new or gone; sorted."""


class PlanApplied(Happening, frozen=True, kw_only=True):
    """Live steps were taken, and the proxy has confirmed them."""

    proxy: str
    causes: tuple[Cause, ...]
    """The first ones, at most `MOST_CAUSES`; the oldest first."""
    steps: tuple[Step, ...]
    seconds: float
    """From the moment that the proxy's driver turned to it."""


class ReloadDone(Happening, frozen=True, kw_only=True):
    """The proxy has loaded a new configuration, and its new process serves."""

    proxy: str
    causes: tuple[Cause, ...]
    reason: str
    seconds: float
    routes: tuple[Match, ...] = ()
    """Those that nothing could serve before."""
    refused: tuple[tuple[Match, str], ...] = ()
    """Routes that the proxy's own check would not load, with what it said."""


class ApplyFailed(Happening, frozen=True, kw_only=True):
    """Steps or a reload did not come about; what is wanted then is tried again."""

    proxy: str
    causes: tuple[Cause, ...]
    error: str
    reason: str = ""
    """Of the reload; "" for live steps."""


class ProblemRaised(Happening, frozen=True, kw_only=True):
    """Something that was asked for cannot be done."""

    problem: Problem


class ProblemSolved(Happening, frozen=True, kw_only=True):
    """It can be done now, or nobody asks for it any more."""

    problem: Problem


class EngineLost(Happening, frozen=True, kw_only=True):
    """An engine went out of reach; what it ran is served on."""

    engine: str
    reason: str


class EngineRecovered(Happening, frozen=True, kw_only=True):
    """An engine answers (again)."""

    engine: str
    description: str
    """``Docker 20.10.24, API 1.41``."""


class ContainerDamped(Happening, frozen=True, kw_only=True):
    """A container that ends again and again by itself waits longer for traffic after each start."""

    engine: str
    container: str
    """Its name; "" when it is gone."""
    container_id: str
    pause: float
    """Seconds; 0 when it has proved itself, or is gone."""


AnyHappening = (
    EventSeen
    | RoutesChanged
    | PlanApplied
    | ReloadDone
    | ApplyFailed
    | ProblemRaised
    | ProblemSolved
    | EngineLost
    | EngineRecovered
    | ContainerDamped
)

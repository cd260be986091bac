"""Interlock and its peers, side by side: the same engine, the same requests from outside, one after the other."""

import math
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import fleet
from gauges import family, family_seconds, proportional, until
from hand_tuned import haproxy_by_hand
from load import Target, Traffic, at_rest, side_by_side
from stack import Stack, stack
from wrk import FEW, Asking

GRAIN = 0.002
"""Seconds between two requests of somebody who waits for a container to answer; the same for all."""
COARSER = 0.05
"""Or this part of what was waited so far, if it is more: requests cost the proxy CPU that no event asked for."""
PATIENCE = 60
SPACING = 2.3
"""Seconds from one start to the next, at least: more than the pause of any peer between two configurations, and no
divisor of the time between two looks of one that polls.
"""
SLOWER = 1
"""Seconds that each start may take beyond that; a slower program has fewer of them."""
SETTLE = 2
"""Seconds for what is done after a configuration is served."""


class Reaction(NamedTuple):
    """Milliseconds from a start to the first answer of that container; infinite for one that did not answer."""

    median: float
    worst: float
    count: int


class Running(NamedTuple):
    """A program that serves a stack: all its processes, and those that requests go through."""

    pids: Callable[[], list[int]]
    serving: Callable[[], list[int]]
    rest: int = 5
    """Seconds after which what it does without an event begins anew."""
    listens: bool = True
    """Whether it hears of a start at once. If so, the next one waits for its answer, so that each has all of the
    program; else it does not, since it would always come right after a look.
    """


class Figures(NamedTuple):
    """What one program needed."""

    ready_seconds: float
    megabytes: float
    known: Reaction
    new: Reaction
    cpu: float
    """Milliseconds for each start, as are calls and kilobytes of the engine."""
    calls: float
    kilobytes: float
    resting: float
    """Share of a core while nothing happens."""
    traffic: Traffic


class Effort(NamedTuple):
    """How much is measured of each program."""

    rounds: int
    wrk_seconds: int
    wrk_runs: int


class Wait(NamedTuple):
    """A container that has been started, and must answer for its host."""

    host: str
    address: str
    started_at: int
    """Monotonic, in nanoseconds; so is the next."""
    ask_at: int


def contest(size: int, effort: Effort, start: Callable[[Stack], Running]) -> Figures:
    """Measure one program; `start` starts it. Raises LateError.

    What the program spends while nothing happens is taken off.
    """
    with stack(size, ready=False) as made:
        began = time.monotonic()
        program = start(made)
        pids = program.pids
        at = until(lambda: _answering(made, f"h{size}") != "", seconds=PATIENCE, pause=GRAIN)
        ready = at / 1e9 - began
        time.sleep(SETTLE)
        megabytes = sum(map(proportional, pids()))
        rest, rest_of_serving = at_rest(pids, program.serving, seconds=program.rest)
        before, spent, began = made.control.ask("counts"), family_seconds(pids()), time.monotonic()
        known, new = _reactions(made, effort.rounds, listens=program.listens)
        time.sleep(SETTLE)
        cpu = family_seconds(pids()) - spent - rest.mean * (time.monotonic() - began)
        after = made.control.ask("counts")
        starts = known.count + new.count
        return Figures(
            ready_seconds=ready,
            megabytes=megabytes,
            known=known,
            new=new,
            cpu=cpu / starts * 1000,
            calls=(sum(after["calls"].values()) - sum(before["calls"].values())) / starts,
            kilobytes=(after["bytes"] - before["bytes"]) / starts / 1000,
            resting=rest.mean,
            traffic=side_by_side(
                Target(made.port, 0, program.serving),
                haproxy_by_hand(made),
                Asking(min(size, FEW)),
                rest_of_serving,
                seconds=effort.wrk_seconds,
                runs=effort.wrk_runs,
            ),
        )


def of_interlock(made: Stack) -> Running:
    made.start_interlock()
    return Running(lambda: family(made.interlock_pid), made.proxy_pids)


def _reactions(made: Stack, rounds: int, *, listens: bool) -> tuple[Reaction, Reaction]:
    """To one more container of a known host and to the first of a new one, in turn."""
    took: dict[str, float] = {}
    waits: list[Wait] = []
    to_start = [host for turn in range(rounds) for host in (f"h{1 + turn}", f"new{turn}")]
    due = time.monotonic()
    latest = due + len(to_start) * (SPACING + SLOWER)
    while to_start or waits:
        now = time.monotonic()
        if now > latest:
            to_start.clear()
        if to_start and now >= due and not (waits and listens):
            host = to_start.pop(0)
            took[host] = math.inf
            waits.append(_started(made, host))
            due = now + SPACING
        waits = [later for wait in waits if (later := _asked(made, wait, took))]
        time.sleep(GRAIN / 10)
    found = list(took.values())
    return _reaction(found[::2]), _reaction(found[1::2])


def _reaction(took: list[float]) -> Reaction:
    return Reaction(statistics.median(took), max(took), len(took)) if took else Reaction(math.inf, math.inf, 0)


def _asked(made: Stack, wait: Wait, took: dict[str, float]) -> Wait | None:
    """When to ask next; None once the container has answered, which is noted, or was waited for long enough."""
    now = time.monotonic_ns()
    if now < wait.ask_at:
        return wait
    if _answering(made, wait.host) == wait.address:
        took[wait.host] = (time.monotonic_ns() - wait.started_at) / 1e6
        return None
    if now > wait.started_at + PATIENCE * 1e9:
        return None
    return wait._replace(ask_at=now + max(int(GRAIN * 1e9), int((now - wait.started_at) * COARSER)))


def _started(made: Stack, host: str) -> Wait:
    started = made.control.ask("start", host=host)
    number = int(started["name"].rpartition("_")[2])
    at = int(started["at"])
    return Wait(host, fleet.Replica(number=number, host=host).address, at, at)


def _answering(made: Stack, host: str) -> str:
    """Address of the container that answers for a host, on a connection of its own; "" for none."""
    web = made.web
    try:
        return web.container(f"{host}.{fleet.DOMAIN}")
    finally:
        web.close()

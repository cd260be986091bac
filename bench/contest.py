"""Interlock and its peers, side by side: the same engine, the same requests from outside, one after the other."""

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import fleet
from gauges import cpu_seconds, resident, until
from stack import Stack, stack

GRAIN = 0.002
"""Seconds between two requests of somebody who waits for a container to answer; the same for all."""
PATIENCE = 60
SETTLE = 0.3
"""Seconds after an event until the next one."""


class Figures(NamedTuple):
    """What one program needed. Times in milliseconds."""

    ready_seconds: float
    megabytes: float
    known: float
    new: float
    cpu: float
    calls: float
    kilobytes: float
    """From the engine, as are the calls: for each event."""


def contest(size: int, rounds: int, start: Callable[[Stack], Callable[[], list[int]]]) -> Figures:
    """Measure one program; `start` starts it and returns what lists its processes. Raises LateError.

    An event is a start or a stop. What the program spends while nothing happens is taken off.
    """
    with stack(size, ready=False) as made:
        began = time.monotonic()
        pids = start(made)
        at = until(lambda: _answering(made, f"h{size}") != "", seconds=PATIENCE, pause=GRAIN)
        ready = at / 1e9 - began
        time.sleep(3)
        megabytes = sum(map(resident, pids()))
        idle = _spent(pids)
        began = time.monotonic()
        time.sleep(2)
        resting = (_spent(pids) - idle) / (time.monotonic() - began)
        before, spent, began = made.control.ask("counts"), _spent(pids), time.monotonic()
        known = [_seen(made, f"h{1 + turn}") for turn in range(rounds)]
        new = [_seen(made, f"new{turn}") for turn in range(rounds)]
        time.sleep(3)
        events = 4 * rounds
        cpu = _spent(pids) - spent - resting * (time.monotonic() - began)
        after = made.control.ask("counts")
        return Figures(
            ready_seconds=ready,
            megabytes=megabytes,
            known=statistics.median(known),
            new=statistics.median(new),
            cpu=cpu / events * 1000,
            calls=(sum(after["calls"].values()) - sum(before["calls"].values())) / events,
            kilobytes=(after["bytes"] - before["bytes"]) / events / 1000,
        )


def of_interlock(made: Stack) -> Callable[[], list[int]]:
    made.start_interlock()
    return lambda: [made.interlock_pid, *made.proxy_pids()]


def _seen(made: Stack, host: str) -> float:
    """Milliseconds from the start event of one more container of a host until it answers a request."""
    started = made.control.ask("start", host=host)
    number = int(started["name"].rpartition("_")[2])
    address = fleet.Replica(number=number, host=host).address
    at = until(lambda: _answering(made, host) == address, seconds=PATIENCE, pause=GRAIN)
    time.sleep(SETTLE)
    made.control.ask("stop", name=started["name"])
    time.sleep(SETTLE)
    return (at - int(started["at"])) / 1e6


def _answering(made: Stack, host: str) -> str:
    """Address of the container that answers for a host, on a connection of its own; "" for none."""
    web = made.web
    try:
        return web.container(f"{host}.{fleet.DOMAIN}")
    finally:
        web.close()


def _spent(pids: Callable[[], list[int]]) -> float:
    return sum(map(cpu_seconds, pids()))

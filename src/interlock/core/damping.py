"""Containers that end and come back again and again: each time they wait longer before they take traffic.

A restart that somebody ordered does not count; only those do that a restart policy made after the container had ended
by itself, which the engine counts for us.
"""

from collections import deque

import msgspec

from interlock.core.model import Container, ContainerKey

FREE = 3
"""Restarts within `WINDOW` that cost nothing."""
WINDOW = 300.0
"""Seconds after which a restart is forgotten."""
LONGEST_PAUSE = 60.0
"""Seconds; the first one is 1, each further restart doubles it."""


class _Record(msgspec.Struct):
    """What is remembered of one container."""

    restarts: int
    """The engine's count when we last looked."""
    times: deque[float]


class Damping:
    """How long each container waits; told of every look at a container, with the time of a clock that never jumps."""

    def __init__(self) -> None:
        self._records: dict[ContainerKey, _Record] = {}

    def pause(self, container: Container, now: float) -> float:
        """Seconds that this run of the container waits before it is asked whether it serves."""
        record = self._records.get(container.key)
        if record is None and not container.restarts:
            return 0.0  # most containers never come here again, so nothing is remembered of them
        if record is None:
            record = self._records[container.key] = _Record(container.restarts, deque())
        new = max(container.restarts - record.restarts, 0)
        record.restarts = container.restarts
        record.times.extend([now] * min(new, 2 * FREE))
        while record.times and now - record.times[0] > WINDOW:
            record.times.popleft()
        excess = len(record.times) - FREE
        return min(2.0 ** (min(excess, 16) - 1), LONGEST_PAUSE) if excess > 0 else 0.0

    def forget(self, key: ContainerKey) -> None:
        self._records.pop(key, None)

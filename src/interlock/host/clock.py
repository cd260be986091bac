"""What time it is: the system's, or in a replay that of the recording."""

import time as system
from contextvars import ContextVar


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self, at: float) -> None:
        self.at = at
        """Unix seconds."""


_own: ContextVar[Clock | None] = ContextVar("clock", default=None)


def use(clock: Clock) -> None:
    """Tell this task, and those that it starts from now on, the time of another clock."""
    _own.set(clock)


def time() -> float:
    """Unix seconds."""
    own = _own.get()
    return system.time() if own is None else own.at


def monotonic() -> float:
    """Seconds of a clock that never jumps."""
    own = _own.get()
    return system.monotonic() if own is None else own.at

"""Signals as engines name them, and which of them end a container."""

import signal
from types import MappingProxyType

FIRST_REAL_TIME = 34
LAST_REAL_TIME = 64
"""SIGRTMIN and SIGRTMAX as Docker counts them, whatever the C library here thinks (moby/sys/signal)."""

_NUMBERS = MappingProxyType(
    {name.removeprefix("SIG"): int(number) for name, number in signal.Signals.__members__.items()}
    | {f"RTMIN+{i}": FIRST_REAL_TIME + i for i in range(LAST_REAL_TIME - FIRST_REAL_TIME + 1)}
    | {f"RTMAX-{i}": LAST_REAL_TIME - i for i in range(LAST_REAL_TIME - FIRST_REAL_TIME + 1)}
    | {"RTMIN": FIRST_REAL_TIME, "RTMAX": LAST_REAL_TIME}
)

_ENDING = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL})
"""Signals that mean the end to nearly every program. HUP, USR1, WINCH and the like mean "reload" to most."""


def signal_number(text: str) -> int | None:
    """The number of a signal given as ``15``, ``TERM``, ``SIGTERM`` or ``SIGRTMIN+3``; None for anything else."""
    word = text.strip().upper()
    if word.isascii() and word.isdecimal():
        number = int(word)
        return number if 0 < number <= LAST_REAL_TIME else None
    return _NUMBERS.get(word.removeprefix("SIG"))


def ends_container(sent: str, stop_signal: str) -> bool:
    """Whether `sent` (the attribute of a ``kill`` event) is meant to end a container with this stop signal.

    Podman's ``kill`` event names no signal: it says nothing, and the ``die`` that follows a real end says all.
    """
    number = signal_number(sent)
    return number is not None and (number in _ENDING or number == signal_number(stop_signal))

"""Single keys of a terminal, without waiting for Enter."""

import os
import re
import select
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

ESCAPES = {"\x1b[A": "up", "\x1b[B": "down", "\x1bOA": "up", "\x1bOB": "down"}
AT_ONCE = 256
"""Bytes that are read at once; who types faster is heard the next time."""

_KEY = re.compile(r"\x1b[\[O][A-Z]|.", re.DOTALL)


@contextmanager
def single_keys() -> Iterator[None]:
    """Have the terminal hand over each key as it is pressed; Ctrl-C stays Ctrl-C."""
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def next_keys(seconds: float) -> list[str]:
    """The keys that are pressed within that time, at the first of them; arrows are ``up`` and ``down``."""
    ready, _, _ = select.select([sys.stdin], [], [], max(seconds, 0.0))
    if not ready:
        return []
    text = os.read(sys.stdin.fileno(), AT_ONCE).decode(errors="replace")
    return [ESCAPES.get(key, key) for key in _KEY.findall(text)] or ["q"]  # a terminal that is gone sends nothing

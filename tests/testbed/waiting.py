"""Waiting for a condition instead of sleeping."""

import time
from collections.abc import Callable
from typing import TypeVar

PAUSE = 0.02
"""Seconds between two looks."""

Found = TypeVar("Found")


def wait_for(look: Callable[[], Found | None], what: str, *, seconds: float = 30.0) -> Found:
    """The first true result of `look`; an OSError counts as "not yet".

    Raises:
        TimeoutError: it never came; the text says what was waited for, and the last error if there was one.
    """
    deadline = time.monotonic() + seconds
    last = ""
    while True:
        try:
            if found := look():
                return found
            last = ""
        except OSError as error:
            last = f" (last error: {error})"
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s for {what}{last}")
        time.sleep(PAUSE)

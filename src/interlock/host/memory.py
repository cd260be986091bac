"""Memory: what is there to stay is set apart, and what a start needed only for a moment is given back."""

import contextlib
import ctypes
import gc

GIVE_BACK_SECONDS = 5.0
"""From one time that free pages are given back to the next."""

_GROWING = 20_000
"""Objects that are made, and not let go of, from one search for garbage to the next while a fleet becomes known."""
_USUAL = gc.get_threshold()

_M_ARENA_MAX = -8
"""mallopt(3): how many pools of memory threads may open. Ours do nothing but write files."""


def few_arenas() -> None:
    """Have threads share one pool (glibc; elsewhere nothing is to be done): 13 MB at 10,000 containers."""
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def grow() -> None:
    """Until the fleet is known nearly all that is made is there to stay, and looking for garbage among it is in vain.

    With 10,000 containers that took 0.8 of 4.0 s of CPU (measured).
    """
    gc.set_threshold(_GROWING, *_USUAL[1:])


def settle() -> None:
    """Once the fleet is known: the garbage collector need not look at it again, and free pages go back to the system.

    With 10,000 containers a full collection holds up everything for 0.2 s (measured).
    """
    gc.set_threshold(*_USUAL)
    gc.collect()
    gc.freeze()
    give_back()


def give_back() -> None:
    """Free pages go back to the system (glibc; elsewhere nothing is done): 0.2 ms where there are none, else 2."""
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)

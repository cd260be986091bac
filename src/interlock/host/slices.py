"""Long work beside an event loop: in slices so short that nobody waits for it, or in a thread that is waited for."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import ParamSpec, TypeVar

SLICE = 16
"""Things that are worked on at a stretch; less than half a millisecond, at 10 to 30 microseconds each."""

T = TypeVar("T")
R = TypeVar("R")
P = ParamSpec("P")


async def in_slices(work: Callable[[T], R], things: Iterable[T], *, size: int = SLICE) -> list[R]:
    """`[work(thing) for thing in things]`, with everybody else's turn in between."""
    done: list[R] = []
    rest = iter(things)
    while batch := list(islice(rest, size)):
        done += map(work, batch)
        if len(batch) == size:
            await asyncio.sleep(0)
    return done


def slices(things: Sequence[T], size: int = SLICE) -> Iterable[Sequence[T]]:
    """The same things, some at a time."""
    return (things[start : start + size] for start in range(0, len(things), size))


async def in_thread(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Let a thread do what waits for disks. A caller that is cancelled waits for its end all the same.

    So nothing that comes after meets something half done.
    """
    done = asyncio.get_running_loop().run_in_executor(None, lambda: work(*args, **kwargs))
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        await asyncio.wait({done})
        raise

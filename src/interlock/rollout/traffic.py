"""What a rollout asks of the running Interlock, which knows the traffic."""

import asyncio
from typing import Protocol

from interlock.core.problems import InterlockError
from interlock.core.status import ContainerStatus

POLL_SECONDS = 0.1
CALM = 2
"""Looks in a row without a request under way, so that one between two connections is not missed."""


class Traffic(Protocol):
    """One running Interlock. Every call raises TemporaryError or PermanentError where it does not answer."""

    async def look(self, container: str) -> ContainerStatus | None:
        """A container by its id; None for one that it has not heard of."""

    async def drain(self, container: str) -> None:
        """Take it out of rotation, confirmed by every proxy."""

    async def undrain(self, container: str) -> None:
        """Put it back."""


async def until_idle(traffic: Traffic, container: str, *, seconds: float) -> int:
    """Wait until nothing is under way to a drained container; how many requests are left when the time is up.

    An Interlock that is being restarted is waited for. Raises what it said last if it did not come back.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds
    calm = 0
    while True:
        failure: InterlockError | None = None
        try:
            status = await traffic.look(container)
        except InterlockError as error:
            failure, calm, left = error, 0, 0
        else:
            left = status.sessions if status is not None else 0
            calm = 0 if left else calm + 1
        if calm == CALM:
            return 0
        if clock() >= deadline:
            if failure is not None:
                raise failure
            return left
        await asyncio.sleep(POLL_SECONDS)

"""The pause before a list that lost half of what runs may be believed, which the operator can end."""

import asyncio
import contextlib


class Hold:
    """At most one at a time."""

    def __init__(self) -> None:
        self._ended: asyncio.Event | None = None

    def confirm(self) -> bool:
        """End the pause, if there is one; whether there was."""
        if self._ended is None:
            return False
        self._ended.set()
        return True

    async def last(self, seconds: float) -> None:
        """Wait until it is over or confirmed."""
        self._ended = asyncio.Event()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._ended.wait()
        finally:
            self._ended = None

"""Servers on their way out: HAProxy deletes one only when its last connection has gone, so it is asked again."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from interlock.core.model import Match
from interlock.core.problems import TemporaryError
from interlock.host.tasks import Tasks
from interlock.proxies.haproxy import runtime

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
"""Seconds between two tries for all that are left, doubling. 2.8 keeps an idle connection for over 8 s (measured)."""
PATIENCE = 30.0
"""Seconds after which the sessions of a server whose container has gone are ended."""

Name = tuple[Match, str]


class Reaper:
    """Deletes servers that are out of rotation for good."""

    def __init__(self, ask: Callable[[list[str]], Awaitable[list[str]]], tasks: Tasks) -> None:
        self._ask = ask
        self._tasks = tasks
        self._since: dict[Name, float] = {}
        self._running = False

    def __contains__(self, name: Name) -> bool:
        return name in self._since

    def take(self, match: Match, server: str) -> None:
        """Delete this server as soon as HAProxy lets go of it."""
        self._since.setdefault((match, server), time.monotonic())
        if not self._running:
            self._running = True
            self._tasks.start("reaper", self._work())

    def spare(self, match: Match, server: str) -> None:
        """Keep it: a container of its name is back."""
        self._since.pop((match, server), None)

    def forget_all(self) -> None:
        """A new process has none of them."""
        self._since.clear()

    async def _work(self) -> None:
        pause = 0.0
        try:
            while self._since:
                await asyncio.sleep(pause)
                pause = min(max(pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
                for match, server in list(self._since):
                    await self._try(match, server)
        finally:
            self._running = False

    async def _try(self, match: Match, server: str) -> None:
        since = self._since.get((match, server))
        if since is None:
            return
        commands = [runtime.delete_server(match, server).text]
        if time.monotonic() - since > PATIENCE:
            commands.insert(0, runtime.end_sessions(match, server).text)
        try:
            answers = await self._ask(commands)
        except TemporaryError:
            return  # it is asked again, or a new process has come
        if runtime.is_deleted(answers[-1]):
            self._since.pop((match, server), None)

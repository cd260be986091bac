"""An NGINX master and its workers: asked over the control socket, whoever runs them."""

import asyncio
import re
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

import structlog

from interlock.core.problems import TemporaryError, shown
from interlock.host.process import Ended
from interlock.proxies.nginx.control import Control
from interlock.proxies.nginx.disk import Disk
from interlock.proxies.serving.program import Binary

log = structlog.get_logger()

START_SECONDS = 15.0
"""From the start of a process (or a reload) until it answers; 5,000 sites take 1 s on a loaded machine."""
CHECK_SECONDS = 60.0
RETIRE_SECONDS = 10.0
"""For replaced workers to stop accepting connections; they are told 0.1 s after the new ones have started."""
POLL_SECONDS = 0.005
LINE_LENGTH = 500
"""Characters of what NGINX says that are passed on."""

_EMERGENCY = re.compile(r"\[emerg\] (?:\d+#\d+: )?(.*)")
_RETIRING = "is shutting down"


class Master(ABC):
    """One NGINX, in the foreground."""

    look_pause = POLL_SECONDS
    """Seconds between two looks at what workers do."""

    def __init__(self, binary: Binary, disk: Disk, *, most_open_files: int, name: str = "nginx") -> None:
        """`most_open_files` is what a worker can be allowed where it runs; `name` is the proxy's in the log."""
        self.name = name
        self.binary = binary
        self.disk = disk
        self.most_open_files = most_open_files
        self.control = Control(disk.control_socket)

    @abstractmethod
    async def lua_modules(self) -> tuple[str, ...] | None:
        """Files to load for its Lua module; none where it is built in; None where there is no such module."""

    @abstractmethod
    async def check(self) -> Ended:
        """Let NGINX judge the candidate.

        Raises:
            TemporaryError: it did not come to a verdict in time.
        """

    @abstractmethod
    async def adopt(self) -> bool:
        """Take over an NGINX that runs already; False if there is none."""

    @abstractmethod
    async def wait_for_ports(self, ports: Sequence[tuple[str, int]]) -> None:
        """Wait until nobody holds these ports where it is to run; each with the name of its setting, 0 for none.

        Raises:
            PermanentError: one stays taken.
        """

    @abstractmethod
    async def start(self) -> None:
        """Have it start with the configuration on disk, and wait until it answers.

        Raises:
            PermanentError: it ended at once; the text is its own.
            TemporaryError: it does not answer.
        """

    @abstractmethod
    async def watch(self, restart: Callable[[], Awaitable[None]]) -> None:
        """Never returns; `restart` is called where it is for us to start an NGINX that ended by itself."""

    @abstractmethod
    async def workers(self) -> Mapping[int, str]:
        """Process ids of all its workers, also of those that only finish what they have, and their titles."""

    @abstractmethod
    async def titles(self, pids: Collection[int]) -> Mapping[int, str]:
        """Titles of those of its processes that are still there."""

    @abstractmethod
    async def connections(self, endpoints: Collection[str]) -> Counter[str]:
        """How many connections its workers have open to each of the endpoints, ``address:port`` as in `Server`."""

    @abstractmethod
    async def stop(self) -> None:
        """Be done with it, in a bounded time."""

    @abstractmethod
    async def order_reload(self) -> Collection[int]:
        """Tell it to load the configuration on disk, without waiting for that; the workers that it had until then.

        Raises:
            TemporaryError: it was not told.
        """

    def complaint(self) -> str:
        """Why it does not take the configuration that it was told to load last; "" as long as it is not known."""
        return ""

    async def reload(self, generation: str) -> None:
        """Have the configuration on disk loaded, and wait until new workers serve it and the old ones accept no more.

        Raises:
            TemporaryError: the old workers still serve.
        """
        old = await self.order_reload()
        await self.wait_for_worker(generation, others_than=old)
        if not await retired(self.titles, old, pause=self.look_pause):
            log.warning(f"[{self.name}] workers of an earlier configuration still accept connections")

    async def retiring(self) -> int:
        """How many workers only finish what they have."""
        return sum(title.endswith(_RETIRING) for title in (await self.workers()).values())

    async def wait_for_worker(self, generation: str = "", *, others_than: Collection[int] = ()) -> None:
        """Ask until a worker other than those answers, by that configuration if one is named."""
        deadline = time.monotonic() + START_SECONDS
        seen = "nothing"
        while True:
            if others_than and (said := self.complaint()):
                raise TemporaryError(f"nginx did not load the new configuration: {said}")
            try:
                answer = await self.control.generation()
                if answer.worker not in others_than and generation in {"", answer.generation}:
                    return
                seen = f"generation {answer.generation}"
            except TemporaryError as error:
                seen = str(error)
            if time.monotonic() > deadline:
                raise TemporaryError(f"nginx does not serve the new configuration, but {seen}")
            await asyncio.sleep(POLL_SECONDS)


async def retired(
    titles: Callable[[Collection[int]], Awaitable[Mapping[int, str]]], pids: Collection[int], *, pause: float
) -> bool:
    """Wait until none of them accepts connections; False if one still does after `RETIRE_SECONDS`.

    For some 0.1 s after a reload old workers do, and would send them where nobody should go any more.
    """
    deadline = time.monotonic() + RETIRE_SECONDS
    while not all(title.endswith(_RETIRING) for title in (await titles(pids)).values()):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(pause)
    return True


def messages(output: str) -> str:
    """Why NGINX does not take a configuration, from its output, as one printable line; "" if it does."""
    return shown("; ".join(_EMERGENCY.findall(output)[:3]), length=LINE_LENGTH)

"""A HAProxy master and its workers: spoken with over their sockets, whoever runs them."""

import asyncio
import contextlib
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence

from interlock.core.problems import TemporaryError, shown
from interlock.host.process import Ended
from interlock.host.sockets import PromptSocket, ask_once
from interlock.proxies.haproxy import runtime
from interlock.proxies.haproxy.disk import Disk

START_SECONDS = 15.0
"""From the start of a process (or a reload) until it answers; 10,000 backends take 1.5 s on a loaded machine."""
CHECK_SECONDS = 60.0
ANSWER_SECONDS = 10.0
POLL_SECONDS = 0.005
REFUSAL_SECONDS = 0.5
"""A master that refuses longer than this is dead."""
LINE_LENGTH = 500
"""Characters of what HAProxy says that are passed on."""

_NO_SUCH_WORKER = b"Can't find the target PID"
"""Said of a worker that has just ended; HAProxy 2.8's master often forgets to hang up after it (measured)."""
_OLD_WORKERS = re.compile(r"^# old workers\n((?:\d.*\n)*)", re.MULTILINE)
_PID_OF_WORKER = re.compile(r"^Pid: (\d+)$", re.MULTILINE)
_STOPPING = re.compile(r"^Stopping: 1$", re.MULTILINE)
_ALERT = re.compile(r"\[ALERT\]\s+\(\d+\) : (.*)")


class Master(ABC):
    """One HAProxy in master-worker mode."""

    def __init__(self, disk: Disk, *, name: str = "haproxy") -> None:
        """`name` is what the proxy is called in the log."""
        self.disk = disk
        self.name = name
        self.socket: PromptSocket | None = None
        self.generation = ""
        self.worker = 0
        self._may_have_old_workers = True
        """Whether one that was replaced may still serve connections; true of a HAProxy that was found running."""

    @abstractmethod
    async def check(self) -> Ended:
        """Let HAProxy judge the candidate, as an unprivileged user.

        Raises:
            TemporaryError: it did not come to a verdict in time.
        """

    @abstractmethod
    async def adopt(self) -> bool:
        """Take over a HAProxy that runs already; False if there is none."""

    @abstractmethod
    def refuse_taken(self, ports: Sequence[tuple[str, int]]) -> None:
        """Refuse ports that another program holds where it is to run; each with the name of its setting, 0 for none.

        Raises:
            PermanentError: one is taken.
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
        """Never returns; `restart` is called where it is for us to start a HAProxy that ended by itself."""

    @abstractmethod
    async def stop(self) -> None:
        """Be done with it, in a bounded time."""

    async def reload(self, generation: str) -> None:
        """Have the configuration on disk loaded, and wait until a new worker says that it serves it.

        Raises:
            TemporaryError: the old worker still serves.
        """
        answer = await self.tell_master("reload")
        if answer.startswith("Success=0"):
            raise TemporaryError(f"haproxy did not load the new configuration: {alerts(answer)}")
        self._may_have_old_workers = True
        old = self.worker
        previous, self.socket = self.socket, None
        try:
            await self.connect(others_than=old)
            if previous is not None:
                await _stopped_listening(previous)
        finally:
            if previous is not None:
                previous.close()
        if self.generation != generation:
            raise TemporaryError(f"haproxy serves generation {self.generation or 'unknown'}, not {generation}")

    def disconnect(self) -> None:
        if self.socket is not None:
            self.socket.close()
        self.socket = None

    async def ask(self, commands: list[str]) -> list[str]:
        """Put commands to the worker that serves now.

        Raises:
            TemporaryError: it does not answer.
        """
        if self.socket is None or not self.socket.is_open:
            await self.connect(others_than=0)
        assert self.socket is not None  # noqa: S101 - connected above
        return await self.socket.ask(commands, seconds=ANSWER_SECONDS)

    async def ask_apart(self, question: str) -> str:
        """Put a question with a long answer to the worker that serves now, where it holds up no order.

        Raises:
            TemporaryError: it does not answer.
        """
        return await ask_once(self.disk.admin_socket, question, seconds=ANSWER_SECONDS)

    async def ask_old_workers(self, question: str) -> list[str]:
        """Put a question to every worker that was replaced and still has connections; they take no orders any more.

        Raises:
            TemporaryError: the master does not answer.
        """
        if not self._may_have_old_workers:
            return []
        found = _OLD_WORKERS.search(await self.tell_master("show proc"))
        pids = [line.split()[0] for line in found[1].splitlines()] if found is not None else []
        self._may_have_old_workers = bool(pids)
        return [await self.tell_master(f"@!{pid} {question}") for pid in pids]

    async def tell_master(self, order: str) -> str:
        """HAProxy 2.6's master refuses connections for 6 to 28 ms after a reload (measured), so one refusal is none."""
        deadline = time.monotonic() + REFUSAL_SECONDS
        while True:
            try:
                return await ask_once(self.disk.master_socket, order, seconds=START_SECONDS, last_words=_NO_SUCH_WORKER)
            except TemporaryError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(POLL_SECONDS)

    async def connect(self, *, others_than: int) -> None:
        """Ask until a worker other than that one answers."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket = await PromptSocket.open(self.disk.admin_socket, seconds=ANSWER_SECONDS)
                info, generation = await socket.ask(["show info", runtime.GENERATION], seconds=ANSWER_SECONDS)
                found = _PID_OF_WORKER.search(info)
                if found is not None and int(found[1]) != others_than:
                    self.disconnect()
                    self.socket, self.worker = socket, int(found[1])
                    self.generation = runtime.read_generation(generation)
                    return
                socket.close()
            except TemporaryError:
                if time.monotonic() > deadline:
                    raise
            if time.monotonic() > deadline:
                raise TemporaryError("haproxy was told to reload, but its old worker still answers")
            await asyncio.sleep(POLL_SECONDS)


async def _stopped_listening(socket: PromptSocket) -> None:
    """Wait until an old worker accepts no more: for some milliseconds it and the new one both do."""
    deadline = time.monotonic() + ANSWER_SECONDS
    with contextlib.suppress(TemporaryError):  # it is gone, which is as good
        while time.monotonic() < deadline:
            (info,) = await socket.ask(["show info"], seconds=ANSWER_SECONDS)
            if _STOPPING.search(info):
                return
            await asyncio.sleep(POLL_SECONDS)


def alerts(output: str) -> str:
    """The alerts in HAProxy's output, as one printable line."""
    found = _ALERT.findall(output) or [line for line in output.splitlines() if line.strip()][-1:]
    return shown("; ".join(found[:3]), length=LINE_LENGTH) if found else "it said nothing"

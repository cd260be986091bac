"""The NGINX master process: started, adopted, watched, reloaded, stopped."""

import asyncio
import re
import signal
import time
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

import structlog

from interlock.core.problems import PermanentError, TemporaryError, shown
from interlock.host import procfs
from interlock.host.process import Ended, Service, as_identity, leader_of, run, signal_group
from interlock.proxies.nginx.control import Control
from interlock.proxies.serving.disk import Disk
from interlock.proxies.serving.supervision import stop_softly, supervise, until_it_answers

log = structlog.get_logger()

START_SECONDS = 15.0
"""From the start of a process (or a reload) until it answers; 5,000 sites take 1 s on a loaded machine."""
CHECK_SECONDS = 60.0
STOP_SECONDS = 8.0
"""For requests under way at the end; `docker stop` gives 10 s in all."""
RETIRE_SECONDS = 10.0
"""For replaced workers to stop accepting connections; they are told 0.1 s after the new ones have started."""
POLL_SECONDS = 0.005
KEPT_LINES = 50
LINE_LENGTH = 500
"""Characters of what NGINX says that are passed on."""

_EMERGENCY = re.compile(r"\[emerg\] (?:\d+#\d+: )?(.*)")
_SERIOUS = re.compile(r"\[(?:emerg|alert|crit)\]")
_MASTER = "nginx: master process "
_RETIRING = "is shutting down"


class Master:
    """One NGINX, run in the foreground by us."""

    def __init__(self, path: str, disk: Disk, socket: Path) -> None:
        self.control = Control(socket)
        self._path = path
        self._disk = disk
        self._socket = socket
        self._service: Service | None = None
        self._stopping = False
        self._output: list[str] = []

    @property
    def pid(self) -> int:
        """0 while there is none."""
        return self._service.pid if self._service is not None else 0

    async def check(self) -> Ended:
        """Let NGINX judge the candidate, as an unprivileged user in an empty environment.

        It may bind low ports, because a check tries every `listen` for a moment.

        Raises:
            TemporaryError: it did not come to a verdict in time.
        """
        argv = [*self._argv(self._disk.candidate), "-t", "-q"]
        return await run(as_identity(argv, self._disk.identity, ports_below_1024=True), seconds=CHECK_SECONDS)

    async def adopt(self) -> bool:
        """Take over an NGINX that an Interlock before us left running; False if there is none.

        It is ours if a worker of it answers on our own socket, and its master was started as we would start it. What
        else answers there, workers whose master was killed for one, is told to finish.
        """
        try:
            answer = await self.control.generation()
        except TemporaryError:
            return False
        parent = procfs.parent_of(answer.worker)
        title = procfs.title_of(parent)
        if title.startswith(f"{_MASTER}{self._path} -c {self._disk.config} "):
            self._service = Service.adopt(parent)
            log.info(f"[nginx] adopted the running proxy pid={parent}")
            return True
        log.info(f"[nginx] what was left running is told to finish pid={answer.worker}")
        await self._retire(leader_of(answer.worker))
        return False

    async def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            PermanentError: it ended at once; the text is its own.
            TemporaryError: it does not answer.
        """
        self._socket.unlink(missing_ok=True)
        self._output.clear()
        self._service = await Service.start(
            as_identity(self._argv(self._disk.config), self._disk.identity, ports_below_1024=True), on_line=self._hear
        )
        await until_it_answers("nginx", self._service, self._wait_for_worker(), self._failure)

    async def watch(self, restart: Callable[[], Awaitable[None]]) -> None:
        """Never returns: whenever NGINX ends by itself, its orphans are told to finish, and `restart` starts it."""
        await supervise("nginx", self._ended, restart)

    async def reload(self, generation: str) -> None:
        """Have the configuration on disk loaded, and wait until new workers serve it and the old ones accept no more.

        Raises:
            TemporaryError: the old workers still serve.
        """
        if self._service is None:
            raise TemporaryError("nginx does not run")
        old = self.workers()
        self._output.clear()
        self._service.signal(signal.SIGHUP)
        await self._wait_for_worker(generation, others_than=old)
        await self._wait_for_retirement(old)

    def workers(self) -> list[int]:
        """All of them, also those that only finish what they have."""
        return procfs.children_of(self.pid) if self._service is not None else []

    def retiring(self) -> int:
        """How many only finish what they have."""
        return sum(procfs.title_of(pid).endswith(_RETIRING) for pid in self.workers())

    async def stop(self) -> None:
        """Stop softly: listeners close, requests under way finish within `STOP_SECONDS`; then firmly."""
        self._stopping = True
        if self._service is not None:
            await stop_softly("nginx", self._service, ((signal.SIGQUIT, STOP_SECONDS), (signal.SIGTERM, 1.0)))

    def _argv(self, config: Path) -> list[str]:
        """The configuration first: NGINX writes its title over these words, and what does not fit is lost."""
        return [self._path, "-c", str(config), "-e", "stderr", "-p", f"{self._disk.state_dir}/"]

    async def _ended(self) -> str:
        service = self._service
        why = await service.ended() if service is not None else "it was not started"
        if self._stopping:
            await asyncio.Event().wait()
        if service is not None:
            await self._retire(service.pid)
        self._service = None
        return why

    async def _retire(self, group: int) -> None:
        """Tell a master, if it is there, and its workers to finish, and wait until these accept no more."""
        signal_group(group, signal.SIGQUIT)
        workers = [pid for pid in procfs.group_of(group) if not procfs.title_of(pid).startswith(_MASTER)]
        if not await _retired(workers):
            signal_group(group, signal.SIGKILL)

    async def _wait_for_worker(self, generation: str = "", *, others_than: Collection[int] = ()) -> None:
        """Ask until a worker other than those answers, by that configuration if one is named."""
        deadline = time.monotonic() + START_SECONDS
        seen = "nothing"
        while True:
            if others_than and (said := messages("\n".join(self._output))):
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

    async def _wait_for_retirement(self, old: Collection[int]) -> None:
        """For some 0.1 s old workers accept connections too, and would send them where nobody should go any more."""
        if not await _retired(old):
            log.warning("[nginx] workers of an earlier configuration still accept connections")

    def _hear(self, line: str) -> None:
        """What is serious is worth a warning, the rest is worth debugging."""
        self._output.append(line)
        del self._output[:-KEPT_LINES]
        text = shown(line, length=LINE_LENGTH)
        if _SERIOUS.search(line):
            log.warning(f"[nginx] {text}")
        elif line:
            log.debug(f"[nginx] {text}")

    def _failure(self, why: str) -> PermanentError:
        said = messages("\n".join(self._output))
        fix = "read the message above"
        if "bind()" in said:
            fix = "stop the program that has this port, or choose others with NGINX_PORT and NGINX_SSL_PORT"
        return PermanentError(f"nginx does not start: {why}: {said or 'it said nothing'}", fix=fix)


async def _retired(pids: Collection[int]) -> bool:
    """Wait until none of them accepts connections; False if one still does after `RETIRE_SECONDS`."""
    deadline = time.monotonic() + RETIRE_SECONDS
    while any((title := procfs.title_of(pid)) and not title.endswith(_RETIRING) for pid in pids):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True


def messages(output: str) -> str:
    """Why NGINX does not take a configuration, from its output, as one printable line; "" if it does."""
    return shown("; ".join(_EMERGENCY.findall(output)[:3]), length=LINE_LENGTH)

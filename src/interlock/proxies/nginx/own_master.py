"""NGINX as a process of ours: started, adopted, watched, signalled, stopped."""

import asyncio
import re
import resource
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path

import structlog

from interlock.core.problems import PermanentError, TemporaryError, shown
from interlock.host import procfs
from interlock.host.process import Ended, Identity, Service, as_identity, leader_of, run, signal_group, unprivileged
from interlock.proxies.contract import Context
from interlock.proxies.nginx.binary import PROGRAM, USERS, lua_modules
from interlock.proxies.nginx.disk import Disk
from interlock.proxies.nginx.master import CHECK_SECONDS, LINE_LENGTH, POLL_SECONDS, Master, messages, retired
from interlock.proxies.nginx.settings import NginxSettings
from interlock.proxies.serving import ports, program
from interlock.proxies.serving.program import Binary
from interlock.proxies.serving.supervision import stop_softly, supervise, until_it_answers

log = structlog.get_logger()

STOP_SECONDS = 8.0
"""For requests under way at the end; `docker stop` gives 10 s in all."""
PORT_SECONDS = 1.0
"""For workers that were told to finish to let go of their ports."""
KEPT_LINES = 50

_SERIOUS = re.compile(r"\[(?:emerg|alert|crit)\]")
_MASTER = "nginx: master process "


async def run_here(context: Context) -> "OwnMaster":
    """The NGINX that is installed on this machine, to be run with files in the context's folders.

    Raises:
        PermanentError: there is none, or it cannot reach those folders.
    """
    settings: NginxSettings = context.settings
    found = await program.find(PROGRAM, settings.binary)
    identity = identity_of(settings)
    disk = Disk(context.state_dir, context.run_dir, settings.config_path, identity, pid_path=settings.pid_path)
    disk.check_reachable("NGINX", disk.control_socket)
    log.info(f"[nginx] using {found.banner} at {found.path}")
    return OwnMaster(found, disk)


def identity_of(settings: NginxSettings) -> Identity | None:
    """Whom NGINX runs as; None for Interlock's own user. Raises PermanentError for root."""
    identity = unprivileged((settings.user,) if settings.user else USERS)
    if identity is not None and identity.uid == 0:
        raise PermanentError("NGINX_USER=root: NGINX is not run as root", fix="name another user, or remove it")
    return identity


class OwnMaster(Master):
    """One NGINX that we run."""

    def __init__(self, binary: Binary, disk: Disk) -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        super().__init__(binary, disk, most_open_files=sys.maxsize if hard == resource.RLIM_INFINITY else hard)
        self._service: Service | None = None
        self._stopping = False
        self._output: list[str] = []

    @property
    def pid(self) -> int:
        """0 while there is none."""
        return self._service.pid if self._service is not None else 0

    async def lua_modules(self) -> tuple[str, ...] | None:
        return lua_modules(self.binary)

    async def check(self) -> Ended:
        """Let NGINX judge the candidate, as an unprivileged user in an empty environment.

        It may bind low ports, because a check tries every `listen` for a moment.
        """
        argv = [*self._argv(self.disk.candidate), "-t", "-q"]
        return await run(as_identity(argv, self.disk.identity, ports_below_1024=True), seconds=CHECK_SECONDS)

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
        if title.startswith(f"{_MASTER}{self.binary.path} -c {self.disk.config} "):
            self._service = Service.adopt(parent)
            log.info(f"[nginx] adopted the running proxy pid={parent}")
            return True
        log.info(f"[nginx] what was left running is told to finish pid={answer.worker}")
        await self._retire(leader_of(answer.worker))
        return False

    async def wait_for_ports(self, ports_: Sequence[tuple[str, int]]) -> None:
        await ports.wait_until_free(ports_, seconds=PORT_SECONDS)

    async def start(self) -> None:
        self.disk.control_socket.unlink(missing_ok=True)
        self._output.clear()
        self._service = await Service.start(
            as_identity(self._argv(self.disk.config), self.disk.identity, ports_below_1024=True), on_line=self._hear
        )
        await until_it_answers("nginx", self._service, self.wait_for_worker(), self._failure)

    async def watch(self, restart: Callable[[], Awaitable[None]]) -> None:
        """Never returns: whenever NGINX ends by itself, its orphans are told to finish, and `restart` starts it."""
        await supervise("nginx", self._ended, restart)

    async def order_reload(self) -> Collection[int]:
        if self._service is None:
            raise TemporaryError("nginx does not run")
        old = procfs.children_of(self.pid)
        self._output.clear()
        self._service.signal(signal.SIGHUP)
        return old

    def complaint(self) -> str:
        return messages("\n".join(self._output))

    async def workers(self) -> Mapping[int, str]:
        return await self.titles(procfs.children_of(self.pid)) if self._service is not None else {}

    async def titles(self, pids: Collection[int]) -> Mapping[int, str]:
        return {pid: title for pid in pids if (title := procfs.title_of(pid))}

    async def connections(self, endpoints: Collection[str]) -> Counter[str]:
        return procfs.connections_of(await self.workers(), endpoints)

    async def stop(self) -> None:
        """Stop softly: listeners close, requests under way finish within `STOP_SECONDS`; then firmly."""
        self._stopping = True
        if self._service is not None:
            await stop_softly("nginx", self._service, ((signal.SIGQUIT, STOP_SECONDS), (signal.SIGTERM, 1.0)))

    def _argv(self, config: Path) -> list[str]:
        """The configuration first: NGINX writes its title over these words, and what does not fit is lost."""
        return [self.binary.path, "-c", str(config), "-e", "stderr", "-p", f"{self.disk.state_dir}/"]

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
        if not await retired(self.titles, workers, pause=POLL_SECONDS):
            signal_group(group, signal.SIGKILL)

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

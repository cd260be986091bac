"""HAProxy as a process of ours: started, adopted, watched, stopped."""

import asyncio
import re
import signal
from collections.abc import Awaitable, Callable, Sequence

import structlog

from interlock.core.problems import PermanentError, TemporaryError, shown
from interlock.host.process import Ended, Service, as_identity, run, unprivileged
from interlock.proxies.contract import Context
from interlock.proxies.haproxy.binary import PROGRAM, USERS
from interlock.proxies.haproxy.disk import Disk
from interlock.proxies.haproxy.master import CHECK_SECONDS, LINE_LENGTH, Master, alerts
from interlock.proxies.haproxy.settings import HaproxySettings
from interlock.proxies.serving import program
from interlock.proxies.serving.ports import check_free
from interlock.proxies.serving.program import Binary
from interlock.proxies.serving.supervision import stop_softly, supervise, until_it_answers

log = structlog.get_logger()

STOP_SECONDS = 8.0
"""For requests under way at the end; `docker stop` gives 10 s in all."""
ASK_AGAIN_SECONDS = 0.5
"""A master that has just started or reloaded loses a signal (measured: 2.6, within some 100 ms), so it is repeated."""
KEPT_LINES = 50

_PID_OF_MASTER = re.compile(r"^(\d+)\s+master\b", re.MULTILINE)


async def run_here(context: Context) -> "OwnMaster":
    """The HAProxy that is installed on this machine, to be run with files in the context's folders.

    Raises:
        PermanentError: there is none, or it cannot reach those folders.
    """
    settings: HaproxySettings = context.settings
    found = await program.find(PROGRAM, settings.binary)
    disk = Disk(context.state_dir, context.run_dir, settings.config_path, unprivileged(USERS))
    disk.check_reachable("HAProxy", disk.master_socket)
    log.info(f"[haproxy] using {found.banner} at {found.path}")
    return OwnMaster(found, disk)


class OwnMaster(Master):
    """One HAProxy that we run."""

    def __init__(self, binary: Binary, disk: Disk) -> None:
        super().__init__(disk)
        self._binary = binary
        self._service: Service | None = None
        self._stopping = False
        self._output: list[str] = []

    async def check(self) -> Ended:
        """Let HAProxy judge the candidate, in an empty environment too."""
        argv = [self._binary.path, "-c", "-f", str(self.disk.candidate)]
        return await run(as_identity(argv, self.disk.identity), seconds=CHECK_SECONDS)

    async def adopt(self) -> bool:
        """Take over a HAProxy that an Interlock before us left running; False if there is none."""
        if not self.disk.master_socket.exists():
            return False
        try:
            listing = await self.tell_master("show proc")
            found = _PID_OF_MASTER.search(listing)
            if found is None:
                return False
            await self.connect(others_than=0)
            self._service = Service.adopt(int(found[1]))
        except TemporaryError:
            return False
        log.info(f"[haproxy] adopted the running proxy pid={self._service.pid}")
        return True

    def refuse_taken(self, ports: Sequence[tuple[str, int]]) -> None:
        check_free(ports)

    async def start(self) -> None:
        for stale in (self.disk.admin_socket, self.disk.master_socket):
            stale.unlink(missing_ok=True)
        argv = [self._binary.path, "-W", "-S", f"{self.disk.master_socket},mode,600", "-f", str(self.disk.config)]
        self._output.clear()
        self._service = await Service.start(
            as_identity(argv, self.disk.identity, ports_below_1024=True), on_line=self._hear
        )
        await until_it_answers("haproxy", self._service, self.connect(others_than=0), self._failure)

    async def watch(self, restart: Callable[[], Awaitable[None]]) -> None:
        """Never returns: whenever HAProxy ends by itself, `restart` has it started again, after growing pauses."""
        await supervise("haproxy", self._ended, restart)

    async def stop(self) -> None:
        """Stop softly: listeners close, requests under way finish within `STOP_SECONDS`; then firmly."""
        self._stopping = True
        self.disconnect()
        if self._service is not None:
            asked = [(signal.SIGUSR1, ASK_AGAIN_SECONDS)] * round(STOP_SECONDS / ASK_AGAIN_SECONDS)
            await stop_softly("haproxy", self._service, (*asked, (signal.SIGTERM, 1.0)))

    async def _ended(self) -> str:
        why = await self._service.ended() if self._service is not None else "it was not started"
        if self._stopping:
            await asyncio.Event().wait()
        self._service = None
        self.disconnect()
        return why

    def _hear(self, line: str) -> None:
        """Alerts are worth a warning, warnings are worth debugging; notices only tell what we ordered ourselves."""
        self._output.append(line)
        del self._output[:-KEPT_LINES]
        text = shown(line, length=LINE_LENGTH)
        if "[ALERT]" in line:
            log.warning(f"[haproxy] {text}")
        elif line and "[NOTICE]" not in line:
            log.debug(f"[haproxy] {text}")

    def _failure(self, why: str) -> PermanentError:
        said = alerts("\n".join(self._output))
        fix = "read the alert above"
        if "cannot bind" in said.lower():
            fix = "stop the program that has this port, or choose others with HAPROXY_PORT and HAPROXY_SSL_PORT"
        return PermanentError(f"haproxy does not start: {why}: {said}", fix=fix)

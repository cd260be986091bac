"""HAProxy in a container of the operator's: asked over sockets in a shared folder, and never started or stopped."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence

import structlog

from interlock.core.problems import PermanentError, TemporaryError, shown
from interlock.host.process import Ended, Identity
from interlock.proxies.contract import Context, ProxyContainer
from interlock.proxies.haproxy.binary import PROGRAM
from interlock.proxies.haproxy.disk import SharedDisk
from interlock.proxies.haproxy.master import CHECK_SECONDS, Master
from interlock.proxies.serving import program

log = structlog.get_logger()

LOOK_SECONDS = 10.0
"""For a question to the container that takes no time."""


async def find_in(container: ProxyContainer, context: Context) -> "ContainedMaster":
    """The HAProxy that is in a container, with files in the context's folders.

    Raises:
        PermanentError: there is none in it, or it does not see those folders.
        TemporaryError: the container does not run.
    """
    answer = await container.run([PROGRAM.name, PROGRAM.question], seconds=LOOK_SECONDS)
    found = program.judged(PROGRAM, PROGRAM.name, answer)
    identity = await _identity_in(container)
    if os.geteuid() != 0 and identity.gid not in {os.getegid(), *os.getgroups()}:
        raise PermanentError(
            f"its container runs in group {identity.gid}, and Interlock does not",
            fix=f"run it in Interlock's group, as with Compose's user: haproxy:{os.getegid()}",
        )
    disk = SharedDisk(context.state_dir, context.run_dir, identity)
    sees = await container.run(["test", "-w", str(disk.run_dir), "-a", "-r", str(disk.state_dir)], seconds=LOOK_SECONDS)
    if sees.code:
        raise PermanentError(
            f"its container does not see {disk.run_dir}, which Interlock writes to",
            fix=f"mount the folder of INTERLOCK_EXTERNAL_DIR into it, at the same path: {disk.state_dir.parent}",
        )
    log.info(f"[haproxy] using {found.banner} in a container")
    return ContainedMaster(container, disk)


class ContainedMaster(Master):
    """One HAProxy that its container starts, with the configuration that we write."""

    def __init__(self, container: ProxyContainer, disk: SharedDisk) -> None:
        super().__init__(disk)
        self._container = container

    async def check(self) -> Ended:
        argv = [PROGRAM.name, "-c", "-f", str(self.disk.candidate)]
        return await self._container.run(argv, seconds=CHECK_SECONDS)

    async def adopt(self) -> bool:
        """Go on with one that serves a configuration of ours; False while its container waits for the first one."""
        if not self.disk.master_socket.exists():
            return False
        try:
            await self.tell_master("show proc")
            await self.connect(others_than=0)
        except TemporaryError:
            return False
        return True

    def refuse_taken(self, ports: Sequence[tuple[str, int]]) -> None:
        """The container's ports are its own."""

    async def start(self) -> None:
        """Its container waits for a good configuration, and now there is one."""
        await self.connect(others_than=0)

    async def watch(self, restart: Callable[[], Awaitable[None]]) -> None:  # noqa: ARG002 - starting is not for us
        """Its container ends with it, and whoever starts that again is given a new proxy."""
        await asyncio.Event().wait()

    async def stop(self) -> None:
        """It serves on without us."""
        self.disconnect()


async def _identity_in(container: ProxyContainer) -> Identity:
    """Whom the container's programs run as."""
    uid, gid = [await container.run(["id", option], seconds=LOOK_SECONDS) for option in ("-u", "-g")]
    try:
        return Identity(f"user {int(uid.output)}", int(uid.output), int(gid.output))
    except ValueError as error:
        raise PermanentError(
            f"its container does not tell whom it runs as: {shown(uid.output.strip(), length=200)}",
            fix="use an image that has the program `id`",
        ) from error

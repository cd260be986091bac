"""HAProxy in a container of the operator's: asked over sockets in a shared folder, and never started or stopped."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from interlock.core.problems import TemporaryError
from interlock.host.process import Ended
from interlock.proxies.contract import Context, ProxyContainer
from interlock.proxies.haproxy.binary import PROGRAM
from interlock.proxies.haproxy.disk import SharedDisk
from interlock.proxies.haproxy.master import CHECK_SECONDS, Master
from interlock.proxies.serving.contained import binary_in, check_group, check_sight, identity_in

log = structlog.get_logger()


async def find_in(container: ProxyContainer, context: Context) -> "ContainedMaster":
    """The HAProxy that is in a container, with files in the context's folders.

    Raises:
        PermanentError: there is none in it, or it does not see those folders.
        TemporaryError: the container does not run.
    """
    found = await binary_in(container, PROGRAM)
    identity = await identity_in(container)
    check_group(identity, PROGRAM)
    disk = SharedDisk(context.state_dir, context.run_dir, identity)
    await check_sight(container, disk)
    log.info(f"[{context.name}] using {found.banner} in a container")
    return ContainedMaster(container, disk, name=context.name)


class ContainedMaster(Master):
    """One HAProxy that its container starts, with the configuration that we write."""

    def __init__(self, container: ProxyContainer, disk: SharedDisk, *, name: str) -> None:
        super().__init__(disk, name=name)
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

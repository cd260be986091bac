"""NGINX in a container of the operator's: asked over a socket in a shared folder, and never started or stopped."""

import asyncio
import os
import re
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec
import structlog

from interlock.core.problems import PermanentError, TemporaryError, shown
from interlock.host import procfs
from interlock.host.process import Ended
from interlock.proxies.contract import Context, ProxyContainer
from interlock.proxies.nginx.binary import PROGRAM, lua_places
from interlock.proxies.nginx.disk import SharedDisk
from interlock.proxies.nginx.master import CHECK_SECONDS, START_SECONDS, Master, messages
from interlock.proxies.serving.contained import LOOK_SECONDS, binary_in, check_group, check_sight, identity_in
from interlock.proxies.serving.program import Binary

log = structlog.get_logger()

LOOK_PAUSE = 0.1
"""Seconds between two looks at its processes, each of which is a program run in the container."""
TITLES = """
for folder in /proc/[0-9]*; do
    title=
    read -r pid name state parent rest <$folder/stat || continue
    read -r title <$folder/cmdline
    case $title in "nginx: "*) echo "$pid $parent $title" ;; esac
done 2>/dev/null
"""
"""For the shell, with nothing but what it has built in: stock images have no `ps`."""

_PROCESS = re.compile(r"^(\d{1,10}) (\d{1,10}) (nginx: .*?)\s*$", re.MULTILINE)


class _Process(NamedTuple):
    pid: int
    parent: int
    title: str


async def find_in(container: ProxyContainer, context: Context) -> "ContainedMaster":
    """The NGINX that is in a container, with files in the context's folders.

    Raises:
        PermanentError: there is none in it, or it does not see those folders.
        TemporaryError: the container does not run.
    """
    found = await binary_in(container, PROGRAM)
    identity = await identity_in(container)
    if identity.uid == 0:  # it reads our files whatever their group, and makes its socket for everybody
        identity = msgspec.structs.replace(identity, gid=os.getegid())
    else:
        check_group(identity, PROGRAM)
    disk = SharedDisk(context.state_dir, context.run_dir, identity)
    await check_sight(container, disk)
    log.info(f"[{context.name}] using {found.banner} in a container")
    most_open_files = await _most_open_files(container)
    return ContainedMaster(container, found, disk, most_open_files=most_open_files, name=context.name)


class ContainedMaster(Master):
    """One NGINX that its container starts, with the configuration that we write."""

    look_pause = LOOK_PAUSE

    def __init__(
        self, container: ProxyContainer, binary: Binary, disk: SharedDisk, *, most_open_files: int, name: str
    ) -> None:
        super().__init__(binary, disk, most_open_files=most_open_files, name=name)
        self._container = container

    async def lua_modules(self) -> tuple[str, ...] | None:
        places = lua_places(self.binary)
        if not places:
            return places
        question = [word for place in places for word in ("-a", "-f", place)][1:]
        ended = await self._container.run(["test", *question], seconds=LOOK_SECONDS)
        return places if ended.code == 0 else None

    async def check(self) -> Ended:
        return await self._container.run([*self._argv(str(self.disk.candidate)), "-t", "-q"], seconds=CHECK_SECONDS)

    async def adopt(self) -> bool:
        """Go on with one that serves a configuration of ours; False while its container waits for the first one."""
        try:
            await self.control.generation()
        except TemporaryError:
            return False
        return True

    async def wait_for_ports(self, ports: Sequence[tuple[str, int]]) -> None:
        """The container's ports are its own."""

    async def start(self) -> None:
        """Its container waits for a good configuration, and now there is one."""
        await self.wait_for_worker()

    async def watch(self, restart: Callable[[], Awaitable[None]]) -> None:  # noqa: ARG002 - starting is not for us
        """Its container ends with it, and whoever starts that again is given a new proxy."""
        await asyncio.Event().wait()

    async def order_reload(self) -> Collection[int]:
        """By NGINX itself, which knows where its pid is, and reads the configuration before it signals.

        In one go with the look at its workers: to run a program in a container takes a while.
        """
        answering = (await self.control.generation()).worker
        argv = [*self._argv(str(self.disk.config)), "-s", "reload"]
        ended = await self._container.run(["sh", "-c", f'{TITLES}exec "$@"', "sh", *argv], seconds=START_SECONDS)
        if ended.code:
            why = messages(ended.output) or shown(ended.output.strip()[-200:])
            raise TemporaryError(f"nginx was not told to load the new configuration: {why}")
        return _family(answering, _processes(ended))

    async def workers(self) -> Mapping[int, str]:
        answering = (await self.control.generation()).worker
        return _family(answering, await self._look())

    async def titles(self, pids: Collection[int]) -> Mapping[int, str]:
        return {process.pid: process.title for process in await self._look() if process.pid in pids}

    async def connections(self, endpoints: Collection[str]) -> Counter[str]:
        """All of its network's: where that is the host's, those of others to the same servers count too."""
        listing = await self._container.run(["cat", "/proc/net/tcp", "/proc/net/tcp6"], seconds=LOOK_SECONDS)
        return procfs.connections_in(listing.output, endpoints)

    async def stop(self) -> None:
        """It serves on without us."""

    @staticmethod
    def _argv(config: str) -> list[str]:
        return [PROGRAM.name, "-e", "stderr", "-c", config]

    async def _look(self) -> list[_Process]:
        return _processes(await self._container.run(["sh", "-c", TITLES], seconds=LOOK_SECONDS))


def _processes(listing: Ended) -> list[_Process]:
    return [_Process(int(pid), int(parent), title) for pid, parent, title in _PROCESS.findall(listing.output)]


def _family(worker: int, processes: Sequence[_Process]) -> Mapping[int, str]:
    """A worker and the others of its master, with their titles; there may be other NGINXes in sight (`pid: host`)."""
    parents = {process.parent for process in processes if process.pid == worker}
    return {process.pid: process.title for process in processes if process.parent in parents}


async def _most_open_files(container: ProxyContainer) -> int:
    answer = (await container.run(["sh", "-c", "ulimit -H -n"], seconds=LOOK_SECONDS)).output.strip()
    if answer == "unlimited":
        return sys.maxsize
    if not answer.isdecimal():
        raise PermanentError(f"its container does not tell its limits: {shown(answer)}", fix="use an image that has sh")
    return int(answer)

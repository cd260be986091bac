"""Keeps our section of the hosts file as the routes are, and removes it at the end."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NoReturn

import structlog

from interlock.core.happenings import AnyHappening, EventSeen, PlanApplied, ReloadDone
from interlock.core.problems import InterlockError, PermanentError, shown
from interlock.host import files
from interlock.plugins.contract import ObserverContext
from interlock.plugins.hosts.section import with_section, without_section
from interlock.plugins.hosts.settings import HostsSettings

log = structlog.get_logger()

PAUSE = 0.5
"""Seconds between two looks at the routes, however much happens."""
LOOK_SECONDS = 60.0
"""After this long the file is looked at though nothing happened: somebody else may have written it."""


class Hosts:
    """Names of routed sites in a hosts file."""

    def __init__(self, context: ObserverContext) -> None:
        """Raises PermanentError: no file, or what is no IP address."""
        settings: HostsSettings = context.settings
        self._path = Path(settings.file).resolve()
        if not self._path.is_file():
            raise PermanentError(f"there is no file {shown(settings.file)}", fix="set HOSTS_FILE to a hosts file")
        if not settings.address:
            raise PermanentError("the names have no address", fix="set HOSTS_ADDRESS to the proxy's")
        self._addresses = tuple(map(_checked, settings.address))
        self._routes = context.routes
        self._changed = asyncio.Event()

    async def run(self, news: AsyncIterator[AnyHappening]) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep(), name="hosts file")
                async for happening in news:
                    touched = isinstance(happening, EventSeen) and happening.touched > 0
                    if touched or isinstance(happening, PlanApplied | ReloadDone):
                        self._changed.set()
        finally:
            self._rewrite(without_section)

    async def _keep(self) -> NoReturn:
        while True:
            self._rewrite(self._wanted)
            await asyncio.sleep(PAUSE)
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                continue
            self._changed.clear()

    def _wanted(self, text: str) -> str:
        return with_section(text, {route.host for route in self._routes().routes}, self._addresses)

    def _rewrite(self, change: Callable[[str], str]) -> None:
        """Replace the file if that changes it; a file that is mounted into a container is written in place.

        Raises PermanentError or TemporaryError: it cannot be read or written.
        """
        try:
            text = self._path.read_bytes().decode()
            status = self._path.stat()
        except (OSError, UnicodeDecodeError) as error:
            raise PermanentError(f"{self._path} cannot be read: {shown(str(error))}", fix="mend HOSTS_FILE") from error
        wanted = change(text)
        if wanted == text:
            return
        try:
            files.write(self._path, wanted, mode=status.st_mode & 0o7777, group=status.st_gid)
        except InterlockError as error:
            raise type(error)(error.what, fix="let Interlock write HOSTS_FILE, or name another file") from error
        log.info(f"[hosts] {self._path} is written")


def _checked(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        raise PermanentError(f"{shown(address)} is no IP address", fix="set HOSTS_ADDRESS to some") from None

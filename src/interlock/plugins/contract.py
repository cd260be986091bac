"""The promise of an observer plugin: it sees what happens, and has no say in the routes.

An observer runs in a thread and an event loop of its own, behind a queue of its own. One that is slow or blocks misses
news (how much is told), one that raises or ends is built and started again with growing pauses, and neither is noticed
by the proxies. What it is given may be used from its thread.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec
from prometheus_client import CollectorRegistry

from interlock.core.happenings import AnyHappening
from interlock.core.model import Container
from interlock.core.status import RoutesStatus, Status


class Observer(Protocol):
    """Sees what happens; built in the loop in which it runs."""

    async def run(self, news: AsyncIterator[AnyHappening]) -> None:
        """Follow the news until cancelled. To return is to fail, as raising is: it is started again, after a pause."""


class EngineReader(Protocol):
    """One engine, to look at only: nothing but GET ever reaches it."""

    @property
    def name(self) -> str:
        """As in settings, logs and metrics."""

    async def get(self, path: str) -> bytes:
        """The body of an answer, for a path of the Docker API without its version: ``/info``, ``/volumes``.

        Raises TemporaryError: the engine does not answer, or not with 200.
        """

    def stream(self, path: str) -> AsyncIterator[bytes]:
        """The JSON objects of an endless answer, such as ``/containers/ID/stats``, one by one; it ends with its end.

        Raises TemporaryError as `get` does, and when the answer breaks off.
        """


class ObserverContext(msgspec.Struct, frozen=True, kw_only=True):
    """What an observer plugin is given."""

    settings: Any
    """An instance of the plugin's own settings type."""
    state_dir: Path
    """Survives a restart; the plugin's own folder."""
    run_dir: Path
    """Sockets and locks; the plugin's own folder."""
    status: Callable[[], Status]
    """How Interlock is now."""
    routes: Callable[[], RoutesStatus]
    """What is routed now."""
    containers: Callable[[], tuple[Container, ...]]
    """What the engines are known to have now, sorted."""
    engines: Mapping[str, EngineReader]
    """By name."""
    metrics: CollectorRegistry
    """What is registered here is told by ``/metrics``; with names of the plugin's own. Empty at each start."""


class ObserverPlugin(msgspec.Struct, frozen=True, kw_only=True):
    """What the entry-point group ``interlock.plugins`` holds for an observer."""

    name: str
    version: str
    description: str
    url: str
    settings: type[Any]
    """A frozen msgspec struct whose fields carry `interlock.settings.Option`."""
    build: Callable[[ObserverContext], Observer]

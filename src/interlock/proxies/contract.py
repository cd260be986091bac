"""The promise on the workshop door: what a proxy plugin must do.

A proxy is driven by one task: `prepare` once, then any number of `observe` and `apply`, then `close`. `apply` may be
called for live steps while an earlier `apply` of a `Reload` is still under way, never otherwise at the same time.
`observe` and `sessions` only look: others may call them at any time after `prepare`.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import msgspec

from interlock.core.model import Match, Options, Route, RouteTable
from interlock.core.plan import Abilities, Serving, ServingRoute, Step
from interlock.core.problems import Problem
from interlock.core.traffic import RouteCounters
from interlock.host.process import Ended


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A route that the proxy's own check would not load, found and left out."""

    match: Match
    shape: str
    why: str
    """What the proxy's check said, one printable line."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an `apply`."""

    reloaded: bool = False
    refused: tuple[Refused, ...] = ()


class Proxy(Protocol):
    """Serves routes."""

    @property
    def abilities(self) -> Abilities:
        """What it can do; known once `prepare` has returned."""

    async def prepare(self) -> None:
        """Make the proxy run, from its last good configuration if there is one.

        Raises:
            PermanentError: it cannot run until the operator changes something (no binary, port taken).
            TemporaryError: it may run later.
        """

    async def observe(self, matches: Collection[Match] | None) -> Serving:
        """What is served for these matches (None: for all), as the proxy itself says. A match it lacks is absent.

        Raises:
            TemporaryError: the proxy does not answer now.
        """

    async def sessions(self, match: Match) -> Mapping[str, int]:
        """How many requests (or upgraded connections) each server of a match has under way, by server name.

        Those count too that an earlier configuration of the proxy still serves. A server without any may be absent.

        Raises:
            TemporaryError: the proxy does not answer now.
        """

    async def apply(self, steps: Sequence[Step], table: RouteTable) -> Outcome:
        """Perform the steps in order. `table` is everything wanted, for a `Reload` and for what is written to disk.

        Raises:
            TemporaryError: some steps may not have been performed; observe and plan again.
        """

    def refresh(self) -> str:
        """Read again what the operator may have changed on disk (certificates); the reason for a reload, or ""."""

    async def close(self) -> None:
        """Let requests under way finish for a bounded time, then stop."""

    def problems(self, route: Route | None) -> tuple[Problem, ...]:
        """What a route asks for that this proxy cannot do as it is set up; for None, what is wrong with itself."""


@runtime_checkable
class SeatsRoutes(Protocol):
    """A proxy that may serve a new route before it has loaded anything for it."""

    def seat(self, match: Match, options: Options) -> ServingRoute | None:
        """Set a backend apart for a match that is not served: what is served for it then. None: it takes a reload."""

    def overdue(self) -> str:
        """Why a reload should follow by and by, although all is served; "" for none."""


@runtime_checkable
class CountsTraffic(Protocol):
    """A proxy that counts requests for each of its servers."""

    async def traffic(self) -> Mapping[Match, RouteCounters]:
        """What it has counted since its process began. A route that it has no numbers of may be absent.

        It only looks, as `observe` does, and holds up no step: the answer may be long.

        Raises:
            TemporaryError: the proxy does not answer now.
        """


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a plugin is given to build its proxy."""

    name: str
    """What the proxy is called in status, metrics and log: the plugin's name, unless it runs in a container."""
    settings: Any
    """An instance of the plugin's own settings type."""
    state_dir: Path
    """Survives a restart; the plugin's own folder."""
    run_dir: Path
    """Sockets and locks; the plugin's own folder."""
    look_again: Callable[[], None]
    """To be called when what is served may have changed by itself: the proxy was restarted."""


class ProxyContainer(Protocol):
    """A container of the operator's that a proxy runs in, which is configured from outside."""

    async def run(self, argv: Sequence[str], *, seconds: float) -> Ended:
        """Run a program in it, as its user, to the end.

        Raises:
            PermanentError: the engine does not allow it.
            TemporaryError: it did not end in time, or the container does not run.
        """


def seats_nobody(_new: Mapping[Match, Options], _hosts: Collection[str]) -> Collection[Match]:
    """The answer of a proxy that loads a configuration for every new route."""
    return ()


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a configuration, by name, without the secrets in them; and what would be done without loading it."""

    files: Mapping[str, str]
    """As they would be written."""
    on_disk: Mapping[str, str]
    """As they were written last, as far as they are there and ours to read."""
    live_servers: bool = True
    """As in `Abilities`, of the proxy that was found here."""
    seats: Callable[[Mapping[Match, Options], Collection[str]], Collection[Match]] = seats_nobody
    """Which new routes :meth:`SeatsRoutes.seat` would most likely take, beside hosts that are served already."""


class Plugin(msgspec.Struct, frozen=True, kw_only=True):
    """What the entry-point group ``interlock.plugins`` holds."""

    name: str
    version: str
    description: str
    url: str
    settings: type[Any]
    """A frozen msgspec struct whose fields carry `interlock.settings.Option`."""
    build: Callable[[Context], Proxy]
    build_in: Callable[[Context, ProxyContainer], Proxy] | None = None
    """The same for a proxy in a container, which sees the context's folders under the same paths as we do.

    None where the plugin always runs its proxy itself.
    """
    override_address: Callable[[Any], str] = lambda _settings: ""
    """The address that replaces a published port's, from the plugin's settings; "" for none."""
    preview: Callable[[Context, RouteTable], Awaitable[Preview]] | None = None
    """The configuration that it would write for a table. It touches neither the proxy nor the context's folders.

    Raises PermanentError, TemporaryError. None where there is no configuration to look at.
    """

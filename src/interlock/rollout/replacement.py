"""One container replaced by its successor: start, wait until it serves, drain the old one, and only then stop that.

Whatever ends it early leaves every container either in rotation or gone: a successor that does not serve yet is
removed, one that does stays, and a predecessor that is being drained is put back, unless its stop has begun; that is
then carried through.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from types import MappingProxyType
from typing import Any

import msgspec

from interlock.core.model import ServerState
from interlock.core.problems import InterlockError, shown
from interlock.core.status import ContainerStatus
from interlock.rollout.client import DeployClient
from interlock.rollout.clone import Clone
from interlock.rollout.documents import Inspected
from interlock.rollout.events import Event, NeverReadyError, Step
from interlock.rollout.members import Name
from interlock.rollout.traffic import POLL_SECONDS, Traffic, until_idle

DEFAULT_STOP_TIMEOUT = 10
"""Seconds; Docker's, for a container that has none of its own."""


class Replacement(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done."""

    old: Inspected
    clone: Clone
    name: Name


class Replacer:
    """Carries out replacements."""

    def __init__(
        self, client: DeployClient, traffic: Traffic, *, timeout: float, tell: Callable[[Event], None]
    ) -> None:
        """`timeout` in seconds, for a new container to get ready, and again for the old one's requests to end."""
        self._client = client
        self._traffic = traffic
        self._timeout = timeout
        self._tell = tell

    async def replace(self, replacement: Replacement) -> None:
        """Replace one.

        Raises NeverReadyError where the new one does not get ready, else TemporaryError or PermanentError.
        """
        old, name = replacement.old, replacement.name
        made: list[str] = []
        try:
            await _carried_through(self._create(replacement, made))
            await self._start(made[0], replacement)
            await self._until_ready(made[0], name.now)
        except BaseException as error:
            for id_ in made:
                await self._give_up(id_, name.now, old.name, error)
            raise
        self._tell(Event(Step.READY, name.now, id=made[0], replaces=old.name))
        await self._retire(old)
        if name.afterwards != name.now:
            await self._client.rename(made[0], name.afterwards)
            self._tell(Event(Step.RENAMED, name.afterwards, id=made[0], reason=f"was {name.now}"))

    async def _create(self, replacement: Replacement, made: list[str]) -> None:
        clone = replacement.clone
        made.append(await self._client.create(clone.name, clone.body))
        self._tell(Event(Step.CREATED, clone.name, id=made[0], replaces=replacement.old.name))

    async def _start(self, id_: str, replacement: Replacement) -> None:
        for network, endpoint in replacement.clone.networks.items():
            await self._client.attach(network, id_, endpoint)
        await self._client.start(id_)
        self._tell(Event(Step.STARTED, replacement.clone.name, id=id_, replaces=replacement.old.name))

    async def _until_ready(self, id_: str, name: str) -> None:
        """Return once every proxy sends it requests. Raises NeverReadyError."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._timeout
        while True:
            status, why = await self._look(id_)
            if status is not None and status.in_rotation:
                return
            document = await self._client.inspect(id_)
            if (end := _end_of(document)) or clock() >= deadline:
                reason = end or f"it is not in rotation after {self._timeout:g} s: {why or _waits_for(status)}"
                log = tuple(await self._client.last_lines(id_)) if document is not None else ()
                raise NeverReadyError(
                    f"the new container {shown(name)} does not get ready: {reason}",
                    fix="mend that and try again; what ran before serves on",
                    log=log,
                )
            await asyncio.sleep(POLL_SECONDS)

    async def _look(self, id_: str) -> tuple[ContainerStatus | None, str]:
        """What Interlock says of it, and why it says nothing."""
        try:
            return await self._traffic.look(id_), ""
        except InterlockError as error:
            return None, error.what

    async def _give_up(self, id_: str, name: str, replaces: str, error: BaseException) -> None:
        """Remove a new container that does not serve; it may have had requests on some of its routes."""
        reason = error.what if isinstance(error, InterlockError) else "the rollout was ended early"
        log = error.log if isinstance(error, NeverReadyError) else ()
        self._tell(Event(Step.FAILED, name, id=id_, replaces=replaces, reason=reason, log=log))
        status, _ = await self._look(id_)
        if status is not None and any(place.in_rotation for place in status.places):
            with contextlib.suppress(InterlockError):  # it has to go in any case
                await self._traffic.drain(id_)
                await until_idle(self._traffic, id_, seconds=self._timeout)
        await self._client.remove(id_)
        self._tell(Event(Step.REMOVED, name, id=id_))

    async def _retire(self, old: Inspected) -> None:
        """Out of rotation, then idle, then stopped and removed."""
        try:
            await _carried_through(self._traffic.drain(old.Id))
            status = await self._traffic.look(old.Id)
            self._tell(Event(Step.DRAINING, old.name, id=old.Id, sessions=status.sessions if status is not None else 0))
            left = await until_idle(self._traffic, old.Id, seconds=self._timeout)
        except BaseException:
            await self._restore(old)
            raise
        if left:
            self._tell(Event(Step.IMPATIENT, old.name, id=old.Id, sessions=left))
        await _carried_through(self._stop(old))

    async def _restore(self, old: Inspected) -> None:
        try:
            await self._traffic.undrain(old.Id)
        except InterlockError as error:
            self._tell(Event(Step.LEFT_DRAINED, old.name, id=old.Id, reason=error.what))
        else:
            self._tell(Event(Step.RESTORED, old.name, id=old.Id))

    async def _stop(self, old: Inspected) -> None:
        stop_timeout = old.Config.get("StopTimeout")
        await self._client.stop(old.Id, stop_timeout=DEFAULT_STOP_TIMEOUT if stop_timeout is None else stop_timeout)
        self._tell(Event(Step.STOPPED, old.name, id=old.Id))
        await self._client.remove(old.Id)
        self._tell(Event(Step.REMOVED, old.name, id=old.Id))


async def _carried_through(work: Coroutine[Any, Any, None]) -> None:
    """Finish what cannot be left half done; a cancellation that comes meanwhile counts after it."""
    under_way = asyncio.gather(work)
    try:
        await asyncio.shield(under_way)
    except asyncio.CancelledError:
        await under_way
        raise


def _end_of(document: Inspected | None) -> str:
    """Why a container will not get ready any more; "" while it may."""
    if document is None:
        return "somebody removed it"
    state = document.State
    if state.Status in {"exited", "dead", "restarting"} or document.RestartCount:
        memory = ", out of memory" if state.OOMKilled else ""
        error = f": {shown(state.Error)}" if state.Error else ""
        return f"it exited with code {state.ExitCode}{memory}{error}"
    if state.Health is not None and state.Health.Status == "unhealthy":
        return "its HEALTHCHECK says that it is unhealthy"
    return ""


def _waits_for(status: ContainerStatus | None) -> str:
    """What a container that runs is still without."""
    if status is None:
        return "Interlock has not heard of it"
    if status.problems:
        return status.problems[0].sentence()
    if not status.places:
        return "it asks for no route"
    waiting = next(place for place in status.places if not place.in_rotation)
    return _WAITING[waiting.state].format(place=waiting)


_WAITING = MappingProxyType(
    {
        ServerState.READY: "its proxy does not serve {place.address} yet",
        ServerState.PROBING: "nobody answers at {place.address}",
        ServerState.STARTING: "its HEALTHCHECK has not passed yet",
        ServerState.DOWN: "it is paused or unhealthy",
        ServerState.DRAINING: "it was told to stop, or the operator drained it",
    }
)
"""Why a server in that state takes no requests."""

"""What the API may look at and order. Whoever builds it hands in one of these; it knows nobody else."""

from collections.abc import AsyncGenerator
from typing import Protocol

from interlock.core.decisions import Explanation
from interlock.core.revision_status import Difference, HistoryStatus, RevisionStatus
from interlock.core.route_changes import RoutesSince
from interlock.core.status import ContainerStatus, Receipt, RoutesStatus, Status
from interlock.core.targets import Names
from interlock.core.trace import Trace
from interlock.core.traffic import Traffic


class Timeline(Protocol):
    """Tells what was, and holds what is. Raises UnknownRevisionError where no revision of a number is kept.

    Each order raises PermanentError where it makes no sense, and TemporaryError where it was not confirmed in time.
    """

    def revisions(self, limit: int) -> HistoryStatus: ...

    def revision(self, number: int) -> RevisionStatus: ...

    def difference(self, before: int, now: int) -> Difference: ...

    async def rollback(self, number: int, until: str) -> Receipt: ...

    async def unpin(self) -> Receipt: ...

    async def freeze(self, until: str) -> Receipt: ...

    async def unfreeze(self) -> Receipt: ...


class Changes(Protocol):
    """Tells which routes are otherwise than at an earlier look."""

    def since(self, at: str) -> RoutesSince: ...


class Recorder(Protocol):
    """Records what comes in. Raises TemporaryError at the first line where too many do."""

    def lines(self, limit: int) -> AsyncGenerator[bytes]: ...


class Orders(Protocol):
    """Takes orders.

    Each order raises UnknownTargetError where nobody is called so, PermanentError where it makes no sense, and
    TemporaryError where it could not be confirmed in time.
    """

    @property
    def timeline(self) -> Timeline: ...

    @property
    def recorder(self) -> Recorder: ...

    @property
    def changes(self) -> Changes: ...

    def status(self) -> Status: ...

    def routes(self) -> RoutesStatus: ...

    def names(self) -> Names: ...

    async def containers(self, who: str) -> tuple[ContainerStatus, ...]: ...

    async def explain(self, who: str) -> tuple[Explanation, ...]: ...

    async def trace(self, url: str) -> Trace: ...

    async def traffic(self) -> Traffic: ...

    async def drain(self, who: str) -> Receipt: ...

    async def undrain(self, who: str) -> Receipt: ...

    async def weigh(self, who: str, weight: int | None) -> Receipt: ...

    async def close(self, host: str, message: str, until: str) -> Receipt: ...

    async def confirm(self) -> Receipt: ...

    async def reopen(self, host: str) -> Receipt: ...

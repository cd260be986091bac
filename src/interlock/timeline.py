"""What was, for whoever asks: the revisions and their differences; and the orders to go back there, or to stay here."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from interlock.core.holds import frozen, pinned
from interlock.core.model import Match, Route
from interlock.core.overrides import Overrides, checked_end
from interlock.core.problems import PermanentError
from interlock.core.revision_status import (
    Difference,
    HistoryStatus,
    RevisionStatus,
    revision_status,
    route_changes,
    summary,
)
from interlock.core.routes import Routes
from interlock.core.status import Receipt
from interlock.history import History

MOST_WARNINGS = 20
"""Routes that a receipt warns of one by one."""


class Timeline:
    """Tells of the revisions of one Interlock, and takes the orders about them."""

    def __init__(self, history: History, routes: Routes, hold: Callable[[Overrides], Awaitable[list[str]]]) -> None:
        """`hold` puts orders in force and waits until the proxies serve them; it returns what may surprise."""
        self._ledger = history.ledger
        self._routes = routes
        self._hold = hold

    def revisions(self, limit: int) -> HistoryStatus:
        """The last ones, the newest first."""
        kept = self._ledger.revisions
        return HistoryStatus(revisions=tuple(summary(kept[-place]) for place in range(1, min(limit, len(kept)) + 1)))

    def revision(self, number: int) -> RevisionStatus:
        """Raises UnknownRevisionError."""
        return revision_status(self._ledger.get(number))

    def difference(self, before: int, now: int) -> Difference:
        """Raises UnknownRevisionError."""
        return Difference(before=before, now=now, changes=route_changes(self._ledger.diff(before, now)))

    async def rollback(self, number: int, until: str) -> Receipt:
        """Serve the routes of a revision until `unpin`. Raises UnknownRevisionError, PermanentError, TemporaryError."""
        then = self._ledger.table_of(number)
        end = checked_end(until, now=datetime.now(UTC))
        before = dict(self._routes.table.items())
        receipt = await self._carry_out(msgspec.structs.replace(self._orders, pin=pinned(then, number, end)))
        missing = list(_missing(before, then, self._routes.table, number))
        told = missing[:MOST_WARNINGS]
        if len(missing) > MOST_WARNINGS:
            told.append(f"and {len(missing) - MOST_WARNINGS} more routes")
        return msgspec.structs.replace(receipt, warnings=(*told, *receipt.warnings))

    async def unpin(self) -> Receipt:
        """Serve what the containers ask for now. Raises PermanentError, TemporaryError."""
        if self._orders.pin is None:
            raise PermanentError("the routes are not pinned to a revision", fix="nothing to do")
        return await self._carry_out(msgspec.structs.replace(self._orders, pin=None))

    async def freeze(self, until: str) -> Receipt:
        """Hold the routes and their options as they are now; those that are frozen already, only until another time.

        Raises PermanentError, TemporaryError.
        """
        end = checked_end(until, now=datetime.now(UTC))
        if not end:
            raise PermanentError("the routes would be frozen for ever", fix="say how long, as in --for 2h")
        known = self._orders.freeze
        hold = frozen(self._routes.table, end) if known is None else msgspec.structs.replace(known, until=end)
        return await self._carry_out(msgspec.structs.replace(self._orders, freeze=hold))

    async def unfreeze(self) -> Receipt:
        """Raises PermanentError, TemporaryError."""
        if self._orders.freeze is None:
            raise PermanentError("the routes are not frozen", fix="nothing to do")
        return await self._carry_out(msgspec.structs.replace(self._orders, freeze=None))

    @property
    def _orders(self) -> Overrides:
        return self._routes.world.overrides

    async def _carry_out(self, orders: Overrides) -> Receipt:
        before = dict(self._routes.table.items())
        warnings = await self._hold(orders)
        now = self._routes.table
        changed = sorted(match for match in before.keys() | now.keys() if before.get(match) != now.get(match))
        return Receipt(routes=tuple(map(str, changed)), warnings=tuple(warnings))


def _missing(
    before: Mapping[Match, Route], then: Mapping[Match, Route], now: Mapping[Match, Route], number: int
) -> Iterator[str]:
    """What a rollback does not bring back, or takes away."""
    for match in sorted(then):
        had = {server.container for server in then[match].backend.servers}
        servers = now[match].backend.servers if match in now else ()
        left = sum(server.container in had for server in servers)
        if had and not left:
            what = "those that ask for it now serve it" if servers else "it answers 503"
            yield f"{match}: none of its servers of revision {number} is there any more; {what}"
        elif left < len(had):
            yield f"{match}: {left} of its {len(had)} servers of revision {number} are there"
        elif not had and match in before and before[match].backend.servers:
            yield f"{match} has no server at revision {number}, and answers 503"
    for match in sorted(before.keys() - then.keys()):
        if before[match].backend.servers:
            yield f"{match} is not in revision {number}, and not routed until `interlock unpin`"
